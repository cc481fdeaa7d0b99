/* tests/resources.c - changes are whole or not at all. */

#include "gate.h"
#include "../src/resources.c"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"


/* How it went: "" or what is wrong. */
static const char *
apply(mosn_resource_e kind, const char *name, const char *text)
{
    static char said[1024];
    char       *why =
        mosn_resource_apply(gate_generation, kind, mosn_str(name), text);

    (void) snprintf(said, sizeof(said), "%s", why != NULL ? why : "");
    free(why);
    return said;
}


static mosn_cluster_t *
cluster(const char *name)
{
    return mosn_map_find(&gate_generation->clusters, mosn_str(name));
}


static void
done(const char *why, const char *name)
{
    is_str(mosn_str(why), "", name);
}


static void
test_routes(int client)
{
    has(apply(MOSN_RESOURCE_ROUTES, "main",
              "name = \"main\"; virtual_hosts = ( { name = \"v\"; domains = "
              "[\"*\"]; routes = ( { route = { cluster = \"new\"; }; } ); } "
              ");"),
        "no cluster \"new\"", "routes to a cluster that is not there");
    gate_say(client, GET("/"));
    has(gate_hear(client), "200 OK", "change nothing");
    done(apply(MOSN_RESOURCE_ROUTES, "main",
               "name = \"main\"; virtual_hosts = ( { name = \"v\"; domains = "
               "[\"*\"]; routes = ( { respond = { status = 201; }; } ); } );"),
         "routes that hold");
    gate_say(client, GET("/"));
    has(gate_hear(client), "201 Created", "are those of the next request");
    has(apply(MOSN_RESOURCE_ROUTES, "other", "name = \"other\";"),
        "no route table \"other\"", "a table that is not there");
    has(apply(MOSN_RESOURCE_ROUTES, "main",
              "name = \"main\"; virtual_hosts ="),
        "syntax error", "half a text");
}


static void
test_clusters(void)
{
    mosn_cluster_t *c;

    has(apply(MOSN_RESOURCE_HOSTS, "new", "hosts = ();"), "no cluster \"new\"",
        "hosts of a cluster that is not there");
    has(apply(MOSN_RESOURCE_CLUSTER, "new",
              "name = \"new\"; lb = \"none\"; hosts = ( { address = "
              "\"127.0.0.1:1\"; } );"),
        "lb", "a cluster that cannot be");
    ok(cluster("new") == NULL || cluster("new")->removed, "is not there");
    done(apply(MOSN_RESOURCE_CLUSTER, "new",
               "name = \"new\"; hosts = ( { address = \"127.0.0.1:1\"; } );"),
         "one that can");
    c = cluster("new");
    ok(c != NULL && c->n_hosts == 1, "is");
    done(apply(
             MOSN_RESOURCE_HOSTS, "new",
             "hosts = ( { address = \"127.0.0.1:1\"; weight = 7; }, { address "
             "= \"127.0.0.1:2\"; } );"),
         "other hosts");
    ok(c->n_hosts == 2 && c->hosts[0]->conf->weight == 7, "are its hosts");
    has(apply(MOSN_RESOURCE_HOSTS, "new", "hosts = ( { address = \"x\"; } );"),
        "address", "a host that has no address");
    ok(c->n_hosts == 2, "changes nothing");
    done(apply(MOSN_RESOURCE_REMOVE, "new", ""), "removed");
    has(apply(MOSN_RESOURCE_REMOVE, "new", ""), "no cluster", "but once");
    has(apply(MOSN_RESOURCE_HOSTS, "new", "hosts = ();"), "no cluster",
        "it has no hosts then");
    done(apply(MOSN_RESOURCE_CLUSTER, "new",
               "name = \"new\"; hosts = ( { address = \"127.0.0.1:3\"; } );"),
         "and may come again");
    ok(!cluster("new")->removed && cluster("new")->n_hosts == 1, "as new");
}


static void
test_filters(int client)
{
    has(apply(MOSN_RESOURCE_FILTERS, "l",
              "name = \"l\"; filters = ( { type = \"proxy\"; routes = "
              "\"none\"; } );"),
        "no route table \"none\"", "filters that cannot be");
    has(apply(MOSN_RESOURCE_FILTERS, "k",
              "name = \"k\"; filters = ( { type = \"proxy\"; routes = "
              "\"main\"; } );"),
        "no listener \"k\"", "for a listener that is not there");
    done(apply(MOSN_RESOURCE_FILTERS, "l",
               "name = \"l\"; filters = ( { type = \"proxy\"; routes = "
               "\"main\"; max_headers = 1; } );"),
         "filters that hold");
    gate_say(client, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
    has(gate_hear(client), "201 Created", "old connections keep theirs");
    (void) close(client);
    client = gate_client();
    gate_say(client, "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
    has(gate_hear(client), "431 ", "new ones have the new ones");
    (void) close(client);
    gate_turns(3);
}


/* As another process takes it. */
static void
test_packed(void)
{
    int fd = mosn_resource_open();

    ok(mosn_resource_pack(
           fd, MOSN_RESOURCE_HOSTS, MOSN_STR("c"),
           "hosts = ( { address = \"127.0.0.1:9\"; weight = 3; } );"),
       "a change is packed");
    ok(mosn_resource_take(gate_generation, fd, true), "and taken");
    ok(cluster("c")->n_hosts == 1 && cluster("c")->hosts[0]->conf->weight == 3,
       "as it was meant");
    fd = memfd_create("test", 0);
    ok(!mosn_resource_take(gate_generation, fd, true), "nothing is no change");
    fd = memfd_create("test", 0);
    if (write(fd, "0 c", 3) != 3) {
        abort();
    }
    ok(!mosn_resource_take(gate_generation, fd, true), "half a line neither");
}


/* What is there, as settings. */
static void
test_settings(void)
{
    mosn_pool_t          *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_settings_t       copy = *gate_settings;
    mosn_hosts_conf_t     hosts = { 0 };
    mosn_resources_conf_t all = { 0 };

    mosn_resources_refresh(&copy, gate_generation, pool);
    is_num((long long) copy.clusters.n, 2, "the new cluster is in them");
    mosn_resources_make_room(&all, 2, pool);
    for (int i = 0; i < 2; i++) {
        mosn_resources_keep_cluster(&all, copy.clusters.items[0].name,
                                    &copy.clusters.items[0]);
        mosn_resources_keep_routes(&all, copy.routes.items[0].name,
                                   &copy.routes.items[0]);
    }
    ok(all.clusters.n == 1 && all.routes.n == 1, "what has changed is kept");
    ok(!mosn_resources_name(&all, MOSN_STR("c")), "no route names a cluster");
    mosn_resource_copy_hosts(cluster("c"), pool, &hosts);
    is_num((long long) hosts.hosts.n, 1, "its hosts");
    is_num(hosts.hosts.items[0].weight, 3, "as they are");
    mosn_pool_destroy(&pool);
}


int
main(void)
{
    int client;

    gate_open("{ type = \"proxy\"; routes = \"main\"; }",
              "{ respond = { status = 200; }; }", "");
    client = gate_client();
    test_routes(client);
    test_clusters();
    test_filters(client);
    test_packed();
    test_settings();
    gate_close();
    return done_testing();
}
