/* tests/event/conn.c - a connection over a socket pair. */

#include "tap.h"
#include "event/conn.c"

static mosn_loop_t    loop;
static mosn_conn_t   *conn;
static int            peer;
static unsigned       reads, closes, drains, writes;
static size_t         seen;
static bool           consume = true;
static mosn_verdict_e verdict = MOSN_NEXT;


static mosn_verdict_e
first_read(mosn_net_filter_t *f, mosn_conn_t *c)
{
    (void) f;
    (void) c;
    return verdict;
}


static mosn_verdict_e
last_read(mosn_net_filter_t *f, mosn_conn_t *c)
{
    (void) f;
    reads++;
    seen += mosn_buf_len(&c->in);
    if (consume) {
        c->in.pos = c->in.last;
    }
    return MOSN_NEXT;
}


static void
last_write(mosn_net_filter_t *f, mosn_conn_t *c, mosn_chain_t *out)
{
    (void) f;
    (void) c;
    writes += out->bytes > 0;
}


static void
last_event(mosn_net_filter_t *f, mosn_conn_t *c, mosn_conn_event_e event)
{
    (void) f;
    (void) c;
    closes += event == MOSN_CONN_CLOSED;
    drains += event == MOSN_CONN_DRAINED;
}


static const mosn_net_filter_ops_t first = { .on_read = first_read };
static const mosn_net_filter_ops_t last = { .on_read = last_read,
                                            .on_write = last_write,
                                            .on_event = last_event };


static void
turn(void)
{
    mosn_loop_turn(&loop, 0);
}


static void
open_pair(void)
{
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };
    int                      fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1) {
        abort();
    }
    peer = fds[1];
    conn = mosn_conn_create(&loop, fds[0], &nobody);
    (void) mosn_conn_add_filter(conn, &first, NULL, NULL);
    (void) mosn_conn_add_filter(conn, &last, NULL, NULL);
    reads = closes = drains = writes = 0;
    seen = 0;
}


static void
test_read(void)
{
    open_pair();
    (void) !write(peer, "hello", 5);
    turn();
    ok(reads == 1 && seen == 5, "bytes come to the filters");
    ok(conn->in.block == NULL, "an idle connection holds no buffer");

    verdict = MOSN_PAUSE;
    (void) !write(peer, "x", 1);
    turn();
    is_num(reads, 1, "PAUSE keeps bytes from the next filter");
    verdict = MOSN_NEXT;
    mosn_conn_resume_filters(conn);
    is_num(reads, 2, "resume lets them through");

    mosn_conn_pause_read(conn);
    mosn_conn_pause_read(conn);
    (void) !write(peer, "abc", 3);
    turn();
    mosn_conn_resume_read(conn);
    turn();
    is_num(reads, 2, "paused by two");
    mosn_conn_resume_read(conn);
    turn();
    is_num(reads, 3, "resumed by both");

    consume = false;
    (void) !write(peer, "left", 4);
    turn();
    consume = true;
    is_num((long long) mosn_buf_len(&conn->in), 4, "what is left stays");
    mosn_conn_run_again(conn);
    turn();
    is_num((long long) mosn_buf_len(&conn->in), 0, "and is shown again");

    (void) shutdown(peer, SHUT_WR);
    turn();
    ok(conn->eof && !conn->closed, "half-close is no close");
    mosn_conn_close(conn, MOSN_REASON_NONE);
    mosn_conn_close(conn, MOSN_REASON_NONE);
    is_num(closes, 1, "closed once");
    turn();
    (void) close(peer);
}


