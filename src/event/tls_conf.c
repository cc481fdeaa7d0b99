/*
 * event/tls_conf.c - settings of TLS, and contexts from them.
 *
 * Certificates with the same names share a context, so that a client gets
 * the kind of key that it can check.  The context is chosen when the client
 * hello has been read, before anything is resumed, and everything that is a
 * site's own is set then.
 */

#include "event/tls_parts.h"

#include "core/log.h"
#include "event/client_hello.h"
#include "os/file.h"
#include "os/socket.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>


const char *const        mosn_tls_version_names[] = { "1.2", "1.3", NULL };
static const int         versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
static const char *const verify_names[] = { "off", "request", "require",
                                            NULL };

const mosn_directive_t mosn_tls_pair_directives[] = {
    MOSN_STRING_REQUIRED(mosn_tls_pair_conf_t, certificate,
                         "PEM file: the certificate, then its issuers."),
    MOSN_STRING_REQUIRED(mosn_tls_pair_conf_t, private_key,
                         "PEM file with its key."),
    MOSN_STRING(mosn_tls_pair_conf_t, ocsp_response, NULL,
                "DER file with an OCSP response that is stapled while it is "
                "valid."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t pair_block = {
    .doc = "A certificate and its key.",
    .size = sizeof(mosn_tls_pair_conf_t),
    .directives = mosn_tls_pair_directives,
};

static const mosn_directive_t server_directives[] = {
    MOSN_LIST_REQUIRED(mosn_tls_server_conf_t, certificates, &pair_block,
                       "Certificates; the client's server name picks one, "
                       "the first is the default.  An RSA and an ECDSA one "
                       "of the same names go together."),
    MOSN_ENUM(mosn_tls_server_conf_t, min_version, mosn_tls_version_names, 0,
              "The lowest version of TLS."),
    MOSN_ENUM(mosn_tls_server_conf_t, max_version, mosn_tls_version_names, 1,
              "The highest version of TLS."),
    MOSN_STRING(mosn_tls_server_conf_t, ciphers, MOSN_TLS_MODERN_CIPHERS,
                "Cipher suites of TLS 1.2, as OpenSSL names them."),
    MOSN_STRING(mosn_tls_server_conf_t, groups, "X25519:P-256:P-384",
                "Groups for the key exchange."),
    MOSN_STRINGS_DEFAULT(mosn_tls_server_conf_t, alpn, "http/1.1",
                         "Protocols that are offered, the best first."),
    MOSN_STRING(mosn_tls_server_conf_t, client_ca, NULL,
                "PEM file with the authorities of clients.  When it has lists "
                "of revoked certificates (CRL), too, every authority above "
                "a client must have one."),
    MOSN_ENUM(mosn_tls_server_conf_t, verify_client, verify_names,
              MOSN_TLS_VERIFY_OFF,
              "Ask clients for a certificate, or insist on one."),
    MOSN_DURATION(mosn_tls_server_conf_t, handshake_timeout, 100, 3600000,
                  10000, "A handshake that takes longer is cut."),
    MOSN_INT(mosn_tls_server_conf_t, max_handshakes, 0, 1000000, 0,
             "Handshakes at a time, per worker; a connection more is closed; "
             "0: no limit."),
    MOSN_INT(mosn_tls_server_conf_t, max_handshake_rate, 0, 1000000, 0,
             "Handshakes that begin in one second, per worker; a connection "
             "more is closed; 0: no limit."),
    MOSN_BOOL(mosn_tls_server_conf_t, session_tickets, true,
              "Let clients resume without a full handshake."),
    MOSN_BOOL(mosn_tls_server_conf_t, ktls, false,
              "Leave the encryption of what is sent to the kernel, if it can "
              "(kTLS, module \"tls\"): bodies of a tcp_proxy then reach the "
              "client without being copied."),
    MOSN_DIRECTIVES_END
};


static void
server_check(mosn_conf_t *reader, void *conf)
{
    const mosn_tls_server_conf_t *c = conf;

    if (c->min_version > c->max_version) {
        mosn_conf_error(reader, &c->min_version, c,
                        "is above max_version: nobody could connect");
    }
    if (c->verify_client != MOSN_TLS_VERIFY_OFF && c->client_ca.at == NULL) {
        mosn_conf_error(reader, &c->verify_client, c,
                        "needs client_ca: by whom shall clients be vouched "
                        "for?");
    }
    if (c->client_ca.at != NULL && c->verify_client == MOSN_TLS_VERIFY_OFF) {
        mosn_conf_error(reader, &c->client_ca, c,
                        "is not used: verify_client is \"off\"");
    }
}


const mosn_conf_block_t mosn_tls_server_block = {
    .doc = "TLS towards clients.",
    .size = sizeof(mosn_tls_server_conf_t),
    .directives = server_directives,
    .check = server_check,
};


/* --- files -------------------------------------------------------------- */

/* Why OpenSSL said no, without its numbers. */
const char *
mosn_tls_why(void)
{
    unsigned long code = ERR_peek_error();
    const char   *text = ERR_reason_error_string(code);

    if (ERR_GET_LIB(code) == ERR_LIB_SYS) {
        text = strerror(ERR_GET_REASON(code));
    }
    ERR_clear_error();
    return text != NULL ? text : "unknown error";
}


int
mosn_tls_no_passphrase(char *text, int room, int writing, void *arg)
{
    (void) text;
    (void) room;
    (void) writing;
    (void) arg;
    return -1;
}


static mosn_str_t
tls_lower(mosn_pool_t *pool, const char *at, size_t len)
{
    char *copy = mosn_pool_alloc(pool, len + 1);

    for (size_t i = 0; i < len; i++) {
        copy[i] = (char) tolower((unsigned char) at[i]);
    }
    copy[len] = '\0';
    return (mosn_str_t){ copy, len };
}


/* --- contexts ----------------------------------------------------------- */

static void
tls_free_ssl_ctx(void *ssl)
{
    SSL_CTX_free(ssl);
}


void
mosn_tls_use_kernel(SSL_CTX *ssl, bool wanted)
{
    static int can = -1;

    if (!wanted) {
        return;
    }
    if (can == -1) {
        can = mosn_socket_can_encrypt();
        if (!can) {
            mosn_log_notice("ktls: this kernel has no module \"tls\": "
                            "mosn encrypts itself");
        }
    }
    if (can) {
        (void) SSL_CTX_set_options(ssl, SSL_OP_ENABLE_KTLS);
    }
}


SSL_CTX *
mosn_tls_new_ctx(mosn_pool_t *pool, bool server, int min, int max)
{
    SSL_CTX *ssl =
        SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());

    if (ssl == NULL) {
        abort(); /* no memory */
    }
    mosn_pool_on_destroy(pool, tls_free_ssl_ctx, ssl);
    (void) SSL_CTX_set_min_proto_version(ssl, versions[min]);
    (void) SSL_CTX_set_max_proto_version(ssl, versions[max]);
    SSL_CTX_set_security_level(ssl, 2);
    (void) SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION
                                        | SSL_OP_NO_RENEGOTIATION);
    (void) SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS
                                     | SSL_MODE_ENABLE_PARTIAL_WRITE
                                     | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_default_passwd_cb(ssl, mosn_tls_no_passphrase);
    return ssl;
}


