/*
 * proxy/lb/maglev.c - a table of hosts, looked up by a hash.
 *
 * Each host has a preference among the places of the table; in turns they
 * take the best one that is free, more often the more they weigh (Eisenbud
 * et al., Maglev, NSDI 2016, 3.4).  More even than a ring and one look to
 * pick; a host that leaves moves a little more than what it had.
 */

#include "core/rand.h"
#include "proxy/lb.h"

#include <xxhash.h>

#define FREE UINT32_MAX

typedef struct {
    uint32_t *places;
    uint32_t  n;
} maglev_t;

typedef struct {
    uint32_t at;
    uint32_t step;
    uint64_t due; /* shares that it may take, of the heaviest one's */
} maglev_walk_t;


static bool
maglev_is_prime(uint32_t n)
{
    for (uint32_t d = 2; (uint64_t) d * d <= n; d++) {
        if (n % d == 0) {
            return false;
        }
    }
    return n > 1;
}


/* Steps reach every place when the size is a prime. */
static uint32_t
maglev_size(uint32_t wanted)
{
    while (!maglev_is_prime(wanted)) {
        wanted++;
    }
    return wanted;
}


static void
maglev_take(maglev_t *m, maglev_walk_t *walk, uint32_t host)
{
    while (m->places[walk->at] != FREE) {
        walk->at = (uint32_t) (((uint64_t) walk->at + walk->step) % m->n);
    }
    m->places[walk->at] = host;
}


static void
maglev_init(void *state, const mosn_host_set_t *set,
            const mosn_cluster_conf_t *conf, mosn_pool_t *pool)
{
    maglev_t      *m = state;
    maglev_walk_t *walks =
        mosn_pool_calloc(pool, set->n * sizeof(maglev_walk_t));
    uint64_t heaviest = 1;
    uint32_t taken = 0;

    m->n = maglev_size((uint32_t) conf->table_size);
    m->places = mosn_pool_alloc(pool, m->n * sizeof(*m->places));
    memset(m->places, 0xff, m->n * sizeof(*m->places));
    for (uint32_t i = 0; i < set->n; i++) {
        const mosn_host_t *host = set->hosts[i];
        uint64_t           weight = (uint64_t) host->conf->weight;

        walks[i].at =
            (uint32_t) (XXH64(host->name.at, host->name.len, 1) % m->n);
        walks[i].step =
            (uint32_t) (XXH64(host->name.at, host->name.len, 2) % (m->n - 1))
            + 1;
        heaviest = weight > heaviest ? weight : heaviest;
    }
    while (taken < m->n) {
        for (uint32_t i = 0; i < set->n && taken < m->n; i++) {
            walks[i].due += (uint64_t) set->hosts[i]->conf->weight;
            if (walks[i].due >= heaviest) {
                walks[i].due -= heaviest;
                maglev_take(m, &walks[i], i);
                taken++;
            }
        }
    }
}


static mosn_host_t *
maglev_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    const maglev_t *m = state;
    uint64_t        hash = how->has_hash ? how->hash : mosn_rand_u64();

    for (uint64_t i = 0; i < m->n; i++) {
        mosn_host_t *host = set->hosts[m->places[(hash + i) % m->n]];

        if (host != how->avoid) {
            return host;
        }
    }
    return set->hosts[set->hosts[0] == how->avoid ? 1 : 0]; /* no place */
}


static const mosn_lb_ops_t maglev = {
    .state_size = sizeof(maglev_t),
    .init = maglev_init,
    .pick = maglev_pick,
};

MOSN_MODULE(MOSN_LB, maglev, &maglev);
