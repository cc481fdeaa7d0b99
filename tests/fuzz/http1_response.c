/* tests/fuzz/http1_response.c - response heads: one framing, or refused. */

#include "fuzz.h"
#include "tap.h"
#include "proto/http1.h"

const char *const fuzz_name = "http1_response";

const mosn_str_t fuzz_seeds[] = {
    MOSN_STR_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    MOSN_STR_INIT("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n"
                  "Connection: close\r\nServer: x\r\n\r\n"),
    MOSN_STR_INIT("HTTP/1.0 200\r\nConnection: keep-alive\r\n\r\n"),
    MOSN_STR_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\n\r\n"),
    MOSN_STR_INIT("HTTP/1.1 204 No Content\r\nETag: \"x\"\r\n\r\n"),
    MOSN_STR_INIT(""),
};

static const mosn_http1_limits_t limits = { .max_header_bytes = 800,
                                            .max_uri_bytes = 200,
                                            .max_headers = 12 };


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    mosn_pool_t         *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_buf_t           in = tap_exact(bytes, n);
    mosn_http1_scan_t    scan = { 0 };
    mosn_http1_framing_t framing;
    mosn_http1_error_t   error;
    mosn_message_t       m;
    mosn_rc_e            rc;

    mosn_message_init(&m, pool);
    rc = mosn_http1_read_response(&scan, &limits, &in, &m, &framing, &error);
    if (rc == MOSN_OK) {
        mosn_http1_out_t how = { .to_version = MOSN_HTTP_11 };
        uint8_t         *out = malloc(mosn_http1_head_bound(&m)), *end;

        FUZZ_CHECK(m.status >= 100 && m.status <= 599);
        FUZZ_CHECK(!framing.chunked || m.content_length == -1);
        end = mosn_http1_write_response(out, &m, &how);
        FUZZ_CHECK((size_t) (end - out) <= mosn_http1_head_bound(&m));
        free(out);
    } else if (rc == MOSN_ERROR) {
        FUZZ_CHECK(error.reason == MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    }
    mosn_buf_close(&in);
    mosn_pool_destroy(&pool);
}
