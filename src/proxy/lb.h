/*
 * proxy/lb.h - which host of a cluster gets the next request.
 *
 * A balancer is one file in proxy/lb with a MOSN_MODULE line.  Each worker
 * has a state of its own.
 */

#ifndef MOSN_PROXY_LB_H
#define MOSN_PROXY_LB_H

#include "core/module.h"
#include "proxy/cluster.h"

/* What a request asks for. */
typedef struct {
    const mosn_host_t *avoid; /* failed just now; NULL: none */
} mosn_pick_t;

typedef struct {
    MOSN_MODULE_FIELDS

    size_t state_size; /* zeroed before init */
    void (*init)(void *state, const mosn_cluster_t *cluster,
                 mosn_pool_t *pool);

    /* The cluster has at least one host.  `how->avoid` is returned only when
     * there is no other. */
    mosn_host_t *(*pick)(void *state, const mosn_cluster_t *cluster,
                         const mosn_pick_t *how);
} mosn_lb_ops_t;

#endif
