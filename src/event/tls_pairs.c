/* event/tls_pairs.c - read, check and change certificates. */

#include "event/tls_pairs.h"

#include "core/log.h"
#include "event/tls_parts.h"
#include "os/file.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX  (1u << 20)
#define NAMES_MAX 512
#define N_FILES   3 /* certificate, key, OCSP response */

/* What tells that a file is another one. */
typedef struct {
    uint64_t device, inode, size, mtime_ns;
} ident_t;

/* The bytes of a pair. */
typedef struct {
    char  *at[N_FILES]; /* NULL: there is no such file */
    size_t n[N_FILES];
} pem_t;

struct mosn_tls_pair_s {
    mosn_list_t                 link;
    const mosn_tls_pair_conf_t *conf;
    SSL_CTX                    *ssl;
    mosn_tls_site_t            *site;  /* NULL: of a client */
    unsigned                   *epoch; /* NULL: of a server */
    X509                       *leaf;
    unsigned char              *ocsp;
    size_t                      n_ocsp;
    time_t                      ocsp_until;
    ident_t                     ident[N_FILES];
    bool                        failing; /* the last look was at a bad one */
    char                        why[200];
    unsigned                    changes;
};

static mosn_list_t all_pairs = { &all_pairs, &all_pairs };


/* --- reading ------------------------------------------------------------- */

static mosn_str_t
pair_path(const mosn_tls_pair_conf_t *conf, int i)
{
    return i == 0   ? conf->certificate
           : i == 1 ? conf->private_key
                    : conf->ocsp_response;
}


static void
pem_free(pem_t *pem)
{
    for (int i = 0; i < N_FILES; i++) {
        if (pem->at[i] != NULL) {
            OPENSSL_cleanse(pem->at[i], pem->n[i]);
            free(pem->at[i]);
            pem->at[i] = NULL;
        }
    }
}


/* -1, or the file that cannot be read; errno. */
static int
pem_read(const mosn_tls_pair_conf_t *conf, pem_t *pem)
{
    memset(pem, 0, sizeof(*pem));
    for (int i = 0; i < N_FILES; i++) {
        mosn_str_t path = pair_path(conf, i);

        if (path.at == NULL) {
            continue;
        }
        pem->at[i] = mosn_file_read(path.at, FILE_MAX, &pem->n[i]);
        if (pem->at[i] == NULL) {
            int error = errno;

            pem_free(pem);
            errno = error;
            return i;
        }
    }
    return -1;
}


static ident_t
pair_ident(mosn_str_t path)
{
    struct stat st;

    if (path.at == NULL || stat(path.at, &st) == -1) {
        return (ident_t){ 0 };
    }
    return (ident_t){ st.st_dev, st.st_ino, (uint64_t) st.st_size,
                      (uint64_t) st.st_mtim.tv_sec * 1000000000u
                          + (uint64_t) st.st_mtim.tv_nsec };
}


/* True when a file is another one than at the last look. */
static bool
pair_look(mosn_tls_pair_t *pair)
{
    bool changed = false;

    for (int i = 0; i < N_FILES; i++) {
        ident_t now = pair_ident(pair_path(pair->conf, i));

        changed |= memcmp(&now, &pair->ident[i], sizeof(now)) != 0;
        pair->ident[i] = now;
    }
    return changed;
}


/* --- putting into a context -----------------------------------------------
 */

static BIO *
pem_open(const pem_t *pem, int i)
{
    return BIO_new_mem_buf(pem->at[i], (int) pem->n[i]);
}


