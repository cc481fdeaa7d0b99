/* tests/stream/filters/payload_limit.c */

#include "one_filter.h"
#include "stream/filters/payload_limit.c"


static mosn_verdict_e
feed(const char *text, bool end)
{
    mosn_buf_t     data = tap_exact(text, strlen(text));
    mosn_verdict_e v =
        payload_limit_on_request_data(&one_filter, &one_stream, &data, end);

    mosn_buf_close(&data);
    return v;
}


int
main(void)
{
    is_num((long long) one_make(&payload_limit_ops, "max_bytes = 4;"), 0,
           "settings");
    one_head.content_length = 4;
    ok(payload_limit_on_request(&one_filter, &one_stream, &one_head)
           == MOSN_NEXT,
       "a body that fits");
    one_head.content_length = 5;
    ok(payload_limit_on_request(&one_filter, &one_stream, &one_head)
               == MOSN_END
           && one_replied == 413,
       "a body that says it is too large");

    (void) one_make(&payload_limit_ops, "max_bytes = 4;");
    one_head.content_length = -1;
    ok(payload_limit_on_request(&one_filter, &one_stream, &one_head)
           == MOSN_NEXT,
       "a body that does not say");
    ok(feed("ab", false) == MOSN_NEXT, "two bytes");
    ok(feed("cd", false) == MOSN_NEXT, "four");
    ok(feed("e", true) == MOSN_END && one_replied == 413, "five");

    (void) one_make(&payload_limit_ops, "max_bytes = 4;");
    ok(payload_limit_on_request_data(&one_filter, &one_stream, NULL, true)
           == MOSN_NEXT,
       "an end alone");
    is_num((long long) one_make(&payload_limit_ops, "max_bytes = 0;"), 1,
           "no limit of nothing");
    return one_end();
}
