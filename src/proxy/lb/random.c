/* proxy/lb/random.c - any host, by weight. */

#include "core/rand.h"
#include "proxy/lb.h"

typedef struct {
    uint64_t *below; /* the weights up to each host, added up */
} random_t;


static void
random_init(void *state, const mosn_host_set_t *set,
            const mosn_cluster_conf_t *conf MOSN_UNUSED, mosn_pool_t *pool)
{
    random_t *random = state;
    uint64_t  total = 0;

    random->below = mosn_pool_alloc(pool, set->n * sizeof(uint64_t));
    for (uint32_t i = 0; i < set->n; i++) {
        total += set->hosts[i]->weight;
        random->below[i] = total;
    }
}


static mosn_host_t *
random_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    const random_t *random = state;
    mosn_host_t    *host;

    do {
        uint64_t at = mosn_rand_u64() % random->below[set->n - 1];
        uint32_t low = 0, high = set->n - 1;

        while (low < high) {
            uint32_t middle = (low + high) / 2;

            if (at < random->below[middle]) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        host = set->hosts[low];
    } while (host == how->avoid);
    return host;
}


static const mosn_lb_ops_t random_lb = {
    .state_size = sizeof(random_t),
    .init = random_init,
    .pick = random_pick,
};

MOSN_MODULE(MOSN_LB, random, &random_lb);
