/* tests/fuzz/tr.c - frames of TR, whose ids lie in objects. */

#include "frames.h"

#include "core/module.h"

const char *const fuzz_name = "tr";

const mosn_str_t fuzz_seeds[] = {
    SEED("\x0d\0\4\2\0\0\0\0\x1d\1\0\0\0\2"
         "O\x91R\x91\3ctxo\x90O\x91X\x92\2id\6this$0o\x91\xe1\x4a\0c"
         "4N"),
    SEED("\x0d\0\1\2\0\0\0\0\x2d\1\0\0\0\1"
         "Mt\0\1RS\0\3ctxMt\0\1XS\0\2idL\0\0\0\0\0\0\0\1S\0\6this$0R\0\0\0\0"
         "zzcN"),
    SEED("\x0d\1\1\0\0\0\0\0\x18\1\0\0\0\1"
         "MS\0\3ctxMS\0\2idL\0\0\0\0\0\0\0\1zzcN"),
    { "", 0 },
};


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    frame_fuzz(mosn_module_find(MOSN_RPC_CODEC, MOSN_STR("tr"))->ops, bytes,
               n);
}
