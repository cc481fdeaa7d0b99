/*
 * core/generation.h - one loaded configuration, immutable.
 *
 * A request holds a reference to the generation it started with; what is
 * built of a newer one stands beside it.  Named resources are found here by
 * those who are configured with their names.
 */

#ifndef MOSN_CORE_GENERATION_H
#define MOSN_CORE_GENERATION_H

#include "core/map.h"

/* Settings that came later, at run time: they are in its pool, and it is
 * counted by who uses them. */
typedef struct {
    uint32_t     refs;
    mosn_pool_t *pool;
} mosn_live_t;

typedef struct {
    uint32_t     refs;
    uint32_t     number;
    mosn_pool_t *pool;         /* everything lives here */
    mosn_map_t   clusters;     /* name -> mosn_cluster_t */
    mosn_map_t   route_tables; /* name -> mosn_route_table_t */
    mosn_map_t   listeners;    /* name -> mosn_listener_conf_t */
    mosn_live_t *live; /* of what is being built; NULL: the generation's */
} mosn_generation_t;

mosn_generation_t *mosn_generation_create(uint32_t number);

static inline mosn_generation_t *
mosn_generation_ref(mosn_generation_t *generation)
{
    generation->refs++;
    return generation;
}


static inline void
mosn_generation_unref(mosn_generation_t *generation)
{
    if (--generation->refs == 0) {
        mosn_pool_t *pool = generation->pool;

        mosn_pool_destroy(&pool);
    }
}


/* Where what is being built goes. */
static inline mosn_pool_t *
mosn_generation_build_pool(const mosn_generation_t *generation)
{
    return generation->live != NULL ? generation->live->pool
                                    : generation->pool;
}


/* In `pool`, which becomes its own, with one reference. */
mosn_live_t *mosn_live_create(mosn_pool_t *pool);

/* Of settings as old as the generation there is none: NULL. */
static inline mosn_live_t *
mosn_live_ref(mosn_live_t *live)
{
    if (live != NULL) {
        live->refs++;
    }
    return live;
}


void mosn_live_unref(void *live);

#endif
