/* proxy/router_conf.c - the settings of route tables. */

#include "proxy/router.h"

static const mosn_directive_t split_directives[] = {
    MOSN_STRING_REQUIRED(mosn_split_conf_t, name, "Name of a cluster."),
    MOSN_INT(mosn_split_conf_t, weight, 0, 1000000, 1,
             "Its share of the requests."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t split_block = {
    .doc = "One of several clusters that share the requests.",
    .size = sizeof(mosn_split_conf_t),
    .directives = split_directives,
};

static const mosn_directive_t forward_directives[] = {
    MOSN_STRING(mosn_forward_conf_t, cluster, NULL,
                "Name of the cluster that answers."),
    MOSN_LIST(mosn_forward_conf_t, clusters, &split_block,
              "Several clusters that share the requests by weight."),
    MOSN_STRING(mosn_forward_conf_t, prefix_rewrite, NULL,
                "Replaces what `match` has matched of the path."),
    MOSN_STRING(mosn_forward_conf_t, host_rewrite, NULL,
                "The Host that the upstream sees; else the client's."),
    MOSN_BOOL(mosn_forward_conf_t, retry_lost, false,
              "When the connection is lost under a request that was sent, "
              "send it again, to another host where there is one, though it "
              "may have been executed.  What was provably not executed is "
              "always sent again."),
    MOSN_DURATION(mosn_forward_conf_t, timeout, 0, 86400000, 60000,
                  "Longest wait for the answer to begin, once the request "
                  "is sent, and longest pause within it; 0: no limit."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t forward_block = {
    .doc = "Send the request to a cluster.",
    .size = sizeof(mosn_forward_conf_t),
    .directives = forward_directives,
};

static const mosn_directive_t respond_directives[] = {
    MOSN_INT(mosn_respond_conf_t, status, 200, 599, 200, "Its status."),
    MOSN_STRING(mosn_respond_conf_t, body, "", "Its body."),
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
                "The new path, query and all."),
    MOSN_STRING(mosn_redirect_conf_t, prefix_rewrite, NULL,
                "Replaces what `match` has matched; the rest of the path "
                "and the query stay."),
    MOSN_STRING(mosn_redirect_conf_t, host, NULL, "The new host[:port]."),
    MOSN_ENUM(mosn_redirect_conf_t, scheme, redirect_schemes, 0,
              "The new scheme; `https` is how a site moves to TLS."),
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
        && r->host.at == NULL && r->scheme == 0)
    {
        mosn_conf_error(reader, r, NULL,
                        "redirects to itself: needs one of `path`, "
                        "`prefix_rewrite`, `host` and `scheme`");
    }
    if (r->path.at != NULL && r->prefix_rewrite.at != NULL) {
        mosn_conf_error(reader, &r->prefix_rewrite, r,
                        "has both `path` and `prefix_rewrite`");
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

const mosn_conf_block_t mosn_route_table_block = {
    .doc = "A table of routes that `proxy` filters refer to by name.",
    .size = sizeof(mosn_route_table_conf_t),
    .directives = route_table_directives,
};
