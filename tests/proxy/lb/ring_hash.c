/* tests/proxy/lb/ring_hash.c - keys stay where they are, and are even. */

#include "hosts.h"
#include "proxy/lb/ring_hash.c"

#include "hash_keys.h"

#include <math.h>


static mosn_cluster_t *
ring_of(unsigned n, const unsigned *weights, unsigned points)
{
    char   text[8192];
    size_t len = (size_t) snprintf(
        text, sizeof(text), "lb = \"ring_hash\"; ring_points = %u; hosts = (",
        points);

    for (unsigned i = 0; i < n; i++) {
        len +=
            (size_t) snprintf(text + len, sizeof(text) - len,
                              "%s{ address = \"10.0.0.1:%u\"; weight = %u; }",
                              i > 0 ? ", " : " ", i + 1, weights[i % 3]);
    }
    (void) snprintf(text + len, sizeof(text) - len, " );");
    return hosts_cluster(text);
}


/* What each host has of many keys is what it weighs. */
static void
even(unsigned n, const unsigned *weights, unsigned points, double percent)
{
    mosn_cluster_t *c = ring_of(n, weights, points);
    unsigned        share[64] = { 0 };
    double          total = 0, worst = 0;

    for (unsigned i = 0; i < 300000; i++) {
        share[key_pick(c, i)]++;
    }
    for (unsigned i = 0; i < n; i++) {
        total += weights[i % 3];
    }
    for (unsigned i = 0; i < n; i++) {
        worst = fmax(worst, fabs(share[i] * total / weights[i % 3] / 3e5 - 1));
    }
    ok(worst * 100 < percent,
       "%u points for the heaviest of %u hosts of %u, %u and %u: within %g "
       "%%: "
       "%.2f %%",
       points, n, weights[0], weights[1], weights[2], percent, worst * 100);
    hosts_end();
}


/* All points, host by host, are those that the slices find. */
static void
whole(void)
{
    unsigned        weights[] = { 1, 3, 7 }, lost = 0, n = 0, found = 0;
    mosn_cluster_t *c = ring_of(7, weights, 64);
    mosn_pick_t     how = { .has_hash = true };
    ring_t         *ring;

    (void) mosn_cluster_pick(c, &how);
    ring = c->groups.whole.levels[0].usable.state;
    for (uint32_t i = 0; i < 64; i++) {
        if (!ring->slices[i].known) {
            ring_find(ring, 7, i);
        }
        found += ring->slices[i].n;
        for (uint32_t k = 1; k < ring->slices[i].n; k++) {
            lost += ring->slices[i].points[k] < ring->slices[i].points[k - 1];
        }
    }
    for (uint32_t i = 0; i < 7; i++) {
        for (uint64_t k = 0; k < ring->hosts[i].n; k++, n++) {
            const ring_host_t  *host = &ring->hosts[i];
            uint64_t            at = ring_point(host, k);
            uint32_t            stretch = k >= ring_first(ring, host, 1);
            const ring_slice_t *slice;
            uint32_t            next;

            slice = &ring->slices[stretch * STRETCH + (at >> 32)];
            next = slice_next(slice, at << 32 | i);
            lost += next == slice->n || slice->points[next] != (at << 32 | i);
        }
    }
    is_num(found, n, "slices have as many points as hosts");
    is_num(lost, 0, "and the same ones, in their order");
    ok(n > 100 && n < 7 * 64, "%u of them", n);
    hosts_end();
}


int
main(void)
{
    hash_keys("ring_hash", 11);
    even(11, (unsigned[]){ 1, 1, 1 }, 1024, 10);
    even(3, (unsigned[]){ 1, 2, 5 }, 65536, 2);
    even(11, (unsigned[]){ 1, 1, 1 }, 65536, 2);
    even(11, (unsigned[]){ 100, 150, 200 }, 65536, 2);
    whole();
    { /* two points, and a host that weighs next to nothing */
        unsigned        weights[] = { 10000, 1, 1 };
        mosn_cluster_t *c = ring_of(2, weights, 2);
        mosn_pick_t     how = { .avoid = c->hosts[0] };

        ok(mosn_cluster_pick(c, &how) == c->hosts[1],
           "the one with a single point is found");
        hosts_end();
    }
    return hosts_done();
}
