/*
 * event/conn.c - reading, writing and ending connections.
 *
 *   open --close--> closed (freed when the turn ends)
 *     |--close_flushed--> flushing --all sent--> closed, or lingering
 *                                                 --EOF or time--> closed
 *
 * Edge-triggered: `readable` and `writable` remember what epoll said and are
 * cleared by a short read, a short write or EAGAIN.  A read that did not fill
 * its buffer has emptied the socket, so no second one is made to learn it
 * (epoll(7)); unless the peer has closed, which only a read can tell.
 */

#include "event/conn.h"
#include "core/log.h"
#include "event/listener.h"
#include "event/transfer.h"
#include "os/socket.h"

#include <errno.h>
#include <unistd.h>

#define MAX_IOV         32
#define MIN_ROOM        2048u
#define READS_A_TURN    8
#define LINGER_MS       5000u
#define SEND_TIMEOUT_MS 60000u

static uint64_t conn_next_id;
static uint64_t conn_nobody;

uint64_t *mosn_conn_busy = &conn_nobody;

static void conn_on_ready(mosn_watch_t *watch, uint32_t events);
static void conn_flush_task(mosn_task_t *task);
static void conn_resume_task(mosn_task_t *task);
static void conn_idle_fired(mosn_timer_t *timer);
static void conn_send_fired(mosn_timer_t *timer);


static mosn_conn_t *
conn_create(mosn_loop_t *loop, int fd)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONN);
    mosn_conn_t *conn = mosn_pool_calloc(pool, sizeof(*conn));

    conn->watch.on_ready = conn_on_ready;
    conn->loop = loop;
    conn->pool = pool;
    conn->fd = fd;
    conn->writable = true;
    conn->send_timeout_ms = SEND_TIMEOUT_MS;
    conn->id = ++conn_next_id;
    mosn_list_init(&conn->observers);
    mosn_list_init(&conn->link);
    mosn_task_init(&conn->flush, conn_flush_task);
    mosn_task_init(&conn->resume, conn_resume_task);
    mosn_timer_init(&conn->idle, conn_idle_fired);
    mosn_timer_init(&conn->send, conn_send_fired);

    if (mosn_loop_watch(loop, &conn->watch, fd) != MOSN_OK) {
        (void) close(fd);
        mosn_pool_destroy(&pool);
        return NULL;
    }
    return conn;
}


mosn_conn_t *
mosn_conn_create(mosn_loop_t *loop, int fd, const mosn_inet_t *peer)
{
    mosn_conn_t *conn = conn_create(loop, fd);

    if (conn != NULL) {
        conn->peer = *peer;
    }
    return conn;
}


mosn_conn_t *
mosn_conn_connect(mosn_loop_t *loop, const mosn_address_t *to,
                  uint32_t timeout_ms)
{
    int          fd = mosn_socket_connect(to);
    mosn_conn_t *conn;

    if (fd == -1) {
        return NULL;
    }
    conn = conn_create(loop, fd);
    if (conn == NULL) {
        errno = ENOMEM;
        return NULL;
    }

    conn->connecting = true;
    conn->writable = false;
    memcpy(&conn->peer, &to->inet, sizeof(conn->peer));
    mosn_timer_arm(loop, &conn->send, timeout_ms);
    return conn;
}


mosn_net_filter_t *
mosn_conn_add_filter(mosn_conn_t *conn, const mosn_net_filter_ops_t *ops,
                     const void *conf, void *state)
{
    mosn_net_filter_t  *filter = mosn_pool_alloc(conn->pool, sizeof(*filter));
    mosn_net_filter_t **at = &conn->filters;

    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = filter;
    *filter = (mosn_net_filter_t){ .ops = ops, .conf = conf, .state = state };
    return filter;
}


void
mosn_conn_observe(mosn_conn_t *conn, mosn_conn_observer_t *observer)
{
    mosn_list_append(&conn->observers, &observer->link);
}


