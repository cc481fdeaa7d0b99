/* tests/event/tls_authorities.c - who vouches, and for which contexts. */

#include "tap.h"
#include "event/tls_authorities.c"
#include "core/conf.h"
#include "pem.h"


static int
n_of(SSL_CTX *ssl)
{
    return sk_X509_OBJECT_num(
        X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl)));
}


int
main(void)
{
    mosn_tls_server_conf_t conf = { .verify_client = MOSN_TLS_VERIFY_REQUIRE };
    mosn_pool_t           *pool;
    mosn_conf_t           *reader;
    mosn_tls_site_t        sites[2] = { 0 };
    mosn_tls_ctx_t    ctx = { .server = &conf, .sites = sites, .n_sites = 2 };
    mosn_tls_watch_t *w;
    mosn_tls_bytes_t  pem;
    unsigned char     before[SSL_MAX_SID_CTX_LENGTH];
    mosn_str_t        path, none;
    char             *text = NULL;
    size_t            n = 0;
    FILE             *out;

    if (mkdtemp(pem_dir) == NULL) {
        abort();
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    reader = mosn_conf_create(pool);
    for (int i = 0; i < 2; i++) {
        sites[i].ssl = mosn_tls_new_ctx(pool, true, 0, 1);
    }
    path = mosn_pool_copy(pool, mosn_str(pem_path("ca.pem")));
    none = mosn_pool_copy(pool, mosn_str(pem_path("none.pem")));
    pem_make("ca", "one.test", false, 30);

    mosn_tls_authority_load(reader, pool, &ctx, &none, &conf);
    is_num((long long) mosn_conf_n_errors(reader), 1, "no file is a mistake");
    mosn_tls_authority_load(reader, pool, &ctx, &path, &conf);
    is_num((long long) mosn_conf_n_errors(reader), 1, "one that is there not");
    is_num(n_of(sites[0].ssl), 1, "it vouches in one site");
    is_num(n_of(sites[1].ssl), 1, "and the other");
    ok(sites[0].n_policy > 0, "sessions are bound to it");
    memcpy(before, sites[0].policy, sizeof(before));
    is_num(sk_X509_NAME_num(SSL_CTX_get_client_CA_list(sites[1].ssl)), 1,
           "clients are told of it");

    w = mosn_tls_watch_next(NULL, &authority_ops);
    pem_put("ca.pem", "garbage");
    is_num(mosn_tls_watch_read(w, &pem), -1, "the file is another one");
    ok(authority_refuse(w, &pem) != NULL, "that would not do");
    mosn_tls_bytes_free(&pem);

    pem_make("ca", "two.test", false, 30);
    is_num(mosn_tls_watch_read(w, &pem), -1, "and another one");
    ok(authority_refuse(w, &pem) == NULL, "that would");
    is_num(ctx.epoch, 0, "nothing is taken by looking");
    ok(authority_change(w, &pem) == NULL, "it is taken");
    mosn_tls_bytes_free(&pem);
    is_num(n_of(sites[0].ssl), 1, "in place of the old one");
    is_num(ctx.epoch, 1, "which is counted");
    ok(memcmp(before, sites[0].policy, sizeof(before)) != 0,
       "sessions of before are of another policy");

    out = open_memstream(&text, &n);
    mosn_tls_authorities_print(true, out);
    (void) fclose(out);
    ok(strstr(text, "\"certificates\":1,\"used_by\":\"clients\"") != NULL,
       "as JSON");
    free(text);
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
    ok(mosn_tls_watch_next(NULL, &authority_ops) == NULL,
       "the watch ends with the context");
    (void) unlink(pem_path("ca.pem"));
    (void) unlink(pem_path("ca.key"));
    (void) rmdir(pem_dir);
    return done_testing();
}