static bool
tls_same_names(const mosn_strs_t *a, const mosn_strs_t *b)
{
    if (a->n != b->n || a->n == 0) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!mosn_str_equal(a->items[i], b->items[i])) {
            return false;
        }
    }
    return true;
}


static bool
tls_share_names(const mosn_strs_t *a, const mosn_strs_t *b)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < b->n; k++) {
            if (mosn_str_equal(a->items[i], b->items[k])) {
                return true;
            }
        }
    }
    return false;
}


void
mosn_tls_set_policy(mosn_tls_site_t *site, const mosn_tls_server_conf_t *c,
                    const void *authorities, size_t n_authorities)
{
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned      n = 0;
    int           policy[] = { c->verify_client, c->min_version };
    EVP_MD_CTX   *sha = EVP_MD_CTX_new();

    if (sha == NULL || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1
        || EVP_DigestUpdate(sha, policy, sizeof(policy)) != 1
        || EVP_DigestUpdate(sha, authorities, n_authorities) != 1
        || EVP_DigestFinal_ex(sha, id, &n) != 1)
    {
        abort(); /* no memory */
    }
    EVP_MD_CTX_free(sha);
    site->n_policy = n < sizeof(site->policy) ? n : sizeof(site->policy);
    memcpy(site->policy, id, site->n_policy);
    (void) SSL_CTX_set_session_id_context(site->ssl, site->policy,
                                          site->n_policy);
}


