/* handover.c - give and take connections. */

#include "handover.h"

#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define VERSION    4
#define BYTES_MAX  (56u * 1024) /* of a message */
#define STRANDED   MOSN_REASON_DRAINING
#define SENDER_IOV 33

#define FED_BUCKETS 256u
#define FED_MOST    (64u << 20) /* bytes that a client may leave unread */

typedef enum { OFFER = 1, DONE, GIFT, BYTES, END, GONE } handover_e;

typedef struct {
    uint16_t       version;
    uint16_t       type;
    uint32_t       listener; /* the heir's number */
    uint64_t       key;      /* of a connection that is answered here too */
    mosn_inet_t    peer;     /* of a gift */
    bool           whole;    /* these bytes end with a message */
    mosn_address_t address;  /* of an offer; of a gift: its upstream */
    char does[MOSN_HANDOVER_WORDS]; /* an offer: what becomes of the bytes */
} handover_t;

/* Messages as they are received and sent: one at a time. */
typedef struct {
    handover_t m;
    uint8_t    bytes[BYTES_MAX];
    size_t     n; /* of them */
} handover_message_t;

static handover_message_t got, gift;

#define HEAD_LEN offsetof(handover_message_t, bytes)

_Static_assert(BYTES_MAX >= MOSN_MOVE_MAX_BYTES, "a gift is one message");

/* To one heir; lives until nothing of what it was given is answered here. */
struct mosn_lane_s {
    mosn_watch_t    watch;
    mosn_loop_t    *loop;
    mosn_pool_t    *pool;
    int             fd;
    bool            offered;
    bool            full; /* waits for room in the socket */
    bool            busy; /* goes over its connections */
    uint64_t       *ends; /* not sent yet */
    size_t          n_ends;
    mosn_list_t     moved;   /* of lane_conn_t */
    mosn_bequest_t *bequest; /* NULL: it has another heir by now */
};

/* A connection that goes on here without its socket. */
typedef struct {
    mosn_list_t  link;
    mosn_lane_t *lane;
    mosn_conn_t *conn;
} lane_conn_t;


/* "any proxy/auto+tcp_proxy": the terminal filter, and what it speaks; a
 * connection goes only to its like. */
static void
handover_describe(const mosn_listener_t *l, char does[MOSN_HANDOVER_WORDS])
{
    const mosn_chain_conf_t     *chain = mosn_listener_plain_chain(l);
    const mosn_conf_module_t    *last;
    const mosn_net_filter_ops_t *ops;
    char                         words[MOSN_HANDOVER_WORDS / 2] = "";

    if (chain == NULL) { /* TLS cannot move */
        (void) snprintf(does, MOSN_HANDOVER_WORDS, "-");
        return;
    }
    last = &chain->filters.items[chain->filters.n - 1];
    ops = last->module->ops;
    if (ops->tell != NULL) {
        ops->tell(last->conf, words, sizeof(words));
    }
    (void) snprintf(does, MOSN_HANDOVER_WORDS, "%s%.32s%s%s",
                    l->inspects ? "any " : "", last->module->name,
                    words[0] != '\0' ? "/" : "", words);
}


/* One message; false: nothing more for now.  `*gone_r`: nor ever. */
static bool
handover_recv(int fd, int fds[2], size_t *n_fds, bool *gone_r)
{
    ssize_t n;

    *n_fds = 2;
    n = mosn_socket_recv_message(fd, &got, offsetof(handover_message_t, n),
                                 fds, n_fds);
    if (n >= (ssize_t) HEAD_LEN && got.m.version == VERSION) {
        got.n = (size_t) n - HEAD_LEN;
        return true;
    }
    if (n == -1 && errno == EMSGSIZE) {
        mosn_log_alert(0, "out of descriptors: a connection that was handed "
                          "over is lost");
        return false; /* one, and not all */
    }
    if (n == -1 && errno == EAGAIN) {
        return false;
    }
    for (size_t i = 0; n > 0 && i < *n_fds; i++) {
        (void) close(fds[i]);
    }
    *gone_r = true; /* closed, or of a version that is not ours */
    return false;
}


static int
handover_send(int fd, const handover_t *m, const int *fds, size_t n_fds)
{
    return mosn_socket_send_message(fd, m, HEAD_LEN, fds, n_fds);
}


/* --- the elder: connections that have moved ------------------------------ */

