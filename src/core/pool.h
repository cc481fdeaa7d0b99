/*
 * core/pool.h - memory that goes all at once.
 *
 * A pool hands out pieces of a few chunks and gives them back together.
 * Chunks of the two hot sizes come from free lists, so that a stream or a
 * connection in steady state costs no malloc.  Small allocations do not
 * fail: without memory the process aborts and the master replaces it.  What
 * a peer sizes is bounded first and uses the try form.
 *
 * In a debug build every allocation is a malloc of its own, so that the
 * sanitizer watches its ends and its life.
 */

#ifndef MOSN_CORE_POOL_H
#define MOSN_CORE_POOL_H

#include "core/str.h"

typedef struct mosn_pool_s mosn_pool_t;

/* Which first chunk a pool starts with. */
typedef enum {
    MOSN_POOL_CONN,   /* one connection and its filters: under 1 KiB */
    MOSN_POOL_STREAM, /* one request: a page */
    MOSN_POOL_CONF,   /* a configuration generation: grows */
} mosn_pool_e;

mosn_pool_t *mosn_pool_create(mosn_pool_e kind);

/* Private. */

#define MOSN_POOL_ALIGN 16u

typedef struct mosn_pool_chunk_s   mosn_pool_chunk_t;
typedef struct mosn_pool_cleanup_s mosn_pool_cleanup_t;

struct mosn_pool_chunk_s {
    mosn_pool_chunk_t *next;
    size_t             size;
};

struct mosn_pool_cleanup_s {
    mosn_pool_cleanup_t *next;
    void (*run)(void *);
    void *object;
};

struct mosn_pool_s {
    mosn_pool_chunk_t    first; /* this chunk; must be the first member */
    char                *pos;
    char                *end;
    mosn_pool_chunk_t   *chunks; /* the others */
    mosn_pool_cleanup_t *cleanups;
    mosn_pool_t         *next_dead;
    mosn_pool_e          kind;
};

void *mosn_pool_grow(mosn_pool_t *pool, size_t n);
void *mosn_pool_try_grow(mosn_pool_t *pool, size_t n);

static inline size_t
mosn_pool_align(size_t n)
{
    return (n + MOSN_POOL_ALIGN - 1) & ~(size_t) (MOSN_POOL_ALIGN - 1);
}


/* `n` bytes of the chunk that is there, or NULL. */
static inline void *
mosn_pool_cut(mosn_pool_t *pool, size_t n)
{
    char *p = pool->pos;

    if (MOSN_UNLIKELY((size_t) (pool->end - p) < n) || !MOSN_KEEPS_MEMORY) {
        return NULL;
    }
    pool->pos = p + n;
    return p;
}

/* Public. */

/* Destroys `*pool` and clears the caller's pointer. */
void mosn_pool_destroy(mosn_pool_t **pool);

/* `n` bytes, aligned for any object; not cleared. */
static inline void *
mosn_pool_alloc(mosn_pool_t *pool, size_t n)
{
    void *p = mosn_pool_cut(pool, mosn_pool_align(n));

    return MOSN_LIKELY(p != NULL) ? p
                                  : mosn_pool_grow(pool, mosn_pool_align(n));
}


/* The same, zeroed. */
static inline void *
mosn_pool_calloc(mosn_pool_t *pool, size_t n)
{
    return memset(mosn_pool_alloc(pool, n), 0, n);
}


/* NULL when there is no memory. */
static inline void *
mosn_pool_try_alloc(mosn_pool_t *pool, size_t n)
{
    void *p = mosn_pool_cut(pool, mosn_pool_align(n));

    return MOSN_LIKELY(p != NULL)
               ? p
               : mosn_pool_try_grow(pool, mosn_pool_align(n));
}


/* Copies with a NUL behind. */
char      *mosn_pool_strdup(mosn_pool_t *pool, const char *text);
mosn_str_t mosn_pool_copy(mosn_pool_t *pool, mosn_str_t s);
mosn_str_t mosn_pool_printf(mosn_pool_t *pool, const char *fmt, ...)
    MOSN_PRINTF(2, 3);

/* Runs `run(object)` when the pool is destroyed, last registered first. */
static inline void
mosn_pool_on_destroy(mosn_pool_t *pool, void (*run)(void *), void *object)
{
    mosn_pool_cleanup_t *c = mosn_pool_alloc(pool, sizeof(*c));

    c->run = run;
    c->object = object;
    c->next = pool->cleanups;
    pool->cleanups = c;
}


/* Gives the free lists back to the system; for tests and before exit. */
void mosn_pool_release_cache(void);

/* The link that the loop's grave uses. */
mosn_pool_t **mosn_pool_next(mosn_pool_t *pool);

/* malloc and friends that abort without memory. */
void *mosn_alloc(size_t n);
void *mosn_calloc(size_t n);
void *mosn_realloc(void *p, size_t n);

#endif
