/* tests/core/conf.c - values, bounds, defaults; messages are config.t's. */

#include "tap.h"
#include "core/conf.c"

typedef struct {
    mosn_str_t name;
    int64_t    weight;
} item_t;

typedef struct {
    bool           flag;
    int64_t        count;
    int64_t        workers;
    size_t         room;
    uint32_t       wait_ms;
    uint32_t       rest_ms;
    double         share;
    int            color;
    mosn_str_t     text;
    mosn_address_t address;
    mosn_strs_t    words;
    item_t         inner;
    item_t        *maybe;
    MOSN_CONF_LIST(item_t) items;
    mosn_conf_pairs_t map;
} test_t;

static const char *const colors[] = { "red", "green", NULL };

static const mosn_directive_t item_rows[] = {
    MOSN_STRING_REQUIRED(item_t, name, "Name."),
    MOSN_INT(item_t, weight, 1, 10, 5, "Weight."), MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t item_block = {
    .doc = "An item.",
    .size = sizeof(item_t),
    .directives = item_rows,
};

static const mosn_directive_t rows[] = {
    MOSN_BOOL(test_t, flag, true, "Flag."),
    MOSN_INT(test_t, count, 0, 100, 7, "Count."),
    MOSN_AUTO_INT(test_t, workers, 1, 64, "Workers."),
    MOSN_SIZE(test_t, room, 1, 1 << 20, 4096, "Room."),
    MOSN_DURATION(test_t, wait, 10, 60000, 1500, "Wait."),
    MOSN_DURATION(test_t, rest, 0, 60000, 1500, "Rest."),
    MOSN_FLOAT(test_t, share, 0, 100, "12.5", "Share."),
    MOSN_ENUM(test_t, color, colors, 1, "Color."),
    MOSN_STRING(test_t, text, "hello", "Text."),
    MOSN_ADDRESS(test_t, address, NULL, "Address."),
    MOSN_STRINGS_DEFAULT(test_t, words, "a, b", "Words."),
    MOSN_GROUP(test_t, inner, &item_block, "Inner."),
    MOSN_OPT_GROUP(test_t, maybe, &item_block, "Maybe."),
    MOSN_LIST(test_t, items, &item_block, "Items."),
    MOSN_MAP(test_t, map, "Map."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t block = {
    .doc = "Test.",
    .size = sizeof(test_t),
    .directives = rows,
};

static test_t t;


/* Number of errors; the values are in `t`. */
static size_t
read_text(const char *text)
{
    static mosn_pool_t *pool;
    mosn_conf_t        *reader;
    size_t              n;

    mosn_pool_destroy(&pool);
    if (text == NULL) {
        return 0;
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    reader = mosn_conf_create(pool);
    (void) mosn_conf_read_text(reader, "text", text, &block, &t);
    n = mosn_conf_n_errors(reader);
    for (size_t i = 0; i < n; i++) {
        printf("# %s\n", mosn_conf_error_text(reader, i));
    }
    mosn_conf_destroy(&reader);
    return n;
}


static void
test_defaults(void)
{
    is_num((long long) read_text(""), 0, "nothing set, nothing wrong");
    ok(t.flag && t.count == 7 && t.workers == -1 && t.room == 4096
           && t.wait_ms == 1500 && t.share == 12.5 && t.color == 1,
       "defaults of scalars");
    is_str(t.text, "hello", "of a string");
    ok(t.address.len == 0 && t.maybe == NULL && t.items.n == 0, "of absence");
    is_num((long long) t.words.n, 2, "of an array");
    is_num(t.inner.weight, 5, "of a group");
}


static void
test_values(void)
{
    is_num((long long) read_text(
               "flag = false; count = 0x10; workers = 3; room = \"64k\";"
               "wait = \"30s\"; share = 3; color = \"red\"; text = \"\";"
               "address = \"[::1]:80\"; words = [\"x\"];"
               "inner = { name = \"i\"; weight = 2; };"
               "maybe = { name = \"m\"; };"
               "items = ( { name = \"a\"; }, { name = \"b\"; weight = 10; } );"
               "map = { k = \"v\"; }; rest = 0;"),
           0, "every type");
    ok(!t.flag && t.count == 16 && t.workers == 3 && t.room == 65536
           && t.wait_ms == 30000 && t.rest_ms == 0 && t.share == 3.0
           && t.color == 0,
       "scalars");
    is_str(t.text, "", "an empty string is one");
    is_num(t.address.sa.sa_family, AF_INET6, "address");
    is_str(t.words.items[0], "x", "an array replaces its default");
    is_str(t.maybe->name, "m", "optional group");
    is_num(t.maybe->weight, 5, "with defaults");
    ok(t.items.n == 2 && t.items.items[1].weight == 10, "list");
    is_str(t.map.items[0].value, "v", "map");
    is_num((long long) read_text("map = ( [\"app.k8s.io/x\", \"v\"], [\"b\", "
                                 "\"\"] );"),
           0, "a map of names of all kinds");
    ok(t.map.n == 2, "both are there");
    is_str(t.map.items[0].name, "app.k8s.io/x", "a name");
    is_str(t.map.items[0].value, "v", "and its value");
}


static void
test_mistakes(void)
{
    static const char *const wrong[] = {
        "flag = 1;",
        "count = 101;",
        "count = -1;",
        "count = \"1\";",
        "workers = \"a\";",
        "workers = 0;",
        "room = -1;",
        "room = \"2m\";",
        "room = \"k\";",
        "room = \"1kb\";",
        "wait = 5;",
        "wait = 0;",
        "wait = \"5\";",
        "wait = \"1h\";",
        "wait = \"1ms\";",
        "wait = \"-1s\";",
        "share = 101;",
        "share = \"x\";",
        "color = \"blue\";",
        "text = 5;",
        "address = \"x\";",
        "address = \"1.2.3.4:99999\";",
        "words = \"x\";",
        "words = [1];",
        "inner = ( );",
        "maybe = { };",
        "items = { };",
        "items = ( 1 );",
        "map = [ ];",
        "map = ( \"a\" );",
        "map = ( [\"a\"] );",
        "map = ( [\"a\", \"b\", \"c\"] );",
        "map = ( { a = \"b\"; } );",
        "map = { a = 1; };",
        "unknown = 1;",
        "wait = \"99999999999999999999s\";",
    };

    for (size_t i = 0; i < MOSN_COUNT(wrong); i++) {
        is_num((long long) read_text(wrong[i]), 1, wrong[i]);
    }
    is_num((long long) read_text("count = 101; wiat = 1; color = 3;"), 3,
           "all of them at once");
    is_num((long long) read_text("count = "), 1, "syntax");
}


int
main(void)
{
    char out[32];

    test_defaults();
    test_values();
    test_mistakes();
    is_str(mosn_str(mosn_conf_format_duration(90000, out)), "90s", "90s");
    is_str(mosn_str(mosn_conf_format_duration(3600000, out)), "1h", "1h");
    is_str(mosn_str(mosn_conf_format_duration(0, out)), "0ms", "0ms");
    is_str(mosn_str(mosn_conf_format_size(65536, out)), "64k", "64k");
    is_str(mosn_str(mosn_conf_format_size(1000, out)), "1000", "1000");
    (void) read_text(NULL);
    return done_testing();
}
