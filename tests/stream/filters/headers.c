/* tests/stream/filters/headers.c */

#include "one_filter.h"
#include "stream/filters/headers.c"


static mosn_str_t
value(const char *name)
{
    mosn_header_t *h =
        mosn_headers_find_name(&one_head.headers, mosn_str(name));

    return h != NULL ? mosn_header_value(h) : MOSN_STR("none");
}


int
main(void)
{
    is_num((long long) one_make(&headers_ops,
                                "request_remove = [\"a\", \"b\"]; "
                                "request_set = { b = \"2\"; c = \"3\"; }; "
                                "request_add = { d = \"4\"; }; "
                                "response_set = { server = \"m\"; };"),
           0, "settings");
    mosn_headers_add(&one_head.headers, MOSN_HEADER_OTHER, MOSN_STR("A"),
                     MOSN_STR("1"));
    mosn_headers_add(&one_head.headers, MOSN_HEADER_OTHER, MOSN_STR("C"),
                     MOSN_STR("1"));
    mosn_headers_add(&one_head.headers, MOSN_HEADER_OTHER, MOSN_STR("D"),
                     MOSN_STR("1"));
    ok(headers_on_request(&one_filter, &one_stream, &one_head) == MOSN_NEXT,
       "a request");
    is_str(value("a"), "none", "removed");
    is_str(value("b"), "2", "removed, then set");
    is_str(value("c"), "3", "set in place of what came");
    is_str(value("d"), "1", "added beside what came");
    is_str(value("server"), "none", "what is for responses is not there");
    ok(headers_on_response(&one_filter, &one_stream, &one_head) == MOSN_NEXT,
       "a response");
    is_str(value("server"), "m", "has it");

    is_num(
        (long long) one_make(&headers_ops, "request_set = { host = \"x\"; };"),
        1, "what frames a message is not set here");
    is_num((long long) one_make(&headers_ops,
                                "response_add = { x = \"a\\nb\"; };"),
           1, "nor what cannot be sent");
    return one_end();
}
