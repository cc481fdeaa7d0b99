/* tests/proxy/repeat.c - what may be sent again, and what may not. */

#include "tap.h"
#include "../../src/proxy/repeat.c"


int
main(void)
{
    mosn_conn_t         conn = { .bytes_out = 100 };
    mosn_stream_t       up = { .conn = &conn, .first_byte = 50 };
    mosn_message_t      head = { .method_id = MOSN_METHOD_POST };
    mosn_forward_conf_t forward = { 0 };
    mosn_route_conf_t   conf = { .route = &forward };
    mosn_route_t        route = { .conf = &conf };
    mosn_request_t      r = {
             .head = &head, .route = &route, .replayable = true, .attempts = 1
    };

    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "a POST that was sent may have been executed");
    ok(mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_REFUSED),
       "not when it was refused");
    forward.retry_lost = true;
    ok(mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "retry_lost takes that risk");
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_TIMEOUT),
       "but a host that is slow is not asked twice");
    forward.retry_lost = false;
    up.first_byte = 100;
    ok(mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_RESET),
       "nothing of it has left");
    up.first_byte = 50;
    head.method_id = MOSN_METHOD_GET;
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "a GET on a fresh connection");
    up.reused = true;
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_RESET),
       "a stream of a connection that lives");
    conn.closed = true;
    ok(mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "and one of a kept connection that does not");
    r.repeated = true;
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "which is not done twice");
    r.repeated = false;
    r.attempts = MOSN_REQUEST_MAX_ATTEMPTS;
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "not for ever");
    r.attempts = 1;
    r.responded = true;
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "never once the client has heard something");
    r.responded = false;
    r.replayable = false;
    ok(!mosn_request_may_repeat(&r, &up, MOSN_REASON_UPSTREAM_CLOSED),
       "nor without its body");
    return done_testing();
}
