/*
 * event/tls.c - the TLS transport of a connection.
 *
 * Bytes from the socket go to OpenSSL through a BIO that remembers, as the
 * connection does, that a short read has emptied the socket: no read is made
 * to learn it.  Bytes to the socket are gathered in one buffer of the
 * process and leave in one send per call; what the socket does not take waits
 * in the connection.
 *
 * Where the kernel encrypts (kTLS), OpenSSL gives it the keys when the
 * handshake is over.  What is sent from then on goes to the socket as it is;
 * OpenSSL writes only tickets and alerts, through a BIO of its own that marks
 * them.  What is received is decrypted here all the same: OpenSSL 3.0 cannot
 * leave that to the kernel in TLS 1.3.
 */

#include "event/tls_parts.h"

#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#define GATHER_MAX (72u * 1024)
#define RECORD_MAX 16384u
#define SEND_ROUND 65536u /* plain bytes that one call encrypts */

typedef struct {
    SSL                  *ssl;
    mosn_conn_t          *conn;
    mosn_chain_t          pending; /* encrypted; the socket did not take it */
    mosn_buf_t            early;   /* was read before TLS was put on */
    const mosn_tls_ctx_t *ctx;
    mosn_tls_peer_t      *peer; /* made when it is asked for */
    bool                  peer_made;
    mosn_tls_memory_t    *memory; /* of a client; or NULL */
    unsigned              epoch;  /* of the context, when it began */
    BIO                  *kernel; /* it encrypts what is sent; or NULL */
    bool                  server;
    bool                  drained; /* the last read has emptied the socket */
    bool                  failed;  /* no close_notify after a fatal error */
} tls_t;

/* One send at a time is made in a process. */
static uint8_t tls_gathered[GATHER_MAX];
static size_t  tls_n_gathered;

/* What OpenSSL asks of a BIO about kTLS; <openssl/bio.h> has the numbers in a
 * comment, and a name for one of them. */
enum {
    CTRL_KEYS = 72,
    CTRL_NEXT_TYPE = 74,
    CTRL_NEXT_IS_DATA = 75,
};

static int tls_flush(tls_t *tls);


static tls_t *
tls_of(const mosn_conn_t *conn)
{
    return conn->tls;
}


/* --- the BIO ------------------------------------------------------------ */

static int
tls_bio_read(BIO *bio, char *bytes, int room)
{
    tls_t  *tls = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (MOSN_UNLIKELY(mosn_buf_len(&tls->early) > 0)) {
        n = (ssize_t) mosn_buf_len(&tls->early);
        n = n < room ? n : room;
        memcpy(bytes, tls->early.pos, (size_t) n);
        tls->early.pos += n;
        return (int) n;
    }
    if (tls->drained && !tls->conn->hangup) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do {
        n = recv(tls->conn->fd, bytes, (size_t) room, 0);
    } while (n == -1 && errno == EINTR);
    if (n < room) {
        tls->drained = true;
    }
    if (n == -1 && errno == EAGAIN) {
        BIO_set_retry_read(bio);
    }
    return (int) n;
}


static void
tls_keep(tls_t *tls, const uint8_t *bytes, size_t n)
{
    mosn_buf_t buf;

    mosn_buf_open(&buf, n);
    memcpy(buf.last, bytes, n);
    buf.last += n;
    mosn_chain_append_ref(&tls->pending, &buf);
    tls->conn->sealed = tls->pending.bytes;
    mosn_buf_close(&buf);
}


/* Never full: what does not fit is kept by the connection.  But when the
 * kernel encrypts: then it takes a record or does not. */
static int
tls_bio_write(BIO *bio, const char *bytes, int n)
{
    tls_t *tls = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (tls->kernel != NULL) {
        int rc = BIO_write(tls->kernel, bytes, n);

        if (rc <= 0 && BIO_should_retry(tls->kernel)) {
            BIO_set_retry_write(bio);
        }
        return rc;
    }
    if ((size_t) n > GATHER_MAX - tls_n_gathered) {
        tls_keep(tls, tls_gathered, tls_n_gathered);
        tls_keep(tls, (const uint8_t *) bytes, (size_t) n);
        tls_n_gathered = 0;
        return n;
    }
    memcpy(tls_gathered + tls_n_gathered, bytes, (size_t) n);
    tls_n_gathered += (size_t) n;
    return n;
}


/* The kernel gets the keys for what is sent, if everything that is encrypted
 * already is out.  0: go on encrypting. */
static long
tls_start_kernel(tls_t *tls, void *keys)
{
    if (tls_flush(tls) == -1 || !mosn_socket_encrypt(tls->conn->fd)) {
        return 0;
    }
    tls->kernel = BIO_new_socket(tls->conn->fd, BIO_NOCLOSE);
    if (tls->kernel == NULL
        || BIO_ctrl(tls->kernel, CTRL_KEYS, true, keys) <= 0) {
        BIO_free(tls->kernel);
        tls->kernel = NULL;
        return 0;
    }
    tls->conn->sends_plain = true;
    return 1;
}


