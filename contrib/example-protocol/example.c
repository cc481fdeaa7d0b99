/*
 * example.c - the "x" protocol, as an example of a protocol of one's own.
 *
 *   request   78 type 00 id:4 length:4           | payload
 *   response  78 type 01 id:4 status:2 length:4  | payload
 *   type: 0 heartbeat, 1 message, 2 go away
 *
 * The payload of a message may begin with "service.method:"; routes match on
 * both.  README.md beside this file walks through it.
 */

#include "proto/rpc.h"

#define MAGIC         0x78
#define TYPE_BEAT     0
#define TYPE_MESSAGE  1
#define TYPE_GOAWAY   2
#define REQUEST_LEN   11u
#define RESPONSE_LEN  13u
#define STATUS_OK     0
#define STATUS_FAILED 1


/* 1. Is it ours?  One byte tells. */
static mosn_rc_e
example_probe(const uint8_t *bytes, size_t n)
{
    (void) n;
    return bytes[0] == MAGIC ? MOSN_OK : MOSN_DECLINED;
}


/* 2. What frame is this, and how long?  Called with what has come so far:
 * judge only the bytes that are there. */
static mosn_rc_e
example_look(const uint8_t *bytes, size_t n, mosn_rpc_frame_t *f,
             const char **why_r)
{
    bool response;

    if (bytes[0] != MAGIC) {
        *why_r = "the magic byte is missing";
        return MOSN_ERROR;
    }
    if (n < REQUEST_LEN) {
        return MOSN_AGAIN;
    }
    if (bytes[1] > TYPE_GOAWAY || bytes[2] > 1) {
        *why_r = "unknown type or direction";
        return MOSN_ERROR;
    }
    response = bytes[2] == 1;
    if (response && n < RESPONSE_LEN) {
        return MOSN_AGAIN;
    }
    f->id = mosn_get_u32(bytes + 3);
    f->status = response ? mosn_get_u16(bytes + 7) : 0;
    f->head_len = response ? RESPONSE_LEN : REQUEST_LEN;
    f->len = f->head_len + mosn_get_u32(bytes + f->head_len - 4);
    f->kind = bytes[1] == TYPE_GOAWAY  ? MOSN_RPC_GOAWAY
              : bytes[1] == TYPE_BEAT  ? response ? MOSN_RPC_HEARTBEAT_ACK
                                                  : MOSN_RPC_HEARTBEAT
              : response               ? MOSN_RPC_RESPONSE
                                       : MOSN_RPC_REQUEST;
    return MOSN_OK;
}


/* 3. What do routes ask for?  Called with the whole frame. */
static mosn_rc_e
example_read(mosn_rpc_t *rpc, const char **why_r)
{
    const char *at = (const char *) rpc->bytes + rpc->frame.head_len;
    size_t      n = rpc->frame.len - rpc->frame.head_len;
    const char *colon = memchr(at, ':', n);
    const char *dot = colon != NULL ? memchr(at, '.', n) : NULL;

    (void) why_r; /* a payload without a name is fine */
    if (dot != NULL && dot < colon) {
        rpc->service = (mosn_str_t){ at, (size_t) (dot - at) };
        rpc->method = (mosn_str_t){ dot + 1, (size_t) (colon - dot) - 1 };
    }
    return MOSN_OK;
}


/* 4. What do we say ourselves? */
static size_t
example_put(uint8_t *out, uint8_t type, bool response, uint64_t id,
            uint16_t status, mosn_str_t payload)
{
    size_t head = response ? RESPONSE_LEN : REQUEST_LEN;

    out[0] = MAGIC;
    out[1] = type;
    out[2] = response ? 1 : 0;
    mosn_put_u32(out + 3, (uint32_t) id);
    if (response) {
        mosn_put_u16(out + 7, status);
    }
    mosn_put_u32(out + head - 4, (uint32_t) payload.len);
    if (payload.len > 0) {
        memcpy(out + head, payload.at, payload.len);
    }
    return head + payload.len;
}


static size_t
example_heartbeat(uint64_t id, uint8_t *out)
{
    return example_put(out, TYPE_BEAT, false, id, 0, MOSN_STR(""));
}


static size_t
example_ack(const mosn_rpc_frame_t *of, const uint8_t *bytes, bool well,
            uint8_t *out)
{
    (void) bytes;
    return example_put(out, TYPE_BEAT, true, of->id,
                       well ? STATUS_OK : STATUS_FAILED, MOSN_STR(""));
}


static size_t
example_reply(const mosn_rpc_frame_t *of, const uint8_t *bytes,
              mosn_reason_e reason, unsigned status, mosn_str_t text,
              uint8_t *out)
{
    (void) bytes, (void) status, (void) text;
    return example_put(out, TYPE_MESSAGE, true, of->id, STATUS_FAILED,
                       mosn_reasons[reason].name);
}


static size_t
example_goaway(uint64_t id, uint8_t *out)
{
    return example_put(out, TYPE_GOAWAY, false, id, 0, MOSN_STR(""));
}


static unsigned
example_http_status(const mosn_rpc_t *rpc)
{
    return rpc->frame.status == STATUS_OK ? 200 : 500;
}


/* 5. The table, and the line that makes it a module. */
static const mosn_rpc_codec_t example_codec = {
    .protocol = MOSN_STR_INIT("x_example"),
    .family = "x_example",
    .id_bytes = 4,
    .id_at = 3,
    .probe = example_probe,
    .look = example_look,
    .read = example_read,
    .heartbeat = example_heartbeat,
    .ack = example_ack,
    .reply = example_reply,
    .goaway = example_goaway,
    .http_status = example_http_status,
};

MOSN_MODULE(MOSN_RPC_CODEC, x_example, &example_codec);
