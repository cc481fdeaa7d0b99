/* tests/proxy/lb/peak_ewma.c - load moves off a slow host, and back. */

#include "hosts.h"
#include "proxy/lb/peak_ewma.c"

#define MS 1000000u


/* `n` requests, a millisecond apart; how many of them host 0 got. */
static unsigned
run(mosn_cluster_t *c, unsigned n, uint64_t slow_ns)
{
    unsigned got = 0;

    for (unsigned i = 0; i < n; i++) {
        mosn_pick_t  how = { .now_ns = hosts_loop.now_ns };
        mosn_host_t *host = mosn_cluster_pick(c, &how);
        bool         first = host == c->hosts[0];

        got += first;
        mosn_host_note_latency(host, hosts_loop.now_ns,
                               (first ? slow_ns : MS) / 100
                                   * (50 + mosn_rand_below(100)));
        hosts_loop.now_ns += MS;
        hosts_loop.now_ms++;
    }
    return got;
}


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "lb = \"peak_ewma\"; hosts = ( { address = \"10.0.0.1:1\"; }, { "
        "address = \"10.0.0.2:1\"; }, { address = \"10.0.0.3:1\"; } );");
    unsigned before, during, after;

    before = run(c, 3000, MS);
    during = run(c, 3000, 100 * MS);
    hosts_loop.now_ns += 60000000000; /* forgotten */
    hosts_loop.now_ms += 60000;
    after = run(c, 3000, MS);
    ok(before > 500, "of equals it has its share: %u of 3000", before);
    ok(during < 300, "a hundred times slower: %u", during);
    ok(after > 500, "well again: %u", after);
    hosts_end();

    c = hosts_cluster("lb = \"peak_ewma\"; hosts = ( { address = "
                      "\"10.0.0.1:1\"; }, { address = \"10.0.0.2:1\"; "
                      "weight = 3; } );");
    before = run(c, 6000, MS);
    ok(before > 1000 && before < 2400,
       "one that weighs a third has near a fourth: %u of 6000", before);
    for (int i = 0; i < 8000; i++) { /* and nobody answers */
        mosn_pick_t  how = { .now_ns = hosts_loop.now_ns };
        mosn_host_t *host = mosn_cluster_pick(c, &how);

        host->n_active++;
    }
    ok(c->hosts[0]->n_active > 1600 && c->hosts[0]->n_active < 2400,
       "what is under way is by weight: %u of 8000", c->hosts[0]->n_active);
    c->hosts[0]->n_active = c->hosts[1]->n_active = 0;
    during = run(c, 3000, 100 * MS);
    ok(during < 300, "a hundred times slower: %u", during);
    hosts_end();
    return hosts_done();
}
