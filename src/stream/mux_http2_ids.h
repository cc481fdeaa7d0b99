/*
 * stream/mux_http2_ids.h - the use that a client makes of stream ids.
 *
 * nghttp2 forgets a stream that is over and passes over whatever still comes
 * for it.  RFC 9113 (5.1, 5.1.1) wants an error when its sender had ended it,
 * or never opened it but a later one; frames for a stream that we have ended
 * are harmless.  So the heads of frames are looked at before nghttp2 gets
 * them.  No I/O, no memory of its own.
 */

#ifndef MOSN_STREAM_MUX_HTTP2_IDS_H
#define MOSN_STREAM_MUX_HTTP2_IDS_H

#include "os/compiler.h"

#include <stddef.h>
#include <stdint.h>

#define MUX_HTTP2_IDS 256 /* streams that are remembered */

typedef struct {
    uint32_t left;   /* of the frame that is being passed over */
    uint32_t n_head; /* bytes of a frame's head that are here */
    uint8_t  head[9];
    uint32_t last_id;                  /* the highest one used */
    uint8_t  fates[MUX_HTTP2_IDS / 4]; /* of the last ones; two bits each */
} mux_http2_ids_t;

void mux_http2_ids_init(mux_http2_ids_t *ids);

/* How many of the bytes may be passed on: all, or those before the head of
 * the first wrong frame, and `*error` is set.  Heads may be cut anywhere. */
size_t mux_http2_ids_check(mux_http2_ids_t *ids, const uint8_t *bytes,
                           size_t n, uint32_t *error);

#endif
