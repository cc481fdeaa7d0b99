/*
 * proxy/cors.h - which pages of other origins may use a route (the Fetch
 * standard, 3.2: CORS protocol).
 */

#ifndef MOSN_PROXY_CORS_H
#define MOSN_PROXY_CORS_H

#include "core/conf.h"
#include "core/regex.h"
#include "proto/message.h"

typedef struct {
    mosn_strs_t allow_origins;
    mosn_str_t  allow_origin_regex;
    mosn_strs_t allow_methods;
    mosn_strs_t allow_headers;
    mosn_strs_t expose_headers;
    bool        allow_credentials;
    uint32_t    max_age_ms;

    mosn_regex_t *regex; /* built */
} mosn_cors_conf_t;

extern const mosn_conf_block_t mosn_cors_block;

void mosn_cors_build(mosn_conf_t *reader, mosn_pool_t *pool,
                     mosn_cors_conf_t *conf);

/* What a browser that asks beforehand will ask for with which method: that is
 * answered here and not sent on.  Empty: it asks nothing. */
mosn_str_t mosn_cors_method(const mosn_message_t *request);

/* The page that a request comes from; empty: none that matters. */
mosn_str_t mosn_cors_origin(const mosn_message_t *request);

/* May it?  Of no page: it may. */
bool mosn_cors_is_allowed(const mosn_cors_conf_t *conf, mosn_str_t origin);

/* Tells the browser so, in place of whatever an upstream has said. */
void mosn_cors_answer(const mosn_cors_conf_t *conf, mosn_str_t origin,
                      mosn_message_t *response, bool preflight);

#endif
