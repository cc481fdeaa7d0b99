/*
 * proxy/lb/weighted_round_robin.c - hosts in turn, as often as they weigh.
 *
 * Smooth: of weights 5, 1, 1 the first host does not get five in a row.  Each
 * host has a time when it is due next, earlier the more it weighs; the
 * earliest one is picked.  They stand in a heap, so a pick costs the
 * logarithm of their number.
 */

#include "core/pool.h"
#include "core/rand.h"
#include "proxy/lb.h"

#define TURN 1000000000000u /* between two picks of a host of weight 1 */

typedef struct {
    uint64_t due;
    uint32_t host;
} wrr_place_t;

typedef struct {
    wrr_place_t *heap;
} wrr_t;


static uint64_t
wrr_turn(const mosn_host_set_t *set, uint32_t host)
{
    return TURN / set->hosts[host]->weight;
}


/* Times run over, after some 1.8e9 picks of a host of weight 1; they are never
 * more than a turn from each other. */
static bool
wrr_is_before(const wrr_place_t *a, const wrr_place_t *b)
{
    return (int64_t) (a->due - b->due) < 0;
}


/* The first one has moved back: down to its place. */
static void
wrr_sink(wrr_t *wrr, uint32_t n, uint32_t at)
{
    wrr_place_t moved = wrr->heap[at];

    for (uint32_t child; (child = at * 2 + 1) < n; at = child) {
        if (child + 1 < n
            && wrr_is_before(&wrr->heap[child + 1], &wrr->heap[child])) {
            child++;
        }
        if (!wrr_is_before(&wrr->heap[child], &moved)) {
            break;
        }
        wrr->heap[at] = wrr->heap[child];
    }
    wrr->heap[at] = moved;
}


static uint32_t
wrr_next(wrr_t *wrr, const mosn_host_set_t *set)
{
    uint32_t first = wrr->heap[0].host;

    wrr->heap[0].due += wrr_turn(set, first);
    wrr_sink(wrr, set->n, 0);
    return first;
}


/* Hosts of one weight come evenly between each other: each begins a golden
 * part of its turn after the one before.  Workers begin at different
 * places. */
static void
wrr_init(void *state, const mosn_host_set_t *set,
         const mosn_cluster_conf_t *conf MOSN_UNUSED, mosn_pool_t *pool)
{
    wrr_t *wrr = state;

    wrr->heap = mosn_pool_alloc(pool, set->n * sizeof(*wrr->heap));
    for (uint32_t i = 0; i < set->n; i++) {
        wrr->heap[i].host = i;
        wrr->heap[i].due = wrr_turn(set, i) / 1000 * (i * 618 % 1000);
    }
    for (uint32_t i = set->n / 2; i-- > 0;) {
        wrr_sink(wrr, set->n, i);
    }
    for (uint32_t n = mosn_rand_below(set->n); n > 0; n--) {
        (void) wrr_next(wrr, set);
    }
}


static mosn_host_t *
wrr_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    wrr_t       *wrr = state;
    mosn_host_t *host;

    do {
        host = set->hosts[wrr_next(wrr, set)];
    } while (host == how->avoid);
    return host;
}


static const mosn_lb_ops_t wrr = {
    .state_size = sizeof(wrr_t),
    .init = wrr_init,
    .pick = wrr_pick,
};

MOSN_MODULE(MOSN_LB, weighted_round_robin, &wrr);