/* Its last connection is answered, and there is another heir. */
static void
lane_look(mosn_lane_t *lane)
{
    if (lane->bequest == NULL && mosn_list_is_empty(&lane->moved)
        && lane->n_ends == 0 && lane->fd != -1 && !lane->busy)
    {
        mosn_loop_unwatch(lane->loop, &lane->watch, lane->fd);
        (void) close(lane->fd);
        lane->fd = -1;
        free(lane->ends);
        mosn_loop_bury(lane->loop, &(mosn_pool_t *){ lane->pool });
    }
}


static ssize_t
lane_recv(mosn_conn_t *conn MOSN_UNUSED, void *bytes MOSN_UNUSED,
          size_t n MOSN_UNUSED)
{
    errno = EAGAIN; /* the heir reads */
    return -1;
}


static ssize_t
lane_send(mosn_conn_t *conn, const struct iovec *iov, int n)
{
    lane_conn_t *lc = conn->lane;
    mosn_lane_t *lane = lc->lane;
    handover_t   m = { .version = VERSION, .type = BYTES, .key = conn->id };
    struct iovec out[SENDER_IOV];
    size_t       bytes = 0;
    int          k = 1;

    for (int i = 0; i < n && k < SENDER_IOV && bytes < BYTES_MAX; i++) {
        size_t room = BYTES_MAX - bytes;

        out[k] = iov[i];
        out[k].iov_len = iov[i].iov_len < room ? iov[i].iov_len : room;
        bytes += out[k++].iov_len;
    }
    m.whole = bytes == conn->out.bytes;
    out[0] = (struct iovec){ &m, HEAD_LEN };
    if (lane->full
        || sendmsg(
               lane->fd,
               &(struct msghdr){ .msg_iov = out, .msg_iovlen = (size_t) k },
               MSG_NOSIGNAL | MSG_DONTWAIT)
               == -1)
    {
        lane->full |= errno == EAGAIN || errno == ENOBUFS;
        errno = lane->full ? EAGAIN : errno;
        return -1;
    }
    return (ssize_t) bytes;
}


static mosn_rc_e
lane_handshake(mosn_conn_t *conn MOSN_UNUSED)
{
    return MOSN_OK;
}


static mosn_rc_e
lane_ready(mosn_conn_t *conn MOSN_UNUSED, uint32_t events MOSN_UNUSED)
{
    return MOSN_OK;
}


static void
lane_shutdown(mosn_conn_t *conn MOSN_UNUSED)
{
}


/* ENDs that wait for room, of all lanes: the heir takes a lane that breaks
 * without them for a crash of ours. */
static size_t n_lane_ends;


static bool
lane_send_end(const mosn_lane_t *lane, uint64_t key)
{
    handover_t m = { .version = VERSION, .type = END, .key = key };

    return handover_send(lane->fd, &m, NULL, 0) == 0
           || (errno != EAGAIN && errno != ENOBUFS); /* the heir is gone */
}


static void
lane_send_ends(mosn_lane_t *lane)
{
    while (lane->n_ends > 0) {
        if (!lane_send_end(lane, lane->ends[lane->n_ends - 1])) {
            lane->full = true;
            return;
        }
        lane->n_ends--;
        n_lane_ends--;
    }
}


/* Everything is answered, or will not be. */
static void
lane_close(mosn_conn_t *conn)
{
    lane_conn_t *lc = conn->lane;
    mosn_lane_t *lane = lc->lane;

    mosn_list_unlink(&lc->link);
    conn->lane = NULL;
    if (lane->full || !lane_send_end(lane, conn->id)) {
        lane->full = true;
        lane->ends =
            mosn_realloc(lane->ends, (lane->n_ends + 1) * sizeof(*lane->ends));
        lane->ends[lane->n_ends++] = conn->id;
        n_lane_ends++;
    }
    lane_look(lane);
}


bool
mosn_bequests_are_told(void)
{
    return n_lane_ends == 0;
}


static const mosn_transport_ops_t lane_transport = {
    .handshake = lane_handshake,
    .recv = lane_recv,
    .send = lane_send,
    .on_ready = lane_ready,
    .shutdown = lane_shutdown,
    .close = lane_close,
};


