/* tests/handover.c - connections go from one listener to another one. */

#include "gate.h"
#include "../src/handover.c"

static unsigned             ready;
static mosn_listener_t      heir;
static mosn_accept_limits_t heir_limits;


static void
on_ready(void *owner)
{
    (void) owner;
    ready++;
}


static mosn_conn_t *
first_of(mosn_listener_t *l)
{
    return mosn_list_is_empty(&l->connections)
               ? NULL
               : mosn_container_of(l->connections.next, mosn_conn_t, link);
}


static mosn_conn_t *
newest_of(mosn_listener_t *l)
{
    return mosn_container_of(l->connections.prev, mosn_conn_t, link);
}


int
main(void)
{
    mosn_bequest_t b = { .lane = NULL };
    mosn_list_t    heirs;
    mosn_conn_t   *conn;
    int            fds[2], client, half, moving;

    gate_open("{ type = \"proxy\"; routes = \"main\"; }",
              "{ respond = { body = \"fine\"; }; }", "");
    mosn_list_init(&heirs);
    heir_limits.max_connections = 10;
    (void) mosn_listener_start(&heir, &gate_loop,
                               &gate_settings->listeners.items[0],
                               &heir_limits, gate_listen_fd);
    mosn_listener_stop(&heir, false); /* it takes, it does not accept */

    client = gate_client();
    gate_say(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(client), "fine", "the elder answers");
    half = gate_client();
    gate_say(half, "GET / HTTP/1.1\r\n");
    is_num(gate_limits.n_connections, 2, "two connections are the elder's");
    conn = first_of(&gate_listener);
    ok(mosn_listener_give(conn, NULL, NULL) == MOSN_DECLINED,
       "nobody takes them yet");

    (void) mosn_socket_pair(fds);
    mosn_bequest_start(&b, &gate_loop, fds[0], &gate_listener, 1, on_ready,
                       NULL);
    gate_turns(2);
    ok(ready == 0 && mosn_listener_give(conn, NULL, NULL) == MOSN_AGAIN,
       "the heir has not said what it serves");
    mosn_inherit_start(&heirs, &gate_loop, fds[1], &heir, 1);
    gate_turns(3);
    is_num(ready, 1, "now it has");

    mosn_listener_drain(&gate_listener);
    gate_turns(3);
    is_num(gate_limits.n_connections, 1, "the one at rest has gone");
    is_num(heir_limits.n_connections, 1, "to the heir");
    is_num((long long) b.n_given, 1, "it is counted");
    gate_say(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(client), "fine", "which answers on it");
    gate_say(half, "Host: a\r\n\r\n");
    has(gate_hear(half), "Connection: close", "the other ends with close");

    /* One that is answered here while the heir reads it. */
    moving = gate_client();
    gate_say(moving, "GET / HT");
    gate_turns(2);
    conn = newest_of(&gate_listener);
    ok(mosn_listener_move(conn) == MOSN_OK && conn->fd == -1, "one moves");
    gate_turns(2);
    is_num(heir_limits.n_connections, 2, "to the heir");
    is_num(newest_of(&heir)->n_feeders, 1, "which knows that we answer too");
    mosn_conn_write(conn, "ours, ", 6);
    gate_turns(2);
    has(gate_hear(moving), "ours, ", "what we write comes through");
    gate_say(moving, "TP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(moving), "fine", "what was read went with it");
    b.lane->full = true; /* there is no room for an END */
    mosn_conn_close(conn, MOSN_REASON_NONE);
    gate_turns(2);
    ok(!mosn_bequests_are_told() && newest_of(&heir)->n_feeders == 1,
       "an END waits for room");
    b.lane->full = false;
    lane_flush(b.lane);
    gate_turns(2);
    ok(mosn_bequests_are_told() && newest_of(&heir)->n_feeders == 0,
       "and is not lost");

    (void) close(moving);
    (void) close(client);
    (void) close(half);
    gate_turns(3);
    is_num(gate_limits.n_connections + heir_limits.n_connections, 0,
           "none is left");
    mosn_bequest_end(&b);
    gate_turns(3);
    ok(mosn_list_is_empty(&heirs), "the heir hears that the elder is gone");
    gate_close();
    return done_testing();
}
