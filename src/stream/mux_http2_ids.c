/* stream/mux_http2_ids.c - two bits for each of the last streams. */

#include "stream/mux_http2_ids.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <string.h>

#define PREFACE_LEN 24

typedef enum {
    FATE_UNUSED,
    FATE_OPEN, /* or ended by us */
    FATE_ENDED /* by the client */
} fate_e;


void
mux_http2_ids_init(mux_http2_ids_t *ids)
{
    memset(ids, 0, sizeof(*ids));
    ids->left = PREFACE_LEN;
}


static fate_e
ids_get(const mux_http2_ids_t *ids, uint32_t id)
{
    uint32_t at = id / 2 % MUX_HTTP2_IDS;

    if (ids->last_id - id >= 2 * MUX_HTTP2_IDS) {
        return FATE_OPEN; /* too long ago to tell */
    }
    return (fate_e) (ids->fates[at / 4] >> at % 4 * 2 & 3);
}


static void
ids_set(mux_http2_ids_t *ids, uint32_t id, fate_e fate)
{
    uint32_t at = id / 2 % MUX_HTTP2_IDS;
    unsigned shift = at % 4 * 2;

    if (ids->last_id - id < 2 * MUX_HTTP2_IDS) {
        ids->fates[at / 4] = (uint8_t) ((ids->fates[at / 4] & ~(3u << shift))
                                        | (unsigned) fate << shift);
    }
}


/* Those between the last one and this one will never be used. */
static void
ids_open(mux_http2_ids_t *ids, uint32_t id)
{
    uint32_t from = ids->last_id == 0 ? 1 : ids->last_id + 2;

    if (id - from > 2 * MUX_HTTP2_IDS) {
        from = id - 2 * MUX_HTTP2_IDS;
    }
    ids->last_id = id;
    for (; from < id; from += 2) {
        ids_set(ids, from, FATE_UNUSED);
    }
    ids_set(ids, id, FATE_OPEN);
}


/* What is wrong with the frame whose head is there, or NO_ERROR. */
static uint32_t
ids_check_frame(mux_http2_ids_t *ids)
{
    const uint8_t *head = ids->head;
    uint8_t        type = head[3];
    uint32_t id = ((uint32_t) head[5] & 0x7f) << 24 | (uint32_t) head[6] << 16
                  | (uint32_t) head[7] << 8 | head[8];
    fate_e fate;

    if (id % 2 == 0
        || (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA
            && type != NGHTTP2_RST_STREAM))
    {
        return NGHTTP2_NO_ERROR;
    }
    if (id > ids->last_id) {
        if (type != NGHTTP2_HEADERS) {
            return NGHTTP2_NO_ERROR; /* nghttp2 knows that it is idle */
        }
        ids_open(ids, id);
    }
    fate = ids_get(ids, id);
    if (type != NGHTTP2_RST_STREAM && fate == FATE_ENDED) {
        return NGHTTP2_STREAM_CLOSED;
    }
    if (type == NGHTTP2_HEADERS && fate == FATE_UNUSED) {
        return NGHTTP2_PROTOCOL_ERROR;
    }
    if (type == NGHTTP2_RST_STREAM || (head[4] & NGHTTP2_FLAG_END_STREAM) != 0)
    {
        ids_set(ids, id, FATE_ENDED);
    }
    return NGHTTP2_NO_ERROR;
}


size_t
mux_http2_ids_check(mux_http2_ids_t *ids, const uint8_t *bytes, size_t n,
                    uint32_t *error)
{
    size_t at = 0;

    *error = NGHTTP2_NO_ERROR;
    while (at < n) {
        size_t piece = n - at;

        if (ids->left > 0) {
            piece = piece < ids->left ? piece : ids->left;
            ids->left -= (uint32_t) piece;
            at += piece;
            continue;
        }
        if (piece > sizeof(ids->head) - ids->n_head) {
            piece = sizeof(ids->head) - ids->n_head;
        }
        memcpy(ids->head + ids->n_head, bytes + at, piece);
        ids->n_head += (uint32_t) piece;
        if (ids->n_head < sizeof(ids->head)) {
            return n;
        }
        *error = ids_check_frame(ids);
        if (*error != NGHTTP2_NO_ERROR) {
            return at; /* what is there of its head stays unsaid */
        }
        at += piece;
        ids->n_head = 0;
        ids->left = (uint32_t) ids->head[0] << 16
                    | (uint32_t) ids->head[1] << 8 | ids->head[2];
    }
    return n;
}
