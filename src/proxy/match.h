/*
 * proxy/match.h - what a route asks of a request besides host and path.
 *
 * The same for all protocols: of HTTP, service and method are those of a
 * gRPC path, "/service/method"; of a call, headers are those of its header
 * map or its attachments.
 */

#ifndef MOSN_PROXY_MATCH_H
#define MOSN_PROXY_MATCH_H

#include "core/directive.h"
#include "core/regex.h"
#include "event/conn.h"
#include "proto/message.h"

typedef struct {
    mosn_str_t name;
    mosn_str_t exact;
    mosn_str_t prefix;
    mosn_str_t suffix;
    mosn_str_t contains;
    mosn_str_t regex;
    bool       present;
    bool       invert;
} mosn_match_header_conf_t;

typedef struct {
    mosn_str_t  prefix;
    mosn_str_t  path;
    mosn_strs_t client_names;
    mosn_str_t  service;
    mosn_str_t  method;
    mosn_str_t  version;
    mosn_str_t  group;
    mosn_str_t  service_regex;
    mosn_str_t  method_regex;
    MOSN_CONF_LIST(mosn_match_header_conf_t) headers;
} mosn_match_conf_t;

extern const mosn_conf_block_t mosn_match_block;

typedef struct mosn_match_s mosn_match_t;

/* NULL: nothing besides the path is asked for.  Mistakes go to the reader. */
mosn_match_t *mosn_match_build(mosn_conf_t *reader, mosn_pool_t *pool,
                               const mosn_match_conf_t *conf);

/* The path that a request must have, and whether all of it: from `path`,
 * `prefix`, or `service` and `method`.  It need not be enough. */
mosn_str_t mosn_match_path(mosn_pool_t *pool, const mosn_match_conf_t *conf,
                           bool *exact_r);

bool mosn_match_is_right(const mosn_match_t *match, mosn_message_t *request,
                         const mosn_conn_t *client);

#endif
