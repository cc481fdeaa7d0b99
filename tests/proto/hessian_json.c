/* tests/proto/hessian_json.c - values in both. */

#include "frames.h"
#include "../../src/proto/hessian_json.c"

static char text[8192];


static mosn_str_t
flat(mosn_chain_t *chain)
{
    size_t n = 0;

    for (mosn_buf_t *b = chain->head; b != NULL; b = b->next) {
        memcpy(text + n, b->pos, mosn_buf_len(b));
        n += mosn_buf_len(b);
    }
    mosn_chain_clear(chain);
    return (mosn_str_t){ text, n };
}


static void
says(const char *hex, const char *json)
{
    uint8_t        bytes[512];
    size_t         n = frame_hex(hex, bytes);
    mosn_buf_t     all = tap_exact(bytes, n);
    mosn_hessian_t h;
    mosn_chain_t   out = { 0 };

    mosn_hessian_open(&h, all.pos, n);
    ok(mosn_hessian_to_json(&h, &out) && h.at == h.end, "%s", hex);
    is_str(flat(&out), json, json);
    mosn_buf_close(&all);
}


static void
refuses(const char *hex, const char *name)
{
    uint8_t        bytes[512];
    size_t         n = frame_hex(hex, bytes);
    mosn_buf_t     all = tap_exact(bytes, n);
    mosn_hessian_t h;
    mosn_chain_t   out = { 0 };

    mosn_hessian_open(&h, all.pos, n);
    ok(!mosn_hessian_to_json(&h, &out), "%s", name);
    mosn_chain_clear(&out);
    mosn_buf_close(&all);
}


/* There and back. */
static void
returns(const char *json, const char *expected)
{
    mosn_chain_t   out = { 0 }, back = { 0 };
    mosn_hessian_t h;
    mosn_str_t     bytes;
    char           why[128], copy[4096];
    size_t         n;

    ok(mosn_json_to_hessian(json, strlen(json), false, &n, &out, why,
                            sizeof(why)),
       "%s", json);
    bytes = flat(&out);
    memcpy(copy, bytes.at, bytes.len);
    mosn_hessian_open(&h, (const uint8_t *) copy, bytes.len);
    ok(mosn_hessian_to_json(&h, &back) && h.at == h.end, "and back");
    is_str(flat(&back), expected, expected);
}


int
main(void)
{
    mosn_chain_t out = { 0 };
    char         why[128];
    size_t       n;

    says("4e", "null");
    says("54", "true");
    says("46", "false");
    says("90", "0");
    says("80", "-16");
    says("c7 00", "-256");
    says("49 80000000", "-2147483648");
    says("e5", "5");
    says("3d 86a0", "100000");
    says("4c ffffffffffffffff", "-1");
    says("59 80000000", "-2147483648");
    says("5b", "0");
    says("5d fd", "-3");
    says("44 3ff8000000000000", "1.5");
    says("4a 0000012345678000", "1250999894016");
    says("4b 00000001", "60000");
    says("00", "\"\"");
    says("05 68 22 5c 0a c3a9", "\"h\\\"\\\\\\u000a\xc3\xa9\"");
    says("02 eda0bd edb880", "\"\\ud83d\\ude00\"");
    says("52 0001 61 01 62", "\"ab\"");
    says("78", "[]");
    says("7a 91 01 78", "[1,\"x\"]");
    says("57 91 92 5a", "[1,2]");
    says("56 01 74 92 91 91", "[1,1]");
    says("48 5a", "{}");
    says("48 01 61 91 01 62 79 4e 5a", "{\"a\":1,\"b\":[null]}");
    says("4d 01 74 91 54 5a", "{\"1\":true}");
    says("43 01 41 92 01 61 01 62 60 91 01 78", "{\"a\":1,\"b\":\"x\"}");
    says("79 43 01 41 91 01 61 60 60 51 90", "[{\"a\":{\"a\":null}}]");
    refuses("", "nothing");
    refuses("23 010203", "binary");
    refuses("48 79 91 91 5a", "a list for a key");
    refuses("48 01 61 5a", "a key without a value");
    refuses("48 01 61", "a map without an end");
    refuses("60", "an object of no class");
    refuses("44 7ff0000000000000", "infinity");

    returns(
        "{\"a\": [1, 2.5, \"x\\u00e9\", null, true, {}], \"b\": "
        "-9007199254740993}",
        "{\"a\":[1,2.5,\"x\xc3\xa9\",null,true,{}],\"b\":-9007199254740993}");
    returns("\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\"");
    returns("3000000000", "3000000000");
    ok(mosn_json_to_hessian("[1, [2]]", 8, true, &n, &out, why, sizeof(why))
           && n == 2,
       "elements of an array");
    mosn_chain_clear(&out);
    ok(!mosn_json_to_hessian("{}", 2, true, &n, &out, why, sizeof(why)),
       "no array: %s", why);
    ok(!mosn_json_to_hessian("[1,", 3, true, &n, &out, why, sizeof(why)),
       "no JSON: %s", why);
    memset(text, '[', 200);
    memset(text + 200, ']', 200);
    ok(!mosn_json_to_hessian(text, 400, false, &n, &out, why, sizeof(why)),
       "too deep: %s", why);
    mosn_chain_clear(&out);
    mosn_buf_release_cache();
    return done_testing();
}
