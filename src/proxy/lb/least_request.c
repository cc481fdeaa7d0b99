/*
 * proxy/lb/least_request.c - of two hosts the one with less to do.
 *
 * One is drawn by weight and another one beside it, and the second is taken
 * when it has fewer requests of this worker under way for its weight: almost
 * as even as looking at all, no herd runs to the one that was idle a moment
 * ago, and those that rest are taken as they weigh.
 */

#include "core/pool.h"
#include "proxy/lb.h"


static void
least_init(void *state, const mosn_host_set_t *set,
           const mosn_cluster_conf_t *conf MOSN_UNUSED,
           mosn_pool_t *pool               MOSN_UNUSED)
{
    mosn_lb_weigh(state, set);
}


/* Is `a` less busy than `b`? */
static bool
least_is_less(const mosn_host_t *a, const mosn_host_t *b)
{
    return (uint64_t) a->n_active * b->weight
           < (uint64_t) b->n_active * a->weight;
}


static mosn_host_t *
least_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    mosn_host_t *a, *b;

    b = mosn_lb_draw_second(set, how, mosn_lb_draw(state, set), &a);
    return b != NULL && least_is_less(b, a) ? b : a;
}


static const mosn_lb_ops_t least_request = {
    .state_size = sizeof(mosn_lb_weights_t),
    .init = least_init,
    .pick = least_pick,
};

MOSN_MODULE(MOSN_LB, least_request, &least_request);
