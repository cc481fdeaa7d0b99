/*
 * proxy/lb/maglev.c - a table of hosts, looked up by a hash.
 *
 * Each host walks through all places of the table in an order of its own, the
 * faster the more it weighs, and a place is whose who is there first.  In
 * Maglev (Eisenbud et al., NSDI 2016, 3.4) the hosts take turns, which is more
 * even; here who of two hosts is first at a place depends on nobody else, so
 * that one that fails, leaves or weighs less gives away places of its own
 * only, and all who know the same hosts agree, whatever they knew before.
 * Who was first is found out when a place is asked for the first time.
 */

#include "core/rand.h"
#include "proxy/lb.h"

#include <math.h>
#include <xxhash.h>

#define UNKNOWN UINT32_MAX

/* An order of the places is a permutation of their numbers, which makes equal
 * hosts more even than chance.  It has to scatter: of two orders that are
 * alike, one would be ahead everywhere. */
typedef struct {
    uint32_t start;
    uint32_t odd[3];
    double   pace; /* time of a step at the start */
} maglev_walk_t;

typedef struct {
    uint32_t      *hosts; /* by place */
    uint32_t       n;     /* places: 2 ^ bits */
    uint32_t       bits;
    maglev_walk_t *walks; /* by host */
} maglev_t;


static uint32_t
maglev_bits(uint32_t wanted)
{
    uint32_t bits = 1;

    while (wanted > 1u << bits) {
        bits++;
    }
    return bits;
}


static maglev_walk_t
maglev_walk(const maglev_t *m, mosn_str_t name, int64_t weight)
{
    uint64_t a = XXH64(name.at, name.len, 1);
    uint64_t b = XXH64(name.at, name.len, 2);

    return (maglev_walk_t){
        .start = (uint32_t) (a >> 32),
        .odd = { (uint32_t) a | 1, (uint32_t) b | 1,
                 (uint32_t) (b >> 32) | 1 },
        .pace = 1.0 / ((double) m->n * (double) weight),
    };
}


/* After how many steps the walk is at the place: a factor that is odd and a
 * shift by half of the bits each can be undone, so no two places have the
 * same answer. */
static uint32_t
maglev_steps(const maglev_t *m, const maglev_walk_t *walk, uint32_t place)
{
    uint32_t mask = m->n - 1, half = (m->bits + 1) / 2;
    uint32_t x = (place + walk->start) * walk->odd[0] & mask;

    x = (x ^ x >> half) * walk->odd[1] & mask;
    return (x ^ x >> half) * walk->odd[2] & mask;
}


/* Whose place it is, or would be without the host `but`.  Steps take longer
 * and longer, -log(1 - part of the way), so that who weighs twice as much is
 * first twice as often; they never take less than the first one, which spares
 * most of the logarithms. */
static uint32_t
maglev_first(const maglev_t *m, uint32_t n_hosts, uint32_t place, uint32_t but)
{
    uint32_t first = UNKNOWN;
    double   soonest = HUGE_VAL;

    for (uint32_t i = 0; i < n_hosts; i++) {
        const maglev_walk_t *walk = &m->walks[i];
        double               steps = maglev_steps(m, walk, place) + 0.5, time;

        if (i == but || steps * walk->pace > soonest) {
            continue;
        }
        time = -log1p(-steps / m->n) * (walk->pace * m->n);
        if (time < soonest
            || (time == soonest && walk->start < m->walks[first].start)) {
            first = i;
            soonest = time;
        }
    }
    return first;
}


static void
maglev_init(void *state, const mosn_host_set_t *set,
            const mosn_cluster_conf_t *conf, mosn_pool_t *pool)
{
    maglev_t *m = state;

    m->bits = maglev_bits((uint32_t) conf->table_size);
    m->n = 1u << m->bits;
    m->hosts = mosn_pool_alloc(pool, m->n * sizeof(*m->hosts));
    memset(m->hosts, 0xff, m->n * sizeof(*m->hosts));
    m->walks = mosn_pool_alloc(pool, set->n * sizeof(*m->walks));
    for (uint32_t i = 0; i < set->n; i++) {
        m->walks[i] =
            maglev_walk(m, set->hosts[i]->name, set->hosts[i]->conf->weight);
    }
}


static mosn_host_t *
maglev_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    maglev_t *m = state;
    uint64_t  hash = how->has_hash ? how->hash : mosn_rand_u64();
    uint32_t  place = (uint32_t) hash & (m->n - 1);
    uint32_t  host = m->hosts[place];

    if (host == UNKNOWN) {
        host = maglev_first(m, set->n, place, UNKNOWN);
        m->hosts[place] = host;
    }
    if (set->hosts[host] == how->avoid) {
        host = maglev_first(m, set->n, place, host);
    }
    return set->hosts[host];
}


static const mosn_lb_ops_t maglev = {
    .state_size = sizeof(maglev_t),
    .init = maglev_init,
    .pick = maglev_pick,
};

MOSN_MODULE(MOSN_LB, maglev, &maglev);
