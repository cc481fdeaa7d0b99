/* tests/event/tls_conf.c - names, protocols, and settings that are wrong. */

#include "tap.h"
#include "event/tls_conf.c"


static bool
matches(const char *pattern, const char *name)
{
    return mosn_server_name_matches(mosn_str(pattern), mosn_str(name));
}


static void
refused(const char *text, const char *part, const char *name)
{
    mosn_pool_t            *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t            *reader = mosn_conf_create(pool);
    mosn_tls_server_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    const char             *mistake = "";

    if (mosn_conf_read_text(reader, "text", text, &mosn_tls_server_block, conf)
        == MOSN_OK)
    {
        ok(mosn_tls_server_build(reader, pool, conf) == NULL, "no context");
    }
    if (mosn_conf_n_errors(reader) > 0) {
        mistake = mosn_conf_error_text(reader, 0);
    }
    if (!ok(strstr(mistake, part) != NULL, "%s", name)) {
        printf("# %s\n", mistake);
    }
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
}


int
main(void)
{
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_tls_ctx_t ctx = { 0 };
    mosn_str_t     ours[] = { MOSN_STR_INIT("h2"), MOSN_STR_INIT("http/1.1") };
    const mosn_strs_t    list = { ours, 2 };
    const unsigned char *out = NULL;
    unsigned char        n = 0;
    const unsigned char  theirs[] = "\x08http/1.1\x02h2";
    const unsigned char  broken[] = "\xffh2";

    ok(matches("a.test", "A.test"), "a name in any case");
    ok(!matches("a.test", "b.a.test"), "is itself only");
    ok(matches("*.a.test", "b.A.test"), "a star is one label");
    ok(!matches("*.a.test", "c.b.a.test"), "not two");
    ok(!matches("*.a.test", "a.test"), "nor none");
    ok(!matches("*.a.test", ".a.test"), "nor an empty one");

    mosn_tls_pack_alpn(NULL, pool, &ctx, &list, NULL);
    ok(ctx.n_alpn == 12 && memcmp(ctx.alpn, "\x02h2\x08http/1.1", 12) == 0,
       "protocols as they go over the wire");
    ok(tls_on_alpn(NULL, &out, &n, theirs, sizeof(theirs) - 1, &ctx)
               == SSL_TLSEXT_ERR_OK
           && n == 2 && memcmp(out, "h2", 2) == 0,
       "our best one wins");
    ok(tls_on_alpn(NULL, &out, &n, broken, sizeof(broken) - 1, &ctx)
           == SSL_TLSEXT_ERR_ALERT_FATAL,
       "a length beyond the list is not followed");
    ok(tls_on_alpn(NULL, &out, &n, theirs, 0, &ctx)
           == SSL_TLSEXT_ERR_ALERT_FATAL,
       "an empty list fits nothing");

    refused("certificates = ( );", "at least one certificate", "none");
    refused("certificates = ( { certificate = \"/none\"; private_key = "
            "\"/none\"; } );",
            "no certificate in /none: No such file", "no file");
    refused("certificates = ( ); min_version = \"1.3\"; max_version = "
            "\"1.2\";",
            "above max_version", "versions crossed");
    refused("certificates = ( ); verify_client = \"require\";",
            "needs client_ca", "no authority");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
