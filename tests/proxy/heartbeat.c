/* tests/proxy/heartbeat.c - what heartbeats are answered by. */

#include "hosts.h"
#include "proxy/heartbeat.c"

static mosn_request_t    request;
static mosn_proxy_conf_t conf;


/* The status of the answer, or 0: it is passed on. */
static unsigned
take(void)
{
    unsigned status = 0;

    request.heartbeat = false;
    return mosn_heartbeat_take(&request, &status) == NULL ? status : 0;
}


static void
test_health(mosn_cluster_t *c)
{
    conf.rpc.heartbeat = MOSN_HEARTBEAT_HEALTH;
    is_num(take(), 200, "both hosts are well");
    c->hosts[0]->pool.down = true;
    is_num(take(), 200, "one is enough");
    atomic_store(mosn_host_cell(c->hosts[1], MOSN_HOST_CELL_HEALTH),
                 MOSN_HEALTH_BAD);
    is_num(take(), 503, "one down, one found unhealthy");
    c->hosts[0]->pool.down = false;
    is_num(take(), 200, "again");
    atomic_store(mosn_host_cell(c->hosts[0], MOSN_HOST_CELL_EJECTED_UNTIL),
                 hosts_loop.now_ms + 5);
    is_num(take(), 503, "the other one left out");
    hosts_loop.now_ms += 6;
    is_num(take(), 200, "for a while");
    ok(!request.heartbeat, "nothing goes to a host");
    atomic_store(mosn_host_cell(c->hosts[1], MOSN_HOST_CELL_HEALTH),
                 MOSN_HEALTH_GOOD);
}


static void
test_pass(mosn_cluster_t *c)
{
    conf.rpc.heartbeat = MOSN_HEARTBEAT_PASS;
    conf.rpc.heartbeat_cache_ms = 100;
    is_num(take(), 0, "the first is passed on");
    ok(request.heartbeat, "which it is marked for");
    request.cluster = c;
    request.status = 503;
    request.reason = MOSN_REASON_CLIENT_CLOSED;
    mosn_heartbeat_note(&request);
    is_num(take(), 0, "whose client has gone says nothing");
    request.reason = MOSN_REASON_NONE;
    mosn_heartbeat_note(&request);
    is_num(take(), 503, "its answer answers the next");
    hosts_loop.now_ms += 99;
    is_num(take(), 503, "for its time");
    hosts_loop.now_ms += 1;
    is_num(take(), 0, "and not longer");
    request.status = 200;
    mosn_heartbeat_note(&request);
    is_num(take(), 200, "a good one as well");
    conf.rpc.heartbeat_cache_ms = 0;
    is_num(take(), 0, "without a cache each goes");
}


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster("hosts = ( { address = \"10.0.0.1:1\"; "
                                      "}, { address = \"10.0.0.2:1\"; } );");

    conf.heartbeats = c;
    request.conf = &conf;
    request.loop = &hosts_loop;
    test_health(c);
    test_pass(c);
    return done_testing();
}
