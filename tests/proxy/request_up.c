/* tests/proxy/request_up.c - what comes from the upstream. */

#include "gate.h"
#include "proxy/request_up.c"

#define PROXY "{ type = \"proxy\"; routes = \"main\"; }"
#define ASK   "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


/* The origin's end of a request of the client. */
static int
begin(int client)
{
    int origin;

    gate_say(client, ASK);
    origin = gate_accept();
    has(gate_hear(origin), "GET /x HTTP/1.1\r\n", "a request");
    return origin;
}


static void
test_pieces(void)
{
    int client = gate_client(), origin = begin(client);

    gate_say(origin, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    has(gate_hear(client), "HTTP/1.1 103 ", "what comes before an answer");
    gate_say(origin, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                     "Trailer: x-end\r\n\r\n");
    has(gate_hear(client), "HTTP/1.1 200 OK\r\n", "its head");
    gate_say(origin, "3\r\nabc\r\n");
    has(gate_hear(client), "abc", "a piece");
    gate_say(origin, "2\r\nde\r\n0\r\nx-end: 1\r\n\r\n");
    has(gate_hear(client), "de", "the last one");
    gate_say(client, ASK);
    has(gate_hear(origin), "GET /x ", "the connection is used again");
    gate_say(origin, "HTTP/1.1 204 No Content\r\n\r\n");
    has(gate_hear(client), "HTTP/1.1 204 ", "for an answer without a body");
    (void) close(origin);
    (void) close(client);
    gate_turns(3);
}


/* Whoever cannot be understood, ends early or says too much. */
static void
test_broken(void)
{
    static const char *const bad[] = {
        "garbage\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nBad Header: 1\r\n\r\n",
    };
    int client, origin;

    for (size_t i = 0; i < MOSN_COUNT(bad); i++) {
        client = gate_client();
        origin = begin(client);
        gate_say(origin, bad[i]);
        has(gate_hear(client), "HTTP/1.1 502 ", "no answer: 502");
        has(gate_hear(origin), "(", "its connection is closed");
        (void) close(origin);
        (void) close(client);
        gate_turns(3);
    }

    client = gate_client();
    origin = begin(client);
    gate_say(origin, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
                     "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore");
    has(gate_hear(client), "\r\n\r\nhi", "an answer");
    ok(strstr(gate_hear(client), "more") == NULL,
       "what nobody has asked for goes to nobody");
    gate_say(client, ASK);
    (void) close(origin);
    origin = gate_accept();
    has(gate_hear(origin), "GET /x ", "the next one goes elsewhere");
    gate_say(origin, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    has(gate_hear(client), "\r\n\r\nnew", "and is answered there");
    (void) close(origin);
    (void) close(client);
    gate_turns(3);
}


int
main(void)
{
    gate_open(PROXY, "{ route = { cluster = \"c\"; }; }", "");
    test_pieces();
    test_broken();
    is_num(gate_counted(MOSN_UPSTREAM_REQUESTS_ACTIVE), 0,
           "nothing is under way");
    is_num(gate_counted(MOSN_UPSTREAM_STATUS_1XX + 1), 4,
           "answers are counted");
    gate_close();
    return done_testing();
}
