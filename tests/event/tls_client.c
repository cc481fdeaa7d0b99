/* tests/event/tls_client.c - settings towards hosts. */

#include "tap.h"
#include "event/tls_client.c"


static void
check(const char *text, const char *part, const char *name)
{
    mosn_pool_t            *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t            *reader = mosn_conf_create(pool);
    mosn_tls_client_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    const char             *mistake = "";

    if (mosn_conf_read_text(reader, "text", text, &mosn_tls_client_block, conf)
        == MOSN_OK)
    {
        mosn_tls_ctx_t *ctx =
            mosn_tls_client_build(reader, pool, conf, MOSN_STR_NULL);

        is_num(SSL_CTX_get_verify_mode(ctx->ssl),
               conf->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
               "verified as the settings say");
    }
    if (mosn_conf_n_errors(reader) > 0) {
        mistake = mosn_conf_error_text(reader, 0);
    }
    if (!ok(*part == '\0' ? *mistake == '\0' : strstr(mistake, part) != NULL,
            "%s", name))
    {
        printf("# %s\n", mistake);
    }
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
}


int
main(void)
{
    check("sni = \"a.test\";", "", "a name: verified by default");
    check("subject_alt_names = [\"a.test\", \"b.test\"];", "", "two names");
    check("verify = false;", "", "not verified when it is said");
    check("", "set `sni` or `subject_alt_names`", "nothing to verify");
    check("sni = \"a\"; trusted_ca = \"/none\";", "no authority in /none",
          "no authorities");
    check("sni = \"a\"; ciphers = \"NONSENSE\";", "no usable cipher suite",
          "no cipher");
    check("sni = \"a\"; min_version = \"1.3\"; max_version = \"1.2\";",
          "above max_version", "versions crossed");
    mosn_pool_release_cache();
    return done_testing();
}
