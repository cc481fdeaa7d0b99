/* tests/proxy/edit.c - headers and queries that change on the way. */

#include "tap.h"
#include "proxy/edit.c"

static mosn_pool_t      *pool;
static mosn_conn_t       conn;
static mosn_proxy_conn_t pc = { .conn = &conn };
static mosn_message_t    head;
static mosn_request_t    r = { .pc = &pc, .head = &head };


static mosn_edits_t *
build(const char *headers, const char *query, const char *mistake)
{
    mosn_conf_t              *reader = mosn_conf_create(pool);
    mosn_header_edits_conf_t *h = NULL;
    mosn_query_edits_conf_t  *q = NULL;
    mosn_edits_t             *edits;
    bool                      read = true;

    if (headers != NULL) {
        h = mosn_pool_calloc(pool, sizeof(*h));
        read &= mosn_conf_read_text(reader, "text", headers,
                                    &mosn_header_edits_block, h)
                == MOSN_OK;
    }
    if (query != NULL) {
        q = mosn_pool_calloc(pool, sizeof(*q));
        read &= mosn_conf_read_text(reader, "text", query,
                                    &mosn_query_edits_block, q)
                == MOSN_OK;
    }
    edits = read ? mosn_edits_build(reader, pool, h, q) : NULL;
    if (mistake != NULL) {
        ok(mosn_conf_n_errors(reader) > 0
               && strstr(mosn_conf_error_text(reader, 0), mistake) != NULL,
           "refused: %s", headers);
    } else if (mosn_conf_n_errors(reader) > 0) {
        printf("# %s\n", mosn_conf_error_text(reader, 0));
    }
    mosn_conf_destroy(&reader);
    return edits;
}


static void
path(const char *settings, const char *before, const char *after)
{
    head.path = mosn_pool_copy(pool, mosn_str(before));
    mosn_edits_on_request(build(NULL, settings, NULL), &r, &head);
    is_str(head.path, after, settings);
}


static void
check_queries(void)
{
    path("remove = [\"a\"];", "/p?a=1&b=2", "/p?b=2");
    path("remove = [\"a\"];", "/p?a=1&b=2&a=3&%61=4&ab=5", "/p?b=2&ab=5");
    path("remove = [\"a\"];", "/p?a", "/p");
    path("remove = [\"a\"];", "/p", "/p");
    path("remove = [\"a b\"];", "/p?a+b=1&a%20b=2&c", "/p?c");
    path("set = { a = \"x\"; };", "/p?a=1&b=2&a=3", "/p?b=2&a=x");
    path("set = { a = \"x y&z#%%\"; };", "/p", "/p?a=x%20y%26z%23%25");
    path("set = { a = \"\"; };", "/p?a=1&b=2", "/p?b=2");
    path("add = { a = \"2\"; };", "/p?a=1", "/p?a=1&a=2");
    path("add = { a = \"%request_header_x-user%\"; };", "/p",
         "/p?a=a%20%26%20b");
    path("add = { a = \"%request_header_none%\"; };", "/p?b", "/p?b");
    path("remove = [\"b\"]; set = { c = \"3\"; }; add = { d = \"4\"; };",
         "/p?b=1&c=2&e==&f", "/p?e==&f&c=3&d=4");
}


/* "name: value|..." as they stand. */
static mosn_str_t
show(const mosn_headers_t *headers)
{
    static char text[600];
    size_t      n = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (!h->removed) {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s: %.*s",
                                   n > 0 ? "|" : "", h->name_len, h->name,
                                   (int) h->value_len, h->value);
        }
    }
    return (mosn_str_t){ text, n };
}


static void
headers(const char *settings, const char *after)
{
    mosn_message_t m;

    mosn_message_init(&m, pool);
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("X-A"),
                     MOSN_STR("1"));
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("x-a"),
                     MOSN_STR("2"));
    mosn_headers_add(&m.headers, MOSN_HEADER_SERVER, MOSN_STR("Server"),
                     MOSN_STR("s"));
    mosn_edits_on_response(build(settings, NULL, NULL), &r, &m);
    is_str(show(&m.headers), after, settings);
}


static void
check_headers(void)
{
    headers("response_remove = [\"x-a\"];", "Server: s");
    headers("response_set = { x-a = \"3\"; };", "Server: s|x-a: 3");
    headers("response_set = { X-B = \"3\"; };",
            "X-A: 1|x-a: 2|Server: s|X-B: 3");
    headers("response_add = { X-A = \"3\"; };",
            "X-A: 1|x-a: 2|Server: s|X-A: 3");
    headers("response_set = { Server = \"\"; };", "X-A: 1|x-a: 2");
    headers("response_add = { X-B = \"\"; };", "X-A: 1|x-a: 2|Server: s");
    headers("response_set = { X-User = \"<%request_header_x-user%>\"; };",
            "X-A: 1|x-a: 2|Server: s|X-User: <a & b>");
    headers("response_set = { X-Evil = \"%request_header_x-evil%\"; };",
            "X-A: 1|x-a: 2|Server: s|X-Evil: aSet-Cookie: b");
    headers("request_set = { X-B = \"3\"; };", "X-A: 1|x-a: 2|Server: s");
}


int
main(void)
{
    pool = mosn_pool_create(MOSN_POOL_CONF);
    r.pool = pool;
    mosn_message_init(&head, pool);
    mosn_headers_add(&head.headers, MOSN_HEADER_OTHER, MOSN_STR("X-User"),
                     MOSN_STR("a & b"));
    mosn_headers_add(&head.headers, MOSN_HEADER_OTHER, MOSN_STR("X-Evil"),
                     MOSN_STR("a\r\nSet-Cookie: b"));
    check_queries();
    check_headers();
    ok(build(NULL, NULL, NULL) == NULL, "nothing to edit");
    (void) build("request_set = { Host = \"x\"; };", NULL, "frames");
    (void) build("response_set = { Content-Length = \"1\"; };", NULL,
                 "frames");
    (void) build("response_set = { X-A = \"%no_such%\"; };", NULL,
                 "no variable");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
