/*
 * proxy/lb/weighted_round_robin.c - hosts in turn, as often as they weigh.
 *
 * Smooth: of weights 5, 1, 1 the first host does not get five in a row.
 * Every host gains its weight each time, the richest is picked and pays the
 * total.
 */

#include "core/pool.h"
#include "proxy/lb.h"

typedef struct {
    int64_t *credit;
    int64_t  total;
} wrr_t;


static void
wrr_init(void *state, const mosn_cluster_t *cluster, mosn_pool_t *pool)
{
    wrr_t *wrr = state;

    wrr->credit = mosn_pool_calloc(pool, cluster->n_hosts * sizeof(int64_t));
    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        wrr->total += cluster->hosts[i].weight;
    }
}


static mosn_host_t *
wrr_pick(void *state, const mosn_cluster_t *cluster, const mosn_pick_t *how)
{
    wrr_t   *wrr = state;
    uint32_t best = 0;
    bool     found = false;

    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        wrr->credit[i] += cluster->hosts[i].weight;
        if (&cluster->hosts[i] != how->avoid
            && (!found || wrr->credit[i] > wrr->credit[best]))
        {
            best = i;
            found = true;
        }
    }
    wrr->credit[best] -= wrr->total;
    return &cluster->hosts[best];
}


static const mosn_lb_ops_t wrr = {
    .state_size = sizeof(wrr_t),
    .init = wrr_init,
    .pick = wrr_pick,
};

MOSN_MODULE(MOSN_LB, weighted_round_robin, &wrr);
