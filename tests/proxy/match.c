/* tests/proxy/match.c - what a route asks of a call and of HTTP. */

#include "tap.h"
#include "core/conf.h"
#include "../../src/proxy/match.c"

static mosn_pool_t *pool;


static mosn_match_t *
build(const char *text, int errors)
{
    mosn_conf_t       *reader = mosn_conf_create(pool);
    mosn_match_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    mosn_match_t      *match = NULL;

    if (mosn_conf_read_text(reader, "text", text, &mosn_match_block, conf)
        == MOSN_OK)
    {
        match = mosn_match_build(reader, pool, conf);
    }
    is_num((long long) mosn_conf_n_errors(reader), errors, text);
    mosn_conf_destroy(&reader);
    return match;
}


static void
takes(const char *text, mosn_message_t *m, bool expected)
{
    mosn_match_t *match = build(text, 0);

    ok((match == NULL || mosn_match_is_right(match, m, NULL)) == expected,
       "... %s", expected ? "takes it" : "does not");
}


int
main(void)
{
    mosn_rpc_t        rpc = { .service = MOSN_STR_INIT("a.B"),
                              .method = MOSN_STR_INIT("say"),
                              .version = MOSN_STR_INIT("1.0"),
                              .group = MOSN_STR_INIT("g"),
                              .decoded = true };
    mosn_message_t    call = { .rpc = &rpc };
    mosn_message_t    http = { .path = MOSN_STR_INIT("/a.B/say?x=/y") };
    bool              exact;
    mosn_match_conf_t conf = { 0 };

    pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_headers_init(&call.headers, pool, 4);
    mosn_headers_init(&http.headers, pool, 4);
    mosn_headers_add(&call.headers, MOSN_HEADER_OTHER, MOSN_STR("env"),
                     MOSN_STR("gray-1"));

    takes("", &call, true);
    takes("service = \"a.B\";", &call, true);
    takes("service = \"a.B\";", &http, true);
    takes("service = \"a.C\";", &call, false);
    takes("service = \"a.*\"; method = \"s*\";", &call, true);
    takes("service = \"*\"; method = \"t*\";", &call, false);
    takes("service = \"a.B:1.0\";", &call, true);
    takes("service = \"a.B:1.*\";", &call, true);
    takes("service = \"a.B:2.0\";", &call, false);
    takes("service = \"a.B\"; version = \"2.0\";", &call, false);
    takes("service = \"a.B\"; group = \"g\";", &call, true);
    takes("group = \"h\";", &call, false);
    takes("service_regex = \"^a[.]\";", &call, true);
    takes("service_regex = \"^b\";", &call, false);
    takes("method_regex = \"ay$\";", &call, true);
    takes("headers = ( { name = \"ENV\"; exact = \"gray-1\"; } );", &call,
          true);
    takes("headers = ( { name = \"env\"; prefix = \"gray\"; } );", &call,
          true);
    takes("headers = ( { name = \"env\"; suffix = \"-1\"; } );", &call, true);
    takes("headers = ( { name = \"env\"; contains = \"y-\"; } );", &call,
          true);
    takes("headers = ( { name = \"env\"; regex = \"^g.*1$\"; } );", &call,
          true);
    takes("headers = ( { name = \"env\"; exact = \"x\"; } );", &call, false);
    takes("headers = ( { name = \"env\"; exact = \"x\"; invert = true; } );",
          &call, true);
    takes("headers = ( { name = \"env\"; } );", &call, true);
    takes("headers = ( { name = \"env\"; present = false; } );", &call, false);
    takes("headers = ( { name = \"no\"; present = false; } );", &call, true);
    takes("headers = ( { name = \"env\"; }, { name = \"no\"; } );", &call,
          false);
    takes("client_names = [\"x\"];", &call, false);
    (void) build("service_regex = \"(\";", 1);
    (void) build(
        "headers = ( { name = \"a\"; exact = \"\"; regex = \"b\"; } );", 1);
    (void) build("path = \"/\"; service = \"a\";", 1);
    (void) build("service = \"a\"; service_regex = \"a\";", 1);

    conf.service = MOSN_STR("a.B:1");
    conf.method = MOSN_STR("m");
    is_str(mosn_match_path(pool, &conf, &exact), "/a.B/m", "the path of both");
    ok(exact, "is all of it");
    conf.method = MOSN_STR("m*");
    is_str(mosn_match_path(pool, &conf, &exact), "/a.B/m", "a beginning");
    ok(!exact, "is not");
    conf.method = MOSN_STR_NULL;
    is_str(mosn_match_path(pool, &conf, &exact), "/a.B/", "any method");
    conf.service = MOSN_STR("a.*");
    is_str(mosn_match_path(pool, &conf, &exact), "/a.", "some services");
    conf.service = MOSN_STR_NULL;
    is_str(mosn_match_path(pool, &conf, &exact), "", "anything");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
