/* event/tls_authorities.c - who vouches for the other side, and how that
 * changes. */

#include "event/tls_watch.h"

#include "event/tls_parts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>

typedef struct {
    mosn_tls_watch_t watch; /* the file alone */
    int              n;     /* certificates in it */
} authority_t;

/* What the file says. */
typedef struct {
    X509_STORE *store;
    STACK_OF(X509_NAME) * names;
    int n;
} authorities_t;

static const mosn_tls_watch_ops_t authority_ops;


static authority_t *
authority_of(const mosn_tls_watch_t *watch)
{
    return mosn_container_of(watch, authority_t, watch);
}


static void
authorities_free(authorities_t *a)
{
    X509_STORE_free(a->store);
    sk_X509_NAME_pop_free(a->names, X509_NAME_free);
}


static bool
authorities_add(authorities_t *a, const X509_INFO *info)
{
    X509_NAME *name;

    /* Who puts one in wants it to be asked (RFC 5280, 6.3). */
    if (info->crl != NULL
        && (X509_STORE_add_crl(a->store, info->crl) != 1
            || X509_STORE_set_flags(a->store, X509_V_FLAG_CRL_CHECK
                                                  | X509_V_FLAG_CRL_CHECK_ALL)
                   != 1))
    {
        return false;
    }
    if (info->x509 == NULL) {
        return true;
    }
    a->n++;
    name = X509_NAME_dup(X509_get_subject_name(info->x509));
    if (name == NULL || sk_X509_NAME_push(a->names, name) == 0) {
        X509_NAME_free(name);
        return false;
    }
    return X509_STORE_add_cert(a->store, info->x509) == 1;
}


/* NULL: it is read; else why it cannot be. */
static const char *
authorities_read(authorities_t *a, const mosn_tls_bytes_t *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->at[0], (int) pem->n[0]);
    STACK_OF(X509_INFO) * infos;
    bool good;

    ERR_clear_error();
    *a = (authorities_t){ X509_STORE_new(), sk_X509_NAME_new_null(), 0 };
    infos = PEM_X509_INFO_read_bio(bio, NULL, mosn_tls_no_passphrase, NULL);
    good = infos != NULL && a->store != NULL && a->names != NULL;
    for (int i = 0; good && i < sk_X509_INFO_num(infos); i++) {
        good = authorities_add(a, sk_X509_INFO_value(infos, i));
    }
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    BIO_free(bio);
    if (good && a->n > 0) {
        ERR_clear_error();
        return NULL;
    }
    authorities_free(a);
    return good ? "there is no certificate in it" : mosn_tls_why();
}


/* Takes what was read. */
static void
ctx_use_authorities(SSL_CTX *ssl, const authorities_t *a)
{
    (void) X509_STORE_up_ref(a->store);
    SSL_CTX_set_cert_store(ssl, a->store);
}


static const char *
authority_use(authority_t *authority, const mosn_tls_bytes_t *pem)
{
    mosn_tls_ctx_t *ctx = authority->watch.ctx;
    authorities_t   a;
    const char     *why = authorities_read(&a, pem);

    if (why != NULL) {
        return why;
    }
    authority->n = a.n;
    if (ctx->client != NULL) {
        ctx_use_authorities(ctx->ssl, &a);
    }
    for (size_t i = 0; i < ctx->n_sites; i++) {
        SSL_CTX *ssl = ctx->sites[i].ssl;

        ctx_use_authorities(ssl, &a);
        SSL_CTX_set_client_CA_list(ssl, SSL_dup_CA_list(a.names));
        mosn_tls_set_policy(&ctx->sites[i], ctx->server, pem->at[0],
                            pem->n[0]);
    }
    authorities_free(&a);
    return NULL;
}


static const char *
authority_refuse(mosn_tls_watch_t *watch, const mosn_tls_bytes_t *pem)
{
    authorities_t a;
    const char   *why = authorities_read(&a, pem);

    (void) watch;
    if (why == NULL) {
        authorities_free(&a);
    }
    return why;
}


/* Sessions that the old ones have vouched for are not gone on with. */
static const char *
authority_change(mosn_tls_watch_t *watch, const mosn_tls_bytes_t *pem)
{
    authority_t *authority = authority_of(watch);

    authority->watch.ctx->epoch++;
    return authority_use(authority, pem);
}


static void
authority_describe(const mosn_tls_watch_t *watch, char *text, size_t room)
{
    (void) snprintf(text, room, "%d certificates", authority_of(watch)->n);
}


static const mosn_tls_watch_ops_t authority_ops = {
    .what = "authority",
    .refuse = authority_refuse,
    .change = authority_change,
    .describe = authority_describe,
};


static void
authority_end(void *authority)
{
    mosn_tls_watch_end(&((authority_t *) authority)->watch);
}


void
mosn_tls_authority_load(mosn_conf_t *reader, mosn_pool_t *pool,
                        mosn_tls_ctx_t *ctx, const mosn_str_t *path,
                        const void *group)
{
    authority_t     *authority = mosn_pool_calloc(pool, sizeof(*authority));
    mosn_tls_bytes_t pem;
    const char      *why;

    authority->watch.ctx = ctx;
    authority->watch.paths[0] = *path;
    why = mosn_tls_watch_read(&authority->watch, &pem) == -1
              ? authority_use(authority, &pem)
              : strerror(errno);
    if (why != NULL) {
        mosn_conf_error(reader, path, group, "no authority in %s: %s",
                        path->at, why);
        mosn_tls_bytes_free(&pem);
        return;
    }
    mosn_tls_watch_start(&authority->watch, &authority_ops, &pem);
    mosn_pool_on_destroy(pool, authority_end, authority);
}


/* --- for people ------------------------------------------------------------
 */

void
mosn_tls_authorities_print(bool json, FILE *out)
{
    mosn_tls_watch_t *w = mosn_tls_watch_next(NULL, &authority_ops);
    bool              more = false;

    (void) fputs(json ? "\"authorities\":[" : "", out);
    for (; w != NULL; w = mosn_tls_watch_next(w, &authority_ops)) {
        const authority_t *a = authority_of(w);

        const char *used = w->ctx->client != NULL ? "hosts" : "clients";

        if (json) {
            (void) fprintf(out, "%s{\"authority\":", more ? "," : "");
            mosn_json_print(w->paths[0].at, out);
            (void) fprintf(out,
                           ",\"certificates\":%d,\"used_by\":\"%s\","
                           "\"changes\":%u,\"trouble\":",
                           a->n, used, w->changes);
            mosn_json_print(w->why, out);
            (void) fputc('}', out);
        } else {
            (void) fprintf(out,
                           "authority\n  file    %s\n  has     %d "
                           "certificates\n  for     %s\n",
                           w->paths[0].at, a->n, used);
        }
        if (!json && w->why[0] != '\0') {
            (void) fprintf(out, "  NOT CHANGED: %s\n", w->why);
        }
        more = true;
    }
    (void) fputs(json ? "]" : "", out);
}
