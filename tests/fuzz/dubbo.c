/* tests/fuzz/dubbo.c - frames of Dubbo, and the Hessian in them. */

#include "frames.h"

#include "core/module.h"
#include "proto/hessian_json.h"

const char *const fuzz_name = "dubbo";

const mosn_str_t fuzz_seeds[] = {
    SEED("\xda\xbb\xc2\0\0\0\0\0\0\0\0\x09\0\0\0\x1c"
         "\5"
         "2.0.2\1a\5"
         "1.0.0\1m\1I\x91H\4path\1aZ"),
    SEED("\xda\xbb\xc2\0\0\0\0\0\0\0\0\x09\0\0\0\x2d"
         "\5"
         "2.0.2\3a.B\5"
         "1.0.0\1m\3Lx;"
         "C\1A\x92\1a\1b\x60\x91\1xH\5group\2g1Z"),
    SEED("\xda\xbb\2\x14\0\0\0\0\0\0\0\x09\0\0\0\4\x91\2hi"),
    SEED("\xda\xbb\xe2\0\0\0\0\0\0\0\0\x09\0\0\0\1N"),
    SEED("\xda\xbb\xa2\0\0\0\0\0\0\0\0\x09\0\0\0\2\1R"),
    { "", 0 },
};


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    mosn_hessian_t h;
    mosn_chain_t   json = { 0 };

    frame_fuzz(mosn_module_find(MOSN_RPC_CODEC, MOSN_STR("dubbo"))->ops, bytes,
               n);
    mosn_hessian_open(&h, bytes, n);
    while (h.at < h.end && mosn_hessian_skip(&h)) {
        FUZZ_CHECK(h.at <= h.end);
    }
    mosn_hessian_open(&h, bytes, n);
    if (mosn_hessian_to_json(&h, &json)) {
        FUZZ_CHECK(h.at <= h.end && json.bytes <= 8 * n + 64);
    }
    mosn_chain_clear(&json);
}
