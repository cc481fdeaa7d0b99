/* tests/proxy/route_index.c - held against walking a list. */

#include "tap.h"
#include "proxy/route_index.c"
#include "core/rand.h"

#define N 400

static struct {
    mosn_str_t       text;
    mosn_route_key_e key;
} routes[N];


/* A route of parts is told of at least where a part ends. */
static bool
takes(uint32_t i, mosn_str_t path)
{
    mosn_str_t text = routes[i].text;

    if (routes[i].key == MOSN_ROUTE_WHOLE) {
        return mosn_str_equal(text, path);
    }
    return mosn_str_has_prefix(path, text)
           && (routes[i].key == MOSN_ROUTE_BEGINNING || text.len == path.len
               || path.at[text.len] == '/' || text.at[text.len - 1] == '/');
}


static mosn_str_t
random_path(mosn_pool_t *pool)
{
    char     text[100];
    bool     far = mosn_rand_below(4) == 0;
    uint32_t n = far ? 60 + mosn_rand_below(40) : 1 + mosn_rand_below(15);

    for (uint32_t i = 0; i < n; i++) { /* long ones begin alike */
        text[i] = "/ab"[far ? i * 7 % 11 % 3 : mosn_rand_below(3)];
    }
    text[0] = '/';
    return mosn_pool_copy(pool, (mosn_str_t){ text, n });
}


/* A walk finds exactly those that match, in order. */
static bool
is_same(const mosn_route_index_t *index, uint32_t n, mosn_str_t path)
{
    mosn_route_walk_t walk;
    uint32_t          rank = mosn_route_walk(&walk, index, path);

    for (uint32_t i = 0; i < n; i++) {
        if (rank == i && routes[i].key == MOSN_ROUTE_PARTS
            && mosn_str_has_prefix(path, routes[i].text))
        {
            rank = mosn_route_walk_next(&walk);
        } else if (takes(i, path)) {
            if (rank != i) {
                return false;
            }
            rank = mosn_route_walk_next(&walk);
        }
    }
    return rank == MOSN_ROUTE_NONE
           && mosn_route_walk_next(&walk) == MOSN_ROUTE_NONE;
}


/* Tables of one route, or of few. */
static void
check_few(void)
{
    bool same = true;

    for (uint32_t i = 0; i < 3000; i++) {
        mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_CONF);
        mosn_route_index_t index;
        uint32_t           n = 1 + i % 3;

        mosn_route_index_init(&index, pool, n);
        for (uint32_t k = 0; k < n; k++) {
            routes[k].text =
                mosn_rand_below(2) == 0 ? MOSN_STR("/") : random_path(pool);
            routes[k].key = (mosn_route_key_e) mosn_rand_below(3);
            mosn_route_index_add(&index, routes[k].text, routes[k].key, k,
                                 false);
        }
        for (uint32_t k = 0; k < 20; k++) {
            same &= is_same(&index, n, random_path(pool));
            same &= is_same(&index, n, routes[k % n].text);
        }
        mosn_pool_destroy(&pool);
    }
    ok(same, "the same with few routes");
}


int
main(void)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_route_index_t index;
    mosn_route_walk_t  walk;
    bool               same = true;

    mosn_route_index_init(&index, pool, N);
    is_num(mosn_route_walk(&walk, &index, MOSN_STR("/")), MOSN_ROUTE_NONE,
           "an empty index finds nothing");
    for (uint32_t i = 0; i < N; i++) {
        routes[i].text = random_path(pool);
        routes[i].key = (mosn_route_key_e) mosn_rand_below(3);
        mosn_route_index_add(&index, routes[i].text, routes[i].key, i, false);
    }
    for (int i = 0; i < 20000; i++) {
        same &= is_same(&index, N, random_path(pool));
    }
    ok(same, "20,000 paths: all routes that match, in order");
    is_num(
        mosn_route_index_find_sure(&index, MOSN_STR("/a"), MOSN_ROUTE_WHOLE),
        MOSN_ROUTE_NONE, "none takes all");

    mosn_route_index_init(&index, pool, 4);
    mosn_route_index_add(&index, MOSN_STR("/a"), MOSN_ROUTE_BEGINNING, 0,
                         false);
    mosn_route_index_add(&index, MOSN_STR("/a"), MOSN_ROUTE_WHOLE, 1, true);
    mosn_route_index_add(&index, MOSN_STR(""), MOSN_ROUTE_BEGINNING, 2, true);
    is_num(
        mosn_route_index_find_sure(&index, MOSN_STR("/a"), MOSN_ROUTE_WHOLE),
        1, "an exact one takes all of its path");
    is_num(mosn_route_index_find_sure(&index, MOSN_STR("/a"),
                                      MOSN_ROUTE_BEGINNING),
           2, "but not what is longer");
    is_num(mosn_route_walk(&walk, &index, MOSN_STR("/x")), 2,
           "an empty prefix matches all");
    is_num(mosn_route_walk(&walk, &index, MOSN_STR("*")), 2,
           "also what has no parts");
    mosn_pool_destroy(&pool);
    check_few();
    return done_testing();
}
