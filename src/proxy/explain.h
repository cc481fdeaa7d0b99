/*
 * proxy/explain.h - what becomes of a request, and why: asked by operators,
 * and by tests inside the configuration.
 *
 * Walks the tables that requests walk, with the same functions; nothing is
 * sent.
 */

#ifndef MOSN_PROXY_EXPLAIN_H
#define MOSN_PROXY_EXPLAIN_H

#include "proxy/request.h"

/* A request as an operator puts it. */
typedef struct {
    mosn_str_t        listener; /* or empty: the first one with routes */
    mosn_str_t        method;
    mosn_str_t        url;  /* "http://host/path?query", or a path */
    mosn_str_t        call; /* "SERVICE METHOD [VERSION [GROUP]]" instead */
    mosn_conf_pairs_t headers;
    mosn_str_t        source;        /* the client's address */
    mosn_str_t        server_name;   /* that it asks TLS for; empty: the host
                                        of an https URL */
    mosn_strs_t           protocols; /* that it offers there (ALPN) */
    const mosn_tls_ctx_t *tls;       /* of its chain; NULL: plain */
    bool                  http2;     /* what they agree on there */
} mosn_question_t;

typedef struct {
    const mosn_route_t *route; /* NULL: none */
    const mosn_cluster_t
              *cluster;  /* one of those that it may go to; or NULL */
    unsigned   status;   /* of an answer of ours; 0: none */
    mosn_str_t path;     /* that the upstream sees */
    mosn_str_t host;     /* the same */
    mosn_str_t location; /* of a redirect */
} mosn_explained_t;

/* `out` NULL: only the result.  What it points to lives in `pool`, or in the
 * tables.  NULL: done; else what is wrong with the question. */
const char *mosn_explain(const mosn_proxy_conf_t    *proxy,
                         const mosn_listener_conf_t *listener,
                         const mosn_question_t *question, mosn_pool_t *pool,
                         mosn_explained_t *result, FILE *out);

/* Each candidate of a virtual host with what it misses, up to the one that is
 * taken; `out` may be NULL. */
const mosn_route_t *mosn_explain_routes(const mosn_virtual_host_t *host,
                                        mosn_match_input_t *input, FILE *out);

#endif
