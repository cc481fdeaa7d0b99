/*
 * core/map.h - tables that are filled at load time and read ever after.
 *
 * Open addressing, at most half full.  Keys are borrowed: they live at least
 * as long as the map.  A map of pool memory grows in its pool.
 */

#ifndef MOSN_CORE_MAP_H
#define MOSN_CORE_MAP_H

#include "core/pool.h"

typedef struct {
    mosn_str_t key; /* at == NULL: free */
    uint64_t   hash;
    void      *value;
} mosn_map_entry_t;

typedef struct {
    mosn_pool_t      *pool;
    mosn_map_entry_t *entries;
    size_t            mask; /* number of entries - 1 */
    size_t            n;
} mosn_map_t;

void mosn_map_init(mosn_map_t *map, mosn_pool_t *pool);

/* The value of `key`, or NULL. */
void *mosn_map_find(const mosn_map_t *map, mosn_str_t key);

/* False, and nothing changed, when the key is there already. */
bool mosn_map_add(mosn_map_t *map, mosn_str_t key, void *value);

/* The key nearest to `key` in spelling, for error messages; empty: none is
 * near. */
mosn_str_t mosn_map_nearest(const mosn_map_t *map, mosn_str_t key);

#endif
