/* tests/core/pool.c - memory that goes all at once. */

#include "tap.h"
#include "core/pool.c"

static int cleaned[2], n_cleaned;


static void
clean(void *object)
{
    cleaned[n_cleaned++] = *(int *) object;
}


int
main(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONN);
    char        *a, *b;
    int          one = 1, two = 2;
    mosn_str_t   text;
    bool         zero = true;

    for (int i = 1; i < 3000; i += 7) {
        a = mosn_pool_alloc(pool, (size_t) i);
        memset(a, 0xff, (size_t) i);
        if ((uintptr_t) a % 16 != 0) {
            zero = false;
        }
    }
    ok(zero, "pieces are aligned");
    a = mosn_pool_alloc(pool, 10);
    b = mosn_pool_alloc(pool, 10);
    ok(a != b, "pieces are apart");
    a = mosn_pool_calloc(pool, 500);
    for (int i = 0; i < 500; i++) {
        zero &= a[i] == 0;
    }
    ok(zero, "calloc clears");
    ok(mosn_pool_try_alloc(pool, SIZE_MAX / 4) == NULL,
       "try_alloc says no instead of aborting");

    text = mosn_pool_printf(pool, "%s-%d", "x", 42);
    is_str(text, "x-42", "printf");
    is_str(mosn_pool_copy(pool, (mosn_str_t){ "abcdef", 3 }), "abc", "copy");

    mosn_pool_on_destroy(pool, clean, &one);
    mosn_pool_on_destroy(pool, clean, &two);
    mosn_pool_destroy(&pool);
    ok(pool == NULL, "destroy clears the caller's pointer");
    ok(n_cleaned == 2 && cleaned[0] == 2 && cleaned[1] == 1,
       "cleanups run, the last first");
    mosn_pool_release_cache();
    return done_testing();
}
