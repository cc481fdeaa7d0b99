/* proxy/explain.c - ask the tables, and tell what they say. */

#include "proxy/explain.h"

#include "os/clock.h"
#include "proto/http1.h"
#include "proto/rpc.h"
#include "proxy/format.h"
#include "proxy/grpc.h"
#include "proxy/request_parts.h"

#include <ctype.h>

#define LIST_ALL 50u /* routes; of more only those whose path is right */


/* --- routes ---------------------------------------------------------------
 */

static void
explain_miss(const mosn_route_t *route, mosn_miss_t miss, FILE *out)
{
    const mosn_match_conf_t   *m = &route->conf->match;
    const mosn_text_matches_t *list =
        miss.what == MOSN_MISS_HEADER     ? &m->headers
        : miss.what == MOSN_MISS_QUERY    ? &m->query
        : miss.what == MOSN_MISS_COOKIE   ? &m->cookies
        : miss.what == MOSN_MISS_VARIABLE ? &m->variables
                                          : NULL;

    (void) fprintf(out, "  %.*s (%s): ", MOSN_STR_ARG(route->name),
                   route->where);
    if (miss.what == MOSN_MISS_NONE) {
        (void) fputs("matches\n", out);
    } else if (list != NULL) {
        (void) fprintf(out, "no, %s[%u] \"%.*s\" is not right\n",
                       mosn_miss_names[miss.what], miss.at,
                       MOSN_STR_ARG(list->items[miss.at].name));
    } else if (miss.what == MOSN_MISS_PERCENT) {
        (void) fprintf(out,
                       "no, this time; it takes %g %% of those that "
                       "get here\n",
                       m->percent);
    } else {
        (void) fprintf(out, "no, `%s` is not right\n",
                       mosn_miss_names[miss.what]);
    }
}


const mosn_route_t *
mosn_explain_routes(const mosn_virtual_host_t *host, mosn_match_input_t *in,
                    FILE *out)
{
    uint32_t left_out = 0;

    for (uint32_t i = 0; i < host->n_routes; i++) {
        const mosn_route_t *route = &host->routes[i];
        mosn_miss_t         miss =
            mosn_match_check(route->match, &route->conf->match, in, true);

        if (miss.what == MOSN_MISS_PATH && host->n_routes > LIST_ALL) {
            left_out++;
        } else if (out != NULL) {
            explain_miss(route, miss, out);
        }
        if (miss.what == MOSN_MISS_NONE) {
            if (left_out > 0 && out != NULL) {
                (void) fprintf(out, "  (and %u before it of other paths)\n",
                               left_out);
            }
            return route;
        }
    }
    return NULL;
}


/* --- the request ----------------------------------------------------------
 */

/* Everything that a live request has around it, as far as it is looked at. */
typedef struct {
    mosn_loop_t            loop;
    mosn_listener_t        listener;
    mosn_conn_t            conn;
    mosn_proxy_conn_t      pc;
    mosn_request_t         r;
    mosn_message_t         head;
    mosn_message_t         read; /* as it would be */
    mosn_buf_t             in;   /* from that */
    mosn_rpc_t             rpc;
    const mosn_question_t *q;
} explain_t;


/* "http://host:80/path", "host/path" or "/path". */
static void
explain_url(mosn_message_t *m, mosn_str_t url, mosn_pool_t *pool)
{
    const char *hash, *at;
    size_t      n = 0;

    m->authority = MOSN_STR("");
    while (n < url.len && isalpha((unsigned char) url.at[n])) {
        n++;
    }
    if (url.len >= n + 3 && memcmp(url.at + n, "://", 3) == 0) {
        url.at += n + 3;
        url.len -= n + 3;
    }
    hash = url.len > 0 ? memchr(url.at, '#', url.len) : NULL;
    if (hash != NULL) { /* which no client sends */
        url.len = (size_t) (hash - url.at);
    }
    m->path = url;
    if (url.len == 0 || url.at[0] == '/' || mosn_str_equal(url, MOSN_STR("*")))
    {
        return;
    }
    for (n = 0; n < url.len && url.at[n] != '/' && url.at[n] != '?'; n++) {
    }
    m->authority = (mosn_str_t){ url.at, n };
    m->path = (mosn_str_t){ url.at + n, url.len - n };
    if (m->method_id == MOSN_METHOD_CONNECT) {
        m->path = MOSN_STR("");
    } else if (m->path.len == 0 || m->path.at[0] == '?') {
        m->path = mosn_pool_printf(pool, "/%.*s", MOSN_STR_ARG(m->path));
    }
    at = memchr(m->authority.at, '@', n);
    if (at != NULL) { /* nor who he is */
        m->authority.len -= (size_t) (at + 1 - m->authority.at);
        m->authority.at = at + 1;
    }
}