static long
tls_bio_ctrl(BIO *bio, int command, long number, void *ptr)
{
    tls_t *tls = BIO_get_data(bio);

    switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
        return 1;
    case CTRL_KEYS:
        return number != 0 ? tls_start_kernel(tls, ptr) : 0;
    case CTRL_NEXT_TYPE:
    case CTRL_NEXT_IS_DATA:
        return tls->kernel != NULL
                   ? BIO_ctrl(tls->kernel, command, number, ptr)
                   : 0;
    case BIO_CTRL_GET_KTLS_SEND:
        return tls->kernel != NULL;
    default:
        return 0;
    }
}


static BIO_METHOD *
tls_bio_method(void)
{
    static BIO_METHOD *method; /* of this process */

    if (method == NULL) {
        method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mosn connection");
        BIO_meth_set_read(method, tls_bio_read);
        BIO_meth_set_write(method, tls_bio_write);
        BIO_meth_set_ctrl(method, tls_bio_ctrl);
    }
    return method;
}


/* --- sending ------------------------------------------------------------ */

/* 0, or -1 and errno; EAGAIN: some of it waits. */
static int
tls_send_pending(tls_t *tls)
{
    while (tls->pending.bytes > 0) {
        mosn_buf_t *b = tls->pending.head;
        ssize_t n = send(tls->conn->fd, b->pos, mosn_buf_len(b), MSG_NOSIGNAL);

        if (n == -1) {
            return -1;
        }
        mosn_chain_consume(&tls->pending, (size_t) n);
        tls->conn->sealed = tls->pending.bytes;
    }
    return 0;
}


/* Sends what OpenSSL has written; what the socket does not take is kept. */
static int
tls_flush(tls_t *tls)
{
    size_t  n = tls_n_gathered;
    ssize_t sent = 0;

    tls_n_gathered = 0;
    if (n == 0 && tls->pending.bytes == 0) {
        return 0;
    }
    if (tls->pending.bytes == 0) {
        sent = send(tls->conn->fd, tls_gathered, n, MSG_NOSIGNAL);
        if (sent == (ssize_t) n) {
            return 0;
        }
        if (sent == -1 && errno != EAGAIN && errno != EINTR) {
            return -1;
        }
        sent = sent > 0 ? sent : 0;
    }
    if (n > (size_t) sent) {
        tls_keep(tls, tls_gathered + sent, n - (size_t) sent);
    }
    return tls_send_pending(tls);
}


/* --- errors ------------------------------------------------------------- */

/* What went wrong in a call that returned `rc`, as an errno; 0: the peer has
 * closed in order.  The queue of errors is left empty. */
