/* proxy/match.c - predicates of routes. */

#include "proxy/match.h"

#include "core/conf.h"
#include "event/tls.h"
#include "proto/rpc.h"
#include "stream/transcode.h"

/* A text that must be equal, or, with "*" at its end, a beginning, or that
 * an expression takes. */
typedef struct {
    mosn_str_t    text; /* at NULL: anything */
    bool          open; /* a "*" was at its end */
    mosn_regex_t *regex;
} match_text_t;

typedef struct {
    const mosn_match_header_conf_t *conf;
    mosn_regex_t                   *regex;
} match_header_t;

struct mosn_match_s {
    const mosn_match_conf_t *conf;
    bool                     call; /* one of the next four is asked for */
    match_text_t             service;
    match_text_t             method;
    match_text_t             version;
    match_text_t             group;
    match_header_t          *headers;
};

static const mosn_directive_t header_directives[] = {
    MOSN_STRING_REQUIRED(mosn_match_header_conf_t, name, "Its name."),
    MOSN_STRING(mosn_match_header_conf_t, exact, NULL, "Its value is this."),
    MOSN_STRING(mosn_match_header_conf_t, prefix, NULL,
                "Its value starts with this."),
    MOSN_STRING(mosn_match_header_conf_t, suffix, NULL,
                "Its value ends with this."),
    MOSN_STRING(mosn_match_header_conf_t, contains, NULL,
                "Its value has this in it."),
    MOSN_STRING(mosn_match_header_conf_t, regex, NULL,
                "Its value has something in it that this expression takes."),
    MOSN_BOOL(mosn_match_header_conf_t, present, true,
              "It is there, or with `false` it is not, when nothing else is "
              "asked for."),
    MOSN_BOOL(mosn_match_header_conf_t, invert, false,
              "The opposite of all that."),
    MOSN_DIRECTIVES_END
};


static void
header_check(mosn_conf_t *reader, void *conf)
{
    const mosn_match_header_conf_t *h = conf;
    int n = (h->exact.at != NULL) + (h->prefix.at != NULL)
            + (h->suffix.at != NULL) + (h->contains.at != NULL)
            + (h->regex.at != NULL);

    if (n > 1) {
        mosn_conf_error(reader, h, NULL,
                        "needs at most one of `exact`, `prefix`, `suffix`, "
                        "`contains` and `regex`");
    }
    if (n > 0 && !h->present) {
        mosn_conf_error(reader, &h->present, h,
                        "a header that is not there has no value");
    }
}


static const mosn_conf_block_t header_block = {
    .doc = "A header that a request must have.",
    .size = sizeof(mosn_match_header_conf_t),
    .directives = header_directives,
    .check = header_check,
};

static const mosn_directive_t match_directives[] = {
    MOSN_STRING(mosn_match_conf_t, prefix, NULL, "The path starts with this."),
    MOSN_STRING(mosn_match_conf_t, path, NULL, "The path is this."),
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
    MOSN_LIST(mosn_match_conf_t, headers, &header_block,
              "Headers, all of which must be right; of a call, those of its "
              "header map or its attachments."),
    MOSN_DIRECTIVES_END
};


