/* tests/proto/http1_write.c - what is written reads back the same. */

#include "tap.h"
#include "proto/http1_write.c"

static const mosn_http1_limits_t limits = { .max_header_bytes = 4096,
                                            .max_uri_bytes = 1024,
                                            .max_headers = 16 };

static char text[4096];


static void
rewrite(const char *in_text, bool request, const mosn_http1_out_t *how,
        const char *expected)
{
    mosn_pool_t         *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_buf_t           in = tap_exact(in_text, strlen(in_text));
    mosn_message_t       m;
    mosn_http1_scan_t    scan = { 0 };
    mosn_http1_framing_t framing;
    mosn_http1_error_t   error = { MOSN_REASON_NONE, "" };
    mosn_rc_e            rc;
    uint8_t             *end, *out;

    mosn_message_init(&m, pool);
    rc = request ? mosn_http1_read_request(&scan, &limits, &in, &m, &framing,
                                           &error)
                 : mosn_http1_read_response(&scan, &limits, &in, &m, &framing,
                                            &error);
    if (!ok(rc == MOSN_OK, "reads (%s)", error.text)) {
        return;
    }
    mosn_headers_set(&m.headers, MOSN_HEADER_OTHER, MOSN_STR("X-Set"),
                     MOSN_STR("new"));
    out = malloc(mosn_http1_head_bound(&m)); /* exact: a sanitizer looks */
    end = request ? mosn_http1_write_request(out, &m, how)
                  : mosn_http1_write_response(out, &m, how);
    memcpy(text, out, (size_t) (end - out));
    is_str((mosn_str_t){ text, (size_t) (end - out) }, expected, expected);
    free(out);
    mosn_buf_close(&in);
    mosn_pool_destroy(&pool);
}


static void
chunk_line(uint64_t n, const char *expected)
{
    uint8_t  out[MOSN_HTTP1_CHUNK_LINE_MAX];
    uint8_t *end = mosn_http1_write_chunk_line(out, n);

    is_str((mosn_str_t){ (char *) out, (size_t) (end - out) }, expected,
           expected);
}


int
main(void)
{
    mosn_http1_out_t none = { .kind = MOSN_HTTP1_NO_BODY,
                              .to_version = MOSN_HTTP_11 };
    mosn_http1_out_t length = { .kind = MOSN_HTTP1_LENGTH,
                                .to_version = MOSN_HTTP_10 };
    mosn_http1_out_t chunked = { .kind = MOSN_HTTP1_CHUNKED,
                                 .to_version = MOSN_HTTP_11,
                                 .close = true };

    rewrite("GET /a?b HTTP/1.0\r\nA: 1\r\nHost: h\r\nb:2\r\nC:  3 \r\n\r\n",
            true, &none,
            "GET /a?b HTTP/1.1\r\nHost: h\r\nA: 1\r\nb:2\r\nC:  3 \r\n"
            "X-Set: new\r\n\r\n");
    rewrite("POST / HTTP/1.1\r\nHost: h\r\nX-Set: old\r\n"
            "Content-Length: 007\r\nConnection: close\r\n\r\n",
            true, &length,
            "POST / HTTP/1.1\r\nHost: h\r\nX-Set: new\r\n"
            "Content-Length: 7\r\n\r\n");
    rewrite("GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
            "Upgrade: websocket\r\n\r\n",
            true, &none,
            "GET /ws HTTP/1.1\r\nHost: h\r\nX-Set: new\r\n"
            "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    rewrite("HTTP/1.1 299 Odd one\r\nTransfer-Encoding: chunked\r\n"
            "A: 1\r\n\r\n",
            false, &chunked,
            "HTTP/1.1 299 Odd one\r\nA: 1\r\nX-Set: new\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    rewrite("HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", false, &length,
            "HTTP/1.1 200 OK\r\nX-Set: new\r\nContent-Length: 3\r\n"
            "Connection: keep-alive\r\n\r\n");

    chunk_line(1, "1\r\n");
    chunk_line(16, "10\r\n");
    chunk_line(0xabcdef, "abcdef\r\n");
    chunk_line(UINT64_MAX, "ffffffffffffffff\r\n");
    mosn_pool_release_cache();
    return done_testing();
}
