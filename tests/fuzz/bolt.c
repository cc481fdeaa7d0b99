/* tests/fuzz/bolt.c - frames of both versions of Bolt. */

#include "frames.h"

#include "core/module.h"

const char *const fuzz_name = "bolt";

const mosn_str_t fuzz_seeds[] = {
    SEED("\1\1\0\1\1\0\0\0\7\1\0\0\x0b\xb8\0\0\0\x14\0\0\0\2"
         "\0\0\0\7service\0\0\0\5A:1.0ab"),
    SEED("\1\0\0\2\1\0\0\0\7\1\0\0\0\0\0\x0a\0\0\0\2\0\0\0\1k\0\0\0\1vab"),
    SEED("\2\2\1\0\1\1\0\0\0\7\1\1\0\0\x0b\xb8\0\1\0\x14\0\0\0\2C"
         "\0\0\0\7service\0\0\0\5A:1.0abcdef"),
    SEED("\2\1\0\0\0\1\0\0\0\7\1\0\0\0\0\0\0\0\0\0\0\0"),
    SEED("\1\1\0\x64\1\0\0\0\1\1\0\0\0\0\0\0\0\0\0\0\0\0"),
    { "", 0 },
};


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    frame_fuzz(mosn_module_find(MOSN_RPC_CODEC, MOSN_STR("bolt"))->ops, bytes,
               n);
}