void
mosn_conn_notify(mosn_conn_t *conn, mosn_conn_event_e event)
{
    mosn_list_t *link, *next;

    for (mosn_net_filter_t *f = conn->filters; f != NULL; f = f->next) {
        if (f->ops->on_event != NULL) {
            f->ops->on_event(f, conn, event);
        }
        if (conn->closed && event != MOSN_CONN_CLOSED) {
            return; /* it has had its last event */
        }
    }
    for (link = conn->observers.next; link != &conn->observers; link = next) {
        mosn_conn_observer_t *o =
            mosn_container_of(link, mosn_conn_observer_t, link);

        next = link->next;
        o->on_event(o, conn, event);
    }
}


/* --- the end ------------------------------------------------------------ */

void
mosn_conn_close(mosn_conn_t *conn, mosn_reason_e reason)
{
    if (conn->closed) {
        return;
    }
    conn->closed = true;
    conn->reason = reason;
    conn->watch.pending = 0;
    mosn_task_cancel(&conn->flush);
    mosn_task_cancel(&conn->resume);
    mosn_timer_disarm(conn->loop, &conn->idle);
    mosn_timer_disarm(conn->loop, &conn->send);
    mosn_list_unlink(&conn->link);
    if (conn->drawn_by != NULL) {
        mosn_transfer_stop(conn->drawn_by);
    }
    if (conn->fed_by != NULL) {
        mosn_transfer_stop(conn->fed_by);
    }

    if (conn->transport != NULL) {
        conn->transport->close(conn);
    }
    if (MOSN_UNLIKELY(conn->loop->forks)) {
        mosn_loop_unwatch(conn->loop, &conn->watch, conn->fd);
    }
    if (conn->fd != -1) {
        (void) close(conn->fd);
    }
    conn->fd = -1;

    mosn_conn_notify(conn, MOSN_CONN_CLOSED);
    if (conn->listener != NULL) {
        mosn_listener_on_closed(conn->listener, conn);
    }

    /* Buffers go now: the pool waits for the end of the turn. */
    mosn_chain_clear(&conn->out);
    if (!conn->in_read) {
        mosn_buf_close(&conn->in);
    }
    mosn_loop_bury(conn->loop, &(mosn_pool_t *){ conn->pool });
}


void
mosn_conn_abort(mosn_conn_t *conn, mosn_reason_e reason)
{
    if (!conn->closed) {
        mosn_socket_abort_on_close(conn->fd);
        mosn_conn_close(conn, reason);
    }
}


/* What the peer has taken, and what is still to go; both may count what a
 * transport adds, or none does. */
static void
conn_sent(const mosn_conn_t *conn, uint64_t *taken_r, uint64_t *left_r)
{
    if (!mosn_socket_sent(conn->fd, taken_r, left_r)) {
        *taken_r = conn->bytes_out;
        *left_r = 0;
    }
    *left_r += mosn_conn_unsent(conn);
}


void
mosn_conn_arm_send(mosn_conn_t *conn, uint32_t ms)
{
    uint64_t left;

    conn_sent(conn, &conn->taken, &left);
    conn->left = conn->bytes_out - conn->sealed;
    mosn_timer_arm(conn->loop, &conn->send, ms);
}


/* Has it taken something since then?  The socket tells us only when it has
 * much room again. */
static bool
conn_is_taking(mosn_conn_t *conn)
{
    uint64_t before = conn->taken, taken, left;

    conn_sent(conn, &taken, &left);
    return taken > before;
}


/* FIN is sent; what the peer still sends is read and dropped until it
 * closes too or the time is over (RFC 9112, 9.6). */
static void
conn_start_linger(mosn_conn_t *conn)
{
    conn->lingering = true;
    if (conn->transport != NULL) {
        conn->transport->shutdown(conn);
    }
    if (shutdown(conn->fd, SHUT_WR) == -1) {
        mosn_conn_close(conn, conn->reason);
        return;
    }
    mosn_timer_disarm(conn->loop, &conn->idle);
    mosn_conn_arm_send(conn, LINGER_MS);
    conn->read_paused = 0;
    if (conn->readable || conn->eof) {
        mosn_loop_post(conn->loop, &conn->resume);
    }
}


