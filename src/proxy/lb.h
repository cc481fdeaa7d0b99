/*
 * proxy/lb.h - which of a set of hosts gets the next request.
 *
 * A balancer is one file in proxy/lb with a MOSN_MODULE line.  Each worker
 * has states of its own, one for each set; a set whose hosts have changed
 * gets a new one.
 */

#ifndef MOSN_PROXY_LB_H
#define MOSN_PROXY_LB_H

#include "core/module.h"
#include "core/rand.h"
#include "proxy/cluster.h"

typedef struct {
    MOSN_MODULE_FIELDS

    size_t state_size; /* zeroed before init */
    /* May be NULL.  The set has at least one host. */
    void (*init)(void *state, const mosn_host_set_t *set,
                 const mosn_cluster_conf_t *conf, mosn_pool_t *pool);

    /* The set has at least two hosts.  `how->avoid` is returned only when it
     * must be. */
    mosn_host_t *(*pick)(void *state, const mosn_host_set_t *set,
                         const mosn_pick_t *how);

    bool by_latency; /* of its hosts: is it to be taken down? */
} mosn_lb_ops_t;

/* What draws by weight need to know of a set. */
typedef struct {
    uint32_t heaviest;
} mosn_lb_weights_t;

static inline void
mosn_lb_weigh(mosn_lb_weights_t *weights_r, const mosn_host_set_t *set)
{
    weights_r->heaviest = 1;
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->hosts[i]->weight > weights_r->heaviest) {
            weights_r->heaviest = set->hosts[i]->weight;
        }
    }
}


static inline uint32_t
mosn_lb_draw(const mosn_lb_weights_t *weights, const mosn_host_set_t *set)
{
    uint32_t i;

    do {
        i = mosn_rand_below(set->n);
    } while (set->hosts[i]->weight < weights->heaviest
             && mosn_rand_below(weights->heaviest) >= set->hosts[i]->weight);
    return i;
}


/* Number `i` of a set, and another one that is drawn.  NULL: `*a_r` is the one
 * to take, as the other is to be avoided; else the second. */
static inline mosn_host_t *
mosn_lb_draw_second(const mosn_host_set_t *set, const mosn_pick_t *how,
                    uint32_t i, mosn_host_t **a_r)
{
    uint32_t     k = mosn_rand_below(set->n - 1);
    mosn_host_t *a = set->hosts[i], *b;

    b = set->hosts[k + (k >= i ? 1 : 0)];
    *a_r = a == how->avoid ? b : a;
    return a == how->avoid || b == how->avoid ? NULL : b;
}

#endif
