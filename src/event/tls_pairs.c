/* event/tls_pairs.c - certificates with their keys: into a context, and
 * another one into its place. */

#include "event/tls_watch.h"

#include "core/log.h"
#include "event/tls_parts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#define NAMES_MAX 512

/* What is in the files. */
typedef struct {
    X509     *leaf;
    EVP_PKEY *key;
    STACK_OF(X509) * issuers;
} material_t;

struct mosn_tls_pair_s {
    mosn_tls_watch_t            watch; /* certificate, key, OCSP response */
    const mosn_tls_pair_conf_t *conf;
    SSL_CTX                    *ssl;
    mosn_tls_site_t            *site; /* NULL: of a client */
    material_t                  m;
    unsigned char              *ocsp;
    size_t                      n_ocsp;
    time_t                      ocsp_until;
};

static const mosn_tls_watch_ops_t pair_ops;


static mosn_tls_pair_t *
pair_of(const mosn_tls_watch_t *watch)
{
    return mosn_container_of(watch, mosn_tls_pair_t, watch);
}


/* --- putting into a context -----------------------------------------------
 */

static BIO *
pem_open(const mosn_tls_bytes_t *pem, int i)
{
    return BIO_new_mem_buf(pem->at[i], (int) pem->n[i]);
}


static void
material_free(material_t *m)
{
    X509_free(m->leaf);
    EVP_PKEY_free(m->key);
    sk_X509_pop_free(m->issuers, X509_free);
    *m = (material_t){ 0 };
}


/* The leaf, then its issuers. */
static bool
material_read_certificates(material_t *m, const mosn_tls_bytes_t *pem)
{
    BIO  *bio = pem_open(pem, 0);
    X509 *x;
    bool  good;

    m->leaf = PEM_read_bio_X509_AUX(bio, NULL, mosn_tls_no_passphrase, NULL);
    m->issuers = sk_X509_new_null();
    good = m->leaf != NULL && m->issuers != NULL;
    while (good
           && (x = PEM_read_bio_X509(bio, NULL, mosn_tls_no_passphrase, NULL))
                  != NULL)
    {
        if (sk_X509_push(m->issuers, x) == 0) {
            X509_free(x);
            good = false;
        }
    }
    if (good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error(); /* the end of the file */
    }
    good = good && ERR_peek_error() == 0;
    BIO_free(bio);
    return good;
}


static bool
material_read_key(material_t *m, const mosn_tls_bytes_t *pem)
{
    BIO *bio = pem_open(pem, 1);

    m->key = PEM_read_bio_PrivateKey(bio, NULL, mosn_tls_no_passphrase, NULL);
    BIO_free(bio);
    return m->key != NULL && X509_check_private_key(m->leaf, m->key) == 1;
}


/* The same serial number and the same issuer (RFC 6960, 4.1.1). */
static bool
ocsp_is_about(const OCSP_SINGLERESP *one, const X509 *leaf)
{
    OCSP_CERTID *id = (OCSP_CERTID *) (uintptr_t) OCSP_SINGLERESP_get0_id(one);
    ASN1_OCTET_STRING *issuer = NULL;
    ASN1_OBJECT       *digest = NULL;
    ASN1_INTEGER      *serial = NULL;
    unsigned char      hash[EVP_MAX_MD_SIZE];
    unsigned           n = 0;
    const EVP_MD      *md;

    (void) OCSP_id_get0_info(&issuer, &digest, NULL, &serial, id);
    md = EVP_get_digestbyobj(digest);
    return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0
           && md != NULL
           && X509_NAME_digest(X509_get_issuer_name(leaf), md, hash, &n) == 1
           && (int) n == ASN1_STRING_length(issuer)
           && memcmp(hash, ASN1_STRING_get0_data(issuer), n) == 0;
}


/* Until when a response may be shown for that certificate (RFC 6960,
 * 4.2.2.1); 0: it is of another one, -1: it is no response. */
static time_t
ocsp_until(const mosn_tls_bytes_t *pem, const X509 *leaf)
{
    const unsigned char  *p = (const unsigned char *) pem->at[2];
    OCSP_RESPONSE        *r = d2i_OCSP_RESPONSE(NULL, &p, (long) pem->n[2]);
    OCSP_BASICRESP       *basic = NULL;
    ASN1_GENERALIZEDTIME *next = NULL;
    struct tm             tm;
    time_t                until = -1;

    if (r != NULL && OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL
        && (basic = OCSP_response_get1_basic(r)) != NULL
        && OCSP_resp_count(basic) > 0)
    {
        until = 0;
    }
    for (int i = 0; until == 0 && i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);

        if (!ocsp_is_about(one, leaf)) {
            continue;
        }
        (void) OCSP_single_get0_status(one, NULL, NULL, NULL, &next);
        until = next == NULL                      ? INT32_MAX
                : ASN1_TIME_to_tm(next, &tm) == 1 ? timegm(&tm)
                                                  : 0;
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(r);
    ERR_clear_error();
    return until;
}