static void
conn_all_sent(mosn_conn_t *conn)
{
    if (conn->flush_close) {
        if (conn->linger && !conn->eof) {
            conn_start_linger(conn);
        } else {
            mosn_conn_close(conn, conn->reason);
        }
        return;
    }
    if (conn->shut && !conn->shut_done) {
        conn->shut_done = true;
        if (conn->transport != NULL) {
            conn->transport->shutdown(conn);
        }
        if (shutdown(conn->fd, SHUT_WR) == -1) {
            mosn_conn_close(conn, MOSN_REASON_CLIENT_CLOSED);
        }
    }
}


void
mosn_conn_close_flushed(mosn_conn_t *conn, mosn_reason_e reason, bool linger)
{
    if (conn->closed || conn->flush_close) {
        return;
    }
    conn->flush_close = true;
    conn->linger = linger;
    conn->reason = reason;
    mosn_timer_disarm(conn->loop, &conn->idle);
    mosn_loop_post_flush(conn->loop, &conn->flush);
}


void
mosn_conn_shutdown(mosn_conn_t *conn)
{
    if (!conn->closed && !conn->shut) {
        conn->shut = true;
        mosn_loop_post_flush(conn->loop, &conn->flush);
    }
}


/* The peer is gone, as a call on the socket has told. */
void
mosn_conn_broken(mosn_conn_t *conn, int error)
{
    mosn_reason_e reason = MOSN_REASON_CLIENT_CLOSED;

    if (conn->handshaking && (conn->tcp_open || !conn->connecting)) {
        reason = conn->connecting ? MOSN_REASON_UPSTREAM_TLS
                                  : MOSN_REASON_TLS_HANDSHAKE;
    } else if (conn->connecting) {
        reason = error == ETIMEDOUT ? MOSN_REASON_UPSTREAM_CONNECT_TIMEOUT
                                    : MOSN_REASON_UPSTREAM_CONNECT_FAILED;
    } else if (conn->listener == NULL) {
        reason = error == 0 ? MOSN_REASON_UPSTREAM_CLOSED
                            : MOSN_REASON_UPSTREAM_RESET;
    }
    mosn_conn_close(conn, conn->flush_close ? conn->reason : reason);
}


/* --- writing ------------------------------------------------------------ */

static MOSN_NOINLINE ssize_t
conn_send_pieces(mosn_conn_t *conn, size_t *offered_r)
{
    struct iovec  iov[MAX_IOV];
    struct msghdr msg = { .msg_iov = iov };
    size_t        offered = 0;
    int           n = 0;

    for (mosn_buf_t *b = conn->out.head; b != NULL && n < MAX_IOV; b = b->next)
    {
        if (mosn_buf_len(b) > 0) {
            iov[n].iov_base = b->pos;
            iov[n].iov_len = mosn_buf_len(b);
            offered += iov[n].iov_len;
            n++;
        }
    }
    *offered_r = offered;
    if (conn->transport != NULL) {
        return conn->transport->send(conn, iov, n);
    }
    msg.msg_iovlen = (size_t) n;
    return sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
}


/* One send of what is queued, as much as one call takes; `*offered_r` is how
 * much that was. */
static inline ssize_t
conn_send(mosn_conn_t *conn, size_t *offered_r)
{
    mosn_buf_t *head = conn->out.head;

    if (head->next != NULL || conn->transport != NULL) {
        return conn_send_pieces(conn, offered_r);
    }
    *offered_r = mosn_buf_len(head);
    return send(conn->fd, head->pos, *offered_r, MSG_NOSIGNAL);
}


