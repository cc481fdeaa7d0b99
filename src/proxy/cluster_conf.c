/* proxy/cluster_conf.c - the settings of clusters and hosts. */

#include "proxy/affinity.h"
#include "proxy/cluster.h"
#include "proxy/retry.h"

static const char *const host_states[] = { "enabled", "drain", "disabled",
                                           NULL };

static const mosn_directive_t host_directives[] = {
    MOSN_ADDRESS(mosn_host_conf_t, address, NULL, "Where the host listens."),
    MOSN_STRING(mosn_host_conf_t, name, NULL,
                "\"name:port\" in place of an address, for a cluster with "
                "`discovery`; \"_service._tcp.name\" has its ports in SRV "
                "records."),
    MOSN_INT(mosn_host_conf_t, weight, 1, 10000, 1,
             "Its share, for balancers that weigh."),
    MOSN_INT(mosn_host_conf_t, priority, 0, 7, 0,
             "Hosts of a higher number are used as far as those of the lower "
             "ones are not well."),
    MOSN_STRING(mosn_host_conf_t, zone, NULL, "The zone that it is in."),
    MOSN_ENUM(mosn_host_conf_t, state, host_states, MOSN_HOST_ENABLED,
              "`drain`: only those come who have a sticky cookie for it; "
              "`disabled`: nobody does."),
    MOSN_MAP(mosn_host_conf_t, metadata, "What subsets are made of."),
    MOSN_STRING(mosn_host_conf_t, resolved, NULL,
                "Written by mosn, for a host that names were resolved to: "
                "what was answered."),
    MOSN_DIRECTIVES_END
};


static void
host_check(mosn_conf_t *reader, void *conf)
{
    const mosn_host_conf_t *h = conf;

    /* Both: that is what the name was resolved to. */
    if (h->address.len == 0 && h->name.at == NULL) {
        mosn_conf_error(reader, h, NULL, "needs `address` or `name`");
    }
    if (h->address.len > 0 && h->address.sa.sa_family != AF_UNIX
        && mosn_address_port(&h->address.sa) == 0)
    {
        mosn_conf_error(reader, &h->address, h, "has no port to connect to");
    }
}


static const mosn_conf_block_t host_block = {
    .doc = "A host of a cluster.",
    .size = sizeof(mosn_host_conf_t),
    .directives = host_directives,
    .check = host_check,
};

