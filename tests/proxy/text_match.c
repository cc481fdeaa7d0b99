/* tests/proxy/text_match.c - what a value must be. */

#include "tap.h"
#include "proxy/text_match.c"

static mosn_pool_t *pool;


static mosn_text_match_conf_t *
build(const char *text, const char *mistake)
{
    mosn_conf_t         *reader = mosn_conf_create(pool);
    mosn_text_matches_t *list = mosn_pool_calloc(pool, sizeof(*list));
    char                 whole[300];

    list->items = mosn_pool_calloc(pool, sizeof(*list->items));
    list->n = 1;
    (void) snprintf(whole, sizeof(whole), "name = \"x\"; %s", text);
    if (mosn_conf_read_text(reader, "text", whole, &mosn_text_match_block,
                            &list->items[0])
        == MOSN_OK)
    {
        mosn_text_matches_build(reader, pool, list);
    }
    if (mistake != NULL) {
        ok(mosn_conf_n_errors(reader) > 0
               && strstr(mosn_conf_error_text(reader, 0), mistake) != NULL,
           "refused: %s", text);
    }
    mosn_conf_destroy(&reader);
    return &list->items[0];
}


static void
is_right(const char *text, const char *value, bool expected)
{
    /* With nothing behind it that might be read. */
    size_t n = strlen(value);
    char  *exact = malloc(n + 1);

    memcpy(exact, value, n);
    ok(mosn_text_match_is_right(build(text, NULL), (mosn_str_t){ exact, n })
           == expected,
       "%s: \"%s\" is %s", text, value, expected ? "right" : "wrong");
    free(exact);
}


int
main(void)
{
    pool = mosn_pool_create(MOSN_POOL_CONF);
    is_right("", "anything", true);
    is_right("", "", true);
    is_right("exact = \"ab\";", "ab", true);
    is_right("exact = \"ab\";", "AB", false);
    is_right("exact = \"ab\";", "abc", false);
    is_right("exact = \"ab\"; ignore_case = true;", "aB", true);
    is_right("exact = \"\";", "", true);
    is_right("exact = \"\";", "x", false);
    is_right("prefix = \"ab\";", "abc", true);
    is_right("prefix = \"ab\";", "a", false);
    is_right("prefix = \"ab\"; ignore_case = true;", "ABc", true);
    is_right("suffix = \"bc\";", "abc", true);
    is_right("suffix = \"bc\";", "bcd", false);
    is_right("suffix = \"abcd\";", "bcd", false);
    is_right("contains = \"bc\";", "abcd", true);
    is_right("contains = \"bd\";", "abcd", false);
    is_right("contains = \"BC\"; ignore_case = true;", "abcd", true);
    is_right("contains = \"CDE\"; ignore_case = true;", "abcd", false);
    is_right("regex = \"^a+$\";", "aaa", true);
    is_right("regex = \"^a+$\";", "aab", false);
    is_right("range = { from = -5; to = 10; };", "-5", true);
    is_right("range = { from = -5; to = 10; };", "10", true);
    is_right("range = { from = -5; to = 10; };", "11", false);
    is_right("range = { from = -5; to = 10; };", "-6", false);
    is_right("range = { from = -5; to = 10; };", "1 ", false);
    is_right("range = { from = -5; to = 10; };", "", false);
    is_right("range = { from = -5; to = 10; };", "-", false);
    is_right("range = { from = -5; to = 10; };", "--1", false);
    is_right("range = { from = 0; to = 10; };", "18446744073709551617", false);

    (void) build("exact = \"a\"; prefix = \"b\";", "at most one");
    (void) build("exact = \"a\"; present = false;", "has no value");
    (void) build("ignore_case = true;", "is for `exact`");
    (void) build("regex = \"a\"; ignore_case = true;", "is for `exact`");
    (void) build("regex = \"(\";", "regex");

    for (int i = 0; i < 8; i++) {
        mosn_text_match_conf_t *m = build(i & 1   ? "invert = true;"
                                          : i & 2 ? "present = false;"
                                                  : "",
                                          NULL);
        bool there = (i & 4) != 0;
        bool expected = m->present ? there : !there;

        ok(mosn_text_match_verdict(m, there, there) == (expected != m->invert),
           "present %d, invert %d, there %d", m->present, m->invert, there);
    }
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