static void
conn_after_send(mosn_conn_t *conn)
{
    if (mosn_conn_unsent(conn) == 0) {
        if (mosn_timer_is_armed(&conn->send) && !conn->lingering) {
            mosn_timer_disarm(conn->loop, &conn->send);
        }
        if (conn->flush_close || conn->shut) {
            conn_all_sent(conn);
        }
    } else if (conn->bytes_out - conn->sealed > conn->left
               || !mosn_timer_is_armed(&conn->send))
    {
        mosn_conn_arm_send(conn, conn->send_timeout_ms);
    }

    if (!conn->closed && conn->blocked && conn->out.bytes <= MOSN_CONN_LOW) {
        conn->blocked = false;
        mosn_conn_notify(conn, MOSN_CONN_DRAINED);
    }
}


/* An answer may lie in front of a reset: who wants to hear it out reads up to
 * that, and what he still writes is dropped. */
static bool
conn_hears_out(const mosn_conn_t *conn)
{
    return conn->hears_out && conn->transport == NULL && !conn->eof;
}


static void
conn_mute(mosn_conn_t *conn)
{
    conn->mute = true;
    conn->hangup = conn->readable = true;
    mosn_chain_clear(&conn->out);
    mosn_loop_post(conn->loop, &conn->resume);
    conn_after_send(conn);
}


static void
conn_not_taken(mosn_conn_t *conn, int error)
{
    if (conn_hears_out(conn)) {
        conn_mute(conn);
    } else {
        mosn_conn_broken(conn, error);
    }
}


void
mosn_conn_flush(mosn_conn_t *conn)
{
    if (conn->closed || conn->connecting || conn->handshaking) {
        return;
    }
    if (MOSN_UNLIKELY(conn->mute)) {
        mosn_chain_clear(&conn->out);
        conn_after_send(conn);
        return;
    }
    for (mosn_net_filter_t *f = conn->filters; f != NULL; f = f->next) {
        if (MOSN_UNLIKELY(f->ops->on_write != NULL)) {
            f->ops->on_write(f, conn, &conn->out);
        }
    }

    while (conn->out.bytes > 0 && conn->writable) {
        size_t  offered;
        ssize_t n = conn_send(conn, &offered);

        if (n == -1) {
            if (errno == EAGAIN) {
                conn->writable = false;
                break;
            }
            if (errno == EINTR) {
                continue;
            }
            conn_not_taken(conn, errno);
            return;
        }
        conn->bytes_out += (uint64_t) n;
        mosn_chain_consume(&conn->out, (size_t) n);
        if ((size_t) n < offered && conn->transport == NULL) {
            conn->writable = false; /* the socket took less than it got */
        }
    }
    conn_after_send(conn);

    /* A transfer beside us waited until our own bytes were out. */
    if (!conn->closed && conn->out.bytes == 0 && conn->fed_by != NULL) {
        mosn_transfer_run(conn->fed_by);
    }
}


static void
conn_flush_task(mosn_task_t *task)
{
    mosn_conn_flush(mosn_container_of(task, mosn_conn_t, flush));
}


/* Nothing can be queued any more. */
static bool
conn_is_shut(const mosn_conn_t *conn)
{
    return conn->closed || conn->flush_close || conn->shut;
}


static void
conn_queued(mosn_conn_t *conn)
{
    if (conn->out.bytes > MOSN_CONN_HIGH) {
        conn->blocked = true;
    }
    mosn_loop_post_flush(conn->loop, &conn->flush);
}


void
mosn_conn_commit(mosn_conn_t *conn, size_t n)
{
    if (!conn_is_shut(conn)) {
        mosn_chain_commit(&conn->out, n);
        conn_queued(conn);
    } else if (conn->closed) {
        mosn_chain_clear(&conn->out); /* what was reserved */
    }
}


void
mosn_conn_write(mosn_conn_t *conn, const void *bytes, size_t n)
{
    if (!conn_is_shut(conn)) {
        mosn_chain_write(&conn->out, bytes, n);
        conn_queued(conn);
    }
}


void
mosn_conn_write_buf(mosn_conn_t *conn, const mosn_buf_t *buf)
{
    if (!conn_is_shut(conn)) {
        mosn_chain_append(&conn->out, buf);
        conn_queued(conn);
    }
}


