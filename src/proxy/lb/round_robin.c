/* proxy/lb/round_robin.c - one host after the other, whatever its weight. */

#include "core/rand.h"
#include "proxy/lb.h"

typedef struct {
    uint32_t next;
} round_robin_t;


/* Workers start at different hosts: many processes that all begin with the
 * first one would pile up on it. */
static void
round_robin_init(void *state, const mosn_host_set_t *set,
                 const mosn_cluster_conf_t *conf MOSN_UNUSED,
                 mosn_pool_t *pool               MOSN_UNUSED)
{
    round_robin_t *rr = state;

    rr->next = mosn_rand_below(set->n);
}


static mosn_host_t *
round_robin_pick(void *state, const mosn_host_set_t *set,
                 const mosn_pick_t *how)
{
    round_robin_t *rr = state;
    mosn_host_t   *host;

    do {
        host = set->hosts[rr->next];
        if (++rr->next == set->n) {
            rr->next = 0;
        }
    } while (host == how->avoid);
    return host;
}


static const mosn_lb_ops_t round_robin = {
    .state_size = sizeof(round_robin_t),
    .init = round_robin_init,
    .pick = round_robin_pick,
};

MOSN_MODULE(MOSN_LB, round_robin, &round_robin);
