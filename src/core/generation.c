/* core/generation.c - the life of a configuration. */

#include "core/generation.h"


mosn_generation_t *
mosn_generation_create(uint32_t number)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_generation_t *g = mosn_pool_calloc(pool, sizeof(*g));

    g->refs = 1;
    g->number = number;
    g->pool = pool;
    mosn_map_init(&g->clusters, pool);
    mosn_map_init(&g->route_tables, pool);
    mosn_map_init(&g->listeners, pool);
    return g;
}


mosn_live_t *
mosn_live_create(mosn_pool_t *pool)
{
    mosn_live_t *live = mosn_pool_calloc(pool, sizeof(*live));

    live->refs = 1;
    live->pool = pool;
    return live;
}


void
mosn_live_unref(void *live)
{
    mosn_live_t *l = live;

    if (l != NULL && --l->refs == 0) {
        mosn_pool_t *pool = l->pool;

        mosn_pool_destroy(&pool);
    }
}
