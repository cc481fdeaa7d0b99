/*
 * proxy/cluster.h - clusters of hosts, and this worker's way to them.
 *
 *   cluster   a name that routes refer to; as old as its generation
 *   version   its settings; replaced as a whole, counted by those who use it
 *   hosts     replaced as a set; one that stays keeps its connections
 *
 * Replacing happens between two turns of the loop, without a request that
 * notices: a request keeps the version and the host that it was sent with.
 */

#ifndef MOSN_PROXY_CLUSTER_H
#define MOSN_PROXY_CLUSTER_H

#include "core/conf.h"
#include "core/generation.h"
#include "core/log_file.h"
#include "proxy/edit.h"
#include "proxy/host.h"
#include "proxy/host_group.h"
#include "stream/pool.h"

typedef struct {
    int64_t max_connections;
    int64_t max_pending;
    int64_t max_requests;
    int64_t max_retries;
} mosn_breaker_conf_t;

typedef struct {
    double  percent;
    int64_t min_per_second;
} mosn_retry_budget_conf_t;

typedef struct {
    int64_t  size;
    uint32_t timeout_ms;
} mosn_queue_conf_t;

typedef struct {
    int64_t  consecutive_errors;
    int64_t  consecutive_local_errors;
    double   failure_percent; /* 0: not looked at */
    double   success_rate_factor;
    int64_t  min_requests;
    int64_t  min_hosts;
    uint32_t interval_ms;
    uint32_t ejection_time_ms;
    uint32_t max_ejection_time_ms;
    double   max_ejection_percent;
} mosn_outlier_conf_t;

enum {
    MOSN_HEALTH_HTTP,
    MOSN_HEALTH_GRPC,
    MOSN_HEALTH_TCP,
    MOSN_HEALTH_HEARTBEAT,
};

typedef struct {
    int         type;
    uint32_t    interval_ms;
    uint32_t    timeout_ms;
    int64_t     healthy;
    int64_t     unhealthy;
    double      jitter_percent;
    mosn_str_t  method;
    mosn_str_t  path;
    mosn_str_t  host;
    mosn_strs_t statuses;
    mosn_str_t  service;
    mosn_str_t  send;
    mosn_str_t  expect;
    mosn_str_t  event_log;

    mosn_log_file_t *log; /* built; or NULL */
} mosn_health_conf_t;

typedef struct {
    mosn_str_t cookie;
    uint32_t   ttl_ms;
    mosn_str_t path;
} mosn_sticky_conf_t;

enum {
    MOSN_DISCOVERY_STATIC,
    MOSN_DISCOVERY_STRICT_DNS,
    MOSN_DISCOVERY_LOGICAL_DNS,
    MOSN_DISCOVERY_ORIGINAL_DST,
};

enum { MOSN_SUBSET_NONE, MOSN_SUBSET_ANY, MOSN_SUBSET_DEFAULT };

typedef struct mosn_cluster_conf_s {
    mosn_str_t                name;
    mosn_str_t                protocol;
    int                       discovery;
    mosn_str_t                lb;
    int64_t                   ring_points;
    int64_t                   table_size;
    uint32_t                  connect_timeout_ms;
    uint32_t                  idle_timeout_ms;
    int64_t                   max_requests_per_connection;
    size_t                    max_header_bytes;
    mosn_breaker_conf_t       circuit_breaker;
    mosn_breaker_conf_t      *circuit_breaker_high;
    mosn_retry_budget_conf_t  retry_budget;
    mosn_queue_conf_t        *queue;
    mosn_outlier_conf_t      *outlier_detection;
    mosn_health_conf_t       *health_check;
    double                    panic_percent;
    uint32_t                  slow_start_ms;
    bool                      prefer_zone;
    mosn_str_lists_t          subset_selectors;
    int                       subset_fallback;
    mosn_conf_pairs_t         default_subset;
    mosn_sticky_conf_t       *sticky;
    mosn_http2_conf_t         http2;
    mosn_rpc_conf_t           rpc;
    bool                      carry_calls;
    mosn_tls_client_conf_t   *tls; /* NULL: plain */
    mosn_header_edits_conf_t *headers;
    mosn_hosts_conf_t         hosts;
} mosn_cluster_conf_t;

extern const mosn_conf_block_t mosn_cluster_block;

/* The `hosts` of a cluster alone: mosn_hosts_conf_t. */
extern const mosn_conf_block_t mosn_hosts_block;

/* Its settings, and what is built of them. */
struct mosn_cluster_version_s {
    uint32_t                   refs;
    uint64_t                   key; /* of what connections are made of; or 0 */
    mosn_pool_t               *pool; /* NULL: of the generation */
    const mosn_cluster_conf_t *conf;
    const struct mosn_module_s *lb;
    mosn_edits_t               *edits;      /* or NULL */
    bool                        by_latency; /* its balancer goes by it */
    mosn_stream_pool_conf_t     pool_conf;
    mosn_stream_pool_conf_t     pool_conf_high; /* when limits_high is set */
    bool                        limits_high;
};

typedef struct mosn_originals_s mosn_originals_t;

