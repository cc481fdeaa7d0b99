/* tests/proxy/lb/maglev.c - keys stay where they are, and are even. */

#include "hosts.h"
#include "proxy/lb/maglev.c"

#include "hash_keys.h"


/* Hosts of three weights: of all places each has what it weighs. */
static void
even(uint32_t n, const uint32_t *weights)
{
    maglev_walk_t walks[64];
    maglev_t      m = { .n = 1 << 17, .bits = 17, .walks = walks };
    uint32_t      share[64] = { 0 };
    double        total = 0, worst = 0;

    for (uint32_t i = 0; i < n; i++) {
        char name[32];

        (void) snprintf(name, sizeof(name), "10.0.0.%u:80", i);
        walks[i] = maglev_walk(&m, mosn_str(name), weights[i % 3]);
        total += weights[i % 3];
    }
    for (uint32_t i = 0; i < m.n; i++) {
        share[maglev_first(&m, n, i, UNKNOWN)]++;
    }
    for (uint32_t i = 0; i < n; i++) {
        double off = share[i] / (m.n * weights[i % 3] / total) - 1;

        worst = fmax(worst, fabs(off));
    }
    ok(worst < 0.02,
       "%u hosts of %u, %u and %u are within 2 %% of that: %.2f %%", n,
       weights[0], weights[1], weights[2], 100 * worst);
}


/* One of three gets heavier. */
static void
heavier(void)
{
    maglev_walk_t   walks[3];
    maglev_t        m = { .n = 1 << 16, .bits = 16, .walks = walks };
    static uint32_t before[1 << 16];
    uint32_t        strays = 0, came = 0;

    for (uint32_t i = 0; i < 3; i++) {
        char name[32];

        (void) snprintf(name, sizeof(name), "10.0.0.%u:80", i);
        walks[i] = maglev_walk(&m, mosn_str(name), 2);
    }
    for (uint32_t i = 0; i < m.n; i++) {
        before[i] = maglev_first(&m, 3, i, UNKNOWN);
    }
    walks[1].pace *= 2.0 / 4;
    for (uint32_t i = 0; i < m.n; i++) {
        uint32_t now = maglev_first(&m, 3, i, UNKNOWN);

        strays += now != before[i] && now != 1;
        came += now != before[i];
    }
    is_num(strays, 0, "places go to the one that gets heavier, only");
    ok(came > m.n / 7 && came < m.n / 5, "a sixth of them: %u of %u", came,
       m.n);
}


int
main(void)
{
    is_num(maglev_bits(65536), 16, "a power of two is taken as it is");
    is_num(maglev_bits(65537), 17, "else the next one");
    for (uint32_t bits = 4; bits <= 20; bits += 8) {
        maglev_t      m = { .n = 1u << bits, .bits = bits };
        maglev_walk_t walk = maglev_walk(&m, MOSN_STR("10.0.0.1:80"), 1);
        bool         *seen = calloc(m.n, sizeof(*seen));
        uint32_t      n = 0;

        for (uint32_t i = 0; i < m.n; i++) {
            bool *at = &seen[maglev_steps(&m, &walk, i)];

            n += !*at;
            *at = true;
        }
        free(seen);
        is_num(n, m.n, "a walk is at each place once");
    }
    even(2, (uint32_t[]){ 1, 1, 1 });
    even(3, (uint32_t[]){ 1, 2, 5 });
    even(11, (uint32_t[]){ 1, 1, 1 });
    even(11, (uint32_t[]){ 100, 150, 200 });
    heavier();
    hash_keys("maglev", 11);
    { /* a table so small that a light host has no place in it */
        mosn_cluster_t *c = hosts_cluster(
            "lb = \"maglev\"; table_size = 1024; hosts = ( { address = "
            "\"10.0.0.1:1\"; weight = 10000; }, { address = \"10.0.0.2:1\"; } "
            ");");
        mosn_pick_t how = { .avoid = c->hosts[0] };

        ok(mosn_cluster_pick(c, &how) == c->hosts[1],
           "avoiding the only one in the table ends");
        hosts_end();
    }
    return hosts_done();
}
