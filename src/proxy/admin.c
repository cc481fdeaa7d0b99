/* proxy/admin.c - answers on the admin address. */

#include "proxy/admin.h"
#include "stream/stream.h"

#include <stdio.h>

static const mosn_stream_settings_t admin_settings = {
    .idle_timeout_ms = 30000,
    .header_timeout_ms = 5000,
    .body_timeout_ms = 5000,
    .max_header_bytes = 8192,
    .max_uri_bytes = 1024,
    .max_headers = 64,
};


static void
admin_send(mosn_stream_t *stream, unsigned status, const char *type,
           const char *text, size_t n, bool bare)
{
    mosn_message_t *m = mosn_pool_alloc(stream->pool, sizeof(*m));

    mosn_message_init(m, stream->pool);
    m->status = status;
    m->content_length = (int64_t) n;
    mosn_headers_add(&m->headers, MOSN_HEADER_CONTENT_TYPE,
                     MOSN_STR("Content-Type"), mosn_str(type));
    if (status == 405) {
        mosn_headers_add(&m->headers, MOSN_HEADER_OTHER, MOSN_STR("Allow"),
                         MOSN_STR("GET, HEAD"));
    }
    stream->ops->send_head(stream, m, bare || n == 0);
    if (!bare && n > 0) {
        mosn_buf_t data;

        mosn_buf_open(&data, n);
        memcpy(data.pos, text, n);
        data.last += n;
        stream->ops->send_data(stream, &data, true);
        mosn_buf_close(&data);
    }
}


typedef void (*admin_page_pt)(const mosn_admin_t *admin, FILE *out);

static void
admin_stats(const mosn_admin_t *admin, FILE *out)
{
    mosn_metrics_print_plain(admin->sets, out);
}


static void
admin_metrics(const mosn_admin_t *admin, FILE *out)
{
    mosn_metrics_print(admin->sets, out);
}


static void
admin_config(const mosn_admin_t *admin, FILE *out)
{
    mosn_conf_print(admin->block, admin->settings, out);
}


static void
admin_healthz(const mosn_admin_t *admin, FILE *out)
{
    (void) admin;
    (void) fputs("ok\n", out);
}


static void
admin_index(const mosn_admin_t *admin, FILE *out)
{
    (void) admin;
    (void) fputs("/stats\n/metrics\n/config\n/healthz\n/ready\n", out);
}


static const struct {
    const char   *path;
    const char   *type;
    admin_page_pt print;
} admin_pages[] = {
    { "/", "text/plain", admin_index },
    { "/stats", "text/plain", admin_stats },
    { "/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8",
      admin_metrics },
    { "/config", "text/plain", admin_config },
    { "/healthz", "text/plain", admin_healthz },
};


static void
admin_send_page(mosn_stream_t *stream, const mosn_admin_t *admin, size_t page,
                bool bare)
{
    char  *text = NULL;
    size_t n = 0;
    FILE  *out = open_memstream(&text, &n);

    if (out == NULL) {
        admin_send(stream, 500, "text/plain", "no memory\n", 10, bare);
        return;
    }
    admin_pages[page].print(admin, out);
    (void) fclose(out);
    admin_send(stream, 200, admin_pages[page].type, text, n, bare);
    free(text);
}


static void
admin_on_head(mosn_stream_t *stream, mosn_message_t *head, bool end)
{
    const mosn_admin_t *admin = stream->owner;
    bool                bare = head->method_id == MOSN_METHOD_HEAD;
    mosn_str_t          path = head->path;
    const char *query = path.len ? memchr(path.at, '?', path.len) : NULL;

    (void) end;
    if (!bare && head->method_id != MOSN_METHOD_GET) {
        admin_send(stream, 405, "text/plain", "read only\n", 10, false);
        return;
    }
    if (query != NULL) {
        path.len = (size_t) (query - path.at);
    }
    if (mosn_str_equal(path, MOSN_STR("/ready"))) {
        if (admin->is_ready()) {
            admin_send(stream, 200, "text/plain", "ready\n", 6, bare);
        } else {
            admin_send(stream, 503, "text/plain", "not ready\n", 10, bare);
        }
        return;
    }
    for (size_t i = 0; i < MOSN_COUNT(admin_pages); i++) {
        if (mosn_str_equal(path, mosn_str(admin_pages[i].path))) {
            admin_send_page(stream, admin, i, bare);
            return;
        }
    }
    admin_send(stream, 404, "text/plain", "no such page; see /\n", 20, bare);
}


static void
admin_on_data(mosn_stream_t *stream, const mosn_buf_t *data, bool end)
{
    (void) stream;
    (void) data;
    (void) end;
}


static void
admin_on_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    (void) stream;
    (void) reason;
}


static void
admin_on_drained(mosn_stream_t *stream)
{
    (void) stream;
}


static const mosn_stream_receiver_ops_t admin_receiver = {
    .on_head = admin_on_head,
    .on_data = admin_on_data,
    .on_reset = admin_on_reset,
    .on_drained = admin_on_drained,
};


static void
admin_on_stream(void *owner, mosn_stream_t *stream)
{
    stream->owner = owner;
    stream->receiver = &admin_receiver;
}


static void
admin_on_refused(void *owner, mosn_stream_conn_t *sc, mosn_reason_e reason,
                 unsigned status, mosn_str_t line)
{
    (void) owner;
    (void) sc;
    (void) reason;
    (void) status;
    (void) line;
}


static const mosn_stream_server_ops_t admin_server_ops = {
    .on_stream = admin_on_stream,
    .on_refused = admin_on_refused,
};


static mosn_rc_e
admin_on_open(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    const mosn_stream_protocol_ops_t *http1 =
        mosn_module_find(MOSN_STREAM_PROTOCOL, MOSN_STR("http1"))->ops;

    filter->state =
        http1->serve(http1, conn, &admin_settings, &admin_server_ops,
                     (void *) (uintptr_t) filter->conf);
    return MOSN_OK;
}


static mosn_verdict_e
admin_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn MOSN_UNUSED)
{
    mosn_stream_conn_t *sc = filter->state;

    return sc->ops->on_read(sc);
}


static void
admin_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn MOSN_UNUSED,
               mosn_conn_event_e event)
{
    mosn_stream_conn_t *sc = filter->state;

    if (sc != NULL) {
        sc->ops->on_event(sc, event);
    }
}


const mosn_net_filter_ops_t mosn_admin_filter = {
    .on_open = admin_on_open,
    .on_read = admin_on_read,
    .on_event = admin_on_event,
    .refusal = MOSN_STR_INIT("HTTP/1.1 503 Service Unavailable\r\n"
                             "Content-Length: 0\r\n"
                             "Connection: close\r\n\r\n"),
    .terminal = true,
};
