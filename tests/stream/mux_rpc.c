/* tests/stream/mux_rpc.c - calls that share connections, and their ends. */

#include "calls.h"
#include "stream/mux_rpc.c"


/* Ids are those of each side. */
static void
test_ids(int origin, int a)
{
    int b = gate_client();

    call_say(a, "req 7 from-a");
    call_hears(origin, "req 2 from-a",
               "a request has an id of the host's side");
    call_say(b, "req 7 from-b");
    call_hears(origin, "req 3 from-b",
               "the same id of another client differs");
    call_say(origin, "res 3 0 to-b");
    call_hears(b, "res 7 0 to-b", "the later one is answered first");
    call_hears(a, "", "and nobody else");
    call_say(origin, "res 2 0 to-a");
    call_hears(a, "res 7 0 to-a", "then the other one");

    call_say(origin, "res 2 0 again; res 99 0 stray; ack 3; ack 98");
    call_hears(a, "", "answers that nobody waits for are left out");
    is_num(gate_counted(MOSN_UPSTREAM_STRAYS), 4, "and counted");

    call_say(a, "req 1 x; req 1 y");
    call_hears(origin, "req 4 x; req 5 y", "an id that is used twice");
    call_say(origin, "res 5 0 y; res 4 0 x");
    call_hears(a, "res 1 0 y; res 1 0 x", "is each caller's own trouble");
    (void) close(b);
    gate_turns(3);
}


static void
test_pieces(int origin, int a)
{
    uint8_t bytes[512];
    size_t  n = call_bytes("req 8 piece", bytes);

    for (size_t i = 0; i < n; i++) {
        if (i == n - 1) {
            call_hears(origin, "", "part of a frame goes nowhere");
        }
        call_send(a, bytes + i, 1);
    }
    call_hears(origin, "req 6 piece", "a frame that came byte by byte");
    n = call_bytes("res 6 0 piece", bytes);
    for (size_t i = 0; i < n; i++) {
        call_send(origin, bytes + i, 1);
    }
    call_hears(a, "res 8 0 piece", "an answer that did");
    call_say(a, "one 3 fire");
    call_hears(origin, "one 7 fire", "a call without an answer");
    call_say(origin, "res 7 0 no");
    call_hears(a, "", "has none");
    call_say(a, "beat 5");
    call_hears(a, "ack 5", "a client's heartbeat is answered here");
    call_hears(origin, "", "and goes nowhere");
    call_say(origin, "beat 6; req 9 you");
    has(call_told(origin), "ack 6; res 9 ", "a host's too, its requests not");
    call_say(a, "res 4 0 what; ack 9; req 9 still");
    call_hears(origin, "req 8 still", "a client's answers are left out");
    call_say(origin, "res 8 0 well");
    call_hears(a, "res 9 0 well", "and the connection goes on");
}


/* Who goes away takes nobody along. */
static void
test_gone(int origin, int a)
{
    int b = gate_client();

    call_say(b, "req 1 left");
    call_hears(origin, "req 9 left", "a call");
    (void) close(b);
    gate_turns(5);
    call_say(origin, "res 9 0 late");
    call_say(a, "req 2 stays");
    call_hears(origin, "req 10 stays", "the connection outlives a client");
    call_say(origin, "res 10 0 fine");
    call_hears(a, "res 2 0 fine", "for the others");
}


static void
test_lost(int *origin, int a)
{
    call_say(a, "req 11 lost; req 12 lost");
    call_hears(*origin, "req 11 lost; req 12 lost", "two calls");
    call_say(*origin, "res 12 0 kept");
    (void) close(*origin);
    gate_turns(5);
    call_hears(a, "res 12 0 kept; res 11 16",
               "an end answers what is under way");
    call_say(a, "req 13 new");
    *origin = gate_accept();
    call_hears(*origin, "req 1 new", "a new connection counts anew");
    call_say(*origin, "res 1 0 new");
    call_hears(a, "res 13 0 new", "for the next call");
}


/* One that takes no more while the others are under way. */
static void
test_full(int origin, int a)
{
    char words[1024] = "";
    int  second;

    for (int i = 0; i < 40; i++) {
        (void) sprintf(words + strlen(words), "%sreq %d x", i > 0 ? "; " : "",
                       100 + i);
    }
    call_say(a, words);
    second = gate_accept();
    ok(second != -1, "more than `max_in_flight` need another connection");
    has(call_told(origin), "req 2 x; req 3 x; ", "32 go on the first");
    has(call_told(second),
        "req 1 x; req 2 x; req 3 x; req 4 x; req 5 x; req "
        "6 x; req 7 x; req 8 x",
        "8 on the second");
    (void) close(second);
    gate_turns(5);
    has(call_told(a), "res 139 16", "whose end is not that of the others");
    words[0] = '\0';
    for (int i = 0; i < 32; i++) {
        (void) sprintf(words + strlen(words), "%sres %d 0 y",
                       i > 0 ? "; " : "", 33 - i);
    }
    call_say(origin, words);
    has(call_told(a), "res 131 0 y; res 130 0 y; ", "all others are answered");
}


static void
test_broken(int *origin, int a)
{
    int     b = gate_client();
    uint8_t junk[64];

    memset(junk, 0x5a, sizeof(junk));
    call_send(b, junk, sizeof(junk));
    has(call_told(b), "(end)", "a client that speaks something else is left");
    (void) close(b);
    b = gate_client();
    (void) call_frame(junk, CALL_REQ, 1, 0, "", 0);
    (void) call_put(junk + 18, 1 << 20, 4);
    call_send(b, junk, 22);
    has(call_told(b), "res 1 ", "a frame that is too long is refused");
    (void) close(b);

    call_say(a, "req 50 x");
    (void) call_told(*origin);
    memset(junk, 0x5a, sizeof(junk));
    call_send(*origin, junk, sizeof(junk));
    has(call_told(*origin), "(", "a host that speaks something else, too");
    call_hears(a, "res 50 16", "and its call fails");
    (void) close(*origin);
    *origin = -1;
}


/* A half frame of a host holds up all that wait behind it. */
static void
test_half(int a)
{
    uint8_t bytes[512];
    size_t  n;
    int     origin;

    call_say(a, "req 60 x");
    origin = gate_accept();
    call_hears(origin, "req 1 x", "a call");
    n = call_bytes("res 1 0 half", bytes);
    call_send(origin, bytes, n - 1);
    call_awaits(a, "res 60 16", "half an answer is given up after a while");
    has(call_told(origin), "(", "with its connection");
    (void) close(origin);
}


int
main(void)
{
    int a, origin;

    calls_open("rpc = { max_frame_bytes = \"64k\"; };",
               "{ route = { cluster = \"c\"; }; }",
               "max_in_flight = 32; heartbeat_interval = \"300ms\"; "
               "heartbeat_timeout = \"60ms\"; heartbeat_misses = 2; "
               "frame_timeout = \"50ms\"; ");
    a = gate_client();
    call_say(a, "req 1 first");
    origin = gate_accept();
    call_hears(origin, "req 1 first", "the first call");
    call_say(origin, "res 1 0 hello");
    call_hears(a, "res 1 0 hello", "is answered");
    test_ids(origin, a);
    test_pieces(origin, a);
    test_gone(origin, a);
    test_lost(&origin, a);
    test_full(origin, a);
    test_broken(&origin, a);
    test_half(a);
    (void) close(a);
    gate_turns(3);
    gate_close();
    return done_testing();
}
