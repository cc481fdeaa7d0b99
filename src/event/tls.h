/*
 * event/tls.h - TLS between a connection and its socket, on either side.
 *
 * A context is built once per generation from settings; a connection with
 * TLS has a transport, and whatever stands on it sees plain bytes.  Filters
 * hear MOSN_CONN_CONNECTED when the handshake is done, on the server's side
 * too.  What a context needs of files is read when it is built.
 *
 * OpenSSL writes into memory of ours and never waits for the socket: what the
 * socket does not take is kept, bounded, and the connection is not writable.
 */

#ifndef MOSN_EVENT_TLS_H
#define MOSN_EVENT_TLS_H

#include "event/conn.h"

typedef struct mosn_tls_ctx_s mosn_tls_ctx_t;

/* The last session with a host, for the next connection to it; zeroed at
 * first, and outlives the connections. */
typedef struct {
    void    *session;
    unsigned epoch;
    bool     closed; /* nothing is remembered any more */
} mosn_tls_memory_t;

typedef struct {
    mosn_str_t certificate;   /* PEM: the leaf, then its issuers */
    mosn_str_t private_key;   /* PEM */
    mosn_str_t ocsp_response; /* DER; to staple */
} mosn_tls_pair_conf_t;

enum { MOSN_TLS_VERIFY_OFF, MOSN_TLS_VERIFY_REQUEST, MOSN_TLS_VERIFY_REQUIRE };

/* `tls` of a listener. */
typedef struct {
    MOSN_CONF_LIST(mosn_tls_pair_conf_t) certificates;
    int         min_version;
    int         max_version;
    mosn_str_t  ciphers;
    mosn_str_t  groups;
    mosn_strs_t alpn;
    mosn_str_t  client_ca;
    int         verify_client;
    uint32_t    handshake_timeout_ms;
    int64_t     max_handshakes;     /* at a time, of one worker; 0: no limit */
    int64_t     max_handshake_rate; /* per second */
    bool        session_tickets;
    bool        ktls;
} mosn_tls_server_conf_t;

/* `tls` of a cluster. */
typedef struct {
    mosn_str_t            sni;
    mosn_str_t            trusted_ca;
    bool                  verify;
    mosn_strs_t           subject_alt_names;
    mosn_tls_pair_conf_t *certificate; /* NULL: none is shown */
    int                   min_version;
    int                   max_version;
    mosn_str_t            ciphers;
    mosn_strs_t           alpn;
    bool                  ktls;
} mosn_tls_client_conf_t;

extern const mosn_conf_block_t mosn_tls_server_block;
extern const mosn_conf_block_t mosn_tls_client_block;

/* Mistakes go to the reader; NULL when there is one.  Freed with `pool`. */
mosn_tls_ctx_t *mosn_tls_server_build(mosn_conf_t *reader, mosn_pool_t *pool,
                                      const mosn_tls_server_conf_t *conf);

/* `alpn`: what is offered when the settings name nothing; may be empty. */
mosn_tls_ctx_t *mosn_tls_client_build(mosn_conf_t *reader, mosn_pool_t *pool,
                                      const mosn_tls_client_conf_t *conf,
                                      mosn_str_t                    alpn);

/* Puts TLS on a connection that was just accepted, or that connects.  ERROR:
 * logged; the connection is the caller's to close. */
mosn_rc_e mosn_tls_accept(mosn_conn_t *conn, const mosn_tls_ctx_t *ctx);
mosn_rc_e mosn_tls_connect(mosn_conn_t *conn, const mosn_tls_ctx_t *ctx,
                           mosn_tls_memory_t *memory);

/* Lets go of what is remembered. */
void mosn_tls_forget(mosn_tls_memory_t *memory);

/* After the handshake: "TLSv1.3", "h2"; empty when there is none. */
mosn_str_t mosn_tls_version(const mosn_conn_t *conn);
mosn_str_t mosn_tls_alpn(const mosn_conn_t *conn);
mosn_str_t mosn_tls_sni(const mosn_conn_t *conn);
mosn_str_t mosn_tls_cipher(const mosn_conn_t *conn);

/* A server's: is `host` (without port) the name that the client asked for,
 * or one of those of the certificate it got?  Without a name: yes. */
bool mosn_tls_covers(const mosn_conn_t *conn, mosn_str_t host);

/* The same for a client that would ask for `name`, if for any. */
bool mosn_tls_would_cover(const mosn_tls_ctx_t *ctx, mosn_str_t name,
                          mosn_str_t host);

/* --- who the other side is ------------------------------------------------
 */

typedef struct {
    mosn_str_t text; /* printable, no quotes, commas or semicolons */
    bool       is_uri;
} mosn_tls_name_t;

typedef struct {
    mosn_str_t       subject; /* RFC 2253 */
    mosn_str_t       sha256;  /* of the certificate, in hex */
    mosn_tls_name_t *names;   /* subjectAltName: DNS names and URIs */
    size_t           n_names;
} mosn_tls_peer_t;

/* What a verified certificate of the peer says; NULL: there is none.  Made
 * once a connection. */
const mosn_tls_peer_t *mosn_tls_peer(const mosn_conn_t *conn);

/* `pattern` is a name, or the beginning of one with "*" behind it. */
bool mosn_tls_peer_has_name(const mosn_tls_peer_t *peer, mosn_str_t pattern);

/* --- keys of session tickets, for all workers ------------------------------
 */

/* Shared memory with them: a new one, or an inherited one when `fd` is not
 * -1; the descriptor is in mosn_tls_tickets_fd(). */
mosn_rc_e mosn_tls_tickets_open(int fd);
int       mosn_tls_tickets_fd(void);

/* In the master: a new key for new tickets when the one in use is older than
 * `after_ms`; the old ones still open theirs. */
void mosn_tls_tickets_rotate(uint64_t now_ms, uint64_t after_ms);

#endif