void
mosn_conn_set_send_timeout(mosn_conn_t *conn, uint32_t ms)
{
    conn->send_timeout_ms = ms;
}


static void
conn_send_fired(mosn_timer_t *timer)
{
    mosn_conn_t *conn = mosn_container_of(timer, mosn_conn_t, send);

    if (conn->connecting) {
        mosn_conn_close(conn, MOSN_REASON_UPSTREAM_CONNECT_TIMEOUT);
    } else if (conn->handshaking) {
        mosn_conn_close(conn, MOSN_REASON_HANDSHAKE_TIMEOUT);
    } else if (conn_is_taking(conn)) {
        mosn_conn_arm_send(conn, conn->lingering ? LINGER_MS
                                                 : conn->send_timeout_ms);
    } else if (conn->lingering
               || (conn->flush_close && mosn_conn_unsent(conn) == 0))
    {
        mosn_conn_close(conn, conn->reason);
    } else {
        mosn_conn_abort(conn, MOSN_REASON_SEND_TIMEOUT);
    }
}


/* --- reading ------------------------------------------------------------ */

static void
conn_run_filters(mosn_conn_t *conn, mosn_net_filter_t *from)
{
    for (mosn_net_filter_t *f = from; f != NULL && !conn->closed; f = f->next)
    {
        switch (f->ops->on_read(f, conn)) {
        case MOSN_NEXT:
            break;
        case MOSN_PAUSE:
            conn->paused_at = f;
            return;
        default:
            return;
        }
    }
}


/* Room to read into: at the end of the block that is there, or a new one. */
static void
conn_make_room(mosn_conn_t *conn)
{
    size_t size = conn->sized_up ? MOSN_BLOCK_LARGE : MOSN_BLOCK_SMALL;

    if (conn->in.block == NULL) {
        mosn_buf_open(&conn->in, size);
    } else if (mosn_buf_room(&conn->in) < MIN_ROOM) {
        /* By what is there, so that large frames are not copied often. */
        size_t len = mosn_buf_len(&conn->in);

        mosn_buf_reserve(&conn->in, len > size / 2 ? len : size / 2);
    }
}


/* One read.  False: nothing came. */
static bool
conn_fill(mosn_conn_t *conn)
{
    size_t  room;
    ssize_t n;

    conn_make_room(conn);
    room = mosn_buf_room(&conn->in);
    do {
        n = conn->transport != NULL
                ? conn->transport->recv(conn, conn->in.last, room)
                : recv(conn->fd, conn->in.last, room, 0);
    } while (n == -1 && errno == EINTR);

    if (n > 0) {
        conn->in.last += n;
        conn->bytes_in += (uint64_t) n;
        if ((size_t) n < room) {
            conn->readable = conn->hangup || conn->transport != NULL;
        } else {
            conn->sized_up = true;
        }
        if ((size_t) n < MOSN_BLOCK_SMALL / 4) {
            conn->sized_up = false; /* no bulk any more */
        }
        return true;
    }

    conn->readable = false;
    if (n == 0) {
        conn->eof = true;
        return true;
    }
    if (errno != EAGAIN) {
        mosn_conn_broken(conn, errno);
    }
    return false;
}


/* Lingering: read and forget. */
static void
conn_discard(mosn_conn_t *conn)
{
    for (unsigned reads = 0; conn->readable && !conn->eof; reads++) {
        if (reads == READS_A_TURN) {
            mosn_loop_post(conn->loop, &conn->resume);
            return;
        }
        mosn_buf_close(&conn->in);
        if (!conn_fill(conn)) {
            break;
        }
    }
    if (!conn->closed && conn->eof) {
        mosn_conn_close(conn, conn->reason);
    }
}


