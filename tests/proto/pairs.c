/* tests/proto/pairs.c - queries and cookies, cut. */

#include "tap.h"
#include "proto/pairs.c"


static void
cuts(bool (*next)(mosn_str_t *, mosn_str_t *, mosn_str_t *), const char *text,
     const char *expected)
{
    mosn_str_t rest = mosn_str(text), name, value;
    char       is[256] = "";
    size_t     n = 0;

    while (next(&rest, &name, &value)) {
        n += (size_t) snprintf(is + n, sizeof(is) - n, "%.*s:%.*s|",
                               MOSN_STR_ARG(name), MOSN_STR_ARG(value));
    }
    is_str(mosn_str(is), expected, text);
}


int
main(void)
{
    cuts(mosn_query_next, "", "");
    cuts(mosn_query_next, "?", "");
    cuts(mosn_query_next, "?a", "a:|");
    cuts(mosn_query_next, "?a=", "a:|");
    cuts(mosn_query_next, "?a=1&b=2", "a:1|b:2|");
    cuts(mosn_query_next, "?&&a=1&", "a:1|");
    cuts(mosn_query_next, "?a=b=c", "a:b=c|");
    cuts(mosn_query_next, "?=1", ":1|");
    cuts(mosn_query_next, "??a", "a:|");
    cuts(mosn_query_next, "?a=%20;b", "a:%20;b|");
    cuts(mosn_cookie_next, "", "");
    cuts(mosn_cookie_next, "a=1", "a:1|");
    cuts(mosn_cookie_next, "a=1; b=2", "a:1|b:2|");
    cuts(mosn_cookie_next, "a=1;b=2;", "a:1|b:2|");
    cuts(mosn_cookie_next, "a = 1 ;  b", "a:1|b:|");
    cuts(mosn_cookie_next, ";;a=\"x\"", "a:\"x\"|");
    cuts(mosn_cookie_next, " ; ", "");
    return done_testing();
}
