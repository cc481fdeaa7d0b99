/* tests/proxy/request.c - requests from end to end, inside of one process. */

#include "gate.h"
#include "proxy/request.c"

#define PROXY  "{ type = \"proxy\"; routes = \"main\"; max_body_bytes = 8; }"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static const char routes[] =
    "{ match = { path = \"/ok\"; }; respond = { status = 200; body = "
    "\"fine\"; }; },"
    "{ match = { path = \"/go\"; }; redirect = { path = \"/there\"; "
    "status = 302; }; },"
    "{ match = { prefix = \"/slow/\"; }; route = { cluster = \"c\"; timeout "
    "= \"30ms\"; prefix_rewrite = \"/\"; }; },"
    "{ match = { prefix = \"/up/\"; }; route = { cluster = \"c\"; }; }";


static void
test_own_answers(void)
{
    int client = gate_client();

    gate_say(client, "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(client), "\r\n\r\nfine", "a direct response");
    gate_say(client, "HEAD /ok HTTP/1.1\r\nHost: a\r\n\r\n");
    ok(strstr(gate_hear(client), "fine") == NULL, "HEAD gets no body");
    gate_say(client, "GET /go HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(client), "Location: /there\r\n", "a redirect");
    gate_say(client, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(client), "HTTP/1.1 404 ", "no route");
    gate_say(client, "POST /up/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n"
                     "\r\n123456789");
    has(gate_hear(client), "HTTP/1.1 413 ", "too large a body");
    (void) close(client);
    gate_turns(3);
}


static void
test_forwarded(void)
{
    int         client = gate_client(), origin;
    const char *text;

    gate_say(client, "GET /up/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    origin = gate_accept();
    text = gate_hear(origin);
    has(text, "GET /up/1 HTTP/1.1\r\nHost: a\r\n", "the origin gets it");
    has(text, "X-Request-Id: ", "with an id");
    gate_say(origin, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "the client gets the answer");

    gate_say(client, "GET /slow/2 HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_hear(origin), "GET /2 HTTP/1.1\r\n",
        "rewritten, on the same connection");
    has(gate_await(client), "HTTP/1.1 504 ", "not answered in time");
    has(gate_hear(origin), "(end)", "its connection is not used again");
    (void) close(origin);
    (void) close(client);
    gate_turns(3);
}


/* An origin that closes a kept connection on a request. */
static void
test_repeat(void)
{
    int client = gate_client(), origin, second;

    gate_say(client, "GET /up/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    origin = gate_accept();
    (void) gate_hear(origin);
    gate_say(origin, ANSWER);
    (void) gate_hear(client);
    gate_say(client, "GET /up/2 HTTP/1.1\r\nHost: a\r\n\r\n");
    (void) gate_hear(origin);
    (void) close(origin);
    second = gate_accept();
    has(gate_hear(second), "GET /up/2 HTTP/1.1\r\n", "a GET is sent again");
    gate_say(second, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "and answered");

    gate_say(client, "POST /up/3 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                     "\r\nx");
    (void) gate_hear(second);
    (void) close(second);
    has(gate_hear(client), "HTTP/1.1 502 ", "a POST is not");
    ok(gate_accept() == -1, "no connection more");
    (void) close(client);
    gate_turns(3);
}


static void
test_cut(void)
{
    int client = gate_client(), origin;

    gate_say(client, "GET /up/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    origin = gate_accept();
    (void) gate_hear(origin);
    gate_say(origin, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    has(gate_hear(client), "half", "the half of an answer");
    (void) close(origin);
    has(gate_hear(client), "(", "is cut when its origin goes");
    (void) close(client);

    gate_origin_close();
    gate_remove("origin");
    client = gate_client();
    gate_say(client, "GET /up/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    has(gate_await(client), "HTTP/1.1 502 ", "no origin there");
    (void) close(client);
    gate_turns(3);
}


int
main(void)
{
    gate_open(PROXY, routes, "");
    test_own_answers();
    test_forwarded();
    test_repeat();
    test_cut();
    is_num(
        (long long) mosn_metrics_read(gate_settings->listeners.items[0].metrics
                                      + MOSN_LISTENER_REQUESTS),
        12, "all are counted");
    is_num(
        (long long) mosn_metrics_read(gate_settings->listeners.items[0].metrics
                                      + MOSN_LISTENER_REQUESTS_ACTIVE),
        0, "none is under way");
    gate_close();
    return done_testing();
}
