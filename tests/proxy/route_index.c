/* tests/proxy/route_index.c - held against walking a list. */

#include "tap.h"
#include "proxy/route_index.c"
#include "core/rand.h"

#define N 400

static struct {
    mosn_str_t text;
    bool       exact;
} routes[N];


static uint32_t
walk(mosn_str_t path)
{
    for (uint32_t i = 0; i < N; i++) {
        if (routes[i].exact ? mosn_str_equal(routes[i].text, path)
                            : mosn_str_has_prefix(path, routes[i].text))
        {
            return i;
        }
    }
    return MOSN_ROUTE_NONE;
}


static mosn_str_t
random_path(mosn_pool_t *pool)
{
    char     text[16];
    uint32_t n = 1 + mosn_rand_below(9);

    for (uint32_t i = 0; i < n; i++) {
        text[i] = "/ab"[mosn_rand_below(3)];
    }
    text[0] = '/';
    return mosn_pool_copy(pool, (mosn_str_t){ text, n });
}


int
main(void)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_route_index_t index;
    bool               same = true;

    mosn_route_index_init(&index, pool);
    is_num(mosn_route_index_find(&index, MOSN_STR("/")), MOSN_ROUTE_NONE,
           "an empty index finds nothing");
    for (uint32_t i = 0; i < N; i++) {
        routes[i].text = random_path(pool);
        routes[i].exact = mosn_rand_below(2) == 0;
        if (routes[i].exact) {
            mosn_route_index_add_exact(&index, routes[i].text, i);
        } else if (routes[i].text.len > 2) {
            mosn_route_index_add_prefix(&index, routes[i].text, i);
        } else { /* a short prefix would take all */
            routes[i].exact = true;
            mosn_route_index_add_exact(&index, routes[i].text, i);
        }
    }
    for (int i = 0; i < 20000; i++) {
        mosn_str_t path = random_path(pool);

        same &= mosn_route_index_find(&index, path) == walk(path);
    }
    ok(same, "20,000 paths: the first route that matches");

    mosn_route_index_init(&index, pool);
    mosn_route_index_add_prefix(&index, MOSN_STR(""), 0);
    is_num(mosn_route_index_find(&index, MOSN_STR("/x")), 0,
           "an empty prefix matches all");
    mosn_pool_destroy(&pool);
    return done_testing();
}
