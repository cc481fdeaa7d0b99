/*
 * tests/fuzz/http1_request.c - request heads.
 *
 * A head is refused, or it is one message whatever its cuts; and what we
 * write of it reads back as the same message, all of it.
 */

#include "fuzz.h"
#include "tap.h"
#include "proto/http1.h"

const char *const fuzz_name = "http1_request";

const mosn_str_t fuzz_seeds[] = {
    MOSN_STR_INIT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    MOSN_STR_INIT("POST /a?b=c HTTP/1.1\r\nHost: a.example:80\r\n"
                  "Content-Length: 10\r\nX-Y: z\r\n\r\n0123456789"),
    MOSN_STR_INIT("PUT /x HTTP/1.1\r\nHost: [::1]\r\n"
                  "Transfer-Encoding: chunked\r\nTrailer: t\r\n\r\n"),
    MOSN_STR_INIT("GET http://u.example/p HTTP/1.1\r\nHost: b\r\n"
                  "Connection: close, x-a\r\nX-A: 1\r\n\r\n"),
    MOSN_STR_INIT("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n"),
    MOSN_STR_INIT("OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n"
                  "Expect: 100-continue\r\nTE: trailers\r\n\r\n"),
    MOSN_STR_INIT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"),
    MOSN_STR_INIT(""),
};

static const mosn_http1_limits_t limits = { .max_header_bytes = 800,
                                            .max_uri_bytes = 200,
                                            .max_headers = 12 };

static mosn_http1_framing_t framing;
static mosn_http1_error_t   error;


static mosn_rc_e
read_head(const uint8_t *bytes, size_t n, mosn_http1_scan_t *scan,
          mosn_message_t *m, size_t *used_r)
{
    mosn_buf_t in = tap_exact(bytes, n);
    uint8_t   *start = in.pos;
    mosn_rc_e  rc =
        mosn_http1_read_request(scan, &limits, &in, m, &framing, &error);

    *used_r = (size_t) (in.pos - start);
    mosn_buf_close(&in);
    return rc;
}


/* What goes out must be one message, the same one, and nothing more. */
static void
check_written(const mosn_message_t *m, mosn_http1_framing_t first)
{
    mosn_pool_t      *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_http1_scan_t scan = { 0 };
    mosn_http1_out_t  how = { .to_version = MOSN_HTTP_11 };
    mosn_message_t    again;
    uint8_t          *out = malloc(mosn_http1_head_bound(m)), *end;
    size_t            used;
    mosn_rc_e         rc;

    how.kind = first.chunked            ? MOSN_HTTP1_CHUNKED
               : m->content_length >= 0 ? MOSN_HTTP1_LENGTH
                                        : MOSN_HTTP1_NO_BODY;
    end = mosn_http1_write_request(out, m, &how);
    mosn_message_init(&again, pool);
    rc = read_head(out, (size_t) (end - out), &scan, &again, &used);
    /* Our own Host line may take the head over a limit of the scan. */
    if (rc != MOSN_ERROR || error.reason != MOSN_REASON_HEADERS_TOO_LARGE) {
        FUZZ_CHECK(rc == MOSN_OK);
        FUZZ_CHECK(used == (size_t) (end - out));
        FUZZ_CHECK(framing.chunked == first.chunked);
        FUZZ_CHECK(again.content_length == m->content_length);
        FUZZ_CHECK(mosn_str_equal(again.method, m->method));
        FUZZ_CHECK(mosn_str_equal(again.path, m->path));
        FUZZ_CHECK(mosn_str_equal(again.authority, m->authority));
    }
    free(out);
    mosn_pool_destroy(&pool);
}


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    mosn_pool_t      *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_http1_scan_t scan = { 0 };
    mosn_message_t    whole, grown;
    size_t            used, used_grown = 0;
    mosn_rc_e         rc, rc_grown = MOSN_AGAIN;

    mosn_message_init(&whole, pool);
    mosn_message_init(&grown, pool);
    rc = read_head(bytes, n, &scan, &whole, &used);
    if (rc == MOSN_OK) {
        mosn_http1_framing_t first = framing;

        check_written(&whole, first);
        memset(&scan, 0, sizeof(scan));
        for (size_t cut = 1; cut <= used && rc_grown == MOSN_AGAIN; cut++) {
            size_t step;

            rc_grown = read_head(bytes + used_grown, cut - used_grown, &scan,
                                 &grown, &step);
            used_grown += step;
        }
        FUZZ_CHECK(rc_grown == MOSN_OK && used_grown == used);
        FUZZ_CHECK(grown.content_length == whole.content_length);
        FUZZ_CHECK(framing.chunked == first.chunked);
        FUZZ_CHECK(framing.keep_alive == first.keep_alive);
    } else if (rc == MOSN_ERROR) {
        FUZZ_CHECK(error.reason != MOSN_REASON_NONE && error.text != NULL);
        FUZZ_CHECK(mosn_reasons[error.reason].status >= 400);
    }
    mosn_pool_destroy(&pool);
}