/* There is room again: for each in turn, once. */
static void
lane_flush(mosn_lane_t *lane)
{
    mosn_list_t waiting;

    lane->busy = true;
    lane_send_ends(lane);
    mosn_list_init(&waiting);
    mosn_list_take_all(&waiting, &lane->moved);
    while (!mosn_list_is_empty(&waiting)) {
        lane_conn_t *lc = mosn_container_of(waiting.next, lane_conn_t, link);

        if (lane->full) { /* who has waited longest is first next time */
            mosn_list_take_all(&waiting, &lane->moved);
            mosn_list_take_all(&lane->moved, &waiting);
            break;
        }
        mosn_list_unlink(&lc->link);
        mosn_list_append(&lane->moved, &lc->link);
        lc->conn->writable = true;
        if (lc->conn->out.bytes > 0) {
            mosn_conn_flush(lc->conn);
        }
    }
    lane->busy = false;
    lane_look(lane);
}


/* The client of one has left. */
static void
lane_on_gone(mosn_lane_t *lane, uint64_t key)
{
    for (mosn_list_t *link = lane->moved.next; link != &lane->moved;
         link = link->next)
    {
        mosn_conn_t *conn = mosn_container_of(link, lane_conn_t, link)->conn;

        if (conn->id == key) {
            mosn_conn_close(conn, MOSN_REASON_CLIENT_CLOSED);
            return;
        }
    }
}


/* The heir is gone, and its clients with it. */
static void
lane_break(mosn_lane_t *lane)
{
    lane->busy = true;
    while (!mosn_list_is_empty(&lane->moved)) {
        mosn_conn_close(
            mosn_container_of(lane->moved.next, lane_conn_t, link)->conn,
            STRANDED);
    }
    n_lane_ends -= lane->n_ends; /* nobody wants to know any more */
    lane->n_ends = 0;
    lane->busy = false;
    lane_look(lane);
}


/* --- the elder ---------------------------------------------------------- */

void
mosn_bequest_end(mosn_bequest_t *b)
{
    mosn_lane_t *lane = b->lane;

    if (lane != NULL) {
        b->lane = NULL;
        free(b->theirs);
        b->theirs = NULL;
        b->listeners[0].limits->give = NULL;
        b->listeners[0].limits->move = NULL;
        lane->bequest = NULL;
        lane_look(lane);
    }
}


/* What an offer says, taken apart; `text` is cut.  NULL: it is for a listener
 * that looks at first bytes as ours does not, or of a filter that we do not
 * know. */
static const mosn_net_filter_ops_t *
offer_read(const mosn_listener_t *l, char *text, mosn_heir_t *heir_r)
{
    bool                 any = strncmp(text, "any ", 4) == 0;
    char                *name = text + (any ? 4 : 0);
    char                *speaks = strchr(name, '/');
    char                *falls_back = strchr(name, '+');
    const mosn_module_t *module;

    if (falls_back != NULL) {
        *falls_back++ = '\0';
        (void) snprintf(heir_r->falls_back, MOSN_HANDOVER_WORDS, "%s",
                        falls_back);
    }
    if (speaks != NULL) {
        *speaks++ = '\0';
        (void) snprintf(heir_r->speaks, MOSN_HANDOVER_WORDS, "%s", speaks);
    }
    module = any == l->inspects
                 ? mosn_module_find(MOSN_NET_FILTER, mosn_str(name))
                 : NULL;
    return module != NULL ? module->ops : NULL;
}


static void
bequest_take_offer(mosn_bequest_t *b, const handover_t *m)
{
    for (size_t i = 0; i < b->n_listeners; i++) {
        const mosn_listener_t *l = &b->listeners[i];
        mosn_heir_t            heir = { .number = (int32_t) m->listener };
        char                   text[MOSN_HANDOVER_WORDS + 1] = "";

        memcpy(text, m->does, MOSN_HANDOVER_WORDS);
        heir.ops = offer_read(l, text, &heir);
        if (mosn_address_equal(&l->conf->address, &m->address)
            && mosn_listener_plain_chain(l) != NULL && heir.ops != NULL)
        {
            b->theirs[i] = heir;
        }
    }
}


