/* tests/core/buf.c - blocks, views, chains. */

#include "tap.h"
#include "core/buf.c"


static void
test_reserve(void)
{
    mosn_buf_t buf = { 0 };
    uint8_t   *before;

    mosn_buf_reserve(&buf, 100);
    ok(mosn_buf_room(&buf) >= 100, "an empty view gets a block");
    memcpy(buf.last, "hello world", 11);
    buf.last += 11;
    buf.pos += 6;
    before = buf.block->bytes;
    mosn_buf_reserve(&buf, MOSN_BLOCK_SMALL - 5);
    ok(buf.block->bytes == before, "moves to the front of its own block");
    ok(memcmp(buf.pos, "world", 5) == 0, "with what it holds");

    (void) mosn_block_ref(buf.block);
    mosn_buf_reserve(&buf, MOSN_BLOCK_SMALL);
    ok(buf.block->bytes != before, "a shared block is left alone");
    ok(memcmp(buf.pos, "world", 5) == 0 && mosn_buf_len(&buf) == 5,
       "and its bytes are copied");
    mosn_block_unref(
        (mosn_block_t *) (void *) (before - offsetof(mosn_block_t, bytes)));
    mosn_buf_close(&buf);
    ok(buf.block == NULL && mosn_buf_len(&buf) == 0, "closed");
}


static void
test_chain(void)
{
    mosn_chain_t chain = { 0 }, other = { 0 };
    mosn_buf_t   big = { 0 };

    mosn_chain_write(&chain, "abc", 3);
    mosn_chain_write(&chain, "def", 3);
    is_num((long long) chain.bytes, 6, "bytes are counted");
    ok(chain.head == chain.tail, "small writes share a block");

    mosn_buf_open(&big, MOSN_BLOCK_SMALL);
    memset(big.last, 'x', MOSN_BUF_COPY_MAX + 1);
    big.last += MOSN_BUF_COPY_MAX + 1;
    mosn_chain_append(&chain, &big);
    ok(chain.tail->block == big.block && big.block->refs == 2,
       "many bytes are referred to");
    mosn_chain_write(&chain, "ghi", 3);
    ok(chain.tail->block != big.block, "and never written behind");
    big.last = big.pos + 3;
    mosn_chain_append(&chain, &big);
    is_num(big.block->refs, 2, "few bytes are copied");

    mosn_chain_consume(&chain, 4);
    ok(memcmp(chain.head->pos, "ef", 2) == 0, "consume within a view");
    mosn_chain_consume(&chain, 2 + MOSN_BUF_COPY_MAX + 1);
    is_num(big.block->refs, 1, "a consumed view lets its block go");
    is_num((long long) chain.bytes, 6, "what is left");

    mosn_chain_write(&other, "jkl", 3);
    mosn_chain_take(&chain, &other);
    ok(other.head == NULL && other.bytes == 0, "a taken chain is empty");
    is_num((long long) chain.bytes, 9, "its bytes have moved");
    mosn_chain_clear(&chain);
    ok(chain.head == NULL && chain.tail == NULL && chain.bytes == 0,
       "cleared");
    mosn_buf_close(&big);
}


int
main(void)
{
    test_reserve();
    test_chain();
    mosn_buf_release_cache();
    return done_testing();
}
