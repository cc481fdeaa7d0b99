/*
 * core/buf.h - bytes on their way: blocks, views of them, chains of views.
 *
 * A block is memory with a reference count.  A mosn_buf_t is a view of
 * part of a block and holds one reference while it stands in a chain or in
 * a connection.  A body that is passed on is not copied: the view moves, the
 * block stays where the socket wrote it.
 *
 *      block   [ . . . . h e l l o . . . . ]
 *      buf             pos ^     ^ last    ^ end
 *
 * Only the holder of the view that reaches up to the written part appends
 * to a block; the bytes in front of it never change while they are shared.
 */

#ifndef MOSN_CORE_BUF_H
#define MOSN_CORE_BUF_H

#include "core/str.h"

typedef struct mosn_block_s mosn_block_t;
typedef struct mosn_buf_s   mosn_buf_t;

struct mosn_block_s {
    uint32_t      refs;
    uint32_t      size_class; /* index of the free list, or none */
    size_t        size;
    mosn_block_t *next_free;
    uint8_t       bytes[];
};

struct mosn_buf_s {
    uint8_t      *pos;
    uint8_t      *last;
    uint8_t      *end;
    mosn_block_t *block;
    mosn_buf_t   *next;
};

typedef struct {
    mosn_buf_t *head;
    mosn_buf_t *tail;
    size_t      bytes;
} mosn_chain_t;

/* Sizes that a connection reads into and writes from. */
#define MOSN_BLOCK_SMALL (16u * 1024)
#define MOSN_BLOCK_LARGE (64u * 1024)

/* Up to this much a copy is cheaper than a reference and an iovec. */
#define MOSN_BUF_COPY_MAX 2048u

/* A block of at least `size` bytes with one reference. */
mosn_block_t *mosn_block_create(size_t size);
void          mosn_block_free(mosn_block_t *block); /* for unref alone */

static inline mosn_block_t *
mosn_block_ref(mosn_block_t *block)
{
    block->refs++;
    return block;
}


static inline void
mosn_block_unref(mosn_block_t *block)
{
    if (--block->refs == 0) {
        mosn_block_free(block);
    }
}


static inline size_t
mosn_buf_len(const mosn_buf_t *buf)
{
    return (size_t) (buf->last - buf->pos);
}


static inline size_t
mosn_buf_room(const mosn_buf_t *buf)
{
    return (size_t) (buf->end - buf->last);
}


/* Gives an empty view a fresh block. */
void mosn_buf_open(mosn_buf_t *buf, size_t size);

/* Lets the block go; the view is empty and has no block afterwards. */
void mosn_buf_close(mosn_buf_t *buf);

/* Makes room for at least `n` bytes behind `last` in one piece: moves what
 * is there to the front, or to another block when this one is shared or too
 * small. */
void mosn_buf_reserve(mosn_buf_t *buf, size_t n);

/* A view of `n` bytes at `at` of the same block; borrows. */
static inline mosn_buf_t
mosn_buf_slice(const mosn_buf_t *buf, uint8_t *at, size_t n)
{
    return (mosn_buf_t){
        .pos = at, .last = at + n, .end = at + n, .block = buf->block
    };
}


/* `n` bytes of room at the end of the chain, in one piece; what is written
 * there counts after mosn_chain_commit(). */
uint8_t *mosn_chain_reserve(mosn_chain_t *chain, size_t n);

static inline void
mosn_chain_commit(mosn_chain_t *chain, size_t n)
{
    chain->tail->last += n;
    chain->bytes += n;
}


/* Appends a copy. */
void mosn_chain_write(mosn_chain_t *chain, const void *bytes, size_t n);

/* Appends the bytes of a view: copies few, refers to many. */
void mosn_chain_append(mosn_chain_t *chain, const mosn_buf_t *buf);

/* Appends a reference to the bytes, however few. */
void mosn_chain_append_ref(mosn_chain_t *chain, const mosn_buf_t *buf);

/* Appends everything of `from`, which is empty afterwards. */
void mosn_chain_take(mosn_chain_t *chain, mosn_chain_t *from);

/* Drops `n` bytes from the front. */
void mosn_chain_consume(mosn_chain_t *chain, size_t n);

static inline void
mosn_chain_clear(mosn_chain_t *chain)
{
    if (chain->head != NULL) {
        mosn_chain_consume(chain, chain->bytes);
    }
}


/* Gives the free lists back to the system; for tests and before exit. */
void mosn_buf_release_cache(void);

#endif
