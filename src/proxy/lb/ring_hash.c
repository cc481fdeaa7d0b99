/*
 * proxy/lb/ring_hash.c - the next host on a ring of points.
 *
 * Each host has points on it, as many as it weighs, at hashes of its name: a
 * request goes to the first point behind its own hash.  When a host leaves,
 * only what it had goes elsewhere.
 */

#include "core/rand.h"
#include "proxy/lb.h"

#include <stdlib.h>
#include <xxhash.h>

typedef struct {
    uint64_t hash;
    uint32_t host;
} ring_point_t;

typedef struct {
    ring_point_t *points;
    uint32_t      n;
} ring_t;


static int
ring_compare(const void *a, const void *b)
{
    const ring_point_t *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}


/* The heaviest host has between half of `ring_points` and all of them, the
 * others less, as they weigh: how many a host has does not depend on who
 * else is there, or keys would wander whenever somebody leaves; but for when
 * the greatest weight of the cluster passes a power of two.  Slow starts are
 * left aside for the same reason. */
static uint64_t
ring_unit(const mosn_host_set_t *set)
{
    uint64_t unit = 1;

    for (uint32_t i = 0; i < set->n_all; i++) { /* usable or not */
        while (unit < (uint64_t) set->all[i]->conf->weight) {
            unit *= 2;
        }
    }
    return unit;
}


static uint64_t
ring_points(const mosn_host_t *host, uint64_t points, uint64_t unit)
{
    uint64_t n = points * (uint64_t) host->conf->weight / unit;

    return n > 0 ? n : 1;
}


static void
ring_init(void *state, const mosn_host_set_t *set,
          const mosn_cluster_conf_t *conf, mosn_pool_t *pool)
{
    ring_t  *ring = state;
    uint64_t points = (uint64_t) conf->ring_points, room = 0;
    uint64_t unit = ring_unit(set);

    for (uint32_t i = 0; i < set->n; i++) {
        room += ring_points(set->hosts[i], points, unit);
    }
    ring->points = mosn_pool_alloc(pool, room * sizeof(*ring->points));
    for (uint32_t i = 0; i < set->n; i++) {
        const mosn_host_t *host = set->hosts[i];
        uint64_t           n = ring_points(host, points, unit);

        for (uint64_t k = 0; k < n; k++) {
            ring->points[ring->n++] =
                (ring_point_t){ XXH64(host->name.at, host->name.len, k), i };
        }
    }
    qsort(ring->points, ring->n, sizeof(*ring->points), ring_compare);
}


static mosn_host_t *
ring_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    const ring_t *ring = state;
    uint64_t      hash = how->has_hash ? how->hash : mosn_rand_u64();
    uint32_t      low = 0, high = ring->n;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (ring->points[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (;; low++) {
        mosn_host_t *host = set->hosts[ring->points[low % ring->n].host];

        if (host != how->avoid) {
            return host;
        }
    }
}


static const mosn_lb_ops_t ring_hash = {
    .state_size = sizeof(ring_t),
    .init = ring_init,
    .pick = ring_pick,
};

MOSN_MODULE(MOSN_LB, ring_hash, &ring_hash);
