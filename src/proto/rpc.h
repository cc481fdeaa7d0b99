/*
 * proto/rpc.h - what a protocol of calls supplies: one table of functions.
 *
 * Such a protocol has frames with a length and, but for ping-pong ones, an
 * id by which a response finds its request.  A codec looks at bytes and
 * makes bytes; it has no descriptor, no clock and no memory of its own.  The
 * stream layer (stream/mux_rpc.c) does the rest for all of them: it cuts
 * frames, gives requests ids of the upstream connection, puts the client's
 * id back, answers heartbeats and sends its own, and tells failures in the
 * protocol's words.
 *
 *      bytes  | head, head_len          | body         | tail, tail_len |
 *             | fixed part, names, map  | passed on as | a checksum, or |
 *             |                         | it came      | nothing        |
 *
 * A frame is whole and in one piece whenever a codec is asked to read it;
 * look() alone sees parts.  All lengths are checked against what is there
 * before they are believed.  A private protocol is one file with one
 * MOSN_MODULE(MOSN_RPC_CODEC, ...) line; contrib/example-protocol walks
 * through one.
 */

#ifndef MOSN_PROTO_RPC_H
#define MOSN_PROTO_RPC_H

#include "core/module.h"
#include "core/rc.h"
#include "core/reason.h"
#include "proto/message.h"

/* Most bytes of a frame that a codec makes by itself. */
#define MOSN_RPC_OWN_MAX 512u

/* How much a head may grow when it gets another id. */
#define MOSN_RPC_SLACK 16u

typedef struct mosn_rpc_codec_s mosn_rpc_codec_t;
typedef struct mosn_rpc_frame_s mosn_rpc_frame_t;
typedef struct mosn_rpc_s       mosn_rpc_t;

typedef enum {
    MOSN_RPC_REQUEST,
    MOSN_RPC_ONEWAY, /* a request that nobody answers */
    MOSN_RPC_RESPONSE,
    MOSN_RPC_HEARTBEAT,     /* wants an answer with its id */
    MOSN_RPC_HEARTBEAT_ACK, /* the answer */
    MOSN_RPC_GOAWAY,        /* the sender takes no more requests here */
    MOSN_RPC_IGNORED,       /* well formed, and of no use to a proxy */
} mosn_rpc_kind_e;

struct mosn_rpc_frame_s {
    mosn_rpc_kind_e kind;
    uint64_t        id;
    size_t          len; /* of all of it */
    size_t          head_len;
    size_t          tail_len;
    int32_t
        timeout_ms;   /* how long the caller waits; 0: not said, -1: no end */
    uint16_t status;  /* of a response, in the protocol's own numbers */
    uint8_t  version; /* the codec's own, as `at` */
    uint32_t at[4];
};

static inline size_t
mosn_rpc_body_len(const mosn_rpc_frame_t *frame)
{
    return frame->len - frame->head_len - frame->tail_len;
}


/* A message of such a protocol: mosn_message_t.rpc. */
struct mosn_rpc_s {
    const mosn_rpc_codec_t *codec;
    mosn_rpc_frame_t        frame;
    const uint8_t          *bytes; /* frame.len; as long as the message */
    mosn_block_t           *block; /* where they lie */

    /* What routes and logs ask for, where the frame says it; borrowed from
     * the frame.  read() fills them. */
    mosn_str_t service;
    mosn_str_t method;
    mosn_str_t version;
    mosn_str_t group;

    bool     decoded; /* the headers of the message are there */
    uint32_t n_decoded;
};

struct mosn_rpc_codec_s {
    MOSN_MODULE_FIELDS

    mosn_str_t protocol; /* for logs: "bolt" */
    /* Codecs of one family read each other's frames. */
    const char *family;
    uint8_t     id_bytes; /* 4 or 8; ids are counted in so many */
    uint8_t     id_at;    /* where a head has its id, big-endian */

    /* Whose bytes are these?  Looks at one byte or more.  OK: mine.  AGAIN:
     * too few to tell.  DECLINED: not mine.  NULL: it is never guessed. */
    mosn_rc_e (*probe)(const uint8_t *bytes, size_t n);

    /* What frame begins here?  OK: `frame_r` is filled, though the frame may
     * not be whole.  AGAIN: more is needed to tell.  ERROR: no frame of this
     * protocol, `*why_r` says why; the connection ends. */
    mosn_rc_e (*look)(const uint8_t *bytes, size_t n,
                      mosn_rpc_frame_t *frame_r, const char **why_r);

    /* Reads what routing needs of a whole frame.  ERROR: it is broken inside
     * its bounds; it is answered with a codec error, and the connection goes
     * on.  May be NULL. */
    mosn_rc_e (*read)(mosn_rpc_t *rpc, const char **why_r);

