/*
 * calls.c - hosts of calls and a load of calls that notices everything.
 *
 *   calls host PORT DELAY_MS
 *       answers requests of Bolt and Dubbo with their content, so much later;
 *       heartbeats at once; frames may be cut anywhere
 *
 *   calls load SECONDS PORT bolt|boltv2|dubbo CONNS IN_FLIGHT
 *       keeps so many requests under way on each connection; each has content
 *       that only it has; prints counts when all is answered, or five seconds
 *       after the end:
 *
 *       answered   with their own content
 *       failed     with an error of the protocol; by_N: with status N
 *       swapped    with the content of another one
 *       strays     answers to nothing: twice, or never asked
 *       lost       without an answer
 *       closed     connections that did not live to the end
 *       max_ms     longest wait for an answer
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
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNS     256
#define MAX_FLIGHT    2048
#define CONTENT_LEAST 16
#define CONTENT_MOST  3000
#define READ_MOST     65536

typedef enum { BOLT, BOLT2, DUBBO } protocol_e;

typedef struct {
    uint8_t *at;
    size_t   from, n, room;
} bytes_t;

typedef struct {
    uint64_t due_ms;
    size_t   len; /* of the answer, in `later` */
} late_t;

typedef struct {
    uint64_t salt; /* 0: free */
    uint64_t sent_ms;
    uint32_t len;
} asked_t;

typedef struct {
    int      fd;
    bytes_t  in, out;
    bytes_t  later; /* a host: answers that wait */
    late_t  *queue;
    size_t   head, tail, room;
    asked_t *asked; /* a load: by id */
    unsigned under_way;
    uint32_t next;
} conn_t;

static conn_t   conns[MAX_CONNS];
static int      epoll_fd, listen_fd = -1;
static unsigned delay_ms;

static struct {
    uint64_t answered, failed, swapped, strays, lost, closed, max_ms;
    uint64_t by[256];
} count;

static protocol_e protocol;
static unsigned   in_flight;
static bool       stopping;
static uint64_t   salts;


static void
fail(const char *what)
{
    perror(what);
    exit(1);
}


static uint64_t
now_ms(void)
{
    struct timespec t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}


static void
put(uint8_t *at, uint64_t value, unsigned n)
{
    while (n-- > 0) {
        at[n] = (uint8_t) value;
        value >>= 8;
    }
}


static uint64_t
get(const uint8_t *at, unsigned n)
{
    uint64_t value = 0;

    while (n-- > 0) {
        value = value << 8 | *at++;
    }
    return value;
}


static uint8_t *
reserve(bytes_t *b, size_t n)
{
    if (b->from == b->n) {
        b->from = b->n = 0;
    }
    if (b->n + n > b->room) {
        b->room = (b->n + n) * 2;
        b->at = realloc(b->at, b->room);
        if (b->at == NULL) {
            fail("realloc");
        }
    }
    return b->at + b->n;
}


static void
append(bytes_t *b, const void *bytes, size_t n)
{
    memcpy(reserve(b, n), bytes, n);
    b->n += n;
}


/* --- frames -------------------------------------------------------------- */

/* The length of the frame at `b`; 0: more is needed. */
static size_t
frame_len(const uint8_t *b, size_t n)
{
    size_t fixed, len;

    if (n < 16) {
        return 0;
    }
    if (b[0] == 0xda) {
        len = 16 + get(b + 12, 4);
        return len <= n ? len : 0;
    }
    if (b[0] != 1 && b[0] != 2) {
        fprintf(stderr, "calls: a frame begins with %u\n", b[0]);
        exit(3);
    }
    fixed = (b[0] == 1 ? 20u : 22u) + (b[b[0]] == 0 ? 0 : 2);
    if (n < fixed) {
        return 0;
    }
    len = fixed + get(b + fixed - 8, 2) + get(b + fixed - 6, 2)
          + get(b + fixed - 4, 4);
    return len <= n ? len : 0;
}