/* at NULL: it is not said. */
static mosn_str_t
explain_word(mosn_str_t *rest)
{
    mosn_str_t word;

    do { /* blanks may be many */
        word = mosn_str_next_word(rest);
    } while (word.len == 0 && rest->len > 0);
    return word.len > 0 ? word : MOSN_STR_NULL;
}


static void
explain_call(explain_t *e, mosn_str_t text, mosn_pool_t *pool)
{
    static const mosn_rpc_codec_t codec = { .protocol =
                                                MOSN_STR_INIT("call") };

    e->rpc.codec = &codec;
    e->rpc.decoded = true;
    e->rpc.service = explain_word(&text);
    e->rpc.method = explain_word(&text);
    e->rpc.version = explain_word(&text);
    if (mosn_str_equal(e->rpc.version, MOSN_STR("0.0.0"))) {
        e->rpc.version = MOSN_STR_NULL; /* Dubbo's word for none */
    }
    e->rpc.group = explain_word(&text);
    e->head.method = e->rpc.method;
    e->head.rpc = &e->rpc;
    e->head.path = mosn_rpc_path(&e->rpc, pool);
}


static const char *
explain_build(explain_t *e, const mosn_proxy_conf_t *proxy,
              const mosn_listener_conf_t *listener, const mosn_question_t *q,
              mosn_pool_t *pool)
{
    mosn_address_t source;
    char           text[64];
    int            n;

    mosn_message_init(&e->head, pool);
    e->q = q;
    e->head.version = q->http2 ? MOSN_HTTP_2 : MOSN_HTTP_11;
    if (q->call.len > 0) {
        explain_call(e, q->call, pool);
    } else {
        e->head.method = q->method.len > 0 ? q->method : MOSN_STR("GET");
        e->head.method_id = mosn_method_find(e->head.method);
        explain_url(&e->head, q->url, pool);
        if (e->head.path.len == 0 && e->head.method_id != MOSN_METHOD_CONNECT)
        {
            return "the request has no path";
        }
    }
    for (size_t i = 0; i < q->headers.n; i++) {
        const mosn_conf_pair_t *p = &q->headers.items[i];

        if (e->head.rpc == NULL
            && mosn_str_equal_nocase(p->name, MOSN_STR("host"))) {
            e->head.authority = p->value;
        } else {
            mosn_headers_add(&e->head.headers,
                             mosn_header_find_id(p->name.at, p->name.len),
                             p->name, p->value);
        }
    }
    e->conn.peer.sa.sa_family = AF_UNIX;
    if (q->source.len > 0) {
        n = snprintf(text, sizeof(text),
                     memchr(q->source.at, ':', q->source.len) ? "[%.*s]:0"
                                                              : "%.*s:0",
                     MOSN_STR_ARG(q->source));
        if (n >= (int) sizeof(text)
            || !mosn_address_parse(text, (size_t) n, &source)) {
            return "`source` is no address";
        }
        e->conn.peer = source.inet;
    }
    e->loop.now_ns = mosn_clock_ns();
    e->loop.now_ms = e->loop.now_ns / 1000000;
    e->listener.conf = listener;
    e->conn.loop = &e->loop;
    e->conn.pool = pool;
    e->conn.listener = &e->listener;
    e->pc.conf = proxy;
    e->pc.conn = &e->conn;
    e->r.pc = &e->pc;
    e->r.conf = proxy;
    e->r.loop = &e->loop;
    e->r.pool = pool;
    e->r.head = &e->head;
    e->r.path = e->head.path;
    if (e->head.rpc == NULL) {
        e->head.scheme = mosn_request_scheme(&e->r, q->tls != NULL);
        mosn_request_spell_path(proxy, &e->head, pool);
    }
    e->r.spelled = e->head.path;
    e->r.authority = e->head.authority;
    return NULL;
}


/* --- the answer -----------------------------------------------------------
 */