    /* Adds the headers of a frame that read() has taken; their order is kept.
     * What costs much to find, read() may leave to this.  May be NULL: there
     * are none. */
    void (*read_headers)(mosn_rpc_t *rpc, mosn_headers_t *headers);

    /* Is the tail right?  Only for frames that have one. */
    bool (*verify)(const mosn_rpc_frame_t *frame, const uint8_t *bytes);

    /* The tail of a head and a body of ours. */
    void (*seal)(const mosn_rpc_frame_t *frame, const uint8_t *head,
                 size_t head_len, const mosn_chain_t *body, uint8_t *tail);

    /* Copies the head with another id; `out` has MOSN_RPC_SLACK to spare.
     * NULL: the id at `id_at` is written over. */
    size_t (*renumber)(const mosn_rpc_t *rpc, uint64_t id, uint8_t *out);

    /* The head again, for a body of another length or headers that were
     * changed.  `out` NULL: how long is it at most?  0: it cannot be
     * written.  NULL: heads cannot be changed.  With `encodes_body` it writes
     * the body too, when that is still the one that came. */
    bool encodes_body;
    /* Can this frame carry headers at all?  NULL: each can.  Those that a
     * filter gives to one that cannot are left out. */
    bool (*has_headers)(const mosn_rpc_t *rpc);
    size_t (*encode)(const mosn_rpc_t *rpc, const mosn_headers_t *headers,
                     uint64_t id, size_t body_len, uint8_t *out);

    /* The head of a request, or of a response, for an HTTP message whose body
     * becomes the body of the call.  `out` and the result as above.  NULL:
     * HTTP is nothing that this protocol can say. */
    size_t (*from_http)(const mosn_message_t *http, mosn_str_t service,
                        mosn_str_t method, size_t body_len, uint8_t *out);

    /* Where a body is something else in HTTP: makes the one of a call or a
     * response of it, and the other way round; false and `why`: it cannot be.
     * NULL: bodies are passed as they are. */
    bool (*body_from_http)(const mosn_message_t *http, mosn_str_t service,
                           mosn_str_t method, mosn_str_t body,
                           mosn_chain_t *out, char *why, size_t room);
    bool (*body_to_http)(const mosn_rpc_t *rpc, mosn_chain_t *out,
                         unsigned *status_r);
    mosn_str_t body_type; /* what it is in HTTP: "application/json" */

    /* Frames of ours, at most MOSN_RPC_OWN_MAX; their length.  0, or no such
     * function: the protocol has none. */
    size_t (*heartbeat)(uint64_t id, uint8_t *out);
    size_t (*ack)(const mosn_rpc_frame_t *of, const uint8_t *bytes, bool well,
                  uint8_t *out);
    /* An answer to a request that failed here.  `status` is of HTTP, as in
     * core/reason.h; `text` may be put in, cut as need be. */
    size_t (*reply)(const mosn_rpc_frame_t *of, const uint8_t *bytes,
                    mosn_reason_e reason, unsigned status, mosn_str_t text,
                    uint8_t *out);
    size_t (*goaway)(uint64_t id, uint8_t *out);

    /* The status that HTTP has for a response: for metrics, retries, and
     * clients that speak it.  NULL: 200. */
    unsigned (*http_status)(const mosn_rpc_t *rpc);
};

static inline bool
mosn_rpc_is_heartbeat(const mosn_rpc_t *rpc)
{
    return rpc->frame.kind == MOSN_RPC_HEARTBEAT;
}


/* The headers of the message are there after this, whatever its protocol. */
void mosn_rpc_decode(mosn_message_t *message);

/* Is the head still the one that was received? */
bool mosn_rpc_is_untouched(const mosn_message_t *message);

static inline void
mosn_message_need_headers(mosn_message_t *message)
{
    if (MOSN_UNLIKELY(message->rpc != NULL && !message->rpc->decoded)) {
        mosn_rpc_decode(message);
    }
}


/* "/service/method", as gRPC has it: what routes compare. */
mosn_str_t mosn_rpc_path(const mosn_rpc_t *rpc, mosn_pool_t *pool);

/* Big-endian integers of a frame. */
static inline uint16_t
mosn_get_u16(const uint8_t *at)
{
    return (uint16_t) (at[0] << 8 | at[1]);
}


static inline uint32_t
mosn_get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return __builtin_bswap32(value);
}


static inline uint64_t
mosn_get_u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return __builtin_bswap64(value);
}


static inline void
mosn_put_u16(uint8_t *at, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(at, &value, sizeof(value));
}


static inline void
mosn_put_u32(uint8_t *at, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(at, &value, sizeof(value));
}


static inline void
mosn_put_u64(uint8_t *at, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(at, &value, sizeof(value));
}


#endif
