/*
 * steady.c - an origin and a load that notices everything.
 *
 *   steady origin HTTP_PORT TCP_PORT
 *       answers GET and POST with the path and the length of the body, 101 to
 *       an Upgrade and then echoes; echoes on TCP_PORT
 *
 *   steady load SECONDS HTTP_PORT TCP_PORT KEPT ONCE_A_SECOND TUNNELS STREAMS
 *       KEPT connections that send GET and POST in turn, connections for one
 *       request, tunnels and TCP streams that check an echo; prints counts:
 *
 *       requests    answered as they should
 *       failed      wrong status, wrong body, reset, refused or cut
 *       silent      kept connections closed though no answer had said so
 *       announced   kept connections closed as an answer had said
 *       echoes      pieces that came back through tunnels and streams
 *       lost        tunnels and streams that broke, or brought wrong bytes
 *       p50_us, p99_us, max_us   of answers
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define THINK_MS  50
#define ECHO_MS   50
#define BUFFER    16384
#define WAIT_MS   10000 /* an answer that takes longer has failed */
#define MAX_CONNS 8192

typedef enum {
    KEPT,
    ONCE,
    TUNNEL,
    STREAM,
    ORIGIN,
    ECHO,
    LISTEN,
    LISTEN_TCP
} kind_e;

typedef struct {
    kind_e   kind;
    int      fd;
    bool     waiting; /* for an answer, or an echo */
    bool     opened;  /* a tunnel: 101 has come */
    bool     close_said;
    bool     post;
    bool     echoing; /* an origin's connection after 101 */
    uint64_t due_ms;  /* of the next request or piece */
    uint64_t sent_us;
    unsigned number;
    size_t   n;
    char     in[BUFFER];
} conn_t;

static conn_t  *conns[MAX_CONNS];
static int      epoll_fd, http_port, tcp_port;
static uint64_t requests, failed, silent, announced, echoes, lost;
static uint32_t histogram[200000]; /* of 10 us each */
static uint64_t max_us;


static uint64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000u + (uint64_t) ts.tv_nsec / 1000u;
}


static conn_t *
add(kind_e kind, int fd)
{
    for (int i = 0; i < MAX_CONNS; i++) {
        if (conns[i] == NULL) {
            struct epoll_event e = { .events = EPOLLIN };
            int                one = 1;

            conns[i] = calloc(1, sizeof(conn_t));
            conns[i]->kind = kind;
            conns[i]->fd = fd;
            e.data.ptr = conns[i];
            epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            return conns[i];
        }
    }
    abort();
}


static void
drop(conn_t *c)
{
    for (int i = 0; i < MAX_CONNS; i++) {
        if (conns[i] == c) {
            conns[i] = NULL;
        }
    }
    close(c->fd);
    free(c);
}


static void
say(conn_t *c, const char *text, size_t n)
{
    if (send(c->fd, text, n, MSG_NOSIGNAL) != (ssize_t) n) {
        /* the read side will notice */
    }
}


/* The value of a header in the head at `in`, or NULL. */
static const char *
header(const char *in, const char *name)
{
    const char *at = strcasestr(in, name);

    return at != NULL ? at + strlen(name) : NULL;
}


/* Length of the whole message in the buffer; 0: not whole yet. */
static size_t
message_len(conn_t *c)
{
    char       *end;
    const char *length;
    size_t      n;

    c->in[c->n] = '\0';
    end = strstr(c->in, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    length = header(c->in, "\r\ncontent-length: ");
    n = (size_t) (end - c->in) + 4
        + (length != NULL && length < end ? strtoul(length, NULL, 10) : 0);
    return c->n >= n ? n : 0;
}


static void
consume(conn_t *c, size_t n)
{
    memmove(c->in, c->in + n, c->n - n);
    c->n -= n;
}


/* --- the origin --------------------------------------------------------- */

static void
origin_answer(conn_t *c)
{
    size_t n;

    while (!c->echoing && (n = message_len(c)) > 0) {
        char        text[1024], path[256] = "";
        const char *length = header(c->in, "\r\ncontent-length: ");
        int         len;

        (void) sscanf(c->in, "%*s %255s", path);
        if (header(c->in, "\r\nupgrade: ") != NULL) {
            static const char yes[] =
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                "Upgrade: websocket\r\n\r\n";

            say(c, yes, sizeof(yes) - 1);
            c->echoing = true;
        } else {
            char body[512];
            int  b = snprintf(body, sizeof(body), "%s %lu", path,
                             length != NULL ? strtoul(length, NULL, 10) : 0);

            len = snprintf(text, sizeof(text),
                           "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
                           b, body);
            say(c, text, (size_t) len);
        }
        consume(c, n);
    }
    if (c->echoing && c->n > 0) {
        say(c, c->in, c->n);
        c->n = 0;
    }
}


/* --- the load ----------------------------------------------------------- */

static int
connect_to(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t) port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *) &a, sizeof(a)) == -1) {
        fprintf(stderr, "connect: %s\n", strerror(errno));
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}


