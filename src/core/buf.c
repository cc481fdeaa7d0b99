/*
 * core/buf.c - blocks, views and chains.
 *
 * Blocks of the two I/O sizes and the views in chains come from free lists
 * of this process.  The lists are bounded: after a burst the rest goes back
 * to malloc, and an idle connection holds none.
 */

#include "core/buf.h"
#include "core/pool.h"

#define CLASS_NONE 2
#define VIEWS_MAX  4096

static const size_t block_size[] = { MOSN_BLOCK_SMALL, MOSN_BLOCK_LARGE };
static const size_t block_keep[] = { 256, 32 };

/* Caches: nothing is lost with them, so a reload need not know them. */
static struct {
    mosn_block_t *free;
    size_t        n;
} block_cache[2];

static mosn_buf_t *view_cache;
static size_t      view_cached;


mosn_block_t *
mosn_block_create(size_t size)
{
    uint32_t class = size <= MOSN_BLOCK_SMALL   ? 0
                     : size <= MOSN_BLOCK_LARGE ? 1
                                                : CLASS_NONE;
    mosn_block_t *block;

    if (class != CLASS_NONE) {
        size = block_size[class];
        block = block_cache[class].free;
        if (MOSN_LIKELY(block != NULL)) {
            block_cache[class].free = block->next_free;
            block_cache[class].n--;
            block->refs = 1;
            return block;
        }
    }

    block = mosn_alloc(sizeof(*block) + size);
    block->refs = 1;
    block->size_class = class;
    block->size = size;
    return block;
}


void
mosn_block_free(mosn_block_t *block)
{
    uint32_t class = block->size_class;

    if (MOSN_KEEPS_MEMORY && class != CLASS_NONE
        && block_cache[class].n < block_keep[class])
    {
        block->next_free = block_cache[class].free;
        block_cache[class].free = block;
        block_cache[class].n++;
        return;
    }
    free(block);
}


void
mosn_buf_open(mosn_buf_t *buf, size_t size)
{
    buf->block = mosn_block_create(size);
    buf->pos = buf->last = buf->block->bytes;
    buf->end = buf->block->bytes + buf->block->size;
}


void
mosn_buf_close(mosn_buf_t *buf)
{
    if (buf->block != NULL) {
        mosn_block_unref(buf->block);
        buf->block = NULL;
    }
    buf->pos = buf->last = buf->end = NULL;
}


void
mosn_buf_reserve(mosn_buf_t *buf, size_t n)
{
    size_t        len = mosn_buf_len(buf);
    mosn_block_t *block;

    if (mosn_buf_room(buf) >= n) {
        return;
    }
    if (buf->block == NULL) {
        mosn_buf_open(buf, n);
        return;
    }

    if (buf->block->refs == 1 && buf->block->size >= len + n) {
        memmove(buf->block->bytes, buf->pos, len);
        buf->pos = buf->block->bytes;
        buf->last = buf->pos + len;
        buf->end = buf->pos + buf->block->size;
        return;
    }

    block = mosn_block_create(len + n);
    memcpy(block->bytes, buf->pos, len);
    mosn_block_unref(buf->block);
    buf->block = block;
    buf->pos = block->bytes;
    buf->last = buf->pos + len;
    buf->end = buf->pos + block->size;
}


static mosn_buf_t *
view_create(void)
{
    mosn_buf_t *view = view_cache;

    if (MOSN_LIKELY(view != NULL)) {
        view_cache = view->next;
        view_cached--;
    } else {
        view = mosn_alloc(sizeof(*view));
    }
    view->next = NULL;
    return view;
}


static void
view_destroy(mosn_buf_t *view)
{
    mosn_block_unref(view->block);
    if (MOSN_KEEPS_MEMORY && view_cached < VIEWS_MAX) {
        view->next = view_cache;
        view_cache = view;
        view_cached++;
        return;
    }
    free(view);
}


static void
chain_link(mosn_chain_t *chain, mosn_buf_t *view)
{
    if (chain->tail == NULL) {
        chain->head = view;
    } else {
        chain->tail->next = view;
    }
    chain->tail = view;
}


uint8_t *
mosn_chain_reserve(mosn_chain_t *chain, size_t n)
{
    mosn_buf_t *tail = chain->tail;

    /* A slice of somebody's block has end == last: never written to. */
    if (tail == NULL || mosn_buf_room(tail) < n) {
        tail = view_create();
        mosn_buf_open(tail, n);
        chain_link(chain, tail);
    }
    return tail->last;
}


void
mosn_chain_write(mosn_chain_t *chain, const void *bytes, size_t n)
{
    if (n == 0) {
        return;
    }
    memcpy(mosn_chain_reserve(chain, n), bytes, n);
    mosn_chain_commit(chain, n);
}


void
mosn_chain_append_ref(mosn_chain_t *chain, const mosn_buf_t *buf)
{
    mosn_buf_t *view = view_create();

    view->block = mosn_block_ref(buf->block);
    view->pos = buf->pos;
    view->last = view->end = buf->last;
    chain_link(chain, view);
    chain->bytes += mosn_buf_len(buf);
}


void
mosn_chain_append(mosn_chain_t *chain, const mosn_buf_t *buf)
{
    size_t n = mosn_buf_len(buf);

    if (n <= MOSN_BUF_COPY_MAX || buf->block == NULL) {
        mosn_chain_write(chain, buf->pos, n);
    } else {
        mosn_chain_append_ref(chain, buf);
    }
}


void
mosn_chain_take(mosn_chain_t *chain, mosn_chain_t *from)
{
    if (from->head == NULL) {
        return;
    }
    if (chain->tail == NULL) {
        chain->head = from->head;
    } else {
        chain->tail->next = from->head;
    }
    chain->tail = from->tail;
    chain->bytes += from->bytes;
    *from = (mosn_chain_t){ 0 };
}


void
mosn_chain_consume(mosn_chain_t *chain, size_t n)
{
    chain->bytes -= n;

    while (chain->head != NULL) {
        mosn_buf_t *head = chain->head;
        size_t      len = mosn_buf_len(head);

        if (n < len) {
            head->pos += n;
            return;
        }
        n -= len;
        chain->head = head->next;
        if (chain->head == NULL) {
            chain->tail = NULL;
        }
        view_destroy(head);
    }
}


void
mosn_buf_release_cache(void)
{
    for (size_t i = 0; i < MOSN_COUNT(block_cache); i++) {
        while (block_cache[i].free != NULL) {
            mosn_block_t *block = block_cache[i].free;

            block_cache[i].free = block->next_free;
            free(block);
        }
        block_cache[i].n = 0;
    }
    while (view_cache != NULL) {
        mosn_buf_t *view = view_cache;

        view_cache = view->next;
        free(view);
    }
    view_cached = 0;
}
