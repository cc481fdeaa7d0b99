/* tests/proxy/call.c - calls whose hosts speak HTTP, and their patience. */

#include "calls.h"
#include "proxy/call.c"


/* As a plain request. */
static int
test_plain(int client)
{
    int         origin;
    const char *heard;

    call_say(client, "req 7 hi");
    origin = gate_accept();
    heard = gate_hear(origin);
    has(heard, "POST /s", "a call of a host that speaks HTTP is a POST");
    has(heard, "\r\n\r\nhi", "with the body of the call");
    gate_say(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nyo");
    call_hears(client, "res 7 0 yo", "its answer is a response");
    call_say(client, "req 8 hi");
    (void) gate_hear(origin);
    gate_say(origin, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    has(call_told(client), "res 8 4", "503 is the protocol's own word");
    return origin;
}


/* Who calls says how long he waits. */
static void
test_patience(int client, int origin)
{
    uint8_t frame[256];
    size_t  n = call_frame(frame, CALL_REQ, 9, 0, "hi", 2);

    (void) call_put(frame + 10, 30, 4); /* milliseconds */
    call_send(client, frame, n);
    has(gate_hear(origin), "POST /s", "a call with a timeout");
    call_hears(client, "", "waits");
    call_awaits(client, "res 9 7", "until that, and is told");
    has(gate_hear(origin), "(end)", "the host's connection is given up");
    n = call_frame(frame, CALL_REQ, 10, 0, "hi", 2);
    (void) call_put(frame + 10, UINT32_MAX, 4);
    (void) close(origin);
    call_send(client, frame, n);
    origin = gate_accept();
    has(gate_hear(origin), "POST /s", "a timeout below 0 is none");
    gate_say(origin, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    call_hears(client, "res 10 0", "it is answered");
    (void) close(origin);
}


/* The answer to a frame has a frame in it. */
static void
test_carried(void)
{
    mosn_request_t r = { .carried = true };
    mosn_message_t m = { .status = 200 };

    mosn_request_check_carried(&r, &m);
    ok(m.ours && m.reason == MOSN_REASON_UPSTREAM_BAD_RESPONSE,
       "200 without a frame in it is no answer");
    m = (mosn_message_t){ .status = 404 };
    mosn_request_check_carried(&r, &m);
    ok(m.ours && m.reason == MOSN_REASON_NONE, "404 is one of a proxy");
    r.carried = false;
    m = (mosn_message_t){ .status = 200 };
    mosn_request_check_carried(&r, &m);
    ok(!m.ours, "what was no frame needs none");
}


int
main(void)
{
    int client, origin;

    gate_open("{ type = \"proxy\"; downstream_protocol = \"bolt\"; routes = "
              "\"main\"; }",
              "{ route = { cluster = \"c\"; }; }",
              "protocol = \"http1\"; carry_calls = false;");
    client = gate_client();
    origin = test_plain(client);
    test_patience(client, origin);
    test_carried();
    (void) close(client);
    gate_turns(3);
    gate_close();
    return done_testing();
}
