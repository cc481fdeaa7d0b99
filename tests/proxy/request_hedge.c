/* tests/proxy/request_hedge.c - two attempts at a time. */

#include "gate.h"
#include "proxy/request_hedge.c"

#define PROXY  "{ type = \"proxy\"; routes = \"main\"; }"
#define ASK(p) "GET " p " HTTP/1.1\r\nHost: a\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


/* Both attempts of a request for `path`. */
static void
begin(int client, const char *ask, int *first, int *second)
{
    gate_say(client, ask);
    *first = gate_accept();
    has(gate_hear(*first), "GET ", "the first attempt");
    *second = gate_accept();
    is_num(*second, -1, "no second one yet");
    for (int i = 0; i < 100 && *second == -1; i++) {
        mosn_loop_turn(&gate_loop, 2);
        *second = gate_accept();
    }
    has(gate_hear(*second), "GET ", "a second one after the delay");
}


static void
test_second_wins(void)
{
    int client = gate_client(), first, second;

    begin(client, ASK("/1"), &first, &second);
    gate_say(second, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "the second answers");
    has(gate_hear(first), "(", "the first is given up");
    is_num(gate_counted(MOSN_UPSTREAM_HEDGES), 1, "counted");
    (void) close(first);
    (void) close(second);
    (void) close(client);
    gate_turns(3);
}


static void
test_first_wins(void)
{
    int client = gate_client(), first, second;

    begin(client, ASK("/2"), &first, &second);
    gate_say(first, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "the first answers");
    has(gate_hear(second), "(", "the second is given up");
    (void) close(first);
    (void) close(second);
    (void) close(client);
    gate_turns(3);
}


static void
test_first_fails(void)
{
    int client = gate_client(), first, second;

    begin(client, ASK("/3"), &first, &second);
    (void) close(first);
    gate_turns(5);
    is_str(mosn_str(gate_hear(client)), "", "the first breaks: no answer yet");
    gate_say(second, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "the second is the request's");
    (void) close(second);
    (void) close(client);
    gate_turns(3);
}


/* What is in time, and what must not be sent twice, is asked for once. */
static void
test_none(void)
{
    int client = gate_client(), origin, other;

    gate_say(client, ASK("/4"));
    origin = gate_accept();
    (void) gate_hear(origin);
    gate_say(origin, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "in time");
    gate_say(client, "POST /5 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                     "\r\nx");
    other = gate_accept(); /* it goes to the other host */
    has(gate_hear(other), "POST /5 ", "a POST");
    for (int i = 0; i < 20; i++) {
        mosn_loop_turn(&gate_loop, 2);
    }
    ok(gate_accept() == -1, "has no second");
    gate_say(other, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "but an answer");
    is_num(gate_counted(MOSN_UPSTREAM_HEDGES), 3, "three in all");
    is_num(gate_counted(MOSN_UPSTREAM_REQUESTS_ACTIVE), 0, "nobody is left");
    (void) close(other);
    (void) close(origin);
    (void) close(client);
    gate_turns(3);
}


int
main(void)
{
    gate_two_hosts = true;
    gate_open(PROXY,
              "{ route = { cluster = \"c\"; hedge = { delay = \"15ms\"; }; }; "
              "}",
              "");
    test_second_wins();
    test_first_wins();
    test_first_fails();
    test_none();
    gate_close();
    return done_testing();
}
