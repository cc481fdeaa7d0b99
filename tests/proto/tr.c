/* tests/proto/tr.c - frames of TR, in both serializers. */

#include "frames.h"
#include "../../src/proto/tr.c"

static uint8_t    bytes[1024], out[2048], again[2048];
static mosn_rpc_t rpc;

/* A frame of two-way, `object` behind the heartbeat's or another class. */
static size_t
build(uint8_t serializer, const char *connection, const char *class,
      const char *object)
{
    uint8_t part[1024];
    size_t  n = frame_hex(connection, part), k = strlen(class);
    size_t  o = frame_hex(object, bytes);

    memmove(bytes + FIXED + n + k, bytes, o);
    memcpy(bytes + FIXED, part, n);
    memcpy(bytes + FIXED + n, class, k);
    memcpy(bytes, (uint8_t[]){ 0x0d, 0, serializer, 2, 0 }, 5);
    mosn_put_u32(bytes + 5, (uint32_t) n);
    bytes[9] = (uint8_t) k;
    mosn_put_u32(bytes + 10, (uint32_t) o);
    return FIXED + n + k + o;
}


#define REQUEST_1                                                             \
    "4d 74 002a 636f6d2e74616f62616f2e72656d6f74696e672e696d706c2e436f6e6e65" \
    "6374696f6e52657175657374 53 0003 637478 4d 74 0001 58 53 0002 6964 4c "  \
    "0000000000000001 53 0006 746869732430 52 00000000 7a 7a"
#define REQUEST_4                                                             \
    "4f ba 636f6d2e74616f62616f2e72656d6f74696e672e696d706c2e436f6e6e656374"  \
    "696f6e52657175657374 91 03 637478 6f 90 4f 91 58 92 02 6964 06 "         \
    "746869732430 6f 91 e1 4a 00"
#define CALL_4                                                                \
    "4f 91 43 95 0d 7461726765744170704e616d65 0a 6d6574686f644e616d65 17 "   \
    "746172676574536572766963655 56e697175654e616d65 0c 7265717565737450726f" \
    "7073 0d 6d6574686f6441726753696773 6f 90 00 08 73617948656c6c6f 15 "     \
    "636f6d2e6578616d706c652e48656c6c6f3a312e30 4d 7a"


/* The same frame with another id, read again. */
static void
renumbers(uint64_t id)
{
    size_t           n = tr_renumber(&rpc, id, out);
    size_t           rest = rpc.frame.len - rpc.frame.head_len;
    mosn_rpc_frame_t f;

    memcpy(out + n, rpc.bytes + rpc.frame.head_len, rest);
    memset(&f, 0, sizeof(f));
    ok(tr_look(out, n + rest, &f, &(const char *){ NULL }) == MOSN_OK
           && f.id == id && f.len == n + rest && f.kind == rpc.frame.kind,
       "id %llu", (unsigned long long) id);
}


static void
reads(size_t n, mosn_rpc_kind_e kind, uint64_t id)
{
    memset(&rpc, 0, sizeof(rpc));
    rpc.codec = &tr_codec;
    memcpy(again, bytes, n);
    rpc.bytes = again;
    ok(frame_look(&tr_codec, again, n, &rpc.frame) && rpc.frame.kind == kind
           && rpc.frame.id == id
           && tr_read(&rpc, &(const char *){ NULL }) == MOSN_OK,
       "a frame of kind %d", kind);
}


int
main(void)
{
    static const uint64_t ids[] = { 0,
                                    15,
                                    16,
                                    2047,
                                    2048,
                                    262143,
                                    262144,
                                    INT32_MAX,
                                    1u << 31,
                                    UINT64_MAX,
                                    0x0102030405060708 };
    mosn_rpc_frame_t      of = { .version = HESSIAN_1, .id = 77 };
    size_t                n;

    reads(build(4, REQUEST_4, "com.alipay.sofa.rpc.core.request.SofaRequest",
                CALL_4),
          MOSN_RPC_REQUEST, 1);
    is_str(rpc.service, "com.example.Hello", "its service");
    is_str(rpc.version, "1.0", "its version");
    is_str(rpc.method, "sayHello", "its method");
    for (size_t i = 0; i < MOSN_COUNT(ids); i++) {
        renumbers(ids[i]);
    }
    reads(build(1, REQUEST_1, "x",
                "4d 74 0001 58 53 000a 6d6574686f644e616d65 53 0002 6869 7a"),
          MOSN_RPC_REQUEST, 1);
    is_str(rpc.method, "hi", "a method in Hessian 1");
    for (size_t i = 0; i < MOSN_COUNT(ids); i++) {
        renumbers(ids[i]);
    }
    n = build(1, REQUEST_1, class_of_heartbeat, "4e");
    reads(n, MOSN_RPC_HEARTBEAT, 1);
    bytes[3] = 1;
    n = build(4, REQUEST_4, "x", "4e");
    bytes[3] = ONE_WAY;
    reads(n, MOSN_RPC_ONEWAY, 1);

    for (unsigned serializer = 1; serializer <= 4; serializer += 3) {
        of.version = (uint8_t) serializer;
        n = tr_ack(&of, NULL, true, bytes);
        reads(n, MOSN_RPC_HEARTBEAT_ACK, 77);
        n = tr_reply(&of, NULL, MOSN_REASON_NO_ROUTE, 404, MOSN_STR(""),
                     bytes);
        ok(n <= MOSN_RPC_OWN_MAX, "a reply has %zu bytes", n);
        reads(n, MOSN_RPC_RESPONSE, 77);
    }
    for (int reason = 0; reason < MOSN_REASON_COUNT; reason++) {
        if (tr_reply(&of, NULL, (mosn_reason_e) reason, 500, MOSN_STR(""),
                     bytes)
            > MOSN_RPC_OWN_MAX)
        {
            ok(false, "reason %d is too long", reason);
        }
    }
    n = tr_heartbeat(300, bytes);
    reads(n, MOSN_RPC_HEARTBEAT, 300);

    ok(frame_refused(&tr_codec, "0e"), "another first byte");
    ok(frame_refused(&tr_codec, "0d02"), "neither request nor response");
    ok(frame_refused(&tr_codec, "0d 00 02 02 00 00000001 00 00000000 00 00"),
       "a serializer that we cannot read");
    ok(frame_refused(&tr_codec, "0d 00 01 02 00 00100000 00 00000000 00 00"),
       "a connection object of a megabyte");
    ok(frame_refused(&tr_codec, "0d 00 01 02 00 00000002 00 00000000 4d 7a"),
       "a connection object without an id");
    ok(frame_refused(&tr_codec,
                     "0d 00 04 02 00 00000003 00 00000000 6f 90 90"),
       "an object of no class");
    mosn_pool_release_cache();
    return done_testing();
}
