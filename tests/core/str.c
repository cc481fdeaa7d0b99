/* tests/core/str.c - counted strings. */

#include "tap.h"
#include "core/str.c"


static void
test_numbers(void)
{
    uint64_t value = 7;
    char     text[20];

    ok(mosn_str_parse_u63(MOSN_STR("0"), &value) && value == 0, "0");
    ok(mosn_str_parse_u63(MOSN_STR("007"), &value) && value == 7,
       "leading zeros are decimal");
    ok(mosn_str_parse_u63(MOSN_STR("9223372036854775807"), &value)
           && value == INT64_MAX,
       "2^63 - 1");
    ok(!mosn_str_parse_u63(MOSN_STR("9223372036854775808"), &value), "2^63");
    ok(!mosn_str_parse_u63(MOSN_STR("18446744073709551616"), &value), "2^64");
    ok(!mosn_str_parse_u63(MOSN_STR(""), &value), "empty");
    ok(!mosn_str_parse_u63(MOSN_STR("+1"), &value), "sign");
    ok(!mosn_str_parse_u63(MOSN_STR("1 "), &value), "blank");
    ok(!mosn_str_parse_u63((mosn_str_t){ "1\0", 2 }, &value), "NUL");

    is_str((mosn_str_t){ text, mosn_str_format_u64(0, text) }, "0",
           "format 0");
    is_str((mosn_str_t){ text, mosn_str_format_u64(UINT64_MAX, text) },
           "18446744073709551615", "format 2^64 - 1");
}


static void
test_lists(void)
{
    mosn_str_t list = MOSN_STR(" a,, b\t,c d , "), member;

    ok(mosn_str_next_member(&list, &member), "a member");
    is_str(member, "a", "trimmed");
    ok(mosn_str_next_member(&list, &member), "empty ones are skipped");
    is_str(member, "b", "tabs too");
    ok(mosn_str_next_member(&list, &member), "the last");
    is_str(member, "c d", "blanks inside stay");
    ok(!mosn_str_next_member(&list, &member), "the end");
    ok(mosn_str_list_has(MOSN_STR("close, Upgrade"), MOSN_STR("upgrade")),
       "whatever its case");
    ok(!mosn_str_list_has(MOSN_STR("upgrade2"), MOSN_STR("upgrade")),
       "a whole member");
}


int
main(void)
{
    test_numbers();
    test_lists();
    ok(mosn_str_equal_nocase(MOSN_STR("aZ[9"), MOSN_STR("Az[9")), "nocase");
    ok(!mosn_str_equal_nocase(MOSN_STR("@"), MOSN_STR("`")),
       "only letters have case");
    is_num(mosn_str_distance(MOSN_STR("wrokers"), MOSN_STR("workers")), 2,
           "distance of a swap");
    is_num(mosn_str_distance(MOSN_STR(""), MOSN_STR("abc")), 3,
           "distance from nothing");
    ok(mosn_str_has_prefix(MOSN_STR("/api/x"), MOSN_STR("/api/")), "prefix");
    ok(!mosn_str_has_prefix(MOSN_STR("/ap"), MOSN_STR("/api/")), "too short");
    ok(mosn_str_hash(MOSN_STR("a")) != mosn_str_hash(MOSN_STR("b")), "hash");
    return done_testing();
}
