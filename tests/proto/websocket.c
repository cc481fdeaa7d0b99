/* tests/proto/websocket.c - the example of RFC 6455, 1.3; keys that differ. */

#include "tap.h"
#include "proto/websocket.c"


int
main(void)
{
    char accept[MOSN_WEBSOCKET_ACCEPT + 1];
    char a[MOSN_WEBSOCKET_KEY + 1], b[MOSN_WEBSOCKET_KEY + 1];

    mosn_websocket_accept(MOSN_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept);
    is_str(mosn_str(accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "the answer");
    mosn_rand_seed();
    mosn_websocket_key(a);
    mosn_websocket_key(b);
    ok(strlen(a) == MOSN_WEBSOCKET_KEY && strcmp(a + 22, "==") == 0,
       "16 bytes in base64");
    ok(strcmp(a, b) != 0, "each time others");
    return done_testing();
}
