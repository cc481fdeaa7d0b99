/* proxy/match.c - predicates of routes. */

#include "proxy/match.h"

#include "core/rand.h"
#include "event/client_hello.h"
#include "event/tls.h"
#include "proto/pairs.h"
#include "proto/rpc.h"
#include "proxy/path_template.h"
#include "stream/transcode.h"

#include <ctype.h>

#define ROLL_SIDES 1000000u

/* A text that must be equal, or, with "*" at its end, a beginning, or that
 * an expression takes. */
typedef struct {
    mosn_str_t    text; /* at NULL: anything */
    bool          open; /* a "*" was at its end */
    mosn_regex_t *regex;
} match_text_t;

struct mosn_match_s {
    bool          path; /* the index does not find it alone */
    bool          call; /* one of the next four is asked for */
    mosn_regex_t *path_regex;
    match_text_t  service;
    match_text_t  method;
    match_text_t  version;
    match_text_t  group;
    mosn_cidr_t  *sources;
    uint32_t      roll_below; /* of a million */
};

#define MISS_NAME(id, name) [MOSN_MISS_##id] = (name),

const char *const mosn_miss_names[MOSN_MISS_COUNT] = { MOSN_MISSES(
    MISS_NAME) };

static const mosn_directive_t match_directives[] = {
    MOSN_STRING(mosn_match_conf_t, prefix, NULL, "The path starts with this."),
    MOSN_STRING(mosn_match_conf_t, path, NULL, "The path is this."),
    MOSN_STRING(mosn_match_conf_t, path_prefix, NULL,
                "The path is this, or it and more segments: \"/api\" takes "
                "\"/api\" and \"/api/x\", not \"/apis\"."),
    MOSN_STRING(mosn_match_conf_t, path_regex, NULL,
                "An expression that takes something of the path; with ^ and "
                "$ all of it."),
    MOSN_STRING(mosn_match_conf_t, template, NULL,
                "The path is this with one segment in place of each {name} "
                "and any rest in place of {*name} at the end."),
    MOSN_STRINGS(mosn_match_conf_t, methods,
                 "The method is one of these: [\"GET\", \"HEAD\"]."),
    MOSN_STRING(mosn_match_conf_t, authority, NULL,
                "The host that the client asked for is this, and with a "
                "\":port\" behind it that port, too."),
    MOSN_STRINGS(mosn_match_conf_t, source_addresses,
                 "The client's address is in one of these: [\"10.0.0.0/8\", "
                 "\"::1\"]."),
    MOSN_STRINGS(mosn_match_conf_t, server_names,
                 "The name that the client asked TLS for is one of these; "
                 "\"*.example.com\" is for one label in place of the star."),
    MOSN_STRINGS(mosn_match_conf_t, client_names,
                 "A DNS name or URI in the client's verified certificate is "
                 "one of these; \"*\" at the end stands for any rest."),
    MOSN_STRING(mosn_match_conf_t, service, NULL,
                "The service that is called, of gRPC, Bolt, Dubbo or another "
                "protocol; \"*\" at the end stands for any rest.  With "
                "\":version\" behind it, that version too."),
    MOSN_STRING(mosn_match_conf_t, method, NULL,
                "The method that is called; \"*\" as above."),
    MOSN_STRING(mosn_match_conf_t, version, NULL,
                "The version of the service; \"*\" as above."),
    MOSN_STRING(mosn_match_conf_t, group, NULL,
                "The group of the service (Bolt: its unique id); \"*\" as "
                "above."),
    MOSN_STRING(mosn_match_conf_t, service_regex, NULL,
                "An expression that takes something of the service."),
    MOSN_STRING(mosn_match_conf_t, method_regex, NULL,
                "An expression that takes something of the method."),
    MOSN_LIST(mosn_match_conf_t, headers, &mosn_text_match_block,
              "Headers, all of which must be right; of a call, those of its "
              "header map or its attachments.  \":authority\", \":method\", "
              "\":path\" and \":scheme\" are what their names say; the scheme "
              "is that of the connection, or of an X-Forwarded-Proto that is "
              "kept.  Of HTTP, those of the connection are never there: "
              "Connection and what it names, Content-Length, Keep-Alive, "
              "Proxy-Connection, TE, Transfer-Encoding, Upgrade."),
    MOSN_LIST(mosn_match_conf_t, query, &mosn_text_match_block,
              "Parameters of the query, all of which must be right; as they "
              "came, %XX and all."),
    MOSN_LIST(mosn_match_conf_t, cookies, &mosn_text_match_block,
              "Cookies, all of which must be right."),
    MOSN_LIST(mosn_match_conf_t, variables, &mosn_text_match_block,
              "Variables, those of access logs, all of which must be right; "
              "names without their per cent signs."),
    MOSN_FLOAT(mosn_match_conf_t, percent, 0, 100, "100",
               "Only so many of the requests that are right otherwise."),
    MOSN_DIRECTIVES_END
};


