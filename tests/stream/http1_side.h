/* http1_side.h - one side of HTTP/1 over a socket pair, for the tests of
 * both of its files: what comes is told in `told`. */

#ifndef HTTP1_SIDE_H
#define HTTP1_SIDE_H

#include "gate.h"
#include "core/module.h"
#include "stream/mux_http1.h"

static mosn_stream_settings_t side_settings = { .idle_timeout_ms = 10000,
                                                .header_timeout_ms = 10000,
                                                .body_timeout_ms = 10000,
                                                .max_header_bytes = 4096,
                                                .max_uri_bytes = 1024,
                                                .max_headers = 16 };
static mosn_stream_conn_t    *side_sc;
static mosn_stream_t         *side_stream;
static char                   told[4096];
static int                    side_peer = -1;


static void __attribute__((format(printf, 1, 2))) tell(const char *fmt, ...)
{
    size_t  n = strlen(told);
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(told + n, sizeof(told) - n, fmt, args);
    va_end(args);
}


static void
side_on_head(mosn_stream_t *s, mosn_message_t *m, bool end)
{
    (void) s;
    if (m->status != 0) {
        tell("%u", m->status);
    } else {
        tell("%.*s %.*s", MOSN_STR_ARG(m->method), MOSN_STR_ARG(m->path));
    }
    tell(end ? " end;" : ";");
}


static void
side_on_interim(mosn_stream_t *s, mosn_message_t *m)
{
    (void) s;
    tell("interim %u;", m->status);
}


static void
side_on_data(mosn_stream_t *s, const mosn_buf_t *data, bool end)
{
    (void) s;
    tell("%.*s%s;", data != NULL ? (int) mosn_buf_len(data) : 0,
         data != NULL ? (const char *) data->pos : "", end ? " end" : "");
}


static void
side_on_trailers(mosn_stream_t *s, mosn_headers_t *trailers)
{
    (void) s;
    tell("trailers %u;", trailers->n);
}


static void
side_on_reset(mosn_stream_t *s, mosn_reason_e reason)
{
    (void) s;
    side_stream = NULL;
    tell("reset %s;", mosn_reasons[reason].name.at);
}


static void
side_on_drained(mosn_stream_t *s)
{
    (void) s;
}


static const mosn_stream_receiver_ops_t side_receiver = {
    .on_head = side_on_head,
    .on_interim = side_on_interim,
    .on_data = side_on_data,
    .on_trailers = side_on_trailers,
    .on_reset = side_on_reset,
    .on_drained = side_on_drained,
};


static void
side_on_stream(void *owner, mosn_stream_t *stream)
{
    (void) owner;
    side_stream = stream;
    stream->receiver = &side_receiver;
}


static void
side_on_refused(void *owner, mosn_stream_conn_t *sc, mosn_reason_e reason,
                unsigned status, mosn_str_t line)
{
    (void) owner;
    (void) sc;
    tell("refused %u %s %.*s;", status, mosn_reasons[reason].name.at,
         MOSN_STR_ARG(line));
}


static const mosn_stream_server_ops_t side_server_ops = {
    .on_stream = side_on_stream,
    .on_refused = side_on_refused,
};


static void
side_available(void *owner, mosn_stream_conn_t *sc)
{
    (void) owner;
    (void) sc;
    tell("available;");
}


static void
side_connected(void *owner, mosn_stream_conn_t *sc)
{
    (void) owner;
    (void) sc;
}


static void
side_closed(void *owner, mosn_stream_conn_t *sc, mosn_reason_e reason)
{
    (void) owner;
    (void) sc;
    (void) reason;
    side_sc = NULL;
    tell("closed;");
}


static const mosn_stream_client_ops_t side_client_ops = {
    .on_connected = side_connected,
    .on_available = side_available,
    .on_closed = side_closed,
};


/* What the proxy filter does for a server. */
static mosn_verdict_e
side_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    (void) filter;
    (void) conn;
    return side_sc->ops->on_read(side_sc);
}


static void
side_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
              mosn_conn_event_e event)
{
    (void) filter;
    (void) conn;
    if (side_sc != NULL) {
        side_sc->ops->on_event(side_sc, event);
    }
}


static const mosn_net_filter_ops_t side_filter = { .on_read = side_on_read,
                                                   .on_event = side_on_event,
                                                   .terminal = true };


/* A fresh connection; `side_peer` is the other end of it. */
static void
side_open(bool server)
{
    static const mosn_inet_t          nobody = { .sa.sa_family = AF_UNIX };
    const mosn_stream_protocol_ops_t *http1 =
        mosn_module_find(MOSN_STREAM_PROTOCOL, MOSN_STR("http1"))->ops;
    int          fds[2];
    mosn_conn_t *conn;

    if (side_peer != -1) {
        (void) close(side_peer);
        gate_turns(3);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1) {
        abort();
    }
    conn = mosn_conn_create(&gate_loop, fds[0], &nobody);
    side_peer = fds[1];
    side_stream = NULL;
    if (server) {
        (void) mosn_conn_add_filter(conn, &side_filter, NULL, NULL);
        side_sc =
            http1->serve(http1, conn, &side_settings, &side_server_ops, NULL);
    } else {
        side_sc = http1->connect(http1, conn, &side_settings, &side_client_ops,
                                 NULL);
    }
    told[0] = '\0';
}


/* What was told since the last time. */
static mosn_str_t
heard(void)
{
    static char text[sizeof(told)];

    gate_turns(3);
    memcpy(text, told, sizeof(text));
    told[0] = '\0';
    return mosn_str(text);
}


/* A head to send, made in `pool`. */
static mosn_message_t *
side_head(mosn_pool_t *pool, unsigned status, int64_t length)
{
    mosn_message_t *m = mosn_pool_alloc(pool, sizeof(*m));

    mosn_message_init(m, pool);
    m->status = status;
    m->content_length = length;
    if (status == 0) {
        m->method = MOSN_STR("POST");
        m->method_id = MOSN_METHOD_POST;
        m->authority = MOSN_STR("a");
        m->path = MOSN_STR("/p");
    }
    return m;
}


static void
side_data(const char *text, bool end)
{
    mosn_buf_t data = tap_exact(text, strlen(text));

    side_stream->ops->send_data(side_stream, &data, end);
    mosn_buf_close(&data);
}


static void
side_begin(void)
{
    if (mosn_loop_init(&gate_loop) != MOSN_OK) {
        abort();
    }
}


static int
side_end(void)
{
    (void) close(side_peer);
    gate_turns(3);
    mosn_loop_fini(&gate_loop);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}


#endif
