/* tests/proxy/lb/random.c - shares by weight. */

#include "hosts.h"
#include "proxy/lb/random.c"


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "lb = \"random\"; hosts = ( { address = \"10.0.0.1:1\"; weight = 50; "
        "}, { address = \"10.0.0.2:1\"; weight = 30; }, { address = "
        "\"10.0.0.3:1\"; weight = 20; } );");
    unsigned    shares[] = { 5, 3, 2 }, avoided = 0;
    mosn_pick_t how = { .avoid = c->hosts[0] };

    hosts_shares(c, 100000, shares, "50, 30, 20");
    for (int i = 0; i < 100; i++) {
        avoided += mosn_cluster_pick(c, &how) != c->hosts[0];
    }
    is_num(avoided, 100, "a host to avoid is avoided");
    hosts_end();
    return hosts_done();
}