/* What a host says to a frame; appends it. */
static bool
answer(const uint8_t *b, size_t len, bytes_t *out)
{
    size_t   shift, fixed, n, before;
    uint8_t *o;

    if (b[0] == 0xda) {
        if ((b[2] & 0xc0) != 0xc0) {
            return false;
        }
        n = len - 16;
        o = reserve(out, 16 + 4 + n);
        put(o, 0xdabb, 2);
        o[2] = (uint8_t) (b[2] & 0x3f);
        o[3] = 20;
        memcpy(o + 4, b + 4, 8);
        if ((b[2] & 0x20) != 0) {
            put(o + 12, 1, 4);
            o[16] = 'N';
            out->n += 17;
            return true;
        }
        put(o + 12, n, 4);
        memcpy(o + 16, b + 16, n); /* as it came */
        out->n += 16 + n;
        return true;
    }
    shift = b[0] == 1 ? 0 : 1;
    if (b[1 + shift] == 2) {
        return false;
    }
    fixed = 22 + 2 * shift;
    before = fixed + get(b + fixed - 8, 2) + get(b + fixed - 6, 2);
    n = get(b + 2 + shift, 2) == 0 ? 0 : len - before;
    o = reserve(out, fixed - 2 + n);
    memcpy(o, b, 10 + 2 * shift);
    o[1 + shift] = 0;
    put(o + 2 + shift, get(b + 2 + shift, 2) == 0 ? 0 : 2, 2);
    put(o + fixed - 12, 0, 6);
    put(o + fixed - 6, n, 4);
    memcpy(o + fixed - 2, b + before, n);
    out->n += fixed - 2 + n;
    return true;
}


static uint64_t
mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    return x;
}


static void
fill(uint8_t *at, uint64_t salt, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        at[i] = (uint8_t) (mix(salt + i / 8) >> (i % 8 * 8));
    }
}


static bool
is_filled(const uint8_t *at, uint64_t salt, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (at[i] != (uint8_t) (mix(salt + i / 8) >> (i % 8 * 8))) {
            return false;
        }
    }
    return true;
}


static size_t
put_pair(uint8_t *at, const char *key, const char *value)
{
    size_t k = strlen(key), v = strlen(value);

    put(at, k, 4);
    memcpy(at + 4, key, k);
    put(at + 4 + k, v, 4);
    memcpy(at + 8 + k, value, v);
    return 8 + k + v;
}


static size_t
put_string(uint8_t *at, const char *s)
{
    *at = (uint8_t) strlen(s); /* all of them are short */
    memcpy(at + 1, s, *at);
    return 1u + *at;
}


/* One more request. */
static void
ask(conn_t *c)
{
    uint32_t id = c->next++ % MAX_FLIGHT, shift = protocol == BOLT2 ? 1 : 0;
    asked_t *a = &c->asked[id];
    uint8_t *o, *map;
    size_t   n;

    while (a->salt != 0) { /* a slow one */
        id = c->next++ % MAX_FLIGHT;
        a = &c->asked[id];
    }
    a->salt = ++salts;
    a->len = CONTENT_LEAST
             + (uint32_t) (mix(salts) % (CONTENT_MOST - CONTENT_LEAST));
    a->sent_ms = now_ms();
    o = reserve(&c->out, 512 + a->len);
    if (protocol == DUBBO) {
        put(o, 0xdabb, 2);
        o[2] = 0xc2;
        o[3] = 0;
        put(o + 4, id, 8);
        n = 16;
        n += put_string(o + n, "2.0.2");
        n += put_string(o + n, "com.example.Calls");
        n += put_string(o + n, "0.0.0");
        n += put_string(o + n, "echo");
        n += put_string(o + n, "[B");
        o[n++] = 'B';
        put(o + n, a->len, 2);
        n += 2;
        fill(o + n, a->salt, a->len);
        n += a->len;
        o[n++] = 'H';
        o[n++] = 'Z';
        put(o + 12, n - 16, 4);
        c->out.n += n;
    } else {
        memset(o, 0, 24);
        o[0] = (uint8_t) (1 + shift);
        o[shift] = (uint8_t) (shift ? 1 : o[0]);
        o[1 + shift] = 1;
        put(o + 2 + shift, 1, 2);
        o[4 + shift] = 1;
        put(o + 5 + shift, id, 4);
        o[9 + shift] = 1;
        n = 22 + 2 * shift;
        put(o + n - 12, 60000, 4);
        map = o + n;
        n += put_pair(map, "service", "com.example.Calls:1.0");
        put(map - 6, n - 22 - 2 * shift, 2);
        put(map - 4, a->len, 4);
        fill(o + n, a->salt, a->len);
        c->out.n += n + a->len;
    }
    c->under_way++;
}