static void
match_check(mosn_conf_t *reader, void *conf)
{
    const mosn_match_conf_t *m = conf;

    if (m->prefix.at != NULL && m->path.at != NULL) {
        mosn_conf_error(reader, &m->prefix, m, "has both `path` and `prefix`");
    }
    if ((m->prefix.at != NULL || m->path.at != NULL)
        && (m->service.at != NULL || m->method.at != NULL))
    {
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


static mosn_regex_t *
match_build_regex(mosn_conf_t *reader, mosn_pool_t *pool,
                  const mosn_str_t *member, const void *group)
{
    mosn_regex_t *regex = NULL;
    char          why[192];

    if (member->at != NULL) {
        regex = mosn_regex_compile(pool, *member, why, sizeof(why));
        if (regex == NULL) {
            mosn_conf_error(reader, member, group,
                            "is no regular expression: %s", why);
        }
    }
    return regex;
}


/* "service:version" in one. */
static void
match_split_service(mosn_match_t *m)
{
    mosn_str_t  name = m->conf->service;
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


mosn_match_t *
mosn_match_build(mosn_conf_t *reader, mosn_pool_t *pool,
                 const mosn_match_conf_t *conf)
{
    bool call = conf->service.at != NULL || conf->method.at != NULL
                || conf->version.at != NULL || conf->group.at != NULL
                || conf->service_regex.at != NULL
                || conf->method_regex.at != NULL;
    mosn_match_t *m;

    if (!call && conf->client_names.n == 0 && conf->headers.n == 0) {
        return NULL;
    }
    m = mosn_pool_calloc(pool, sizeof(*m));
    m->conf = conf;
    m->call = call;
    match_split_service(m);
    m->method = match_build_text(conf->method);
    if (conf->version.at != NULL) {
        m->version = match_build_text(conf->version);
    }
    m->group = match_build_text(conf->group);
    m->service.regex =
        match_build_regex(reader, pool, &conf->service_regex, conf);
    m->method.regex =
        match_build_regex(reader, pool, &conf->method_regex, conf);
    m->headers =
        mosn_pool_calloc(pool, conf->headers.n * sizeof(*m->headers) + 1);
    for (size_t i = 0; i < conf->headers.n; i++) {
        m->headers[i].conf = &conf->headers.items[i];
        m->headers[i].regex =
            match_build_regex(reader, pool, &conf->headers.items[i].regex,
                              &conf->headers.items[i]);
    }
    return m;
}


mosn_str_t
mosn_match_path(mosn_pool_t *pool, const mosn_match_conf_t *conf,
                bool *exact_r)
{
    mosn_str_t  service = conf->service, method = conf->method;
    const char *colon =
        service.at != NULL ? memchr(service.at, ':', service.len) : NULL;

    *exact_r = conf->path.at != NULL;
    if (conf->path.at != NULL) {
        return conf->path;
    }
    if (conf->prefix.at != NULL) {
        return conf->prefix;
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
    *exact_r = true;
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


/* Of gRPC: "/service/method". */
static void
match_split_path(mosn_str_t path, mosn_str_t *service_r, mosn_str_t *method_r)
{
    const char *query = memchr(path.at, '?', path.len), *slash;

    if (query != NULL) {
        path.len = (size_t) (query - path.at);
    }
    slash = path.len > 1 ? memrchr(path.at + 1, '/', path.len - 1) : NULL;
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


static bool
match_call(const mosn_match_t *m, mosn_message_t *request)
{
    mosn_str_t service, method, version = MOSN_STR(""), group = version;

    if (request->rpc != NULL) {
        if (m->group.text.at != NULL && request->rpc->group.at == NULL) {
            mosn_message_need_headers(request); /* it may stand there */
        }
        service = request->rpc->service;
        method = request->rpc->method;
        version = request->rpc->version;
        group = request->rpc->group;
    } else {
        match_split_path(request->path, &service, &method);
        version = match_carried(request, MOSN_STR(MOSN_RPC_VERSION_HEADER));
        group = match_carried(request, MOSN_STR(MOSN_RPC_GROUP_HEADER));
    }
    return match_text(&m->service, service) && match_text(&m->method, method)
           && match_text(&m->version, version) && match_text(&m->group, group);
}


static bool
match_value(const match_header_t *want, mosn_str_t is)
{
    const mosn_match_header_conf_t *c = want->conf;

    if (want->regex != NULL) {
        return mosn_regex_is_match(want->regex, is);
    }
    if (c->exact.at != NULL) {
        return mosn_str_equal(is, c->exact);
    }
    if (c->prefix.at != NULL) {
        return mosn_str_has_prefix(is, c->prefix);
    }
    if (c->suffix.at != NULL) {
        return is.len >= c->suffix.len
               && memcmp(is.at + is.len - c->suffix.len, c->suffix.at,
                         c->suffix.len)
                      == 0;
    }
    if (c->contains.at != NULL) {
        return memmem(is.at, is.len, c->contains.at, c->contains.len) != NULL;
    }
    return true;
}


static bool
match_header(const match_header_t *want, const mosn_message_t *request)
{
    const mosn_header_t *h =
        mosn_headers_find_name(&request->headers, want->conf->name);
    bool right = h != NULL ? match_value(want, mosn_header_value(h))
                                 && want->conf->present
                           : !want->conf->present;

    return right != want->conf->invert;
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
    return names->n == 0;
}


bool
mosn_match_is_right(const mosn_match_t *m, mosn_message_t *request,
                    const mosn_conn_t *client)
{
    if (m->call && !match_call(m, request)) {
        return false;
    }
    if (!match_client(&m->conf->client_names, client)) {
        return false;
    }
    if (m->conf->headers.n > 0) {
        mosn_message_need_headers(request);
    }
    for (size_t i = 0; i < m->conf->headers.n; i++) {
        if (!match_header(&m->headers[i], request)) {
            return false;
        }
    }
    return true;
}
