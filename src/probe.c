/* probe.c - a connection to ourselves. */

#include "probe.h"

#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <unistd.h>

#define CONNECT_MS 5000u

static const char probe_word[] = "are you there";

/* One a worker, once in its life. */
static struct {
    mosn_loop_t         *loop;
    mosn_listener_t      listener;
    mosn_listener_conf_t conf;
    mosn_conf_module_t   filter;
    mosn_accept_limits_t limits;
    mosn_address_t       address;
    mosn_task_t          finish;
    int                  fd;
    void (*on_passed)(void *);
    void *owner;
} probe;


/* Sends back what comes. */
static mosn_verdict_e
probe_echo(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    (void) filter;
    mosn_conn_write(conn, conn->in.pos, mosn_buf_len(&conn->in));
    conn->in.pos = conn->in.last;
    if (conn->eof) {
        mosn_conn_close(conn, MOSN_REASON_NONE);
    }
    return MOSN_END;
}


static const mosn_net_filter_ops_t probe_server = { .on_read = probe_echo,
                                                    .terminal = true };

static const mosn_module_t probe_module = { .kind = MOSN_NET_FILTER,
                                            .name = "probe",
                                            .ops = &probe_server };


static void
probe_finish(mosn_task_t *task MOSN_UNUSED)
{
    mosn_listener_stop(&probe.listener, false);
    mosn_listener_close_all(&probe.listener, MOSN_REASON_NONE);
    (void) close(probe.fd);
    probe.on_passed(probe.owner);
}


static mosn_verdict_e
probe_hear(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    size_t n = mosn_buf_len(&conn->in);

    (void) filter;
    if (n < sizeof(probe_word) && !conn->eof) {
        return MOSN_NEXT;
    }
    if (n == sizeof(probe_word)
        && memcmp(conn->in.pos, probe_word, sizeof(probe_word)) == 0)
    {
        mosn_loop_post(probe.loop, &probe.finish);
    }
    mosn_conn_close(conn, MOSN_REASON_NONE);
    return MOSN_END;
}


static void
probe_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
               mosn_conn_event_e event)
{
    (void) filter;
    if (event == MOSN_CONN_CONNECTED) {
        mosn_conn_write(conn, probe_word, sizeof(probe_word));
    } else if (event == MOSN_CONN_CLOSED && conn->connecting) {
        mosn_log_alert(0, "cannot connect to ourselves");
    }
}


static const mosn_net_filter_ops_t probe_client = {
    .on_read = probe_hear,
    .on_event = probe_on_event,
    .terminal = true,
};


/* The kernel gives a socket without a name one of its own. */
static int
probe_listen(mosn_address_t *address_r)
{
    mosn_address_t any = { .len = sizeof(sa_family_t),
                           .sa.sa_family = AF_UNIX };
    int            fd = mosn_socket_listen(&any, 4, false);

    if (fd != -1 && !mosn_socket_name(fd, address_r)) {
        (void) close(fd);
        fd = -1;
    }
    return fd;
}


mosn_rc_e
mosn_probe_start(mosn_loop_t *loop, void (*on_passed)(void *), void *owner)
{
    mosn_conn_t *conn;

    probe.loop = loop;
    probe.on_passed = on_passed;
    probe.owner = owner;
    probe.filter.module = &probe_module;
    probe.conf.name = MOSN_STR("probe");
    probe.conf.send_timeout_ms = CONNECT_MS;
    probe.conf.filters.items = &probe.filter;
    probe.conf.filters.n = 1;
    mosn_listener_make_chains(&probe.conf);
    probe.limits.max_connections = 4;
    mosn_task_init(&probe.finish, probe_finish);

    probe.fd = probe_listen(&probe.address);
    if (probe.fd == -1
        || mosn_listener_start(&probe.listener, loop, &probe.conf,
                               &probe.limits, probe.fd)
               != MOSN_OK)
    {
        mosn_log_alert(errno, "cannot listen for ourselves");
        return MOSN_ERROR;
    }
    conn = mosn_conn_connect(loop, &probe.address, CONNECT_MS);
    if (conn == NULL) {
        mosn_log_alert(errno, "cannot connect to ourselves");
        return MOSN_ERROR;
    }
    (void) mosn_conn_add_filter(conn, &probe_client, NULL, NULL);
    return MOSN_OK;
}