struct mosn_cluster_s {
    mosn_str_t                 name;
    mosn_cluster_version_t    *version;
    const mosn_cluster_conf_t *conf; /* the version's */
    mosn_loop_t               *loop; /* NULL: not in a worker */
    uint32_t                   metrics;
    mosn_host_t              **hosts;
    uint32_t                   n_hosts;
    mosn_pool_t               *hosts_pool; /* of the set; NULL: generation */
    mosn_host_groups_t         groups;
    mosn_originals_t          *originals; /* instead of hosts; or NULL */
    mosn_list_t                queues[2]; /* wait for room; 1: high priority */
    uint32_t                   n_queued[2];
    bool                       admitting; /* those who wait, just now */
    uint64_t                   room;      /* to be filled without counting */
    uint64_t                   room_ms;   /* in this millisecond */
    uint64_t                   retry_tokens; /* thousandths of a retry */
    uint64_t                   retry_window; /* earned by requests lately */
    uint64_t                   retry_second; /* when the last came by time */
    uint64_t                   beat_ms;     /* when a heartbeat was answered */
    bool                       beats_well;  /* and how */
    bool                       removed;     /* at run time: has no hosts */
    bool                       named;       /* its names are being resolved */
    bool                       resolved;    /* they were, once */
    uint64_t                   names_by_ms; /* who comes before waits */
};

/* Has one of its selectors these keys, and no others? */
bool mosn_subset_has_selector(const mosn_cluster_conf_t *cluster,
                              const mosn_conf_pairs_t   *subset);

/* Builds a cluster into the generation; mistakes go to the reader. */
void mosn_cluster_build(mosn_conf_t *reader, mosn_generation_t *generation,
                        mosn_cluster_conf_t *conf);

/* Replaces the settings of a cluster, hosts and all; `conf` and the rest
 * live in `pool`, which becomes the cluster's.  Hosts stay when nothing that
 * their connections are made of has changed.  False: there are mistakes, and
 * nothing has changed; the pool is the caller's. */
bool mosn_cluster_replace(mosn_conf_t *reader, mosn_cluster_t *cluster,
                          mosn_pool_t *pool, mosn_cluster_conf_t *conf);

/* Mistakes that replacing a cluster by this would have go to the reader. */
void mosn_cluster_check(mosn_conf_t *reader, mosn_pool_t *pool,
                        mosn_cluster_conf_t *conf);

/* Replaces its hosts alone; those of a cluster with names are what these have
 * become, and one of a name that it has not is left out; no host: its names
 * are not there, and the hosts of before stay.  `others_stay`: so do those of
 * names that these do not tell of. */
bool mosn_cluster_set_hosts(mosn_conf_t *reader, mosn_cluster_t *cluster,
                            mosn_pool_t *pool, const mosn_hosts_conf_t *hosts,
                            bool others_stay);

/* The same with what a generation before has known; before the counters are
 * registered. */
void mosn_cluster_carry_hosts(mosn_cluster_t *cluster, const char *text);

/* A new cluster without hosts, for mosn_cluster_replace(). */
mosn_cluster_t *mosn_cluster_add(mosn_generation_t *generation,
                                 mosn_str_t         name);

/* It is gone, but for requests that are under way: its settings, too.  One of
 * that name can come again. */
void mosn_cluster_remove(mosn_cluster_t *cluster);

/* Finds the slots of its counters; after the shared memory is there. */
void mosn_cluster_register(mosn_cluster_t *cluster);

/* In the master: hosts that the generation before did not have are new ones.
 * `back`: this is the generation before. */
void mosn_clusters_adopt(const mosn_generation_t *generation, bool back);

/* Tells that its hosts, and those of all clusters, are still there. */
void mosn_clusters_touch(const mosn_generation_t *generation);

/* In a worker: makes the pools of all clusters usable. */
void mosn_clusters_start(mosn_generation_t *generation, mosn_loop_t *loop);

/* In a worker that goes away: idle connections close. */
void mosn_clusters_stop(mosn_generation_t *generation);

/* A host for the next request, or NULL; `how` may be NULL. */
static inline mosn_host_t *
mosn_cluster_pick(mosn_cluster_t *cluster, const mosn_pick_t *how)
{
    return mosn_host_groups_pick(&cluster->groups, how);
}


/* All clusters with their hosts, for people: what they weigh, do, and why
 * they get no requests. */
void mosn_cluster_print(const mosn_cluster_t *cluster, FILE *out);
void mosn_clusters_print(const mosn_generation_t *generation, FILE *out);

/* For settings that name a cluster: NULL and an error at `member` when there
 * is none of that name. */
mosn_cluster_t *mosn_cluster_resolve(mosn_conf_t             *reader,
                                     const mosn_generation_t *generation,
                                     const mosn_str_t        *member);

static inline mosn_cluster_version_t *
mosn_cluster_version_ref(mosn_cluster_version_t *version)
{
    version->refs++;
    return version;
}


static inline void
mosn_cluster_version_unref(mosn_cluster_version_t *version)
{
    if (--version->refs == 0 && version->pool != NULL) {
        mosn_pool_t *pool = version->pool;

        mosn_pool_destroy(&pool);
    }
}


/* Have its hosts names that are to be resolved? */
static inline bool
mosn_cluster_is_named(const mosn_cluster_t *cluster)
{
    return cluster->conf->discovery == MOSN_DISCOVERY_STRICT_DNS
           || cluster->conf->discovery == MOSN_DISCOVERY_LOGICAL_DNS;
}


/* Names have a while to be resolved: who comes before would find no host. */
#define MOSN_NAMES_MS 5000u

bool mosn_cluster_awaits_names(const mosn_cluster_t *cluster);

/* Is there a cluster whose names were never resolved? */
bool mosn_clusters_wait(const mosn_generation_t *generation);

/* The zone that this mosn is in; empty: not told. */
extern mosn_str_t mosn_cluster_zone;

#endif
