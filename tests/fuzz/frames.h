/*
 * tests/fuzz/frames.h - what holds for the frames of every codec.
 *
 * A frame is no shorter than its parts; what look() says of a whole frame it
 * says of each longer input; what is read lies within the frame; another id
 * changes nothing but the id; headers that were not changed are written as
 * they came.
 */

#ifndef FUZZ_FRAMES_H
#define FUZZ_FRAMES_H

#include "fuzz.h"
#include "tap.h"

#include "proto/rpc.h"

#define SEED(bytes)                                                           \
    {                                                                         \
        bytes, sizeof(bytes) - 1                                              \
    }


static bool
frame_has(const mosn_rpc_t *rpc, mosn_str_t s)
{
    const char *from = (const char *) rpc->bytes;

    return s.len == 0
           || (s.at >= from && s.at + s.len <= from + rpc->frame.len);
}


static void
frame_check_ids(const mosn_rpc_codec_t *codec, mosn_rpc_t *rpc)
{
    size_t           room = rpc->frame.head_len + MOSN_RPC_SLACK, n;
    uint8_t         *head = malloc(room + rpc->frame.len);
    size_t           rest = rpc->frame.len - rpc->frame.head_len;
    mosn_rpc_frame_t again = { 0 };
    const char      *why;

    if (codec->renumber != NULL) {
        n = codec->renumber(rpc, 0x01020304, head);
    } else {
        n = rpc->frame.head_len;
        memcpy(head, rpc->bytes, n);
        if (codec->id_bytes == 8) {
            mosn_put_u64(head + codec->id_at, 0x01020304);
        } else {
            mosn_put_u32(head + codec->id_at, 0x01020304);
        }
    }
    FUZZ_CHECK(n <= room);
    memcpy(head + n, rpc->bytes + rpc->frame.head_len, rest);
    FUZZ_CHECK(codec->look(head, n + rest, &again, &why) == MOSN_OK);
    FUZZ_CHECK(again.id == 0x01020304 && again.kind == rpc->frame.kind
               && again.len == n + rest && again.head_len == n);
    free(head);
}


static void
frame_check_headers(const mosn_rpc_codec_t *codec, mosn_rpc_t *rpc)
{
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_message_t m = { .rpc = rpc, .headers.pool = pool };
    size_t body = rpc->frame.len - rpc->frame.head_len - rpc->frame.tail_len;
    size_t n = 0;

    mosn_message_need_headers(&m);
    FUZZ_CHECK(mosn_rpc_is_untouched(&m));
    for (uint32_t i = 0; i < m.headers.n; i++) {
        const mosn_header_t *h = &m.headers.items[i];

        FUZZ_CHECK(frame_has(rpc, (mosn_str_t){ h->name, h->name_len })
                   && frame_has(rpc, mosn_header_value(h)));
    }
    mosn_headers_add(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("added"),
                     MOSN_STR("by us"));
    if (codec->encode != NULL) {
        n = codec->encode(rpc, &m.headers, 5, body, NULL);
    }
    if (n > 0) {
        uint8_t         *head = malloc(n + body + rpc->frame.tail_len);
        size_t           len = codec->encode(rpc, &m.headers, 5, body, head);
        mosn_rpc_frame_t again = { 0 };
        const char      *why;

        FUZZ_CHECK(len <= n);
        if (!codec->encodes_body) {
            memcpy(head + len, rpc->bytes + rpc->frame.head_len,
                   body + rpc->frame.tail_len);
            len += body + rpc->frame.tail_len;
        }
        FUZZ_CHECK(codec->look(head, len, &again, &why) == MOSN_OK
                   && again.len == len && again.id == 5);
        free(head);
    }
    mosn_pool_destroy(&pool);
}


static void
frame_fuzz(const mosn_rpc_codec_t *codec, const uint8_t *bytes, size_t n)
{
    mosn_rpc_t  rpc = { .codec = codec, .bytes = bytes };
    const char *why = NULL;
    uint8_t     own[MOSN_RPC_OWN_MAX];
    mosn_rc_e   rc;

    if (n == 0) {
        return;
    }
    (void) codec->probe(bytes, n);
    rc = codec->look(bytes, n, &rpc.frame, &why);
    FUZZ_CHECK(rc != MOSN_ERROR || why != NULL);
    if (rc != MOSN_OK) {
        return;
    }
    FUZZ_CHECK(rpc.frame.len >= rpc.frame.head_len + rpc.frame.tail_len);
    if (rpc.frame.len > n) {
        return;
    }
    if (rpc.frame.tail_len > 0) {
        (void) codec->verify(&rpc.frame, bytes);
    }
    if (codec->reply != NULL) {
        FUZZ_CHECK(codec->reply(&rpc.frame, bytes, MOSN_REASON_NO_ROUTE, 404,
                                (mosn_str_t){ (const char *) bytes, n }, own)
                   <= sizeof(own));
    }
    if (codec->ack != NULL) {
        FUZZ_CHECK(codec->ack(&rpc.frame, bytes, true, own) <= sizeof(own));
    }
    frame_check_ids(codec, &rpc);
    if (codec->read != NULL && codec->read(&rpc, &why) != MOSN_OK) {
        FUZZ_CHECK(why != NULL);
        return;
    }
    FUZZ_CHECK(frame_has(&rpc, rpc.service) && frame_has(&rpc, rpc.method)
               && frame_has(&rpc, rpc.version) && frame_has(&rpc, rpc.group));
    if (codec->http_status != NULL) {
        unsigned status = codec->http_status(&rpc);

        FUZZ_CHECK(status >= 200 && status < 600);
    }
    frame_check_headers(codec, &rpc);
}


#endif
