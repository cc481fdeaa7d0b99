/* tests/proxy/cors.c - who may, and what the browser is told. */

#include "tap.h"
#include "proxy/cors.c"

static mosn_pool_t *pool;


static mosn_cors_conf_t *
build(const char *text)
{
    mosn_conf_t      *reader = mosn_conf_create(pool);
    mosn_cors_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

    if (mosn_conf_read_text(reader, "text", text, &mosn_cors_block, conf)
        == MOSN_OK)
    {
        mosn_cors_build(reader, pool, conf);
    }
    mosn_conf_print_errors(reader, stdout);
    mosn_conf_destroy(&reader);
    return conf;
}


static void
may(const char *text, const char *origin, bool expected)
{
    ok(mosn_cors_is_allowed(build(text), mosn_str(origin)) == expected,
       "%s: \"%s\" %s", text, origin, expected ? "may" : "may not");
}


static mosn_str_t
value(const mosn_message_t *m, const char *name)
{
    return cors_header(m, mosn_str(name));
}


static void
check_answer(void)
{
    mosn_message_t m;

    mosn_message_init(&m, pool);
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER,
                     MOSN_STR("access-control-allow-origin"),
                     MOSN_STR("https://upstream"));
    mosn_cors_answer(build("allow_origins = [\"https://a\"]; "
                           "allow_methods = [\"GET\", \"PUT\"]; "
                           "allow_headers = [\"x-a\"]; allow_credentials = "
                           "true; max_age = \"10m\";"),
                     MOSN_STR("https://a"), &m, true);
    is_str(value(&m, "access-control-allow-origin"), "https://a",
           "the origin, in place of what the upstream has said");
    is_str(value(&m, "access-control-allow-methods"), "GET, PUT", "methods");
    is_str(value(&m, "access-control-allow-headers"), "x-a", "headers");
    is_str(value(&m, "access-control-max-age"), "600", "seconds");
    is_str(value(&m, "access-control-allow-credentials"), "true",
           "credentials");
    is_str(value(&m, "vary"), "Origin", "caches are told");

    mosn_message_init(&m, pool);
    mosn_cors_answer(build("allow_origins = [\"https://a\"]; expose_headers "
                           "= [\"x-b\"];"),
                     MOSN_STR("https://evil"), &m, false);
    is_str(value(&m, "access-control-allow-origin"), "",
           "who may not is told nothing");
    is_str(value(&m, "vary"), "Origin", "but caches are");

    mosn_message_init(&m, pool);
    mosn_cors_answer(build("allow_origins = [\"*\"]; expose_headers = "
                           "[\"x-b\"];"),
                     MOSN_STR("https://a"), &m, false);
    is_str(value(&m, "access-control-allow-origin"), "*", "all may");
    is_str(value(&m, "access-control-expose-headers"), "x-b",
           "what a page may see");
    is_str(value(&m, "vary"), "", "one answer for all");
}


static void
check_question(void)
{
    mosn_message_t m;

    mosn_message_init(&m, pool);
    m.method_id = MOSN_METHOD_OPTIONS;
    is_str(mosn_cors_method(&m), "", "an OPTIONS like others");
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER,
                     MOSN_STR("Access-Control-Request-Method"),
                     MOSN_STR("PUT"));
    is_str(mosn_cors_method(&m), "", "of no page it is none");
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("Origin"),
                     MOSN_STR("https://a"));
    is_str(mosn_cors_method(&m), "PUT", "a question beforehand");
    m.method_id = MOSN_METHOD_GET;
    is_str(mosn_cors_method(&m), "", "only OPTIONS asks");
}


int
main(void)
{
    pool = mosn_pool_create(MOSN_POOL_CONF);
    may("allow_origins = [\"https://a.example\"];", "https://a.example", true);
    may("allow_origins = [\"https://a.example\"];", "https://A.Example", true);
    may("allow_origins = [\"https://a.example\"];", "https://a.example.evil",
        false);
    may("allow_origins = [\"https://a.example\"];", "http://a.example", false);
    may("allow_origins = [\"https://*.a.example\"];", "https://x.a.example",
        true);
    may("allow_origins = [\"https://*.a.example\"];", "https://x.y.a.example",
        true);
    may("allow_origins = [\"https://*.a.example\"];", "https://.a.example",
        false);
    may("allow_origins = [\"https://*.a.example\"];",
        "https://evil/x.a.example", false);
    may("allow_origins = [\"https://*.a.example\"];", "https://a.example",
        false);
    may("allow_origins = [\"*\"];", "null", true);
    may("allow_origin_regex = \"https://(a|b)\";", "https://b", true);
    may("allow_origin_regex = \"https://(a|b)\";", "https://b.evil", false);
    may("allow_origin_regex = \"https://a|https://b\";", "https://b.evil",
        false);
    may("allow_origins = [\"https://a\"];", "", true);
    check_answer();
    check_question();
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
