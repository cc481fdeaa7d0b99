/* tests/event/tls_pairs.c - certificates and keys, in and out of contexts. */

#include "tap.h"
#include "event/tls_pairs.c"
#include "pem.h"

static mosn_pool_t    *pool;
static mosn_conf_t    *reader;
static mosn_tls_site_t sites[2];
static mosn_tls_ctx_t  ctx = { .sites = sites, .n_sites = 2 };


static mosn_tls_pair_conf_t *
conf_of(const char *certificate, const char *key)
{
    mosn_tls_pair_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

    conf->certificate = mosn_pool_copy(pool, mosn_str(pem_path(certificate)));
    conf->private_key = mosn_pool_copy(pool, mosn_str(pem_path(key)));
    return conf;
}


static mosn_tls_pair_t *
pair_in(int site, const char *certificate, const char *key)
{
    mosn_tls_pair_t *pair = mosn_tls_pair_load(reader, pool, sites[site].ssl,
                                               conf_of(certificate, key));

    if (pair == NULL) {
        abort();
    }
    mosn_tls_pair_set_owner(pair, &ctx, &sites[site]);
    mosn_tls_site_add_names(&sites[site], mosn_tls_pair_leaf(pair));
    return pair;
}


/* "EC a.test": what a connection that asks for a name would show. */
static mosn_str_t
shown(const char *name)
{
    static char text[NAMES_MAX + 8];
    SSL        *ssl = SSL_new(sites[0].ssl);
    X509       *x;
    char        names[NAMES_MAX];

    mosn_tls_pairs_use(ssl, &ctx, mosn_str(name));
    x = SSL_get_certificate(ssl);
    leaf_names(x, names, sizeof(names));
    (void) snprintf(text, sizeof(text), "%s %.*s",
                    EVP_PKEY_get_base_id(X509_get0_pubkey(x)) == EVP_PKEY_RSA
                        ? "RSA"
                        : "EC",
                    (int) strcspn(names, ","), names);
    SSL_free(ssl);
    return mosn_str(text);
}


/* What the files of a pair have by now: why they would not do, or "". */
static mosn_str_t
refused(mosn_tls_pair_t *pair)
{
    mosn_tls_bytes_t pem;
    const char      *why;

    if (mosn_tls_watch_read(&pair->watch, &pem) != -1) {
        return MOSN_STR("cannot be read");
    }
    why = pair_refuse(&pair->watch, &pem);
    mosn_tls_bytes_free(&pem);
    return why != NULL ? mosn_str(why) : MOSN_STR("");
}


static void
change(mosn_tls_pair_t *pair, const char *what)
{
    mosn_tls_bytes_t pem;

    ok(mosn_tls_watch_read(&pair->watch, &pem) == -1, "%s", what);
    ok(pair_change(&pair->watch, &pem) == NULL, "is taken");
    mosn_tls_bytes_free(&pem);
}


static void
check_load(void)
{
    mosn_tls_pair_conf_t *mismatch = conf_of("a.pem", "b.key");

    ok(mosn_tls_pair_load(reader, pool, sites[0].ssl, mismatch) == NULL
           && mosn_conf_n_errors(reader) == 1,
       "a key of another one is refused");
    ok(mosn_tls_pair_load(reader, pool, sites[0].ssl,
                          conf_of("none.pem", "b.key"))
               == NULL
           && mosn_conf_n_errors(reader) == 2,
       "a file that is not there, too");
}


int
main(void)
{
    mosn_tls_pair_t *a, *b;
    char            *text = NULL;
    size_t           n = 0;
    FILE            *out;

    if (mkdtemp(pem_dir) == NULL) {
        abort();
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    reader = mosn_conf_create(pool);
    pem_make("a", "a.test", false, 30);
    pem_make("b", "b.test", false, 30);
    for (int i = 0; i < 2; i++) {
        sites[i].ssl = mosn_tls_new_ctx(pool, true, 0, 1);
    }
    check_load();
    a = pair_in(0, "a.pem", "a.key");
    b = pair_in(1, "b.pem", "b.key");
    is_str(shown("a.test"), "EC a.test", "by its name");
    is_str(shown("x.b.test"), "EC b.test", "by a star");
    is_str(shown("nobody"), "EC a.test", "the default for others");

    pem_put("b.key", "garbage");
    ok(refused(b).len > 0, "garbage would not do");
    pem_make("b", "b.test", false, -1);
    is_str(refused(b), "it has expired", "nor one that has expired");
    pem_make("b", "b.test", false, 20);
    is_str(refused(b), "", "one that is valid would");
    change(b, "another one of the same kind and names");
    ok(!ctx.mixed, "which the context tells by itself");

    pem_make("b", "b.test", true, 20);
    change(b, "another kind of key");
    ok(ctx.mixed, "which it does not");
    is_str(shown("b.test"), "RSA b.test", "nothing is left of the old kind");
    is_str(shown("a.test"), "EC a.test", "the others are what they were");

    pem_make("b", "a.test", true, 20);
    change(b, "another name");
    is_str(shown("b.test"), "EC a.test", "the old one is not known any more");
    is_num((long long) sites[1].names.n, 2, "the site has the new ones");
    is_str(sites[1].names.items[0], "a.test", "as it says");

    pem_make("b", "x.a.test", false, 20);
    change(b, "a name that another one has by a star");
    is_str(shown("x.a.test"), "EC x.a.test", "a name comes before a star");
    is_str(shown("y.a.test"), "EC a.test", "which is for the rest");

    out = open_memstream(&text, &n);
    mosn_tls_pairs_print(true, out);
    (void) fclose(out);
    ok(strstr(text, "\"names\":\"a.test, *.a.test\"") != NULL
           && strstr(text, "\"used_by\":\"clients\"") != NULL,
       "as JSON");
    free(text);

    ok(a->watch.ctx == &ctx, "it knows whose it is");
    mosn_tls_watch_retire(&ctx);
    ok(mosn_tls_watch_next(NULL, &pair_ops) == NULL, "nobody looks any more");
    mosn_conf_destroy(&reader);
    for (int i = 0; i < 2; i++) {
        mosn_tls_site_forget_names(&sites[i]);
    }
    mosn_pool_destroy(&pool);
    for (const char *const *f =
             (const char *const[]){ "a.pem", "a.key", "b.pem", "b.key", NULL };
         *f != NULL; f++)
    {
        (void) unlink(pem_path(*f));
    }
    (void) rmdir(pem_dir);
    return done_testing();
}
