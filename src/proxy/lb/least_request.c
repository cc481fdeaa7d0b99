/*
 * proxy/lb/least_request.c - of two hosts the one with less to do.
 *
 * Two are drawn by weight, and the one that has fewer requests of this
 * worker under way for its weight is taken: almost as even as looking at
 * all, and no herd runs to the one that was idle a moment ago.
 */

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
    mosn_host_t *a, *b = mosn_lb_draw_two(set, how, &a);

    return b != NULL && least_is_less(b, a) ? b : a;
}


static const mosn_lb_ops_t least_request = {
    .pick = least_pick,
};

MOSN_MODULE(MOSN_LB, least_request, &least_request);