static void
test_write(void)
{
    static char big[600 * 1024];
    size_t      got = 0;
    ssize_t     n;
    char        text[8] = "";

    open_pair();
    mosn_conn_write(conn, "abc", 3);
    mosn_conn_write(conn, "def", 3);
    ok(recv(peer, text, sizeof(text), 0) == -1, "nothing leaves in the turn");
    turn();
    ok(recv(peer, text, sizeof(text), 0) == 6, "all leaves at its end");
    is_num(writes, 1, "write filters see it once");

    mosn_conn_write(conn, big, sizeof(big));
    ok(conn->blocked, "over the high mark it is blocked");
    turn();
    while (got < sizeof(big)) {
        n = recv(peer, big, sizeof(big), 0);
        if (n > 0) {
            got += (size_t) n;
        }
        turn();
    }
    ok(!conn->blocked && drains == 1, "drained, once");

    mosn_conn_write(conn, "bye", 3);
    mosn_conn_close_flushed(conn, MOSN_REASON_NONE, true);
    mosn_conn_write(conn, "no more", 7);
    turn();
    ok(recv(peer, text, sizeof(text), 0) == 3
           && recv(peer, text, sizeof(text), 0) == 0,
       "close_flushed: what was queued, then FIN");
    ok(!conn->closed, "lingering");
    (void) !write(peer, "ignored", 7);
    turn();
    is_num(closes, 0, "what comes is dropped");
    (void) close(peer);
    turn();
    is_num(closes, 1, "closed when the peer has");
    is_num((long long) seen, 0, "no filter saw it");
    turn();

    open_pair();
    (void) close(peer);
    mosn_conn_write(conn, "x", 1);
    turn();
    turn();
    ok(closes == 1, "a peer that is gone ends the connection");
    turn();
}


/* A child that was forked a moment ago has the socket too: epoll would go on
 * telling of it. */
static void
test_forks(void)
{
    int kept;

    loop.forks = true;
    open_pair();
    kept = dup(conn->fd);
    mosn_conn_close(conn, MOSN_REASON_NONE);
    turn();
    (void) !write(peer, "late", 4);
    turn();
    turn();
    is_num(closes, 1, "a closed connection hears nothing of its copies");
    (void) close(kept);
    (void) close(peer);
    loop.forks = false;
}


/* Over TCP, for only that tells what was taken: a peer with a small buffer
 * that reads little by little. */
static void
test_pace(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t          len = sizeof(at);
    static char        bytes[60000];
    mosn_conn_pace_t   pace = { 0, false };
    int  listening = socket(AF_INET, SOCK_STREAM, 0), small = 4096, fd;
    bool took = false;

    peer = socket(AF_INET, SOCK_STREAM, 0);
    (void) setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    if (bind(listening, (struct sockaddr *) &at, len) == -1
        || listen(listening, 1) == -1
        || getsockname(listening, (struct sockaddr *) &at, &len) == -1
        || connect(peer, (struct sockaddr *) &at, len) == -1
        || (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) == -1)
    {
        abort();
    }
    (void) close(listening);
    conn =
        mosn_conn_create(&loop, fd, &(mosn_inet_t){ .sa.sa_family = AF_UNIX });
    ok(!mosn_conn_is_behind(conn, &pace), "nothing was sent to it");
    mosn_conn_write(conn, bytes, sizeof(bytes));
    turn();
    ok(mosn_conn_is_behind(conn, &pace), "it has not taken all");
    ok(!mosn_conn_is_behind(conn, &pace), "nor anything since");
    for (size_t n = 0; n < sizeof(bytes);) {
        ssize_t got = read(peer, bytes, 5000);

        n += got > 0 ? (size_t) got : 0;
        took = took || mosn_conn_is_behind(conn, &pace);
        turn();
    }
    ok(took, "it takes more");
    for (int i = 0; i < 1000; i++) { /* acknowledgements take their time */
        uint64_t acked, unacked;

        if (mosn_socket_sent(conn->fd, &acked, &unacked) && unacked == 0) {
            break;
        }
        (void) usleep(1000);
    }
    ok(mosn_conn_is_behind(conn, &pace), "who was, has it just now");
    ok(!mosn_conn_is_behind(conn, &pace), "and then had it long");
    mosn_conn_close(conn, MOSN_REASON_NONE);
    turn();
    (void) close(peer);
}


int
main(void)
{
    if (mosn_loop_init(&loop) != MOSN_OK) {
        return 1;
    }
    test_read();
    test_write();
    test_forks();
    test_pace();
    mosn_loop_fini(&loop);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
