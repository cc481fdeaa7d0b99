/* tests/proto/rpc.c - paths and numbers of calls. */

#include "tap.h"
#include "../../src/proto/rpc.c"


int
main(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_rpc_t   rpc = { .service = MOSN_STR_INIT("a.B"),
                         .method = MOSN_STR_INIT("m") };
    uint8_t      b[8];

    is_str(mosn_rpc_path(&rpc, pool), "/a.B/m", "a path");
    rpc = (mosn_rpc_t){ 0 };
    is_str(mosn_rpc_path(&rpc, pool), "//", "of nothing");
    mosn_put_u64(b, 0x0102030405060708u);
    ok(b[0] == 1 && b[7] == 8 && mosn_get_u64(b) == 0x0102030405060708u
           && mosn_get_u32(b + 4) == 0x05060708u
           && mosn_get_u16(b + 1) == 0x0203,
       "numbers are big-endian");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