/* An answer has come. */
static void
hear(conn_t *c, const uint8_t *b, size_t len)
{
    bool     dubbo = b[0] == 0xda;
    size_t   shift = b[0] == 2 ? 1 : 0, fixed = 20 + 2 * shift, from;
    uint64_t id = dubbo ? get(b + 4, 8) : get(b + 5 + shift, 4);
    unsigned status = dubbo ? b[3] : (unsigned) get(b + fixed - 10, 2);
    asked_t *a = id < MAX_FLIGHT ? &c->asked[id] : NULL;
    uint64_t took;

    if (a == NULL || a->salt == 0) {
        count.strays++;
        return;
    }
    from = dubbo ? 16 + 6 + 18 + 6 + 5 + 3 + 3
                 : fixed + get(b + fixed - 8, 2) + get(b + fixed - 6, 2);
    if (status != (dubbo ? 20 : 0)) {
        count.failed++;
        count.by[status & 255]++;
    } else if (len < from + a->len || !is_filled(b + from, a->salt, a->len)) {
        count.swapped++;
    } else {
        count.answered++;
    }
    took = now_ms() - a->sent_ms;
    count.max_ms = took > count.max_ms ? took : count.max_ms;
    a->salt = 0;
    c->under_way--;
}


/* --- connections --------------------------------------------------------- */

static void
watch(conn_t *c)
{
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
                             .data.ptr = c };
    int                one = 1;

    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void) fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e) == -1) {
        fail("epoll_ctl");
    }
}


static void
end(conn_t *c)
{
    (void) close(c->fd);
    c->fd = -1;
    if (listen_fd == -1) {
        count.closed++;
        count.lost += c->under_way;
        c->under_way = 0;
    }
    c->in.from = c->in.n = c->out.from = c->out.n = 0;
    c->later.from = c->later.n = 0;
    c->head = c->tail = 0;
}


static void
flush(conn_t *c)
{
    while (c->fd != -1 && c->out.from < c->out.n) {
        ssize_t n = send(c->fd, c->out.at + c->out.from,
                         c->out.n - c->out.from, MSG_NOSIGNAL);

        if (n == -1) {
            if (errno != EAGAIN) {
                end(c);
            }
            return;
        }
        c->out.from += (size_t) n;
    }
}


static void
on_frame(conn_t *c, const uint8_t *b, size_t len)
{
    size_t before = c->later.n - c->later.from;
    bool   beat = b[0] == 0xda ? (b[2] & 0x20) != 0
                               : get(b + (b[0] == 1 ? 2 : 3), 2) == 0;

    if (listen_fd == -1) {
        hear(c, b, len);
        return;
    }
    if (beat || delay_ms == 0) {
        (void) answer(b, len, &c->out);
        return;
    }
    if (!answer(b, len, &c->later)) {
        return;
    }
    if (c->tail - c->head == c->room) {
        late_t *queue = calloc(c->room * 2 + 64, sizeof(*queue));

        for (size_t i = c->head; i < c->tail; i++) {
            queue[i - c->head] = c->queue[i % c->room];
        }
        free(c->queue);
        c->queue = queue;
        c->tail -= c->head;
        c->head = 0;
        c->room = c->room * 2 + 64;
    }
    c->queue[c->tail++ % c->room] =
        (late_t){ now_ms() + delay_ms, c->later.n - c->later.from - before };
}


static void
on_ready(conn_t *c)
{
    while (c->fd != -1) {
        ssize_t n = recv(c->fd, reserve(&c->in, READ_MOST), READ_MOST, 0);
        size_t  len;

        if (n == 0 || (n == -1 && errno != EAGAIN)) {
            end(c);
            return;
        }
        if (n == -1) {
            break;
        }
        c->in.n += (size_t) n;
        while ((len = frame_len(c->in.at + c->in.from, c->in.n - c->in.from))
               > 0) {
            on_frame(c, c->in.at + c->in.from, len);
            c->in.from += len;
        }
        if (c->in.from > 0) {
            memmove(c->in.at, c->in.at + c->in.from, c->in.n - c->in.from);
            c->in.n -= c->in.from;
            c->in.from = 0;
        }
    }
    while (listen_fd == -1 && !stopping && c->fd != -1
           && c->under_way < in_flight) {
        ask(c);
    }
    flush(c);
}


