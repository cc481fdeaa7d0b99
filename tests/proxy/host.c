/* tests/proxy/host.c - what a host is, why it gets nothing, how slow it is. */

#include "hosts.h"

#include "proxy/host.c"

#define S 1000000000ull


static void
check_why(mosn_cluster_t *c)
{
    mosn_host_t      *host = c->hosts[0];
    mosn_host_conf_t  conf = *host->conf;
    uint64_t          now = hosts_loop.now_ms;
    _Atomic uint64_t *health = mosn_host_cell(host, MOSN_HOST_CELL_HEALTH);
    _Atomic uint64_t *until =
        mosn_host_cell(host, MOSN_HOST_CELL_EJECTED_UNTIL);

    ok(mosn_host_why_not(host, now) == NULL, "it is well");
    atomic_store(until, now + 1);
    is_str(mosn_str(mosn_host_why_not(host, now)), "ejected", "ejected");
    ok(mosn_host_why_not(host, now + 1) == NULL, "until then");
    atomic_store(health, MOSN_HEALTH_BAD);
    is_str(mosn_str(mosn_host_why_not(host, now)), "unhealthy",
           "what a check says comes first");
    atomic_store(health, MOSN_HEALTH_GOOD);
    atomic_store(until, 0);
    host->pool.down = true;
    is_str(mosn_str(mosn_host_why_not(host, now)), "down", "no connection");
    host->pool.down = false;
    host->conf = &conf;
    conf.state = MOSN_HOST_DRAIN;
    is_str(mosn_str(mosn_host_why_not(host, now)), "draining", "draining");
    conf.state = MOSN_HOST_DISABLED;
    is_str(mosn_str(mosn_host_why_not(host, now)), "disabled", "disabled");
    host->conf = NULL;
    is_str(mosn_str(mosn_host_why_not(host, now)), "removed", "removed");
    host->conf = c->hosts[1]->conf;
}


static void
check_latency(mosn_cluster_t *c)
{
    mosn_host_t *host = c->hosts[0];

    is_num((long long) mosn_host_latency_ns(host, 5 * S), 0, "not known");
    mosn_host_note_latency(host, 10 * S, 1000000);
    is_num((long long) mosn_host_latency_ns(host, 10 * S), 1000000,
           "the first answer");
    mosn_host_note_latency(host, 10 * S, 9000000);
    is_num((long long) mosn_host_latency_ns(host, 10 * S), 9000000,
           "a slow one counts at once");
    mosn_host_note_latency(host, 10 * S, 1000000);
    is_num((long long) mosn_host_latency_ns(host, 10 * S), 8200000,
           "a fast one a little");
    ok(mosn_host_latency_ns(host, 20 * S) < 8200000 * 0.38
           && mosn_host_latency_ns(host, 20 * S) > 8200000 * 0.36,
       "after ten seconds it weighs 1/e");
    ok(mosn_host_latency_ns(host, 1000 * S) < 1000, "at last nothing");
}


static void
check_cells(mosn_cluster_t *c)
{
    mosn_host_t *a = c->hosts[0], *b = c->hosts[1];
    uint32_t     was[] = { a->metrics, b->metrics };

    ok(mosn_host_cell(a, MOSN_HOST_CELL_HEALTH)
           != mosn_host_cell(b, MOSN_HOST_CELL_HEALTH),
       "each has its cells");
    a->metrics = b->metrics = 0; /* the directory was full */
    atomic_store(mosn_host_cell(a, MOSN_HOST_CELL_HEALTH), MOSN_HEALTH_BAD);
    ok(mosn_host_why_not(b, 0) == NULL && mosn_host_why_not(a, 0) != NULL,
       "also when there was no room for them");
    a->metrics = was[0];
    b->metrics = was[1];
}


static void
check_pools(mosn_cluster_t *c)
{
    mosn_host_t *host = c->hosts[0];

    ok(mosn_host_pool(host, true) == &host->pool, "one pool for all");
    host->version->limits_high = true;
    ok(mosn_host_pool(host, false) == &host->pool, "requests like others");
    ok(mosn_host_pool(host, true) != &host->pool
           && mosn_host_pool(host, true)->high,
       "those of a high priority have their own");
    ok(mosn_host_is_idle(host), "both are idle");
    mosn_host_pool(host, true)->n_pending++;
    ok(!mosn_host_is_idle(host), "one is not");
    mosn_host_pool(host, true)->n_pending--;
    host->version->limits_high = false;
    ok(mosn_host_pool(host, true) == &host->pool, "until the limits go");
}


/* What generations leave to each other. */
static void
check_adopted(mosn_cluster_t *c)
{
    mosn_host_t      *host = c->hosts[0];
    _Atomic uint64_t *bad = mosn_host_cell(host, MOSN_HOST_CELL_HEALTH);
    _Atomic uint64_t *since = mosn_host_cell(host, MOSN_HOST_CELL_SINCE);

    mosn_host_adopt(host, 0, 1);
    is_num((long long) atomic_load(since), 0, "as old as the first ones");
    atomic_store(bad, MOSN_HEALTH_BAD);
    mosn_host_adopt(host, 1, 2);
    is_num((long long) atomic_load(bad), MOSN_HEALTH_BAD,
           "the next generation knows what was found");
    is_num((long long) atomic_load(since), 0, "and its age");
    mosn_host_adopt(host, 3, 4); /* the third one did not have it */
    is_num((long long) atomic_load(bad), MOSN_HEALTH_UNKNOWN,
           "after one without it, it is new");
    ok(atomic_load(since) > 0, "since now");
    atomic_store(bad, MOSN_HEALTH_BAD);
    mosn_host_disown(host);
    mosn_host_adopt(host, 4, 4);
    is_num((long long) atomic_load(bad), MOSN_HEALTH_UNKNOWN,
           "nor is one that left known to its own generation");
    mosn_host_adopt(host, 4, 5);
    atomic_store(since, 77);
    mosn_host_groups_look(&c->groups);
    is_num((long long) host->since_ms, 77, "workers go by that");
}


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster("hosts = ( { address = "
                                      "\"10.0.0.1:1\"; }, { address = "
                                      "\"10.0.0.2:1\"; } );");

    check_why(c);
    check_latency(c);
    check_cells(c);
    check_pools(c);
    check_adopted(c);
    ok(c->hosts[0]->id != c->hosts[1]->id, "ids are apart");
    hosts_end();
    return hosts_done();
}
