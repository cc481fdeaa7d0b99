/* tests/stream/mux_rpc_send.c - frames that go on as they came, or not. */

#include "calls.h"
#include "stream/mux_rpc_send.c"

static uint8_t big[1 << 18];


/* Reads a whole frame, and tells whether its body is `n` times `c`. */
static bool
is_body(int fd, size_t head, char c, size_t n)
{
    size_t got = 0;

    for (int i = 0; i < 1000 && got < head + n; i++) {
        ssize_t more;

        mosn_loop_turn(&gate_loop, 1);
        more = recv(fd, big + got, sizeof(big) - got, MSG_DONTWAIT);
        got += more > 0 ? (size_t) more : 0;
    }
    if (got != head + n) {
        printf("# %zu bytes, %zu expected\n", got, head + n);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (big[head + i] != (uint8_t) c) {
            return false;
        }
    }
    return true;
}


/* Writes as the other side reads. */
static void
send_all(int fd, const uint8_t *bytes, size_t n)
{
    for (int i = 0; i < 1000 && n > 0; i++) {
        ssize_t sent = send(fd, bytes, n, MSG_DONTWAIT);

        if (sent > 0) {
            bytes += sent;
            n -= (size_t) sent;
        }
        mosn_loop_turn(&gate_loop, 1);
    }
    gate_turns(5);
}


/* Copied, by reference, and in more than one block. */
static void
test_sizes(int client, int origin)
{
    static const size_t sizes[] = { 1, 2000, 2100, 40000, 200000 };
    static char         body[200000];
    static uint8_t      frame[200100];

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        size_t n, head;

        memset(body, 'q', sizeof(body));
        n = call_frame(frame, CALL_REQ, 5, 0, body, sizes[i]);
        head = n - sizes[i];
        send_all(client, frame, n);
        ok(is_body(origin, head, 'q', sizes[i])
               && memcmp(big + 9, frame + 9, head - 9) == 0
               && call_get(big + 5, 4) == 2 + i,
           "a call of %zu bytes goes on, with another id", sizes[i]);
        memset(body, 'r', sizeof(body));
        n = call_frame(frame, CALL_RES, (uint32_t) (2 + i), 0, body, sizes[i]);
        send_all(origin, frame, n);
        ok(is_body(client, 20, 'r', sizes[i]) && call_get(big + 5, 4) == 5,
           "and its answer back, with the first one");
    }
}


/* A route that changes the headers of calls: the frame is written anew. */
static void
test_edited(int client, int origin)
{
    uint8_t frame[512];
    ssize_t n;

    n = (ssize_t) call_frame(frame, CALL_REQ, 9, 0, "body", 4);
    frame[22 + 4 + 24 + 4] = 'e'; /* the service that is edited */
    call_send(client, frame, (size_t) n);
    n = recv(origin, big, sizeof(big), MSG_DONTWAIT);
    ok(n > 22 && memmem(big, (size_t) n, "x-added", 7) != NULL
           && memmem(big, (size_t) n, "body", 4) != NULL
           && (size_t) n
                  == 22 + call_get(big + 14, 2) + call_get(big + 16, 2)
                         + call_get(big + 18, 4),
       "a header more: lengths fit, the body is there");
    is_num((long long) call_get(big + 5, 4), 7, "an id of the host's side");
    call_say(origin, "res 7 0 well");
    call_hears(client, "res 9 0 well", "the answer");
}


/* Words of ours are frames of the protocol. */
static void
test_ours(int client)
{
    uint8_t frame[512];
    size_t  n = call_frame(frame, CALL_REQ, 3, 0, "", 0);

    frame[22 + 4 + 24 + 4] = 'd'; /* answered here, 200 */
    call_send(client, frame, n);
    has(call_told(client), "res 3 ", "a call that is answered here");
    frame[22 + 4 + 24 + 4] = 'z'; /* no route */
    call_send(client, frame, n);
    has(call_told(client), "res 3 ", "a call without a route");
    frame[1] = 2;
    call_send(client, frame, n);
    call_hears(client, "", "one-way it gets nothing");
}


/* Who asks and does not read is not read on from. */
static void
test_deaf(void)
{
    static char    body[60000];
    static uint8_t frame[60100];
    int            client = gate_client(), origin = -1;
    uint32_t       n_calls = 0;
    size_t         got = 0;
    ssize_t        sent;

    memset(body, 'd', sizeof(body));
    do {
        size_t n = call_frame(frame, CALL_REQ, ++n_calls, 0, "", 0);

        sent = send(client, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        gate_turns(3);
        origin = origin == -1 ? gate_accept() : origin;
        if (recv(origin, big, sizeof(big), MSG_DONTWAIT) <= 0) {
            break;
        }
        n = call_frame(frame, CALL_RES, (uint32_t) call_get(big + 5, 4), 0,
                       body, sizeof(body));
        send_all(origin, frame, n);
    } while (sent > 0 && n_calls < 200);
    ok(n_calls > 1 && n_calls < 200,
       "who reads no answers gets no more calls taken: %u", n_calls);
    for (int i = 0; i < 1000 && got < (n_calls - 1) * 60020; i++) {
        ssize_t n = recv(client, big, sizeof(big), MSG_DONTWAIT);

        got += n > 0 ? (size_t) n : 0;
        mosn_loop_turn(&gate_loop, 1);
    }
    is_num((long long) got, (n_calls - 1) * 60020,
           "when it reads, it gets what it asked for");
    ok(recv(origin, big, sizeof(big), MSG_DONTWAIT) > 22,
       "and the rest of its calls go on");
    (void) close(client);
    (void) close(origin);
    gate_turns(5);
}


int
main(void)
{
    int client, origin;

    calls_open("",
               "{ match = { service = \"e\"; }; headers = { request_add = "
               "{ x-added = \"1\"; }; }; route = { cluster = \"c\"; }; }, "
               "{ match = { service = \"d\"; }; respond = { status = 200; "
               "body = \"own\"; }; }, { match = { service = \"s\"; }; "
               "route = { cluster = \"c\"; }; }",
               "heartbeat_interval = 0;");
    client = gate_client();
    call_say(client, "req 1 first");
    origin = gate_accept();
    call_hears(origin, "req 1 first", "the first call");
    call_say(origin, "res 1 0 hello");
    call_hears(client, "res 1 0 hello", "is answered");
    test_sizes(client, origin);
    test_edited(client, origin);
    test_ours(client);
    (void) close(client);
    (void) close(origin);
    gate_turns(5);
    test_deaf();
    gate_close();
    return done_testing();
}
