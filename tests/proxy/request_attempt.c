/* tests/proxy/request_attempt.c - one attempt after the other. */

#include "gate.h"
#include "proxy/request_attempt.c"

#define PROXY  "{ type = \"proxy\"; routes = \"main\"; }"
#define ASK(p) "GET " p " HTTP/1.1\r\nHost: a\r\n\r\n"
#define BUSY   "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

static const char routes[] =
    "{ match = { prefix = \"/twice\"; }; route = { cluster = \"c\"; retry = { "
    "on = [\"5xx\", \"reset\"]; attempts = 2; idempotent_only = true; backoff "
    "= \"1ms\"; }; }; },"
    "{ match = { prefix = \"/slow\"; }; route = { cluster = \"c\"; timeout = "
    "\"2s\"; retry = { on = [\"timeout\"]; attempts = 2; per_try_timeout = "
    "\"100ms\"; backoff = \"1ms\"; }; }; },"
    "{ match = { prefix = \"/once\"; }; route = { cluster = \"c\"; timeout = "
    "\"20ms\"; }; },"
    "{ route = { cluster = \"c\"; }; }";


static void
test_again(void)
{
    int client = gate_client(), origin;

    gate_say(client, ASK("/twice/1"));
    origin = gate_accept();
    has(gate_hear(origin), "GET /twice/1 ", "the first attempt");
    gate_say(origin, BUSY);
    has(gate_await(origin), "GET /twice/1 ", "the second one");
    is_str(mosn_str(gate_hear(client)), "", "of which the client hears none");
    gate_say(origin, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "but the answer");
    is_num(gate_counted(MOSN_UPSTREAM_RETRIES), 1, "one more than asked for");

    gate_say(client, ASK("/twice/2"));
    gate_say(origin, BUSY);
    (void) gate_await(origin);
    gate_say(origin, BUSY);
    has(gate_await(client), "HTTP/1.1 503 ", "no third one");
    gate_say(client, "POST /twice/3 HTTP/1.1\r\nHost: a\r\n"
                     "Content-Length: 1\r\n\r\nx");
    (void) gate_hear(origin);
    gate_say(origin, BUSY);
    has(gate_await(client), "HTTP/1.1 503 ", "nor of what is not idempotent");
    is_num(gate_counted(MOSN_UPSTREAM_RETRIES), 2, "counted");
    (void) close(origin);
    (void) close(client);
    gate_turns(3);
}


static void
test_too_slow(void)
{
    int client = gate_client(), first, second;

    gate_say(client, ASK("/slow/1"));
    first = gate_accept();
    has(gate_hear(first), "GET /slow/1 ", "who does not answer in time");
    has(gate_await(first), "(end)", "is given up");
    second = gate_accept();
    for (int i = 0; i < 200 && second == -1; i++) {
        mosn_loop_turn(&gate_loop, 1);
        second = gate_accept();
    }
    has(gate_hear(second), "GET /slow/1 ", "and asked again");
    gate_say(second, ANSWER);
    has(gate_hear(client), "\r\n\r\nhi", "which is answered");
    is_num(gate_counted(MOSN_UPSTREAM_TIMEOUTS), 1, "one was too slow");

    gate_say(client, ASK("/once"));
    (void) gate_hear(second);
    has(gate_await(client), "HTTP/1.1 504 ", "without retries it is over");
    (void) close(first);
    (void) close(second);
    (void) close(client);
    gate_turns(3);
}


/* An answer that has begun is nobody's second attempt. */
static void
test_begun(void)
{
    int client = gate_client(), origin;

    gate_say(client, ASK("/twice/begun"));
    origin = gate_accept();
    (void) gate_hear(origin);
    gate_say(origin, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal");
    has(gate_hear(client), "\r\n\r\nhal", "an answer begins");
    (void) close(origin);
    gate_turns(5);
    has(gate_hear(client), "(", "and is cut");
    ok(gate_accept() == -1, "it is not asked for again");
    (void) close(client);
    gate_turns(3);
}


static void
test_limit(void)
{
    int first = gate_client(), second = gate_client(), origin;

    gate_say(first, ASK("/1"));
    origin = gate_accept();
    (void) gate_hear(origin);
    gate_say(second, ASK("/2"));
    has(gate_hear(second), "HTTP/1.1 503 ", "one at a time");
    gate_say(origin, ANSWER);
    (void) gate_hear(first);
    gate_say(second, ASK("/3"));
    has(gate_hear(origin), "GET /3 ", "then the next");
    gate_say(origin, ANSWER);
    has(gate_hear(second), "\r\n\r\nhi", "is answered");
    is_num(gate_counted(MOSN_UPSTREAM_REQUESTS_ACTIVE), 0, "nobody is left");
    is_num(gate_counted(MOSN_UPSTREAM_RETRIES_ACTIVE), 0, "nor waits");
    (void) close(origin);
    (void) close(first);
    (void) close(second);
    gate_turns(3);
}


int
main(void)
{
    gate_open(PROXY, routes, "circuit_breaker = { max_requests = 1; };");
    test_again();
    test_too_slow();
    test_begun();
    test_limit();
    gate_close();
    return done_testing();
}
