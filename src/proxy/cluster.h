/*
 * proxy/cluster.h - clusters of hosts, and this worker's way to them.
 */

#ifndef MOSN_PROXY_CLUSTER_H
#define MOSN_PROXY_CLUSTER_H

#include "core/conf.h"
#include "core/generation.h"
#include "proxy/edit.h"
#include "stream/pool.h"

typedef struct mosn_host_s    mosn_host_t;
typedef struct mosn_cluster_s mosn_cluster_t;

typedef struct {
    mosn_address_t address;
    int64_t        weight;
} mosn_host_conf_t;

typedef struct {
    int64_t max_connections;
    int64_t max_pending;
    int64_t max_requests;
} mosn_breaker_conf_t;

typedef struct {
    mosn_str_t                name;
    mosn_str_t                protocol;
    mosn_str_t                lb;
    uint32_t                  connect_timeout_ms;
    uint32_t                  idle_timeout_ms;
    int64_t                   max_requests_per_connection;
    size_t                    max_header_bytes;
    mosn_breaker_conf_t       circuit_breaker;
    mosn_http2_conf_t         http2;
    mosn_rpc_conf_t           rpc;
    bool                      carry_calls;
    mosn_tls_client_conf_t   *tls; /* NULL: plain */
    mosn_header_edits_conf_t *headers;
    MOSN_CONF_LIST(mosn_host_conf_t) hosts;
} mosn_cluster_conf_t;

extern const mosn_conf_block_t mosn_cluster_block;

struct mosn_host_s {
    const mosn_host_conf_t *conf;
    mosn_str_t              name; /* its address */
    uint32_t                weight;
    uint32_t                metrics;
    mosn_stream_pool_t      pool; /* of this worker */
};

struct mosn_cluster_s {
    const mosn_cluster_conf_t  *conf;
    mosn_str_t                  name;
    mosn_host_t                *hosts;
    uint32_t                    n_hosts;
    uint32_t                    metrics;
    uint32_t                    n_requests; /* under way in this worker */
    uint64_t                    beat_ms;    /* when a heartbeat was answered */
    bool                        beats_well; /* and how */
    const struct mosn_module_s *lb;
    void                       *lb_state;
    mosn_edits_t               *edits; /* or NULL */
    mosn_stream_pool_conf_t     pool_conf;
};

/* Builds a cluster into the generation; mistakes go to the reader. */
void mosn_cluster_build(mosn_conf_t *reader, mosn_generation_t *generation,
                        const mosn_cluster_conf_t *conf);

/* In a worker: makes the pools of all clusters usable. */
void mosn_clusters_start(mosn_generation_t *generation, mosn_loop_t *loop);

/* In a worker that goes away: idle connections close. */
void mosn_clusters_stop(mosn_generation_t *generation);

/* A host for the next request, or NULL; `avoid` may be NULL. */
mosn_host_t *mosn_cluster_pick(mosn_cluster_t    *cluster,
                               const mosn_host_t *avoid);

/* For settings that name a cluster: NULL and an error at `member` when there
 * is none of that name. */
mosn_cluster_t *mosn_cluster_resolve(mosn_conf_t             *reader,
                                     const mosn_generation_t *generation,
                                     const mosn_str_t        *member);

#endif
