/* tests/fuzz/http1_body.c - chunked bodies: the same in every cut. */

#include "fuzz.h"
#include "tap.h"
#include "proto/http1.h"

const char *const fuzz_name = "http1_body";

const mosn_str_t fuzz_seeds[] = {
    MOSN_STR_INIT("5\r\nhello\r\n0\r\n\r\n"),
    MOSN_STR_INIT("A;a=b\r\n0123456789\r\n00b\r\nhello world\r\n0\r\n\r\n"),
    MOSN_STR_INIT("3;a=\"x;\\\"y\"\r\nabc\r\n0;z\r\nX: 1\r\nY: 2\r\n\r\n"),
    MOSN_STR_INIT("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\nDate: x\r\n\r\nmore"),
    MOSN_STR_INIT(""),
};

static const mosn_http1_limits_t limits = { .max_header_bytes = 300,
                                            .max_uri_bytes = 200,
                                            .max_headers = 6 };

typedef struct {
    mosn_rc_e rc;
    size_t    used;
    size_t    len;
    uint64_t  hash;
} outcome_t;


static outcome_t
feed(const uint8_t *bytes, size_t n, size_t piece)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_http1_body_t  body;
    mosn_headers_t     trailers;
    mosn_http1_error_t error;
    outcome_t          o = { .rc = MOSN_AGAIN };
    size_t             end = 0;

    mosn_headers_init(&trailers, pool, 4);
    mosn_http1_body_init(&body, MOSN_HTTP1_CHUNKED, 0);
    while (o.rc == MOSN_AGAIN && end < n) {
        mosn_buf_t in, data;

        end = end + piece < n ? end + piece : n;
        in = tap_exact(bytes + o.used, end - o.used);
        while ((o.rc = mosn_http1_read_body(&body, &limits, &in, &data,
                                            &trailers, &error))
               == MOSN_OK)
        {
            for (uint8_t *p = data.pos; p < data.last; p++) {
                o.hash = o.hash * 31 + *p;
            }
            o.len += mosn_buf_len(&data);
        }
        o.used = end - mosn_buf_len(&in);
        mosn_buf_close(&in);
    }
    mosn_pool_destroy(&pool);
    return o;
}


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    outcome_t whole = feed(bytes, n, n), single = feed(bytes, n, 1);
    outcome_t some = feed(bytes, n, 7);

    FUZZ_CHECK(whole.rc == single.rc && whole.rc == some.rc);
    FUZZ_CHECK(whole.len == single.len && whole.hash == single.hash);
    FUZZ_CHECK(whole.len == some.len && whole.hash == some.hash);
    if (whole.rc == MOSN_DONE) {
        FUZZ_CHECK(whole.used == single.used && whole.used == some.used);
    }
}
