/* core/slab.c - free lists of multiples of 64 bytes. */

#include "core/slab.h"

#include "core/pool.h"

#include <stdlib.h>
#include <string.h>

#define STEP     64u
#define CLASSES  17u        /* up to 1 KiB; what is larger is malloc's */
#define KEEP_MAX (1u << 20) /* bytes of one class */
#define NO_CLASS 0u

typedef union slab_u slab_t;

/* Before each piece. */
union slab_u {
    struct {
        size_t size; /* that was asked for */
        unsigned class;
    };
    slab_t     *next; /* while it is free */
    max_align_t align;
};

static slab_t  *slab_free_lists[CLASSES];
static uint32_t slab_kept[CLASSES]; /* bytes */


static unsigned
slab_class(size_t n)
{
    size_t class = (n + sizeof(slab_t) + STEP - 1) / STEP;

#ifdef MOSN_DEBUG
    return NO_CLASS;
#endif
    return class < CLASSES ? (unsigned) class : NO_CLASS;
}


void *
mosn_slab_alloc(size_t n)
{
    unsigned class = slab_class(n);
    slab_t *s = slab_free_lists[class];

    if (MOSN_LIKELY(s != NULL)) {
        slab_free_lists[class] = s->next;
        slab_kept[class] -= class * STEP;
    } else {
        s = mosn_alloc(class != NO_CLASS ? class * STEP : n + sizeof(slab_t));
    }
    s->class = class;
    s->size = n;
    return s + 1;
}


void *
mosn_slab_calloc(size_t n)
{
    return memset(mosn_slab_alloc(n), 0, n);
}


void
mosn_slab_free(void *p)
{
    slab_t *s;
    unsigned class;

    if (p == NULL) {
        return;
    }
    s = (slab_t *) p - 1;
    class = s->class;
    if (class == NO_CLASS || slab_kept[class] >= KEEP_MAX) {
        free(s);
        return;
    }
    s->next = slab_free_lists[class];
    slab_free_lists[class] = s;
    slab_kept[class] += class * STEP;
}


void *
mosn_slab_realloc(void *p, size_t n)
{
    slab_t *s;
    void   *fresh;

    if (p == NULL) {
        return mosn_slab_alloc(n);
    }
    s = (slab_t *) p - 1;
    if (s->class != NO_CLASS && slab_class(n) == s->class) {
        s->size = n;
        return p;
    }
    fresh = mosn_slab_alloc(n);
    memcpy(fresh, p, s->size < n ? s->size : n);
    mosn_slab_free(p);
    return fresh;
}


void
mosn_slab_release_cache(void)
{
    for (unsigned class = 0; class < CLASSES; class ++) {
        while (slab_free_lists[class] != NULL) {
            slab_t *s = slab_free_lists[class];

            slab_free_lists[class] = s->next;
            free(s);
        }
        slab_kept[class] = 0;
    }
}
