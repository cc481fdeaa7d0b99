/*
 * event/conn.h - a connection: a descriptor, its buffers, its filters.
 *
 * A connection lives in its own pool and dies in two halves: close makes it
 * unreachable and tells its filters, the loop frees it when the turn ends.
 * What is written is queued and leaves in one send when the turn ends.
 *
 * Back-pressure: a connection is blocked while more than `high` bytes are
 * queued; who feeds it stops reading its own source then, and goes on with
 * MOSN_CONN_DRAINED.
 */

#ifndef MOSN_EVENT_CONN_H
#define MOSN_EVENT_CONN_H

#include "event/loop.h"
#include "event/net_filter.h"

#include <sys/uio.h>

/* Output marks; a large block fits between them. */
#define MOSN_CONN_HIGH (128u * 1024)
#define MOSN_CONN_LOW  (32u * 1024)

typedef struct mosn_transfer_s   mosn_transfer_t;
typedef struct mosn_chain_conf_s mosn_chain_conf_t;

/* What TLS (event/tls.c) puts between the connection and its socket; NULL:
 * nothing. */
typedef struct {
    /* OK: done.  AGAIN: wait for the socket.  ERROR and errno. */
    mosn_rc_e (*handshake)(mosn_conn_t *conn);
    /* As recv(2) and writev(2), -1 and EAGAIN when it must wait. */
    ssize_t (*recv)(mosn_conn_t *conn, void *bytes, size_t n);
    ssize_t (*send)(mosn_conn_t *conn, const struct iovec *iov, int n);
    /* The socket has reported EPOLLIN, EPOLLOUT; as handshake. */
    mosn_rc_e (*on_ready)(mosn_conn_t *conn, uint32_t events);
    void (*shutdown)(mosn_conn_t *conn);
    void (*close)(mosn_conn_t *conn);
} mosn_transport_ops_t;

struct mosn_conn_s {
    mosn_watch_t watch; /* private, as all up to `in` */
    mosn_loop_t *loop;
    mosn_pool_t *pool;
    int          fd;

    bool readable    : 1; /* the socket may have more */
    bool writable    : 1; /* the socket takes more */
    bool hangup      : 1; /* the peer has closed; read on to the end */
    bool in_read     : 1; /* reading now: do not start again */
    bool again       : 1; /* run the filters again */
    bool flush_close : 1; /* close when everything is sent */
    bool linger      : 1; /* ... and read on until the peer closes */
    bool lingering   : 1;
    bool shut        : 1; /* send FIN when everything is sent */
    bool shut_done   : 1;
    bool sized_up    : 1; /* reads large blocks */
    bool tcp_open    : 1; /* while connecting: only the handshake is left */
    bool mute        : 1; /* the peer takes nothing; what it said is read */

    /* For everybody to read. */
    bool connecting  : 1;
    bool handshaking : 1; /* the transport is being set up */
    bool closed      : 1;
    bool eof         : 1; /* the peer sends no more */
    bool blocked     : 1; /* too much is queued: feed no more */
    bool draining    : 1;
    bool sends_plain : 1; /* its descriptor takes what is written as it is,
                             also when it has a transport */
    bool fell_back : 1;   /* set it: its last filter was the one that its
                             listener's fell back to */
    bool hears_out : 1;   /* set it: the peer may have answered
                             before it stopped listening */
    uint8_t       read_paused; /* count of those who want no reading */
    uint8_t       n_feeders;   /* processes that write here too */
    mosn_reason_e reason;      /* why it was closed */

    mosn_buf_t   in;  /* what was read and not consumed */
    mosn_chain_t out; /* what is to be sent; use mosn_conn_write() */

    const mosn_transport_ops_t *transport;
    void                       *tls;
    void                       *lane; /* to the process that has the socket */
    mosn_transfer_t            *drawn_by; /* who reads it instead of us */
    mosn_transfer_t            *fed_by;   /* who writes beside us */
    mosn_net_filter_t          *filters;
    mosn_net_filter_t          *paused_at;
    mosn_listener_t            *listener; /* who accepted it, or NULL */
    const mosn_chain_conf_t    *chain;    /* which of its filter chains */
    mosn_address_t             *was_for;  /* redirected; NULL: not asked */
    mosn_list_t                 observers;
    mosn_list_t                 link; /* in the list of its owner */

    mosn_task_t  flush;
    mosn_task_t  resume;
    mosn_timer_t idle;
    mosn_timer_t send; /* output stalls, connect, linger */
    uint32_t     send_timeout_ms;

    uint64_t    id; /* unique in this process */
    uint64_t    bytes_in;
    uint64_t    bytes_out;
    size_t      sealed; /* of them, what a transport still holds */
    uint64_t    left;   /* us, and taken by the peer: when `send` was armed */
    uint64_t    taken;
    uint64_t    counted_in; /* of them, in the metrics already */
    uint64_t    counted_out;
    mosn_inet_t peer; /* for a unix socket only the family */
};

/* Takes an open descriptor: ours on success, closed on failure (NULL;
 * logged). */
mosn_conn_t *mosn_conn_create(mosn_loop_t *loop, int fd,
                              const mosn_inet_t *peer);

/* Starts to connect.  Ends in CONNECTED or CLOSED, never before this
 * returns.  NULL: it failed at once, errno says why. */
mosn_conn_t *mosn_conn_connect(mosn_loop_t *loop, const mosn_address_t *to,
                               uint32_t timeout_ms);