static void
conn_read(mosn_conn_t *conn)
{
    unsigned reads = 0;

    if (conn->in_read || conn->connecting || conn->handshaking) {
        return;
    }
    conn->in_read = true;

    if (conn->lingering) {
        conn_discard(conn);
        goto done;
    }

    while (!conn->closed && conn->read_paused == 0 && conn->paused_at == NULL
           && !conn->flush_close && !conn->handshaking)
    {
        if (conn->again) {
            conn->again = false;
        } else if (!conn->readable || conn->eof) {
            break;
        } else if (reads++ == READS_A_TURN) {
            mosn_loop_post(conn->loop, &conn->resume); /* others wait too */
            break;
        } else if (conn->drawn_by != NULL) {
            mosn_transfer_run(conn->drawn_by);
            if (!conn->eof) {
                break;
            }
        } else if (!conn_fill(conn)) {
            break;
        }
        conn_run_filters(conn, conn->filters);
    }

done:
    conn->in_read = false;
    if (conn->closed || mosn_buf_len(&conn->in) == 0) {
        mosn_buf_close(&conn->in);
    }
}


static void conn_handshake(mosn_conn_t *conn);


static void
conn_resume_task(mosn_task_t *task)
{
    mosn_conn_t *conn = mosn_container_of(task, mosn_conn_t, resume);

    if (conn->handshaking && !conn->connecting) {
        conn_handshake(conn);
    } else {
        conn_read(conn);
    }
}


void
mosn_conn_start_handshake(mosn_conn_t *conn)
{
    mosn_loop_post(conn->loop, &conn->resume);
}


void
mosn_conn_run_again(mosn_conn_t *conn)
{
    conn->again = true;
    if (!conn->in_read && !conn->closed) {
        mosn_loop_post(conn->loop, &conn->resume);
    }
}


void
mosn_conn_pause_read(mosn_conn_t *conn)
{
    conn->read_paused++;
}


void
mosn_conn_resume_read(mosn_conn_t *conn)
{
    MOSN_BUG_ON(conn->read_paused == 0 && !conn->lingering);
    if (conn->lingering || --conn->read_paused > 0 || conn->closed) {
        return;
    }
    if (conn->readable || conn->again || conn->eof) {
        mosn_loop_post(conn->loop, &conn->resume);
    }
}


void
mosn_conn_resume_filters(mosn_conn_t *conn)
{
    mosn_net_filter_t *filter = conn->paused_at;

    conn->paused_at = NULL;
    if (filter != NULL && !conn->closed) {
        bool nested = conn->in_read;

        conn->in_read = true;
        conn_run_filters(conn, filter->next);
        conn->in_read = nested;
        if (conn->closed && !nested) {
            mosn_buf_close(&conn->in);
        } else if (!nested) {
            mosn_loop_post(conn->loop, &conn->resume);
        }
    }
}


static void
conn_idle_fired(mosn_timer_t *timer)
{
    mosn_conn_notify(mosn_container_of(timer, mosn_conn_t, idle),
                     MOSN_CONN_IDLE);
}


static void
conn_ready(mosn_conn_t *conn)
{
    conn->connecting = conn->handshaking = false;
    mosn_timer_disarm(conn->loop, &conn->send);
    mosn_conn_notify(conn, MOSN_CONN_CONNECTED);
    if (!conn->closed && (conn->out.bytes > 0 || conn->shut)) {
        mosn_loop_post_flush(conn->loop, &conn->flush);
    }
}


/* A connection is connected when its transport is. */
static void
conn_handshake(mosn_conn_t *conn)
{
    switch (conn->transport->handshake(conn)) {
    case MOSN_OK:
        conn_ready(conn);
        if (!conn->closed && conn->readable) {
            mosn_loop_post(conn->loop, &conn->resume); /* came with it */
        }
        break;
    case MOSN_AGAIN:
        if (conn->hangup) {
            mosn_conn_broken(conn, ECONNRESET);
        }
        break;
    default:
        mosn_conn_broken(conn, errno);
        break;
    }
}


