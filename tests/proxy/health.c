/* tests/proxy/health.c - answers to checks, and what is made of them. */

#include "gate.h"
#include "proxy/health.c"

#define OK_200  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BAD_500 "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


static mosn_host_t *
the_host(void)
{
    return ((mosn_cluster_t *) mosn_map_find(&gate_generation->clusters,
                                             MOSN_STR("c")))
        ->hosts[0];
}


static bool
is_now(mosn_health_e health_expected)
{
    return atomic_load(mosn_host_cell(the_host(), MOSN_HOST_CELL_HEALTH))
           == (uint64_t) health_expected;
}


/* The next check on this connection. */
static const char *
next_check(int origin)
{
    return gate_await(origin);
}


static void
test_http(void)
{
    int origin = -1;

    ok(is_now(MOSN_HEALTH_UNKNOWN), "nothing is known at first");
    for (int i = 0; i < 400 && origin == -1; i++) {
        mosn_loop_turn(&gate_loop, 5);
        origin = gate_accept();
    }
    has(next_check(origin), "HEAD /up HTTP/1.1\r\nHost: me\r\n", "a check");
    gate_say(origin, OK_200);
    ok(is_now(MOSN_HEALTH_GOOD), "the first answer counts at once");

    has(next_check(origin), "HEAD /up", "the connection is kept");
    gate_say(origin, BAD_500);
    ok(is_now(MOSN_HEALTH_GOOD), "a bad one is not enough");
    (void) next_check(origin);
    gate_say(origin, OK_200);
    (void) next_check(origin);
    gate_say(origin, BAD_500);
    ok(is_now(MOSN_HEALTH_GOOD), "two that are not in a row neither");
    (void) next_check(origin);
    gate_say(origin, BAD_500);
    ok(is_now(MOSN_HEALTH_BAD), "two in a row are");
    (void) next_check(origin);
    gate_say(origin, "HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n");
    (void) next_check(origin);
    gate_say(origin, OK_200);
    ok(is_now(MOSN_HEALTH_BAD), "two good ones are not enough");
    (void) next_check(origin);
    gate_say(origin, OK_200);
    ok(is_now(MOSN_HEALTH_GOOD), "three are; 401 is one of them");

    (void) next_check(origin);
    has(gate_await(origin), "(end)", "no answer in time ends the connection");
    (void) close(origin);
    origin = -1;
    for (int i = 0; i < 400 && origin == -1; i++) {
        mosn_loop_turn(&gate_loop, 5);
        origin = gate_accept();
    }
    (void) next_check(origin);
    (void) close(origin);
    gate_turns(5);
    ok(is_now(MOSN_HEALTH_BAD), "and counts, as one that broke does");
    is_num((long long) mosn_metrics_read(the_host()->metrics
                                         + MOSN_UPSTREAM_CHECKS_FAILED),
           5, "failures are counted");
    is_num((long long) mosn_metrics_read(the_host()->metrics
                                         + MOSN_UPSTREAM_CHECKS),
           5, "and what was well");
}


static void
test_answers(void)
{
    mosn_str_t ranges[] = { MOSN_STR("200-299"), MOSN_STR("401") };
    const mosn_health_conf_t any = { 0 };
    const mosn_health_conf_t some = { .statuses = { ranges, 2 } };
    checker_t                c = { .grpc_well = true, .n_got = 7 };

    ok(check_is_expected(&any, 204) && !check_is_expected(&any, 301),
       "2xx is well");
    ok(check_is_expected(&some, 299) && check_is_expected(&some, 401)
           && !check_is_expected(&some, 300),
       "or what the settings say");
    memcpy(c.got, "\0\0\0\0\2\x08\1", 7);
    ok(check_grpc_serves(&c), "grpc: serving");
    c.got[6] = 2;
    ok(!check_grpc_serves(&c), "not serving");
    c.got[6] = 1;
    c.grpc_well = false;
    ok(!check_grpc_serves(&c), "a call that failed");
    c.grpc_well = true;
    c.n_got = 5;
    ok(!check_grpc_serves(&c), "an empty message: unknown");
}


int
main(void)
{
    gate_open("{ type = \"proxy\"; routes = \"main\"; }",
              "{ route = { cluster = \"c\"; }; }",
              "health_check = { interval = \"20ms\"; timeout = \"150ms\"; "
              "path = \"/up\"; host = \"me\"; method = \"HEAD\"; healthy = 3; "
              "unhealthy = 2; statuses = [\"200-299\", \"401\"]; };");
    mosn_health_start(gate_generation, &gate_loop);
    test_http();
    test_answers();
    mosn_health_stop();
    gate_close();
    return done_testing();
}
