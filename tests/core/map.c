/* tests/core/map.c - string tables. */

#include "tap.h"
#include "core/map.c"


int
main(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_map_t   map;
    bool         good = true;

    mosn_map_init(&map, pool);
    for (uintptr_t i = 1; i <= 5000; i++) {
        good &= mosn_map_add(
            &map, mosn_pool_printf(pool, "key %zu", (size_t) i), (void *) i);
    }
    ok(good, "5,000 keys are added");
    for (uintptr_t i = 1; i <= 5000; i++) {
        mosn_str_t key = mosn_pool_printf(pool, "key %zu", (size_t) i);

        good &= mosn_map_find(&map, key) == (void *) i;
    }
    ok(good, "and all are found");
    ok(mosn_map_find(&map, MOSN_STR("key 0")) == NULL, "another is not");
    ok(!mosn_map_add(&map, MOSN_STR("key 7"), pool), "no key twice");
    ok(mosn_map_find(&map, MOSN_STR("key 7")) == (void *) 7,
       "and the first stays");

    mosn_map_init(&map, pool);
    (void) mosn_map_add(&map, MOSN_STR("listeners"), pool);
    (void) mosn_map_add(&map, MOSN_STR("clusters"), pool);
    is_str(mosn_map_nearest(&map, MOSN_STR("cluster")), "clusters", "nearest");
    ok(mosn_map_nearest(&map, MOSN_STR("zzz")).at == NULL, "none is near");
    mosn_pool_destroy(&pool);
    return done_testing();
}