static void
conn_connected(mosn_conn_t *conn, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP)) {
        int error = mosn_socket_error(conn->fd);

        mosn_conn_broken(conn, error != 0 ? error : ECONNREFUSED);
        return;
    }
    if ((events & EPOLLOUT) == 0) {
        return;
    }
    if (conn->handshaking) {
        conn->tcp_open = true;
        conn_handshake(conn);
    } else {
        conn_ready(conn);
    }
}


static void
conn_on_ready(mosn_watch_t *watch, uint32_t events)
{
    mosn_conn_t *conn = mosn_container_of(watch, mosn_conn_t, watch);

    *mosn_conn_busy = conn->id;

    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
        conn->hangup = true;
        events |= EPOLLIN;
    }
    if (events & EPOLLOUT) {
        conn->writable = true;
    }
    if (events & EPOLLIN) {
        conn->readable = true;
    }

    if (conn->transport != NULL
        && conn->transport->on_ready(conn, events) == MOSN_ERROR)
    {
        mosn_conn_broken(conn, errno);
        return;
    }
    if (MOSN_UNLIKELY(conn->connecting || conn->handshaking)) {
        if (conn->connecting && !conn->tcp_open) {
            conn_connected(conn, events);
        } else {
            conn_handshake(conn);
        }
        if (conn->closed || conn->connecting || conn->handshaking) {
            return;
        }
    }
    if ((events & EPOLLOUT) && conn->out.bytes > 0) {
        mosn_conn_flush(conn);
    } else if ((events & EPOLLOUT) && conn->transport != NULL
               && !conn->lingering && mosn_timer_is_armed(&conn->send))
    {
        conn_after_send(conn); /* what the transport held has left */
    }
    if ((events & EPOLLOUT) && !conn->closed && conn->fed_by != NULL) {
        mosn_transfer_run(conn->fed_by);
    }
    if (conn->closed) {
        return;
    }
    if (conn->readable) {
        conn_read(conn);
    }
    /* A reset while nobody reads: nobody would notice. */
    if (conn->closed || (events & EPOLLERR) == 0) {
        return;
    }
    if (conn->eof || conn->paused_at != NULL
        || (conn->read_paused > 0 && !conn_hears_out(conn)))
    {
        mosn_conn_broken(conn, mosn_socket_error(conn->fd));
    } else if (conn->read_paused > 0) { /* what came before it is heard */
        conn_mute(conn);
    }
}


const mosn_address_t *
mosn_conn_destination(mosn_conn_t *conn)
{
    if (conn->was_for == NULL) {
        conn->was_for = mosn_pool_alloc(conn->pool, sizeof(*conn->was_for));
        if (!mosn_socket_original(conn->fd, conn->was_for)) {
            conn->was_for->len = 0;
        }
    }
    return conn->was_for->len > 0 ? conn->was_for : NULL;
}


void
mosn_conn_set_mark(const mosn_conn_t *conn, mosn_conn_mark_t *mark_r)
{
    uint64_t left;

    conn_sent(conn, &mark_r->taken, &left);
    mark_r->end = mark_r->taken + left;
    mark_r->was_near = false;
}


bool
mosn_conn_nears_mark(const mosn_conn_t *conn, mosn_conn_mark_t *mark)
{
    uint64_t taken, left;
    bool     nears;

    conn_sent(conn, &taken, &left);
    nears = taken > mark->taken && mark->taken < mark->end
            && (taken < mark->end || mark->was_near);
    mark->taken = taken;
    mark->was_near = nears;
    return nears;
}


bool
mosn_conn_is_taking(const mosn_conn_t *conn, uint64_t *taken)
{
    uint64_t before = *taken, left;

    conn_sent(conn, taken, &left);
    return left > 0 && *taken != before;
}


bool
mosn_conn_is_behind(const mosn_conn_t *conn, mosn_conn_pace_t *pace)
{
    uint64_t before = pace->taken;
    bool     was = pace->behind;

    pace->behind = mosn_conn_is_taking(conn, &pace->taken);
    return pace->behind || (was && pace->taken != before);
}
