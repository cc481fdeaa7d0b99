/* tests/proto/bolt.c - frames of both versions, whole, cut and broken. */

#include "frames.h"
#include "../../src/proto/bolt.c"

static uint8_t    bytes[1024], out[2048];
static mosn_rpc_t rpc;

#define HELLO                                                                 \
    "01 01 0001 01 00000007 01 00000bb8 0000 0014 00000002 "                  \
    "00000007 73657276696365 00000005 413a312e30 | 0161"


static void
test_frames(void)
{
    static const struct {
        const char     *hex;
        mosn_rpc_kind_e kind;
        uint64_t        id;
        size_t          head, body, tail;
        int             timeout_ms, status;
    } frames[] = {
        { "01 01 0000 01 00000001 01 ffffffff 0000 0000 00000000",
          MOSN_RPC_HEARTBEAT, 1, 22, 0, 0, -1, 0 },
        { "01 00 0000 01 00000001 01 0000 0000 0000 00000000",
          MOSN_RPC_HEARTBEAT_ACK, 1, 20, 0, 0, 0, 0 },
        { "02 01 01 0000 01 00000001 01 00 ffffffff 0000 0000 00000000",
          MOSN_RPC_HEARTBEAT, 1, 24, 0, 0, -1, 0 },
        { "02 01 00 0000 01 ffffffff 01 00 0000 0000 0000 00000000",
          MOSN_RPC_HEARTBEAT_ACK, 0xffffffff, 22, 0, 0, 0, 0 },
        { HELLO, MOSN_RPC_REQUEST, 7, 42, 2, 0, 3000, 0 },
        { "01 02 0001 01 00000007 01 ffffffff 0000 0000 00000001 00",
          MOSN_RPC_ONEWAY, 7, 22, 1, 0, -1, 0 },
        { "01 00 0002 01 00000007 01 0010 0000 0000 00000002 | 0162",
          MOSN_RPC_RESPONSE, 7, 20, 2, 0, 0, 16 },
        { "01 01 0064 01 00000001 01 00000000 0000 0000 00000000",
          MOSN_RPC_GOAWAY, 1, 22, 0, 0, 0, 0 },
        { "02 01 01 0001 01 00000007 01 01 00000bb8 0000 0014 00000002"
          "00000007 73657276696365 00000005 413a312e30 | 0161",
          MOSN_RPC_REQUEST, 7, 44, 2, 0, 3000, 0 },
        { "02 02 01 0001 01 00000007 01 01 00000bb8 0000 0014 00000002"
          "00000007 73657276696365 00000005 413a312e30 | 0161 | 7292c2b4",
          MOSN_RPC_REQUEST, 7, 44, 2, 4, 3000, 0 },
        { "02 02 00 0002 01 00000007 01 01 0000 0000 0000 00000002 | 0162"
          "e8fbf1a0",
          MOSN_RPC_RESPONSE, 7, 22, 2, 4, 0, 0 },
    };

    for (size_t i = 0; i < MOSN_COUNT(frames); i++) {
        bool read = frame_read(&bolt_codec, frames[i].hex, bytes, &rpc);
        const mosn_rpc_frame_t *f = &rpc.frame;

        ok(read && f->kind == frames[i].kind && f->id == frames[i].id
               && f->head_len == frames[i].head
               && f->len - f->head_len - f->tail_len == frames[i].body
               && f->tail_len == frames[i].tail
               && f->timeout_ms == frames[i].timeout_ms
               && f->status == frames[i].status,
           "%s", frames[i].hex);
        ok(f->tail_len == 0 || bolt_verify(f, bytes), "its checksum");
    }
    bytes[10] ^= 1;
    ok(!bolt_verify(&rpc.frame, bytes), "a wrong one is found");
}


static void
test_refused(void)
{
    ok(frame_refused(&bolt_codec, "03"), "another first byte");
    ok(frame_refused(&bolt_codec, "0103"), "an unknown type, at once");
    ok(frame_refused(&bolt_codec, "0203"), "an unknown ver1, at once");
    ok(frame_refused(&bolt_codec,
                     "01 01 0003 01 00000001 01 ffffffff 0000 0000 00000000"),
       "an unknown command");
    ok(frame_refused(&bolt_codec,
                     "01 00 0001 01 00000001 01 0000 0000 0000 00000000"),
       "a response that is a request");
    (void) frame_hex("01 01 0001 01 00000007 01 00000bb8 ffff ffff ffffffff",
                     bytes);
    ok(bolt_look(bytes, 22, &rpc.frame, &(const char *){ NULL }) == MOSN_OK
           && rpc.frame.len == (size_t) 22 + 65535 + 65535 + 0xffffffffu,
       "the longest lengths do not wrap");
    ok(!frame_read(&bolt_codec,
                   "01 01 0001 01 00000007 01 00000bb8 0000 0003 00000000"
                   "000000",
                   bytes, &rpc),
       "a map of three bytes");
    ok(!frame_read(&bolt_codec,
                   "01 01 0001 01 00000007 01 00000bb8 0000 0008 00000000"
                   "00000001 61 000000",
                   bytes, &rpc),
       "a pair without its value");
    ok(!frame_read(&bolt_codec,
                   "01 01 0001 01 00000007 01 00000bb8 0000 0008 00000000"
                   "fffffffe 00000000",
                   bytes, &rpc),
       "a key of nearly 4 GiB");
    ok(bolt_probe((const uint8_t *) "\1", 1) == MOSN_OK
           && bolt_probe((const uint8_t *) "\2", 1) == MOSN_DECLINED
           && bolt2_probe((const uint8_t *) "\2", 1) == MOSN_OK,
       "one byte tells the version");
}