static conn_t *
open_conn(kind_e kind)
{
    int     fd = connect_to(kind == STREAM ? tcp_port : http_port);
    conn_t *c;

    if (fd == -1) {
        failed++;
        return NULL;
    }
    c = add(kind, fd);
    c->due_ms = now_us() / 1000 + (uint64_t) rand() % THINK_MS;
    return c;
}


static void
ask(conn_t *c)
{
    char text[1024];
    int  n;

    c->number++;
    c->waiting = true;
    c->sent_us = now_us();
    if (c->kind == STREAM || c->opened) {
        n = snprintf(text, sizeof(text), "piece %u of %d\n", c->number, c->fd);
    } else if (c->kind == TUNNEL) {
        n = snprintf(text, sizeof(text),
                     "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                     "Upgrade: websocket\r\n\r\n");
    } else if (c->post) {
        n = snprintf(text, sizeof(text),
                     "POST /p%u HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n"
                     "\r\n%100s",
                     c->number, "x");
    } else {
        n = snprintf(text, sizeof(text),
                     "GET /g%u HTTP/1.1\r\nHost: a\r\n\r\n", c->number);
    }
    say(c, text, (size_t) n);
}


static void
count_time(conn_t *c)
{
    uint64_t us = now_us() - c->sent_us, slot = us / 10;

    histogram[slot < 200000 ? slot : 199999]++;
    max_us = us > max_us ? us : max_us;
}


static void
fail(conn_t *c, const char *why)
{
    if (failed + lost < 10) {
        fprintf(stderr, "%s %d after %u: %s: %.200s\n",
                c->kind == KEPT     ? "kept"
                : c->kind == ONCE   ? "once"
                : c->kind == TUNNEL ? "tunnel"
                                    : "stream",
                c->fd, c->number, why, c->in);
    }
    if (c->kind == KEPT || c->kind == ONCE) {
        failed++;
    } else {
        lost++;
    }
}


/* True when the connection goes on. */
static bool
load_answer(conn_t *c)
{
    char   expected[64];
    size_t n;

    if (c->kind == STREAM || c->opened) {
        n = (size_t) snprintf(expected, sizeof(expected), "piece %u of %d\n",
                              c->number, c->fd);
        if (c->n < n) {
            return true;
        }
        if (c->n != n || memcmp(c->in, expected, n) != 0) {
            fail(c, "wrong echo");
            return false;
        }
        echoes++;
        c->n = 0;
        c->waiting = false;
        c->due_ms = now_us() / 1000 + ECHO_MS;
        return true;
    }
    n = message_len(c);
    if (n == 0) {
        return true;
    }
    count_time(c);
    if (c->kind == TUNNEL) {
        c->opened = strncmp(c->in, "HTTP/1.1 101 ", 13) == 0;
        if (!c->opened) {
            fail(c, "no tunnel");
            return false;
        }
    } else {
        snprintf(expected, sizeof(expected), "\r\n\r\n/%c%u %d",
                 c->post ? 'p' : 'g', c->number, c->post ? 100 : 0);
        if (strncmp(c->in, "HTTP/1.1 200 ", 13) != 0
            || strstr(c->in, expected) == NULL)
        {
            fail(c, "wrong answer");
            return false;
        }
        requests++;
        c->close_said = strcasestr(c->in, "\r\nconnection: close\r\n") != NULL;
    }
    consume(c, n);
    c->waiting = false;
    c->post = !c->post;
    c->due_ms = now_us() / 1000 + THINK_MS;
    return c->kind != ONCE;
}


/* The peer has closed, or broken it. */
static void
load_end(conn_t *c, int error)
{
    kind_e kind = c->kind;

    if (kind == KEPT && !c->waiting && c->close_said && error == 0) {
        announced++;
    } else if (kind == KEPT && !c->waiting && error == 0) {
        silent++;
        if (silent < 5) {
            fprintf(stderr, "kept %d closed in silence after %u\n", c->fd,
                    c->number);
        }
    } else {
        fail(c, error != 0 ? strerror(error) : "closed");
    }
    drop(c);
    if (kind == KEPT) {
        (void) open_conn(KEPT);
    }
}


static void
on_readable(conn_t *c)
{
    bool    client = c->kind <= STREAM;
    ssize_t n = recv(c->fd, c->in + c->n, sizeof(c->in) - 1 - c->n, 0);

    if (n == -1 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        if (client) {
            load_end(c, n == 0 ? 0 : errno);
        } else {
            drop(c);
        }
        return;
    }
    c->n += (size_t) n;
    if (!client) {
        origin_answer(c);
        return;
    }
    if (!c->waiting) {
        fail(c, "bytes that nobody has asked for");
    }
    if (!load_answer(c)) {
        drop(c);
    } else if (c->close_said) {
        announced++;
        drop(c);
        (void) open_conn(KEPT);
    }
}


/* Sends what is due; returns how long to wait. */
static int
send_due(bool more)
{
    uint64_t now = now_us() / 1000, next = now + 20;

    for (int i = 0; i < MAX_CONNS; i++) {
        conn_t *c = conns[i];

        if (c == NULL || c->kind > STREAM) {
            continue;
        }
        if (c->waiting) {
            if (now > c->sent_us / 1000 + WAIT_MS) {
                fail(c, "no answer");
                drop(c);
            }
            continue;
        }
        if (more && now >= c->due_ms) {
            ask(c);
        } else if (c->due_ms < next) {
            next = c->due_ms;
        }
    }
    return next > now ? (int) (next - now) : 0;
}


static void
turn(int wait_ms)
{
    struct epoll_event events[256];
    int                n = epoll_wait(epoll_fd, events, 256, wait_ms);

    for (int i = 0; i < n; i++) {
        conn_t *c = events[i].data.ptr;

        if (c->kind == LISTEN || c->kind == LISTEN_TCP) {
            int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

            if (fd != -1) {
                add(ORIGIN, fd)->echoing = c->kind == LISTEN_TCP;
            }
            continue;
        }
        on_readable(c);
        break; /* it may be gone: ask again */
    }
}


static uint64_t
percentile(double p)
{
    uint64_t sum = 0, n = 0;

    for (size_t i = 0; i < 200000; i++) {
        sum += histogram[i];
    }
    for (size_t i = 0; i < 200000; i++) {
        n += histogram[i];
        if ((double) n >= (double) sum * p) {
            return i * 10;
        }
    }
    return 0;
}


static int
load(char **argv)
{
    uint64_t start = now_us() / 1000, end, once = 0;
    int      kept = atoi(argv[5]), rate = atoi(argv[6]);
    int      tunnels = atoi(argv[7]), streams = atoi(argv[8]), left;

    http_port = atoi(argv[3]);
    tcp_port = atoi(argv[4]);
    end = start + strtoul(argv[2], NULL, 10) * 1000;
    for (int i = 0; i < kept; i++) {
        (void) open_conn(KEPT);
    }
    for (int i = 0; i < tunnels; i++) {
        (void) open_conn(TUNNEL);
    }
    for (int i = 0; i < streams; i++) {
        (void) open_conn(STREAM);
    }
    for (uint64_t now = start; now < end; now = now_us() / 1000) {
        for (; once < (now - start) * (uint64_t) rate / 1000; once++) {
            conn_t *c = open_conn(ONCE);

            if (c != NULL) {
                ask(c);
            }
        }
        turn(send_due(true));
    }
    /* What is under way is waited for. */
    do {
        left = 0;
        turn(send_due(false));
        for (int i = 0; i < MAX_CONNS; i++) {
            left += conns[i] != NULL && conns[i]->waiting;
        }
    } while (left > 0 && now_us() / 1000 < end + WAIT_MS);
    failed += (uint64_t) left;
    printf("requests %lu\nfailed %lu\nsilent %lu\nannounced %lu\nechoes %lu\n"
           "lost %lu\np50_us %lu\np99_us %lu\nmax_us %lu\n",
           requests, failed, silent, announced, echoes, lost, percentile(0.5),
           percentile(0.99), max_us);
    return 0;
}


static int
origin(char **argv)
{
    for (int i = 0; i < 2; i++) {
        struct sockaddr_in a = { .sin_family = AF_INET,
                                 .sin_port =
                                     htons((uint16_t) atoi(argv[2 + i])),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (struct sockaddr *) &a, sizeof(a)) == -1
            || listen(fd, 1024) == -1)
        {
            perror("listen");
            return 1;
        }
        (void) add(i == 0 ? LISTEN : LISTEN_TCP, fd);
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        turn(1000);
    }
}


int
main(int argc, char **argv)
{
    struct rlimit limit = { 65536, 65536 };

    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void) setrlimit(RLIMIT_NOFILE, &limit);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (argc == 4 && strcmp(argv[1], "origin") == 0) {
        return origin(argv);
    }
    if (argc == 9 && strcmp(argv[1], "load") == 0) {
        return load(argv);
    }
    fprintf(stderr, "usage: see the head of steady.c\n");
    return 2;
}
