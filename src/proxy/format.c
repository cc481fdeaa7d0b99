/*
 * proxy/format.c - texts with variables in them, compiled.
 *
 * Variables have the names that the Go MOSN gives them where it has them.
 */

#include "proxy/format.h"

#include "core/log.h"
#include "os/clock.h"
#include "proto/rpc.h"

#include <time.h>

#define STAMP_MS    100u
#define NUMBER_ROOM 24u /* less, and a number is left out */
#define VALUE_MIN   4096u
#define VALUE_MAX   (1u << 20) /* more than any head that is let in */

typedef struct format_op_s format_op_t;

/* Writes a value at `out`; returns its end, never behind `end`. */
typedef char *(*format_var_pt)(const mosn_request_t *r, const format_op_t *op,
                               char *out, char *end);

struct format_op_s {
    format_var_pt write; /* NULL: the literal */
    mosn_str_t    text;  /* literal, or the argument: a header's name */
    mosn_format_e mode;
};

struct mosn_format_s {
    format_op_t *ops;
    size_t       n;
};


/* --- pieces ------------------------------------------------------------- */

static char *
put(char *out, char *end, mosn_str_t s)
{
    size_t n = s.len;

    if (n > (size_t) (end - out)) {
        n = (size_t) (end - out);
    }
    if (n > 0) {
        memcpy(out, s.at, n);
    }
    return out + n;
}


static char *
put_number(char *out, char *end, uint64_t value)
{
    return end - out < 20 ? out : out + mosn_str_format_u64(value, out);
}


/* Milliseconds with three decimals. */
static char *
put_duration(char *out, char *end, uint64_t ns)
{
    uint64_t us = ns / 1000;

    if (end - out < 24) {
        return out;
    }
    out += mosn_str_format_u64(us / 1000, out);
    *out++ = '.';
    *out++ = (char) ('0' + us / 100 % 10);
    *out++ = (char) ('0' + us / 10 % 10);
    *out++ = (char) ('0' + us % 10);
    return out;
}


static char *
put_json(char *out, char *end, mosn_str_t s)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < s.len && end - out >= 6; i++) {
        uint8_t c = (uint8_t) s.at[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            *out++ = (char) c;
            continue;
        }
        memcpy(out, "\\u00", 4);
        out[4] = hex[c >> 4];
        out[5] = hex[c & 15];
        out += 6;
    }
    return out;
}


/* Fit for a header: without control characters. */
static char *
put_value(char *out, char *end, mosn_str_t s)
{
    for (size_t i = 0; i < s.len && out < end; i++) {
        if ((uint8_t) s.at[i] >= ' ' && s.at[i] != 0x7f) {
            *out++ = s.at[i];
        }
    }
    return out;
}


/* Nothing to escape: printable ASCII without quotes and backslashes.  Eight
 * bytes at a time; a byte over 0x7f takes the slow way. */
static bool
format_is_plain(mosn_str_t s)
{
    const uint64_t ones = 0x0101010101010101u, high = ones << 7;
    const char    *p = s.at, *end = s.at + s.len;
    uint64_t       w, bad = 0;

    for (; end - p >= 8; p += 8) {
        memcpy(&w, p, 8);
        bad |= w | (w - ones * 0x20) | ((w ^ (ones * '"')) - ones)
               | ((w ^ (ones * '\\')) - ones) | (w + ones);
    }
    for (; p < end; p++) {
        if (*p < ' ' || *p == 0x7f || *p == '"' || *p == '\\') {
            return false;
        }
    }
    return (bad & high) == 0;
}


/* There is nothing: a log says so. */
static char *
put_nothing(char *out, char *end, const format_op_t *op)
{
    return op->mode == MOSN_FORMAT_VALUE ? out : put(out, end, MOSN_STR("-"));
}


