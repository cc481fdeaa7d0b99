/* tests/core/regex.c - expressions, and those that go astray. */

#include "tap.h"
#include "core/log.h"
#include "../../src/core/regex.c"
#include <time.h>


int
main(void)
{
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_CONF);
    char            why[128], text[64];
    mosn_regex_t   *regex;
    struct timespec from, to;

    regex = mosn_regex_compile(pool, MOSN_STR("^a(b|c)+$"), why, sizeof(why));
    ok(mosn_regex_is_match(regex, MOSN_STR("abcb")), "matches");
    ok(!mosn_regex_is_match(regex, MOSN_STR("abx")), "or not");
    ok(!mosn_regex_is_match(regex, MOSN_STR_NULL), "nothing");
    ok(mosn_regex_compile(pool, MOSN_STR("a("), why, sizeof(why)) == NULL
           && strstr(why, "character 3") != NULL,
       "a mistake is told with its place: %s", why);

    regex = mosn_regex_compile(pool, MOSN_STR("^(a+)+$"), why, sizeof(why));
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '!';
    (void) clock_gettime(CLOCK_MONOTONIC, &from);
    ok(!mosn_regex_is_match(regex, (mosn_str_t){ text, sizeof(text) }),
       "an evil one ends");
    (void) clock_gettime(CLOCK_MONOTONIC, &to);
    ok((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000
           < 500,
       "soon");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
