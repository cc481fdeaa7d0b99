/* tests/proxy/lb/random.c - shares by weight. */

#include "tap.h"
#include "proxy/lb/random.c"


int
main(void)
{
    mosn_host_t    hosts[3] = { { .weight = 1 },
                                { .weight = 2 },
                                { .weight = 7 } };
    mosn_cluster_t cluster = { .hosts = hosts, .n_hosts = 3 };
    mosn_pick_t    any = { 0 }, avoid = { .avoid = &hosts[2] };
    random_t       state = { 0 };
    unsigned       counts[3] = { 0 };

    random_init(&state, &cluster, NULL);
    for (int i = 0; i < 10000; i++) {
        counts[random_pick(&state, &cluster, &any) - hosts]++;
    }
    ok(counts[0] > 700 && counts[0] < 1300, "one in ten: %u", counts[0]);
    ok(counts[2] > 6500 && counts[2] < 7500, "seven in ten: %u", counts[2]);
    counts[2] = 0;
    for (int i = 0; i < 1000; i++) {
        counts[random_pick(&state, &cluster, &avoid) - hosts]++;
    }
    is_num(counts[2], 0, "a host to avoid is avoided");
    return done_testing();
}