static void
match_check(mosn_conf_t *reader, void *conf)
{
    const mosn_match_conf_t *m = conf;
    int                      n = (m->prefix.at != NULL) + (m->path.at != NULL)
            + (m->path_prefix.at != NULL) + (m->path_regex.at != NULL)
            + (m->template.at != NULL);

    for (size_t i = 0; i < m->methods.n; i++) {
        mosn_str_t method = m->methods.items[i];

        if (mosn_method_find(method) == MOSN_METHOD_OTHER && method.len > 0
            && islower((unsigned char) method.at[0]))
        {
            mosn_conf_error(reader, &m->methods, m,
                            "methods are written in capitals: \"GET\"");
        }
    }
    if (m->path.at != NULL && memchr(m->path.at, '?', m->path.len) != NULL) {
        mosn_conf_error(reader, &m->path, m,
                        "a path ends before its \"?\"; there is `query` for "
                        "what follows");
    }
    if (n > 1) {
        mosn_conf_error(reader, m, NULL,
                        "needs at most one of `path`, `prefix`, "
                        "`path_prefix`, `path_regex` and `template`");
    }
    if (n > 0 && (m->service.at != NULL || m->method.at != NULL)) {
        mosn_conf_error(reader,
                        m->service.at != NULL ? &m->service : &m->method, m,
                        "a call has \"/service/method\" for its path: name "
                        "either that or the path");
    }
    if (m->service.at != NULL && m->service_regex.at != NULL) {
        mosn_conf_error(reader, &m->service_regex, m,
                        "has both `service` and `service_regex`");
    }
    if (m->method.at != NULL && m->method_regex.at != NULL) {
        mosn_conf_error(reader, &m->method_regex, m,
                        "has both `method` and `method_regex`");
    }
}


const mosn_conf_block_t mosn_match_block = {
    .doc = "Which requests a route is for; an empty group matches all.",
    .size = sizeof(mosn_match_conf_t),
    .directives = match_directives,
    .check = match_check,
};


/* --- building ------------------------------------------------------------ */

static bool
match_is_open(mosn_str_t text)
{
    return text.len > 0 && text.at[text.len - 1] == '*';
}


static match_text_t
match_build_text(mosn_str_t text)
{
    match_text_t t = { .text = text, .open = match_is_open(text) };

    t.text.len -= t.open ? 1 : 0;
    return t;
}


/* "service:version" in one. */
static void
match_split_service(mosn_match_t *m, const mosn_match_conf_t *conf)
{
    mosn_str_t  name = conf->service;
    const char *colon =
        name.at != NULL ? memchr(name.at, ':', name.len) : NULL;

    if (colon == NULL) {
        m->service = match_build_text(name);
        return;
    }
    m->service =
        match_build_text((mosn_str_t){ name.at, (size_t) (colon - name.at) });
    m->version = match_build_text(
        (mosn_str_t){ colon + 1, name.len - m->service.text.len - 1 });
}