/* What a peer has sent. */
static char *
put_peer(char *out, char *end, const format_op_t *op, mosn_str_t s)
{
    if (op->mode == MOSN_FORMAT_VALUE) {
        return put_value(out, end, s);
    }
    if (s.len == 0) {
        return put_nothing(out, end, op);
    }
    if (op->mode == MOSN_FORMAT_JSON) {
        return put_json(out, end, s);
    }
    if (format_is_plain(s)) {
        return put(out, end, s);
    }
    return out + mosn_log_escape(s, out, (size_t) (end - out));
}


/* Two stamps, made anew a few times a second: asking the clock for each line
 * costs as much as the rest of it. */
static mosn_str_t
format_time(const mosn_request_t *r, bool iso)
{
    static char     local[40], utc[40];
    static size_t   local_len, utc_len;
    static uint64_t made_ms;

    if (local_len == 0 || r->loop->now_ms - made_ms >= STAMP_MS) {
        time_t    now = (time_t) (mosn_clock_wall_ms() / 1000);
        struct tm tm;

        (void) localtime_r(&now, &tm);
        local_len =
            strftime(local, sizeof(local), "%d/%b/%Y:%H:%M:%S %z", &tm);
        (void) gmtime_r(&now, &tm);
        utc_len = strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", &tm);
        made_ms = r->loop->now_ms;
    }
    return iso ? (mosn_str_t){ utc, utc_len }
               : (mosn_str_t){ local, local_len };
}


/* The request as it came; NULL: it was none. */
static mosn_message_t *
format_head(const mosn_request_t *r)
{
    return r->call != NULL ? r->call : r->head;
}


/* --- variables ---------------------------------------------------------- */

#define VAR(name)                                                             \
    static char *var_##name(const mosn_request_t *r MOSN_UNUSED,              \
                            const format_op_t *op MOSN_UNUSED, char *out,     \
                            char *end)

VAR(time_local)
{
    return put(out, end, format_time(r, false));
}


VAR(start_time)
{
    return put(out, end, format_time(r, true));
}


VAR(method)
{
    return put_peer(out, end, op,
                    format_head(r) ? format_head(r)->method : MOSN_STR(""));
}


VAR(path)
{
    mosn_str_t  path = r->spelled;
    const char *query = path.len ? memchr(path.at, '?', path.len) : NULL;

    if (query != NULL) {
        path.len = (size_t) (query - path.at);
    }
    return put_peer(out, end, op, path);
}


VAR(uri)
{
    if (format_head(r) != NULL
        && format_head(r)->method_id == MOSN_METHOD_CONNECT) {
        return put_peer(out, end, op, r->authority);
    }
    return put_peer(out, end, op, r->path);
}


VAR(authority)
{
    return put_peer(out, end, op, r->authority);
}


VAR(scheme)
{
    return put_peer(out, end, op,
                    format_head(r) ? format_head(r)->scheme : MOSN_STR(""));
}


VAR(protocol)
{
    static const mosn_str_t http10 = MOSN_STR_INIT("HTTP/1.0");
    static const mosn_str_t http11 = MOSN_STR_INIT("HTTP/1.1");
    static const mosn_str_t http2 = MOSN_STR_INIT("HTTP/2.0");

    if (format_head(r) == NULL) {
        return put_nothing(out, end, op);
    }
    if (format_head(r)->rpc != NULL) {
        return put(out, end, format_head(r)->rpc->codec->protocol);
    }
    return put(out, end,
               format_head(r)->version == MOSN_HTTP_2    ? http2
               : format_head(r)->version == MOSN_HTTP_10 ? http10
                                                         : http11);
}


VAR(request_line)
{
    if (format_head(r) == NULL) {
        return put_peer(out, end, op, r->refused);
    }
    out = var_method(r, op, out, end);
    out = put(out, end, MOSN_STR(" "));
    out = var_uri(r, op, out, end);
    out = put(out, end, MOSN_STR(" "));
    return var_protocol(r, op, out, end);
}


