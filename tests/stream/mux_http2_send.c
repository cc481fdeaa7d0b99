/* tests/stream/mux_http2_send.c - fields that go, and codes of resets. */

#include "tap.h"
#include "stream/mux_http2_send.c"


int
main(void)
{
    mosn_pool_t        *pool = mosn_pool_create(MOSN_POOL_STREAM);
    http2_stream_t      s = { .base.pool = pool, .own = pool };
    mosn_headers_t      headers;
    nghttp2_nv          nv[8];
    nghttp2_data_source source = { .ptr = &s };
    uint32_t            flags = 0;
    nghttp2_session    *session;

    nghttp2_session_callbacks *callbacks;

    mosn_headers_init(&headers, pool, 4);
    mosn_headers_add(&headers, MOSN_HEADER_OTHER, MOSN_STR("X-Up"),
                     MOSN_STR("V"));
    mosn_headers_add(&headers, MOSN_HEADER_CONNECTION, MOSN_STR("Connection"),
                     MOSN_STR("close"));
    mosn_headers_add(&headers, MOSN_HEADER_TRANSFER_ENCODING,
                     MOSN_STR("Transfer-Encoding"), MOSN_STR("chunked"));
    is_num((long long) http2_pack(&s, &headers, nv), 1,
           "what is of the other hop does not go");
    is_str((mosn_str_t){ (char *) nv[0].name, nv[0].namelen }, "x-up",
           "names in lower case");
    is_str((mosn_str_t){ (char *) nv[0].value, nv[0].valuelen }, "V",
           "values as they are");

    ok(http2_read_body(NULL, 1, NULL, 100, &flags, &source, NULL)
               == NGHTTP2_ERR_DEFERRED
           && s.deferred,
       "no body yet: wait");
    mosn_chain_write(&s.out, "abc", 3);
    is_num(http2_read_body(NULL, 1, NULL, 2, &flags, &source, NULL), 2,
           "no more than there is room for");
    ok((flags & NGHTTP2_DATA_FLAG_EOF) == 0, "it goes on");
    s.out_end = true;
    is_num(http2_read_body(NULL, 1, NULL, 9, &flags, &source, NULL), 3,
           "the rest");
    ok((flags & NGHTTP2_DATA_FLAG_EOF) != 0
           && (flags & NGHTTP2_DATA_FLAG_NO_END_STREAM) == 0,
       "is the end");
    s.has_sent_trailers = true;
    mosn_headers_init(&s.sent_trailers, pool, 1);
    mosn_headers_add(&s.sent_trailers, MOSN_HEADER_OTHER, MOSN_STR("X-Sum"),
                     MOSN_STR("3"));
    (void) nghttp2_session_callbacks_new(&callbacks);
    (void) nghttp2_session_server_new(&session, callbacks, NULL);
    flags = 0;
    (void) http2_read_body(session, 1, NULL, 9, &flags, &source, NULL);
    ok((flags & NGHTTP2_DATA_FLAG_NO_END_STREAM) != 0
           && nghttp2_session_get_outbound_queue_size(session) == 1,
       "unless trailers follow, which are queued then");
    nghttp2_session_del(session);
    nghttp2_session_callbacks_del(callbacks);

    is_num(http2_code(MOSN_REASON_OVERFLOW), NGHTTP2_REFUSED_STREAM,
           "not processed: may be sent again");
    is_num(http2_code(MOSN_REASON_UPSTREAM_RESET), NGHTTP2_INTERNAL_ERROR,
           "broken: may not");
    mosn_chain_clear(&s.out);
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
