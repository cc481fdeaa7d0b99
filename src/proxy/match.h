/*
 * proxy/match.h - what a route asks of a request besides its host.
 *
 * The same for all protocols: of HTTP, service and method are those of a
 * gRPC path, "/service/method"; of a call, headers are those of its header
 * map or its attachments.
 */

#ifndef MOSN_PROXY_MATCH_H
#define MOSN_PROXY_MATCH_H

#include "event/conn.h"
#include "proto/message.h"
#include "proxy/route_index.h"
#include "proxy/text_match.h"

typedef struct {
    mosn_str_t prefix;
    mosn_str_t path;
    mosn_str_t path_prefix;
    mosn_str_t path_regex;
    mosn_str_t template;
    mosn_strs_t         methods;
    mosn_str_t          authority;
    mosn_strs_t         source_addresses;
    mosn_strs_t         server_names;
    mosn_strs_t         client_names;
    mosn_str_t          service;
    mosn_str_t          method;
    mosn_str_t          version;
    mosn_str_t          group;
    mosn_str_t          service_regex;
    mosn_str_t          method_regex;
    mosn_text_matches_t headers;
    mosn_text_matches_t query;
    mosn_text_matches_t cookies;
    mosn_text_matches_t variables;
    double              percent;
} mosn_match_conf_t;

extern const mosn_conf_block_t mosn_match_block;

typedef struct mosn_match_s mosn_match_t;

/* A request and what is known of who sent it. */
typedef struct {
    mosn_message_t    *request;
    mosn_str_t         path;        /* without its query; a call has none */
    const mosn_conn_t *client;      /* NULL: not known */
    mosn_str_t         server_name; /* when there is no client */
    const mosn_inet_t *source;      /* the same; NULL: not known */
    uint32_t           roll;        /* of `percent`, of a million; drawn at
                                       first need */
    /* The value of a variable, empty where there is none; NULL: there are no
     * variables. */
    mosn_str_t (*variable)(const void *of, mosn_str_t name);
    const void *variables_of;
} mosn_match_input_t;

#define MOSN_MATCH_NO_ROLL UINT32_MAX
#define MOSN_MATCH_NEVER   (UINT32_MAX - 1) /* above every `percent` */

void mosn_match_input(mosn_match_input_t *in, mosn_message_t *request,
                      const mosn_conn_t *client);

/* What a request misses of what is asked for. */
#define MOSN_MISSES(X)                                                        \
    X(NONE, "matches")                                                        \
    X(PATH, "path")                                                           \
    X(METHODS, "methods")                                                     \
    X(AUTHORITY, "authority")                                                 \
    X(SOURCE, "source_addresses")                                             \
    X(SERVER_NAME, "server_names")                                            \
    X(CLIENT_NAME, "client_names")                                            \
    X(SERVICE, "service")                                                     \
    X(METHOD, "method")                                                       \
    X(VERSION, "version")                                                     \
    X(GROUP, "group")                                                         \
    X(HEADER, "headers")                                                      \
    X(QUERY, "query")                                                         \
    X(COOKIE, "cookies")                                                      \
    X(VARIABLE, "variables")                                                  \
    X(PERCENT, "percent")

#define MOSN_MISS_ENUM(id, name) MOSN_MISS_##id,

typedef enum { MOSN_MISSES(MOSN_MISS_ENUM) MOSN_MISS_COUNT } mosn_miss_e;

typedef struct {
    mosn_miss_e what;
    uint32_t    at; /* of a list: which */
} mosn_miss_t;

extern const char *const mosn_miss_names[MOSN_MISS_COUNT];

/* NULL: nothing besides a path that the index finds is asked for.  Mistakes
 * go to the reader. */
mosn_match_t *mosn_match_build(mosn_conf_t *reader, mosn_pool_t *pool,
                               mosn_match_conf_t *conf);

/* The path that a request must have, and how much of it; for the index.
 * It need not be enough. */
mosn_str_t mosn_match_path(mosn_pool_t *pool, const mosn_match_conf_t *conf,
                           mosn_route_key_e *key_r);

/* `match` may be NULL; `whole`: the path is looked at in full, also where an
 * index has done so. */
mosn_miss_t mosn_match_check(const mosn_match_t      *match,
                             const mosn_match_conf_t *conf,
                             mosn_match_input_t *input, bool whole);

#endif
