/*
 * event/listener.h - accepts connections and gives them their filters.
 *
 * The sockets are bound by the master, one per worker; a worker listens on
 * the one of its slot.  A connection over a limit is accepted, told so in
 * the words of its protocol, and closed: a full accept queue would only make
 * clients wait.  When the process has no descriptor left, accepting pauses
 * until one is closed, without spinning.
 */

#ifndef MOSN_EVENT_LISTENER_H
#define MOSN_EVENT_LISTENER_H

#include "core/metrics.h"
#include "event/chain.h"
#include "event/conn.h"

typedef struct {
    mosn_str_t              name;
    mosn_address_t          address;
    int64_t                 backlog;
    int64_t                 max_connections; /* of one worker; 0: no limit */
    uint32_t                send_timeout_ms;
    mosn_tls_server_conf_t *tls; /* NULL: plain */
    mosn_conf_modules_t     listener_filters;
    mosn_conf_modules_t     filters;
    mosn_chains_conf_t      filter_chains; /* instead of tls and filters */
    uint32_t                listener_filter_timeout_ms;
    uint32_t                metrics; /* first slot of mosn_listener_metrics */

    mosn_chain_conf_t  own;
    mosn_chains_conf_t chains; /* filter_chains, or its own alone */
} mosn_listener_conf_t;

/* Before it is started, where it will stay: fills `chains`. */
void mosn_listener_make_chains(mosn_listener_conf_t *conf);

extern const mosn_conf_block_t mosn_listener_block;

/* What of a listener changes at run time, its filters or those of some of its
 * chains; connections that are open keep those that they have. */
typedef struct {
    mosn_str_t          name;
    mosn_conf_modules_t filters;
} mosn_chain_filters_t;

typedef struct {
    mosn_str_t          name;
    mosn_conf_modules_t filters;
    MOSN_CONF_LIST(mosn_chain_filters_t) filter_chains;
} mosn_listener_filters_t;

extern const mosn_conf_block_t mosn_listener_filters_block;

/* Slots of a listener, in the order of the fields. */
enum {
    MOSN_LISTENER_CONNECTIONS,
    MOSN_LISTENER_ACTIVE,
    MOSN_LISTENER_OVER_LIMIT,
    MOSN_LISTENER_BYTES_IN,
    MOSN_LISTENER_BYTES_OUT,
    MOSN_LISTENER_REQUESTS,
    MOSN_LISTENER_REQUESTS_ACTIVE,
    MOSN_LISTENER_STATUS_1XX,
    MOSN_LISTENER_STATUS_5XX = MOSN_LISTENER_STATUS_1XX + 4,
    MOSN_LISTENER_DURATION, /* histogram, last */
    MOSN_LISTENER_SLOTS = MOSN_LISTENER_DURATION + MOSN_HISTOGRAM_SLOTS,
};

extern const mosn_metric_set_t mosn_listener_metrics;

/* What the listeners of one worker share. */
typedef struct {
    uint32_t max_connections;
    uint32_t n_connections;
    /* Passes a connection on to another process; NULL: there is none. */
    mosn_rc_e (*give)(void *owner, const mosn_listener_t *listener,
                      const mosn_conn_t *conn, const mosn_conn_t *second,
                      const mosn_address_t *to);
    /* The same for one that is answered here to the end: puts a transport on
     * it that leads there. */
    mosn_rc_e (*move)(void *owner, const mosn_listener_t *listener,
                      mosn_conn_t *conn);
    void *give_owner;
} mosn_accept_limits_t;

struct mosn_listener_s {
    mosn_watch_t                watch;
    mosn_loop_t                *loop;
    const mosn_listener_conf_t *conf;
    mosn_accept_limits_t       *limits;
    bool                        inspects;
    int                         fd;
    bool                        accepting;
    uint32_t                    batch; /* connections to accept at once */
    uint64_t                    last_turn;
    uint32_t                    n_connections;
    uint32_t                    n_handshakes; /* under way */
    uint32_t                    n_begun;      /* in that second */
    uint64_t                    begun_s;
    mosn_list_t                 connections;
    mosn_list_t                 observers;
    mosn_timer_t                retry; /* after EMFILE */
    uint64_t                    complained_ms;
    uint64_t                    refused;  /* since the last complaint */
    bool                        draining; /* new connections are told to go */
    int            adopted_fd; /* while filters open: its upstream, or -1 */
    mosn_address_t adopted_to; /* and where that leads */
};

/* `fd` stays the caller's. */
mosn_rc_e mosn_listener_start(mosn_listener_t *listener, mosn_loop_t *loop,
                              const mosn_listener_conf_t *conf,
                              mosn_accept_limits_t *limits, int fd);

/* Accepts no more; `queue`: after who is queued.  Connections go on. */
void mosn_listener_stop(mosn_listener_t *listener, bool queue);

/* Tells every connection, and those to come, that it should go elsewhere;
 * may be said again. */
void mosn_listener_drain(mosn_listener_t *listener);

/* Answers tell clients to come back on another connection, or, with `on`
 * false, no more; nothing is closed for it. */
void mosn_listener_shed(mosn_listener_t *listener, bool on);

/* Closes what is left, or the oldest `n` of it; returns how many. */
void mosn_listener_close_all(mosn_listener_t *listener, mosn_reason_e reason);
uint32_t mosn_listener_close_some(mosn_listener_t *listener, uint32_t n,
                                  mosn_reason_e reason);

/* Could both be given away, when they are at rest? */
bool mosn_listener_may_give(const mosn_conn_t *conn,
                            const mosn_conn_t *second);

/* Gives a connection that is at rest to the process that comes after this
 * one, and with it `second`, its upstream at `to`, when that is not NULL.
 * OK: it is gone, the caller closes what it has of it.  AGAIN: not now, a
 * DRAIN comes again.  DECLINED: nobody takes it. */
mosn_rc_e mosn_listener_give(mosn_conn_t *conn, mosn_conn_t *second,
                             const mosn_address_t *to);

/* Gives a connection away on which answers are still to be written: what was
 * read and not consumed goes with it, and what is written from now on goes
 * there, until it is closed here.  Only between two messages, for protocols
 * whose messages say whose answer they are.  As above. */
mosn_rc_e mosn_listener_move(mosn_conn_t *conn);

#define MOSN_MOVE_MAX_BYTES (48u * 1024) /* unread */

/* The other side of that: filters open as for a new connection, but for the
 * listener filters, which have seen it.  `bytes` have been read of it.  NULL:
 * it is closed already. */
mosn_conn_t *mosn_listener_adopt(mosn_listener_t *listener, int fd,
                                 const mosn_inet_t *peer, int second_fd,
                                 const mosn_address_t *to, const void *bytes,
                                 size_t n);

/* The chain of connections that speak no TLS; NULL: there is none. */
const mosn_chain_conf_t *mosn_listener_plain_chain(const mosn_listener_t *l);

void mosn_listener_observe(mosn_listener_t          *listener,
                           mosn_listener_observer_t *observer);

/* Adds what a connection has moved since the last time to the metrics; at
 * the end of each request, and when it closes. */
void mosn_listener_count_bytes(mosn_conn_t *conn);

/* For event/conn.c. */
void mosn_listener_on_closed(mosn_listener_t *listener, mosn_conn_t *conn);

#endif
