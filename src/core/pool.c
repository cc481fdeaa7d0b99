/*
 * core/pool.c - pools of chunks.
 *
 * The pool's own header lies at the start of its first chunk, so a pool of
 * one chunk is one piece of memory, taken from and given back to a free
 * list.  A larger allocation gets a chunk of its own.
 */

#include "core/pool.h"

#include <stdarg.h>
#include <stdio.h>

#define CACHE_MAX 4096 /* chunks kept of each hot size */

typedef mosn_pool_chunk_t pool_chunk_t;


static const size_t pool_chunk_size[] = {
    [MOSN_POOL_CONN] = 736,
    [MOSN_POOL_STREAM] = 4096,
    [MOSN_POOL_CONF] = 64 * 1024,
};

/* Further chunks, and the largest piece that is cut from them.  A connection
 * that does not fit into one needs little more: what TLS adds. */
static const struct {
    size_t size;
    size_t piece;
} pool_more[] = {
    [MOSN_POOL_CONN] = { 240, 224 },
    [MOSN_POOL_STREAM] = { 4096, 1024 },
    [MOSN_POOL_CONF] = { 64 * 1024, 16 * 1024 },
};

/* A cache of this process alone; empty or full makes no difference but
 * speed, so a reload need not know it. */
static struct {
    pool_chunk_t *free;
    size_t        n;
} pool_cache[2];


static MOSN_NORETURN MOSN_COLD void
pool_no_memory(size_t n)
{
    (void) fprintf(stderr, "mosn: no memory for %zu bytes\n", n);
    abort();
}


void *
mosn_alloc(size_t n)
{
    void *p = malloc(n);

    if (p == NULL) {
        pool_no_memory(n);
    }
    return p;
}


void *
mosn_calloc(size_t n)
{
    void *p = calloc(1, n);

    if (p == NULL) {
        pool_no_memory(n);
    }
    return p;
}


void *
mosn_realloc(void *p, size_t n)
{
    p = realloc(p, n);
    if (p == NULL) {
        pool_no_memory(n);
    }
    return p;
}


static pool_chunk_t *
pool_chunk_try(size_t size)
{
    pool_chunk_t *chunk = malloc(size);

    if (chunk != NULL) {
        chunk->size = size;
    }
    return chunk;
}


/* NULL: there is no memory. */
static pool_chunk_t *
pool_chunk_get(mosn_pool_e kind)
{
    pool_chunk_t *chunk;

    if (kind <= MOSN_POOL_STREAM && pool_cache[kind].free != NULL) {
        chunk = pool_cache[kind].free;
        pool_cache[kind].free = chunk->next;
        pool_cache[kind].n--;
        return chunk;
    }
    return pool_chunk_try(pool_chunk_size[kind]);
}


static void
pool_chunk_put(pool_chunk_t *chunk, mosn_pool_e kind)
{
    if (MOSN_KEEPS_MEMORY && kind <= MOSN_POOL_STREAM
        && pool_cache[kind].n < CACHE_MAX)
    {
        chunk->next = pool_cache[kind].free;
        pool_cache[kind].free = chunk;
        pool_cache[kind].n++;
        return;
    }
    free(chunk);
}


mosn_pool_t *
mosn_pool_create(mosn_pool_e kind)
{
    mosn_pool_t *pool = (mosn_pool_t *) (void *) pool_chunk_get(kind);

    if (MOSN_UNLIKELY(pool == NULL)) {
        pool_no_memory(pool_chunk_size[kind]);
    }
    pool->pos = (char *) pool + mosn_pool_align(sizeof(*pool));
    pool->end = (char *) pool + pool->first.size;
    pool->chunks = NULL;
    pool->cleanups = NULL;
    pool->next_dead = NULL;
    pool->kind = kind;
    return pool;
}


void
mosn_pool_destroy(mosn_pool_t **pool)
{
    mosn_pool_t  *p = *pool;
    pool_chunk_t *chunk, *next;

    *pool = NULL;
    if (p == NULL) {
        return;
    }

    for (mosn_pool_cleanup_t *c = p->cleanups; c != NULL; c = c->next) {
        c->run(c->object);
    }
    for (chunk = p->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        if (chunk->size == pool_chunk_size[p->kind]) {
            pool_chunk_put(chunk, p->kind);
        } else {
            free(chunk);
        }
    }
    pool_chunk_put(&p->first, p->kind);
}


/* A chunk for one large allocation, or the next one to cut pieces from.  Only
 * those of the hot size go back to the free list. */
void *
mosn_pool_try_grow(mosn_pool_t *pool, size_t n)
{
    bool   large = n > pool_more[pool->kind].piece || !MOSN_KEEPS_MEMORY;
    size_t hot = pool_chunk_size[pool->kind];
    size_t size =
        large ? sizeof(pool_chunk_t) + n : pool_more[pool->kind].size;
    pool_chunk_t *chunk;
    char         *bytes;

    if (large) {
        chunk = pool_chunk_try(size + (size == hot));
    } else {
        chunk =
            size == hot ? pool_chunk_get(pool->kind) : pool_chunk_try(size);
    }
    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    bytes = (char *) (chunk + 1);

    if (!large) {
        pool->pos = bytes + n;
        pool->end = (char *) chunk + chunk->size;
    }
    return bytes;
}


void *
mosn_pool_grow(mosn_pool_t *pool, size_t n)
{
    void *p = mosn_pool_try_grow(pool, n);

    if (MOSN_UNLIKELY(p == NULL)) {
        pool_no_memory(n);
    }
    return p;
}


mosn_str_t
mosn_pool_copy(mosn_pool_t *pool, mosn_str_t s)
{
    char *copy = mosn_pool_alloc(pool, s.len + 1);

    if (s.len > 0) {
        memcpy(copy, s.at, s.len);
    }
    copy[s.len] = '\0';
    return (mosn_str_t){ copy, s.len };
}


char *
mosn_pool_strdup(mosn_pool_t *pool, const char *text)
{
    size_t n = strlen(text) + 1;

    return memcpy(mosn_pool_alloc(pool, n), text, n);
}


mosn_str_t
mosn_pool_printf(mosn_pool_t *pool, const char *fmt, ...)
{
    va_list args, again;
    int     n;
    char   *text;

    va_start(args, fmt);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    text = mosn_pool_alloc(pool, (size_t) n + 1);
    (void) vsnprintf(text, (size_t) n + 1, fmt, again);
    va_end(again);
    return (mosn_str_t){ text, (size_t) n };
}


void
mosn_pool_release_cache(void)
{
    for (size_t i = 0; i < MOSN_COUNT(pool_cache); i++) {
        while (pool_cache[i].free != NULL) {
            pool_chunk_t *chunk = pool_cache[i].free;

            pool_cache[i].free = chunk->next;
            free(chunk);
        }
        pool_cache[i].n = 0;
    }
}


mosn_pool_t **
mosn_pool_next(mosn_pool_t *pool)
{
    return &pool->next_dead;
}
