/* tests/proxy/lb/least_request.c - load moves off a slow host. */

#include "hosts.h"
#include "proxy/lb/least_request.c"


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "lb = \"least_request\"; hosts = ( { address = \"10.0.0.1:1\"; }, { "
        "address = \"10.0.0.2:1\"; }, { address = \"10.0.0.3:1\"; } );");
    unsigned    shares[] = { 1, 1, 1 }, slow = 0, avoided = 0;
    mosn_pick_t how = { .avoid = c->hosts[0] };

    hosts_shares(c, 30000, shares, "evenly when all are idle");

    /* In each step three requests come; host 0 finishes one in ten steps,
     * the others all that they have. */
    for (int step = 0; step < 10000; step++) {
        for (int i = 0; i < 3; i++) {
            mosn_host_t *host = mosn_cluster_pick(c, NULL);

            host->n_active++;
            slow += host == c->hosts[0];
        }
        c->hosts[1]->n_active = c->hosts[2]->n_active = 0;
        if (step % 10 == 0 && c->hosts[0]->n_active > 0) {
            c->hosts[0]->n_active--;
        }
    }
    ok(slow < 30000 / 10, "a slow one gets %u of 30000", slow);
    for (int i = 0; i < 3; i++) {
        c->hosts[i]->n_active = 0;
    }
    for (int i = 0; i < 100; i++) {
        avoided += mosn_cluster_pick(c, &how) != c->hosts[0];
    }
    is_num(avoided, 100, "a host to avoid is avoided");
    hosts_end();

    c = hosts_cluster("lb = \"least_request\"; hosts = ( { address = "
                      "\"10.0.0.1:1\"; weight = 5; }, { address = "
                      "\"10.0.0.2:1\"; weight = 3; }, { address = "
                      "\"10.0.0.3:1\"; weight = 2; } );");
    memcpy(shares, (unsigned[]){ 5, 3, 2 }, sizeof(shares));
    hosts_shares(c, 30000, shares, "by weight when all are idle");
    for (int i = 0; i < 30000; i++) { /* and nobody ever answers */
        mosn_cluster_pick(c, NULL)->n_active++;
    }
    ok(c->hosts[0]->n_active > 14700 && c->hosts[0]->n_active < 15300
           && c->hosts[2]->n_active > 5700 && c->hosts[2]->n_active < 6300,
       "what is under way is by weight: %u, %u, %u", c->hosts[0]->n_active,
       c->hosts[1]->n_active, c->hosts[2]->n_active);
    for (int i = 0; i < 3; i++) {
        c->hosts[i]->n_active = 0;
    }
    hosts_end();
    return hosts_done();
}