/* Adds a filter at the end of the chain; `conf` and `state` may be NULL. */
mosn_net_filter_t *mosn_conn_add_filter(mosn_conn_t                 *conn,
                                        const mosn_net_filter_ops_t *ops,
                                        const void *conf, void *state);

/* The filter that said PAUSE says NEXT now. */
void mosn_conn_resume_filters(mosn_conn_t *conn);

/* Whoever takes bytes off conn->in without being called for it, or wants to
 * be called again for what is still there. */
void mosn_conn_run_again(mosn_conn_t *conn);

/* The transport was put on while bytes were there: it begins with them. */
void mosn_conn_start_handshake(mosn_conn_t *conn);

/* Counted: reading goes on when everybody who paused has resumed. */
void mosn_conn_pause_read(mosn_conn_t *conn);
void mosn_conn_resume_read(mosn_conn_t *conn);

/* Queue bytes; they leave when the turn ends.  What is written to a closed
 * connection is dropped. */
void mosn_conn_write(mosn_conn_t *conn, const void *bytes, size_t n);
void mosn_conn_write_buf(mosn_conn_t *conn, const mosn_buf_t *buf);

/* `n` bytes of room to write into; then mosn_conn_commit(). */
static inline uint8_t *
mosn_conn_reserve(mosn_conn_t *conn, size_t n)
{
    return mosn_chain_reserve(&conn->out, n);
}


void mosn_conn_commit(mosn_conn_t *conn, size_t n);

/* Sends what is queued now instead of at the end of the turn. */
void mosn_conn_flush(mosn_conn_t *conn);

/* A place in what is written. */
typedef struct {
    uint64_t taken; /* by the peer, when it was looked at last */
    uint64_t end;
    bool     was_near; /* it was on its way then */
} mosn_conn_mark_t;

/* Behind all that is written now. */
void mosn_conn_set_mark(const mosn_conn_t *conn, mosn_conn_mark_t *mark_r);

/* Is the peer on its way there: has it taken more since it was looked at
 * last, and had not all?  So it is alive, and has had no time to answer what
 * stands there.  Who gets there before the first look had that time. */
bool mosn_conn_nears_mark(const mosn_conn_t *conn, mosn_conn_mark_t *mark);

/* How far a peer is with what it was sent; zeroed at first. */
typedef struct {
    uint64_t taken;
    bool     behind;
} mosn_conn_pace_t;

/* Has the peer, who would be idle, taken something since it was looked at
 * last?  Who has everything at the first look was long done. */
bool mosn_conn_is_behind(const mosn_conn_t *conn, mosn_conn_pace_t *pace);

/* Is there something that the peer has not taken yet, and has it taken some
 * since this was asked last, which `*taken` is for (0 at first)? */
bool mosn_conn_is_taking(const mosn_conn_t *conn, uint64_t *taken);

/* Closes at once; what is queued is lost. */
void mosn_conn_close(mosn_conn_t *conn, mosn_reason_e reason);

/* Closes when everything queued is sent.  `linger`: the peer may still be
 * sending and must not lose the answer to a RST: FIN first, then what comes
 * is read and dropped for a while. */
void mosn_conn_close_flushed(mosn_conn_t *conn, mosn_reason_e reason,
                             bool linger);

/* Closes with RST, so that the peer cannot take what it has for whole. */
void mosn_conn_abort(mosn_conn_t *conn, mosn_reason_e reason);

/* No more will be written: FIN behind what is queued. */
void mosn_conn_shutdown(mosn_conn_t *conn);

/* Where it was going before a packet filter has redirected it to us; NULL:
 * none has. */
const mosn_address_t *mosn_conn_destination(mosn_conn_t *conn);

/* MOSN_CONN_IDLE after `ms` from now; moving it is cheap. */
static inline void
mosn_conn_arm_idle(mosn_conn_t *conn, uint32_t ms)
{
    mosn_timer_arm(conn->loop, &conn->idle, ms);
}


static inline void
mosn_conn_disarm_idle(mosn_conn_t *conn)
{
    mosn_timer_disarm(conn->loop, &conn->idle);
}


/* Bytes that were written and are still here. */
static inline size_t
mosn_conn_unsent(const mosn_conn_t *conn)
{
    return conn->out.bytes + conn->sealed;
}


/* From now on the peer has to take something every so often. */
void mosn_conn_arm_send(mosn_conn_t *conn, uint32_t ms);

/* A peer that takes nothing for `ms` is closed. */
void mosn_conn_set_send_timeout(mosn_conn_t *conn, uint32_t ms);

void mosn_conn_observe(mosn_conn_t *conn, mosn_conn_observer_t *observer);

/* For event/transfer.c: a call on the socket has failed. */
void mosn_conn_broken(mosn_conn_t *conn, int error);

/* Tells filters and observers; used by the owner of the connection. */
void mosn_conn_notify(mosn_conn_t *conn, mosn_conn_event_e event);

/* The id of the connection that was busy last goes here: what a process did
 * when it crashed. */
extern uint64_t *mosn_conn_busy;

/* True when the socket has reported an end that nobody has read yet. */
static inline bool
mosn_conn_is_leaving(const mosn_conn_t *conn)
{
    return conn->eof || conn->hangup
           || (conn->watch.pending & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
}


/* True when the socket has reported something that nobody has read yet: on
 * an idle connection that is a close, or bytes nobody asked for. */
static inline bool
mosn_conn_is_stirred(const mosn_conn_t *conn)
{
    return mosn_conn_is_leaving(conn) || (conn->watch.pending & EPOLLIN) != 0;
}


#endif
