/* tests/stream/mux_http2_ids.c - frames for streams that are no more. */

#include "tap.h"
#include "stream/mux_http2_ids.c"

static mux_http2_ids_t ids;


static uint32_t
frame(uint8_t type, uint8_t flags, uint32_t id, uint8_t len)
{
    uint8_t  bytes[9 + 255] = { 0,           0, len, type,
                                flags,       0, 0,   (uint8_t) (id >> 8),
                                (uint8_t) id };
    uint32_t error = 0;
    size_t   n = 9u + len;

    for (size_t i = 0; i < n; i++) { /* cut everywhere */
        size_t good = mux_http2_ids_check(&ids, bytes + i, 1, &error);

        if (error != 0) {
            ok(good == 0, "the frame is not passed on");
            return error;
        }
    }
    return 0;
}


static void
begin(void)
{
    uint8_t  preface[24] = { 0 };
    uint32_t error;

    mux_http2_ids_init(&ids);
    (void) mux_http2_ids_check(&ids, preface, sizeof(preface), &error);
}


int
main(void)
{
    uint8_t two[] = {
        0, 0, 1, 1, 5, 0, 0, 0, 1, 'x', 0, 0, 0, 0, 0, 0, 0, 0, 1
    };
    uint32_t error;

    begin();
    is_num(frame(4, 0, 0, 6), 0, "SETTINGS");
    is_num(frame(1, 4, 1, 3), 0, "a request");
    is_num(frame(0, 0, 1, 200), 0, "its body");
    is_num(frame(1, 5, 1, 3), 0, "its trailers");
    is_num(frame(3, 0, 1, 4), 0, "it may be given up after that");
    is_num(frame(8, 0, 1, 4), 0, "and get a window");
    is_num(frame(0, 0, 1, 1), NGHTTP2_STREAM_CLOSED, "but no more body");

    begin();
    is_num(frame(1, 5, 5, 3), 0, "ids may be left out");
    is_num(frame(0, 0, 3, 3), 0, "DATA for one of them is for nghttp2");
    is_num(frame(1, 5, 3, 3), NGHTTP2_PROTOCOL_ERROR, "but not used later");

    begin();
    is_num(frame(1, 4, 1, 3), 0, "a request");
    is_num(frame(3, 0, 1, 4), 0, "given up");
    is_num(frame(1, 5, 1, 3), NGHTTP2_STREAM_CLOSED, "is over");

    begin();
    is_num(frame(1, 5, 1, 0), 0, "a request");
    is_num(frame(1, 5, 1001, 0), 0, "many ids later");
    is_num(frame(0, 0, 1, 0), 0, "it is forgotten");
    is_num(frame(1, 5, 999, 0), NGHTTP2_PROTOCOL_ERROR,
           "those between are known");

    begin();
    is_num((long long) mux_http2_ids_check(&ids, two, sizeof(two), &error), 10,
           "what is right before the mistake passes");
    is_num(error, NGHTTP2_STREAM_CLOSED, "the mistake is told");
    return done_testing();
}
