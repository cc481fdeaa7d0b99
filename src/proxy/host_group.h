/*
 * proxy/host_group.h - which of its hosts a cluster uses for a request.
 *
 *   subset      the group whose metadata the route asks for
 *   priority    the first level that is well enough; what it cannot take
 *               goes to the next
 *   zone        hosts of our own zone, as far as they are there
 *   balancer    one of the hosts that are left (proxy/lb.h)
 *
 * Hosts that get no requests are left out before a balancer sees them: what
 * the others get stays even.  Whoever is in no state to be used is looked at
 * a few times a second and whenever somebody says that something changed.
 */

#ifndef MOSN_PROXY_HOST_GROUP_H
#define MOSN_PROXY_HOST_GROUP_H

#include "core/conf.h"
#include "core/map.h"
#include "proxy/host.h"

typedef struct mosn_cluster_conf_s mosn_cluster_conf_t;

/* What a request asks for. */
typedef struct {
    const mosn_host_t        *avoid; /* failed just now; NULL: none */
    const mosn_host_t *const *tried; /* had the request before, some NULL */
    uint32_t                  n_tried;
    const mosn_conf_pairs_t  *subset; /* or NULL */
    uint64_t                  sticky; /* the id of its host */
    bool                      has_sticky;
    uint64_t                  hash; /* of what keeps it at one host */
    bool                      has_hash;
    uint64_t                  now_ns;
} mosn_pick_t;

/* Hosts and a balancer over them. */
typedef struct {
    mosn_host_t **hosts;
    uint32_t      n;
    mosn_host_t **all; /* also those who are not usable, in the same order */
    uint32_t      n_all;
    void         *state;
} mosn_host_set_t;

typedef struct {
    mosn_host_t   **all;
    uint32_t        n_all;
    uint32_t        n_known; /* but for those whose first check is awaited */
    uint32_t        n_usable;
    mosn_host_set_t usable;
    mosn_host_set_t local;      /* of them, those of our zone */
    uint32_t        load;       /* per cent of the requests */
    uint32_t        local_load; /* of those, per cent to our zone */
    bool            panic;
} mosn_host_level_t;

typedef struct {
    mosn_str_t         key; /* "name\0value\0" of its metadata */
    mosn_host_t      **hosts;
    uint32_t           n_hosts;
    mosn_host_level_t *levels;
    uint32_t           n_levels;
    bool               fails_over; /* the first level does not take all */
    /* What every request picks from; NULL: it depends. */
    const mosn_host_set_t *simple;
} mosn_host_group_t;

typedef struct {
    mosn_cluster_t     *cluster;
    mosn_pool_t        *pool;   /* of the groups */
    mosn_pool_t        *states; /* of what is made of those who are usable */
    mosn_host_group_t   whole;
    mosn_host_group_t **subsets;
    uint32_t            n_subsets;
    mosn_map_t          by_key;
    _Atomic uint64_t   *cell;       /* of the cluster */
    uint64_t            epoch;      /* of the cluster's cell, when looked at */
    uint64_t            look_at_ms; /* again */
    bool                stale;
    bool                built;
} mosn_host_groups_t;

/* After the hosts of a cluster were set. */
void mosn_host_groups_build(mosn_host_groups_t *groups,
                            mosn_cluster_t *cluster, mosn_pool_t *pool);
void mosn_host_groups_free(mosn_host_groups_t *groups);

/* Those of a cluster without hosts; they take no memory. */
void mosn_host_groups_clear(mosn_host_groups_t *groups,
                            mosn_cluster_t     *cluster);

/* A host, or NULL; `how` may be NULL. */
mosn_host_t *mosn_host_groups_pick(mosn_host_groups_t *groups,
                                   const mosn_pick_t  *how);

/* Looks at all hosts now. */
void mosn_host_groups_look(mosn_host_groups_t *groups);

/* The group for metadata that a route asks for, NULL: there is none. */
mosn_host_group_t *mosn_host_groups_find(mosn_host_groups_t      *groups,
                                         const mosn_conf_pairs_t *subset);

/* Is there one, without any fallback? */
bool mosn_host_groups_has(const mosn_host_groups_t *groups,
                          const mosn_conf_pairs_t  *subset);

/* Tells all processes that a host of it is not as it was. */
void mosn_cluster_touch(const mosn_cluster_t *cluster);

#endif
