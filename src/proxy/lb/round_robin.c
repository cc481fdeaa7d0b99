/* proxy/lb/round_robin.c - one host after the other, whatever its weight. */

#include "core/rand.h"
#include "proxy/lb.h"

typedef struct {
    uint32_t next;
} round_robin_t;


/* Workers start at different hosts: many processes that all begin with the
 * first one would pile up on it. */
static void
round_robin_init(void *state, const mosn_cluster_t *cluster,
                 mosn_pool_t *pool MOSN_UNUSED)
{
    round_robin_t *rr = state;

    rr->next = cluster->n_hosts > 0 ? mosn_rand_below(cluster->n_hosts) : 0;
}


static mosn_host_t *
round_robin_pick(void *state, const mosn_cluster_t *cluster,
                 const mosn_pick_t *how)
{
    round_robin_t *rr = state;
    mosn_host_t   *host;

    do {
        host = &cluster->hosts[rr->next];
        if (++rr->next == cluster->n_hosts) {
            rr->next = 0;
        }
    } while (host == how->avoid && cluster->n_hosts > 1);
    return host;
}


static const mosn_lb_ops_t round_robin = {
    .state_size = sizeof(round_robin_t),
    .init = round_robin_init,
    .pick = round_robin_pick,
};

MOSN_MODULE(MOSN_LB, round_robin, &round_robin);
