/* tests/proxy/proxy.c - telling the protocol by the first bytes. */

#include "gate.h"
#include "proxy/proxy.c"

int
main(void)
{
    int client;

    gate_open("{ type = \"proxy\"; routes = \"main\"; header_timeout = "
              "\"40ms\"; }",
              "{ respond = { body = \"fine\"; }; }", "");

    client = gate_client();
    gate_say(client, "G");
    is_str(mosn_str(gate_hear(client)), "", "one byte does not decide");
    gate_say(client, "ET / HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(client), "\r\n\r\nfine", "the rest does");
    (void) close(client);

    client = gate_client();
    gate_say(client, "\x16\x03\x01 what is this\r\n\r\n");
    has(gate_hear(client), "HTTP/1.1 400 ", "what nobody knows is refused");
    (void) close(client);

    client = gate_client();
    gate_say(client, "G");
    has(gate_await(client), "(end)", "who never goes on is closed");
    (void) close(client);

    client = gate_client();
    mosn_listener_drain(&gate_listener);
    has(gate_hear(client), "(end)", "a drain closes who has said nothing");
    (void) close(client);

    gate_close();
    return done_testing();
}