static int
tls_error(tls_t *tls, int rc, const char *what)
{
    unsigned long code;
    char          text[160] = "";

    switch (SSL_get_error(tls->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        tls->failed = true;
        ERR_clear_error();
        return errno != 0 && errno != EAGAIN ? errno : ECONNRESET;
    default:
        break;
    }
    tls->failed = true;
    code = ERR_peek_error();
    ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    if (ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        mosn_log_write(
            tls->server ? MOSN_LOG_INFO : MOSN_LOG_WARN, 0,
            "conn %llu: %s: the certificate of the peer: %s",
            (unsigned long long) tls->conn->id, what,
            X509_verify_cert_error_string(SSL_get_verify_result(tls->ssl)));
    } else if (ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        mosn_log_info(0, "conn %llu: %s: %s",
                      (unsigned long long) tls->conn->id, what, text);
    }
    return EPROTO;
}


/* --- the transport ------------------------------------------------------ */

static mosn_rc_e
tls_handshake(mosn_conn_t *conn)
{
    tls_t *tls = tls_of(conn);
    int    rc, error;

    ERR_clear_error();
    rc = SSL_do_handshake(tls->ssl);
    if (rc == 1) {
        return tls_flush(tls) == -1 && errno != EAGAIN ? MOSN_ERROR : MOSN_OK;
    }
    error = tls_error(tls, rc, "TLS handshake");
    (void) tls_flush(tls); /* the alert says why */
    if (error == EAGAIN) {
        return MOSN_AGAIN;
    }
    errno = error != 0 ? error : ECONNRESET;
    return MOSN_ERROR;
}


static ssize_t
tls_recv(mosn_conn_t *conn, void *bytes, size_t n)
{
    tls_t *tls = tls_of(conn);
    int    got, error;

    ERR_clear_error();
    got = SSL_read(tls->ssl, bytes, (int) n);
    if (tls_n_gathered > 0) {
        (void) tls_flush(tls); /* a key update, a ticket */
    }
    if (got > 0) {
        return got;
    }
    error = tls_error(tls, got, "TLS");
    if (error == 0) {
        return 0;
    }
    errno = error;
    return -1;
}


/* Up to a record of what lies in several pieces, in one. */
static size_t
tls_gather_plain(const struct iovec *iov, int n, size_t skip, uint8_t *out)
{
    size_t len = 0;

    for (int i = 0; i < n && len < RECORD_MAX; i++) {
        const uint8_t *base = iov[i].iov_base;
        size_t         piece = iov[i].iov_len;

        if (skip >= piece) {
            skip -= piece;
            continue;
        }
        base += skip;
        piece -= skip;
        skip = 0;
        if (piece > RECORD_MAX - len) {
            piece = RECORD_MAX - len;
        }
        memcpy(out + len, base, piece);
        len += piece;
    }
    return len;
}


static ssize_t
tls_send_by_kernel(mosn_conn_t *conn, const struct iovec *iov, int n,
                   size_t total)
{
    ssize_t sent = writev(conn->fd, iov, n);

    if (sent >= 0 && (size_t) sent < total) {
        conn->writable = false;
    }
    return sent;
}


static ssize_t
tls_send(mosn_conn_t *conn, const struct iovec *iov, int n)
{
    static uint8_t plain[RECORD_MAX]; /* of one call */
    tls_t         *tls = tls_of(conn);
    size_t         total = 0, sent = 0;

    if (tls->pending.bytes > 0 && tls_send_pending(tls) == -1) {
        return -1;
    }
    for (int i = 0; i < n; i++) {
        total += iov[i].iov_len;
    }
    if (tls->kernel != NULL) {
        return tls_send_by_kernel(conn, iov, n, total);
    }
    while (sent < total && sent < SEND_ROUND) {
        const void *from = plain;
        size_t      len;
        int         rc;

        if (n == 1) {
            from = (const uint8_t *) iov[0].iov_base + sent;
            len = total - sent < RECORD_MAX ? total - sent : RECORD_MAX;
        } else {
            len = tls_gather_plain(iov, n, sent, plain);
        }
        ERR_clear_error();
        rc = SSL_write(tls->ssl, from, (int) len);
        if (rc <= 0) {
            errno = tls_error(tls, rc, "TLS");
            errno = errno == 0 || errno == EAGAIN ? EPROTO : errno;
            tls_n_gathered = 0;
            return -1;
        }
        sent += (size_t) rc;
    }
    if (tls_flush(tls) == -1 && errno != EAGAIN) {
        return -1;
    }
    if (tls->pending.bytes > 0) {
        conn->writable = false;
    }
    return (ssize_t) sent;
}


static mosn_rc_e
tls_on_ready(mosn_conn_t *conn, uint32_t events)
{
    tls_t *tls = tls_of(conn);

    if (events & EPOLLIN) {
        tls->drained = false;
    }
    if ((events & EPOLLOUT) == 0 || tls->pending.bytes == 0
        || tls_send_pending(tls) == 0)
    {
        return MOSN_OK;
    }
    if (errno == EAGAIN) {
        conn->writable = false;
        return MOSN_AGAIN;
    }
    return MOSN_ERROR;
}


static void
tls_shutdown(mosn_conn_t *conn)
{
    tls_t *tls = tls_of(conn);

    if (!tls->failed && SSL_is_init_finished(tls->ssl)
        && (SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN) == 0)
    {
        ERR_clear_error();
        (void) SSL_shutdown(tls->ssl);
        ERR_clear_error();
        (void) tls_flush(tls);
    }
}


static void
tls_close(mosn_conn_t *conn)
{
    tls_t *tls = tls_of(conn);

    tls_shutdown(conn);
    SSL_free(tls->ssl);
    BIO_free(tls->kernel);
    ERR_clear_error();
    mosn_chain_clear(&tls->pending);
    conn->sealed = 0;
    mosn_buf_close(&tls->early);
    conn->transport = NULL;
    conn->tls = NULL;
}


static const mosn_transport_ops_t tls_transport = {
    .handshake = tls_handshake,
    .recv = tls_recv,
    .send = tls_send,
    .on_ready = tls_on_ready,
    .shutdown = tls_shutdown,
    .close = tls_close,
};


/* --- start -------------------------------------------------------------- */

static mosn_rc_e
tls_start(mosn_conn_t *conn, const mosn_tls_ctx_t *ctx, bool server)
{
    tls_t *tls = mosn_pool_calloc(conn->pool, sizeof(*tls));
    BIO   *bio;

    ERR_clear_error();
    tls->conn = conn;
    tls->server = server;
    tls->ctx = ctx;
    tls->epoch = ctx->epoch;
    tls->ssl = mosn_tls_new_session(ctx);
    bio = BIO_new(tls_bio_method());
    if (tls->ssl == NULL || bio == NULL) {
        mosn_log_alert(0, "no memory for TLS");
        SSL_free(tls->ssl);
        BIO_free(bio);
        ERR_clear_error();
        return MOSN_ERROR;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    if (server) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
    }
    conn->tls = tls;
    conn->transport = &tls_transport;
    conn->handshaking = true;
    return MOSN_OK;
}


mosn_rc_e
mosn_tls_accept(mosn_conn_t *conn, const mosn_tls_ctx_t *ctx)
{
    if (tls_start(conn, ctx, true) != MOSN_OK) {
        return MOSN_ERROR;
    }
    if (mosn_buf_len(&conn->in) > 0) {
        tls_of(conn)->early = conn->in;
        memset(&conn->in, 0, sizeof(conn->in));
        mosn_conn_start_handshake(conn);
    }
    mosn_timer_arm(conn->loop, &conn->send, ctx->handshake_timeout_ms);
    return MOSN_OK;
}


/* --- sessions with hosts --------------------------------------------------
 */

void
mosn_tls_forget(mosn_tls_memory_t *memory)
{
    SSL_SESSION_free(memory->session);
    memory->session = NULL;
}


/* OpenSSL has got a session: its reference is ours when we say 1. */
static int
tls_on_session(SSL *ssl, SSL_SESSION *session)
{
    tls_t *tls = BIO_get_data(SSL_get_rbio(ssl));

    /* What was vouched for by others than those of now is not gone on with,
     * whenever its ticket comes. */
    if (tls->memory == NULL || tls->memory->closed
        || tls->epoch != tls->ctx->epoch)
    {
        return 0;
    }
    mosn_tls_forget(tls->memory);
    tls->memory->session = session;
    tls->memory->epoch = tls->epoch;
    return 1;
}


void
mosn_tls_keep_sessions(SSL_CTX *ssl)
{
    (void) SSL_CTX_set_session_cache_mode(
        ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, tls_on_session);
}


mosn_rc_e
mosn_tls_connect(mosn_conn_t *conn, const mosn_tls_ctx_t *ctx,
                 mosn_tls_memory_t *memory)
{
    tls_t *tls;

    if (tls_start(conn, ctx, false) != MOSN_OK) {
        return MOSN_ERROR;
    }
    tls = tls_of(conn);
    tls->memory = memory;
    if (memory != NULL && memory->session != NULL) {
        if (memory->epoch == ctx->epoch) {
            (void) SSL_set_session(tls->ssl, memory->session);
        } else {
            mosn_tls_forget(memory);
        }
    }
    return MOSN_OK;
}


mosn_str_t
mosn_tls_version(const mosn_conn_t *conn)
{
    return conn->tls != NULL ? mosn_str(SSL_get_version(tls_of(conn)->ssl))
                             : MOSN_STR("");
}


mosn_str_t
mosn_tls_alpn(const mosn_conn_t *conn)
{
    const unsigned char *name = NULL;
    unsigned             n = 0;

    if (conn->tls != NULL) {
        SSL_get0_alpn_selected(tls_of(conn)->ssl, &name, &n);
    }
    return n > 0 ? (mosn_str_t){ (const char *) name, n } : MOSN_STR("");
}


mosn_str_t
mosn_tls_sni(const mosn_conn_t *conn)
{
    const char *name =
        conn->tls != NULL
            ? SSL_get_servername(tls_of(conn)->ssl, TLSEXT_NAMETYPE_host_name)
            : NULL;

    return name != NULL ? mosn_str(name) : MOSN_STR("");
}


mosn_str_t
mosn_tls_cipher(const mosn_conn_t *conn)
{
    const char *name =
        conn->tls != NULL ? SSL_get_cipher_name(tls_of(conn)->ssl) : NULL;

    return name != NULL ? mosn_str(name) : MOSN_STR("");
}


bool
mosn_tls_covers(const mosn_conn_t *conn, mosn_str_t host)
{
    const tls_t *tls = tls_of(conn);
    mosn_str_t   sni = mosn_tls_sni(conn);

    return sni.len == 0 || mosn_str_equal_nocase(sni, host)
           || mosn_tls_site_has_name(tls->ctx, SSL_get_SSL_CTX(tls->ssl),
                                     host);
}


const mosn_tls_peer_t *
mosn_tls_peer(const mosn_conn_t *conn)
{
    tls_t *tls = tls_of(conn);

    if (tls == NULL) {
        return NULL;
    }
    if (!tls->peer_made) {
        tls->peer_made = true;
        tls->peer = mosn_tls_make_peer(conn->pool, tls->ssl);
    }
    return tls->peer;
}
