/*
 * proxy/router.h - from a request to what is done with it.
 *
 * A route table has virtual hosts, found by the authority of the request in
 * this order: the exact name with its port, the exact name, the longest
 * "*.suffix", the longest "prefix.*", "*".  Within a virtual host the first
 * route that matches wins.  Names are compared without case, paths with it
 * and as they came, query left aside.
 *
 * A table is a name whose routes may be replaced while requests are under
 * way: each of them keeps the version that it was routed with.
 */

#ifndef MOSN_PROXY_ROUTER_H
#define MOSN_PROXY_ROUTER_H

#include "proto/message.h"
#include "proxy/affinity.h"
#include "proxy/cluster.h"
#include "proxy/cors.h"
#include "proxy/edit.h"
#include "proxy/match.h"
#include "proxy/mirror.h"
#include "proxy/retry.h"
#include "proxy/route_index.h"

typedef struct {
    mosn_str_t        name;
    int64_t           weight;
    mosn_conf_pairs_t subset;
} mosn_split_conf_t;

typedef struct {
    mosn_str_t regex;
    mosn_str_t substitution;

    mosn_regex_t *compiled; /* built */
} mosn_rewrite_conf_t;

typedef struct {
    uint32_t delay_ms;
} mosn_hedge_conf_t;

enum { MOSN_PRIORITY_DEFAULT, MOSN_PRIORITY_HIGH };

typedef struct {
    mosn_str_t cluster;
    MOSN_CONF_LIST(mosn_split_conf_t) clusters;
    mosn_str_t           cluster_header;
    mosn_conf_pairs_t    subset;
    mosn_str_t           prefix_rewrite;
    mosn_str_t           path_rewrite;
    mosn_rewrite_conf_t *regex_rewrite;
    mosn_str_t           host_rewrite;
    mosn_rewrite_conf_t *host_regex_rewrite;
    uint32_t             timeout_ms;
    uint32_t             idle_timeout_ms; /* 0: as timeout */
    size_t               replay_bytes;
    bool                 retry_lost;
    int                  priority;
    mosn_retry_conf_t   *retry;
    mosn_hedge_conf_t   *hedge;
    mosn_hashes_conf_t   hash;
    mosn_mirrors_conf_t  mirror;
} mosn_forward_conf_t;

typedef struct {
    int64_t    status;
    mosn_str_t body;
    mosn_str_t body_file;
    mosn_str_t content_type;
    mosn_str_t body_bytes; /* in hexadecimal */
    mosn_str_t loaded;     /* no setting: what the file had */
} mosn_respond_conf_t;

typedef struct {
    mosn_str_t           path;
    mosn_str_t           prefix_rewrite;
    mosn_rewrite_conf_t *regex_rewrite;
    mosn_str_t           host;
    int64_t              port;   /* 0: as it was */
    int                  scheme; /* index of mosn_redirect_schemes */
    bool                 strip_query;
    int64_t              status;
} mosn_redirect_conf_t;

typedef struct {
    mosn_str_t                name;
    mosn_match_conf_t         match;
    mosn_forward_conf_t      *route;
    mosn_respond_conf_t      *respond;
    mosn_redirect_conf_t     *redirect;
    mosn_header_edits_conf_t *headers;
    mosn_query_edits_conf_t  *query;
    mosn_cors_conf_t         *cors;
} mosn_route_conf_t;

typedef struct {
    mosn_str_t                name;
    mosn_strs_t               domains;
    mosn_header_edits_conf_t *headers;
    mosn_query_edits_conf_t  *query;
    mosn_cors_conf_t         *cors;
    mosn_retry_conf_t        *retry;
    MOSN_CONF_LIST(mosn_route_conf_t) routes;
} mosn_virtual_host_conf_t;

typedef struct {
    mosn_str_t name;
    MOSN_CONF_LIST(mosn_virtual_host_conf_t) virtual_hosts;
} mosn_route_table_conf_t;

extern const mosn_conf_block_t mosn_route_table_block;

typedef struct mosn_virtual_host_s mosn_virtual_host_t;

