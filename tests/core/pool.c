/* tests/core/pool.c - memory that goes all at once. */

#include "tap.h"
#include "core/pool.c"

static int cleaned[2], n_cleaned;


static void
clean(void *object)
{
    cleaned[n_cleaned++] = *(int *) object;
}


/* What a pool of a hot size grows by comes from the free list, and goes back
 * to it; a large piece does not. */
static void
check_chunks(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_STREAM);
    size_t       before;

    for (int i = 0; i < 40; i++) { /* three chunks */
        memset(mosn_pool_alloc(pool, 256), 0xff, 256);
    }
    memset(mosn_pool_alloc(pool, 4096), 0xff, 4096);
    memset(mosn_pool_alloc(pool, 4096 - 16), 0xff, 4096 - 16);
    mosn_pool_destroy(&pool);
    before = pool_cache[MOSN_POOL_STREAM].n;
    is_num((long long) before, MOSN_KEEPS_MEMORY ? 3 : 0,
           "chunks are kept, large ones are not");
    pool = mosn_pool_create(MOSN_POOL_STREAM);
    for (int i = 0; i < 40; i++) {
        (void) mosn_pool_alloc(pool, 256);
    }
    is_num((long long) pool_cache[MOSN_POOL_STREAM].n, 0, "and used again");
    mosn_pool_destroy(&pool);
    is_num((long long) pool_cache[MOSN_POOL_STREAM].n, (long long) before,
           "all of them");

    pool = mosn_pool_create(MOSN_POOL_CONN);
    before = pool_cache[MOSN_POOL_CONN].n;
    for (int i = 0; i < 40; i++) {
        memset(mosn_pool_alloc(pool, 128), 0xff, 128);
    }
    mosn_pool_destroy(&pool);
    is_num((long long) pool_cache[MOSN_POOL_CONN].n,
           (long long) before + MOSN_KEEPS_MEMORY,
           "of a connection's the first one");
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
    check_chunks();
    mosn_pool_release_cache();
    return done_testing();
}
