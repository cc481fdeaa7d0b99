/* tests/proxy/lb/maglev.c - keys stay where they are, and are even. */

#include "hosts.h"
#include "proxy/lb/maglev.c"

#include "hash_keys.h"


int
main(void)
{
    is_num(maglev_size(16381), 16381, "a prime is taken as it is");
    is_num(maglev_size(100), 101, "else the next one");
    hash_keys("maglev", 11);
    { /* a table so small that a light host has no place in it */
        mosn_cluster_t *c = hosts_cluster(
            "lb = \"maglev\"; table_size = 1021; hosts = ( { address = "
            "\"10.0.0.1:1\"; weight = 2000; }, { address = \"10.0.0.2:1\"; } "
            ");");
        mosn_pick_t how = { .avoid = c->hosts[0] };

        ok(mosn_cluster_pick(c, &how) == c->hosts[1],
           "avoiding the only one in the table ends");
        hosts_end();
    }
    return hosts_done();
}
