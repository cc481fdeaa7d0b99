/* tests/probe.c - a worker tries itself. */

#include "tap.h"
#include "../src/probe.c"

static unsigned passed;


static void
on_passed(void *owner)
{
    passed += owner == &passed;
}


int
main(void)
{
    mosn_loop_t loop;

    (void) mosn_loop_init(&loop);
    ok(mosn_probe_start(&loop, on_passed, &passed) == MOSN_OK, "it starts");
    is_num(passed, 0, "not passed before a turn");
    for (int i = 0; i < 100 && passed == 0; i++) {
        mosn_loop_turn(&loop, 10);
    }
    is_num(passed, 1, "passed");
    for (int i = 0; i < 5; i++) {
        mosn_loop_turn(&loop, 0);
    }
    is_num(passed, 1, "once");
    is_num(probe.limits.n_connections, 0, "nothing is left open");
    mosn_loop_fini(&loop);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