static void
send_late(void)
{
    uint64_t now = now_ms();

    for (conn_t *c = conns; c < conns + MAX_CONNS; c++) {
        while (c->fd != -1 && c->head < c->tail
               && c->queue[c->head % c->room].due_ms <= now)
        {
            size_t n = c->queue[c->head++ % c->room].len;

            append(&c->out, c->later.at + c->later.from, n);
            c->later.from += n;
        }
        flush(c);
    }
}


static void
turn(int wait_ms)
{
    struct epoll_event events[64];
    int                n = epoll_wait(epoll_fd, events, 64, wait_ms);

    for (int i = 0; i < n; i++) {
        conn_t *c = events[i].data.ptr;

        if (c != NULL) {
            on_ready(c);
            continue;
        }
        for (c = conns; c < conns + MAX_CONNS; c++) {
            if (c->fd == -1 && (c->fd = accept(listen_fd, NULL, NULL)) != -1) {
                watch(c);
            }
        }
    }
}


static struct sockaddr_in
address(const char *port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t) atoi(port)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}


static int
host(const char *port)
{
    struct sockaddr_in a = address(port);
    struct epoll_event e = { .events = EPOLLIN };
    int                one = 1;

    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void) setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listen_fd, (struct sockaddr *) &a, sizeof(a)) == -1
        || listen(listen_fd, 512) == -1)
    {
        fail("listen");
    }
    (void) epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &e);
    printf("ready\n");
    (void) fflush(stdout);
    for (;;) {
        turn(delay_ms > 0 ? 1 : 1000);
        send_late();
    }
}


static int
load(unsigned seconds, const char *port, unsigned n_conns)
{
    struct sockaddr_in a = address(port);
    uint64_t           until;
    unsigned           left = 1;

    for (unsigned i = 0; i < n_conns; i++) {
        conn_t *c = &conns[i];

        c->asked = calloc(MAX_FLIGHT, sizeof(*c->asked));
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->fd, (struct sockaddr *) &a, sizeof(a)) == -1) {
            fail("connect");
        }
        watch(c);
    }
    until = now_ms() + seconds * 1000;
    while (now_ms() < until) {
        turn(10);
    }
    stopping = true;
    until = now_ms() + 5000;
    while (now_ms() < until && left > 0) {
        turn(10);
        left = 0;
        for (unsigned i = 0; i < n_conns; i++) {
            left += conns[i].under_way;
        }
    }
    count.lost += left;
    printf(
        "answered %llu\nfailed %llu\nswapped %llu\nstrays %llu\n"
        "lost %llu\nclosed %llu\nmax_ms %llu\n",
        (unsigned long long) count.answered, (unsigned long long) count.failed,
        (unsigned long long) count.swapped, (unsigned long long) count.strays,
        (unsigned long long) count.lost, (unsigned long long) count.closed,
        (unsigned long long) count.max_ms);
    for (unsigned i = 0; i < 256; i++) {
        if (count.by[i] > 0) {
            printf("by_%u %llu\n", i, (unsigned long long) count.by[i]);
        }
    }
    return 0;
}


int
main(int argc, char **argv)
{
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
    epoll_fd = epoll_create1(0);
    for (unsigned i = 0; i < MAX_CONNS; i++) {
        conns[i].fd = -1;
    }
    if (argc == 4 && strcmp(argv[1], "host") == 0) {
        delay_ms = (unsigned) atoi(argv[3]);
        return host(argv[2]);
    }
    if (argc == 7 && strcmp(argv[1], "load") == 0) {
        protocol = strcmp(argv[4], "dubbo") == 0    ? DUBBO
                   : strcmp(argv[4], "boltv2") == 0 ? BOLT2
                                                    : BOLT;
        in_flight = (unsigned) atoi(argv[6]);
        return load((unsigned) atoi(argv[2]), argv[3],
                    (unsigned) atoi(argv[5]));
    }
    fprintf(stderr, "usage: calls host PORT DELAY_MS\n"
                    "       calls load SECONDS PORT PROTOCOL CONNS "
                    "IN_FLIGHT\n");
    return 2;
}