static void
match_build_call(mosn_conf_t *reader, mosn_pool_t *pool, mosn_match_t *m,
                 const mosn_match_conf_t *conf)
{
    match_split_service(m, conf);
    m->method = match_build_text(conf->method);
    if (conf->version.at != NULL) {
        m->version = match_build_text(conf->version);
    }
    m->group = match_build_text(conf->group);
    m->service.regex = mosn_regex_build(reader, pool, conf->service_regex,
                                        &conf->service_regex, conf);
    m->method.regex = mosn_regex_build(reader, pool, conf->method_regex,
                                       &conf->method_regex, conf);
}


static void
match_build_sources(mosn_conf_t *reader, mosn_pool_t *pool, mosn_match_t *m,
                    const mosn_match_conf_t *conf)
{
    const mosn_strs_t *list = &conf->source_addresses;

    m->sources = mosn_pool_calloc(pool, list->n * sizeof(*m->sources) + 1);
    for (size_t i = 0; i < list->n; i++) {
        if (!mosn_cidr_parse(list->items[i].at, list->items[i].len,
                             &m->sources[i])) {
            mosn_conf_error(reader, list, conf,
                            "\"%.*s\" is no address and no range like "
                            "\"10.0.0.0/8\"",
                            MOSN_STR_ARG(list->items[i]));
        }
    }
}


static void
match_build_path(mosn_conf_t *reader, mosn_pool_t *pool, mosn_match_t *m,
                 const mosn_match_conf_t *conf)
{
    const char *why = NULL;

    m->path = conf->path_prefix.at != NULL || conf->path_regex.at != NULL
              || conf->template.at != NULL;
    m->path_regex = mosn_regex_build(reader, pool, conf->path_regex,
                                     &conf->path_regex, conf);
    if (conf->template.at != NULL) {
        why = mosn_template_check(conf->template);
        if (why != NULL) {
            mosn_conf_error(reader, &conf->template, conf, "%s", why);
        }
    }
    if (conf->path_prefix.at != NULL
        && (conf->path_prefix.len == 0 || conf->path_prefix.at[0] != '/'))
    {
        mosn_conf_error(reader, &conf->path_prefix, conf,
                        "must start with \"/\"");
    }
}


/* Does the index see all that is asked for? */
static bool
match_is_plain(const mosn_match_conf_t *c)
{
    return c->path_prefix.at == NULL && c->path_regex.at == NULL
           && c->template.at == NULL && c->methods.n == 0
           && c->authority.at == NULL && c->source_addresses.n == 0
           && c->server_names.n == 0 && c->client_names.n == 0
           && c->service.at == NULL && c->method.at == NULL
           && c->version.at == NULL && c->group.at == NULL
           && c->service_regex.at == NULL && c->method_regex.at == NULL
           && c->headers.n == 0 && c->query.n == 0 && c->cookies.n == 0
           && c->variables.n == 0 && c->percent >= 100;
}


mosn_match_t *
mosn_match_build(mosn_conf_t *reader, mosn_pool_t *pool,
                 mosn_match_conf_t *conf)
{
    mosn_match_t *m;

    if (match_is_plain(conf)) {
        return NULL;
    }
    m = mosn_pool_calloc(pool, sizeof(*m));
    m->call = conf->service.at != NULL || conf->method.at != NULL
              || conf->version.at != NULL || conf->group.at != NULL
              || conf->service_regex.at != NULL
              || conf->method_regex.at != NULL;
    match_build_call(reader, pool, m, conf);
    match_build_sources(reader, pool, m, conf);
    match_build_path(reader, pool, m, conf);
    mosn_text_matches_build(reader, pool, &conf->headers);
    mosn_text_matches_build(reader, pool, &conf->query);
    mosn_text_matches_build(reader, pool, &conf->cookies);
    mosn_text_matches_build(reader, pool, &conf->variables);
    m->roll_below = (uint32_t) (conf->percent * ROLL_SIDES / 100 + 0.5);
    return m;
}


