/*
 * core/slab.h - malloc for libraries that want one, from free lists.
 *
 * What was freed is handed out again by size, so that a library in steady
 * state costs no malloc; what is kept is bounded.  Memory does not fail, as
 * in core/pool.h.  In a debug build all of it is malloc.
 */

#ifndef MOSN_CORE_SLAB_H
#define MOSN_CORE_SLAB_H

#include "os/compiler.h"

#include <stddef.h>

void *mosn_slab_alloc(size_t n);
void *mosn_slab_calloc(size_t n);
void *mosn_slab_realloc(void *p, size_t n);
void  mosn_slab_free(void *p);

/* Gives the free lists back to the system; for tests and before exit. */
void mosn_slab_release_cache(void);

#endif