static bool
tls_verifies(const mosn_tls_server_conf_t *c)
{
    return c->verify_client != MOSN_TLS_VERIFY_OFF && c->client_ca.at != NULL;
}


static SSL_CTX *
tls_new_site(mosn_conf_t *reader, mosn_pool_t *pool,
             const mosn_tls_server_conf_t *c)
{
    SSL_CTX *ssl =
        mosn_tls_new_ctx(pool, true, c->min_version, c->max_version);

    if (SSL_CTX_set_cipher_list(ssl, c->ciphers.at) != 1) {
        mosn_conf_error(reader, &c->ciphers, c,
                        "no usable cipher suite in \"%s\"", c->ciphers.at);
    }
    if (SSL_CTX_set1_groups_list(ssl, c->groups.at) != 1) {
        mosn_conf_error(reader, &c->groups, c, "unknown group in \"%s\"",
                        c->groups.at);
    }
    ERR_clear_error();
    (void) SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void) SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (tls_verifies(c)) {
        SSL_CTX_set_verify(ssl,
                           SSL_VERIFY_PEER
                               | (c->verify_client == MOSN_TLS_VERIFY_REQUIRE
                                      ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                                      : 0),
                           NULL);
    }
    mosn_tls_use_kernel(ssl, c->ktls);
    if (c->session_tickets) {
        (void) SSL_CTX_set_num_tickets(ssl, 1);
        mosn_tls_tickets_use(ssl);
    } else {
        (void) SSL_CTX_set_num_tickets(ssl, 0);
        (void) SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    }
    return ssl;
}


/* "h2", "http/1.1" as lengths and bytes (RFC 7301, 3.1). */
void
mosn_tls_pack_alpn(mosn_conf_t *reader, mosn_pool_t *pool, mosn_tls_ctx_t *ctx,
                   const mosn_strs_t *names, const void *group)
{
    size_t n = 0;

    for (size_t i = 0; i < names->n; i++) {
        n += names->items[i].len + 1;
    }
    ctx->alpn = mosn_pool_alloc(pool, n + 1);
    for (size_t i = 0; i < names->n; i++) {
        mosn_str_t name = names->items[i];

        if (name.len == 0 || name.len > 255) {
            mosn_conf_error(reader, names, group,
                            "a protocol has 1 to 255 bytes");
            continue;
        }
        if (mosn_str_equal(name, MOSN_STR("http2"))
            || mosn_str_equal(name, MOSN_STR("http1")))
        {
            mosn_conf_error(reader, names, group,
                            "ALPN knows HTTP/2 as \"h2\", HTTP/1 as "
                            "\"http/1.1\"");
        }
        ctx->alpn[ctx->n_alpn++] = (uint8_t) name.len;
        memcpy(ctx->alpn + ctx->n_alpn, name.at, name.len);
        ctx->n_alpn += (unsigned) name.len;
    }
}


/* The first of ours that the client offers; compared by hand, for a list may
 * be empty or malformed. */
static int
tls_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *n_out,
            const unsigned char *in, unsigned n_in, void *arg)
{
    const mosn_tls_ctx_t *ctx = arg;

    (void) ssl;
    for (unsigned i = 0; i < ctx->n_alpn; i += ctx->alpn[i] + 1u) {
        for (unsigned k = 0; k < n_in && k + 1u + in[k] <= n_in;
             k += in[k] + 1u) {
            if (in[k] == ctx->alpn[i]
                && memcmp(in + k + 1, ctx->alpn + i + 1, in[k]) == 0) {
                *out = in + k + 1;
                *n_out = in[k];
                return SSL_TLSEXT_ERR_OK;
            }
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* RFC 7301, 3.2 */
}


/* --- the client hello ---------------------------------------------------- */

/* The first host name of the extension (RFC 6066, 3); false: there is none. */
static bool
tls_hello_name(SSL *ssl, mosn_str_t *name_r)
{
    const unsigned char *p;
    size_t               n, len;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) != 1
        || n < 5)
    {
        return false;
    }
    len = (size_t) p[3] << 8 | p[4];
    if (p[2] != TLSEXT_NAMETYPE_host_name || len == 0 || len > n - 5
        || len > 255) {
        return false;
    }
    *name_r = (mosn_str_t){ (const char *) p + 5, len };
    return true;
}


