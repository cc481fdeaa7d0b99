/* tests/proto/headers.c - header sections. */

#include "tap.h"
#include "proto/headers.c"


int
main(void)
{
    mosn_pool_t   *pool = mosn_pool_create(MOSN_POOL_STREAM);
    mosn_headers_t h;
    bool           all = true;
    char           upper[32];

    for (unsigned id = 1; id < MOSN_HEADER_COUNT; id++) {
        mosn_str_t name = mosn_header_name((mosn_header_e) id);

        for (size_t i = 0; i < name.len; i++) {
            upper[i] = (char) (name.at[i] >= 'a' && name.at[i] <= 'z'
                                   ? name.at[i] - 32
                                   : name.at[i]);
        }
        all &= mosn_header_find_id(name.at, name.len) == id
               && mosn_header_find_id(upper, name.len) == id;
    }
    ok(all, "every known name is found, in any case");
    all = true;
    for (unsigned id = 1; id < MOSN_HEADER_COUNT; id++) {
        mosn_str_t name = mosn_header_name((mosn_header_e) id);

        for (size_t i = 0; i < name.len; i++) {
            memcpy(upper, name.at, name.len);
            for (int c = 0; c < 256; c++) {
                bool same = mosn_lower((uint8_t) c) == (uint8_t) name.at[i];

                upper[i] = (char) c;
                all &= same == (mosn_header_find_id(upper, name.len) == id);
            }
        }
    }
    ok(all, "and with any one byte changed it is another");
    is_num(mosn_header_find_id("hosu", 4), MOSN_HEADER_OTHER, "a near one");
    is_num(mosn_header_find_id("", 0), MOSN_HEADER_OTHER, "an empty one");
    is_num(mosn_header_find_id("x-a-very-long-name-indeed", 25),
           MOSN_HEADER_OTHER, "a long one");

    mosn_headers_init(&h, pool, 2);
    for (int i = 0; i < 40; i++) {
        mosn_headers_add(&h, MOSN_HEADER_OTHER,
                         mosn_pool_printf(pool, "X-%d", i), MOSN_STR("v"));
    }
    is_num(h.n, 40, "grows");
    ok(mosn_headers_find_name(&h, MOSN_STR("x-39")) != NULL, "finds by name");
    mosn_headers_remove_name(&h, MOSN_STR("X-39"));
    ok(mosn_headers_find_name(&h, MOSN_STR("x-39")) == NULL, "removes");

    mosn_headers_add(&h, MOSN_HEADER_COOKIE, MOSN_STR("Cookie"),
                     MOSN_STR("a"));
    mosn_headers_add(&h, MOSN_HEADER_COOKIE, MOSN_STR("cookie"),
                     MOSN_STR("b"));
    is_str(mosn_header_value(mosn_headers_find(&h, MOSN_HEADER_COOKIE)), "a",
           "the first of several");
    mosn_headers_set(&h, MOSN_HEADER_COOKIE, MOSN_STR("Cookie"),
                     MOSN_STR("c"));
    is_str(mosn_header_value(mosn_headers_find(&h, MOSN_HEADER_COOKIE)), "c",
           "set replaces all");
    mosn_headers_remove(&h, MOSN_HEADER_COOKIE);
    ok(!mosn_headers_has(&h, MOSN_HEADER_COOKIE), "gone");

    ok(mosn_header_is_valid(MOSN_STR("X-A_b.9"), MOSN_STR("v\t w")), "valid");
    ok(!mosn_header_is_valid(MOSN_STR(""), MOSN_STR("v")), "no name");
    ok(!mosn_header_is_valid(MOSN_STR("a b"), MOSN_STR("v")), "blank");
    ok(!mosn_header_is_valid(MOSN_STR("a"), MOSN_STR("v\r\nb: c")), "CRLF");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
