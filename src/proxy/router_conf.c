/* proxy/router_conf.c - the settings of route tables. */

#include "proxy/router.h"

static const mosn_directive_t split_directives[] = {
    MOSN_STRING_REQUIRED(mosn_split_conf_t, name, "Name of a cluster."),
    MOSN_INT(mosn_split_conf_t, weight, 0, 1000000, 1,
             "Its share of the requests."),
    MOSN_MAP(mosn_split_conf_t, subset,
             "Only to hosts with this metadata; in place of the route's."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t split_block = {
    .doc = "One of several clusters that share the requests.",
    .size = sizeof(mosn_split_conf_t),
    .directives = split_directives,
};

static const mosn_directive_t rewrite_directives[] = {
    MOSN_STRING_REQUIRED(mosn_rewrite_conf_t, regex,
                         "An expression; everything that it takes is "
                         "replaced."),
    MOSN_STRING_REQUIRED(mosn_rewrite_conf_t, substitution,
                         "By this; $1 or ${name} stands for a group, $$ for "
                         "a dollar sign."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t rewrite_block = {
    .doc = "A replacement by a regular expression.",
    .size = sizeof(mosn_rewrite_conf_t),
    .directives = rewrite_directives,
};

static const mosn_directive_t hedge_directives[] = {
    MOSN_DURATION(mosn_hedge_conf_t, delay, 1, 3600000, 100,
                  "An answer that has not begun by then is asked of another "
                  "host, too."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t hedge_block = {
    .doc = "A second host is asked when the first is slow, and the sooner "
           "answer is taken: for methods that may be repeated, without a "
           "body, within the `retry_budget`.",
    .size = sizeof(mosn_hedge_conf_t),
    .directives = hedge_directives,
};

static const char *const priorities[] = { "default", "high", NULL };

static const mosn_directive_t forward_directives[] = {
    MOSN_STRING(mosn_forward_conf_t, cluster, NULL,
                "Name of the cluster that answers."),
    MOSN_LIST(mosn_forward_conf_t, clusters, &split_block,
              "Several clusters that share the requests by weight."),
    MOSN_STRING(mosn_forward_conf_t, cluster_header, NULL,
                "The request's header that has the name of the cluster; one "
                "that names none is answered 503."),
    MOSN_MAP(mosn_forward_conf_t, subset,
             "Only to hosts with this metadata; the cluster has a selector "
             "with these keys."),
    MOSN_STRING(mosn_forward_conf_t, prefix_rewrite, NULL,
                "Replaces what `match` has matched of the path."),
    MOSN_STRING(mosn_forward_conf_t, path_rewrite, NULL,
                "Replaces the path, not the query; {name} stands for what "
                "`template` has there."),
    MOSN_OPT_GROUP(mosn_forward_conf_t, regex_rewrite, &rewrite_block,
                   "Replaces parts of the path, not of the query."),
    MOSN_STRING(mosn_forward_conf_t, host_rewrite, NULL,
                "The Host that the upstream sees, with %variables%; else "
                "the client's.  Of calls, rewrites are for none."),
    MOSN_OPT_GROUP(mosn_forward_conf_t, host_regex_rewrite, &rewrite_block,
                   "Replaces parts of the Host."),
    MOSN_BOOL(mosn_forward_conf_t, retry_lost, false,
              "When the connection is lost under a request that was sent, "
              "send it again, to another host where there is one, though it "
              "may have been executed, as far as the cluster's "
              "`retry_budget` and `max_retries` let it.  What was provably "
              "not executed is always sent again."),
    MOSN_DURATION(mosn_forward_conf_t, timeout, 0, 86400000, 60000,
                  "Longest wait for the answer to begin, once the whole "
                  "request has come, all attempts and the time in a `queue` "
                  "together; 0: no limit.  A call that says how long its "
                  "caller waits has that instead."),
    MOSN_DURATION(mosn_forward_conf_t, idle_timeout, 0, 86400000, 0,
                  "Longest pause within the answer, and while the request "
                  "is sent: when both go on at a time, in which neither "
                  "does; 0: as `timeout`."),
    MOSN_ENUM(mosn_forward_conf_t, priority, priorities, MOSN_PRIORITY_DEFAULT,
              "Which limits of the cluster's circuit breaker it is under."),
    MOSN_OPT_GROUP(mosn_forward_conf_t, retry, &mosn_retry_block,
                   "When a request is sent again; else as the virtual host "
                   "says."),
    MOSN_OPT_GROUP(mosn_forward_conf_t, hedge, &hedge_block,
                   "A second host is asked when the first is slow."),
    MOSN_LIST(mosn_forward_conf_t, hash, &mosn_hash_block,
              "What balancers by hash go by."),
    MOSN_LIST(mosn_forward_conf_t, mirror, &mosn_mirror_block,
              "Clusters that get copies."),
    MOSN_SIZE(mosn_forward_conf_t, replay_bytes, 0, 1 << 26, 65536,
              "So much of a request's body is kept to send it again; a "
              "longer one is sent once."),
    MOSN_DIRECTIVES_END
};


static void
forward_check(mosn_conf_t *reader, void *conf)
{
    const mosn_forward_conf_t *f = conf;

    if ((f->cluster.at != NULL) + (f->clusters.n > 0)
            + (f->cluster_header.at != NULL)
        != 1)
    {
        mosn_conf_error(reader, f, NULL,
                        "needs exactly one of `cluster`, `clusters` and "
                        "`cluster_header`");
    }
    if ((f->prefix_rewrite.at != NULL) + (f->path_rewrite.at != NULL)
            + (f->regex_rewrite != NULL)
        > 1)
    {
        mosn_conf_error(reader, f, NULL,
                        "needs at most one of `prefix_rewrite`, "
                        "`path_rewrite` and `regex_rewrite`");
    }
    if (f->host_rewrite.at != NULL && f->host_regex_rewrite != NULL) {
        mosn_conf_error(reader, &f->host_rewrite, f,
                        "has both `host_rewrite` and `host_regex_rewrite`");
    }
}


static const mosn_conf_block_t forward_block = {
    .doc = "Send the request to a cluster.",
    .size = sizeof(mosn_forward_conf_t),
    .directives = forward_directives,
    .check = forward_check,
};

static const mosn_directive_t respond_directives[] = {
    MOSN_INT(mosn_respond_conf_t, status, 200, 599, 200,
             "Its status.  What answers a call is an error of its protocol, "
             "whatever the status."),
    MOSN_STRING(mosn_respond_conf_t, body, "", "Its body."),
    MOSN_STRING(mosn_respond_conf_t, body_file, NULL,
                "A file that has its body, read when the configuration is; "
                "at most 1 MiB."),
    MOSN_STRING(mosn_respond_conf_t, body_bytes, NULL,
                "Written by mosn: a body that is no text, in hexadecimal."),
    MOSN_STRING(mosn_respond_conf_t, content_type, "text/plain",
                "Its Content-Type, when there is a body."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t respond_block = {
    .doc = "Answer the request here.",
    .size = sizeof(mosn_respond_conf_t),
    .directives = respond_directives,
};

static const char *const redirect_schemes[] = { "keep", "http", "https",
                                                NULL };

static const mosn_directive_t redirect_directives[] = {
    MOSN_STRING(mosn_redirect_conf_t, path, NULL,
                "The new path, query and all; {name} stands for what "
                "`template` has there."),
    MOSN_STRING(mosn_redirect_conf_t, prefix_rewrite, NULL,
                "Replaces what `match` has matched; the rest of the path "
                "and the query stay."),
    MOSN_OPT_GROUP(mosn_redirect_conf_t, regex_rewrite, &rewrite_block,
                   "Replaces parts of the path; the query stays."),
    MOSN_STRING(mosn_redirect_conf_t, host, NULL, "The new host[:port]."),
    MOSN_INT(mosn_redirect_conf_t, port, 0, 65535, 0,
             "The new port; 0: that of `host`, or of the request."),
    MOSN_ENUM(mosn_redirect_conf_t, scheme, redirect_schemes, 0,
              "The new scheme; `https` is how a site moves to TLS."),
    MOSN_BOOL(mosn_redirect_conf_t, strip_query, false,
              "The query does not go with it."),
    MOSN_INT(mosn_redirect_conf_t, status, 301, 308, 301,
             "301, 302, 303, 307 or 308."),
    MOSN_DIRECTIVES_END
};


static void
redirect_check(mosn_conf_t *reader, void *conf)
{
    const mosn_redirect_conf_t *r = conf;

    if (r->status > 303 && r->status < 307) {
        mosn_conf_error(reader, &r->status, r,
                        "must be 301, 302, 303, 307 or 308");
    }
    if (r->path.at == NULL && r->prefix_rewrite.at == NULL
        && r->regex_rewrite == NULL && r->host.at == NULL && r->port == 0
        && r->scheme == 0 && !r->strip_query)
    {
        mosn_conf_error(reader, r, NULL,
                        "redirects to itself: needs one of `path`, "
                        "`prefix_rewrite`, `regex_rewrite`, `host`, `port`, "
                        "`scheme` and `strip_query`");
    }
    if ((r->path.at != NULL) + (r->prefix_rewrite.at != NULL)
            + (r->regex_rewrite != NULL)
        > 1)
    {
        mosn_conf_error(reader, r, NULL,
                        "needs at most one of `path`, `prefix_rewrite` and "
                        "`regex_rewrite`");
    }
}


static const mosn_conf_block_t redirect_block = {
    .doc = "Send the client elsewhere.",
    .size = sizeof(mosn_redirect_conf_t),
    .directives = redirect_directives,
    .check = redirect_check,
};

static const mosn_directive_t route_directives[] = {
    MOSN_STRING(mosn_route_conf_t, name, NULL,
                "Its name in logs; else virtual host and number."),
    MOSN_GROUP(mosn_route_conf_t, match, &mosn_match_block,
               "Which requests it is for."),
    MOSN_OPT_GROUP(mosn_route_conf_t, route, &forward_block,
                   "Send the request to a cluster."),
    MOSN_OPT_GROUP(mosn_route_conf_t, respond, &respond_block,
                   "Answer the request here."),
    MOSN_OPT_GROUP(mosn_route_conf_t, redirect, &redirect_block,
                   "Send the client elsewhere."),
    MOSN_OPT_GROUP(mosn_route_conf_t, headers, &mosn_header_edits_block,
                   "Headers that change."),
    MOSN_OPT_GROUP(mosn_route_conf_t, query, &mosn_query_edits_block,
                   "The query that the upstream sees."),
    MOSN_OPT_GROUP(mosn_route_conf_t, cors, &mosn_cors_block,
                   "Which pages of other origins may use it; else as the "
                   "virtual host says."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t route_block = {
    .doc = "What is done with some of the requests: exactly one of `route`, "
           "`respond` and `redirect`.  The first route that matches wins.",
    .size = sizeof(mosn_route_conf_t),
    .directives = route_directives,
};

static const mosn_directive_t virtual_host_directives[] = {
    MOSN_STRING_REQUIRED(mosn_virtual_host_conf_t, name, "Its name."),
    MOSN_STRINGS_REQUIRED(mosn_virtual_host_conf_t, domains,
                          "Hosts that it is for: names, with or without a "
                          "port, \"*.suffix\", \"prefix.*\", or \"*\" for "
                          "all others."),
    MOSN_OPT_GROUP(mosn_virtual_host_conf_t, headers, &mosn_header_edits_block,
                   "Headers that change with each of its routes."),
    MOSN_OPT_GROUP(mosn_virtual_host_conf_t, query, &mosn_query_edits_block,
                   "The query that upstreams see, for each of its routes."),
    MOSN_OPT_GROUP(mosn_virtual_host_conf_t, cors, &mosn_cors_block,
                   "Which pages of other origins may use its routes."),
    MOSN_OPT_GROUP(mosn_virtual_host_conf_t, retry, &mosn_retry_block,
                   "When requests of its routes are sent again."),
    MOSN_LIST(mosn_virtual_host_conf_t, routes, &route_block,
              "Its routes, in order."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t virtual_host_block = {
    .doc = "The routes of some hosts.",
    .size = sizeof(mosn_virtual_host_conf_t),
    .directives = virtual_host_directives,
};

static const mosn_directive_t route_table_directives[] = {
    MOSN_STRING_REQUIRED(mosn_route_table_conf_t, name,
                         "Its name, for `proxy` filters."),
    MOSN_LIST(mosn_route_table_conf_t, virtual_hosts, &virtual_host_block,
              "Its virtual hosts; their order means nothing."),
    MOSN_DIRECTIVES_END
};


static void
route_table_check(mosn_conf_t *reader, void *conf)
{
    const mosn_route_table_conf_t *t = conf;

    mosn_conf_check_name(reader, &t->name, t);
}


const mosn_conf_block_t mosn_route_table_block = {
    .doc = "A table of routes that `proxy` filters refer to by name.",
    .size = sizeof(mosn_route_table_conf_t),
    .directives = route_table_directives,
    .check = route_table_check,
};