/* Do the hosts have something else than what was asked for? */
static const char *
explain_fallback(mosn_cluster_t *c, const mosn_host_group_t *group,
                 const mosn_conf_pairs_t *subset)
{
    if (subset->n == 0 || group == NULL) {
        return "";
    }
    if (group == &c->groups.whole) {
        return " (fallback: any)";
    }
    return mosn_host_groups_has(&c->groups, subset) ? ""
                                                    : " (fallback: default)";
}


static void
explain_subset(const mosn_conf_pairs_t *subset, mosn_cluster_t *c, FILE *out)
{
    const mosn_host_group_t *group;

    if (subset == NULL) {
        return;
    }
    group = mosn_host_groups_find(&c->groups, subset);
    (void) fputs("subset     ", out);
    for (size_t i = 0; i < subset->n; i++) {
        (void) fprintf(out, "%s%.*s=%.*s", i > 0 ? " " : "",
                       MOSN_STR_ARG(subset->items[i].name),
                       MOSN_STR_ARG(subset->items[i].value));
    }
    (void) fprintf(out, ": %u of %u hosts%s\n",
                   group != NULL ? group->n_hosts : 0, c->n_hosts,
                   explain_fallback(c, group, subset));
}


static void
explain_cluster(mosn_cluster_t *c, const mosn_conf_pairs_t *subset, FILE *out)
{
    explain_subset(subset, c, out);
    (void) fputs("cluster    ", out);
    mosn_cluster_print(c, out);
}


static void
explain_split(const mosn_route_t *route, FILE *out)
{
    const mosn_forward_conf_t *f = route->conf->route;

    (void) fputs("split     ", out);
    for (size_t i = 0; i < f->clusters.n; i++) {
        (void) fprintf(out, " %.*s %lld/%u%s",
                       MOSN_STR_ARG(f->clusters.items[i].name),
                       (long long) f->clusters.items[i].weight,
                       route->split_total, i + 1 < f->clusters.n ? "," : "\n");
    }
}


static void
explain_mirrors(const mosn_request_t *r, FILE *out)
{
    const mosn_mirrors_conf_t *list = &r->route->conf->route->mirror;

    for (size_t i = 0; i < list->n; i++) {
        const mosn_mirror_conf_t *m = &list->items[i];

        (void) fprintf(out, "mirror     %.*s, ", MOSN_STR_ARG(m->cluster));
        if (mosn_mirror_fits(r, m)) {
            (void) fprintf(out, "%g %%\n", m->percent);
        } else {
            (void) fputs("no: of tunnels, or into another protocol\n", out);
        }
    }
}


static void
explain_too_long(mosn_explained_t *result, FILE *out)
{
    result->status = 414;
    if (out != NULL) {
        (void) fputs("action     answer 414: the new path is too long\n", out);
    }
}


static void
explain_forward(explain_t *e, mosn_explained_t *result, FILE *out)
{
    const mosn_route_t        *route = e->r.route;
    const mosn_forward_conf_t *f = route->conf->route;
    const mosn_conf_pairs_t   *subset;
    mosn_cluster_t *c = mosn_route_pick_cluster(route, e->r.conf->generation,
                                                &e->head, &subset);

    result->cluster = c;
    if (c == NULL) {
        result->status = 503;
        if (out != NULL) {
            (void) fprintf(out, "action     503: `%.*s` names no cluster\n",
                           MOSN_STR_ARG(f->cluster_header));
        }
        return;
    }
    e->r.cluster = c;
    e->r.version = c->version;
    if (e->head.rpc == NULL && !mosn_request_rewrite(&e->r)) {
        explain_too_long(result, out);
        return;
    }
    mosn_edits_on_request(route->edits, &e->r, &e->head);
    mosn_edits_on_request(route->host->edits, &e->r, &e->head);
    mosn_edits_on_request(c->version->edits, &e->r, &e->head);
    result->path = e->head.path;
    result->host = e->head.authority;
    if (out == NULL) {
        return;
    }
    (void) fprintf(out, "action     forward to %.*s as %.*s, Host: %.*s\n",
                   MOSN_STR_ARG(c->name), MOSN_STR_ARG(result->path),
                   MOSN_STR_ARG(result->host));
    if (route->split != NULL) {
        explain_split(route, out);
    }
    explain_cluster(c, subset, out);
    explain_mirrors(&e->r, out);
}


