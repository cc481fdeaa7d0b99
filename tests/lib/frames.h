/*
 * frames.h - tests of codecs: frames in hex, whole and cut at every byte.
 */

#ifndef FRAMES_H
#define FRAMES_H

#include "tap.h"

#include "proto/rpc.h"

#include <ctype.h>

/* Hex with blanks and bars, as the documents write it. */
static size_t __attribute__((unused)) frame_hex(const char *hex, uint8_t *out)
{
    size_t n = 0, digits = 0;

    for (; *hex != '\0'; hex++) {
        if (isxdigit((unsigned char) *hex)) {
            unsigned digit = (unsigned) (isdigit((unsigned char) *hex)
                                             ? *hex - '0'
                                             : tolower(*hex) - 'a' + 10);

            out[n] = (uint8_t) ((unsigned) out[n] << 4 | digit);
            n += ++digits % 2 == 0 ? 1 : 0;
        }
    }
    return n;
}


/* look() at every part of the frame: AGAIN, or what the whole one is. */
static bool __attribute__((unused))
frame_look(const mosn_rpc_codec_t *codec, const uint8_t *bytes, size_t n,
           mosn_rpc_frame_t *frame)
{
    const char *why = NULL;

    for (size_t cut = 1; cut <= n; cut++) {
        mosn_buf_t part = tap_exact(bytes, cut);
        mosn_rc_e  rc;

        memset(frame, 0, sizeof(*frame));
        rc = codec->look(part.pos, cut, frame, &why);
        mosn_buf_close(&part);
        if (rc == MOSN_ERROR || (rc == MOSN_OK && frame->len != n)
            || (rc == MOSN_AGAIN && cut == n))
        {
            return false;
        }
    }
    return true;
}


static bool __attribute__((unused))
frame_refused(const mosn_rpc_codec_t *codec, const char *hex)
{
    uint8_t          bytes[256];
    size_t           n = frame_hex(hex, bytes);
    mosn_buf_t       all = tap_exact(bytes, n);
    mosn_rpc_frame_t frame = { 0 };
    const char      *why = NULL;
    mosn_rc_e        rc = codec->look(all.pos, n, &frame, &why);

    mosn_buf_close(&all);
    return rc == MOSN_ERROR && why != NULL;
}


/* A whole frame, read; `rpc` borrows `bytes`. */
static bool __attribute__((unused))
frame_read(const mosn_rpc_codec_t *codec, const char *hex, uint8_t *bytes,
           mosn_rpc_t *rpc)
{
    size_t      n = frame_hex(hex, bytes);
    const char *why = NULL;

    memset(rpc, 0, sizeof(*rpc));
    rpc->codec = codec;
    rpc->bytes = bytes;
    return frame_look(codec, bytes, n, &rpc->frame)
           && (codec->read == NULL || codec->read(rpc, &why) == MOSN_OK);
}


/* Are these bytes that hex? */
static void __attribute__((unused))
is_hex(const uint8_t *bytes, size_t n, const char *hex, const char *name)
{
    uint8_t expected[1024];
    size_t  len = frame_hex(hex, expected);

    if (!ok(n == len && memcmp(bytes, expected, n) == 0, "%s", name)) {
        printf("#      got: ");
        for (size_t i = 0; i < n; i++) {
            printf("%02x", bytes[i]);
        }
        printf("\n# expected: %s\n", hex);
    }
}

#endif
