/*
 * tests/fuzz/http2.c - frames behind the preface, to a server that answers.
 *
 * Whatever comes, a request that is passed on can be written as HTTP/1: its
 * path begins with a slash or is a star, names and values have no control
 * characters; and when the connection is gone nothing is left.
 */

#include "fuzz.h"
#include "tap.h"

#include "core/log.h"
#include "core/module.h"
#include "stream/mux_http2.h"

#include <sys/socket.h>
#include <unistd.h>

const char *const fuzz_name = "http2";

#define SEED(bytes)                                                           \
    {                                                                         \
        bytes, sizeof(bytes) - 1                                              \
    }

const mosn_str_t fuzz_seeds[] = {
    /* SETTINGS, HEADERS of a GET with END_STREAM, PING, WINDOW_UPDATE. */
    SEED("\0\0\0\4\0\0\0\0\0"
         "\0\0\x0a\1\5\0\0\0\1\x82\x84\x86\x41\1aaaaa"
         "\0\0\x8\6\0\0\0\0\0abcdefgh"
         "\0\0\4\x8\0\0\0\0\0\0\0\1\0"),
    SEED("\0\0\6\1\5\0\0\0\1\x82\x84\x86\x41\1a"),
    /* POST, DATA, trailers. */
    SEED("\0\0\6\1\4\0\0\0\1\x83\x84\x86\x41\1a"
         "\0\0\3\0\0\0\0\0\1xyz"
         "\0\0\5\1\5\0\0\0\1\0\1t\1v"),
    /* Literal fields, CONTINUATION, padding, priority. */
    SEED("\0\0\6\1\1\0\0\0\3\x82\x84\x86\x41\1a"
         "\0\0\x0e\x9\4\0\0\0\3\0\6cookie\3a=b\0\0"
         "\0\0\5\2\0\0\0\0\3\0\0\0\0\5"),
    SEED("\0\0\4\3\0\0\0\0\1\0\0\0\x8"
         "\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\0"
         "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\1"),
    { "", 0 },
};

static mosn_loop_t            loop;
static mosn_stream_conn_t    *sc;
static unsigned               open_streams;
static mosn_http2_conf_t      limits = { .max_concurrent_streams = 100,
                                         .max_reset_rate = 100,
                                         .initial_stream_window = 65535,
                                         .initial_connection_window = 65535,
                                         .max_frame_bytes = 16384 };
static mosn_stream_settings_t settings = { .http2 = &limits,
                                           .idle_timeout_ms = 60000,
                                           .max_header_bytes = 800,
                                           .max_uri_bytes = 100,
                                           .max_headers = 12 };


static void
answer(mosn_stream_t *s)
{
    mosn_message_t *m = mosn_pool_alloc(s->pool, sizeof(*m));
    mosn_buf_t      data = { 0 };

    open_streams--;
    mosn_message_init(m, s->pool);
    m->status = 200;
    m->content_length = 5;
    s->ops->send_head(s, m, false);
    mosn_buf_open(&data, 5);
    memcpy(data.last, "hello", 5);
    data.last += 5;
    s->ops->send_data(s, &data, true);
    mosn_buf_close(&data);
}


static void
on_head(mosn_stream_t *s, mosn_message_t *m, bool end)
{
    FUZZ_CHECK(m->path.len > 0
               && (m->path.at[0] == '/' || m->path.at[0] == '*'));
    FUZZ_CHECK(m->method.len > 0 && m->authority.len > 0);
    for (size_t i = 0; i < m->path.len; i++) {
        FUZZ_CHECK((uint8_t) m->path.at[i] > ' ');
    }
    for (uint32_t i = 0; i < m->headers.n; i++) {
        const mosn_header_t *h = &m->headers.items[i];

        FUZZ_CHECK(
            h->removed
            || mosn_header_is_valid((mosn_str_t){ h->name, h->name_len },
                                    mosn_header_value(h)));
    }
    if (end) {
        answer(s);
    }
}


static void
on_data(mosn_stream_t *s, const mosn_buf_t *data, bool end)
{
    (void) data;
    if (end) {
        answer(s);
    }
}


static void
on_trailers(mosn_stream_t *s, mosn_headers_t *trailers)
{
    (void) trailers;
    answer(s);
}


static void
on_reset(mosn_stream_t *s, mosn_reason_e reason)
{
    (void) s;
    (void) reason;
    open_streams--;
}


static void
on_drained(mosn_stream_t *s)
{
    (void) s;
}


static const mosn_stream_receiver_ops_t receiver = {
    .on_head = on_head,
    .on_data = on_data,
    .on_trailers = on_trailers,
    .on_reset = on_reset,
    .on_drained = on_drained,
};


static void
on_stream(void *owner, mosn_stream_t *s)
{
    (void) owner;
    open_streams++;
    s->receiver = &receiver;
}


static void
on_refused(void *owner, mosn_stream_conn_t *conn, mosn_reason_e reason,
           unsigned status, mosn_str_t line)
{
    (void) owner;
    (void) conn;
    (void) reason;
    (void) line;
    FUZZ_CHECK(status >= 400);
}


static const mosn_stream_server_ops_t server_ops = {
    .on_stream = on_stream,
    .on_refused = on_refused,
};


static mosn_verdict_e
on_read(mosn_net_filter_t *f, mosn_conn_t *c)
{
    (void) f;
    (void) c;
    return sc->ops->on_read(sc);
}


static void
on_event(mosn_net_filter_t *f, mosn_conn_t *c, mosn_conn_event_e event)
{
    (void) f;
    (void) c;
    sc->ops->on_event(sc, event);
}


static const mosn_net_filter_ops_t filter = { .on_read = on_read,
                                              .on_event = on_event,
                                              .terminal = true };


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    static const char        preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };
    const mosn_stream_protocol_ops_t *http2 =
        mosn_module_find(MOSN_STREAM_PROTOCOL, MOSN_STR("http2"))->ops;
    int          fds[2];
    mosn_conn_t *conn;

    if (loop.epoll_fd == 0 && mosn_loop_init(&loop) != MOSN_OK) {
        abort();
    }
    mosn_log_level = MOSN_LOG_ALERT;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1) {
        abort();
    }
    conn = mosn_conn_create(&loop, fds[0], &nobody);
    (void) mosn_conn_add_filter(conn, &filter, NULL, NULL);
    sc = http2->serve(http2, conn, &settings, &server_ops, NULL);
    (void) !write(fds[1], preface, sizeof(preface) - 1);
    (void) !write(fds[1], bytes, n / 2);
    mosn_loop_turn(&loop, 0);
    (void) !write(fds[1], bytes + n / 2, n - n / 2);
    mosn_loop_turn(&loop, 0);
    (void) close(fds[1]);
    for (int i = 0; i < 20 && open_streams + loop.turns % 2 > 0; i++) {
        mosn_loop_turn(&loop, 0);
    }
    mosn_loop_turn(&loop, 0);
    FUZZ_CHECK(open_streams == 0);
}
