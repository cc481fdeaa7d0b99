/* tests/proxy/explain.c - questions as operators put them. */

#include "tap.h"
#include "proxy/explain.c"

static explain_t e;


static void
url(mosn_pool_t *pool, const char *text, const char *authority,
    const char *path)
{
    mosn_message_t m = { 0 };

    explain_url(&m, mosn_str(text), pool);
    ok(mosn_str_equal(m.authority, mosn_str(authority))
           && mosn_str_equal(m.path, mosn_str(path)),
       "\"%s\" is \"%.*s\", \"%.*s\"", text, MOSN_STR_ARG(m.authority),
       MOSN_STR_ARG(m.path));
}


static const char *
build(const mosn_question_t *q, mosn_pool_t *pool)
{
    static const mosn_proxy_conf_t    proxy;
    static const mosn_listener_conf_t listener;

    memset(&e, 0, sizeof(e));
    return explain_build(&e, &proxy, &listener, q, pool);
}


static void
test_build(mosn_pool_t *pool)
{
    mosn_conf_pair_t headers[] = {
        { .name = MOSN_STR("host"), .value = MOSN_STR("h.example") },
        { .name = MOSN_STR("X-A"), .value = MOSN_STR("1") },
    };
    mosn_question_t q = { .url = MOSN_STR("http://a/x?y"),
                          .headers = { headers, 2 },
                          .source = MOSN_STR("2001:db8::7") };

    ok(build(&q, pool) == NULL, "a question");
    is_str(e.head.method, "GET", "GET unless it says more");
    is_str(e.head.authority, "h.example", "Host is the authority");
    is_num(e.conn.peer.sa.sa_family, AF_INET6, "from somewhere");
    is_str(mosn_header_value(
               mosn_headers_find_name(&e.head.headers, MOSN_STR("x-a"))),
           "1", "with its headers");

    q.source = MOSN_STR("somewhere");
    is_str(mosn_str(build(&q, pool)), "`source` is no address", "a source");
    q.source = MOSN_STR("0123456789012345678901234567890123456789012345678901"
                        "234567890");
    is_str(mosn_str(build(&q, pool)), "`source` is no address", "a long one");
    q = (mosn_question_t){ .url = MOSN_STR("http://") };
    is_str(mosn_str(build(&q, pool)), "the request has no path", "no path");

    q = (mosn_question_t){ .call = MOSN_STR(" com.a.B  sayIt 1.0") };
    ok(build(&q, pool) == NULL && e.head.rpc == &e.rpc, "a call");
    is_str(e.rpc.service, "com.a.B", "its service");
    is_str(e.rpc.method, "sayIt", "method");
    is_str(e.rpc.version, "1.0", "version");
    ok(e.rpc.group.at == NULL, "and no group");
    is_str(e.head.path, "/com.a.B/sayIt", "as a path");
}


/* What is said of a route that is not taken. */
static void
test_miss(void)
{
    mosn_text_match_conf_t  header = { .name = MOSN_STR("x-a") };
    const mosn_route_conf_t conf = { .match = { .headers = { &header, 1 },
                                                .percent = 12.5 } };
    mosn_route_t            route = { .conf = &conf,
                                      .name = MOSN_STR("r"),
                                      .where = "mosn.conf:7" };
    char                   *text = NULL;
    size_t                  n = 0;
    FILE                   *out = open_memstream(&text, &n);

    explain_miss(&route, (mosn_miss_t){ MOSN_MISS_NONE, 0 }, out);
    explain_miss(&route, (mosn_miss_t){ MOSN_MISS_HEADER, 0 }, out);
    explain_miss(&route, (mosn_miss_t){ MOSN_MISS_PERCENT, 0 }, out);
    explain_miss(&route, (mosn_miss_t){ MOSN_MISS_PATH, 0 }, out);
    (void) fclose(out);
    is_str(mosn_str(text),
           "  r (mosn.conf:7): matches\n"
           "  r (mosn.conf:7): no, headers[0] \"x-a\" is not right\n"
           "  r (mosn.conf:7): no, this time; it takes 12.5 % of those that "
           "get here\n"
           "  r (mosn.conf:7): no, `path` is not right\n",
           "why a route is taken or not, and where it stands");
    free(text);
}


int
main(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);

    url(pool, "http://a.b:80/x", "a.b:80", "/x");
    url(pool, "https://a", "a", "/");
    url(pool, "a.b/x/y?z", "a.b", "/x/y?z");
    url(pool, "/x", "", "/x");
    url(pool, "/x?u=http://b/", "", "/x?u=http://b/");
    url(pool, "*", "", "*");
    url(pool, "http://a?n=/1", "a", "/?n=/1");
    url(pool, "http://me@a/x#y/z", "a", "/x");
    url(pool, "", "", "");
    test_build(pool);
    test_miss();
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