static const mosn_tls_site_t *
tls_find_site(const mosn_tls_ctx_t *ctx, mosn_str_t name)
{
    for (int wild = 0; wild < 2; wild++) {
        for (size_t i = 0; i < ctx->n_sites; i++) {
            const mosn_strs_t *names = &ctx->sites[i].names;

            for (size_t k = 0; k < names->n; k++) {
                if ((names->items[k].at[0] == '*') == (wild == 1)
                    && mosn_server_name_matches(names->items[k], name))
                {
                    return &ctx->sites[i];
                }
            }
        }
    }
    return &ctx->sites[0];
}


bool
mosn_tls_site_has_name(const mosn_tls_ctx_t *ctx, const SSL_CTX *ssl,
                       mosn_str_t name)
{
    for (size_t i = 0; i < ctx->n_sites; i++) {
        const mosn_strs_t *names = &ctx->sites[i].names;

        for (size_t k = 0; k < names->n && ctx->sites[i].ssl == ssl; k++) {
            if (mosn_server_name_matches(names->items[k], name)) {
                return true;
            }
        }
    }
    return false;
}


bool
mosn_tls_would_cover(const mosn_tls_ctx_t *ctx, mosn_str_t name,
                     mosn_str_t host)
{
    return name.len == 0 || mosn_str_equal_nocase(name, host)
           || mosn_tls_site_has_name(ctx, tls_find_site(ctx, name)->ssl, host);
}


/* Runs before anything is resumed (security.md, OpenSSL): what is not set
 * here would be the default site's. */
static int
tls_on_hello(SSL *ssl, int *alert, void *arg)
{
    const mosn_tls_ctx_t  *ctx = arg;
    const mosn_tls_site_t *site = &ctx->sites[0];
    mosn_str_t             name;

    (void) alert;
    if (ctx->n_sites > 1 && tls_hello_name(ssl, &name)) {
        site = tls_find_site(ctx, name);
        (void) SSL_set_SSL_CTX(ssl, site->ssl);
        SSL_set_verify(ssl, SSL_CTX_get_verify_mode(site->ssl), NULL);
    }
    if (ctx->mixed) {
        mosn_tls_pairs_use(ssl, ctx,
                           tls_hello_name(ssl, &name) ? name : MOSN_STR_NULL);
    }
    /* That of now: the authorities may have changed since the connection was
     * accepted. */
    (void) SSL_set_session_id_context(ssl, site->policy, site->n_policy);
    return SSL_CLIENT_HELLO_SUCCESS;
}


/* --- servers ------------------------------------------------------------ */

static void
tls_free_names(void *object)
{
    mosn_tls_site_forget_names(object);
}


void
mosn_tls_site_forget_names(mosn_tls_site_t *site)
{
    if (site->names_pool != NULL) {
        mosn_pool_destroy(&site->names_pool);
    }
    site->names = (mosn_strs_t){ 0 };
}


/* DNS names of subjectAltName (RFC 6125 knows no other place any more). */
void
mosn_tls_site_add_names(mosn_tls_site_t *site, const X509 *leaf)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int         n = names != NULL ? sk_GENERAL_NAME_num(names) : 0;
    mosn_strs_t all = site->names;

    if (site->names_pool == NULL) {
        site->names_pool = mosn_pool_create(MOSN_POOL_STREAM);
    }
    all.items = mosn_pool_calloc(site->names_pool, (all.n + (size_t) n + 1)
                                                       * sizeof(mosn_str_t));
    if (site->names.n > 0) {
        memcpy(all.items, site->names.items,
               site->names.n * sizeof(mosn_str_t));
    }
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char         *at;
        int                 len;

        if (name->type != GEN_DNS) {
            continue;
        }
        at = (const char *) ASN1_STRING_get0_data(name->d.dNSName);
        len = ASN1_STRING_length(name->d.dNSName);
        if (len > 0 && memchr(at, '\0', (size_t) len) == NULL) {
            all.items[all.n++] = tls_lower(site->names_pool, at, (size_t) len);
        }
    }
    GENERAL_NAMES_free(names);
    site->names = all;
}


