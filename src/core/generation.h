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

typedef struct {
    uint32_t     refs;
    uint32_t     number;
    mosn_pool_t *pool;         /* everything lives here */
    mosn_map_t   clusters;     /* name -> mosn_cluster_t */
    mosn_map_t   route_tables; /* name -> mosn_route_table_t */
} mosn_generation_t;

mosn_generation_t *mosn_generation_create(uint32_t number);

static inline mosn_generation_t *
mosn_generation_ref(mosn_generation_t *generation)
{
    generation->refs++;
    return generation;
}


void mosn_generation_unref(mosn_generation_t *generation);

#endif
