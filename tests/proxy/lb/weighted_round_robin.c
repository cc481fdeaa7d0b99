/* tests/proxy/lb/weighted_round_robin.c - shares, and no bursts. */

#include "hosts.h"
#include "proxy/lb/weighted_round_robin.c"


/* As after so many picks that the times are about to run over. */
static void
age(mosn_cluster_t *c)
{
    const mosn_host_set_t *set = c->groups.whole.simple;
    wrr_t                 *state = set->state;
    uint64_t               by = UINT64_MAX - state->heap[0].due - TURN;

    for (uint32_t i = 0; i < set->n; i++) {
        state->heap[i].due += by;
    }
}


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "lb = \"weighted_round_robin\"; hosts = ( { address = \"10.0.0.1:1\"; "
        "weight = 5; }, { address = \"10.0.0.2:1\"; }, { address = "
        "\"10.0.0.3:1\"; } );");
    unsigned    shares[] = { 5, 1, 1 }, row = 0, longest = 0, avoided = 0;
    mosn_pick_t how = { .avoid = c->hosts[0] };

    hosts_shares(c, 7000, shares, "5, 1, 1");
    for (int i = 0; i < 700; i++) {
        row = mosn_cluster_pick(c, NULL) == c->hosts[0] ? row + 1 : 0;
        longest = row > longest ? row : longest;
    }
    ok(longest < 5, "%u in a row, not five", longest);
    for (int i = 0; i < 100; i++) {
        avoided += mosn_cluster_pick(c, &how) != c->hosts[0];
    }
    is_num(avoided, 100, "a host to avoid is avoided");
    age(c);
    hosts_shares(c, 7000, shares, "also when the times have run over");
    hosts_end();
    return hosts_done();
}
