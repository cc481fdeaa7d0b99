/* tests/proto/dubbo.c - frames of Dubbo, whole, cut and broken. */

#include "frames.h"
#include "../../src/proto/dubbo.c"

static uint8_t    bytes[1024], out[2048];
static mosn_rpc_t rpc;

#define CALL                                                                  \
    "dabb c2 00 0000000000000009 0000008c 05 322e302e32"                      \
    "11 636f6d2e6578616d706c652e48656c6c6f 05 312e302e30"                     \
    "08 73617948656c6c6f 12 4c6a6176612f6c616e672f537472696e673b"             \
    "05 776f726c64 48 04 70617468 11 636f6d2e6578616d706c652e48656c6c6f"      \
    "09 696e74657266616365 11 636f6d2e6578616d706c652e48656c6c6f"             \
    "07 76657273696f6e 05 312e302e30 05 67726f7570 02 6731 5a"


int
main(void)
{
    mosn_pool_t     *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_message_t   m = { .rpc = &rpc, .headers.pool = pool };
    mosn_rpc_frame_t of = { .id = 9 };
    size_t           n;

    ok(frame_read(&dubbo_codec, CALL, bytes, &rpc), "a call");
    ok(rpc.frame.kind == MOSN_RPC_REQUEST && rpc.frame.id == 9
           && rpc.frame.head_len == 16 && rpc.frame.len == 156,
       "its frame");
    is_str(rpc.service, "com.example.Hello", "its service");
    is_str(rpc.version, "1.0.0", "its version");
    is_str(rpc.method, "sayHello", "its method");
    ok(rpc.group.at == NULL, "the group stands behind the arguments");
    mosn_message_need_headers(&m);
    is_num(m.headers.n, 4, "four attachments");
    is_str(rpc.group, "g1", "one of them is the group");
    ok(mosn_rpc_is_untouched(&m), "as they came");
    mosn_headers_set(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("group"),
                     MOSN_STR("g2"));
    ok(dubbo_encode(&rpc, &m.headers, 10, 1, NULL) == 0,
       "another body and other attachments are too much");
    n = dubbo_encode(&rpc, &m.headers, 10, rpc.frame.len - 16, NULL);
    ok(n > 0, "attachments can be changed");
    n = dubbo_encode(&rpc, &m.headers, 10, rpc.frame.len - 16, out);
    memset(&rpc, 0, sizeof(rpc));
    rpc.codec = &dubbo_codec;
    rpc.bytes = out;
    m.headers = (mosn_headers_t){ .pool = pool };
    ok(frame_look(&dubbo_codec, out, n, &rpc.frame)
           && dubbo_read(&rpc, &(const char *){ NULL }) == MOSN_OK
           && rpc.frame.id == 10,
       "and read again");
    mosn_message_need_headers(&m);
    is_str(rpc.group, "g2", "with the new one");

    ok(frame_read(&dubbo_codec,
                  "dabb 02 14 0000000000000009 00000004  91 02 6869", bytes,
                  &rpc)
           && rpc.frame.kind == MOSN_RPC_RESPONSE && rpc.frame.status == 20,
       "a response");
    ok(frame_read(&dubbo_codec, "dabb e2 00 0000000000000009 00000001  4e",
                  bytes, &rpc)
           && rpc.frame.kind == MOSN_RPC_HEARTBEAT,
       "a heartbeat");
    is_hex(out, dubbo_heartbeat(9, out),
           "dabb e2 00 0000000000000009 00000001  4e", "made");
    is_hex(out, dubbo_ack(&of, NULL, true, out),
           "dabb 22 14 0000000000000009 00000001  4e", "and answered");
    is_num((long long) dubbo_ack(&of, NULL, false, out), 0, "or not");
    ok(frame_read(&dubbo_codec, "dabb 22 14 0000000000000009 00000002 4e 4e",
                  bytes, &rpc)
           && rpc.frame.kind == MOSN_RPC_HEARTBEAT_ACK,
       "as others answer it");
    ok(frame_read(&dubbo_codec, "dabb a2 00 0000000000000009 00000002 01 52",
                  bytes, &rpc)
           && rpc.frame.kind == MOSN_RPC_GOAWAY,
       "a read-only notice");
    is_hex(out, dubbo_goaway(9, out),
           "dabb a2 00 0000000000000009 00000002 01 52", "made");
    ok(frame_read(&dubbo_codec,
                  "dabb 82 00 0000000000000009 00000004"
                  "00 00 00 00",
                  bytes, &rpc)
           && rpc.frame.kind == MOSN_RPC_ONEWAY,
       "one-way");
    ok(frame_read(&dubbo_codec, "dabb c6 00 0000000000000009 00000001 ff",
                  bytes, &rpc)
           && rpc.service.at == NULL,
       "another serialization is passed on unread");
    ok(!frame_read(&dubbo_codec, "dabb c2 00 0000000000000009 00000001 91",
                   bytes, &rpc),
       "a call that begins with a number");
    ok(!frame_read(&dubbo_codec, "dabb c2 00 0000000000000009 00000002 05 32",
                   bytes, &rpc),
       "a string that is cut short");
    ok(frame_refused(&dubbo_codec, "db"), "another first byte, at once");
    ok(frame_refused(&dubbo_codec, "dabc"), "another second byte");
    is_hex(
        out,
        dubbo_reply(&of, NULL, MOSN_REASON_NO_ROUTE, 404, MOSN_STR(""), out),
        "dabb 02 3c 0000000000000009 00000013 53 0010"
        "6e6f20726f757465206d617463686573",
        "a reply says why");
    ok(dubbo_reply(&of, NULL, MOSN_REASON_NONE, 500,
                   (mosn_str_t){ (const char *) bytes, sizeof(bytes) }, out)
           <= MOSN_RPC_OWN_MAX,
       "as far as there is room");
    is_num(dubbo_count_types(MOSN_STR("Ljava/lang/String;I[J[[Lx;")), 4,
           "types are counted");
    is_num(dubbo_count_types(MOSN_STR("Lx")), -1, "a name without an end");
    is_num(dubbo_count_types(MOSN_STR("[")), -1, "an array of nothing");
    is_num(dubbo_count_types(MOSN_STR("Q")), -1, "an unknown type");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
