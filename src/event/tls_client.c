/*
 * event/tls_client.c - TLS towards hosts of a cluster.
 *
 * The host is verified unless the operator says otherwise: its chain against
 * the authorities, and its name against `subject_alt_names`, or `sni` when
 * there are none.
 */

#include "event/tls_parts.h"

#include "core/log.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static const mosn_conf_block_t pair_block = {
    .doc = "The certificate that we show to hosts, and its key.",
    .size = sizeof(mosn_tls_pair_conf_t),
    .directives = mosn_tls_pair_directives,
};

static const mosn_directive_t client_directives[] = {
    MOSN_STRING(mosn_tls_client_conf_t, sni, NULL,
                "The server name that is sent, and verified when there are "
                "no subject_alt_names."),
    MOSN_STRING(mosn_tls_client_conf_t, trusted_ca, NULL,
                "PEM file with the authorities of the hosts, and their lists "
                "of revoked certificates; without it the system's."),
    MOSN_BOOL(mosn_tls_client_conf_t, verify, true,
              "Refuse a host that nobody vouches for."),
    MOSN_STRINGS(mosn_tls_client_conf_t, subject_alt_names,
                 "One of these DNS names must be the host's."),
    MOSN_OPT_GROUP(mosn_tls_client_conf_t, certificate, &pair_block,
                   "The certificate that we show, for hosts that ask."),
    MOSN_ENUM(mosn_tls_client_conf_t, min_version, mosn_tls_version_names, 0,
              "The lowest version of TLS."),
    MOSN_ENUM(mosn_tls_client_conf_t, max_version, mosn_tls_version_names, 1,
              "The highest version of TLS."),
    MOSN_STRING(mosn_tls_client_conf_t, ciphers, MOSN_TLS_MODERN_CIPHERS,
                "Cipher suites of TLS 1.2, as OpenSSL names them."),
    MOSN_STRINGS(mosn_tls_client_conf_t, alpn,
                 "Protocols that are offered; without it the cluster's "
                 "own."),
    MOSN_BOOL(mosn_tls_client_conf_t, ktls, false,
              "Leave the encryption of what is sent to the kernel, if it can "
              "(kTLS, module \"tls\")."),
    MOSN_DIRECTIVES_END
};


static void
client_check(mosn_conf_t *reader, void *conf)
{
    const mosn_tls_client_conf_t *c = conf;

    if (c->min_version > c->max_version) {
        mosn_conf_error(reader, &c->min_version, c,
                        "is above max_version: no host could be reached");
    }
    if (c->verify && c->sni.at == NULL && c->subject_alt_names.n == 0) {
        mosn_conf_error(reader, c, NULL,
                        "whose certificate is right? set `sni` or "
                        "`subject_alt_names`, or `verify = false`");
    }
}


const mosn_conf_block_t mosn_tls_client_block = {
    .doc = "TLS towards the hosts.",
    .size = sizeof(mosn_tls_client_conf_t),
    .directives = client_directives,
    .check = client_check,
};


static void
client_set_verification(mosn_conf_t *reader, mosn_pool_t *pool,
                        mosn_tls_ctx_t *ctx)
{
    const mosn_tls_client_conf_t *c = ctx->client;
    SSL_CTX                      *ssl = ctx->ssl;
    X509_VERIFY_PARAM            *param = SSL_CTX_get0_param(ssl);

    if (!c->verify) {
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    if (c->trusted_ca.at == NULL) {
        (void) SSL_CTX_set_default_verify_paths(ssl);
    } else {
        mosn_tls_authority_load(reader, pool, ctx, &c->trusted_ca, c);
    }
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (c->subject_alt_names.n == 0 && c->sni.at != NULL) {
        (void) X509_VERIFY_PARAM_set1_host(param, c->sni.at, c->sni.len);
    }
    for (size_t i = 0; i < c->subject_alt_names.n; i++) {
        mosn_str_t name = c->subject_alt_names.items[i];

        (void) X509_VERIFY_PARAM_add1_host(param, name.at, name.len);
    }
    ERR_clear_error();
}


mosn_tls_ctx_t *
mosn_tls_client_build(mosn_conf_t *reader, mosn_pool_t *pool,
                      const mosn_tls_client_conf_t *conf, mosn_str_t alpn)
{
    mosn_tls_ctx_t *ctx = mosn_pool_calloc(pool, sizeof(*ctx));
    mosn_strs_t     usual = { &alpn, alpn.len > 0 ? 1 : 0 };

    ctx->client = conf;
    ctx->ssl =
        mosn_tls_new_ctx(pool, false, conf->min_version, conf->max_version);
    if (SSL_CTX_set_cipher_list(ctx->ssl, conf->ciphers.at) != 1) {
        mosn_conf_error(reader, &conf->ciphers, conf,
                        "no usable cipher suite in \"%s\"", conf->ciphers.at);
        ERR_clear_error();
    }
    mosn_tls_use_kernel(ctx->ssl, conf->ktls);
    client_set_verification(reader, pool, ctx);
    if (conf->certificate != NULL && conf->certificate->certificate.at != NULL
        && conf->certificate->private_key.at != NULL)
    {
        mosn_tls_pair_t *pair =
            mosn_tls_pair_load(reader, pool, ctx->ssl, conf->certificate);

        if (pair != NULL) {
            mosn_tls_pair_set_owner(pair, ctx, NULL);
        }
    }
    mosn_tls_pack_alpn(reader, pool, ctx,
                       conf->alpn.n > 0 ? &conf->alpn : &usual, conf);
    if (ctx->n_alpn > 0) {
        (void) SSL_CTX_set_alpn_protos(ctx->ssl, ctx->alpn, ctx->n_alpn);
    }
    mosn_tls_keep_sessions(ctx->ssl);
    return ctx;
}
