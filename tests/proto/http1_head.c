/* tests/proto/http1_head.c - heads, whole and cut short at every byte. */

#include "tap.h"
#include "proto/http1_head.c"

static const mosn_http1_limits_t limits = { .max_header_bytes = 4096,
                                            .max_uri_bytes = 1024,
                                            .max_headers = 16 };

static mosn_message_t       message;
static mosn_http1_framing_t framing;
static mosn_http1_error_t   error;
static mosn_pool_t         *pool;


static mosn_rc_e
read_bytes(const char *text, size_t n, bool request, size_t *consumed_r)
{
    mosn_http1_scan_t scan = { 0 };
    mosn_buf_t        in = tap_exact(text, n);
    uint8_t          *start = in.pos;
    mosn_rc_e         rc;

    mosn_pool_destroy(&pool);
    pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_message_init(&message, pool);
    error = (mosn_http1_error_t){ MOSN_REASON_NONE, "" };
    rc = request ? mosn_http1_read_request(&scan, &limits, &in, &message,
                                           &framing, &error)
                 : mosn_http1_read_response(&scan, &limits, &in, &message,
                                            &framing, &error);
    *consumed_r = (size_t) (in.pos - start);
    mosn_buf_close(&in);
    return rc;
}


/* The head is read whole; every beginning of it is AGAIN; grown byte by byte
 * it is the same head. */
static void
good(const char *text, bool request)
{
    mosn_http1_scan_t scan = { 0 };
    size_t            n = strlen(text), consumed;
    bool              again = true;
    mosn_rc_e         rc = MOSN_AGAIN;

    for (size_t cut = 0; cut < n; cut++) {
        again &= read_bytes(text, cut, request, &consumed) == MOSN_AGAIN;
    }
    ok(again, "every beginning of %.30s is AGAIN", text);

    mosn_pool_destroy(&pool);
    pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_message_init(&message, pool);
    for (size_t cut = 1; cut <= n && rc == MOSN_AGAIN; cut++) {
        mosn_buf_t in = tap_exact(text, cut);

        rc = request ? mosn_http1_read_request(&scan, &limits, &in, &message,
                                               &framing, &error)
                     : mosn_http1_read_response(&scan, &limits, &in, &message,
                                                &framing, &error);
        again &= rc == (cut < n ? MOSN_AGAIN : MOSN_OK);
        mosn_buf_close(&in);
    }
    ok(again, "byte by byte it is the same");
    ok(read_bytes(text, n, request, &consumed) == MOSN_OK && consumed == n,
       "whole it is OK (%s)", error.text);
}


static void
bad(const char *text, bool request, mosn_reason_e reason)
{
    size_t    consumed;
    mosn_rc_e rc = read_bytes(text, strlen(text), request, &consumed);

    ok(rc == MOSN_ERROR && error.reason == reason, "%.50s: %s", text,
       error.text);
}


static void
test_requests(void)
{
    good("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true);
    ok(message.method_id == MOSN_METHOD_GET && framing.keep_alive
           && !framing.chunked && message.content_length == -1,
       "a GET");
    is_str(message.authority, "a", "its authority");
    is_num(mosn_headers_has(&message.headers, MOSN_HEADER_HOST), 0,
           "Host is taken off");

    good("POST /x?y HTTP/1.1\r\nhost:a:80\r\nCONTENT-LENGTH:  12 \r\n"
         "X: \t v w \t\r\nConnection: close\r\n\r\n",
         true);
    is_num(message.content_length, 12, "length");
    ok(!framing.keep_alive, "close");
    is_str(mosn_header_value(
               mosn_headers_find_name(&message.headers, MOSN_STR("x"))),
           "v w", "blanks around a value go");

    good("PUT / HTTP/1.1\r\nHost: [::1]:8\r\nTransfer-Encoding: Chunked\r\n"
         "\r\n",
         true);
    ok(framing.chunked, "chunked");
    good("GET http://h.example/p HTTP/1.1\r\nHost: other\r\n\r\n", true);
    is_str(message.authority, "h.example", "absolute-form: authority");
    is_str(message.path, "/p", "absolute-form: path");
    good("OPTIONS http://h.example HTTP/1.1\r\nHost: h\r\n\r\n", true);
    is_str(message.path, "*", "absolute-form: OPTIONS without a path");
    good("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", true);
    good("GET / HTTP/1.0\r\n\r\n", true);
    ok(!framing.keep_alive, "HTTP/1.0 closes");
    good("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, x-own\r\n"
         "Upgrade: websocket\r\nX-Own: 1\r\nX-Stay: 1\r\n\r\n",
         true);
    is_str(message.upgrade, "websocket", "upgrade");
    ok(mosn_headers_find_name(&message.headers, MOSN_STR("X-Own")) == NULL,
       "nominated headers go");
    ok(mosn_headers_find_name(&message.headers, MOSN_STR("X-Stay")) != NULL,
       "others stay");
    good("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", true);
    is_num((long long) message.upgrade.len, 0,
           "Upgrade that Connection does not name is none");
    good("GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n"
         "X-Forwarded-For: b\r\n\r\n",
         true);
    ok(mosn_headers_has(&message.headers, MOSN_HEADER_X_FORWARDED_FOR),
       "what we vouch for cannot be nominated away");
}


static void
test_responses(void)
{
    good("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false);
    ok(message.status == 200 && message.content_length == 5
           && framing.keep_alive,
       "a response");
    good("HTTP/1.1 204\r\n\r\n", false);
    good("HTTP/1.1 404 Not Found at all\r\nConnection: close\r\n\r\n", false);
    ok(!framing.keep_alive, "close");
    is_str(message.phrase, "Not Found at all", "phrase");
    good("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false);
    ok(framing.keep_alive, "HTTP/1.0 may keep alive");

    bad("HTTP/1.1 20 OK\r\n\r\n", false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 000 OK\r\n\r\n", false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 2000 OK\r\n\r\n", false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 600 OK\r\n\r\n", false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/2.0 200 OK\r\n\r\n", false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("ICY 200 OK\r\n\r\n", false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: "
        "chunked\r\n\r\n",
        false, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", false,
        MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", false,
        MOSN_REASON_UPSTREAM_BAD_RESPONSE);
    bad("HTTP/1.1 200 OK\r\nA: b\n\r\n", false,
        MOSN_REASON_UPSTREAM_BAD_RESPONSE);
}


int
main(void)
{
    char        big[6000];
    size_t      consumed;
    static char line[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";

    test_requests();
    test_responses();

    /* What the wire tests send in full stands in t/http1_malformed.t. */
    bad("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", true,
        MOSN_REASON_BAD_REQUEST);
    bad("FROB / HTTP/1.1\r\nHost: a\r\n\r\n", true,
        MOSN_REASON_UNKNOWN_METHOD);
    bad("GET / HTTP/1.3\r\nHost: a\r\n\r\n", true, MOSN_REASON_BAD_VERSION);
    bad("GET /\r\n", true, MOSN_REASON_BAD_REQUEST);
    bad("GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n", true,
        MOSN_REASON_BAD_REQUEST); /* known before the head is whole */

    memset(big, 'x', sizeof(big));
    memcpy(big, line, sizeof(line) - 1);
    ok(read_bytes(big, 4095, true, &consumed) == MOSN_AGAIN,
       "a long head that may still end");
    ok(read_bytes(big, 4096, true, &consumed) == MOSN_ERROR
           && error.reason == MOSN_REASON_HEADERS_TOO_LARGE,
       "and one that cannot");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
