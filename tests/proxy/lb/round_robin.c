/* tests/proxy/lb/round_robin.c - turns. */

#include "tap.h"
#include "proxy/lb/round_robin.c"


int
main(void)
{
    mosn_host_t    hosts[3] = { { .weight = 1 } };
    mosn_cluster_t cluster = { .hosts = hosts, .n_hosts = 3 };
    mosn_pick_t    any = { 0 }, avoid = { .avoid = &hosts[1] };
    round_robin_t  state = { 0 };
    unsigned       counts[3] = { 0 };

    round_robin_init(&state, &cluster, NULL);
    ok(state.next < 3, "starts anywhere");
    for (int i = 0; i < 30; i++) {
        counts[round_robin_pick(&state, &cluster, &any) - hosts]++;
    }
    ok(counts[0] == 10 && counts[1] == 10 && counts[2] == 10, "even shares");
    for (int i = 0; i < 30; i++) {
        counts[round_robin_pick(&state, &cluster, &avoid) - hosts]++;
    }
    is_num(counts[1], 10, "a host to avoid is avoided");
    return done_testing();
}
