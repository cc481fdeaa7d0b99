/* tests/event/tls.c - the transport, with OpenSSL on the other side. */

#include "gate.h"
#include "event/tls.c"
#include "pem.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a.test\r\n\r\n"

/* A client whose bytes we carry by hand. */
typedef struct {
    SSL *ssl;
    BIO *from; /* what it reads */
    BIO *to;
    int  fd;
} peer_t;

static SSL_CTX *peers;
static char     body[1 << 20], heard[1 << 21];


static peer_t
peer_open(const char *name)
{
    peer_t p = { .ssl = SSL_new(peers),
                 .from = BIO_new(BIO_s_mem()),
                 .to = BIO_new(BIO_s_mem()),
                 .fd = gate_client() };

    SSL_set_bio(p.ssl, p.from, p.to);
    SSL_set_connect_state(p.ssl);
    if (name != NULL) {
        (void) SSL_set_tlsext_host_name(p.ssl, name);
    }
    return p;
}


static void
peer_close(peer_t *p)
{
    SSL_free(p->ssl);
    (void) close(p->fd);
    gate_turns(5);
}


/* Takes what there is to the gate, in pieces of `most`, and back.  False:
 * the gate has closed. */
static bool
peer_carry(peer_t *p, size_t most)
{
    char    bytes[16384];
    ssize_t n;

    while ((n = BIO_read(p->to, bytes, (int) most)) > 0) {
        (void) send(p->fd, bytes, (size_t) n, MSG_NOSIGNAL);
        gate_turns(1);
    }
    gate_turns(3);
    while ((n = recv(p->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        (void) BIO_write(p->from, bytes, (int) n);
        gate_turns(1);
    }
    return n == -1 && errno == EAGAIN;
}


static bool
peer_handshake(peer_t *p, size_t most)
{
    for (int i = 0; i < 20 && SSL_do_handshake(p->ssl) != 1; i++) {
        if (!peer_carry(p, most)) {
            (void) SSL_do_handshake(p->ssl); /* hears why */
            return false;
        }
    }
    (void) peer_carry(p, most);
    return SSL_is_init_finished(p->ssl);
}


/* What it hears after `text`; until the gate closes, or nothing comes. */
static const char *
peer_ask(peer_t *p, const char *text, size_t most)
{
    size_t n = 0;
    int    got, quiet = 0;

    if (text != NULL) {
        (void) SSL_write(p->ssl, text, (int) strlen(text));
    }
    while (quiet < 3 && n < sizeof(heard) - 1) {
        bool open = peer_carry(p, most);

        quiet++;
        while (
            (got = SSL_read(p->ssl, heard + n, (int) (sizeof(heard) - 1 - n)))
            > 0) {
            n += (size_t) got;
            quiet = 0;
        }
        if (!open) {
            break;
        }
    }
    heard[n] = '\0';
    return heard;
}


static void
test_bytes(const char *version)
{
    peer_t p = peer_open("a.test");

    ok(peer_handshake(&p, 1), "%s: a handshake byte by byte", version);
    is_str(mosn_str(SSL_get_version(p.ssl)), version, "of that version");
    has(peer_ask(&p, GET("/own"), 1), "\r\n\r\nown", "a request, too");
    has(peer_ask(&p, GET("/own") GET("/own"), 4096), "ownHTTP/1.1 200",
        "two in one record");
    (void) SSL_shutdown(p.ssl);
    (void) peer_carry(&p, 4096);
    (void) SSL_read(p.ssl, heard, 1);
    ok(SSL_get_shutdown(p.ssl) == (SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN),
       "both say goodbye");
    peer_close(&p);
}


/* More than a record, a socket and what may be queued. */
static void
test_much(void)
{
    peer_t p = peer_open("a.test");
    size_t sent = 0, n = 0, skip = 0;
    int    origin;
    char   head[128];

    for (size_t i = 0; i < sizeof(body); i++) {
        body[i] = (char) (i * 7 / 3);
    }
    ok(peer_handshake(&p, 4096), "a handshake");
    (void) SSL_write(p.ssl, GET("/big"), (int) strlen(GET("/big")));
    (void) peer_carry(&p, 4096);
    origin = gate_accept();
    has(gate_hear(origin), "GET /big", "a request");
    (void) snprintf(head, sizeof(head),
                    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                    sizeof(body));
    gate_say(origin, head);
    for (int i = 0; i < 400; i++) { /* he reads nothing yet */
        ssize_t more =
            send(origin, body + sent, sizeof(body) - sent, MSG_DONTWAIT);

        sent += more > 0 ? (size_t) more : 0;
        gate_turns(1);
    }
    ok(sent < sizeof(body), "who does not read holds up who sends: %zu", sent);
    for (int i = 0; i < 4000 && n - skip < sizeof(body); i++) {
        ssize_t more =
            send(origin, body + sent, sizeof(body) - sent, MSG_DONTWAIT);
        int got;

        sent += more > 0 ? (size_t) more : 0;
        (void) peer_carry(&p, 4096);
        while ((got = SSL_read(p.ssl, heard + n, (int) (sizeof(heard) - n)))
               > 0) {
            n += (size_t) got;
        }
        if (skip == 0 && n > 0) {
            skip = (size_t) ((char *) memmem(heard, n, "\r\n\r\n", 4) + 4
                             - heard);
        }
    }
    ok(n - skip == sizeof(body) && memcmp(heard + skip, body, n - skip) == 0,
       "then it comes, whole and in order");
    (void) close(origin);
    peer_close(&p);
}


static void
test_refused(void)
{
    peer_t p = peer_open("a.test");

    gate_say(p.fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(p.fd), "(end)", "who speaks no TLS is not spoken to");
    peer_close(&p);

    p = peer_open("a.test");
    (void) SSL_set_max_proto_version(p.ssl, TLS1_1_VERSION);
    SSL_set_security_level(p.ssl, 0);
    ok(!peer_handshake(&p, 4096), "an old version is refused");
    ok(ERR_GET_REASON(ERR_peek_last_error())
           == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
       "with the alert that says so");
    ERR_clear_error();
    peer_close(&p);

    p = peer_open("a.test");
    ok(peer_handshake(&p, 4096), "a handshake");
    (void) send(p.fd, "\x17\x03\x03\x00\x04none", 9, MSG_NOSIGNAL);
    is_str(mosn_str(peer_ask(&p, NULL, 4096)), "",
           "a record that nobody encrypted");
    ok((SSL_get_shutdown(p.ssl) & SSL_RECEIVED_SHUTDOWN) != 0
           && gate_listener.n_connections == 0,
       "ends it");
    ERR_clear_error();
    peer_close(&p);

    p = peer_open("a.test");
    ok(peer_handshake(&p, 4096), "a handshake");
    (void) SSL_write(p.ssl, GET("/own"), (int) strlen(GET("/own")));
    (void) shutdown(p.fd, SHUT_WR); /* no close_notify, half a request */
    gate_turns(5);
    is_num(gate_listener.n_connections, 0, "an end without a goodbye is one");
    peer_close(&p);
}


static void
test_update(void)
{
    peer_t p = peer_open("a.test");

    ok(peer_handshake(&p, 4096), "a handshake");
    ok(SSL_key_update(p.ssl, SSL_KEY_UPDATE_REQUESTED) == 1, "new keys");
    has(peer_ask(&p, GET("/own"), 4096), "own", "for both");
    has(peer_ask(&p, GET("/own"), 4096), "own", "are used");
    peer_close(&p);
}


int
main(void)
{
    static char rest[256];

    if (mkdtemp(pem_dir) == NULL) {
        abort();
    }
    pem_make("a", "a.test", false, 30);
    (void) snprintf(rest, sizeof(rest),
                    "tls = { certificates = ( { certificate = \"%s\"; "
                    "private_key = \"%s\"; } ); };",
                    pem_path("a.pem"), pem_path("a.key"));
    gate_listener_rest = rest;
    gate_open("{ type = \"proxy\"; routes = \"main\"; }",
              "{ match = { path = \"/own\"; }; respond = { status = 200; body "
              "= \"own\"; }; }, { route = { cluster = \"c\"; }; }",
              "");
    peers = SSL_CTX_new(TLS_client_method());
    test_bytes("TLSv1.3");
    test_much();
    test_update();
    test_refused();
    (void) SSL_CTX_set_max_proto_version(peers, TLS1_2_VERSION);
    test_bytes("TLSv1.2");
    SSL_CTX_free(peers);
    (void) unlink(pem_path("a.pem"));
    (void) unlink(pem_path("a.key"));
    (void) rmdir(pem_dir);
    gate_close();
    return done_testing();
}
