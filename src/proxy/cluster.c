/* proxy/cluster.c - build clusters, pick hosts. */

#include "proxy/cluster.h"
#include "proxy/lb.h"
#include "stream/protocol.h"

#define MAX_RESPONSE_HEADERS 256

static const mosn_directive_t host_directives[] = {
    MOSN_ADDRESS_REQUIRED(mosn_host_conf_t, address,
                          "Where the host listens."),
    MOSN_INT(mosn_host_conf_t, weight, 1, 10000, 1,
             "Its share, for balancers that weigh."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t host_block = {
    .doc = "A host of a cluster.",
    .size = sizeof(mosn_host_conf_t),
    .directives = host_directives,
};

static const mosn_directive_t breaker_directives[] = {
    MOSN_INT(mosn_breaker_conf_t, max_connections, 0, 1000000, 0,
             "Connections to one host, per worker; 0: no limit.  Requests "
             "wait for a free one."),
    MOSN_INT(mosn_breaker_conf_t, max_pending, 0, 1000000, 16384,
             "Requests that may wait for a connection to one host, per "
             "worker; one more goes to another host, or is answered 503."),
    MOSN_INT(mosn_breaker_conf_t, max_requests, 0, 10000000, 0,
             "Requests under way to the cluster, per worker; one more is "
             "answered 503; 0: no limit."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t breaker_block = {
    .doc = "Limits that protect the hosts of a cluster.",
    .size = sizeof(mosn_breaker_conf_t),
    .directives = breaker_directives,
};

static const mosn_directive_t cluster_directives[] = {
    MOSN_STRING_REQUIRED(mosn_cluster_conf_t, name,
                         "Its name, for routes, logs and metrics."),
    MOSN_STRING(mosn_cluster_conf_t, protocol, "http1",
                "What its hosts speak: `http1`, `http2`, `bolt`, `boltv2`, "
                "`dubbo`, `tr`, or the name of a protocol that was loaded."),
    MOSN_STRING(mosn_cluster_conf_t, lb, "round_robin",
                "How a host is picked: `round_robin`, "
                "`weighted_round_robin`, `random` (by weight)."),
    MOSN_DURATION(mosn_cluster_conf_t, connect_timeout, 1, 3600000, 5000,
                  "A connect that takes longer has failed."),
    MOSN_DURATION(mosn_cluster_conf_t, idle_timeout, 1, 86400000, 60000,
                  "An idle connection is closed after this time."),
    MOSN_INT(mosn_cluster_conf_t, max_requests_per_connection, 0, 1000000000,
             0, "A connection is closed after so many requests; 0: never."),
    MOSN_SIZE(mosn_cluster_conf_t, max_header_bytes, 1024, 1 << 20, 65536,
              "Longest head of a response; a longer one is answered 502."),
    MOSN_GROUP(mosn_cluster_conf_t, circuit_breaker, &breaker_block,
               "Limits that protect the hosts."),
    MOSN_GROUP(mosn_cluster_conf_t, http2, &mosn_http2_block,
               "For hosts that speak HTTP/2."),
    MOSN_GROUP(mosn_cluster_conf_t, rpc, &mosn_rpc_client_block,
               "For hosts that speak a protocol of calls."),
    MOSN_BOOL(mosn_cluster_conf_t, carry_calls, true,
              "Hosts that speak HTTP get calls of other protocols whole, as "
              "application/x-mosn-rpc for another mesh to unpack; `false`: "
              "as plain POST /service/method with the headers and the body "
              "of the call."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, tls, &mosn_tls_client_block,
                   "TLS towards the hosts; without it connections are "
                   "plain."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, headers, &mosn_header_edits_block,
                   "Headers that change on the way to it and back."),
    MOSN_LIST_REQUIRED(mosn_cluster_conf_t, hosts, &host_block, "The hosts."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_cluster_block = {
    .doc = "A group of hosts that do the same.",
    .size = sizeof(mosn_cluster_conf_t),
    .directives = cluster_directives,
};


static const mosn_module_t *
cluster_find_module(mosn_conf_t *reader, mosn_module_kind_e kind,
                    const mosn_str_t *name, const void *group)
{
    const mosn_module_t *module = mosn_module_find(kind, *name);

    if (module == NULL) {
        char names[256];

        mosn_module_names(kind, names, sizeof(names));
        mosn_conf_error(
            reader, name, group, "there is no %s \"%.*s\"; there are: %s",
            mosn_module_kind_name(kind), MOSN_STR_ARG(*name), names);
    }
    return module;
}


static void
cluster_build_hosts(mosn_conf_t *reader, mosn_generation_t *generation,
                    mosn_cluster_t *cluster)
{
    const mosn_cluster_conf_t *conf = cluster->conf;
    mosn_map_t                 seen;

    mosn_map_init(&seen, generation->pool);
    cluster->n_hosts = (uint32_t) conf->hosts.n;
    cluster->hosts = mosn_pool_calloc(
        generation->pool, cluster->n_hosts * sizeof(*cluster->hosts));

    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        const mosn_host_conf_t *host_conf = &conf->hosts.items[i];
        mosn_host_t            *host = &cluster->hosts[i];
        char                    text[MOSN_ADDRESS_TEXT];

        if (host_conf->address.len == 0) {
            continue; /* a mistake that is told already */
        }
        (void) mosn_address_format(&host_conf->address.sa,
                                   host_conf->address.len, text);
        host->conf = host_conf;
        host->name = mosn_pool_copy(generation->pool, mosn_str(text));
        host->weight = (uint32_t) host_conf->weight;
        if (!mosn_map_add(&seen, host->name, host)) {
            mosn_conf_error(reader, &host_conf->address, host_conf,
                            "the cluster has a host %s already", text);
        }
    }
}


/* What its protocol is called when TLS agrees on one. */
static mosn_str_t
cluster_alpn(const mosn_stream_protocol_ops_t *protocol)
{
    return protocol != NULL ? protocol->alpn : MOSN_STR_NULL;
}


void
mosn_cluster_build(mosn_conf_t *reader, mosn_generation_t *generation,
                   const mosn_cluster_conf_t *conf)
{
    mosn_cluster_t *cluster =
        mosn_pool_calloc(generation->pool, sizeof(*cluster));
    const mosn_stream_protocol_ops_t *protocol;

    cluster->conf = conf;
    cluster->name = conf->name;
    if (conf->name.at != NULL
        && !mosn_map_add(&generation->clusters, conf->name, cluster))
    {
        mosn_conf_error(reader, &conf->name, conf,
                        "there is a cluster \"%.*s\" already",
                        MOSN_STR_ARG(conf->name));
    }
    if (conf->hosts.n == 0 && mosn_conf_is_set(reader, &conf->hosts)) {
        mosn_conf_error(reader, &conf->hosts, conf,
                        "must have at least one host");
    }
    cluster_build_hosts(reader, generation, cluster);
    cluster->edits =
        mosn_edits_build(reader, generation->pool, conf->headers, NULL);
    cluster->lb = cluster_find_module(reader, MOSN_LB, &conf->lb, conf);
    protocol = mosn_protocol_find(conf->protocol);
    if (protocol == NULL) {
        char names[256];

        mosn_protocol_names(names, sizeof(names));
        mosn_conf_error(reader, &conf->protocol, conf,
                        "there is no protocol \"%.*s\"; there are: %s",
                        MOSN_STR_ARG(conf->protocol), names);
    } else if (protocol->connect == NULL) {
        mosn_conf_error(reader, &conf->protocol, conf,
                        "\"%.*s\" is spoken with clients only",
                        MOSN_STR_ARG(conf->protocol));
    }
    cluster->pool_conf = (mosn_stream_pool_conf_t){
        .protocol = protocol,
        .tls = conf->tls != NULL ? mosn_tls_client_build(
                   reader, generation->pool, conf->tls, cluster_alpn(protocol))
                                 : NULL,
        .settings = { .idle_timeout_ms = conf->idle_timeout_ms,
                      .max_header_bytes = conf->max_header_bytes,
                      .max_headers = MAX_RESPONSE_HEADERS,
                      .max_requests =
                          (uint32_t) conf->max_requests_per_connection,
                      .http2 = &conf->http2,
                      .rpc = &conf->rpc },
        .connect_timeout_ms = conf->connect_timeout_ms,
        .idle_timeout_ms = conf->idle_timeout_ms,
        .max_connections = (uint32_t) conf->circuit_breaker.max_connections,
        .max_pending = (uint32_t) conf->circuit_breaker.max_pending,
    };
}


static void
cluster_start(mosn_cluster_t *cluster, mosn_loop_t *loop, mosn_pool_t *pool)
{
    const mosn_lb_ops_t *lb = cluster->lb->ops;

    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        mosn_host_t *host = &cluster->hosts[i];

        mosn_stream_pool_init(&host->pool, loop, &cluster->pool_conf,
                              &host->conf->address, host->metrics);
    }
    cluster->lb_state = mosn_pool_calloc(pool, lb->state_size + 1);
    if (lb->init != NULL) {
        lb->init(cluster->lb_state, cluster, pool);
    }
}


void
mosn_clusters_start(mosn_generation_t *generation, mosn_loop_t *loop)
{
    const mosn_map_t *clusters = &generation->clusters;

    for (size_t i = 0; i <= clusters->mask; i++) {
        if (clusters->entries[i].key.at != NULL) {
            cluster_start(clusters->entries[i].value, loop, generation->pool);
        }
    }
}


void
mosn_clusters_stop(mosn_generation_t *generation)
{
    const mosn_map_t *clusters = &generation->clusters;

    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *cluster = clusters->entries[i].value;

        for (uint32_t k = 0; cluster != NULL && k < cluster->n_hosts; k++) {
            mosn_stream_pool_close(&cluster->hosts[k].pool);
        }
    }
}


mosn_host_t *
mosn_cluster_pick(mosn_cluster_t *cluster, const mosn_host_t *avoid)
{
    const mosn_lb_ops_t *lb = cluster->lb->ops;

    mosn_host_t *host;

    if (cluster->n_hosts <= 1) {
        return cluster->n_hosts == 1 ? &cluster->hosts[0] : NULL;
    }
    host =
        lb->pick(cluster->lb_state, cluster, &(mosn_pick_t){ .avoid = avoid });
    for (uint32_t i = 0;
         i < cluster->n_hosts
         && (mosn_stream_pool_is_down(&host->pool) || host == avoid);
         i++)
    {
        host = lb->pick(cluster->lb_state, cluster,
                        &(mosn_pick_t){ .avoid = host });
    }
    return host; /* when all are down, as if none were */
}


mosn_cluster_t *
mosn_cluster_resolve(mosn_conf_t *reader, const mosn_generation_t *generation,
                     const mosn_str_t *member)
{
    mosn_cluster_t *cluster = mosn_map_find(&generation->clusters, *member);

    if (cluster == NULL) {
        mosn_str_t near = mosn_map_nearest(&generation->clusters, *member);

        if (near.at != NULL) {
            mosn_conf_error(reader, member, NULL,
                            "there is no cluster \"%.*s\"; did you mean "
                            "\"%.*s\"?",
                            MOSN_STR_ARG(*member), MOSN_STR_ARG(near));
        } else {
            mosn_conf_error(reader, member, NULL,
                            "there is no cluster \"%.*s\"",
                            MOSN_STR_ARG(*member));
        }
    }
    return cluster;
}