static const mosn_directive_t hosts_directives[] = {
    MOSN_LIST(mosn_hosts_conf_t, hosts, &host_block, "The hosts."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_hosts_block = {
    .doc = "The hosts of a cluster.",
    .size = sizeof(mosn_hosts_conf_t),
    .directives = hosts_directives,
};

static const mosn_directive_t breaker_directives[] = {
    MOSN_INT(mosn_breaker_conf_t, max_connections, 0, 1000000, 0,
             "Connections to its hosts; 0: no limit.  Requests wait for a "
             "free one; each worker may have one to each host."),
    MOSN_INT(mosn_breaker_conf_t, max_pending, 0, 1000000, 16384,
             "Requests that may wait for a connection; one more goes to "
             "another host, or is answered 503."),
    MOSN_INT(mosn_breaker_conf_t, max_requests, 0, 10000000, 0,
             "Requests under way; one more waits in the `queue`, or is "
             "answered 503; 0: no limit."),
    MOSN_INT(mosn_breaker_conf_t, max_retries, 0, 1000000, 0,
             "Requests under way that are repeated; 0: no limit but the "
             "`retry_budget`."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t breaker_block = {
    .doc = "Limits that protect the hosts of a cluster, of all workers "
           "together.",
    .size = sizeof(mosn_breaker_conf_t),
    .directives = breaker_directives,
};

static const mosn_directive_t budget_directives[] = {
    MOSN_FLOAT(mosn_retry_budget_conf_t, percent, 0, 100, "20",
               "Repeated requests, of all within ten seconds."),
    MOSN_INT(mosn_retry_budget_conf_t, min_per_second, 0, 100000, 3,
             "And so many a second, in each worker, however few requests "
             "there are."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t budget_block = {
    .doc = "How many requests are sent again after a host may have seen "
           "them.  What reached nobody and goes to another host at once is "
           "not counted.",
    .size = sizeof(mosn_retry_budget_conf_t),
    .directives = budget_directives,
};

static const mosn_directive_t queue_directives[] = {
    MOSN_INT(mosn_queue_conf_t, size, 1, 1000000, 1024,
             "Requests that may wait, in each worker, of each priority."),
    MOSN_DURATION(mosn_queue_conf_t, timeout, 1, 3600000, 1000,
                  "One that has waited so long, or for the `timeout` of its "
                  "route, is answered 503."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t queue_block = {
    .doc = "Where requests wait while `max_requests` are under way.",
    .size = sizeof(mosn_queue_conf_t),
    .directives = queue_directives,
};

static const mosn_directive_t outlier_directives[] = {
    MOSN_INT(mosn_outlier_conf_t, consecutive_errors, 0, 10000, 5,
             "Answers with 5xx in a row, of all workers, after which a host "
             "is left out; 0: they do not matter."),
    MOSN_INT(mosn_outlier_conf_t, consecutive_local_errors, 0, 10000, 5,
             "Requests in a row that got no answer: no connection, a reset, "
             "a timeout; 0: they do not matter."),
    MOSN_FLOAT(mosn_outlier_conf_t, failure_percent, 0, 100, "0",
               "A host with more errors than this in an `interval` is left "
               "out; 0: not looked at."),
    MOSN_FLOAT(mosn_outlier_conf_t, success_rate_factor, 0, 10, "0",
               "So many standard deviations below the mean success rate of "
               "the hosts a host is left out (1.9 is usual); 0: not looked "
               "at."),
    MOSN_INT(mosn_outlier_conf_t, min_requests, 1, 1000000, 100,
             "Hosts with fewer requests in an `interval` are not judged by "
             "a rate."),
    MOSN_INT(mosn_outlier_conf_t, min_hosts, 1, 10000, 5,
             "With fewer hosts to compare there is no success rate."),
    MOSN_DURATION(mosn_outlier_conf_t, interval, 100, 3600000, 10000,
                  "Rates are of so long a time."),
    MOSN_DURATION(mosn_outlier_conf_t, ejection_time, 100, 86400000, 30000,
                  "A host is left out for this time, twice as long the "
                  "second time in a row, and so on."),
    MOSN_DURATION(mosn_outlier_conf_t, max_ejection_time, 100, 86400000,
                  300000, "But never longer."),
    MOSN_FLOAT(mosn_outlier_conf_t, max_ejection_percent, 0, 100, "50",
               "No more of the hosts are left out; one always may be."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t outlier_block = {
    .doc = "Hosts that fail requests get none for a while.",
    .size = sizeof(mosn_outlier_conf_t),
    .directives = outlier_directives,
};

static const char *const health_types[] = { "http", "grpc", "tcp", "heartbeat",
                                            NULL };

static const mosn_directive_t health_directives[] = {
    MOSN_ENUM(mosn_health_conf_t, type, health_types, MOSN_HEALTH_HTTP,
              "`http`: a request; `grpc`: grpc.health.v1; `tcp`: a "
              "connection, and what is said on it; `heartbeat`: that of "
              "Bolt, Dubbo or another protocol of calls."),
    MOSN_DURATION(mosn_health_conf_t, interval, 10, 3600000, 5000,
                  "Between two checks of a host."),
    MOSN_DURATION(mosn_health_conf_t, timeout, 1, 3600000, 1000,
                  "A check that takes longer has failed."),
    MOSN_INT(mosn_health_conf_t, healthy, 1, 1000, 2,
             "So many good ones in a row and it gets requests again."),
    MOSN_INT(mosn_health_conf_t, unhealthy, 1, 1000, 3,
             "So many bad ones in a row and it gets none.  The very first "
             "result counts at once; a host that comes to others gets "
             "requests when that was good."),
    MOSN_FLOAT(mosn_health_conf_t, jitter_percent, 0, 100, "20",
               "Intervals differ by so much, so that hosts are not asked in "
               "one moment."),
    MOSN_STRING(mosn_health_conf_t, method, "GET", "`http`: its method."),
    MOSN_STRING(mosn_health_conf_t, path, "/", "`http`: its path."),
    MOSN_STRING(mosn_health_conf_t, host, "",
                "`http` and `grpc`: its Host; else the address."),
    MOSN_STRINGS(mosn_health_conf_t, statuses,
                 "`http`: good answers: [\"200-299\", \"401\"]; else those "
                 "with 2xx."),
    MOSN_STRING(mosn_health_conf_t, service, "",
                "`grpc`: the service that is asked about; else all of it."),
    MOSN_STRING(mosn_health_conf_t, send, "", "`tcp`: what is sent."),
    MOSN_STRING(mosn_health_conf_t, expect, "",
                "`tcp`: what must come back, wherever in the first 4 KiB; "
                "else a connection is enough."),
    MOSN_STRING(mosn_health_conf_t, event_log, NULL,
                "A file that gets a line of JSON for each change; at run time "
                "only one that the configuration file names, too."),
    MOSN_DIRECTIVES_END
};


static void
health_check(mosn_conf_t *reader, void *conf)
{
    const mosn_health_conf_t *h = conf;
    uint64_t                  from, to;

    for (size_t i = 0; i < h->statuses.n; i++) {
        if (!mosn_retry_parse_range(h->statuses.items[i], &from, &to)) {
            mosn_conf_error(reader, &h->statuses.items[i], h,
                            "expected a status like \"200\" or \"200-299\", "
                            "found \"%.*s\"",
                            MOSN_STR_ARG(h->statuses.items[i]));
        }
    }
    if (h->service.len > 100) {
        mosn_conf_error(reader, &h->service, h,
                        "must be no longer than 100 bytes");
    }
    if (h->type != MOSN_HEALTH_TCP && h->expect.len > 0) {
        mosn_conf_error(reader, &h->expect, h, "is for `type = \"tcp\"`");
    }
    if (h->type != MOSN_HEALTH_TCP && h->send.len > 0) {
        mosn_conf_error(reader, &h->send, h, "is for `type = \"tcp\"`");
    }
}


static const mosn_conf_block_t health_block = {
    .doc = "Hosts are asked how they are, once for all workers, by the "
           "control process.",
    .size = sizeof(mosn_health_conf_t),
    .directives = health_directives,
    .check = health_check,
};

static const mosn_directive_t sticky_directives[] = {
    MOSN_STRING(mosn_sticky_conf_t, cookie, "route", "Its name."),
    MOSN_DURATION(mosn_sticky_conf_t, ttl, 0, 2000000000, 0,
                  "How long the client keeps it; 0: for its session."),
    MOSN_STRING(mosn_sticky_conf_t, path, "/", "Its path."),
    MOSN_DIRECTIVES_END
};

static void
sticky_check(mosn_conf_t *reader, void *conf)
{
    const mosn_sticky_conf_t *s = conf;

    mosn_cookie_check(reader, &s->cookie, &s->path, s);
}


static const mosn_conf_block_t sticky_block = {
    .doc = "A cookie keeps a client at the host that it got first, as long "
           "as that is usable.",
    .size = sizeof(mosn_sticky_conf_t),
    .directives = sticky_directives,
    .check = sticky_check,
};

static const char *const discoveries[] = { "static", "strict_dns",
                                           "logical_dns", "original_dst",
                                           NULL };

static const char *const subset_fallbacks[] = { "none", "any", "default",
                                                NULL };

static const mosn_directive_t cluster_directives[] = {
    MOSN_STRING_REQUIRED(mosn_cluster_conf_t, name,
                         "Its name, for routes, logs and metrics."),
    MOSN_STRING(mosn_cluster_conf_t, protocol, "http1",
                "What its hosts speak: `http1`, `http2`, `bolt`, `boltv2`, "
                "`dubbo`, `tr`, or the name of a protocol that was loaded."),
    MOSN_ENUM(mosn_cluster_conf_t, discovery, discoveries,
              MOSN_DISCOVERY_STATIC,
              "`static`: hosts have addresses; `strict_dns`: they have names, "
              "and every address of a name is a host; `logical_dns`: one "
              "address of a name is used at a time; for both, who comes "
              "before names of new settings are resolved waits for them up "
              "to five seconds; `original_dst`: there "
              "are none, a client goes on to where it was going before a "
              "packet filter (nft `redirect`) sent it here.  The filter must "
              "leave the connections of mosn itself alone (`meta skuid`), or "
              "they come back to it until a limit ends that."),
    MOSN_STRING(mosn_cluster_conf_t, lb, "weighted_round_robin",
                "How a host is picked: `weighted_round_robin`, `round_robin` "
                "(weights do not count), `random` (by weight), "
                "`least_request` (the less busy one of two, by weight), "
                "`peak_ewma` (the one of two that answers sooner for what it "
                "weighs), `ring_hash` or `maglev` (by the `hash` of the "
                "route, and by weight)."),
    MOSN_INT(mosn_cluster_conf_t, ring_points, 2, 65536, 1024,
             "`ring_hash`: points of the heaviest host, rounded up to a power "
             "of two; with 1,024 a host has within 10 % of what it weighs, "
             "with 65,536 (of 8 bytes) within 2 %.  "
             "When the greatest weight in the cluster comes to another power "
             "of two, many keys move; with `maglev` they do not."),
    MOSN_INT(mosn_cluster_conf_t, table_size, 16, 1 << 20, 65536,
             "`maglev`: places in its table, rounded up to a power of two; "
             "with ten thousand for each host all are within 2 % of their "
             "weight, with a hundred within 20 %."),
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
    MOSN_OPT_GROUP(mosn_cluster_conf_t, circuit_breaker_high, &breaker_block,
                   "Limits of routes with `priority = \"high\"`, whose "
                   "requests then have connections of their own; else they "
                   "have the limits of requests and retries above for "
                   "themselves."),
    MOSN_GROUP(mosn_cluster_conf_t, retry_budget, &budget_block,
               "How many requests are sent again."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, queue, &queue_block,
                   "Where requests wait when too many are under way."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, outlier_detection, &outlier_block,
                   "Hosts that fail requests get none for a while."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, health_check, &health_block,
                   "Hosts are asked how they are."),
    MOSN_FLOAT(mosn_cluster_conf_t, panic_percent, 0, 100, "0",
               "With fewer of its hosts well than this, all are used as if "
               "they were: better some errors than the rest overrun.  Not "
               "while other priorities can take what is too much.  When "
               "none is well, all are used anyway."),
    MOSN_DURATION(mosn_cluster_conf_t, slow_start, 0, 3600000, 0,
                  "A host that is new, or well again, gets to its weight in "
                  "this time; for balancers that weigh."),
    MOSN_BOOL(mosn_cluster_conf_t, prefer_zone, true,
              "Hosts of our own `zone` come first, as far as they are well."),
    MOSN_STRING_LISTS(mosn_cluster_conf_t, subset_selectors,
                      "Keys of metadata by which routes may ask for some of "
                      "the hosts."),
    MOSN_ENUM(mosn_cluster_conf_t, subset_fallback, subset_fallbacks,
              MOSN_SUBSET_NONE,
              "When no host has what a route asks for: `none` is used (503), "
              "`any`, or those of `default_subset`."),
    MOSN_MAP(mosn_cluster_conf_t, default_subset,
             "Metadata, the keys of a selector."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, sticky, &sticky_block,
                   "A cookie that keeps clients at their hosts."),
    MOSN_GROUP(mosn_cluster_conf_t, http2, &mosn_http2_block,
               "For hosts that speak HTTP/2."),
    MOSN_GROUP(mosn_cluster_conf_t, rpc, &mosn_rpc_client_block,
               "For hosts that speak a protocol of calls."),
    MOSN_BOOL(mosn_cluster_conf_t, carry_calls, true,
              "Hosts that speak HTTP get calls of other protocols whole, as "
              "application/x-mosn-rpc for another mesh to unpack (edits of "
              "their answers are that one's to make); `false`: "
              "as plain POST /service/method with the headers and the body "
              "of the call."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, tls, &mosn_tls_client_block,
                   "TLS towards the hosts; without it connections are "
                   "plain."),
    MOSN_OPT_GROUP(mosn_cluster_conf_t, headers, &mosn_header_edits_block,
                   "Headers that change on the way to it and back."),
    MOSN_ROW(mosn_cluster_conf_t, hosts.hosts, "hosts", LIST,
             .block = &host_block,
             .doc = "The hosts; at least one, or none with `discovery = "
                    "\"original_dst\"`."),
    MOSN_DIRECTIVES_END
};


/* "name:port", or a SRV record's. */
static bool
host_is_name(mosn_str_t name)
{
    const char *colon = memrchr(name.at, ':', name.len);
    uint64_t    port;

    if (colon == NULL) {
        return name.len > 1 && name.len < 250 && name.at[0] == '_';
    }
    return colon > name.at && name.len < 250
           && mosn_str_parse_u63(
               (mosn_str_t){ colon + 1,
                             name.len - (size_t) (colon - name.at) - 1 },
               &port)
           && port > 0 && port < 65536;
}


/* Hosts that come and go with clients are no group to choose from. */
static void
cluster_check_original(mosn_conf_t *reader, const mosn_cluster_conf_t *c)
{
    static const char why[] =
        "does not go with `discovery = \"original_dst\"`";

    if (c->hosts.hosts.n > 0) {
        mosn_conf_error(reader, &c->hosts.hosts, c, "%s", why);
    }
    if (c->outlier_detection != NULL) {
        mosn_conf_error(reader, &c->outlier_detection, c, "%s", why);
    }
    if (c->health_check != NULL) {
        mosn_conf_error(reader, &c->health_check, c, "%s", why);
    }
    if (c->sticky != NULL) {
        mosn_conf_error(reader, &c->sticky, c, "%s", why);
    }
    if (c->subset_selectors.n > 0) {
        mosn_conf_error(reader, &c->subset_selectors, c, "%s", why);
    }
}


bool
mosn_subset_has_selector(const mosn_cluster_conf_t *cluster,
                         const mosn_conf_pairs_t   *subset)
{
    const mosn_str_lists_t *all = &cluster->subset_selectors;

    for (size_t i = 0; i < all->n; i++) {
        size_t found = 0;

        for (size_t k = 0; k < subset->n; k++) {
            for (size_t m = 0; m < all->items[i].n; m++) {
                found += mosn_str_equal(all->items[i].items[m],
                                        subset->items[k].name);
            }
        }
        if (found == subset->n && all->items[i].n == subset->n) {
            return true;
        }
    }
    return false;
}


static void
cluster_check(mosn_conf_t *reader, void *conf)
{
    const mosn_cluster_conf_t *c = conf;
    bool named = c->discovery == MOSN_DISCOVERY_STRICT_DNS
                 || c->discovery == MOSN_DISCOVERY_LOGICAL_DNS;

    mosn_conf_check_name(reader, &c->name, c);
    if (c->name.len > 255) {
        mosn_conf_error(reader, &c->name, c, "must be at most 255 bytes");
    }
    if (c->discovery == MOSN_DISCOVERY_ORIGINAL_DST) {
        cluster_check_original(reader, c);
        return;
    }
    if (!mosn_conf_is_set(reader, &c->hosts.hosts)) {
        mosn_conf_error(reader, c, NULL, "hosts is missing: at least one");
    }

    for (size_t i = 0; i < c->hosts.hosts.n; i++) {
        const mosn_host_conf_t *h = &c->hosts.hosts.items[i];

        if (named != (h->name.at != NULL)
            || (h->address.len > 0) != (h->name.at == NULL))
        {
            mosn_conf_error(reader, h, NULL,
                            named ? "needs a `name`: the cluster has "
                                    "`discovery`"
                                  : "needs an `address`: without `discovery` "
                                    "names are not resolved");
        } else if (named && !host_is_name(h->name)) {
            mosn_conf_error(reader, &h->name, h,
                            "expected \"name:port\" or "
                            "\"_service._tcp.name\", found \"%.*s\"",
                            MOSN_STR_ARG(h->name));
        }
    }
    if (c->subset_fallback == MOSN_SUBSET_DEFAULT && c->default_subset.n == 0)
    {
        mosn_conf_error(reader, &c->subset_fallback, c,
                        "needs `default_subset`");
    }
    if (c->default_subset.n > 0
        && !mosn_subset_has_selector(c, &c->default_subset))
    {
        mosn_conf_error(reader, &c->default_subset, c,
                        "no selector has these keys (`subset_selectors`)");
    }
    if (c->queue != NULL && c->circuit_breaker.max_requests == 0
        && (c->circuit_breaker_high == NULL
            || c->circuit_breaker_high->max_requests == 0))
    {
        mosn_conf_error(reader, &c->queue, c,
                        "nobody waits without `max_requests` in "
                        "`circuit_breaker`");
    }
    if (c->slow_start_ms > 0 && mosn_str_equal(c->lb, MOSN_STR("round_robin")))
    {
        mosn_conf_error(reader, &c->slow_start_ms, c,
                        "weights do not count for round_robin; "
                        "`lb = \"weighted_round_robin\"` heeds them");
    }
}


const mosn_conf_block_t mosn_cluster_block = {
    .doc = "A group of hosts that do the same.",
    .size = sizeof(mosn_cluster_conf_t),
    .directives = cluster_directives,
    .check = cluster_check,
};
