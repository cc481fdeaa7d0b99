/*
 * hosts.h - a cluster for tests of balancers: built from text, in use.
 */

#ifndef HOSTS_H
#define HOSTS_H

#include "tap.h"

#include "core/rand.h"
#include "proxy/cluster.h"

static mosn_generation_t *hosts_generation;
static mosn_loop_t        hosts_loop;


/* "lb = ...; hosts = ( ... );"; its first host is number 0. */
static mosn_cluster_t *
hosts_cluster(const char *text)
{
    static unsigned      n; /* what is told of hosts goes by their names */
    mosn_conf_t         *reader;
    mosn_cluster_t      *c;
    mosn_cluster_conf_t *conf;
    char                 whole[65536];

    if (n++ == 0) {
        (void) mosn_loop_init(&hosts_loop);
        (void) mosn_metrics_open(-1);
        mosn_rand_seed();
    }
    hosts_loop.now_ms = 1000000;
    hosts_loop.now_ns = hosts_loop.now_ms * 1000000;
    hosts_generation = mosn_generation_create(1);
    reader = mosn_conf_create(hosts_generation->pool);
    conf = mosn_pool_calloc(hosts_generation->pool, sizeof(*conf));
    (void) snprintf(whole, sizeof(whole), "name = \"c%u\"; %s", n, text);
    if (mosn_conf_read_text(reader, "text", whole, &mosn_cluster_block, conf)
        == MOSN_OK)
    {
        mosn_cluster_build(reader, hosts_generation, conf);
    }
    mosn_conf_print_errors(reader, stdout);
    mosn_conf_destroy(&reader);
    c = mosn_map_find(&hosts_generation->clusters, conf->name);
    mosn_cluster_register(c);
    mosn_clusters_start(hosts_generation, &hosts_loop);
    return c;
}


/* "hosts = (...)" of n equal ones on ports 1... */
static const char *
hosts_equal(char *out, size_t room, unsigned n)
{
    size_t len = (size_t) snprintf(out, room, "hosts = (");

    for (unsigned i = 0; i < n; i++) {
        len += (size_t) snprintf(out + len, room - len,
                                 "%s{ address = \"10.0.%u.%u:1\"; }",
                                 i > 0 ? ", " : " ", i / 250, i % 250 + 1);
    }
    (void) snprintf(out + len, room - len, " );");
    return out;
}


static unsigned
hosts_number(const mosn_cluster_t *c, const mosn_host_t *host)
{
    for (unsigned i = 0; i < c->n_hosts; i++) {
        if (c->hosts[i] == host) {
            return i;
        }
    }
    return 9999;
}


/* Do `n` picks, with hashes that are spread evenly, fall on the hosts as
 * `shares` say, within two per cent of the whole? */
static void __attribute__((unused))
hosts_shares(mosn_cluster_t *c, unsigned n, const unsigned *shares,
             const char *name)
{
    unsigned got[64] = { 0 }, total = 0;
    bool     even = true;

    for (unsigned i = 0; i < n; i++) {
        mosn_pick_t how = { .hash = (i + 1) * 0x9e3779b97f4a7c15u,
                            .has_hash = true,
                            .now_ns = hosts_loop.now_ns };
        unsigned    at = hosts_number(c, mosn_cluster_pick(c, &how));

        got[at < 64 ? at : 63]++;
    }
    for (unsigned i = 0; i < c->n_hosts; i++) {
        total += shares[i];
    }
    for (unsigned i = 0; i < c->n_hosts; i++) {
        double is = 100.0 * got[i] / n, want = 100.0 * shares[i] / total;

        even &= is - want < 2 && want - is < 2;
    }
    if (!ok(even, "%s", name)) {
        for (unsigned i = 0; i < c->n_hosts; i++) {
            printf("# host %u: %.2f %%, of %u/%u\n", i, 100.0 * got[i] / n,
                   shares[i], total);
        }
    }
}


static void
hosts_set_health(mosn_cluster_t *c, unsigned i, mosn_health_e health)
{
    (void) atomic_exchange(mosn_host_cell(c->hosts[i], MOSN_HOST_CELL_HEALTH),
                           (uint64_t) health);
    mosn_cluster_touch(c);
    c->groups.stale = true;
}


/* `bad`: left out by a check, or not. */
static void __attribute__((unused))
hosts_set_bad(mosn_cluster_t *c, unsigned i, bool bad)
{
    hosts_set_health(c, i, bad ? MOSN_HEALTH_BAD : MOSN_HEALTH_GOOD);
}


static void
hosts_end(void)
{
    mosn_clusters_stop(hosts_generation);
    mosn_loop_turn(&hosts_loop, 0);
    mosn_generation_unref(hosts_generation);
}


static int
hosts_done(void)
{
    mosn_loop_fini(&hosts_loop);
    mosn_metrics_close();
    mosn_pool_release_cache();
    return done_testing();
}


#endif
