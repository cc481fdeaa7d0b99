/*
 * proxy/lb/least_request.c - of two hosts the one with less to do.
 *
 * Two are drawn by weight, and the one that has fewer requests of this
 * worker under way for its weight is taken: almost as even as looking at
 * all, and no herd runs to the one that was idle a moment ago.
 */

#include "core/rand.h"
#include "proxy/lb.h"


/* Is `a` less busy than `b`? */
static bool
least_is_less(const mosn_host_t *a, const mosn_host_t *b)
{
    return ((uint64_t) a->n_active + 1) * b->weight
           < ((uint64_t) b->n_active + 1) * a->weight;
}


static mosn_host_t *
least_pick(void *state MOSN_UNUSED, const mosn_host_set_t *set,
           const mosn_pick_t *how)
{
    uint32_t     i = mosn_rand_below(set->n);
    uint32_t     k = mosn_rand_below(set->n - 1);
    mosn_host_t *a = set->hosts[i], *b;

    b = set->hosts[k + (k >= i ? 1 : 0)];
    if (a == how->avoid || b == how->avoid) {
        return a == how->avoid ? b : a;
    }
    return least_is_less(b, a) ? b : a;
}


static const mosn_lb_ops_t least_request = {
    .pick = least_pick,
};

MOSN_MODULE(MOSN_LB, least_request, &least_request);
