/* tests/stream/mux_rpc_beat.c - hosts that are silent, and hosts that are
 * slow. */

#include "calls.h"
#include "stream/mux_rpc_beat.c"

#define LONG_CALL (6u << 20)


/* Connections to hosts live on their heartbeats. */
static void
test_alive(int origin)
{
    unsigned long long misses =
        (unsigned long long) gate_counted(MOSN_UPSTREAM_HEARTBEATS_MISSED);

    call_awaits(origin, "beat 2", "a silent host is asked");
    call_say(origin, "ack 1");
    call_say(origin, "ack 2");
    call_awaits(origin, "beat 3", "and again after its answer");
    call_say(origin, "res 99 0 stray");
    call_awaits(origin, "beat 4", "whatever comes from it is an answer");
    call_say(origin, "ack 4");
    is_num(gate_counted(MOSN_UPSTREAM_HEARTBEATS_MISSED), (long long) misses,
           "nothing was missed");
}


static void
test_silent(int origin, int a)
{
    call_say(a, "req 70 x");
    call_hears(origin, "req 5 x", "a call");
    call_awaits(origin, "beat 6", "a silent host is asked");
    call_awaits(origin, "beat 7", "at once again when it does not answer");
    call_awaits(a, "res 70 16", "twice, and it is given up");
    has(call_told(origin), "(", "with its connection");
    is_num(gate_counted(MOSN_UPSTREAM_HEARTBEATS_MISSED), 2, "both counted");
}


/* The question stands behind a long call. */
static void
test_slow(int a)
{
    static uint8_t call[LONG_CALL + CALL_HEAD_MAX], in[1 << 16];
    static char    body[LONG_CALL];
    size_t         n, sent = 0, got = 0;
    uint64_t       end, now;
    int            origin;
    ssize_t        more;

    memset(body, 'x', sizeof(body));
    n = call_frame(call, CALL_REQ, 71, 0, body, sizeof(body));
    while (sent < n
           && (more = send(a, call + sent, n - sent, MSG_DONTWAIT)) != 0) {
        sent += more > 0 ? (size_t) more : 0;
        gate_turns(1);
    }
    is_num((long long) sent, (long long) n, "a long call");
    origin = gate_accept();
    call_awaits(origin, "beat 1", "a host that was lost is asked first");
    call_say(origin, "ack 1");
    end = gate_loop.now_ms + 2000;
    while (got < n) {
        now = gate_loop.now_ms;
        more = recv(origin, in, sizeof(in), MSG_DONTWAIT);
        if (more == 0 || (more < 0 && errno != EAGAIN)) {
            break;
        }
        got += more > 0 ? (size_t) more : 0;
        do {
            mosn_loop_turn(&gate_loop, 5);
        } while (gate_loop.now_ms < end && gate_loop.now_ms < now + 30);
    }
    ok(gate_loop.now_ms >= end, "is taken slowly");
    ok(got >= n, "and whole; a question stands behind it");
    (void) close(origin);
}


int
main(void)
{
    int a, origin;

    calls_open("rpc = { max_frame_bytes = \"8m\"; };",
               "{ route = { cluster = \"c\"; }; }",
               "heartbeat_interval = \"100ms\"; "
               "heartbeat_timeout = \"400ms\"; heartbeat_misses = 2; "
               "max_frame_bytes = \"8m\"; ");
    a = gate_client();
    call_say(a, "req 1 first");
    origin = gate_accept();
    call_hears(origin, "req 1 first", "the first call");
    call_say(origin, "res 1 0 hello");
    call_hears(a, "res 1 0 hello", "is answered");
    test_alive(origin);
    test_silent(origin, a);
    (void) close(origin);
    test_slow(a);
    (void) close(a);
    gate_turns(3);
    gate_close();
    return done_testing();
}
