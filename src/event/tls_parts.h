/* event/tls_parts.h - what the files of TLS share; private to them. */

#ifndef MOSN_EVENT_TLS_PARTS_H
#define MOSN_EVENT_TLS_PARTS_H

#include "event/tls.h"

#include <openssl/ssl.h>

/* A server's context of one set of names. */
typedef struct {
    SSL_CTX      *ssl;
    mosn_strs_t   names; /* lower case; "*.example.com" */
    mosn_pool_t  *names_pool;
    unsigned char policy[SSL_MAX_SID_CTX_LENGTH];
    unsigned      n_policy;
} mosn_tls_site_t;

struct mosn_tls_ctx_s {
    SSL_CTX                      *ssl; /* the default site, or the client's */
    const mosn_tls_server_conf_t *server;
    const mosn_tls_client_conf_t *client;
    uint32_t                      handshake_timeout_ms;
    mosn_tls_site_t              *sites; /* the first one is the default */
    size_t                        n_sites;
    uint8_t                      *alpn; /* as it goes over the wire */
    unsigned                      n_alpn;
    unsigned epoch; /* of a client's certificate and authorities */
    bool     mixed; /* sites do not say who is to get what: names and kinds of
                       keys have changed, or some have a part of the names */
};

#define MOSN_TLS_MODERN_CIPHERS                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"              \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"              \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* tls_conf.c: the rows of a mosn_tls_pair_conf_t, and the names of versions
 * in settings. */
extern const mosn_directive_t mosn_tls_pair_directives[];
extern const char *const      mosn_tls_version_names[];

/* tls_conf.c: a context with what both sides want; freed with the pool. */
SSL_CTX *mosn_tls_new_ctx(mosn_pool_t *pool, bool server, int min, int max);

/* tls_conf.c: what is sent is encrypted by the kernel, if it can. */
void mosn_tls_use_kernel(SSL_CTX *ssl, bool wanted);

/* tls_conf.c: keys with a passphrase would ask at the terminal. */
int mosn_tls_no_passphrase(char *text, int room, int writing, void *arg);

/* tls_pairs.c: certificate and key into the context; NULL: told. */
typedef struct mosn_tls_pair_s mosn_tls_pair_t;

mosn_tls_pair_t *mosn_tls_pair_load(mosn_conf_t *reader, mosn_pool_t *pool,
                                    SSL_CTX                    *ssl,
                                    const mosn_tls_pair_conf_t *conf);
const X509      *mosn_tls_pair_leaf(const mosn_tls_pair_t *pair);

/* Moves it into a context that has one of another kind already. */
void mosn_tls_pair_join(mosn_tls_pair_t *pair, SSL_CTX *ssl);

/* Whose it is; `site`: of a server, whose names follow the certificate's when
 * it changes. */
void mosn_tls_pair_set_owner(mosn_tls_pair_t *pair, mosn_tls_ctx_t *ctx,
                             mosn_tls_site_t *site);

/* One connection gets the pairs of that context that have the name, or else
 * have it by a star, of each kind the first; or, when none has it, the
 * default; and nothing else. */
void mosn_tls_pairs_use(SSL *ssl, const mosn_tls_ctx_t *ctx, mosn_str_t name);

/* tls_conf.c: the names of the site are those of its certificates. */
void mosn_tls_site_forget_names(mosn_tls_site_t *site);
void mosn_tls_site_add_names(mosn_tls_site_t *site, const X509 *leaf);

/* tls_conf.c: sessions of one policy, with these authorities of clients, do
 * not open what another one guards. */
void mosn_tls_set_policy(mosn_tls_site_t              *site,
                         const mosn_tls_server_conf_t *conf,
                         const void *authorities, size_t n);

/* tls_authorities.c: those of the file vouch for the other side of all
 * contexts of `ctx`; mistakes are told at `path`. */
void mosn_tls_authority_load(mosn_conf_t *reader, mosn_pool_t *pool,
                             mosn_tls_ctx_t *ctx, const mosn_str_t *path,
                             const void *group);

void mosn_tls_pack_alpn(mosn_conf_t *reader, mosn_pool_t *pool,
                        mosn_tls_ctx_t *ctx, const mosn_strs_t *names,
                        const void *group);

/* What OpenSSL has just refused; empties its queue. */
const char *mosn_tls_why(void);

/* tls_conf.c: an SSL with everything set that is the context's. */
SSL *mosn_tls_new_session(const mosn_tls_ctx_t *ctx);

/* tls.c: a client's context keeps sessions. */
void mosn_tls_keep_sessions(SSL_CTX *ssl);

/* tls_peer.c: NULL: no certificate that was verified. */
mosn_tls_peer_t *mosn_tls_make_peer(mosn_pool_t *pool, SSL *ssl);

/* tls_conf.c: the names of the context that a connection has. */
bool mosn_tls_site_has_name(const mosn_tls_ctx_t *ctx, const SSL_CTX *ssl,
                            mosn_str_t name);

/* tls_tickets.c: makes the context use our keys. */
void mosn_tls_tickets_use(SSL_CTX *ssl);

#endif