/* Does the heir go on with what a filter of ours has done? */
static bool
heir_goes_on(const mosn_heir_t *heir, const mosn_net_filter_t *last,
             bool fell_back)
{
    char  ours[MOSN_HANDOVER_WORDS / 2] = "";
    bool  any = strcmp(heir->speaks, "auto") == 0;
    char *plus;

    if (fell_back) {
        const mosn_module_t *to =
            mosn_module_find(MOSN_NET_FILTER, mosn_str(heir->falls_back));

        return any && to != NULL && to->ops == last->ops;
    }
    if (last->ops != heir->ops) {
        return false;
    }
    if (last->ops->tell == NULL || any) {
        return true;
    }
    last->ops->tell(last->conf, ours, sizeof(ours));
    plus = strchr(ours, '+');
    if (plus != NULL) {
        *plus = '\0';
    }
    return strcmp(ours, heir->speaks) == 0;
}


/* The heir's listener for a connection; -1: none does what ours has done with
 * it, which may be something else than it does now. */
static int32_t
bequest_find(const mosn_bequest_t *b, const mosn_listener_t *listener,
             const mosn_conn_t *conn)
{
    const mosn_heir_t       *heir = &b->theirs[listener - b->listeners];
    const mosn_net_filter_t *last = conn->filters;

    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    return last != NULL && heir_goes_on(heir, last, conn->fell_back)
               ? heir->number
               : -1;
}


static void
lane_on_ready(mosn_watch_t *watch, uint32_t events)
{
    mosn_lane_t    *lane = mosn_container_of(watch, mosn_lane_t, watch);
    mosn_bequest_t *b = lane->bequest;
    int             fds[2];
    size_t          n_fds;
    bool            gone = false, ready = false;

    while (handover_recv(lane->fd, fds, &n_fds, &gone)) {
        if (got.m.type == OFFER && b != NULL) {
            bequest_take_offer(b, &got.m);
        } else if (got.m.type == DONE) {
            lane->offered = ready = true;
        } else if (got.m.type == GONE) {
            lane->busy = true; /* it is looked at below */
            lane_on_gone(lane, got.m.key);
            lane->busy = false;
        }
        for (size_t i = 0; i < n_fds; i++) {
            (void) close(fds[i]); /* nobody gives us anything */
        }
    }
    if (gone) {
        lane->busy = true; /* until it is broken */
        if (b != NULL) {
            mosn_bequest_end(b);
        }
        lane_break(lane);
        ready = true;
    } else if (lane->full && (events & EPOLLOUT) != 0) {
        lane->full = false;
        lane_flush(lane);
        ready = true;
    }
    if (ready && b != NULL) {
        b->on_ready(b->owner);
    }
    lane_look(lane);
}


/* What both kinds of gift have in common: OK, or why not. */
static mosn_rc_e
bequest_send_gift(mosn_bequest_t *b, const handover_t *m, const int *fds,
                  size_t n_fds, const mosn_buf_t *in)
{
    size_t n = mosn_buf_len(in);

    gift.m = *m;
    if (n > 0) {
        memcpy(gift.bytes, in->pos, n);
    }
    if (mosn_socket_send_message(b->lane->fd, &gift, HEAD_LEN + n, fds, n_fds)
        == 0)
    {
        b->n_given++;
        return MOSN_OK;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) {
        b->lane->full = errno == EAGAIN; /* others pass without an event */
        return MOSN_AGAIN;
    }
    return MOSN_DECLINED; /* the watch will tell that it is gone */
}


static mosn_rc_e
bequest_give(void *owner, const mosn_listener_t *listener,
             const mosn_conn_t *conn, const mosn_conn_t *second,
             const mosn_address_t *to)
{
    mosn_bequest_t *b = owner;
    int32_t         theirs = bequest_find(b, listener, conn);
    int             fds[2] = { conn->fd, second != NULL ? second->fd : -1 };
    handover_t      m = { .version = VERSION,
                          .type = GIFT,
                          .listener = (uint32_t) theirs,
                          .peer = conn->peer };

    if (!b->lane->offered || b->lane->full) {
        return MOSN_AGAIN;
    }
    if (theirs == -1) {
        return MOSN_DECLINED;
    }
    if (second != NULL) {
        m.address = *to;
    }
    return bequest_send_gift(b, &m, fds, second != NULL ? 2 : 1, &conn->in);
}


