/* tests/core/conf_print.c - what is printed can be read, and says the same. */

#include "tap.h"
#include "core/conf_print.c"

typedef struct {
    mosn_str_t name;
    int64_t    weight;
} item_t;

typedef struct {
    mosn_str_t        text;
    bool              flag;
    int64_t           number;
    size_t            size;
    uint32_t          wait_ms;
    mosn_strs_t       words;
    mosn_conf_pairs_t map;
    MOSN_CONF_LIST(item_t) items;
} thing_t;

static const mosn_directive_t item_directives[] = {
    MOSN_STRING_REQUIRED(item_t, name, "Its name."),
    MOSN_INT(item_t, weight, 1, 10, 1, "Its weight."), MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t item_block = { .doc = "An item.",
                                              .size = sizeof(item_t),
                                              .directives = item_directives };

static const mosn_directive_t thing_directives[] = {
    MOSN_STRING(thing_t, text, "a \"quote\"", "A text."),
    MOSN_BOOL(thing_t, flag, true, "A flag."),
    MOSN_INT(thing_t, number, 0, 100, 7, "A number."),
    MOSN_SIZE(thing_t, size, 0, 1 << 30, 65536, "A size."),
    MOSN_DURATION(thing_t, wait, 0, 86400000, 90000, "A wait."),
    MOSN_STRINGS(thing_t, words, "Words."),
    MOSN_MAP(thing_t, map, "A map."),
    MOSN_LIST(thing_t, items, &item_block, "Items."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t thing_block = {
    .doc = "A thing.", .size = sizeof(thing_t), .directives = thing_directives
};


/* Reads `text` and prints what it became; the caller frees it. */
static char *
through(const char *text)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t *reader = mosn_conf_create(pool);
    thing_t     *thing = mosn_pool_calloc(pool, sizeof(*thing));
    char        *printed = NULL;
    size_t       n;
    FILE        *out = open_memstream(&printed, &n);

    if (mosn_conf_read_text(reader, "text", text, &thing_block, thing)
        != MOSN_OK) {
        mosn_conf_print_errors(reader, out);
    } else {
        mosn_conf_print(&thing_block, thing, out);
    }
    (void) fclose(out);
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
    return printed;
}


int
main(void)
{
    char  *first = through("items = ( { name = \"a\\\\b\"; }, { name = \"c\"; "
                            "weight = 3; } ); words = [\"x\", \"y z\"];");
    char  *second = through(first);
    char  *reference = NULL, text[32];
    size_t n;
    FILE  *out = open_memstream(&reference, &n);

    ok(strstr(first, "text = \"a \\\"quote\\\"\"") != NULL,
       "defaults are told, and quoted");
    ok(strstr(first, "wait = \"90s\"") != NULL, "a duration with its unit");
    ok(strstr(first, "size = \"64k\"") != NULL, "a size with its unit");
    is_str(mosn_str(second), first, "read again it prints the same");

    mosn_conf_print_reference(&thing_block, out);
    (void) fclose(out);
    ok(strstr(reference, "`number`") != NULL
           && strstr(reference, "A number.") != NULL,
       "the reference has every setting");
    is_str(mosn_str(mosn_conf_format_duration(1500, text)), "1500ms", "1.5 s");
    is_str(mosn_str(mosn_conf_format_duration(7200000, text)), "2h", "2 h");
    is_str(mosn_str(mosn_conf_format_size(1048576, text)), "1m", "1 MiB");
    is_str(mosn_str(mosn_conf_format_size(1000, text)), "1000", "1000 bytes");

    free(first);
    free(second);
    first = through("map = { a-b = \"1\"; };");
    ok(strstr(first, "map = { a-b = \"1\"; }") != NULL, "a map");
    free(first);
    first = through("map = ( [\"a.b/c\", \"1\"], [\"d\", \"\\\"\"] );");
    second = through(first);
    ok(strstr(first, "map = ( [\"a.b/c\", \"1\"], [\"d\", ") != NULL,
       "one of names that are none for libconfig");
    is_str(mosn_str(second), first, "read again it prints the same");
    free(first);
    free(second);
    free(reference);
    mosn_pool_release_cache();
    return done_testing();
}
