/*
 * proxy/lb/ring_hash.c - the next host on a ring of points.
 *
 * Each host has points on it, as many as it weighs, at hashes of its name: a
 * request goes to the first point behind its own hash.  When a host leaves,
 * only what it had goes elsewhere.
 *
 * A ring of a thousand hosts has a million points, which nobody can wait for
 * whenever a host fails.  So it is cut in slices, and the points of a slice
 * are found out when it is asked for.  Slices are cut from stretches, 32 from
 * each; a host has as many points in one stretch as in the other, anywhere.
 */

#include "core/rand.h"
#include "proxy/lb.h"

#include <stdlib.h>
#include <xxhash.h>

#define STRETCH_BITS 5
#define STRETCH      (1u << STRETCH_BITS) /* slices, and most points of a host */

typedef struct {
    uint64_t *points; /* sorted: where in the slice, 32 bits, and whose */
    uint32_t  n;
    bool      known;
} ring_slice_t;

typedef struct {
    uint64_t seed;
    uint64_t n;     /* points */
    uint64_t phase; /* the stretches where light ones are, are not the same */
} ring_host_t;

typedef struct {
    mosn_pool_t  *pool;
    ring_slice_t *slices;
    uint32_t      bits; /* 2 ^ bits slices, and the most points of a host */
    ring_host_t  *hosts;
    uint64_t     *found; /* room for a slice */
} ring_t;


static int
ring_compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
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


static void
ring_init(void *state, const mosn_host_set_t *set,
          const mosn_cluster_conf_t *conf, mosn_pool_t *pool)
{
    ring_t  *ring = state;
    uint64_t unit = ring_unit(set);

    ring->pool = pool;
    ring->bits = STRETCH_BITS;
    while (1u << ring->bits < (uint32_t) conf->ring_points) {
        ring->bits++;
    }
    ring->slices = mosn_pool_calloc(pool, sizeof(*ring->slices) << ring->bits);
    ring->hosts = mosn_pool_alloc(pool, set->n * sizeof(*ring->hosts));
    ring->found =
        mosn_pool_alloc(pool, set->n * STRETCH * sizeof(*ring->found));
    for (uint32_t i = 0; i < set->n; i++) {
        const mosn_host_t *host = set->hosts[i];
        uint64_t n = ((uint64_t) host->conf->weight << ring->bits) / unit;

        ring->hosts[i] = (ring_host_t){
            .seed = XXH64(host->name.at, host->name.len, 0),
            .n = n > 0 ? n : 1,
            .phase = XXH64(host->name.at, host->name.len, 1)
                     & ((1u << (ring->bits - STRETCH_BITS)) - 1),
        };
    }
}


/* The number of the host's first point in a stretch. */
static uint64_t
ring_first(const ring_t *ring, const ring_host_t *host, uint64_t stretch)
{
    return (stretch * host->n + host->phase) >> (ring->bits - STRETCH_BITS);
}


/* Where in its stretch a point is: the slice, and 32 bits for the place in it.
 */
static uint64_t
ring_point(const ring_host_t *host, uint64_t k)
{
    return XXH64(&k, sizeof(k), host->seed) >> (32 - STRETCH_BITS);
}


static void
ring_find(ring_t *ring, uint32_t n_hosts, uint32_t number)
{
    ring_slice_t *slice = &ring->slices[number];
    uint32_t      stretch = number / STRETCH;

    for (uint32_t i = 0; i < n_hosts; i++) {
        const ring_host_t *host = &ring->hosts[i];
        uint64_t           end = ring_first(ring, host, stretch + 1u);

        for (uint64_t k = ring_first(ring, host, stretch); k < end; k++) {
            uint64_t at = ring_point(host, k);

            if (at >> 32 == number % STRETCH) {
                ring->found[slice->n++] = at << 32 | i;
            }
        }
    }
    qsort(ring->found, slice->n, sizeof(*ring->found), ring_compare);
    slice->points =
        mosn_pool_alloc(ring->pool, (slice->n + 1) * sizeof(*slice->points));
    memcpy(slice->points, ring->found, slice->n * sizeof(*slice->points));
    slice->known = true;
}


static uint32_t
slice_next(const ring_slice_t *slice, uint64_t place)
{
    uint32_t low = 0, high = slice->n;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (slice->points[middle] < place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}


static mosn_host_t *
ring_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    ring_t  *ring = state;
    uint64_t hash = how->has_hash ? how->hash : mosn_rand_u64();
    uint32_t number = (uint32_t) (hash >> (64 - ring->bits));
    uint64_t place = hash << ring->bits >> 32 << 32;

    for (;; place = 0, number = (number + 1) & ((1u << ring->bits) - 1)) {
        ring_slice_t *slice = &ring->slices[number];

        if (!slice->known) {
            ring_find(ring, set->n, number);
        }
        for (uint32_t i = slice_next(slice, place); i < slice->n; i++) {
            mosn_host_t *host = set->hosts[(uint32_t) slice->points[i]];

            if (host != how->avoid) {
                return host;
            }
        }
    }
}


static const mosn_lb_ops_t ring_hash = {
    .state_size = sizeof(ring_t),
    .init = ring_init,
    .pick = ring_pick,
};

MOSN_MODULE(MOSN_LB, ring_hash, &ring_hash);