VAR(request_header)
{
    if (mosn_header_find_id(op->text.at, op->text.len) == MOSN_HEADER_HOST) {
        return var_authority(r, op, out, end); /* not among the headers */
    }
    const mosn_header_t *h = NULL;

    if (format_head(r) != NULL) {
        mosn_message_need_headers(format_head(r));
        h = mosn_headers_find_name(&format_head(r)->headers, op->text);
    }
    return put_peer(out, end, op,
                    h != NULL ? mosn_header_value(h) : MOSN_STR(""));
}


VAR(response_header)
{
    const mosn_header_t *h = NULL;

    if (r->response != NULL) {
        mosn_message_need_headers(r->response);
        h = mosn_headers_find_name(&r->response->headers, op->text);
    }
    return put_peer(out, end, op,
                    h != NULL ? mosn_header_value(h) : MOSN_STR(""));
}


VAR(response_code)
{
    return put_number(out, end, r->status);
}


VAR(response_flag)
{
    return r->reason == MOSN_REASON_NONE
               ? put_nothing(out, end, op)
               : put(out, end, mosn_reasons[r->reason].name);
}


VAR(bytes_sent)
{
    return put_number(out, end, r->bytes_sent);
}


VAR(bytes_received)
{
    return put_number(out, end, r->bytes_received);
}


VAR(duration)
{
    return put_duration(out, end, r->loop->now_ns - r->started_ns);
}


static char *
put_since(const mosn_request_t *r, const format_op_t *op, uint64_t at_ns,
          char *out, char *end)
{
    return at_ns == 0 ? put_nothing(out, end, op)
                      : put_duration(out, end, at_ns - r->started_ns);
}


VAR(request_received_duration)
{
    return put_since(r, op, r->forwarded_ns, out, end);
}


VAR(response_received_duration)
{
    return put_since(r, op, r->answered_ns, out, end);
}


VAR(downstream_remote_address)
{
    char text[MOSN_ADDRESS_TEXT];

    (void) mosn_address_format(&r->pc->conn->peer.sa, sizeof(sa_family_t),
                               text);
    return put(out, end, mosn_str(text));
}


VAR(downstream_remote_host)
{
    return put(out, end, mosn_request_peer(r->pc));
}


VAR(listener)
{
    return put(out, end, r->pc->conn->listener->conf->name);
}


VAR(upstream_host)
{
    return r->host != NULL ? put(out, end, r->host->name)
                           : put_nothing(out, end, op);
}


VAR(upstream_cluster)
{
    return r->cluster != NULL ? put(out, end, r->cluster->name)
                              : put_nothing(out, end, op);
}


VAR(route_name)
{
    return r->route != NULL ? put(out, end, r->route->name)
                            : put_nothing(out, end, op);
}


VAR(attempts)
{
    return put_number(out, end, r->attempts + r->refusals);
}


VAR(connection_id)
{
    return put_number(out, end, r->pc->conn->id);
}


VAR(upstream_connection_id)
{
    return r->up_conn_id == 0 ? put_nothing(out, end, op)
                              : put_number(out, end, r->up_conn_id);
}


VAR(stream_id)
{
    return put_number(out, end, r->id);
}


static mosn_str_t
format_tls(const mosn_request_t *r, mosn_str_t (*what)(const mosn_conn_t *))
{
    return r->pc->conn->tls != NULL ? what(r->pc->conn) : MOSN_STR("");
}


VAR(tls_version)
{
    return put_peer(out, end, op, format_tls(r, mosn_tls_version));
}


VAR(tls_cipher)
{
    return put_peer(out, end, op, format_tls(r, mosn_tls_cipher));
}


VAR(tls_server_name)
{
    return put_peer(out, end, op, format_tls(r, mosn_tls_sni));
}


VAR(client_cert_subject)
{
    const mosn_tls_peer_t *peer = mosn_tls_peer(r->pc->conn);

    return put_peer(out, end, op, peer != NULL ? peer->subject : MOSN_STR(""));
}


