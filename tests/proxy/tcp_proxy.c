/* tests/proxy/tcp_proxy.c - bytes through, ends, and who is not there. */

#include "gate.h"
#include "proxy/tcp_proxy.c"

#include <sys/socket.h>


int
main(void)
{
    int client, origin;

    gate_open("{ type = \"tcp_proxy\"; cluster = \"c\"; idle_timeout = "
              "\"60ms\"; }",
              "{ respond = { }; }", "connect_timeout = \"100ms\";");

    client = gate_client();
    origin = gate_accept();
    gate_say(client, "ping");
    is_str(mosn_str(gate_hear(origin)), "ping", "there");
    gate_say(origin, "pong");
    is_str(mosn_str(gate_hear(client)), "pong", "and back");
    (void) shutdown(client, SHUT_WR);
    is_str(mosn_str(gate_hear(origin)), "(end)", "half-close goes through");
    gate_say(origin, "last");
    is_str(mosn_str(gate_hear(client)), "last", "the other half is open");
    (void) close(origin);
    is_str(mosn_str(gate_hear(client)), "(end)", "until it ends too");
    (void) close(client);
    gate_turns(3);

    client = gate_client();
    origin = gate_accept();
    is_str(mosn_str(gate_await(client)), "(end)", "idle for too long");
    has(gate_hear(origin), "(", "on both sides");
    (void) close(origin);
    (void) close(client);

    gate_origin_close();
    gate_remove("origin");
    client = gate_client();
    has(gate_await(client), "(", "no host: closed");
    (void) close(client);
    gate_turns(3);
    is_num(gate_limits.n_connections, 0, "nothing is left");

    gate_close();
    return done_testing();
}
