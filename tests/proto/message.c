/* tests/proto/message.c - methods and statuses. */

#include "tap.h"
#include "proto/message.c"


int
main(void)
{
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_message_t m;
    mosn_block_t  *block = mosn_block_create(10);

    is_num(mosn_method_find(MOSN_STR("GET")), MOSN_METHOD_GET, "GET");
    is_num(mosn_method_find(MOSN_STR("get")), MOSN_METHOD_OTHER,
           "methods have case");
    ok(mosn_method_is_idempotent(MOSN_METHOD_PUT), "PUT may be repeated");
    ok(!mosn_method_is_idempotent(MOSN_METHOD_POST), "POST may not");
    ok(!mosn_method_is_idempotent(MOSN_METHOD_OTHER), "nor the unknown");
    is_str(mosn_status_phrase(431), "Request Header Fields Too Large", "431");
    is_str(mosn_status_phrase(299), "", "a status without a name");
    ok(mosn_status_is_bodyless(204, MOSN_METHOD_GET), "204");
    ok(mosn_status_is_bodyless(200, MOSN_METHOD_HEAD), "HEAD");
    ok(!mosn_status_is_bodyless(404, MOSN_METHOD_GET), "404");

    mosn_message_init(&m, pool);
    m.block = mosn_block_ref(block);
    mosn_message_reset(&m);
    is_num(block->refs, 1, "reset lets the block go");
    m.block = mosn_block_ref(block);
    mosn_pool_destroy(&pool);
    is_num(block->refs, 1, "so does the pool");
    mosn_block_unref(block);
    mosn_buf_release_cache();
    mosn_pool_release_cache();
    return done_testing();
}
