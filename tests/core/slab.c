/* tests/core/slab.c - pieces that come back. */

#include "tap.h"
#include "core/slab.c"


int
main(void)
{
    bool  aligned = true, kept = true;
    char *p, *q;

    for (size_t n = 0; n < 3000; n += 7) {
        p = mosn_slab_alloc(n);
        memset(p, 'x', n);
        aligned &= (uintptr_t) p % _Alignof(max_align_t) == 0;
        mosn_slab_free(p);
    }
    ok(aligned, "pieces of every size, aligned");
    p = mosn_slab_calloc(500);
    q = p;
    for (int i = 0; i < 500; i++) {
        kept &= p[i] == 0;
    }
    ok(kept, "zeroed when that is asked for, whatever was there");
    memcpy(p, "text", 5);
    p = mosn_slab_realloc(p, 5000);
    is_str(mosn_str(p), "text", "it grows");
    p = mosn_slab_realloc(p, 5);
    is_str(mosn_str(p), "text", "and shrinks");
    mosn_slab_free(p);
    p = mosn_slab_realloc(NULL, 20);
    ok(p != NULL, "from nothing too");
    mosn_slab_free(p);
    mosn_slab_free(NULL);
#ifndef MOSN_DEBUG
    p = mosn_slab_alloc(500);
    ok(p == q, "what was freed comes back");
    mosn_slab_free(p);
#else
    (void) q;
#endif
    mosn_slab_release_cache();
    for (unsigned i = 0; i < CLASSES; i++) {
        kept &= slab_free_lists[i] == NULL;
    }
    ok(kept, "nothing is kept in the end");
    return done_testing();
}