/* The file that is at fault, or -1. */
static int
material_read(material_t *m, const mosn_tls_bytes_t *pem, const char **why)
{
    *m = (material_t){ 0 };
    ERR_clear_error();
    if (!material_read_certificates(m, pem)) {
        *why = mosn_tls_why();
        return 0;
    }
    if (!material_read_key(m, pem)) {
        *why = mosn_tls_why();
        return 1;
    }
    if (pem->at[2] != NULL && ocsp_until(pem, m->leaf) == -1) {
        *why = "no successful OCSP response in DER";
        return 2;
    }
    return -1;
}


/* NULL: done. */
static const char *
material_use(const material_t *m, SSL_CTX *ssl)
{
    ERR_clear_error();
    return SSL_CTX_use_cert_and_key(ssl, m->leaf, m->key, m->issuers, 1) == 1
               ? NULL
               : mosn_tls_why();
}


/* --- what a certificate says ----------------------------------------------
 */

static time_t
leaf_until(const X509 *x)
{
    struct tm tm;

    return ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1 ? timegm(&tm) : 0;
}


/* "a.example, *.b.example"; the subject when there are no names. */
static void
leaf_names(const X509 *x, char *text, size_t room)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if ((name->type == GEN_DNS || name->type == GEN_URI) && n < room) {
            n += (size_t) snprintf(
                text + n, room - n, "%s%.*s", n > 0 ? ", " : "",
                ASN1_STRING_length(name->d.ia5),
                (const char *) ASN1_STRING_get0_data(name->d.ia5));
        }
    }
    GENERAL_NAMES_free(names);
    if (n == 0) {
        (void) X509_NAME_oneline(X509_get_subject_name(x), text, (int) room);
    }
    for (char *c = text; *c != '\0'; c++) { /* it is printed as it is */
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') {
            *c = '?';
        }
    }
}


