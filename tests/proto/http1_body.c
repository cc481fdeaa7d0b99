/* tests/proto/http1_body.c - bodies in every cut. */

#include "tap.h"
#include "proto/http1_body.c"

#define N_CHUNKS 20000u

static const mosn_http1_limits_t limits = { .max_header_bytes = 200,
                                            .max_uri_bytes = 100,
                                            .max_headers = 4 };

static char   body_text[32768];
static size_t body_len;


/* Feeds `text` in pieces of `piece` bytes; the data is in body_text. */
static mosn_rc_e
feed(mosn_http1_body_e kind, uint64_t length, const char *text, size_t n,
     size_t piece, size_t *consumed_r)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_http1_body_t  body;
    mosn_headers_t     trailers;
    mosn_http1_error_t error = { MOSN_REASON_NONE, "" };
    mosn_rc_e          rc = MOSN_AGAIN;
    size_t             start = 0, end = 0;

    mosn_headers_init(&trailers, pool, 4);
    mosn_http1_body_init(&body, kind, length);
    body_len = 0;
    while (rc == MOSN_AGAIN && end < n) {
        mosn_buf_t in, data;

        end = end + piece < n ? end + piece : n;
        in = tap_exact(text + start, end - start);
        while ((rc = mosn_http1_read_body(&body, &limits, &in, &data,
                                          &trailers, &error))
               == MOSN_OK)
        {
            memcpy(body_text + body_len, data.pos, mosn_buf_len(&data));
            body_len += mosn_buf_len(&data);
        }
        start = end - mosn_buf_len(&in);
        mosn_buf_close(&in);
    }
    *consumed_r = start;
    mosn_pool_destroy(&pool);
    return rc;
}


static void
good(const char *text, const char *expected)
{
    size_t n = strlen(text), consumed;
    bool   same = true;

    for (size_t piece = 1; piece <= n; piece++) {
        mosn_rc_e rc = feed(MOSN_HTTP1_CHUNKED, 0, text, n, piece, &consumed);

        same &= rc == MOSN_DONE && consumed == n
                && body_len == strlen(expected)
                && memcmp(body_text, expected, body_len) == 0;
    }
    ok(same, "%.40s in every cut", text);
}


static void
bad(const char *text)
{
    size_t n = strlen(text), consumed;
    bool   refused = true;

    for (size_t piece = 1; piece <= n; piece++) {
        refused &= feed(MOSN_HTTP1_CHUNKED, 0, text, n, piece, &consumed)
                   == MOSN_ERROR;
    }
    ok(refused, "refused in every cut: %.40s", text);
}


int
main(void)
{
    size_t consumed;
    char   many[9000], *all;
    size_t n = 0;

    good("0\r\n\r\n", "");
    good("5\r\nhello\r\n0\r\n\r\n", "hello");
    good("A\r\n0123456789\r\n00b\r\nhello world\r\n000\r\n\r\n",
         "0123456789hello world");
    good("3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc");
    good("3;a=\"x;\\\"y\"\r\nabc\r\n0\r\nX: 1\r\nY: 2\r\n\r\n", "abc");
    good("0000000000000000000003\r\nabc\r\n0\r\n\r\n", "abc");

    bad("\r\nabc");
    bad("g\r\n");
    bad("3 \r\nabc\r\n");
    bad("0x3\r\nabc");
    bad("-3\r\nabc");
    bad("3\nabc\n");
    bad("3\r\nabcd\r\n");
    bad("3\r\nabc\n");
    bad("3\r\nabc\r\r\n");
    bad("8000000000000000\r\n");
    bad("ffffffffffffffffffff\r\n");
    bad("3;=a\r\nabc\r\n");
    bad("3;a=\r\nabc\r\n");
    bad("3;a=\"\x01\"\r\nabc\r\n");
    bad("3;a=\"x\"y\r\nabc\r\n");
    bad("0\r\nX : 1\r\n\r\n");
    bad("0\r\n\rX");
    bad("0\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n");

    is_num(feed(MOSN_HTTP1_LENGTH, 5, "hellomore", 9, 9, &consumed), MOSN_DONE,
           "a length");
    is_num((long long) consumed, 5, "and no byte more");
    is_num(feed(MOSN_HTTP1_NO_BODY, 0, "x", 1, 1, &consumed), MOSN_DONE,
           "none");
    is_num(feed(MOSN_HTTP1_UNTIL_CLOSE, 0, "hello", 5, 2, &consumed),
           MOSN_AGAIN, "until close: never done");
    is_num((long long) body_len, 5, "all is data");

    while (n < sizeof(many) - 300) { /* extensions are not free of charge */
        n += (size_t) snprintf(many + n, sizeof(many) - n, "1;%0*d\r\nx\r\n",
                               200, 0);
    }
    is_num(feed(MOSN_HTTP1_CHUNKED, 0, many, n, n, &consumed), MOSN_ERROR,
           "8 KiB of extensions are too many");

    all = malloc(6 * N_CHUNKS + 6);
    for (n = 0; n < 6 * N_CHUNKS; n += 6) {
        memcpy(all + n, "1\r\nx\r\n", 6);
    }
    memcpy(all + n, "0\r\n\r\n", 5);
    is_num(feed(MOSN_HTTP1_CHUNKED, 0, all, n + 5, 4096, &consumed), MOSN_DONE,
           "chunks without extensions are no matter of number");
    free(all);
    mosn_pool_release_cache();
    return done_testing();
}