/* Of "/api/" what "/api" starts with, too. */
static mosn_str_t
match_strip_slash(mosn_str_t prefix)
{
    if (prefix.len > 0 && prefix.at[prefix.len - 1] == '/') {
        prefix.len--;
    }
    return prefix;
}


mosn_str_t
mosn_match_path(mosn_pool_t *pool, const mosn_match_conf_t *conf,
                mosn_route_key_e *key_r)
{
    mosn_str_t  service = conf->service, method = conf->method;
    const char *colon =
        service.at != NULL ? memchr(service.at, ':', service.len) : NULL;

    if (conf->path.at != NULL) {
        *key_r = MOSN_ROUTE_WHOLE;
        return conf->path;
    }
    *key_r = MOSN_ROUTE_BEGINNING;
    if (conf->prefix.at != NULL) {
        return conf->prefix;
    }
    if (conf->path_prefix.at != NULL) {
        *key_r = MOSN_ROUTE_PARTS;
        return match_strip_slash(conf->path_prefix);
    }
    if (conf->path_regex.at != NULL) {
        return mosn_regex_literal_prefix(conf->path_regex);
    }
    if (conf->template.at != NULL) {
        return mosn_template_literal_prefix(conf->template);
    }
    if (colon != NULL) {
        service.len = (size_t) (colon - service.at);
    }
    if (service.at == NULL) {
        return MOSN_STR("");
    }
    if (match_is_open(service)) {
        return mosn_pool_printf(pool, "/%.*s", (int) service.len - 1,
                                service.at);
    }
    if (method.at == NULL || match_is_open(method)) {
        return mosn_pool_printf(pool, "/%.*s/%.*s", MOSN_STR_ARG(service),
                                method.at == NULL ? 0 : (int) method.len - 1,
                                method.at);
    }
    *key_r = MOSN_ROUTE_WHOLE;
    return mosn_pool_printf(pool, "/%.*s/%.*s", MOSN_STR_ARG(service),
                            MOSN_STR_ARG(method));
}


/* --- matching ------------------------------------------------------------ */

static bool
match_text(const match_text_t *want, mosn_str_t is)
{
    if (want->regex != NULL) {
        return mosn_regex_is_match(want->regex, is);
    }
    if (want->text.at == NULL) {
        return true;
    }
    return want->open ? mosn_str_has_prefix(is, want->text)
                      : mosn_str_equal(is, want->text);
}


static bool
match_path(const mosn_match_t *m, const mosn_match_conf_t *conf,
           mosn_str_t path)
{
    mosn_str_t prefix;

    if (conf->path.at != NULL) {
        return mosn_str_equal(conf->path, path);
    }
    if (conf->prefix.at != NULL) {
        return mosn_str_has_prefix(path, conf->prefix);
    }
    if (conf->path_prefix.at != NULL) {
        prefix = match_strip_slash(conf->path_prefix);
        return path.len > 0 /* CONNECT has none */
               && mosn_str_has_prefix(path, prefix)
               && (path.len == prefix.len || path.at[prefix.len] == '/');
    }
    if (conf->path_regex.at != NULL) {
        return m->path_regex != NULL
               && mosn_regex_is_match(m->path_regex, path);
    }
    return conf->template.at == NULL
           || mosn_template_is_match(conf->template, path, NULL);
}


/* Of gRPC: "/service/method". */
static void
match_split_path(mosn_str_t path, mosn_str_t *service_r, mosn_str_t *method_r)
{
    const char *slash =
        path.len > 1 ? memrchr(path.at + 1, '/', path.len - 1) : NULL;

    *service_r = *method_r = MOSN_STR("");
    if (slash != NULL) {
        *service_r =
            (mosn_str_t){ path.at + 1, (size_t) (slash - path.at) - 1 };
        *method_r = (mosn_str_t){ slash + 1, path.len - service_r->len - 2 };
    }
}


