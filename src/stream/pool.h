/*
 * stream/pool.h - the connections of this worker to one upstream host.
 *
 * A request asks for a stream and gets it at once, when an idle connection
 * is there, or later.  Ping-pong protocols have one stream per connection at
 * a time; an idle connection on which the socket has reported anything is
 * never handed out.
 */

#ifndef MOSN_STREAM_POOL_H
#define MOSN_STREAM_POOL_H

#include "core/metrics.h"
#include "event/tls.h"
#include "stream/stream.h"

typedef struct mosn_stream_pool_s mosn_stream_pool_t;
typedef struct mosn_stream_wait_s mosn_stream_wait_t;

/* Slots of a host and of a cluster, in the order of the fields. */
enum {
    MOSN_UPSTREAM_CONNECTIONS,
    MOSN_UPSTREAM_ACTIVE,
    MOSN_UPSTREAM_CONNECT_FAILED,
    MOSN_UPSTREAM_CONNECT_TIMEOUT,
    MOSN_UPSTREAM_REQUESTS,
    MOSN_UPSTREAM_REQUESTS_ACTIVE,
    MOSN_UPSTREAM_RETRIES,
    MOSN_UPSTREAM_PENDING_OVERFLOW,
    MOSN_UPSTREAM_RESETS,
    MOSN_UPSTREAM_TIMEOUTS,
    MOSN_UPSTREAM_HEARTBEATS_MISSED,
    MOSN_UPSTREAM_STRAYS,
    MOSN_UPSTREAM_PENDING,
    MOSN_UPSTREAM_REQUESTS_HIGH,
    MOSN_UPSTREAM_RETRIES_ACTIVE,
    MOSN_UPSTREAM_RETRIES_HIGH,
    MOSN_UPSTREAM_RETRIES_REFUSED,
    MOSN_UPSTREAM_QUEUED,
    MOSN_UPSTREAM_HEDGES,
    MOSN_UPSTREAM_MIRRORS,
    MOSN_UPSTREAM_EJECTIONS,
    MOSN_UPSTREAM_CHECKS,
    MOSN_UPSTREAM_CHECKS_FAILED,
    MOSN_UPSTREAM_ACTIVE_HIGH,
    MOSN_UPSTREAM_PENDING_HIGH,
    MOSN_UPSTREAM_STATUS_1XX,
    MOSN_UPSTREAM_STATUS_5XX = MOSN_UPSTREAM_STATUS_1XX + 4,
    MOSN_UPSTREAM_DURATION, /* histogram, last */
    MOSN_UPSTREAM_SLOTS = MOSN_UPSTREAM_DURATION + MOSN_HISTOGRAM_SLOTS,
};

extern const mosn_metric_set_t mosn_cluster_metrics;
extern const mosn_metric_set_t mosn_host_metrics;

/* Everything that the pools of one cluster have in common. */
typedef struct {
    const mosn_stream_protocol_ops_t *protocol;
    const mosn_tls_ctx_t             *tls; /* NULL: plain */
    mosn_stream_settings_t            settings;
    uint32_t                          connect_timeout_ms;
    uint32_t                          idle_timeout_ms;
    uint32_t                          max_connections; /* 0: no limit */
    uint32_t                          max_pending;
    uint32_t                          metrics; /* of the cluster */
} mosn_stream_pool_conf_t;

struct mosn_stream_pool_s {
    mosn_loop_t                   *loop;
    const mosn_stream_pool_conf_t *conf;
    mosn_address_t                 address;
    mosn_tls_memory_t              tls_memory;
    uint32_t                       metrics; /* of the host */
    mosn_list_t                    ready;   /* have room; last used first */
    mosn_list_t                    busy;
    mosn_list_t                    pending; /* of mosn_stream_wait_t */
    uint32_t                       n_connections;
    uint32_t                       n_connecting;
    uint32_t                       n_pending;
    uint32_t                       learned;  /* streams on a connection */
    uint32_t                       roomy;    /* the last that came about was */
    uint32_t                       failures; /* in a row */
    mosn_timer_t                   revive;
    mosn_timer_t                   room;
    bool                           down; /* no connection is to be had */
    bool                           told; /* that none comes about */
    bool                           closed;
    bool                           closing; /* just now */
    bool high; /* set it: for requests with a high priority, which have limits
                  of their own */
    bool probing; /* set it: only checks come here, which count for nothing
                     and obey no limit */
    /* Closed, and the last connection is gone; may free the pool.  NULL:
     * nobody waits for it. */
    void (*on_empty)(mosn_stream_pool_t *pool);
};

/* Embedded in the request. */
struct mosn_stream_wait_s {
    mosn_list_t         link;
    mosn_stream_pool_t *at;   /* where it was asked for last */
    mosn_pool_t        *pool; /* memory for the stream */
    /* One of the two, once. */
    void (*on_stream)(mosn_stream_wait_t *wait, mosn_stream_t *stream);
    void (*on_failed)(mosn_stream_wait_t *wait, mosn_reason_e reason);
};

void mosn_stream_pool_init(mosn_stream_pool_t *pool, mosn_loop_t *loop,
                           const mosn_stream_pool_conf_t *conf,
                           const mosn_address_t *address, uint32_t metrics);

/* Asks for a stream; calls back before it returns, or later. */
void mosn_stream_pool_get(mosn_stream_pool_t *pool, mosn_stream_wait_t *wait);

/* The request does not want it any more. */
void mosn_stream_pool_cancel(mosn_stream_wait_t *wait);

/* Does the host give signs of life?  One that has failed is tried again by
 * the pool, with longer and longer pauses, and asked for a heartbeat where
 * its protocol has them. */
static inline bool
mosn_stream_pool_is_down(const mosn_stream_pool_t *pool)
{
    return pool->down;
}


/* Have all workers as many connections to the cluster as there may be? */
bool mosn_stream_pool_is_full(const mosn_stream_pool_t *pool);

/* Who waits for a connection fails with NO_HOST. */
void mosn_stream_pool_turn_away(mosn_stream_pool_t *pool);

/* Closes idle connections now and the busy ones when they are done.  With
 * `on_empty` who waits for one fails with NO_HOST: the host is gone. */
void mosn_stream_pool_close(mosn_stream_pool_t *pool);

#endif
