/* tests/proxy/request_count.c - what requests leave in the metrics. */

#include "gate.h"
#include "proxy/request_count.c"

#define PROXY "{ type = \"proxy\"; routes = \"main\"; }"

static const char routes[] =
    "{ match = { path = \"/ok\"; }; respond = { status = 200; body = "
    "\"fine\"; }; },"
    "{ match = { path = \"/go\"; }; redirect = { path = \"/\"; }; },"
    "{ match = { path = \"/up\"; }; route = { cluster = \"c\"; }; }";


static long long
listener(unsigned slot)
{
    return (long long) mosn_metrics_read(
        gate_settings->listeners.items[0].metrics + slot);
}


static void
ask(const char *path)
{
    char text[100];
    int  client = gate_client();

    (void) snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
                    path);
    gate_say(client, text);
    (void) gate_await(client);
    (void) close(client);
    gate_turns(3);
}


int
main(void)
{
    int client, origin;

    gate_open(PROXY, routes, "");
    ask("/ok");
    ask("/ok");
    ask("/go");
    ask("/nowhere");
    is_num(listener(MOSN_LISTENER_REQUESTS), 4, "four requests");
    is_num(listener(MOSN_LISTENER_STATUS_1XX + 1), 2, "two went well");
    is_num(listener(MOSN_LISTENER_STATUS_1XX + 2), 1, "one elsewhere");
    is_num(listener(MOSN_LISTENER_STATUS_1XX + 3), 1, "one nowhere");
    is_num(listener(MOSN_LISTENER_REQUESTS_ACTIVE), 0, "none is under way");
    ok(listener(MOSN_LISTENER_BYTES_IN) > 4 * 30
           && listener(MOSN_LISTENER_BYTES_OUT) > 4 * 60,
       "bytes both ways");
    is_num(gate_counted(MOSN_UPSTREAM_REQUESTS), 0, "no host had any");

    client = gate_client();
    gate_say(client, "GET /up HTTP/1.1\r\nHost: a\r\n\r\n");
    origin = gate_accept();
    (void) gate_hear(origin);
    is_num(listener(MOSN_LISTENER_REQUESTS_ACTIVE), 1, "one is under way");
    is_num(gate_counted(MOSN_UPSTREAM_REQUESTS_ACTIVE), 1, "also upstream");
    gate_say(origin, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    (void) gate_hear(client);
    is_num(listener(MOSN_LISTENER_STATUS_1XX + 4), 1, "an error is one");
    is_num(gate_counted(MOSN_UPSTREAM_STATUS_5XX), 1, "and the host's");
    is_num(gate_counted(MOSN_UPSTREAM_REQUESTS_ACTIVE), 0, "it is over");
    (void) close(origin);
    (void) close(client);
    gate_turns(3);
    gate_close();
    return done_testing();
}