static void
explain_action(explain_t *e, mosn_explained_t *result, FILE *out)
{
    const mosn_route_t *route = e->r.route;

    if (route->conf->route != NULL) {
        explain_forward(e, result, out);
    } else if (route->conf->respond != NULL) {
        result->status = (unsigned) route->conf->respond->status;
        if (out != NULL) {
            (void) fprintf(out, "action     answer %u, %zu bytes\n",
                           result->status, route->body.len);
        }
    } else {
        result->status = (unsigned) route->conf->redirect->status;
        result->location = mosn_route_location(route, &e->head, e->r.pool);
        if (result->location.at == NULL) {
            explain_too_long(result, out);
        } else if (out != NULL) {
            (void) fprintf(out, "action     redirect %u to %.*s\n",
                           result->status, MOSN_STR_ARG(result->location));
        }
    }
}


/* They are not asked: what they would change is not seen. */
static void
explain_filters(const mosn_proxy_conf_t *proxy, FILE *out)
{
    const mosn_conf_modules_t *list = &proxy->stream_filters;

    if (out == NULL || list->n == 0) {
        return;
    }
    (void) fputs("filters    ", out);
    for (size_t i = 0; i < list->n; i++) {
        (void) fprintf(out, "%s%s", i > 0 ? ", " : "",
                       list->items[i].module->name);
    }
    (void) fputs(": not asked here, they may change the request before its "
                 "route is looked for\n",
                 out);
}


/* As a client of HTTP/1.1 would send it. */
static void
explain_write(const explain_t *e, FILE *out)
{
    const mosn_message_t *m = &e->head;
    mosn_str_t            to =
        m->method_id == MOSN_METHOD_CONNECT ? m->authority : e->r.path;

    (void) fprintf(out, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n",
                   MOSN_STR_ARG(m->method), MOSN_STR_ARG(to),
                   m->authority.len > 0 ? (int) m->authority.len : 1,
                   m->authority.len > 0 ? m->authority.at : "-");
    for (uint32_t i = 0; i < m->headers.n; i++) {
        const mosn_header_t *h = &m->headers.items[i];

        (void) fprintf(out, "%.*s: %.*s\r\n", (int) h->name_len, h->name,
                       (int) h->value_len, h->value);
    }
    (void) fputs("\r\n", out);
}


static void
explain_close(void *explain)
{
    mosn_buf_close(&((explain_t *) explain)->in);
}


/* Why it would not be let in; NULL: it would. */
static const char *
explain_parse(explain_t *e, unsigned *status_r)
{
    const mosn_stream_settings_t *s = &e->r.conf->settings;
    mosn_http1_limits_t           limits = {
                  .max_header_bytes = s->max_header_bytes,
                  .max_uri_bytes = s->max_uri_bytes,
                  .max_headers = s->max_headers,
    };
    mosn_http1_scan_t    scan = { 0 };
    mosn_http1_framing_t framing;
    mosn_http1_error_t   error = { MOSN_REASON_BAD_REQUEST, "is cut" };
    char                *text = NULL;
    size_t               n = 0;
    FILE                *out = open_memstream(&text, &n);
    mosn_rc_e            rc;

    explain_write(e, out);
    (void) fclose(out);
    mosn_message_init(&e->read, e->r.pool);
    mosn_buf_open(&e->in, n);
    mosn_pool_on_destroy(e->r.pool, explain_close, e);
    memcpy(e->in.pos, text, n);
    e->in.last += n;
    free(text);
    rc = mosn_http1_read_request(&scan, &limits, &e->in, &e->read, &framing,
                                 &error);
    *status_r = rc == MOSN_OK ? 0 : mosn_reasons[error.reason].status;
    return rc == MOSN_OK ? NULL : error.text;
}


/* Is the certificate, or the name that was asked for, that of the host? */
static bool
explain_covers(const explain_t *e)
{
    mosn_str_t host = mosn_request_vouched_host(&e->r);

    return e->q->tls == NULL || host.at == NULL
           || mosn_tls_would_cover(e->q->tls, e->q->server_name, host);
}


/* Why it would go no further; NULL: it would. */
static const char *
explain_check(explain_t *e, unsigned *status_r)
{
    bool          covered = explain_covers(e);
    mosn_reason_e reason = MOSN_REASON_MISDIRECTED;

    if (covered) {
        e->r.head = &e->read;
        reason = mosn_request_check(&e->r);
        e->r.head = &e->head;
    }
    *status_r = mosn_reasons[reason].status;
    return reason == MOSN_REASON_NONE ? NULL
           : !covered ? "its host is neither the server name nor one of the "
                        "certificate's"
           : reason == MOSN_REASON_BODY_TOO_LARGE
               ? "its body is longer than `max_body_bytes`"
           : e->head.method_id == MOSN_METHOD_CONNECT
               ? "`allow_connect` is not set"
               : "its upgrade is none of `upgrades`";
}


