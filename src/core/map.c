/* core/map.c - string tables. */

#include "core/map.h"

#define START_SIZE 8


void
mosn_map_init(mosn_map_t *map, mosn_pool_t *pool)
{
    map->pool = pool;
    map->entries = mosn_pool_calloc(pool, START_SIZE * sizeof(*map->entries));
    map->mask = START_SIZE - 1;
    map->n = 0;
}


static mosn_map_entry_t *
map_slot(const mosn_map_t *map, mosn_str_t key, uint64_t hash)
{
    size_t i = hash & map->mask;

    for (;;) {
        mosn_map_entry_t *e = &map->entries[i];

        if (e->key.at == NULL
            || (e->hash == hash && mosn_str_equal(e->key, key))) {
            return e;
        }
        i = (i + 1) & map->mask;
    }
}


void *
mosn_map_find(const mosn_map_t *map, mosn_str_t key)
{
    return map_slot(map, key, mosn_str_hash(key))->value;
}


static void
map_grow(mosn_map_t *map)
{
    mosn_map_t old = *map;

    map->mask = old.mask * 2 + 1;
    map->entries =
        mosn_pool_calloc(map->pool, (map->mask + 1) * sizeof(*map->entries));

    for (size_t i = 0; i <= old.mask; i++) {
        mosn_map_entry_t *e = &old.entries[i];

        if (e->key.at != NULL) {
            *map_slot(map, e->key, e->hash) = *e;
        }
    }
}


bool
mosn_map_add(mosn_map_t *map, mosn_str_t key, void *value)
{
    uint64_t          hash = mosn_str_hash(key);
    mosn_map_entry_t *e;

    if (map->n >= (map->mask + 1) / 2) {
        map_grow(map);
    }

    e = map_slot(map, key, hash);
    if (e->key.at != NULL) {
        return false;
    }
    e->key = key.at == NULL ? MOSN_STR("") : key;
    e->hash = hash;
    e->value = value;
    map->n++;
    return true;
}


mosn_str_t
mosn_map_nearest(const mosn_map_t *map, mosn_str_t key)
{
    mosn_str_t nearest = MOSN_STR_NULL;
    unsigned   best = (unsigned) key.len / 3 + 2;

    for (size_t i = 0; i <= map->mask; i++) {
        mosn_str_t name = map->entries[i].key;
        unsigned   distance;

        if (name.at == NULL) {
            continue;
        }
        distance = mosn_str_distance(name, key);
        if (distance < best) {
            best = distance;
            nearest = name;
        }
    }
    return nearest;
}
