/* proxy/cors.c - answer browsers that ask for pages of other origins. */

#include "proxy/cors.h"

static const mosn_directive_t cors_directives[] = {
    MOSN_STRINGS(mosn_cors_conf_t, allow_origins,
                 "Origins that may: [\"https://a.example\", "
                 "\"https://*.b.example\"], or [\"*\"] for all."),
    MOSN_STRING(mosn_cors_conf_t, allow_origin_regex, NULL,
                "Or an expression that takes all of the origin."),
    MOSN_STRINGS_DEFAULT(mosn_cors_conf_t, allow_methods, "GET,HEAD,POST",
                         "Methods that they may use."),
    MOSN_STRINGS(mosn_cors_conf_t, allow_headers,
                 "Headers that they may send, besides the simple ones."),
    MOSN_STRINGS(mosn_cors_conf_t, expose_headers,
                 "Headers of answers that they may read, besides the simple "
                 "ones."),
    MOSN_BOOL(mosn_cors_conf_t, allow_credentials, false,
              "With cookies and the like; not for [\"*\"]."),
    MOSN_DURATION(mosn_cors_conf_t, max_age, 0, 86400000, 600000,
                  "Browsers need not ask again for this time; 0: they "
                  "ask each time."),
    MOSN_DIRECTIVES_END
};


/* As browsers say it: scheme://host, and a port (RFC 6454, 6.2). */
static void
cors_check_origin(mosn_conf_t *reader, const mosn_cors_conf_t *c,
                  mosn_str_t origin)
{
    const char *host = memmem(origin.at, origin.len, "://", 3);

    if (!mosn_str_equal(origin, MOSN_STR("*"))
        && !mosn_str_equal(origin, MOSN_STR("null"))
        && (host == NULL
            || memchr(host + 3, '/',
                      origin.len - (size_t) (host + 3 - origin.at))
                   != NULL))
    {
        mosn_conf_error(reader, &c->allow_origins, c,
                        "no browser has the origin \"%.*s\"; it says "
                        "\"https://example.com\", without a path",
                        MOSN_STR_ARG(origin));
    }
}


static void
cors_check(mosn_conf_t *reader, void *conf)
{
    const mosn_cors_conf_t *c = conf;

    if (c->allow_origins.n == 0 && c->allow_origin_regex.at == NULL) {
        mosn_conf_error(reader, c, NULL,
                        "allows nobody: needs `allow_origins` or "
                        "`allow_origin_regex`");
    }
    for (size_t i = 0; i < c->allow_origins.n; i++) {
        if (c->allow_credentials
            && mosn_str_equal(c->allow_origins.items[i], MOSN_STR("*")))
        {
            mosn_conf_error(reader, &c->allow_credentials, c,
                            "every page could use its visitor's rights: name "
                            "the origins instead of \"*\"");
        }
        cors_check_origin(reader, c, c->allow_origins.items[i]);
    }
}


const mosn_conf_block_t mosn_cors_block = {
    .doc = "Which pages of other origins may use it.  Requests of browsers "
           "that ask beforehand are answered here; what an upstream says of "
           "the matter is replaced.",
    .size = sizeof(mosn_cors_conf_t),
    .directives = cors_directives,
    .check = cors_check,
};


void
mosn_cors_build(mosn_conf_t *reader, mosn_pool_t *pool, mosn_cors_conf_t *c)
{
    if (c == NULL || c->allow_origin_regex.at == NULL) {
        return;
    }
    /* All of it: "https://a" is not to take "https://a.evil". */
    c->regex =
        mosn_regex_build(reader, pool,
                         mosn_pool_printf(pool, "\\A(?:%.*s)\\z",
                                          MOSN_STR_ARG(c->allow_origin_regex)),
                         &c->allow_origin_regex, c);
}


static mosn_str_t
cors_header(const mosn_message_t *m, mosn_str_t name)
{
    const mosn_header_t *h = mosn_headers_find_name(&m->headers, name);

    return h != NULL ? mosn_header_value(h) : MOSN_STR("");
}


mosn_str_t
mosn_cors_origin(const mosn_message_t *m)
{
    return cors_header(m, MOSN_STR("origin"));
}


mosn_str_t
mosn_cors_method(const mosn_message_t *m)
{
    return m->method_id == MOSN_METHOD_OPTIONS && mosn_cors_origin(m).len > 0
               ? cors_header(m, MOSN_STR("access-control-request-method"))
               : MOSN_STR("");
}