/* What a mesh says of a call that it carries; a client could say as much. */
static mosn_str_t
match_carried(const mosn_message_t *request, mosn_str_t name)
{
    const mosn_header_t *h = mosn_headers_find_name(&request->headers, name);

    return h != NULL ? mosn_header_value(h) : MOSN_STR("");
}


static mosn_miss_e
match_call(const mosn_match_t *m, const mosn_match_input_t *in)
{
    mosn_message_t *request = in->request;
    mosn_str_t      service, method, version = MOSN_STR(""), group = version;

    if (request->rpc != NULL) {
        if (m->group.text.at != NULL && request->rpc->group.at == NULL) {
            mosn_message_need_headers(request); /* it may stand there */
        }
        service = request->rpc->service;
        method = request->rpc->method;
        version = request->rpc->version;
        group = request->rpc->group;
    } else {
        match_split_path(in->path, &service, &method);
        version = match_carried(request, MOSN_STR(MOSN_RPC_VERSION_HEADER));
        group = match_carried(request, MOSN_STR(MOSN_RPC_GROUP_HEADER));
    }
    return !match_text(&m->service, service)   ? MOSN_MISS_SERVICE
           : !match_text(&m->method, method)   ? MOSN_MISS_METHOD
           : !match_text(&m->version, version) ? MOSN_MISS_VERSION
           : !match_text(&m->group, group)     ? MOSN_MISS_GROUP
                                               : MOSN_MISS_NONE;
}


static bool
match_method(const mosn_strs_t *methods, mosn_str_t method)
{
    for (size_t i = 0; i < methods->n; i++) {
        if (mosn_str_equal(methods->items[i], method)) {
            return true;
        }
    }
    return methods->n == 0;
}


/* "host." and "80" of "host.:80"; a port of no bytes when there is none. */
static mosn_str_t
match_split_port(mosn_str_t authority, mosn_str_t *port_r)
{
    const char *colon =
        authority.len > 0 && authority.at[authority.len - 1] != ']'
            ? memrchr(authority.at, ':', authority.len)
            : NULL;

    *port_r = MOSN_STR("");
    if (colon != NULL) {
        size_t n = (size_t) (colon - authority.at);

        *port_r = (mosn_str_t){ colon + 1, authority.len - n - 1 };
        authority.len = n;
    }
    return authority;
}


/* Without a port in what is asked for, any will do; a dot behind the name is
 * no other name. */
static bool
match_authority(mosn_str_t want, mosn_str_t is)
{
    mosn_str_t want_port, port, want_name, name;

    if (mosn_str_equal_nocase(want, is)) {
        return true;
    }
    want_name = match_split_port(want, &want_port);
    name = match_split_port(is, &port);
    if (name.len > want_name.len && name.at[name.len - 1] == '.') {
        name.len--;
    }
    return mosn_str_equal_nocase(want_name, name)
           && (want_port.len == 0 || mosn_str_equal(want_port, port));
}


static bool
match_source(const mosn_match_t *m, size_t n, const mosn_match_input_t *in)
{
    const mosn_inet_t *source =
        in->client != NULL ? &in->client->peer : in->source;

    for (size_t i = 0; i < n && source != NULL; i++) {
        if (mosn_cidr_has(&m->sources[i], &source->sa)) {
            return true;
        }
    }
    return false;
}


static bool
match_server_name(const mosn_strs_t *names, const mosn_match_input_t *in)
{
    mosn_str_t is = in->server_name;

    if (in->client != NULL && in->client->tls != NULL) {
        is = mosn_tls_sni(in->client);
    }
    for (size_t i = 0; i < names->n; i++) {
        if (mosn_server_name_matches(names->items[i], is)) {
            return true;
        }
    }
    return false;
}


