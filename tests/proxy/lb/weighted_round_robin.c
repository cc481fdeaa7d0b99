/* tests/proxy/lb/weighted_round_robin.c - shares, and no bursts. */

#include "tap.h"
#include "proxy/lb/weighted_round_robin.c"


int
main(void)
{
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_host_t    hosts[3] = { { .weight = 5 },
                                { .weight = 1 },
                                { .weight = 1 } };
    mosn_cluster_t cluster = { .hosts = hosts, .n_hosts = 3 };
    mosn_pick_t    any = { 0 }, not_first = { .avoid = &hosts[0] };
    wrr_t          state = { 0 };
    char           order[8] = "";
    unsigned       first = 0;

    wrr_init(&state, &cluster, pool);
    for (int i = 0; i < 7; i++) {
        order[i] = (char) ('a' + (wrr_pick(&state, &cluster, &any) - hosts));
    }
    is_str(mosn_str(order), "aabacaa", "5, 1, 1 without five in a row");
    for (int i = 0; i < 100; i++) {
        first += wrr_pick(&state, &cluster, &not_first) == &hosts[0];
    }
    is_num(first, 0, "a host to avoid is avoided");
    mosn_pool_destroy(&pool);
    return done_testing();
}
