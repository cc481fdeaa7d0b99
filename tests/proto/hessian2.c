/* tests/proto/hessian2.c - values are walked over, whole, cut and broken. */

#include "frames.h"
#include "../../src/proto/hessian2.c"


/* Goes over it whole, and over no part of it. */
static void
goes(const char *hex)
{
    uint8_t        bytes[512];
    size_t         n = frame_hex(hex, bytes);
    mosn_hessian_t h;
    bool           right = true;

    for (size_t cut = 0; cut <= n; cut++) {
        mosn_buf_t part = tap_exact(bytes, cut);
        bool       whole;

        mosn_hessian_open(&h, part.pos, cut);
        whole = mosn_hessian_skip(&h) && h.at == part.pos + n;
        right &= whole == (cut == n);
        mosn_buf_close(&part);
    }
    ok(right, "%s", hex);
}


static void
breaks(const char *hex, const char *name)
{
    uint8_t        bytes[512];
    size_t         n = frame_hex(hex, bytes);
    mosn_buf_t     all = tap_exact(bytes, n);
    mosn_hessian_t h;

    mosn_hessian_open(&h, all.pos, n);
    ok(!mosn_hessian_skip(&h), "%s", name);
    mosn_buf_close(&all);
}


static void
test_strings(void)
{
    static const char *const texts[] = {
        "",          "plain", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x98\x80x",
        "\xff latin"
    };
    static uint8_t big[70000], out[150000];
    mosn_hessian_t h;
    mosn_str_t     s;
    uint8_t       *end;

    for (size_t i = 0; i < MOSN_COUNT(texts); i++) {
        end = mosn_hessian_put_string(out, mosn_str(texts[i]));
        mosn_hessian_open(&h, out, (size_t) (end - out));
        ok(mosn_hessian_read_string(&h, &s) && h.at == h.end
               && (size_t) (end - out)
                      <= mosn_hessian_string_room(strlen(texts[i])),
           "string %zu is written and read", i);
    }
    end = mosn_hessian_put_string(out, mosn_str(texts[4]));
    is_hex(out, (size_t) (end - out), "53 0003 eda0bd edb880 78",
           "beyond U+FFFF as Java writes it");
    mosn_hessian_open(&h, (const uint8_t *) "\2\xf0\x9f\x98\x80", 5);
    ok(mosn_hessian_read_string(&h, &s) && s.len == 4,
       "four bytes are two units");
    mosn_hessian_open(&h, (const uint8_t *) "\1\xf0\x9f\x98\x80", 5);
    ok(!mosn_hessian_read_string(&h, &s), "and not one");
    mosn_hessian_open(&h, (const uint8_t *) "N", 1);
    ok(mosn_hessian_read_string(&h, &s) && s.at == NULL, "null");
    mosn_hessian_open(&h, (const uint8_t *) "\x52\0\1a\1b", 6);
    ok(!mosn_hessian_read_string(&h, &s), "in pieces it is not read");
    memset(big, 'b', sizeof(big));
    end = mosn_hessian_put_string(
        out, (mosn_str_t){ (const char *) big, sizeof(big) });
    mosn_hessian_open(&h, out, (size_t) (end - out));
    ok(mosn_hessian_skip(&h) && h.at == h.end && out[0] == 'R',
       "but walked over");
}


static void
test_depth(void)
{
    uint8_t        deep[MOSN_HESSIAN_DEPTH + 8];
    mosn_hessian_t h;

    for (unsigned i = 0; i < sizeof(deep); i++) {
        deep[i] = 0x79; /* a list of one */
    }
    deep[MOSN_HESSIAN_DEPTH - 1] = 'N';
    mosn_hessian_open(&h, deep, sizeof(deep));
    ok(mosn_hessian_skip(&h), "as deep as may be");
    deep[MOSN_HESSIAN_DEPTH - 1] = 0x79;
    deep[MOSN_HESSIAN_DEPTH] = 'N';
    mosn_hessian_open(&h, deep, sizeof(deep));
    ok(!mosn_hessian_skip(&h), "and no deeper");
}


int
main(void)
{
    goes("e5");
    goes("3d 86a0");
    goes("4c 0000010000000000");
    goes("49 000493e0");
    goes("5d 03");
    goes("5e 0003");
    goes("44 3ff8000000000000");
    goes("5f 000005dc");
    goes("4a 0000012345678000");
    goes("4b 00012345");
    goes("72 04 5b696e74 91 92");
    goes("7a 91 01 78");
    goes("71 07 5b737472696e67 01 61");
    goes("48 01 61 91 5a");
    goes("4d 01 74 01 61 91 5a");
    goes("57 91 92 5a");
    goes("55 01 74 91 5a");
    goes("56 01 74 92 91 91");
    goes("58 92 91 91");
    goes("23 010203");
    goes("34 03 010203");
    goes("41 0001 01 42 0002 0203");
    goes("52 0001 61 01 62");
    goes("30 02 6162");
    goes("43 01 41 92 01 61 01 62 60 91 01 78");
    goes("43 01 41 91 01 61 4f 90 51 90");
    goes("7a 43 01 41 90 60 60");
    goes("7a 71 01 74 91 71 90 91"); /* a type by its number */
    breaks("40", "a code without a meaning");
    breaks("60", "an object of no class");
    breaks("4f 91", "of a class that is not there");
    breaks("58 49 7fffffff 91", "a list of two billion");
    breaks("58 8f", "a list of less than none");
    breaks("43 01 41 49 7fffffff", "a class of two billion fields");
    breaks("71 91 4e", "a type that is not there");
    breaks("51 8f", "a reference before the first");
    breaks("02 c3 28", "no UTF-8");
    breaks("01 80", "nor that");
    test_strings();
    test_depth();
    return done_testing();
}
