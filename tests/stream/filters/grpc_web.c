/* tests/stream/filters/grpc_web.c */

#include "one_filter.h"
#include "stream/filters/grpc_web.c"

static mosn_chain_t body;


static mosn_verdict_e
request(const char *type)
{
    (void) one_make(&grpc_web_ops, "");
    mosn_headers_add(&one_head.headers, MOSN_HEADER_CONTENT_TYPE,
                     MOSN_STR("content-type"), mosn_str(type));
    one_head.content_length = 8;
    return grpc_web_on_request(&one_filter, &one_stream, &one_head);
}


static mosn_str_t
content_type(void)
{
    return mosn_header_value(
        mosn_headers_find(&one_head.headers, MOSN_HEADER_CONTENT_TYPE));
}


static void
change(const char *text, bool end)
{
    mosn_chain_clear(&body);
    mosn_chain_write(&body, text, strlen(text));
    grpc_web_change_request(&one_filter, &one_stream, &body, end);
}


/* All of the chain, and empties it. */
static mosn_str_t
taken(void)
{
    static char text[4096];
    size_t      n = 0;

    for (mosn_buf_t *b = body.head; b != NULL; b = b->next) {
        memcpy(text + n, b->pos, mosn_buf_len(b));
        n += mosn_buf_len(b);
    }
    mosn_chain_clear(&body);
    return (mosn_str_t){ text, n };
}


int
main(void)
{
    mosn_headers_t trailers;

    (void) request("application/json");
    ok(one_filter.state == NULL, "others are left alone");
    change("abc", true);
    is_str(taken(), "abc", "their bodies too");

    (void) request("application/grpc-web+proto");
    is_str(content_type(), "application/grpc+proto", "the type of the host");
    ok(one_head.te_trailers && one_head.content_length == 8,
       "trailers are wanted, the length stays");
    change("abc", true);
    is_str(taken(), "abc", "so does the body");
    (void) grpc_web_on_response(&one_filter, &one_stream, &one_head);
    is_str(content_type(), "application/grpc-web+proto", "and back");
    ok(one_head.content_length == -1, "of a length not known");
    mosn_headers_init(&trailers, one_stream.pool, 2);
    mosn_headers_add(&trailers, MOSN_HEADER_GRPC_STATUS,
                     MOSN_STR("Grpc-Status"), MOSN_STR("0"));
    grpc_web_on_response_trailers(&one_filter, &one_stream, &trailers, &body);
    {
        mosn_str_t t = taken();

        ok(t.len == 21
               && memcmp(t.at, "\x80\0\0\0\x10grpc-status: 0\r\n", 21) == 0,
           "trailers are the last frame");
    }
    is_num(trailers.n, 0, "and no trailers any more");

    (void) request("application/grpc-web-text+proto");
    is_str(content_type(), "application/grpc+proto", "text");
    ok(one_head.content_length == -1, "has another length");
    change("YWJ", false);
    is_num((long long) taken().len, 0, "part of four is kept");
    change("jZGVm", false);
    is_str(taken(), "abcdef", "until they are whole");
    change("eA==eXo=", true);
    is_str(taken(), "xyz", "pieces with their own padding");
    ok(one_replied == 0, "all of it is base64");
    (void) grpc_web_on_response(&one_filter, &one_stream, &one_head);
    mosn_chain_write(&body, "abcd", 4);
    grpc_web_change_response(&one_filter, &one_stream, &body, false);
    is_str(taken(), "YWJjZA==", "text back");

    (void) request("application/grpc-web-text");
    change("Y?Jj", true);
    is_num(one_replied, 400, "what is not base64 is refused");
    (void) taken();
    (void) request("application/grpc-web-text");
    change("YWJ", true);
    is_num(one_replied, 400, "and what is cut");
    (void) taken();
    mosn_buf_release_cache();
    return one_end();
}
