/* handover.c - give and take connections. */

#include "handover.h"

#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define VERSION 2

typedef enum { OFFER = 1, DONE, GIFT } handover_e;

typedef struct {
    uint16_t       version;
    uint16_t       type;
    uint32_t       listener; /* the heir's number */
    mosn_inet_t    peer;     /* of a gift */
    mosn_address_t address;  /* of an offer; of a gift: its upstream */
    char           does[32]; /* an offer: what becomes of the bytes */
} handover_t;


/* The name of the terminal filter; a connection goes only to its like. */
static void
handover_describe(const mosn_listener_t *l, char does[32])
{
    const mosn_chain_conf_t *chain = mosn_listener_plain_chain(l);

    (void) snprintf(
        does, 32, "%s%s", l->inspects ? "any " : "",
        chain == NULL
            ? "-" /* TLS cannot move */
            : chain->filters.items[chain->filters.n - 1].module->name);
}


/* One message; false: nothing more for now.  `*gone_r`: nor ever. */
static bool
handover_recv(int fd, handover_t *m, int fds[2], size_t *n_fds, bool *gone_r)
{
    ssize_t n;

    *n_fds = 2;
    n = mosn_socket_recv_message(fd, m, sizeof(*m), fds, n_fds);
    if (n == sizeof(*m) && m->version == VERSION) {
        return true;
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


/* --- the elder ---------------------------------------------------------- */

void
mosn_bequest_end(mosn_bequest_t *b)
{
    if (b->fd != -1) {
        mosn_loop_unwatch(b->loop, &b->watch, b->fd);
        (void) close(b->fd);
        b->fd = -1;
        free(b->theirs);
        b->theirs = NULL;
        b->listeners[0].limits->give = NULL;
    }
}


static void
bequest_take_offer(mosn_bequest_t *b, const handover_t *m)
{
    for (size_t i = 0; i < b->n_listeners; i++) {
        char ours[sizeof(m->does)];

        handover_describe(&b->listeners[i], ours);
        if (mosn_address_equal(&b->listeners[i].conf->address, &m->address)
            && mosn_listener_plain_chain(&b->listeners[i]) != NULL
            && memcmp(ours, m->does, strlen(ours) + 1) == 0)
        {
            b->theirs[i] = (int32_t) m->listener;
        }
    }
}


static void
bequest_on_ready(mosn_watch_t *watch, uint32_t events)
{
    mosn_bequest_t *b = mosn_container_of(watch, mosn_bequest_t, watch);
    handover_t      m;
    int             fds[2];
    size_t          n_fds;
    bool            gone = false, ready = false;

    while (handover_recv(b->fd, &m, fds, &n_fds, &gone)) {
        if (m.type == OFFER) {
            bequest_take_offer(b, &m);
        } else if (m.type == DONE) {
            b->offered = ready = true;
        }
        for (size_t i = 0; i < n_fds; i++) {
            (void) close(fds[i]); /* nobody gives us anything */
        }
    }
    if (gone) {
        mosn_bequest_end(b);
        ready = true;
    } else if (b->full && (events & EPOLLOUT) != 0) {
        b->full = false;
        ready = true;
    }
    if (ready) {
        b->on_ready(b->owner);
    }
}


static mosn_rc_e
bequest_give(void *owner, const mosn_listener_t *listener,
             const mosn_conn_t *conn, const mosn_conn_t *second,
             const mosn_address_t *to)
{
    mosn_bequest_t *b = owner;
    int32_t         theirs = b->theirs[listener - b->listeners];
    int             fds[2] = { conn->fd, second != NULL ? second->fd : -1 };
    handover_t      m = { .version = VERSION,
                          .type = GIFT,
                          .listener = (uint32_t) theirs,
                          .peer = conn->peer };

    if (!b->offered || b->full) {
        return MOSN_AGAIN;
    }
    if (theirs == -1) {
        return MOSN_DECLINED;
    }
    if (second != NULL) {
        m.address = *to;
    }
    if (mosn_socket_send_message(b->fd, &m, sizeof(m), fds,
                                 second != NULL ? 2 : 1)
        == 0)
    {
        b->n_given++;
        return MOSN_OK;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) {
        b->full = errno == EAGAIN; /* the others pass without an event */
        return MOSN_AGAIN;
    }
    return MOSN_DECLINED; /* the watch will tell that it is gone */
}


void
mosn_bequest_start(mosn_bequest_t *b, mosn_loop_t *loop, int fd,
                   mosn_listener_t *listeners, size_t n,
                   void (*on_ready)(void *), void    *owner)
{
    *b = (mosn_bequest_t){ .watch.on_ready = bequest_on_ready,
                           .loop = loop,
                           .fd = fd,
                           .listeners = listeners,
                           .n_listeners = n,
                           .on_ready = on_ready,
                           .owner = owner };
    b->theirs = mosn_calloc(n * sizeof(*b->theirs));
    for (size_t i = 0; i < n; i++) {
        b->theirs[i] = -1;
    }
    if (mosn_loop_watch(loop, &b->watch, fd) != MOSN_OK) {
        (void) close(fd);
        free(b->theirs);
        b->theirs = NULL;
        b->fd = -1;
        return;
    }
    listeners[0].limits->give = bequest_give;
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
} inherit_t;


static void
inherit_free(inherit_t *i)
{
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
inherit_take(inherit_t *i, const handover_t *m, const int fds[2], size_t n_fds)
{
    if (m->type == GIFT && n_fds > 0 && m->listener < i->n_listeners) {
        mosn_listener_adopt(&i->listeners[m->listener], fds[0], &m->peer,
                            n_fds == 2 ? fds[1] : -1, &m->address);
        return;
    }
    for (size_t k = 0; k < n_fds; k++) {
        (void) close(fds[k]);
    }
}


static void
inherit_on_ready(mosn_watch_t *watch, uint32_t events MOSN_UNUSED)
{
    inherit_t *i = mosn_container_of(watch, inherit_t, watch);
    handover_t m;
    int        fds[2];
    size_t     n_fds;
    bool       gone = false;

    while (handover_recv(i->fd, &m, fds, &n_fds, &gone)) {
        inherit_take(i, &m, fds, n_fds);
    }
    if (gone) {
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
    mosn_list_append(heirs, &i->link);
    for (size_t k = 0; k < n; k++) {
        m.listener = (uint32_t) k;
        m.address = listeners[k].conf->address;
        handover_describe(&listeners[k], m.does);
        if (mosn_socket_send_message(fd, &m, sizeof(m), NULL, 0) == -1) {
            break; /* what is not offered stays with the elder */
        }
    }
    m.type = DONE;
    if (mosn_socket_send_message(fd, &m, sizeof(m), NULL, 0) == -1
        || mosn_loop_watch_level(loop, &i->watch, fd) != MOSN_OK)
    {
        mosn_log_warn(errno, "cannot take over connections");
        inherit_free(i);
    }
}
