/* proxy/lb/random.c - any host, by weight. */

#include "core/rand.h"
#include "proxy/lb.h"

typedef struct {
    uint32_t total; /* of all weights */
} random_t;


static void
random_init(void *state, const mosn_cluster_t *cluster,
            mosn_pool_t *pool MOSN_UNUSED)
{
    random_t *random = state;

    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        random->total += cluster->hosts[i].weight;
    }
}


static mosn_host_t *
random_pick(void *state, const mosn_cluster_t *cluster, const mosn_pick_t *how)
{
    const random_t *random = state;
    uint32_t        total = random->total;
    uint32_t        at;

    if (how->avoid != NULL && cluster->n_hosts > 1) {
        total -= how->avoid->weight;
    }
    at = mosn_rand_below(total);
    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        mosn_host_t *host = &cluster->hosts[i];

        if (host == how->avoid && cluster->n_hosts > 1) {
            continue;
        }
        if (at < host->weight) {
            return host;
        }
        at -= host->weight;
    }
    return &cluster->hosts[0];
}


static const mosn_lb_ops_t random_lb = {
    .state_size = sizeof(random_t),
    .init = random_init,
    .pick = random_pick,
};

MOSN_MODULE(MOSN_LB, random, &random_lb);
