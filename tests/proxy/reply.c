/* tests/proxy/reply.c - answers of our own. */

#include "gate.h"
#include "proxy/reply.c"

#define PROXY                                                                 \
    "{ type = \"proxy\"; routes = \"main\"; max_body_bytes = 4; "             \
    "allow_connect = true; }"
#define ASK(m, p) m " " p " HTTP/1.1\r\nHost: a\r\n\r\n"

static const char routes[] =
    "{ match = { path = \"/text\"; }; respond = { status = 200; body = "
    "\"fine\"; content_type = \"text/x\"; }; headers = { response_set = { "
    "x-set = \"yes\"; }; }; },"
    "{ match = { path = \"/none\"; }; respond = { status = 204; }; },"
    "{ match = { path = \"/moved\"; }; redirect = { host = \"b\"; status = "
    "308; }; },"
    "{ match = { prefix = \"/c\"; }; route = { cluster = \"c\"; }; }";


static const char *
answer(const char *ask)
{
    static char text[4096];
    int         client = gate_client();

    gate_say(client, ask);
    (void) snprintf(text, sizeof(text), "%s", gate_await(client));
    (void) close(client);
    gate_turns(3);
    return text;
}


static long long
reason(const char *name)
{
    char     *text = NULL, *at, line[64];
    size_t    n = 0;
    FILE     *out = open_memstream(&text, &n);
    long long is = -1;

    mosn_metrics_print_plain(mosn_metric_sets, out);
    (void) fclose(out);
    (void) snprintf(line, sizeof(line), ".%s.", name);
    at = strstr(text, line);
    if (at != NULL) {
        is = strtoll(strchr(at, ' ') + 1, NULL, 10);
    }
    free(text);
    return is;
}


int
main(void)
{
    const char *text;

    gate_open(PROXY, routes, "");
    text = answer(ASK("GET", "/text"));
    has(text, "HTTP/1.1 200 OK\r\n", "an answer");
    has(text, "Content-Type: text/x\r\n", "of its type");
    has(text, "Date: ", "with a date");
    has(text, "Content-Length: 4\r\n", "and a length");
    has(text, "\r\n\r\nfine", "that is its body's");
    has(text, "x-set: yes\r\n", "with what the route adds");
    text = answer(ASK("HEAD", "/text"));
    has(text, "Content-Length: 4\r\n", "HEAD has the length");
    ok(strstr(text, "fine") == NULL, "and no body");
    text = answer(ASK("GET", "/none"));
    has(text, "HTTP/1.1 204 No Content\r\n", "one without a body");
    ok(strstr(text, "Content-Length") == NULL, "has no length");
    text = answer(ASK("GET", "/moved"));
    has(text, "HTTP/1.1 308 Permanent Redirect\r\n", "a redirect");
    has(text, "Location: http://b/moved\r\n", "says where to");

    text = answer(ASK("GET", "/nowhere"));
    has(text, "HTTP/1.1 404 Not Found\r\n", "no route");
    has(text, "\r\n\r\nNot Found\n", "in words");
    is_num(reason("no_route"), 1, "counted by its reason");
    text = answer("POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    has(text, "HTTP/1.1 413 ", "too large a body, before it comes");
    is_num(reason("body_too_large"), 1, "counted by its reason");
    text = answer("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Type: "
                  "application/grpc\r\nContent-Length: 0\r\n\r\n");
    has(text, "HTTP/1.1 200 OK\r\n", "gRPC: the status is in the trailers");
    has(text, "grpc-status: 12\r\n", "unimplemented");
    ok(strstr(text, "\r\n\r\nNot") == NULL, "no text for people");
    gate_close();
    return done_testing();
}