VAR(client_cert_name)
{
    const mosn_tls_peer_t *peer = mosn_tls_peer(r->pc->conn);

    return put_peer(out, end, op,
                    peer != NULL && peer->n_names > 0 ? peer->names[0].text
                                                      : MOSN_STR(""));
}


VAR(client_cert_sha256)
{
    const mosn_tls_peer_t *peer = mosn_tls_peer(r->pc->conn);

    return put_peer(out, end, op, peer != NULL ? peer->sha256 : MOSN_STR(""));
}


static const struct {
    const char   *name;
    format_var_pt write;
} format_vars[] = {
    { "attempts", var_attempts },
    { "authority", var_authority },
    { "bytes_received", var_bytes_received },
    { "bytes_sent", var_bytes_sent },
    { "client_cert_name", var_client_cert_name },
    { "client_cert_sha256", var_client_cert_sha256 },
    { "client_cert_subject", var_client_cert_subject },
    { "connection_id", var_connection_id },
    { "downstream_remote_address", var_downstream_remote_address },
    { "downstream_remote_host", var_downstream_remote_host },
    { "duration", var_duration },
    { "listener", var_listener },
    { "protocol", var_protocol },
    { "request_line", var_request_line },
    { "request_method", var_method },
    { "request_path", var_path },
    { "request_received_duration", var_request_received_duration },
    { "request_scheme", var_scheme },
    { "request_uri", var_uri },
    { "response_code", var_response_code },
    { "response_flag", var_response_flag },
    { "response_received_duration", var_response_received_duration },
    { "route_name", var_route_name },
    { "start_time", var_start_time },
    { "stream_id", var_stream_id },
    { "time_local", var_time_local },
    { "tls_cipher", var_tls_cipher },
    { "tls_server_name", var_tls_server_name },
    { "tls_version", var_tls_version },
    { "upstream_cluster", var_upstream_cluster },
    { "upstream_connection_id", var_upstream_connection_id },
    { "upstream_host", var_upstream_host },
};

/* With the rest of the name as their argument. */
static const struct {
    mosn_str_t    prefix;
    format_var_pt write;
} format_prefix_vars[] = {
    { MOSN_STR_INIT("request_header_"), var_request_header },
    { MOSN_STR_INIT("response_header_"), var_response_header },
};


/* --- formats ------------------------------------------------------------ */

static bool
format_find_var(mosn_str_t name, format_op_t *op)
{
    for (size_t i = 0; i < MOSN_COUNT(format_vars); i++) {
        if (mosn_str_equal(mosn_str(format_vars[i].name), name)) {
            op->write = format_vars[i].write;
            return true;
        }
    }
    for (size_t i = 0; i < MOSN_COUNT(format_prefix_vars); i++) {
        mosn_str_t prefix = format_prefix_vars[i].prefix;

        if (name.len > prefix.len && mosn_str_has_prefix(name, prefix)) {
            op->write = format_prefix_vars[i].write;
            op->text =
                (mosn_str_t){ name.at + prefix.len, name.len - prefix.len };
            return true;
        }
    }
    return false;
}


static void
format_unknown_var(mosn_conf_t *reader, const void *member, const void *group,
                   mosn_str_t name)
{
    const char *nearest = NULL;
    unsigned    best = (unsigned) name.len / 3 + 2;

    for (size_t i = 0; i < MOSN_COUNT(format_vars); i++) {
        unsigned d = mosn_str_distance(name, mosn_str(format_vars[i].name));

        if (d < best) {
            best = d;
            nearest = format_vars[i].name;
        }
    }
    if (nearest != NULL) {
        mosn_conf_error(reader, member, group,
                        "there is no variable %%%.*s%%; did you mean %%%s%%?",
                        MOSN_STR_ARG(name), nearest);
    } else {
        mosn_conf_error(reader, member, group,
                        "there is no variable %%%.*s%%; see "
                        "conf/REFERENCE.md",
                        MOSN_STR_ARG(name));
    }
}