static mosn_rc_e
bequest_move(void *owner, const mosn_listener_t *listener, mosn_conn_t *conn)
{
    mosn_bequest_t *b = owner;
    int32_t         theirs = bequest_find(b, listener, conn);
    handover_t      m = { .version = VERSION,
                          .type = GIFT,
                          .listener = (uint32_t) theirs,
                          .key = conn->id,
                          .peer = conn->peer };
    lane_conn_t    *lc;
    mosn_rc_e       rc;

    if (!b->lane->offered || b->lane->full) {
        return MOSN_AGAIN;
    }
    if (theirs == -1) {
        return MOSN_DECLINED;
    }
    rc = bequest_send_gift(b, &m, &conn->fd, 1, &conn->in);
    if (rc == MOSN_OK) {
        lc = mosn_pool_calloc(conn->pool, sizeof(*lc));
        lc->lane = b->lane;
        lc->conn = conn;
        mosn_list_append(&b->lane->moved, &lc->link);
        conn->lane = lc;
        conn->transport = &lane_transport;
        conn->writable = true;
    }
    return rc;
}


void
mosn_bequest_start(mosn_bequest_t *b, mosn_loop_t *loop, int fd,
                   mosn_listener_t *listeners, size_t n,
                   void (*on_ready)(void *), void    *owner)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONN);
    mosn_lane_t *lane = mosn_pool_calloc(pool, sizeof(*lane));

    *lane = (mosn_lane_t){ .watch.on_ready = lane_on_ready,
                           .loop = loop,
                           .pool = pool,
                           .fd = fd,
                           .bequest = b };
    mosn_list_init(&lane->moved);
    *b = (mosn_bequest_t){ .loop = loop,
                           .listeners = listeners,
                           .n_listeners = n,
                           .on_ready = on_ready,
                           .owner = owner };
    if (mosn_loop_watch(loop, &lane->watch, fd) != MOSN_OK) {
        (void) close(fd);
        mosn_pool_destroy(&pool);
        return;
    }
    b->lane = lane;
    b->theirs = mosn_calloc(n * sizeof(*b->theirs));
    for (size_t i = 0; i < n; i++) {
        b->theirs[i].number = -1;
    }
    listeners[0].limits->give = bequest_give;
    listeners[0].limits->move = bequest_move;
    listeners[0].limits->give_owner = b;
}


/* --- the heir ----------------------------------------------------------- */

typedef struct {
    mosn_list_t      link;
    mosn_watch_t     watch;
    mosn_loop_t     *loop;
    int              fd;
    mosn_listener_t *listeners;
    size_t           n_listeners;
    mosn_list_t      fed[FED_BUCKETS]; /* of fed_t, by key */
} inherit_t;

/* A connection that the elder still answers on too. */
typedef struct {
    mosn_list_t          link;
    mosn_conn_observer_t observer;
    inherit_t           *from;
    mosn_conn_t         *conn;
    uint64_t             key;
    mosn_chain_t         part; /* of a message */
} fed_t;


static mosn_list_t *
inherit_bucket(inherit_t *i, uint64_t key)
{
    return &i->fed[key % FED_BUCKETS];
}


static void
fed_let_go(fed_t *fed)
{
    mosn_list_unlink(&fed->link);
    mosn_chain_clear(&fed->part);
}


static void
fed_on_event(mosn_conn_observer_t *observer, mosn_conn_t *conn MOSN_UNUSED,
             mosn_conn_event_e event)
{
    fed_t     *fed = mosn_container_of(observer, fed_t, observer);
    handover_t m = { .version = VERSION, .type = GONE, .key = fed->key };

    if (event == MOSN_CONN_CLOSED) {
        (void) handover_send(fed->from->fd, &m, NULL, 0);
        fed_let_go(fed);
    }
}


/* The elder has no more to say on it. */
static void
fed_end(fed_t *fed)
{
    mosn_conn_t *conn = fed->conn;

    mosn_list_unlink(&fed->observer.link);
    fed_let_go(fed);
    conn->n_feeders--;
    mosn_conn_notify(conn, MOSN_CONN_DRAINED); /* it may have waited for it */
}


/* The elder is gone and has not said END: calls of these clients will not be
 * answered, which they can only tell by the end of their connection. */
static void
inherit_break(inherit_t *i)
{
    for (unsigned k = 0; k < FED_BUCKETS; k++) {
        while (!mosn_list_is_empty(&i->fed[k])) {
            mosn_conn_close(
                mosn_container_of(i->fed[k].next, fed_t, link)->conn,
                STRANDED);
        }
    }
}


static void
inherit_free(inherit_t *i)
{
    for (unsigned k = 0; k < FED_BUCKETS; k++) {
        while (!mosn_list_is_empty(&i->fed[k])) {
            fed_end(mosn_container_of(i->fed[k].next, fed_t, link));
        }
    }
    mosn_loop_unwatch(i->loop, &i->watch, i->fd);
    (void) close(i->fd);
    mosn_list_unlink(&i->link);
    free(i);
}