/* What is answered before routes are looked at. */
static bool
explain_refused(explain_t *e, mosn_explained_t *result, FILE *out)
{
    const char *why = NULL;

    if (e->head.rpc != NULL) {
        return false;
    }
    why = explain_parse(e, &result->status);
    if (why == NULL) {
        e->r.grpc = mosn_grpc_is(&e->read);
        e->head.headers = e->read.headers; /* without those of the hop */
        why = explain_check(e, &result->status);
    }
    if (why != NULL && out != NULL) {
        (void) fprintf(out, "action     answer %u: %s\n", result->status, why);
    }
    return why != NULL;
}


/* The question of a browser, which is answered for the request to come. */
static bool
explain_preflight(explain_t *e, mosn_match_input_t *in,
                  mosn_explained_t *result, FILE *out)
{
    const mosn_route_t *route = NULL;

    e->r.routes = e->r.conf->table->current;
    if (e->head.method_id == MOSN_METHOD_OPTIONS) {
        route = mosn_request_find_preflight(&e->r, in);
    }
    if (route == NULL) {
        return false;
    }
    result->route = route;
    result->status = 204;
    if (out != NULL) {
        (void) fprintf(out,
                       "  %.*s (%s): matches the request that a browser asks "
                       "about\naction     answer 204: the preflight of CORS\n",
                       MOSN_STR_ARG(route->name), route->where);
    }
    return true;
}


/* Answers of ours are for gRPC to read. */
static void
explain_grpc(const explain_t *e, mosn_explained_t *result, FILE *out)
{
    if (!e->r.grpc || result->status < 400) {
        return;
    }
    result->status = 200;
    if (out != NULL) {
        (void) fputs("grpc       the client gets 200, and that as its "
                     "grpc-status\n",
                     out);
    }
}


/* Of what a connection would know the question tells some. */
static mosn_str_t
explain_variable(const void *request, mosn_str_t name)
{
    const explain_t *e =
        mosn_container_of((const mosn_request_t *) request, explain_t, r);

    return e->q->tls != NULL
                   && mosn_str_equal(name, MOSN_STR("tls_server_name"))
               ? e->q->server_name
               : mosn_variable_value(request, name);
}


const char *
mosn_explain(const mosn_proxy_conf_t    *proxy,
             const mosn_listener_conf_t *listener, const mosn_question_t *q,
             mosn_pool_t *pool, mosn_explained_t *result, FILE *out)
{
    explain_t           *e = mosn_pool_calloc(pool, sizeof(*e));
    const char          *why = explain_build(e, proxy, listener, q, pool);
    mosn_match_input_t   in;
    mosn_virtual_host_t *host;

    memset(result, 0, sizeof(*result));
    if (why != NULL) {
        return why;
    }
    if (explain_refused(e, result, out)) {
        explain_grpc(e, result, out);
        return NULL;
    }
    mosn_match_input(&in, &e->head, &e->conn);
    in.server_name = q->server_name;
    in.variable = explain_variable;
    in.variables_of = &e->r;
    if (out == NULL) { /* a test has one result */
        in.roll = MOSN_MATCH_NEVER;
    }
    host = mosn_virtual_host_find(proxy->table->current, e->head.authority);
    if (out != NULL) {
        (void) fprintf(out, "routes     %.*s\nhost       %.*s\n",
                       MOSN_STR_ARG(proxy->table->name),
                       host != NULL ? (int) host->name.len : 4,
                       host != NULL ? host->name.at : "none");
    }
    explain_filters(proxy, out);
    if (host != NULL && explain_preflight(e, &in, result, out)) {
        return NULL;
    }
    if (host != NULL) {
        e->r.route = mosn_explain_routes(host, &in, out);
    }
    result->route = e->r.route;
    if (e->r.route != NULL && mosn_route_may_answer(e->r.route, &e->read)) {
        explain_action(e, result, out);
    } else {
        result->status = 404;
        if (out != NULL) {
            (void) fprintf(
                out, "action     answer 404: %s\n",
                e->r.route == NULL
                    ? "no route matches"
                    : "its route leads to no cluster, for a tunnel");
        }
    }
    explain_grpc(e, result, out);
    return NULL;
}