/* One operation off the front of `rest`. */
static void
format_compile_op(mosn_conf_t *reader, const void *member, const void *group,
                  mosn_str_t *rest, format_op_t *op)
{
    const char *percent = memchr(rest->at, '%', rest->len);
    size_t      n = percent ? (size_t) (percent - rest->at) : rest->len;
    const char *close;

    if (n > 0) {
        op->text = (mosn_str_t){ rest->at, n };
        rest->at += n;
        rest->len -= n;
        return;
    }
    close = memchr(rest->at + 1, '%', rest->len - 1);
    if (close == NULL) {
        mosn_conf_error(reader, member, group,
                        "a %% without its end; write %%%% for a per cent "
                        "sign");
        rest->len = 0;
        return;
    }
    n = (size_t) (close - rest->at) + 1;
    if (n == 2) {
        op->text = MOSN_STR("%");
    } else if (!format_find_var((mosn_str_t){ rest->at + 1, n - 2 }, op)) {
        format_unknown_var(reader, member, group,
                           (mosn_str_t){ rest->at + 1, n - 2 });
    }
    rest->at += n;
    rest->len -= n;
}


mosn_format_t *
mosn_format_compile(mosn_conf_t *reader, mosn_pool_t *pool, mosn_str_t text,
                    mosn_format_e mode, const void *member, const void *group)
{
    mosn_format_t *format = mosn_pool_calloc(pool, sizeof(*format));

    /* No more operations than bytes. */
    format->ops = mosn_pool_calloc(pool, (text.len + 1) * sizeof(format_op_t));
    while (text.len > 0) {
        format_op_t *op = &format->ops[format->n++];

        op->mode = mode;
        format_compile_op(reader, member, group, &text, op);
    }
    return format;
}


char *
mosn_format_write(const mosn_format_t *format, const mosn_request_t *r,
                  char *out, char *end)
{
    for (size_t i = 0; i < format->n; i++) {
        const format_op_t *op = &format->ops[i];

        out = op->write == NULL ? put(out, end, op->text)
                                : op->write(r, op, out, end);
    }
    return out;
}


/* However long it is: a match must see all of it.  Until the next one. */
static mosn_str_t
format_whole(const mosn_format_t *format, const mosn_request_t *r)
{
    static char  *text;
    static size_t room;
    size_t        n;

    if (room == 0) {
        room = VALUE_MIN;
        text = mosn_alloc(room);
    }
    for (;;) {
        n = (size_t) (mosn_format_write(format, r, text, text + room) - text);
        if (n + NUMBER_ROOM < room || room >= VALUE_MAX) {
            return (mosn_str_t){ text, n };
        }
        room *= 4;
        text = mosn_realloc(text, room);
    }
}


mosn_str_t
mosn_format_value(const mosn_format_t *format, const mosn_request_t *r,
                  mosn_pool_t *pool)
{
    if (format->n == 1 && format->ops[0].write == NULL) {
        return format->ops[0].text;
    }
    return mosn_str_trim(mosn_pool_copy(pool, format_whole(format, r)));
}


bool
mosn_format_has_variable(mosn_str_t name)
{
    format_op_t op;

    return format_find_var(name, &op);
}


mosn_str_t
mosn_variable_value(const void *request, mosn_str_t name)
{
    format_op_t   op = { .mode = MOSN_FORMAT_VALUE };
    mosn_format_t alone = { &op, 1 };

    return format_find_var(name, &op) ? format_whole(&alone, request)
                                      : MOSN_STR("");
}


void
mosn_format_print_variables(FILE *out)
{
    for (size_t i = 0; i < MOSN_COUNT(format_vars); i++) {
        (void) fprintf(out, "%s`%%%s%%`", i > 0 ? ", " : "",
                       format_vars[i].name);
    }
    for (size_t i = 0; i < MOSN_COUNT(format_prefix_vars); i++) {
        (void) fprintf(out, ", `%%%.*sNAME%%`",
                       MOSN_STR_ARG(format_prefix_vars[i].prefix));
    }
}
