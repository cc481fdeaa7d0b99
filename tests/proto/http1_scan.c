/* tests/proto/http1_scan.c - every byte value in every place. */

#include "tap.h"
#include "proto/http1_scan.c"

static const mosn_http1_limits_t limits = { .max_header_bytes = 4096,
                                            .max_uri_bytes = 100,
                                            .max_headers = 3 };


/* The verdict on `text` with its '@' replaced by `c`. */
static mosn_rc_e
header_with(const char *text, int c)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_buf_t         in = tap_exact(text, strlen(text));
    const uint8_t     *p = in.pos;
    mosn_headers_t     headers;
    mosn_http1_error_t error;
    mosn_rc_e          rc;
    uint8_t           *at = memchr(in.pos, '@', mosn_buf_len(&in));

    if (at != NULL) {
        *at = (uint8_t) c;
    }
    mosn_headers_init(&headers, pool, 4);
    rc = mosn_http1_scan_headers(&p, in.last, &limits, &headers, &error);
    mosn_buf_close(&in);
    mosn_pool_destroy(&pool);
    return rc;
}


static bool
is_token(int c)
{
    return c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}


int
main(void)
{
    bool names = true, values = true, long_values = true, ends = true;

    for (int c = 0; c < 256; c++) {
        bool text = (c >= ' ' && c != 0x7f) || c == '\t';

        names &= header_with("a@b: c\r\n\r\n", c)
                 == (is_token(c) || c == ':' ? MOSN_OK : MOSN_ERROR);
        values &=
            header_with("a: b@c\r\n\r\n", c) == (text ? MOSN_OK : MOSN_ERROR);
        /* Far enough for the wide path of the scan. */
        long_values &= header_with("a: 0123456789012345678901234567890@"
                                   "012345678901234567890123456789\r\n\r\n",
                                   c)
                       == (text ? MOSN_OK : MOSN_ERROR);
        ends &= header_with("a: b\r@\r\n", c)
                == (c == '\n' ? MOSN_OK : MOSN_ERROR);
    }
    ok(names, "names are tokens, for every byte value");
    ok(values, "values are text, for every byte value");
    ok(long_values, "far into a long value too");
    ok(ends, "CR is followed by LF, for every byte value");

    is_num(header_with("a: b\r\nc: d\r\ne: f\r\n\r\n", 0), MOSN_OK,
           "three headers");
    is_num(header_with("a: b\r\nc: d\r\ne: f\r\ng: h\r\n\r\n", 0), MOSN_ERROR,
           "one more than max_headers");
    is_num(header_with("\r\n", 0), MOSN_OK, "none");
    is_num(header_with("a: b\r\n", 0), MOSN_AGAIN, "no end");
    is_num(header_with("a:\r\n\r\n", 0), MOSN_OK, "empty value");
    is_num(header_with(" a: b\r\n\r\n", 0), MOSN_ERROR, "folded");
    mosn_pool_release_cache();
    return done_testing();
}