/* A star stands for one label or more, and never for a slash. */
static bool
cors_is_origin(mosn_str_t pattern, mosn_str_t origin)
{
    const char *star =
        pattern.len > 0 ? memchr(pattern.at, '*', pattern.len) : NULL;
    size_t before, after;

    if (star == NULL) {
        return mosn_str_equal_nocase(pattern, origin);
    }
    before = (size_t) (star - pattern.at);
    after = pattern.len - before - 1;
    if (pattern.len == 1) {
        return true;
    }
    return origin.len > before + after
           && mosn_str_equal_nocase((mosn_str_t){ pattern.at, before },
                                    (mosn_str_t){ origin.at, before })
           && mosn_str_equal_nocase(
               (mosn_str_t){ star + 1, after },
               (mosn_str_t){ origin.at + origin.len - after, after })
           && memchr(origin.at + before, '/', origin.len - before - after)
                  == NULL;
}


bool
mosn_cors_is_allowed(const mosn_cors_conf_t *c, mosn_str_t origin)
{
    if (origin.len == 0) {
        return true;
    }
    for (size_t i = 0; i < c->allow_origins.n; i++) {
        if (cors_is_origin(c->allow_origins.items[i], origin)) {
            return true;
        }
    }
    return c->regex != NULL && mosn_regex_is_match(c->regex, origin);
}


static void
cors_set_list(mosn_headers_t *headers, mosn_str_t name,
              const mosn_strs_t *list)
{
    size_t n = 0;
    char  *text, *at;

    for (size_t i = 0; i < list->n; i++) {
        n += list->items[i].len + 2;
    }
    if (n == 0) {
        return;
    }
    at = text = mosn_pool_alloc(headers->pool, n);
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0) {
            *at++ = ',';
            *at++ = ' ';
        }
        memcpy(at, list->items[i].at, list->items[i].len);
        at += list->items[i].len;
    }
    mosn_headers_set(headers, MOSN_HEADER_OTHER, name,
                     (mosn_str_t){ text, (size_t) (at - text) });
}


static void
cors_clear(mosn_headers_t *headers)
{
    static const mosn_str_t names[] = {
        MOSN_STR_INIT("Access-Control-Allow-Origin"),
        MOSN_STR_INIT("Access-Control-Allow-Credentials"),
        MOSN_STR_INIT("Access-Control-Allow-Methods"),
        MOSN_STR_INIT("Access-Control-Allow-Headers"),
        MOSN_STR_INIT("Access-Control-Expose-Headers"),
        MOSN_STR_INIT("Access-Control-Max-Age"),
    };

    for (size_t i = 0; i < MOSN_COUNT(names); i++) {
        mosn_headers_remove_name(headers, names[i]);
    }
}


void
mosn_cors_answer(const mosn_cors_conf_t *c, mosn_str_t origin,
                 mosn_message_t *response, bool preflight)
{
    mosn_headers_t *headers = &response->headers;
    bool            any = c->allow_origins.n == 1
               && mosn_str_equal(c->allow_origins.items[0], MOSN_STR("*"));

    cors_clear(headers);
    if (!any) { /* caches must not give one page's answer to another */
        mosn_headers_add(headers, MOSN_HEADER_OTHER, MOSN_STR("Vary"),
                         MOSN_STR("Origin"));
    }
    if (origin.len == 0 || !mosn_cors_is_allowed(c, origin)) {
        return;
    }
    mosn_headers_set(headers, MOSN_HEADER_OTHER,
                     MOSN_STR("Access-Control-Allow-Origin"),
                     any ? MOSN_STR("*") : origin);
    if (c->allow_credentials) {
        mosn_headers_set(headers, MOSN_HEADER_OTHER,
                         MOSN_STR("Access-Control-Allow-Credentials"),
                         MOSN_STR("true"));
    }
    if (!preflight) {
        cors_set_list(headers, MOSN_STR("Access-Control-Expose-Headers"),
                      &c->expose_headers);
        return;
    }
    cors_set_list(headers, MOSN_STR("Access-Control-Allow-Methods"),
                  &c->allow_methods);
    cors_set_list(headers, MOSN_STR("Access-Control-Allow-Headers"),
                  &c->allow_headers);
    mosn_headers_set(
        headers, MOSN_HEADER_OTHER, MOSN_STR("Access-Control-Max-Age"),
        mosn_pool_printf(headers->pool, "%u", c->max_age_ms / 1000));
}