static void
leaf_fingerprint(const X509 *x, char text[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      n = 0;

    text[0] = '\0';
    if (X509_digest(x, EVP_sha256(), digest, &n) == 1) {
        for (unsigned i = 0; i < n && i < 32; i++) {
            (void) snprintf(text + 2 * i, 3, "%02x", digest[i]);
        }
    }
}


/* --- pairs ----------------------------------------------------------------
 */

static void
pair_free(void *object)
{
    mosn_tls_pair_t *pair = object;

    mosn_tls_watch_end(&pair->watch);
    material_free(&pair->m);
    OPENSSL_free(pair->ocsp);
}


/* That is in its context now. */
static void
pair_learn(mosn_tls_pair_t *pair, material_t *m, const mosn_tls_bytes_t *pem)
{
    material_free(&pair->m);
    pair->m = *m;
    OPENSSL_free(pair->ocsp);
    pair->ocsp = NULL;
    if (pem->at[2] == NULL) {
        return;
    }
    pair->ocsp_until = ocsp_until(pem, pair->m.leaf);
    if (pair->ocsp_until == 0) {
        mosn_log_warn(0,
                      "the OCSP response in %s is of another certificate than "
                      "that in %s: nothing is stapled",
                      pair->conf->ocsp_response.at,
                      pair->conf->certificate.at);
        return;
    }
    pair->ocsp = OPENSSL_memdup(pem->at[2], pem->n[2]);
    pair->n_ocsp = pem->n[2];
}


/* Staples what belongs to the certificate that was chosen. */
static int
pair_on_status(SSL *ssl, void *arg)
{
    const X509 *chosen = SSL_get_certificate(ssl);

    (void) arg;
    for (mosn_tls_watch_t *w = mosn_tls_watch_next(NULL, &pair_ops); w != NULL;
         w = mosn_tls_watch_next(w, &pair_ops))
    {
        const mosn_tls_pair_t *pair = pair_of(w);
        unsigned char         *copy;

        if (pair->m.leaf != chosen || pair->ocsp == NULL
            || pair->ocsp_until <= time(NULL))
        {
            continue;
        }
        copy = OPENSSL_memdup(pair->ocsp, pair->n_ocsp);
        if (copy != NULL) {
            (void) SSL_set_tlsext_status_ocsp_resp(ssl, copy,
                                                   (long) pair->n_ocsp);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}


mosn_tls_pair_t *
mosn_tls_pair_load(mosn_conf_t *reader, mosn_pool_t *pool, SSL_CTX *ssl,
                   const mosn_tls_pair_conf_t *conf)
{
    mosn_tls_pair_t         *pair = mosn_pool_calloc(pool, sizeof(*pair));
    const mosn_str_t        *rows[MOSN_TLS_FILES] = { &conf->certificate,
                                                      &conf->private_key,
                                                      &conf->ocsp_response };
    static const char *const what[MOSN_TLS_FILES] = {
        "no certificate in", "no key of that certificate in", "no staple in"
    };
    const char      *why = NULL;
    mosn_tls_bytes_t pem;
    material_t       m = { 0 };
    int              bad;

    pair->conf = conf;
    pair->ssl = ssl;
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        pair->watch.paths[i] = *rows[i];
    }
    bad = mosn_tls_watch_read(&pair->watch, &pem);
    if (bad != -1) {
        why = strerror(errno);
    } else {
        bad = material_read(&m, &pem, &why);
    }
    if (bad == -1 && (why = material_use(&m, ssl)) != NULL) {
        bad = 0;
    }
    if (bad != -1) {
        mosn_conf_error(reader, rows[bad], conf, "%s %s: %s", what[bad],
                        rows[bad]->at, why);
        mosn_tls_bytes_free(&pem);
        material_free(&m);
        return NULL;
    }
    pair_learn(pair, &m, &pem);
    mosn_tls_watch_start(&pair->watch, &pair_ops, &pem);
    mosn_pool_on_destroy(pool, pair_free, pair);
    if (conf->ocsp_response.at != NULL) {
        (void) SSL_CTX_set_tlsext_status_cb(ssl, pair_on_status);
    }
    if (leaf_until(pair->m.leaf) < time(NULL)) {
        mosn_log_warn(0, "the certificate in %s has expired",
                      conf->certificate.at);
    }
    return pair;
}


const X509 *
mosn_tls_pair_leaf(const mosn_tls_pair_t *pair)
{
    return pair->m.leaf;
}


void
mosn_tls_pair_join(mosn_tls_pair_t *pair, SSL_CTX *ssl)
{
    pair->ssl = ssl;
    (void) material_use(&pair->m, ssl); /* it did in one like that */
    if (pair->conf->ocsp_response.at != NULL) {
        (void) SSL_CTX_set_tlsext_status_cb(ssl, pair_on_status);
    }
}


void
mosn_tls_pair_set_owner(mosn_tls_pair_t *pair, mosn_tls_ctx_t *ctx,
                        mosn_tls_site_t *site)
{
    pair->watch.ctx = ctx;
    pair->site = site;
}


/* Without a name: the default. */
static bool
pair_is_for(const mosn_tls_pair_t *pair, const mosn_tls_ctx_t *ctx,
            mosn_str_t name, unsigned flags)
{
    if (pair->watch.ctx != ctx) {
        return false;
    }
    if (name.len == 0) {
        return pair->site == NULL || pair->site == &ctx->sites[0];
    }
    return X509_check_host(pair->m.leaf, name.at, name.len,
                           flags | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL)
           == 1;
}


/* False: there is none. */
static bool
pairs_use(SSL *ssl, const mosn_tls_ctx_t *ctx, mosn_str_t name, unsigned flags)
{
    bool any = false;

    for (mosn_tls_watch_t *w = mosn_tls_watch_next(NULL, &pair_ops); w != NULL;
         w = mosn_tls_watch_next(w, &pair_ops))
    {
        const material_t *m = &pair_of(w)->m;

        if (pair_is_for(pair_of(w), ctx, name, flags)) {
            (void) SSL_use_cert_and_key(ssl, m->leaf, m->key, m->issuers, 0);
            any = true;
        }
    }
    ERR_clear_error(); /* a second one of a kind */
    return any;
}


void
mosn_tls_pairs_use(SSL *ssl, const mosn_tls_ctx_t *ctx, mosn_str_t name)
{
    SSL_certs_clear(ssl);
    if (!pairs_use(ssl, ctx, name, X509_CHECK_FLAG_NO_WILDCARDS)
        && !pairs_use(ssl, ctx, name, 0))
    {
        (void) pairs_use(ssl, ctx, MOSN_STR_NULL, 0);
    }
}


/* --- changes --------------------------------------------------------------
 */

static const char *
pair_refuse(mosn_tls_watch_t *watch, const mosn_tls_bytes_t *pem)
{
    const mosn_tls_pair_t *pair = pair_of(watch);
    SSL_CTX               *ssl = SSL_CTX_new(TLS_method());
    const char            *why = NULL;
    material_t             m;

    if (ssl == NULL) {
        return "no memory";
    }
    SSL_CTX_set_security_level(ssl, 2);
    if (material_read(&m, pem, &why) == -1
        && (why = material_use(&m, ssl)) == NULL
        && leaf_until(m.leaf) < time(NULL)
        && leaf_until(pair->m.leaf) > time(NULL))
    {
        why = "it has expired";
    }
    material_free(&m);
    SSL_CTX_free(ssl);
    return why;
}


/* Those of all certificates that it has. */
static void
site_learn_names(mosn_tls_site_t *site)
{
    mosn_tls_site_forget_names(site);
    for (mosn_tls_watch_t *w = mosn_tls_watch_next(NULL, &pair_ops); w != NULL;
         w = mosn_tls_watch_next(w, &pair_ops))
    {
        if (pair_of(w)->site == site) {
            mosn_tls_site_add_names(site, pair_of(w)->m.leaf);
        }
    }
}


/* A context has a place for each kind of key, and none is ever emptied: when
 * the kind changes, connections get what there is one by one. */
static const char *
pair_change(mosn_tls_watch_t *watch, const mosn_tls_bytes_t *pem)
{
    mosn_tls_pair_t *pair = pair_of(watch);
    const char      *why = NULL;
    material_t       m;
    char             before[NAMES_MAX], names[NAMES_MAX];
    bool             other;

    if (material_read(&m, pem, &why) != -1
        || (why = material_use(&m, pair->ssl)) != NULL)
    {
        material_free(&m);
        return why;
    }
    leaf_names(pair->m.leaf, before, sizeof(before));
    leaf_names(m.leaf, names, sizeof(names));
    other = EVP_PKEY_get_base_id(m.key) != EVP_PKEY_get_base_id(pair->m.key)
            || strcmp(before, names) != 0;
    pair_learn(pair, &m, pem);
    watch->ctx->epoch++; /* a client's sessions were made with the old one */
    watch->ctx->mixed |= other;
    if (pair->site != NULL) {
        site_learn_names(pair->site);
    }
    return NULL;
}


static void
pair_describe(const mosn_tls_watch_t *watch, char *text, size_t room)
{
    const X509 *leaf = pair_of(watch)->m.leaf;
    char        names[NAMES_MAX], print[65], until[32];
    time_t      end = leaf_until(leaf);

    leaf_names(leaf, names, sizeof(names));
    leaf_fingerprint(leaf, print);
    (void) strftime(until, sizeof(until), "%F %T", gmtime(&end));
    (void) snprintf(text, room, "%s, until %s UTC, sha256 %s", names, until,
                    print);
}


static const mosn_tls_watch_ops_t pair_ops = {
    .what = "certificate",
    .refuse = pair_refuse,
    .change = pair_change,
    .describe = pair_describe,
};


/* --- for people ------------------------------------------------------------
 */

static void
pair_print_json(const mosn_tls_pair_t *pair, const char *names,
                const char *until, long days, const char *print, FILE *out)
{
    (void) fprintf(out, "{\"names\":\"%s\",\"certificate\":", names);
    mosn_json_print(pair->conf->certificate.at, out);
    (void) fprintf(
        out,
        ",\"not_after\":\"%s\",\"days\":%ld,\"sha256\":\"%s\","
        "\"used_by\":\"%s\",\"changes\":%u,\"stapled\":%s,\"trouble\":",
        until, days, print, pair->site != NULL ? "clients" : "hosts",
        pair->watch.changes,
        pair->ocsp != NULL && pair->ocsp_until > time(NULL) ? "true"
                                                            : "false");
    mosn_json_print(pair->watch.why, out);
    (void) fputc('}', out);
}


static void
pair_print(const mosn_tls_pair_t *pair, bool json, FILE *out)
{
    char   names[NAMES_MAX], print[65], until[32];
    time_t end = leaf_until(pair->m.leaf);
    long   days = (long) ((end - time(NULL)) / 86400);

    leaf_names(pair->m.leaf, names, sizeof(names));
    leaf_fingerprint(pair->m.leaf, print);
    (void) strftime(until, sizeof(until), "%FT%TZ", gmtime(&end));
    if (json) {
        pair_print_json(pair, names, until, days, print, out);
        return;
    }
    (void) fprintf(out,
                   "%s\n  file    %s\n  until   %s (%ld days)\n"
                   "  sha256  %s\n  for     %s\n",
                   names, pair->conf->certificate.at, until, days, print,
                   pair->site != NULL ? "clients" : "hosts");
    if (pair->watch.why[0] != '\0') {
        (void) fprintf(out, "  NOT CHANGED: %s\n", pair->watch.why);
    }
}


void
mosn_tls_pairs_print(bool json, FILE *out)
{
    mosn_tls_watch_t *w = mosn_tls_watch_next(NULL, &pair_ops);
    bool              more = false;

    (void) fputs(json ? "\"certificates\":[" : "", out);
    for (; w != NULL; w = mosn_tls_watch_next(w, &pair_ops)) {
        (void) fputs(json && more ? "," : "", out);
        pair_print(pair_of(w), json, out);
        more = true;
    }
    (void) fputs(json ? "]" : more ? "" : "no certificates\n", out);
}
