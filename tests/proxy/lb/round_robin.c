/* tests/proxy/lb/round_robin.c - one after the other. */

#include "hosts.h"
#include "proxy/lb/round_robin.c"


int
main(void)
{
    mosn_cluster_t *c =
        hosts_cluster("lb = \"round_robin\"; hosts = ( { address = "
                      "\"10.0.0.1:1\"; weight = 9; }, { address = "
                      "\"10.0.0.2:1\"; }, { address = \"10.0.0.3:1\"; } );");
    unsigned     shares[] = { 1, 1, 1 }, avoided = 0;
    bool         turns = true;
    mosn_pick_t  how = { .avoid = c->hosts[0] };
    mosn_host_t *a = mosn_cluster_pick(c, NULL), *b, *d;

    for (int i = 0; i < 30; i++) {
        b = mosn_cluster_pick(c, NULL);
        d = mosn_cluster_pick(c, NULL);
        turns &= a != b && b != d && a != d && mosn_cluster_pick(c, NULL) == a;
    }
    ok(turns, "in turn");
    hosts_shares(c, 3000, shares, "evenly, whatever they weigh");
    for (int i = 0; i < 100; i++) {
        avoided += mosn_cluster_pick(c, &how) != c->hosts[0];
    }
    is_num(avoided, 100, "a host to avoid is avoided");
    hosts_set_bad(c, 1, true);
    {
        unsigned left[] = { 1, 0, 1 };

        hosts_shares(c, 3000, left, "who is left shares evenly");
    }
    hosts_end();
    return hosts_done();
}