static bool
match_client(const mosn_strs_t *names, const mosn_conn_t *client)
{
    const mosn_tls_peer_t *peer =
        client != NULL ? mosn_tls_peer(client) : NULL;

    for (size_t i = 0; i < names->n && peer != NULL; i++) {
        if (mosn_tls_peer_has_name(peer, names->items[i])) {
            return true;
        }
    }
    return false;
}


/* What HTTP/2 calls pseudo headers; of HTTP/1 the same.  at NULL: none of
 * them. */
static mosn_str_t
match_pseudo(const mosn_message_t *m, mosn_str_t name)
{
    if (mosn_str_equal_nocase(name, MOSN_STR(":authority"))
        || mosn_str_equal_nocase(name, MOSN_STR("host")))
    {
        return m->authority;
    }
    return mosn_str_equal(name, MOSN_STR(":method"))   ? m->method
           : mosn_str_equal(name, MOSN_STR(":path"))   ? m->path
           : mosn_str_equal(name, MOSN_STR(":scheme")) ? m->scheme
                                                       : MOSN_STR_NULL;
}


static bool
match_header(const mosn_text_match_conf_t *want, const mosn_message_t *m)
{
    mosn_str_t pseudo = match_pseudo(m, want->name);
    bool       there = pseudo.at != NULL, right;

    right = there && mosn_text_match_is_right(want, pseudo);
    for (uint32_t i = 0; i < m->headers.n && !right && pseudo.at == NULL; i++)
    {
        const mosn_header_t *h = &m->headers.items[i];

        if (!h->removed
            && mosn_str_equal_nocase(want->name,
                                     (mosn_str_t){ h->name, h->name_len }))
        {
            there = true;
            right = mosn_text_match_is_right(want, mosn_header_value(h));
        }
    }
    return mosn_text_match_verdict(want, there, right);
}


static bool
match_parameter(const mosn_text_match_conf_t *want,
                const mosn_match_input_t     *in)
{
    mosn_str_t rest = in->request->path, name, value;
    bool       there = false, right = false;

    rest.at += in->path.len;
    rest.len -= in->path.len;
    while (!right && mosn_query_next(&rest, &name, &value)) {
        if (mosn_str_equal(name, want->name)) {
            there = true;
            right = mosn_text_match_is_right(want, value);
        }
    }
    return mosn_text_match_verdict(want, there, right);
}


static bool
match_cookie(const mosn_text_match_conf_t *want, const mosn_message_t *m)
{
    bool there = false, right = false;

    for (uint32_t i = 0; i < m->headers.n && !right; i++) {
        const mosn_header_t *h = &m->headers.items[i];
        mosn_str_t           rest, name, value;

        if (h->removed || h->id != MOSN_HEADER_COOKIE) {
            continue;
        }
        rest = mosn_header_value(h);
        while (!right && mosn_cookie_next(&rest, &name, &value)) {
            if (mosn_str_equal(name, want->name)) {
                there = true;
                right = mosn_text_match_is_right(want, value);
            }
        }
    }
    return mosn_text_match_verdict(want, there, right);
}


static bool
match_variable(const mosn_text_match_conf_t *want,
               const mosn_match_input_t     *in)
{
    mosn_str_t value = in->variable != NULL
                           ? in->variable(in->variables_of, want->name)
                           : MOSN_STR("");

    return mosn_text_match_verdict(
        want, value.len > 0,
        value.len > 0 && mosn_text_match_is_right(want, value));
}


