/*
 * proxy/route_index.h - the first of ten thousand paths that matches.
 *
 * Holds exact paths and prefixes with a rank each and finds the lowest rank
 * that matches: the first route of the configuration, at the cost of one
 * pass over the path, however many there are.
 */

#ifndef MOSN_PROXY_ROUTE_INDEX_H
#define MOSN_PROXY_ROUTE_INDEX_H

#include "core/pool.h"

#define MOSN_ROUTE_NONE UINT32_MAX

typedef struct {
    const char *at;
    uint32_t    len;
    uint32_t    rank;
    uint64_t    hash;
} mosn_route_cell_t;

typedef struct {
    mosn_pool_t       *pool;
    mosn_route_cell_t *exact; /* open addressing; at == NULL: free */
    mosn_route_cell_t *prefix;
    uint32_t           exact_mask;
    uint32_t           prefix_mask;
    uint32_t           n_exact;
    uint32_t           n_prefix;
    uint32_t          *lengths; /* of the prefixes, ascending, no repeats */
    uint32_t           n_lengths;
} mosn_route_index_t;

void mosn_route_index_init(mosn_route_index_t *index, mosn_pool_t *pool);

/* `path` lives as long as the index; ranks are added in ascending order. */
void mosn_route_index_add_exact(mosn_route_index_t *index, mosn_str_t path,
                                uint32_t rank);
void mosn_route_index_add_prefix(mosn_route_index_t *index, mosn_str_t prefix,
                                 uint32_t rank);

/* The lowest rank whose path is `path` or whose prefix it has. */
uint32_t mosn_route_index_find(const mosn_route_index_t *index,
                               mosn_str_t                path);

/* The lowest rank whose prefix `path` has, exact paths left aside. */
uint32_t mosn_route_index_find_prefix(const mosn_route_index_t *index,
                                      mosn_str_t                path);

#endif
