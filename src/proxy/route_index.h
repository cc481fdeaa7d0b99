/*
 * proxy/route_index.h - which of ten thousand routes a path could be for.
 *
 * Holds exact paths and prefixes with a rank each, several of one path too,
 * and tells those that match in the order of their ranks: the order of the
 * configuration, at the cost of one pass over the path, however many there
 * are.
 */

#ifndef MOSN_PROXY_ROUTE_INDEX_H
#define MOSN_PROXY_ROUTE_INDEX_H

#include "core/pool.h"

#define MOSN_ROUTE_NONE UINT32_MAX

typedef struct {
    const char *at;
    uint64_t    hash;
    uint32_t    len;
    uint32_t    first; /* rank; the others through `next` */
    uint32_t    last;
    uint32_t    sure; /* the first that takes all with this path */
} mosn_route_cell_t;

/* How the prefixes with one beginning go on. */
typedef struct {
    uint64_t hash;    /* of the beginning */
    uint64_t lengths; /* a bit for each length behind it; 0: free */
} mosn_route_stem_t;

typedef struct {
    mosn_pool_t       *pool;
    mosn_route_cell_t *exact; /* open addressing; at == NULL: free */
    mosn_route_cell_t *prefix;
    uint32_t           exact_mask;
    uint32_t           prefix_mask;
    uint32_t           n_exact;
    uint32_t           n_prefix;
    mosn_route_stem_t *stems; /* open addressing */
    uint32_t           stem_mask;
    uint32_t           n_stems;
    uint32_t          *next;    /* of each rank, the next of its cell */
    uint32_t          *lengths; /* of the prefixes, ascending, no repeats */
    uint32_t           n_lengths;
    uint32_t          *heads; /* of a walk; one at a time */
} mosn_route_index_t;

/* One pass over the candidates of a path. */
typedef struct {
    const mosn_route_index_t *index;
    uint32_t                  n; /* of index->heads */
} mosn_route_walk_t;

/* For ranks under `n`. */
void mosn_route_index_init(mosn_route_index_t *index, mosn_pool_t *pool,
                           uint32_t n);

/* `path` lives as long as the index; ranks are added in ascending order.
 * `exact`: it is all of the path, else its beginning.  `sure`: whoever has
 * that path is taken. */
void mosn_route_index_add(mosn_route_index_t *index, mosn_str_t path,
                          bool exact, uint32_t rank, bool sure);

/* The lowest rank that is sure to take everything with this path, or
 * beginning. */
uint32_t mosn_route_index_find_sure(const mosn_route_index_t *index,
                                    mosn_str_t path, bool exact);

/* Starts a walk, which ends the one before, and goes on with it: ascending
 * ranks, at last MOSN_ROUTE_NONE. */
uint32_t mosn_route_walk(mosn_route_walk_t        *walk,
                         const mosn_route_index_t *index, mosn_str_t path);
uint32_t mosn_route_walk_next(mosn_route_walk_t *walk);

#endif
