/* tests/event/listener.c - accepts, limits, observers, drain. */

#include "tap.h"
#include "event/listener.c"

static mosn_loop_t          loop;
static mosn_accept_limits_t limits = { .max_connections = 2 };
static mosn_listener_t      listener;
static unsigned             opened, drained, events[4];


static mosn_rc_e
on_open(mosn_net_filter_t *f, mosn_conn_t *conn)
{
    (void) f;
    (void) conn;
    opened++;
    return MOSN_OK;
}


static mosn_verdict_e
on_read(mosn_net_filter_t *f, mosn_conn_t *conn)
{
    (void) f;
    if (conn->eof) {
        mosn_conn_close(conn, MOSN_REASON_CLIENT_CLOSED);
        return MOSN_END;
    }
    return MOSN_NEXT;
}


static void
on_event(mosn_net_filter_t *f, mosn_conn_t *conn, mosn_conn_event_e event)
{
    (void) f;
    (void) conn;
    drained += event == MOSN_CONN_DRAIN;
}


static const mosn_net_filter_ops_t ops = {
    .on_open = on_open,
    .on_read = on_read,
    .on_event = on_event,
    .refusal = MOSN_STR_INIT("full\n"),
    .terminal = true,
};
static const mosn_module_t  module = { MOSN_NET_FILTER, "test", &ops };
static mosn_conf_module_t   item = { .module = &module };
static mosn_listener_conf_t conf = {
    .name = MOSN_STR_INIT("test"),
    .send_timeout_ms = 1000,
    .filters = { .items = &item, .n = 1 },
};


static void
observe(mosn_listener_observer_t *o, mosn_listener_t *l,
        mosn_listener_event_e event, mosn_conn_t *conn)
{
    (void) o;
    (void) l;
    (void) conn;
    events[event]++;
}


static void
turns(int n)
{
    for (int i = 0; i < n; i++) {
        mosn_loop_turn(&loop, 5);
    }
}


int
main(void)
{
    mosn_listener_observer_t observer = { .on_event = observe };
    mosn_address_t           address;
    socklen_t                len = sizeof(address.inet);
    char                     text[16] = "";
    int                      fd, clients[3];

    (void) mosn_log_open("/dev/null", MOSN_LOG_INFO);
    (void) mosn_address_parse("127.0.0.1:0", 11, &address);
    fd = mosn_socket_listen(&address, 16, true);
    (void) getsockname(fd, &address.sa, &len);
    if (fd == -1 || mosn_loop_init(&loop) != MOSN_OK) {
        return 1;
    }
    mosn_listener_make_chains(&conf);
    ok(mosn_listener_start(&listener, &loop, &conf, &limits, fd) == MOSN_OK,
       "start");
    mosn_listener_observe(&listener, &observer);
    for (int i = 0; i < 3; i++) {
        clients[i] = mosn_socket_connect(&address);
        turns(3);
    }
    is_num(opened, 2, "two connections are served");
    is_num(events[MOSN_LISTENER_ACCEPTED], 2, "observers hear of them");
    is_num(events[MOSN_LISTENER_REFUSED], 1, "and of the one too many");
    ok(recv(clients[2], text, sizeof(text), 0) == 5
           && strcmp(text, "full\n") == 0,
       "which is told so");

    (void) close(clients[0]);
    turns(3);
    is_num(limits.n_connections, 1, "one left, one place is free");
    mosn_listener_drain(&listener);
    is_num(drained, 1, "drain is told to who is there");
    mosn_listener_stop(&listener, true);
    is_num(events[MOSN_LISTENER_STOPPED], 1, "stopped");
    mosn_listener_close_all(&listener, MOSN_REASON_DRAINING);
    is_num(limits.n_connections, 0, "all closed");
    turns(1);
    (void) close(clients[1]);
    (void) close(clients[2]);
    (void) close(fd);
    mosn_loop_fini(&loop);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
