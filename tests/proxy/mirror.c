/* tests/proxy/mirror.c - copies of requests. */

#include "gate.h"
#include "proxy/mirror.c"

#define PROXY  "{ type = \"proxy\"; routes = \"main\"; }"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define POST   "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"


/* The request and its copy, which are the same but for who waits. */
static void
begin(int client, int *first, int *second)
{
    const char *text;

    gate_say(client, POST);
    *first = gate_accept();
    *second = gate_accept();
    text = gate_hear(*first);
    has(text, "POST /p HTTP/1.1\r\n", "the one that was first there");
    has(text, "\r\n\r\nbody", "whole");
    text = gate_hear(*second);
    has(text, "POST /p HTTP/1.1\r\n", "the other");
    has(text, "\r\n\r\nbody", "whole as well");
}


/* Only one of the two is the client's. */
static void
test_answers(void)
{
    int client = gate_client(), a, b;

    begin(client, &a, &b);
    gate_say(a, ANSWER);
    gate_say(b, ANSWER);
    is_num((long long) strlen(gate_hear(client)) > 0, 1, "an answer");
    is_str(mosn_str(gate_hear(client)), "", "and one only");
    is_num(gate_counted(MOSN_UPSTREAM_MIRRORS), 1, "a copy is counted");
    (void) close(a);
    (void) close(b);
    (void) close(client);
    gate_turns(3);
}


/* A copy whose host breaks, and one that is never answered, change nothing:
 * the request is the one that came second to the origin, or the first. */
static void
test_broken(void)
{
    int         client = gate_client(), a, b;
    const char *text;

    begin(client, &a, &b);
    gate_say(a, ANSWER);
    text = gate_hear(client);
    if (text[0] == '\0') { /* that was the copy: now the request */
        gate_say(b, ANSWER);
        text = gate_hear(client);
    }
    has(text, "\r\n\r\nhi", "an answer without the other's");
    (void) close(a);
    (void) close(b);
    gate_turns(5);
    is_str(mosn_str(gate_hear(client)), "", "the client is told nothing more");
    is_num(gate_counted(MOSN_UPSTREAM_MIRRORS), 2, "counted");
    (void) close(client);
    gate_turns(3);
}


int
main(void)
{
    gate_open(
        PROXY,
        "{ route = { cluster = \"c\"; mirror = ( { cluster = \"c\"; } ); "
        "}; }",
        "");
    test_answers();
    test_broken();
    gate_close();
    return done_testing();
}
