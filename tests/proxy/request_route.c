/* tests/proxy/request_route.c - what a route does to its requests. */

#include "gate.h"
#include "proxy/request_route.c"

#define PROXY "{ type = \"proxy\"; routes = \"main\"; }"

static const char routes[] =
    "{ match = { path_prefix = \"/old\"; }; route = { cluster = \"c\"; "
    "prefix_rewrite = \"/new\"; host_rewrite = \"h.test\"; }; },"
    "{ match = { template = \"/u/{id}/x\"; }; route = { cluster = \"c\"; "
    "path_rewrite = \"/by/{id}\"; }; },"
    "{ match = { prefix = \"/re/\"; }; route = { cluster = \"c\"; "
    "regex_rewrite = { regex = \"^/re/([a-z]+)\"; substitution = "
    "\"/$1\"; }; }; },"
    "{ match = { prefix = \"/set\"; }; route = { cluster = \"c\"; }; headers "
    "= { request_set = { x-set = \"yes\"; }; }; },"
    "{ match = { prefix = \"/by-header\"; }; route = { cluster_header = "
    "\"x-to\"; }; },"
    "{ match = { prefix = \"/plain\"; }; route = { cluster = \"c\"; }; }";


/* What the origin gets for it; "": nothing. */
static const char *
forwarded(const char *path, const char *more)
{
    static char text[4096];
    char        request[200];
    int         client = gate_client(), origin;

    (void) snprintf(request, sizeof(request),
                    "GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n", path, more);
    gate_say(client, request);
    origin = gate_accept();
    if (origin == -1) {
        (void) snprintf(text, sizeof(text), "%s", gate_await(client));
    } else {
        (void) snprintf(text, sizeof(text), "%s", gate_hear(origin));
        gate_say(origin, "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                         "Content-Length: 0\r\n\r\n");
        (void) gate_hear(client);
        (void) close(origin);
    }
    (void) close(client);
    gate_turns(5);
    return text;
}


int
main(void)
{
    const char *text;

    gate_open(PROXY, routes, "");
    has(forwarded("/plain?q=1", ""), "GET /plain?q=1 HTTP/1.1\r\nHost: a\r\n",
        "as it came");
    text = forwarded("/old/a?q=1", "");
    has(text, "GET /new/a?q=1 HTTP/1.1\r\n", "another beginning");
    has(text, "Host: h.test\r\n", "and another host");
    has(forwarded("/u/7/x?q", ""), "GET /by/7?q HTTP/1.1\r\n", "a template");
    has(forwarded("/re/abc/1", ""), "GET /abc/1 HTTP/1.1\r\n",
        "a regular expression");
    has(forwarded("/set", ""), "x-set: yes\r\n", "a header");
    has(forwarded("/by-header", "x-to: c\r\n"), "GET /by-header HTTP/1.1\r\n",
        "the cluster that a header names");
    has(forwarded("/by-header", "x-to: nobody\r\n"), "HTTP/1.1 503 ",
        "or none");
    has(forwarded("/nowhere", ""), "HTTP/1.1 404 ", "no route");
    gate_close();
    return done_testing();
}
