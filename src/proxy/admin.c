/* proxy/admin.c - answers on the admin address. */

#include "proxy/admin.h"
#include "stream/stream.h"

#include "proto/pairs.h"
#include "proxy/cluster.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define ADMIN_LINE     1024u
#define ADMIN_BODY_MAX (16u << 20)

static const mosn_stream_receiver_ops_t admin_change_receiver;

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
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);

    mosn_conf_print(admin->block,
                    admin->refresh != NULL
                        ? admin->refresh(admin->settings, pool)
                        : admin->settings,
                    out);
    mosn_pool_destroy(&pool);
}


static void
admin_healthz(const mosn_admin_t *admin, FILE *out)
{
    (void) admin;
    (void) fputs("ok\n", out);
}


static void
admin_clusters(const mosn_admin_t *admin, FILE *out)
{
    mosn_clusters_print(admin->generation, out);
}


static void
admin_index(const mosn_admin_t *admin, FILE *out)
{
    (void) admin;
    (void) fputs("/stats\n/metrics\n/config\n/clusters\n/healthz\n/ready\n",
                 out);
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
    { "/clusters", "text/plain", admin_clusters },
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


/* --- changes --------------------------------------------------------------
 */

/* A request that changes something.  It is of its stream's pool, and of the
 * answer that it waits for: whoever is last lets it go. */
typedef struct {
    const mosn_admin_t *admin;
    mosn_stream_t      *stream; /* NULL: it is gone */
    mosn_pool_t        *pool;
    char                line[ADMIN_LINE];
    mosn_chain_t        body;
    int                 body_fd;
    bool                keep; /* the body, in the runtime_file, too */
    bool                asked;
} admin_change_t;


static void
admin_change_done(void *request, bool well, const char *text)
{
    admin_change_t *change = request;
    mosn_stream_t  *stream = change->stream;

    if (change->body_fd != -1) {
        (void) close(change->body_fd);
    }
    if (stream != NULL) {
        stream->owner = NULL;
        admin_send(stream, well ? 200 : 409, "text/plain", text, strlen(text),
                   false);
    }
    mosn_chain_clear(&change->body);
    mosn_pool_destroy(&change->pool);
}


/* A word of a line, written as in a URL (RFC 3986, 2.1); blanks in it are the
 * master's to read.  False: there is no room, or it is no word. */
static bool
admin_add(char *line, size_t *n, mosn_str_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t) text.at[i];

        if (c == '%') {
            char digits[3] = { i + 2 < text.len ? text.at[i + 1] : '\0',
                               i + 2 < text.len ? text.at[i + 2] : '\0' };
            char *end;

            c = (uint8_t) strtoul(digits, &end, 16);
            if (end != digits + 2 || !isxdigit((uint8_t) digits[0])) {
                return false;
            }
            i += 2;
            c = c == ' ' ? MOSN_WORD_BLANK : c;
        } else if (c <= ' ') {
            return false;
        }
        if ((c < ' ' && c != MOSN_WORD_BLANK) || *n + 2 > ADMIN_LINE) {
            return false;
        }
        line[(*n)++] = (char) c;
    }
    line[*n] = '\0';
    return true;
}


/* "persist", "persist=true", "persist=1" */
static bool
admin_is_keep(mosn_str_t key, mosn_str_t value)
{
    return mosn_str_equal(key, MOSN_STR("persist"))
           && (value.len == 0 || mosn_str_equal(value, MOSN_STR("true"))
               || mosn_str_equal(value, MOSN_STR("1")));
}


/* Does the query ask for it? */
static bool
admin_keeps(mosn_str_t query)
{
    mosn_str_t key, value;

    while (mosn_query_next(&query, &key, &value)) {
        if (admin_is_keep(key, value)) {
            return true;
        }
    }
    return false;
}


/* PUT /clusters/NAME/hosts/ADDRESS?weight=5&state=drain, and POST and DELETE
 * of the same: a line for the master.  False: it is none of these. */
static bool
admin_host_line(const mosn_message_t *head, mosn_str_t path, char *line)
{
    const char *verb = head->method_id == MOSN_METHOD_PUT      ? "set"
                       : head->method_id == MOSN_METHOD_POST   ? "add"
                       : head->method_id == MOSN_METHOD_DELETE ? "remove"
                                                               : NULL;
    const char *hosts;
    mosn_str_t  name, rest = head->path, key, value;
    size_t      n = 0;

    if (verb == NULL || !mosn_str_has_prefix(path, MOSN_STR("/clusters/"))) {
        return false;
    }
    path.at += 10;
    path.len -= 10;
    hosts = memmem(path.at, path.len, "/hosts/", 7);
    if (hosts == NULL) {
        return false;
    }
    name = (mosn_str_t){ path.at, (size_t) (hosts - path.at) };
    rest.at += (size_t) (path.at - rest.at) + path.len;
    rest.len -= (size_t) (rest.at - head->path.at);
    n = (size_t) snprintf(line, ADMIN_LINE, "host %s%s ",
                          admin_keeps(rest) ? "persist " : "", verb);
    if (!admin_add(line, &n, name)) {
        return false;
    }
    line[n++] = ' ';
    if (!admin_add(line, &n,
                   (mosn_str_t){ hosts + 7, path.len - name.len - 7 })) {
        return false;
    }
    while (mosn_query_next(&rest, &key, &value)) {
        if (admin_is_keep(key, value)) {
            continue;
        }
        if (n + 2 > ADMIN_LINE) {
            return false;
        }
        line[n++] = ' ';
        if (!admin_add(line, &n, key) || !admin_add(line, &n, MOSN_STR("="))
            || !admin_add(line, &n, value))
        {
            return false;
        }
    }
    return true;
}


