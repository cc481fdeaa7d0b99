/*
 * proxy/affinity.h - what keeps a client's requests at one host: hashes of
 * what a route names, and cookies.
 */

#ifndef MOSN_PROXY_AFFINITY_H
#define MOSN_PROXY_AFFINITY_H

#include "core/conf.h"
#include "proxy/host_group.h"

typedef struct mosn_request_s mosn_request_t;

typedef struct {
    mosn_str_t header;
    mosn_str_t cookie;
    mosn_str_t query;
    bool       source;
    uint32_t   ttl_ms;
    mosn_str_t path;
    bool       terminal;
} mosn_hash_conf_t;

typedef MOSN_CONF_LIST(mosn_hash_conf_t) mosn_hashes_conf_t;

extern const mosn_conf_block_t mosn_hash_block;

/* Mistakes of a cookie that clients get (RFC 6265, 4.1.1). */
void mosn_cookie_check(mosn_conf_t *reader, const mosn_str_t *name,
                       const mosn_str_t *path, const void *group);

/* Fills hash and sticky host of `how`; cookies that are missing are made and
 * given to the client with the answer. */
void mosn_affinity_ask(mosn_request_t *r, mosn_pick_t *how);

/* It went to this host. */
void mosn_affinity_note(mosn_request_t *r, const mosn_host_t *host);

/* The value of a request's cookie; empty: it has none. */
mosn_str_t mosn_request_cookie(const mosn_request_t *r, mosn_str_t name);

#endif
