/* tests/stream/transcode.c - frames into HTTP and out again. */

#include "frames.h"
#include "../../src/stream/transcode.c"

static const mosn_rpc_codec_t *codec;
static mosn_pool_t            *pool;


/* A request of Bolt that lies in a block, as it is received. */
static mosn_message_t *
receive(const char *hex)
{
    mosn_message_t *m = mosn_pool_calloc(pool, sizeof(*m));
    mosn_rpc_t     *rpc = mosn_pool_calloc(pool, sizeof(*rpc));
    const char     *why;

    rpc->block = mosn_block_create(512);
    mosn_pool_on_destroy(pool, transcode_let_go, rpc->block);
    rpc->codec = codec;
    rpc->bytes = rpc->block->bytes;
    m->rpc = rpc;
    m->headers.pool = pool;
    if (codec->look(rpc->bytes, frame_hex(hex, rpc->block->bytes), &rpc->frame,
                    &why)
            != MOSN_OK
        || codec->read(rpc, &why) != MOSN_OK)
    {
        abort();
    }
    return m;
}


int
main(void)
{
    mosn_message_t *call, *http, *back;
    mosn_chain_t    body = { 0 };
    const char     *why = "";

    pool = mosn_pool_create(MOSN_POOL_STREAM);
    codec = mosn_module_find(MOSN_RPC_CODEC, MOSN_STR("bolt"))->ops;
    call = receive("01 01 0001 01 00000007 01 00000bb8 0000 0016 00000002"
                   "00000007 73657276696365 00000007 412f423a312e30 0161");

    http = mosn_transcode_wrap(call, pool, &body);
    is_str(http->path, "/A%2FB/", "what is not plain in a path is escaped");
    ok(mosn_transcode_is_carried(http) && body.bytes == call->rpc->frame.len,
       "the frame is the body");
    back = mosn_transcode_unwrap(codec, pool, &body, &why);
    ok(back != NULL && back->rpc->frame.id == 7 && body.bytes == 2,
       "and comes out again");
    ok(mosn_transcode_is_honest(http, back, pool), "as HTTP has said");
    http->path = MOSN_STR("/other/");
    ok(!mosn_transcode_is_honest(http, back, pool), "or not");
    mosn_chain_clear(&body);

    mosn_chain_write(&body, "garbage", 7);
    ok(mosn_transcode_unwrap(codec, pool, &body, &why) == NULL
           && why[0] != '\0',
       "garbage: %s", why);
    mosn_chain_clear(&body);
    ok(mosn_transcode_unwrap(codec, pool, &body, &why) == NULL, "nothing");

    http = mosn_transcode_to_http(call, pool, &body);
    ok(!mosn_transcode_is_carried(http) && body.bytes == 2
           && http->content_length == 2,
       "plain: the body is that of the call");
    http->path = MOSN_STR("/S/m?q");
    back = mosn_transcode_from_http(codec, pool, http, &body, &why);
    ok(back != NULL && codec->read(back->rpc, &why) == MOSN_OK, "and back");
    is_str(back->rpc->service, "S", "the service of the path");
    is_str(back->rpc->method, "m", "and its method");
    http->path = MOSN_STR("/S");
    ok(mosn_transcode_from_http(codec, pool, http, &body, &why) == NULL,
       "a path that is no call: %s", why);
    mosn_chain_clear(&body);
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