/* The body of /apply, for the master to read. */
static bool
admin_keep_body(admin_change_t *change)
{
    change->body_fd = memfd_create("mosn apply", 0);
    if (change->body_fd == -1) {
        return false;
    }
    for (const mosn_buf_t *b = change->body.head; b != NULL; b = b->next) {
        if (write(change->body_fd, b->pos, mosn_buf_len(b))
            != (ssize_t) mosn_buf_len(b))
        {
            return false;
        }
    }
    (void) snprintf(change->line, ADMIN_LINE, "apply %s/proc/%d/fd/%d",
                    change->keep ? "persist " : "", (int) getpid(),
                    change->body_fd);
    return true;
}


static void
admin_ask(admin_change_t *change)
{
    change->asked = true;
    if (change->line[0] == '\0' && !admin_keep_body(change)) {
        admin_change_done(change, false, "no memory\n");
        return;
    }
    change->admin->change(change->admin->owner, change->line,
                          admin_change_done, change);
}


/* A page in a browser must not reach it. */
static bool
admin_may_change(const mosn_admin_t *admin, const mosn_message_t *head)
{
    return admin->change != NULL
           && mosn_headers_find_name(&head->headers, MOSN_STR("origin"))
                  == NULL;
}


/* What else the query has is nothing that there is. */
static bool
admin_may_apply(const mosn_message_t *head, mosn_str_t path, bool *keep_r)
{
    mosn_str_t rest = head->path, key, value;

    rest.at += path.len;
    rest.len -= path.len;
    *keep_r = admin_keeps(rest);
    while (mosn_query_next(&rest, &key, &value)) {
        if (!admin_is_keep(key, value)) {
            return false;
        }
    }
    return true;
}


static void
admin_on_change(mosn_stream_t *stream, const mosn_admin_t *admin,
                const mosn_message_t *head, mosn_str_t path, bool end)
{
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_STREAM);
    admin_change_t *change = mosn_pool_calloc(pool, sizeof(*change));
    bool            apply = head->method_id == MOSN_METHOD_POST
                 && mosn_str_equal(path, MOSN_STR("/apply"));

    change->admin = admin;
    change->stream = stream;
    change->pool = pool;
    change->body_fd = -1;
    stream->owner = change;
    stream->receiver = &admin_change_receiver;
    if (apply ? !admin_may_apply(head, path, &change->keep)
              : !admin_host_line(head, path, change->line))
    {
        change->asked = true;
        admin_change_done(change, false,
                          "expected POST, PUT or DELETE of "
                          "/clusters/NAME/hosts/ADDRESS[?SETTING=VALUE&..."
                          "][&persist], or POST of /apply[?persist]\n");
        return;
    }
    if (end) {
        admin_ask(change);
    }
}


static void
admin_change_on_data(mosn_stream_t *stream, const mosn_buf_t *data, bool end)
{
    admin_change_t *change = stream->owner;

    if (change == NULL || change->asked) {
        return;
    }
    if (data != NULL && mosn_buf_len(data) > 0) {
        mosn_chain_append_ref(&change->body, data);
    }
    if (change->body.bytes > ADMIN_BODY_MAX) {
        change->asked = true;
        admin_change_done(change, false, "the body is too large\n");
    } else if (end) {
        admin_ask(change);
    }
}


static void
admin_change_on_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    admin_change_t *change = stream->owner;

    (void) reason;
    if (change == NULL) {
        return;
    }
    change->stream = NULL;
    if (!change->asked) {
        admin_change_done(change, false, "");
    }
}


static void
admin_on_head(mosn_stream_t *stream, mosn_message_t *head, bool end)
{
    const mosn_admin_t *admin = stream->owner;
    bool                bare = head->method_id == MOSN_METHOD_HEAD;
    mosn_str_t          path = head->path;
    const char *query = path.len ? memchr(path.at, '?', path.len) : NULL;

    if (query != NULL) {
        path.len = (size_t) (query - path.at);
    }
    if (!bare && head->method_id != MOSN_METHOD_GET) {
        if (admin_may_change(admin, head)) {
            admin_on_change(stream, admin, head, path, end);
        } else {
            admin_send(stream, 405, "text/plain",
                       "read only (`allow_changes`)\n", 28, false);
        }
        return;
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


static const mosn_stream_receiver_ops_t admin_change_receiver = {
    .on_data = admin_change_on_data,
    .on_reset = admin_change_on_reset,
    .on_drained = admin_on_drained,
};

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
