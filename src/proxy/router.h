/*
 * proxy/router.h - from a request's host and path to what is done with it.
 *
 * A route table has virtual hosts, found by the authority of the request in
 * this order: the exact name with its port, the exact name, the longest
 * "*.suffix", the longest "prefix.*", "*".  Within a virtual host the first
 * route that matches wins.  Names are compared without case, paths with it
 * and as they came, query left aside.
 */

#ifndef MOSN_PROXY_ROUTER_H
#define MOSN_PROXY_ROUTER_H

#include "proto/message.h"
#include "proxy/cluster.h"
#include "proxy/match.h"
#include "proxy/route_index.h"

typedef struct {
    mosn_str_t name;
    int64_t    weight;
} mosn_split_conf_t;

typedef struct {
    mosn_str_t cluster;
    MOSN_CONF_LIST(mosn_split_conf_t) clusters;
    mosn_str_t prefix_rewrite;
    mosn_str_t host_rewrite;
    uint32_t   timeout_ms;
    bool       retry_lost;
} mosn_forward_conf_t;

typedef struct {
    int64_t    status;
    mosn_str_t body;
    mosn_str_t content_type;
} mosn_respond_conf_t;

typedef struct {
    mosn_str_t path;
    mosn_str_t prefix_rewrite;
    mosn_str_t host;
    int        scheme; /* index of mosn_redirect_schemes */
    int64_t    status;
} mosn_redirect_conf_t;

typedef struct {
    mosn_str_t            name;
    mosn_match_conf_t     match;
    mosn_forward_conf_t  *route;
    mosn_respond_conf_t  *respond;
    mosn_redirect_conf_t *redirect;
} mosn_route_conf_t;

typedef struct {
    mosn_str_t  name;
    mosn_strs_t domains;
    MOSN_CONF_LIST(mosn_route_conf_t) routes;
} mosn_virtual_host_conf_t;

typedef struct {
    mosn_str_t name;
    MOSN_CONF_LIST(mosn_virtual_host_conf_t) virtual_hosts;
} mosn_route_table_conf_t;

extern const mosn_conf_block_t mosn_route_table_block;

typedef struct {
    const mosn_route_conf_t *conf;
    mosn_str_t               name;    /* for logs: its own, or vhost[i] */
    mosn_match_t            *match;   /* besides the path, or NULL */
    mosn_cluster_t          *cluster; /* of a forward to one */
    mosn_cluster_t         **split;   /* or of a split */
    uint32_t                 split_total;
} mosn_route_t;

typedef struct {
    mosn_str_t         name;
    mosn_route_t      *routes;
    uint32_t           n_routes;
    mosn_route_index_t index;
} mosn_virtual_host_t;

typedef struct {
    mosn_str_t           name;
    mosn_map_t           exact;
    mosn_map_t           suffixes; /* ".example.com" */
    mosn_map_t           prefixes; /* "www." */
    mosn_virtual_host_t *fallback; /* "*" */
} mosn_route_table_t;

/* Builds a table into the generation, clusters first; mistakes go to the
 * reader. */
void mosn_route_table_build(mosn_conf_t *reader, mosn_generation_t *generation,
                            const mosn_route_table_conf_t *conf);

/* The route for a request, or NULL. */
const mosn_route_t *mosn_route_find(const mosn_route_table_t *table,
                                    mosn_message_t           *request,
                                    const mosn_conn_t        *client);

/* The cluster of a route that forwards; picks by weight. */
mosn_cluster_t *mosn_route_pick_cluster(const mosn_route_t *route);

/* The path to send upstream: `path`, rewritten as the route says. */
mosn_str_t mosn_route_rewrite_path(const mosn_route_t *route, mosn_str_t path,
                                   mosn_pool_t *pool);

/* The Location of a redirect. */
mosn_str_t mosn_route_location(const mosn_route_t   *route,
                               const mosn_message_t *request,
                               mosn_pool_t          *pool);

#endif