static void
test_names(void)
{
    (void) frame_read(&bolt_codec, HELLO, bytes, &rpc);
    is_str(rpc.service, "A", "the service");
    is_str(rpc.version, "1.0", "its version");
    (void) frame_read(
        &bolt_codec,
        "01 01 0001 01 00000007 01 00000bb8 0000 0039 00000000"
        "00000018 736f66615f686561645f7461726765745f73657276696365"
        "00000007 413a313a753a76 ffffffff 00000001 78 00000001 6b ffffffff",
        bytes, &rpc);
    is_str(rpc.service, "A", "the target service instead");
    is_str(rpc.group, "u:v", "the rest of its name");
}


static void
test_edits(void)
{
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_message_t m = { .rpc = &rpc, .headers.pool = pool };
    size_t         n;

    (void) frame_read(&bolt_codec, HELLO, bytes, &rpc);
    is_hex(out, bolt_renumber(&rpc, 0xdeadbeef, out),
           "01 01 0001 01 deadbeef 01 00000bb8 0000 0014 00000002"
           "00000007 73657276696365 00000005 413a312e30",
           "another id");
    mosn_message_need_headers(&m);
    is_num(m.headers.n, 1, "one header");
    ok(mosn_rpc_is_untouched(&m), "as it came");
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("k"),
                     MOSN_STR(""));
    ok(!mosn_rpc_is_untouched(&m), "not any more");
    n = bolt_encode(&rpc, &m.headers, 8, 5, NULL);
    is_num((long long) bolt_encode(&rpc, &m.headers, 8, 5, out), (long long) n,
           "as long as said");
    is_hex(out, n,
           "01 01 0001 01 00000008 01 00000bb8 0000 001d 00000005"
           "00000007 73657276696365 00000005 413a312e30 00000001 6b 00000000",
           "a map with one more");
    mosn_headers_remove_name(&m.headers, MOSN_STR("service"));
    n = bolt_encode(&rpc, &m.headers, 8, 0, out);
    is_num((long long) n, 31, "and one less");
    mosn_headers_set(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("long"),
                     (mosn_str_t){ (const char *) out, 40000 });
    is_num((long long) bolt_encode(&rpc, &m.headers, 8, 0, NULL), 0,
           "a map that SOFABolt could not read is not written");
    mosn_pool_destroy(&pool);
}


static void
test_own(void)
{
    mosn_rpc_frame_t of = { .version = 2, .id = 7 };

    is_hex(out, bolt_heartbeat(1, out),
           "01 01 0000 01 00000001 01 ffffffff 0000 0000 00000000",
           "a heartbeat");
    is_hex(out, bolt2_heartbeat(1, out),
           "02 01 01 0000 01 00000001 01 00 ffffffff 0000 0000 00000000",
           "of version 2");
    is_hex(out, bolt_ack(&of, NULL, true, out),
           "02 01 00 0000 01 00000007 01 00 0000 0000 0000 00000000",
           "its acknowledgement");
    is_hex(out, bolt_goaway(1, out),
           "01 01 0064 01 00000001 01 00000000 0000 0000 00000000", "GOAWAY");
    of.version = 1;
    is_hex(
        out,
        bolt_reply(&of, NULL, MOSN_REASON_OVERFLOW, 503, MOSN_STR("x"), out),
        "01 00 0002 01 00000007 01 0004 0000 0000 00000000", "a reply");
    for (int reason = 0; reason < MOSN_REASON_COUNT; reason++) {
        uint16_t s = bolt_find_status((mosn_reason_e) reason,
                                      mosn_reasons[reason].status);

        if (s > 18 || (s > 9 && s < 16)) {
            ok(false, "status %u of reason %d would end SOFABolt", s, reason);
        }
    }
}


int
main(void)
{
    test_frames();
    test_refused();
    test_names();
    test_edits();
    test_own();
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