typedef struct {
    const mosn_route_conf_t *conf;
    mosn_str_t               name;  /* for logs: its own, or vhost[i] */
    const char              *where; /* it stands: "mosn.conf:12" */
    mosn_virtual_host_t     *host;
    mosn_match_t            *match;   /* besides the path, or NULL */
    mosn_cluster_t          *cluster; /* of a forward to one */
    mosn_cluster_t         **split;   /* or of a split */
    uint32_t                 split_total;
    mosn_edits_t            *edits;        /* or NULL */
    struct mosn_format_s    *host_rewrite; /* or NULL */
    bool       rewrites; /* upstreams see another path, or another host */
    mosn_str_t body;     /* of a response of ours */
    const mosn_retry_conf_t *retry; /* its own or the host's; or NULL */
    const mosn_cors_conf_t  *cors;  /* the same */
} mosn_route_t;

struct mosn_virtual_host_s {
    const mosn_virtual_host_conf_t *conf;
    mosn_str_t                      name;
    mosn_route_t                   *routes;
    uint32_t                        n_routes;
    mosn_route_index_t              index;
    mosn_edits_t                   *edits; /* or NULL */
};

/* One version of a table; counted. */
typedef struct {
    uint32_t                       refs;
    mosn_pool_t                   *pool;
    const mosn_route_table_conf_t *conf;
    mosn_map_t                     exact;
    mosn_map_t                     suffixes; /* ".example.com" */
    mosn_map_t                     prefixes; /* "www." */
    mosn_virtual_host_t           *fallback; /* "*" */
    mosn_virtual_host_t          **hosts;    /* all of them */
    uint32_t                       n_hosts;
} mosn_routes_t;

/* What a `proxy` filter refers to; lives as long as its generation. */
typedef struct {
    mosn_str_t     name;
    mosn_routes_t *current;
} mosn_route_table_t;

/* Builds a table into the generation, clusters first; mistakes go to the
 * reader. */
void mosn_route_table_build(mosn_conf_t *reader, mosn_generation_t *generation,
                            const mosn_route_table_conf_t *conf);

/* A version of a table, in a pool of its own, which it keeps. */
mosn_routes_t *mosn_routes_build(mosn_conf_t                   *reader,
                                 const mosn_generation_t       *generation,
                                 mosn_pool_t                   *pool,
                                 const mosn_route_table_conf_t *conf);

static inline mosn_routes_t *
mosn_routes_ref(mosn_routes_t *routes)
{
    routes->refs++;
    return routes;
}


static inline void
mosn_routes_unref(mosn_routes_t *routes)
{
    if (--routes->refs == 0) {
        mosn_pool_t *pool = routes->pool;

        mosn_pool_destroy(&pool);
    }
}


/* Where a route stands that names a cluster, or NULL. */
const char *mosn_routes_name_cluster(const mosn_routes_t  *routes,
                                     const mosn_cluster_t *cluster);

/* The same of settings that are not in force. */
bool mosn_route_table_names(const mosn_route_table_conf_t *table,
                            mosn_str_t                     cluster);

/* Where a route stands that would ask the cluster for a subset in vain, for it
 * would have no such selector; or NULL. */
const char *mosn_routes_miss_selector(const mosn_routes_t       *routes,
                                      mosn_str_t                 name,
                                      const mosn_cluster_conf_t *cluster);

/* Does it name files that are to be read? */
bool mosn_route_table_names_files(const mosn_route_table_conf_t *table);

/* The virtual host of a request, or NULL. */
mosn_virtual_host_t *mosn_virtual_host_search(const mosn_routes_t *routes,
                                              mosn_str_t           authority);

static inline mosn_virtual_host_t *
mosn_virtual_host_find(const mosn_routes_t *routes, mosn_str_t authority)
{
    return routes->exact.n + routes->suffixes.n + routes->prefixes.n == 0
               ? routes->fallback
               : mosn_virtual_host_search(routes, authority);
}


/* The route for a request, or NULL. */
const mosn_route_t *mosn_route_find(const mosn_routes_t *routes,
                                    mosn_match_input_t  *input);

/* The cluster of a route that forwards, by weight or header, and of its
 * hosts which subset.  NULL: the header names none. */
mosn_cluster_t *mosn_route_pick_cluster(const mosn_route_t       *route,
                                        const mosn_generation_t  *generation,
                                        mosn_message_t           *request,
                                        const mosn_conf_pairs_t **subset_r);

/* The path to send upstream: `path`, rewritten as the route says.  at NULL:
 * it would be too long. */
mosn_str_t mosn_route_rewrite_path(const mosn_route_t *route, mosn_str_t path,
                                   mosn_pool_t *pool);

/* The Location of a redirect. */
mosn_str_t mosn_route_location(const mosn_route_t   *route,
                               const mosn_message_t *request,
                               mosn_pool_t          *pool);

#endif
