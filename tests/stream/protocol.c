/* tests/stream/protocol.c - all protocols in one table, in a fixed order. */

#include "tap.h"
#include "../../src/stream/protocol.c"


int
main(void)
{
    char names[256];

    mosn_protocol_names(names, sizeof(names));
    is_str(mosn_str(names), "http1, http2, bolt, boltv2, dubbo, tr",
           "those of this build, in the order of detection");
    ok(mosn_protocol_find(MOSN_STR("bolt"))->rpc != NULL
           && mosn_protocol_find(MOSN_STR("bolt"))->multiplex,
       "a codec is made a protocol");
    ok(mosn_protocol_find(MOSN_STR("http1"))->rpc == NULL,
       "one with streams of its own stays what it is");
    ok(mosn_protocol_find(MOSN_STR("no")) == NULL, "there are no others");
    ok(mosn_protocol_at(6) == NULL, "and no more");
    mosn_protocol_names(names, 8);
    ok(strlen(names) < 8, "no more names than room");
    return done_testing();
}
