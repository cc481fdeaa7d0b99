/* tests/stream/mux_http2_recv.c - what HTTP/1 could misread, and patience. */

#include "tap.h"
#include "stream/mux_http2_recv.c"


static bool
sound(const char *method, const char *authority, const char *path)
{
    mosn_message_t m = { .method_id = mosn_method_find(mosn_str(method)),
                         .authority = mosn_str(authority),
                         .path = mosn_str(path) };

    return http2_is_sound(&m);
}


static void
take(http2_stream_t *s, const char *name, mosn_str_t value)
{
    http2_take_field(s, mosn_header_find_id(name, strlen(name)),
                     mosn_str(name), value);
}


int
main(void)
{
    http2_stream_t s = { 0 };
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_STREAM);

    ok(sound("GET", "a", "/x"), "a path");
    ok(sound("OPTIONS", "a", "*"), "a star for OPTIONS");
    ok(!sound("GET", "a", "*"), "and for nothing else");
    ok(!sound("GET", "", "/x"), "no authority");
    ok(!sound("GET", "u@a", "/x"), "credentials");
    ok(!sound("GET", "a", ""), "no path");
    ok(!sound("GET", "a", "x"), "a relative one");
    ok(!sound("GET", "a", "/x y"), "a blank");
    ok(!sound("GET", "a", "/x#y"), "a fragment");

    s.base.pool = pool;
    s.message = mosn_pool_alloc(pool, sizeof(*s.message));
    mosn_message_init(s.message, pool);
    take(&s, "cookie", MOSN_STR("a=1"));
    take(&s, "cookie", MOSN_STR("b=2"));
    take(&s, "te", MOSN_STR("trailers"));
    take(&s, "host", MOSN_STR("h"));
    take(&s, "content-length", MOSN_STR("12"));
    http2_join_cookies(&s);
    is_str(mosn_header_value(
               mosn_headers_find(&s.message->headers, MOSN_HEADER_COOKIE)),
           "a=1; b=2", "cookies are joined");
    ok(s.message->te_trailers && s.message->content_length == 12,
       "te and length are facts, not fields");
    is_str(s.message->authority, "h", "Host stands in for :authority");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
