/*
 * proxy/mirror.h - copies of requests to other clusters, whose answers nobody
 * waits for.
 *
 * A copy has memory, a host and a timer of its own: it neither delays nor
 * fails the request that it is of, and goes on when that is over.  One that
 * cannot keep up is given up.
 */

#ifndef MOSN_PROXY_MIRROR_H
#define MOSN_PROXY_MIRROR_H

#include "core/conf.h"
#include "proxy/cluster.h"

typedef struct mosn_request_s mosn_request_t;
typedef struct mosn_mirror_s  mosn_mirror_t;

typedef struct {
    mosn_str_t cluster;
    double     percent;

    mosn_cluster_t *target; /* built */
} mosn_mirror_conf_t;

typedef MOSN_CONF_LIST(mosn_mirror_conf_t) mosn_mirrors_conf_t;

extern const mosn_conf_block_t mosn_mirror_block;

void mosn_mirrors_build(mosn_conf_t             *reader,
                        const mosn_generation_t *generation,
                        mosn_mirrors_conf_t     *list);

/* Only a cluster that speaks what the request's own does gets copies, and of
 * no tunnel. */
bool mosn_mirror_fits(const mosn_request_t *r, const mosn_mirror_conf_t *conf);

/* As the head goes to its upstream for the first time; r->mirrors has what
 * came of it. */
void mosn_mirrors_start(mosn_request_t *r);

/* Body behind it, its end, or its trailers; `data` may be NULL. */
void mosn_mirrors_data(mosn_request_t *r, const mosn_buf_t *data, bool end);
void mosn_mirrors_trailers(mosn_request_t *r, const mosn_headers_t *trailers);

/* The request is over: copies that are whole go on. */
void mosn_mirrors_leave(mosn_request_t *r);

#endif