void
mosn_inherit_end(mosn_list_t *heirs)
{
    while (!mosn_list_is_empty(heirs)) {
        inherit_free(mosn_container_of(heirs->next, inherit_t, link));
    }
}


static void
inherit_take(inherit_t *i, const int fds[2], size_t n_fds)
{
    const handover_t *m = &got.m;
    mosn_conn_t      *conn;
    fed_t            *fed;

    if (m->listener >= i->n_listeners || n_fds == 0) {
        for (size_t k = 0; k < n_fds; k++) {
            (void) close(fds[k]);
        }
        return;
    }
    conn = mosn_listener_adopt(&i->listeners[m->listener], fds[0], &m->peer,
                               n_fds == 2 ? fds[1] : -1, &m->address,
                               got.bytes, got.n);
    if (conn == NULL || m->key == 0) {
        return;
    }
    fed = mosn_pool_calloc(conn->pool, sizeof(*fed));
    fed->from = i;
    fed->conn = conn;
    fed->key = m->key;
    fed->observer.on_event = fed_on_event;
    conn->n_feeders++;
    mosn_list_append(inherit_bucket(i, m->key), &fed->link);
    mosn_conn_observe(conn, &fed->observer);
}


static void
inherit_on_bytes(inherit_t *i)
{
    mosn_list_t *bucket = inherit_bucket(i, got.m.key);

    for (mosn_list_t *link = bucket->next; link != bucket; link = link->next) {
        fed_t       *fed = mosn_container_of(link, fed_t, link);
        mosn_conn_t *conn = fed->conn;

        if (fed->key != got.m.key) {
            continue;
        }
        if (got.m.type == END) {
            fed_end(fed);
            return;
        }
        mosn_chain_write(&fed->part, got.bytes, got.n);
        if (conn->out.bytes + fed->part.bytes > FED_MOST && !conn->writable) {
            mosn_conn_abort(conn, MOSN_REASON_SEND_TIMEOUT);
            return; /* it reads nothing */
        }
        if (got.m.whole) {
            for (mosn_buf_t *b = fed->part.head; b != NULL; b = b->next) {
                mosn_conn_write_buf(conn, b);
            }
            mosn_chain_clear(&fed->part);
        }
        return;
    }
}


static void
inherit_on_ready(mosn_watch_t *watch, uint32_t events MOSN_UNUSED)
{
    inherit_t *i = mosn_container_of(watch, inherit_t, watch);
    int        fds[2];
    size_t     n_fds;
    bool       gone = false;

    while (handover_recv(i->fd, fds, &n_fds, &gone)) {
        if (got.m.type == GIFT) {
            inherit_take(i, fds, n_fds);
            continue;
        }
        for (size_t k = 0; k < n_fds; k++) {
            (void) close(fds[k]);
        }
        inherit_on_bytes(i);
    }
    if (gone) {
        inherit_break(i);
        inherit_free(i);
    }
}


void
mosn_inherit_start(mosn_list_t *heirs, mosn_loop_t *loop, int fd,
                   mosn_listener_t *listeners, size_t n)
{
    inherit_t *i = mosn_calloc(sizeof(*i));
    handover_t m = { .version = VERSION, .type = OFFER };

    *i = (inherit_t){ .watch.on_ready = inherit_on_ready,
                      .loop = loop,
                      .fd = fd,
                      .listeners = listeners,
                      .n_listeners = n };
    for (unsigned k = 0; k < FED_BUCKETS; k++) {
        mosn_list_init(&i->fed[k]);
    }
    mosn_list_append(heirs, &i->link);
    for (size_t k = 0; k < n; k++) {
        m.listener = (uint32_t) k;
        m.address = listeners[k].conf->address;
        handover_describe(&listeners[k], m.does);
        if (handover_send(fd, &m, NULL, 0) == -1) {
            break; /* what is not offered stays with the elder */
        }
    }
    m.type = DONE;
    if (handover_send(fd, &m, NULL, 0) == -1
        || mosn_loop_watch_level(loop, &i->watch, fd) != MOSN_OK)
    {
        mosn_log_warn(errno, "cannot take over connections");
        inherit_free(i);
    }
}
