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

/* How much of a path a key is. */
typedef enum {
    MOSN_ROUTE_WHOLE,
    MOSN_ROUTE_BEGINNING,
    MOSN_ROUTE_PARTS, /* a beginning behind which a part ends */
} mosn_route_key_e;

typedef struct {
    const char *at;
    uint64_t    hash;
    uint32_t    len;
    uint32_t    first; /* rank; the others through `next` */
    uint32_t    last;
    uint32_t    sure; /* the first that takes all with this path */
} mosn_route_cell_t;

/* The lengths that prefixes have, a bit for each. */
typedef struct {
    uint64_t all;
    uint64_t loose; /* those that need not end where a part of the path does */
} mosn_route_lengths_t;

/* How the prefixes with one beginning go on. */
typedef struct {
    uint64_t             hash;    /* of the beginning */
    mosn_route_lengths_t lengths; /* none: free */
} mosn_route_stem_t;

typedef struct {
    mosn_pool_t         *pool;
    mosn_route_cell_t   *exact; /* open addressing; at == NULL: free */
    mosn_route_cell_t   *prefix;
    uint32_t             exact_mask;
    uint32_t             prefix_mask;
    uint32_t             n_exact;
    uint32_t             n_prefix;
    mosn_route_stem_t   *stems; /* open addressing */
    uint32_t             stem_mask;
    uint32_t             n_stems;
    uint32_t            *next;    /* of each rank, the next of its cell */
    mosn_route_lengths_t near;    /* up to a beginning's */
    uint32_t            *lengths; /* of the prefixes, ascending, no repeats */
    uint32_t             n_lengths;
    /* The only key, when it is a prefix. */
    const mosn_route_cell_t *lone;
    bool                     lone_ends; /* ... where a part of the path does */

    uint32_t  n_near; /* of them, those that a stem has a bit for */
    uint32_t *heads;  /* of a walk; one at a time */
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
 * `sure`: whoever has that path is taken. */
void mosn_route_index_add(mosn_route_index_t *index, mosn_str_t path,
                          mosn_route_key_e key, uint32_t rank, bool sure);

/* The lowest rank that is sure to take everything with this path, or
 * beginning. */
uint32_t mosn_route_index_find_sure(const mosn_route_index_t *index,
                                    mosn_str_t path, mosn_route_key_e key);

/* Starts a walk, which ends the one before, and goes on with it: ascending
 * ranks, at last MOSN_ROUTE_NONE. */
uint32_t mosn_route_walk(mosn_route_walk_t        *walk,
                         const mosn_route_index_t *index, mosn_str_t path);
uint32_t mosn_route_walk_next(mosn_route_walk_t *walk);

#endif