/* The leaf, then its issuers. */
static bool
ctx_use_certificates(SSL_CTX *ssl, const pem_t *pem)
{
    BIO  *bio = pem_open(pem, 0);
    X509 *x = PEM_read_bio_X509_AUX(bio, NULL, mosn_tls_no_passphrase, NULL);
    bool  good = x != NULL && SSL_CTX_use_certificate(ssl, x) == 1
                && SSL_CTX_clear_chain_certs(ssl) == 1;

    X509_free(x);
    while (good
           && (x = PEM_read_bio_X509(bio, NULL, mosn_tls_no_passphrase, NULL))
                  != NULL)
    {
        if (SSL_CTX_add0_chain_cert(ssl, x) != 1) {
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
ctx_use_key(SSL_CTX *ssl, const pem_t *pem)
{
    BIO      *bio = pem_open(pem, 1);
    EVP_PKEY *key =
        PEM_read_bio_PrivateKey(bio, NULL, mosn_tls_no_passphrase, NULL);
    bool good = key != NULL && SSL_CTX_use_PrivateKey(ssl, key) == 1
                && SSL_CTX_check_private_key(ssl) == 1;

    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}


/* Until when a response may be shown (RFC 6960, 4.2.2.1); 0: it is none. */
static time_t
ocsp_until(const pem_t *pem)
{
    const unsigned char  *p = (const unsigned char *) pem->at[2];
    OCSP_RESPONSE        *r = d2i_OCSP_RESPONSE(NULL, &p, (long) pem->n[2]);
    OCSP_BASICRESP       *basic = NULL;
    ASN1_GENERALIZEDTIME *next = NULL;
    struct tm             tm;
    time_t                until = 0;

    if (r != NULL && OCSP_response_status(r) == OCSP_RESPONSE_STATUS_SUCCESSFUL
        && (basic = OCSP_response_get1_basic(r)) != NULL
        && OCSP_resp_count(basic) > 0)
    {
        (void) OCSP_single_get0_status(OCSP_resp_get0(basic, 0), NULL, NULL,
                                       NULL, &next);
        until = next == NULL                      ? INT32_MAX
                : ASN1_TIME_to_tm(next, &tm) == 1 ? timegm(&tm)
                                                  : 0;
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(r);
    ERR_clear_error();
    return until;
}


/* The file that is at fault, or -1.  The context may be half changed then. */
static int
ctx_use_pair(SSL_CTX *ssl, const pem_t *pem, const char **why)
{
    ERR_clear_error();
    if (!ctx_use_certificates(ssl, pem)) {
        *why = mosn_tls_why();
        return 0;
    }
    if (!ctx_use_key(ssl, pem)) {
        *why = mosn_tls_why();
        return 1;
    }
    if (pem->at[2] != NULL && ocsp_until(pem) == 0) {
        *why = "no successful OCSP response in DER";
        return 2;
    }
    return -1;
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

    mosn_list_unlink(&pair->link);
    X509_free(pair->leaf);
    OPENSSL_free(pair->ocsp);
}


/* The pair is in its context; what we know of it follows. */
static void
pair_learn(mosn_tls_pair_t *pair, const pem_t *pem)
{
    X509_free(pair->leaf);
    pair->leaf = SSL_CTX_get0_certificate(pair->ssl);
    (void) X509_up_ref(pair->leaf);
    OPENSSL_free(pair->ocsp);
    pair->ocsp = NULL;
    if (pem->at[2] != NULL) {
        pair->ocsp = OPENSSL_memdup(pem->at[2], pem->n[2]);
        pair->n_ocsp = pem->n[2];
        pair->ocsp_until = ocsp_until(pem);
    }
}


/* Staples what belongs to the certificate that was chosen. */
static int
pair_on_status(SSL *ssl, void *arg)
{
    const X509 *chosen = SSL_get_certificate(ssl);

    (void) arg;
    for (mosn_list_t *link = all_pairs.next; link != &all_pairs;
         link = link->next) {
        mosn_tls_pair_t *pair = mosn_container_of(link, mosn_tls_pair_t, link);
        unsigned char   *copy;

        if (pair->leaf != chosen || pair->ocsp == NULL
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
    mosn_tls_pair_t  *pair = mosn_pool_calloc(pool, sizeof(*pair));
    const mosn_str_t *rows[N_FILES] = { &conf->certificate, &conf->private_key,
                                        &conf->ocsp_response };
    static const char *const what[N_FILES] = { "no certificate in",
                                               "no key of that certificate in",
                                               "no staple in" };
    const char              *why = NULL;
    pem_t                    pem;
    int                      bad;

    pair->conf = conf;
    pair->ssl = ssl;
    (void) pair_look(pair);
    bad = pem_read(conf, &pem);
    if (bad != -1) {
        why = strerror(errno);
    } else {
        bad = ctx_use_pair(ssl, &pem, &why);
    }
    if (bad != -1) {
        mosn_conf_error(reader, rows[bad], conf, "%s %s: %s", what[bad],
                        rows[bad]->at, why);
        pem_free(&pem);
        return NULL;
    }
    pair_learn(pair, &pem);
    pem_free(&pem);
    mosn_list_append(&all_pairs, &pair->link);
    mosn_pool_on_destroy(pool, pair_free, pair);
    if (conf->ocsp_response.at != NULL) {
        (void) SSL_CTX_set_tlsext_status_cb(ssl, pair_on_status);
    }
    if (leaf_until(pair->leaf) < time(NULL)) {
        mosn_log_warn(0, "the certificate in %s has expired",
                      conf->certificate.at);
    }
    return pair;
}


const X509 *
mosn_tls_pair_leaf(const mosn_tls_pair_t *pair)
{
    return pair->leaf;
}


void
mosn_tls_pair_join(mosn_tls_pair_t *pair, SSL_CTX *ssl)
{
    const char *why;
    pem_t       pem;

    if (pem_read(pair->conf, &pem) == -1) {
        pair->ssl = ssl;
        if (ctx_use_pair(ssl, &pem, &why) == -1) {
            pair_learn(pair, &pem);
        }
        pem_free(&pem);
    }
    if (pair->conf->ocsp_response.at != NULL) {
        (void) SSL_CTX_set_tlsext_status_cb(ssl, pair_on_status);
    }
}


void
mosn_tls_pair_set_epoch(mosn_tls_pair_t *pair, unsigned *epoch)
{
    pair->epoch = epoch;
}


void
mosn_tls_pair_set_site(mosn_tls_pair_t *pair, mosn_tls_site_t *site)
{
    pair->site = site;
}


/* --- changes --------------------------------------------------------------
 */

/* Would it hold?  Tried on a context that nobody uses.  False: `why` says. */
static bool
pair_would_hold(mosn_tls_pair_t *pair, const pem_t *pem)
{
    SSL_CTX    *ssl = SSL_CTX_new(TLS_method());
    const char *why = "no memory";
    X509       *leaf;
    bool        good = false;

    if (ssl == NULL) {
        return false;
    }
    SSL_CTX_set_security_level(ssl, 2);
    if (ctx_use_pair(ssl, pem, &why) != -1) {
        goto done;
    }
    leaf = SSL_CTX_get0_certificate(ssl);
    if (EVP_PKEY_get_base_id(X509_get0_pubkey(leaf))
        != EVP_PKEY_get_base_id(X509_get0_pubkey(pair->leaf)))
    {
        why = "another kind of key needs a reload";
        goto done;
    }
    if (leaf_until(leaf) < time(NULL) && leaf_until(pair->leaf) > time(NULL)) {
        why = "it has expired";
        goto done;
    }
    good = true;

done:
    if (!good) {
        (void) snprintf(pair->why, sizeof(pair->why), "%s", why);
    }
    SSL_CTX_free(ssl);
    return good;
}


static void
pair_change(mosn_tls_pair_t *pair, const pem_t *pem)
{
    const char *why;

    if (ctx_use_pair(pair->ssl, pem, &why) != -1) {
        mosn_log_alert(0, "the certificate in %s was checked and fails: %s",
                       pair->conf->certificate.at, why);
        return;
    }
    pair_learn(pair, pem);
    pair->changes++;
    pair->why[0] = '\0';
    if (pair->epoch != NULL) {
        ++*pair->epoch; /* sessions were made with the old one */
    }
    if (pair->site != NULL) {
        mosn_tls_site_learn_names(pair->site, pair->leaf);
    }
}


static void
pair_log_change(const mosn_tls_pair_t *pair)
{
    char   names[NAMES_MAX], print[65], until[32];
    time_t end = leaf_until(pair->leaf);

    leaf_names(pair->leaf, names, sizeof(names));
    leaf_fingerprint(pair->leaf, print);
    (void) strftime(until, sizeof(until), "%F %T", gmtime(&end));
    mosn_log_notice("the certificate in %s was changed: %s, until %s UTC, "
                    "sha256 %s",
                    pair->conf->certificate.at, names, until, print);
}


/* True: it was changed, `pem` is what to.  Files that do not fit each other
 * may be in the middle of being written: that is told when it stays so. */
static bool
pair_check(mosn_tls_pair_t *pair, pem_t *pem)
{
    bool again = pair->failing;
    int  bad;

    memset(pem, 0, sizeof(*pem));
    if (!pair_look(pair) && !again) {
        return false;
    }
    pair->failing = false;
    bad = pem_read(pair->conf, pem);
    if (bad == -1 && pair_would_hold(pair, pem)) {
        pair_change(pair, pem);
        pair_log_change(pair);
        return true;
    }
    if (bad != -1) {
        (void) snprintf(pair->why, sizeof(pair->why), "cannot read %.*s: %s",
                        MOSN_STR_ARG(pair_path(pair->conf, bad)),
                        strerror(errno));
    }
    pem_free(pem);
    if (again) {
        mosn_log_warn(0, "the certificate in %s stays as it was: %s",
                      pair->conf->certificate.at, pair->why);
    } else {
        pair->failing = true;
    }
    return false;
}


/* --- from the master to its children ---------------------------------------
 */

typedef struct {
    uint32_t number;
    uint32_t n[N_FILES];
} record_t;


static bool
record_write(int fd, uint32_t number, const pem_t *pem)
{
    record_t record = { .number = number };
    bool     good;

    for (int i = 0; i < N_FILES; i++) {
        record.n[i] = (uint32_t) pem->n[i];
    }
    good = write(fd, &record, sizeof(record)) == sizeof(record);
    for (int i = 0; i < N_FILES && good; i++) {
        good = pem->n[i] == 0
               || write(fd, pem->at[i], pem->n[i]) == (ssize_t) pem->n[i];
    }
    return good;
}


int
mosn_tls_pairs_look(uint64_t now_ms, uint32_t every_ms)
{
    static uint64_t last_ms; /* of this process */
    uint32_t        number = 0;
    int             fd = -1;

    if (every_ms == 0 || now_ms - last_ms < every_ms) {
        return -1;
    }
    last_ms = now_ms;
    for (mosn_list_t *link = all_pairs.next; link != &all_pairs;
         link = link->next, number++)
    {
        mosn_tls_pair_t *pair = mosn_container_of(link, mosn_tls_pair_t, link);
        pem_t            pem;

        if (!pair_check(pair, &pem)) {
            continue;
        }
        if (fd == -1) {
            fd = memfd_create("mosn certificates", MFD_CLOEXEC);
        }
        if (fd == -1 || !record_write(fd, number, &pem)) {
            mosn_log_alert(errno, "cannot pass a certificate on");
        }
        pem_free(&pem);
    }
    return fd;
}


static mosn_tls_pair_t *
pairs_find(uint32_t number)
{
    for (mosn_list_t *link = all_pairs.next; link != &all_pairs;
         link = link->next) {
        if (number-- == 0) {
            return mosn_container_of(link, mosn_tls_pair_t, link);
        }
    }
    return NULL;
}


/* The next record, borrowed of `bytes`; false: there is none. */
static bool
record_read(char *bytes, size_t n, size_t *at, record_t *record, pem_t *pem)
{
    memset(pem, 0, sizeof(*pem));
    if (n - *at < sizeof(*record)) {
        return false;
    }
    memcpy(record, bytes + *at, sizeof(*record));
    *at += sizeof(*record);
    for (int i = 0; i < N_FILES; i++) {
        if (record->n[i] > n - *at) {
            return false;
        }
        pem->at[i] = record->n[i] > 0 ? bytes + *at : NULL;
        pem->n[i] = record->n[i];
        *at += record->n[i];
    }
    return true;
}


void
mosn_tls_pairs_take(int fd)
{
    record_t    record;
    pem_t       pem;
    size_t      at = 0;
    struct stat st;
    char       *bytes = MAP_FAILED;

    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        bytes = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    (void) close(fd);
    if (bytes == MAP_FAILED) {
        mosn_log_alert(errno, "cannot read changed certificates");
        return;
    }
    while (record_read(bytes, (size_t) st.st_size, &at, &record, &pem)) {
        mosn_tls_pair_t *pair = pairs_find(record.number);

        if (pair != NULL) {
            pair_change(pair, &pem);
        }
    }
    (void) munmap(bytes, (size_t) st.st_size);
}


/* --- for people ------------------------------------------------------------
 */

static void
pair_print(const mosn_tls_pair_t *pair, bool json, bool more, FILE *out)
{
    char   names[NAMES_MAX], print[65], until[32];
    time_t end = leaf_until(pair->leaf);
    long   days = (long) ((end - time(NULL)) / 86400);

    leaf_names(pair->leaf, names, sizeof(names));
    leaf_fingerprint(pair->leaf, print);
    (void) strftime(until, sizeof(until), "%FT%TZ", gmtime(&end));
    (void) fprintf(
        out,
        json ? "%s{\"names\":\"%s\",\"certificate\":\"%s\",\"not_after\":"
               "\"%s\",\"days\":%ld,\"sha256\":\"%s\",\"used_by\":\"%s\","
               "\"changes\":%u,\"stapled\":%s,\"trouble\":\"%s\"}"
             : "%s%s\n  file    %s\n  until   %s (%ld days)\n  sha256  %s\n"
               "  for     %s\n",
        json && more ? "," : "", names, pair->conf->certificate.at, until,
        days, print, pair->site != NULL ? "clients" : "hosts", pair->changes,
        pair->ocsp != NULL && pair->ocsp_until > time(NULL) ? "true" : "false",
        pair->why);
    if (!json && pair->why[0] != '\0') {
        (void) fprintf(out, "  NOT CHANGED: %s\n", pair->why);
    }
}


void
mosn_tls_pairs_print(bool json, FILE *out)
{
    bool more = false;

    (void) fputs(json ? "{\"certificates\":[" : "", out);
    for (mosn_list_t *link = all_pairs.next; link != &all_pairs;
         link = link->next) {
        pair_print(mosn_container_of(link, mosn_tls_pair_t, link), json, more,
                   out);
        more = true;
    }
    (void) fputs(json ? "]}\n" : more ? "" : "no certificates\n", out);
}
