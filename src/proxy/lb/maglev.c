/*
 * proxy/lb/maglev.c - a table of hosts, looked up by a hash.
 *
 * Each host has a preference among the places of the table; in turns they
 * take the best one that is free, more often the more they weigh (Eisenbud
 * et al., Maglev, NSDI 2016, 3.4).  More even than a ring and one look to
 * pick.  What a host had that is not usable any more, and nothing else, goes
 * to others; one that is taken out of the cluster moves a little more.
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
    uint64_t weight;
    uint64_t due;  /* shares that it may take, of the heaviest one's */
    uint32_t host; /* of those who are usable; FREE: it is not */
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


/* The hosts take `n_free` places in turns: who weighs most, of those who take
 * part, one in each. */
static void
maglev_share(maglev_t *m, maglev_walk_t *walks, uint32_t n_walks,
             uint32_t n_free, bool usable_only)
{
    uint64_t heaviest = 1;

    for (uint32_t i = 0; i < n_walks; i++) {
        walks[i].due = 0;
        if (walks[i].weight > heaviest
            && !(usable_only && walks[i].host == FREE)) {
            heaviest = walks[i].weight;
        }
    }
    for (uint32_t i = 0; n_free > 0; i = (i + 1) % n_walks) {
        maglev_walk_t *walk = &walks[i];

        if (usable_only && walk->host == FREE) {
            continue;
        }
        walk->due += walk->weight;
        if (walk->due < heaviest) {
            continue;
        }
        walk->due -= heaviest;
        while (m->places[walk->at] != FREE) {
            walk->at = (uint32_t) (((uint64_t) walk->at + walk->step) % m->n);
        }
        m->places[walk->at] = i;
        n_free--;
    }
}


static uint32_t
maglev_free_unusable(maglev_t *m, const maglev_walk_t *walks)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < m->n; i++) {
        if (walks[m->places[i]].host == FREE) {
            m->places[i] = FREE;
            n++;
        }
    }
    return n;
}


/* First as if all were usable; then the places of those who are not go to the
 * others. */
static void
maglev_init(void *state, const mosn_host_set_t *set,
            const mosn_cluster_conf_t *conf, mosn_pool_t *pool)
{
    maglev_t      *m = state;
    maglev_walk_t *walks =
        mosn_pool_calloc(pool, set->n_all * sizeof(maglev_walk_t));
    uint32_t usable = 0;

    m->n = maglev_size((uint32_t) conf->table_size);
    m->places = mosn_pool_alloc(pool, m->n * sizeof(*m->places));
    memset(m->places, 0xff, m->n * sizeof(*m->places));
    for (uint32_t i = 0; i < set->n_all; i++) {
        const mosn_host_t *host = set->all[i];
        bool is_usable = usable < set->n && set->hosts[usable] == host;

        walks[i] = (maglev_walk_t){
            .at = (uint32_t) (XXH64(host->name.at, host->name.len, 1) % m->n),
            .step = (uint32_t) (XXH64(host->name.at, host->name.len, 2)
                                % (m->n - 1))
                    + 1,
            .weight = (uint64_t) host->conf->weight,
            .host = is_usable ? usable++ : FREE,
        };
    }
    maglev_share(m, walks, set->n_all, m->n, false);
    maglev_share(m, walks, set->n_all, maglev_free_unusable(m, walks), true);
    for (uint32_t i = 0; i < m->n; i++) {
        m->places[i] = walks[m->places[i]].host;
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