/* A certificate with the names of another one joins that one's context. */
static void
tls_add_pair(mosn_conf_t *reader, mosn_pool_t *pool, mosn_tls_ctx_t *ctx,
             const mosn_tls_pair_conf_t *conf)
{
    mosn_tls_site_t *site = &ctx->sites[ctx->n_sites];
    mosn_tls_pair_t *pair;

    site->ssl = tls_new_site(reader, pool, ctx->server);
    mosn_tls_set_policy(site, ctx->server, "", 0);
    pair = mosn_tls_pair_load(reader, pool, site->ssl, conf);
    if (pair == NULL) {
        return;
    }
    mosn_tls_site_add_names(site, mosn_tls_pair_leaf(pair));
    for (size_t i = 0; i < ctx->n_sites; i++) {
        if (tls_same_names(&ctx->sites[i].names, &site->names)) {
            mosn_tls_pair_join(pair, ctx->sites[i].ssl);
            mosn_tls_pair_set_owner(pair, ctx, &ctx->sites[i]);
            tls_free_names(site);
            return;
        }
    }
    mosn_tls_pair_set_owner(pair, ctx, site);
    mosn_pool_on_destroy(pool, tls_free_names, site);
    SSL_CTX_set_alpn_select_cb(site->ssl, tls_on_alpn, ctx);
    ctx->n_sites++;
}


mosn_tls_ctx_t *
mosn_tls_server_build(mosn_conf_t *reader, mosn_pool_t *pool,
                      const mosn_tls_server_conf_t *conf)
{
    mosn_tls_ctx_t *ctx = mosn_pool_calloc(pool, sizeof(*ctx));

    ctx->server = conf;
    ctx->handshake_timeout_ms = conf->handshake_timeout_ms;
    ctx->sites = mosn_pool_calloc(pool, (conf->certificates.n + 1)
                                            * sizeof(*ctx->sites));
    mosn_tls_pack_alpn(reader, pool, ctx, &conf->alpn, conf);
    if (conf->certificates.n == 0
        && mosn_conf_is_set(reader, &conf->certificates)) {
        mosn_conf_error(reader, &conf->certificates, conf,
                        "must have at least one certificate");
    }
    for (size_t i = 0; i < conf->certificates.n; i++) {
        const mosn_tls_pair_conf_t *pair = &conf->certificates.items[i];

        if (pair->certificate.at != NULL && pair->private_key.at != NULL) {
            tls_add_pair(reader, pool, ctx, pair);
        }
    }
    if (ctx->n_sites == 0) {
        return NULL; /* it is told why */
    }
    for (size_t i = 0; i < ctx->n_sites; i++) {
        for (size_t k = i + 1; k < ctx->n_sites; k++) {
            ctx->mixed |=
                tls_share_names(&ctx->sites[i].names, &ctx->sites[k].names);
        }
    }
    if (tls_verifies(conf)) {
        mosn_tls_authority_load(reader, pool, ctx, &conf->client_ca, conf);
    }
    ctx->ssl = ctx->sites[0].ssl;
    SSL_CTX_set_client_hello_cb(ctx->ssl, tls_on_hello, ctx);
    return ctx;
}


SSL *
mosn_tls_new_session(const mosn_tls_ctx_t *ctx)
{
    SSL *ssl = SSL_new(ctx->ssl);

    if (ssl != NULL && ctx->client != NULL && ctx->client->sni.at != NULL) {
        (void) SSL_set_tlsext_host_name(ssl, ctx->client->sni.at);
    }
    if (ssl != NULL && ctx->client != NULL && ctx->mixed) {
        mosn_tls_pairs_use(ssl, ctx, MOSN_STR_NULL);
    }
    return ssl;
}
