/* tests/core/generation.c - references. */

#include "tap.h"
#include "core/generation.c"

static bool gone;


static void
note(void *object)
{
    (void) object;
    gone = true;
}


int
main(void)
{
    mosn_generation_t *g = mosn_generation_create(7);

    is_num(g->number, 7, "number");
    mosn_pool_on_destroy(g->pool, note, NULL);
    (void) mosn_map_add(&g->clusters, MOSN_STR("c"), &gone);
    ok(mosn_map_find(&g->clusters, MOSN_STR("c")) == &gone, "resources");
    (void) mosn_generation_ref(g);
    mosn_generation_unref(g);
    ok(!gone, "held by a reference");
    mosn_generation_unref(g);
    ok(gone, "gone with the last");
    return done_testing();
}