/* What is cheap to know, and was the client's choice of a connection. */
static mosn_miss_e
match_ends(const mosn_match_t *m, const mosn_match_conf_t *conf,
           const mosn_match_input_t *in)
{
    if (!match_method(&conf->methods, in->request->method)) {
        return MOSN_MISS_METHODS;
    }
    if (conf->authority.at != NULL
        && !match_authority(conf->authority, in->request->authority))
    {
        return MOSN_MISS_AUTHORITY;
    }
    if (conf->source_addresses.n > 0
        && !match_source(m, conf->source_addresses.n, in))
    {
        return MOSN_MISS_SOURCE;
    }
    if (conf->server_names.n > 0
        && !match_server_name(&conf->server_names, in)) {
        return MOSN_MISS_SERVER_NAME;
    }
    if (conf->client_names.n > 0
        && !match_client(&conf->client_names, in->client)) {
        return MOSN_MISS_CLIENT_NAME;
    }
    return m->call ? match_call(m, in) : MOSN_MISS_NONE;
}


static mosn_miss_t
match_values(const mosn_match_conf_t *conf, mosn_match_input_t *in)
{
    if (conf->headers.n > 0 || conf->cookies.n > 0) {
        mosn_message_need_headers(in->request);
    }
    for (uint32_t i = 0; i < conf->headers.n; i++) {
        if (!match_header(&conf->headers.items[i], in->request)) {
            return (mosn_miss_t){ MOSN_MISS_HEADER, i };
        }
    }
    for (uint32_t i = 0; i < conf->query.n; i++) {
        if (!match_parameter(&conf->query.items[i], in)) {
            return (mosn_miss_t){ MOSN_MISS_QUERY, i };
        }
    }
    for (uint32_t i = 0; i < conf->cookies.n; i++) {
        if (!match_cookie(&conf->cookies.items[i], in->request)) {
            return (mosn_miss_t){ MOSN_MISS_COOKIE, i };
        }
    }
    for (uint32_t i = 0; i < conf->variables.n; i++) {
        if (!match_variable(&conf->variables.items[i], in)) {
            return (mosn_miss_t){ MOSN_MISS_VARIABLE, i };
        }
    }
    return (mosn_miss_t){ MOSN_MISS_NONE, 0 };
}


/* The next roll of a request: what missed one route says nothing of the
 * next. */
static uint32_t
match_roll_again(uint32_t roll)
{
    uint64_t x = (roll + 1u) * 0x9e3779b97f4a7c15u;

    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return (uint32_t) ((x ^ x >> 32) % ROLL_SIDES);
}


mosn_miss_t
mosn_match_check(const mosn_match_t *m, const mosn_match_conf_t *conf,
                 mosn_match_input_t *in, bool whole)
{
    mosn_miss_t miss = { MOSN_MISS_NONE, 0 };

    if ((whole || (m != NULL && m->path)) && !match_path(m, conf, in->path)) {
        return (mosn_miss_t){ MOSN_MISS_PATH, 0 };
    }
    if (m == NULL) {
        return miss;
    }
    miss.what = match_ends(m, conf, in);
    if (miss.what == MOSN_MISS_NONE) {
        miss = match_values(conf, in);
    }
    if (miss.what == MOSN_MISS_NONE && m->roll_below < ROLL_SIDES) {
        if (in->roll == MOSN_MATCH_NO_ROLL) {
            in->roll = mosn_rand_below(ROLL_SIDES);
        }
        if (in->roll >= m->roll_below) {
            in->roll = in->roll != MOSN_MATCH_NEVER
                           ? match_roll_again(in->roll)
                           : in->roll;
            miss.what = MOSN_MISS_PERCENT;
        }
    }
    return miss;
}


void
mosn_match_input(mosn_match_input_t *in, mosn_message_t *request,
                 const mosn_conn_t *client)
{
    const char *query = request->path.len > 0 && request->rpc == NULL
                            ? memchr(request->path.at, '?', request->path.len)
                            : NULL;

    in->request = request;
    in->path = request->path.len > 0 ? request->path : MOSN_STR("");
    if (query != NULL) {
        in->path.len = (size_t) (query - request->path.at);
    }
    in->client = client;
    in->server_name = MOSN_STR_NULL;
    in->source = NULL;
    in->roll = MOSN_MATCH_NO_ROLL;
    in->variable = NULL;
    in->variables_of = NULL;
}
