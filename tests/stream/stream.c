/* tests/stream/stream.c - a stream connection hears its connection. */

#include "tap.h"
#include "stream/stream.c"

static unsigned          reads, events;
static mosn_conn_event_e last;


static mosn_verdict_e
on_read(mosn_stream_conn_t *sc)
{
    (void) sc;
    reads++;
    return MOSN_PAUSE;
}


static void
on_event(mosn_stream_conn_t *sc, mosn_conn_event_e event)
{
    (void) sc;
    events++;
    last = event;
}

static const mosn_stream_conn_ops_t ops = { .on_read = on_read,
                                            .on_event = on_event };


int
main(void)
{
    mosn_conn_t        conn = { .pool = mosn_pool_create(MOSN_POOL_CONN) };
    mosn_stream_conn_t sc = { .ops = &ops, .conn = &conn };

    mosn_list_init(&conn.observers);
    mosn_stream_client_attach(&sc);
    ok(conn.filters != NULL && conn.filters->ops->terminal,
       "it is the last filter of its connection");
    ok(conn.hears_out, "an answer in front of a reset is read");
    is_num(conn.filters->ops->on_read(conn.filters, &conn), MOSN_PAUSE,
           "what it says to bytes");
    is_num(reads, 1, "it is told of them");
    mosn_conn_notify(&conn, MOSN_CONN_DRAINED);
    is_num(events, 1, "and of events");
    is_num(last, MOSN_CONN_DRAINED, "which");
    mosn_pool_destroy(&conn.pool);
    return done_testing();
}
