/* tests/proxy/admit.c - upgrades, and names that a certificate is not for. */

#include "tap.h"
#include "proxy/request.h"

static mosn_str_t covered; /* what the certificate was asked for */


static bool
covers(const mosn_conn_t *conn, mosn_str_t host)
{
    (void) conn;
    covered = host;
    return mosn_str_equal(host, MOSN_STR("a.test"));
}

#define mosn_tls_covers covers
#include "proxy/admit.c"

static mosn_proxy_conf_t conf;
static mosn_conn_t       conn;
static mosn_proxy_conn_t pc = { .conf = &conf, .conn = &conn };
static mosn_message_t    head;
static mosn_request_t    request = { .conf = &conf, .pc = &pc, .head = &head };


static bool
upgrade(const char *to, bool only)
{
    head.upgrade = mosn_str(to);
    head.upgrade_only = only;
    return mosn_request_check(&request) == MOSN_REASON_NONE;
}


static bool
is_for_us(const char *authority)
{
    mosn_reason_e reason;

    covered = MOSN_STR("not asked");
    request.authority = mosn_str(authority);
    conn.tls = &conn; /* any will do */
    reason = mosn_request_check(&request);
    conn.tls = NULL;
    return reason != MOSN_REASON_MISDIRECTED;
}


static mosn_reason_e
sized(int64_t body)
{
    mosn_reason_e reason;

    head.content_length = body;
    reason = mosn_request_check(&request);
    head.content_length = 0;
    return reason;
}


int
main(void)
{
    mosn_str_t names[] = { MOSN_STR("websocket"), MOSN_STR("x") };

    ok(upgrade("websocket", false), "none is allowed: goes on as HTTP");
    is_str(head.upgrade, "", "without it");
    ok(!upgrade("websocket", true), "nothing is left of a bare one");
    conf.upgrades = (mosn_strs_t){ names, 2 };
    ok(upgrade("WebSocket", true), "one of the list, in any case");
    is_str(head.upgrade, "WebSocket", "stays as it came");
    ok(upgrade("h2c", false), "another one");
    is_str(head.upgrade, "", "is taken off");

    ok(is_for_us("b.test"), "nobody asks");
    is_str(covered, "not asked", "the certificate neither");
    conf.match_server_name = true;
    ok(is_for_us("a.test"), "its name");
    ok(is_for_us("a.test:443"), "with a port");
    ok(is_for_us("a.test.:443"), "and the root");
    is_str(covered, "a.test", "which are no parts of it");
    ok(!is_for_us("b.test:443"), "another name");
    ok(is_for_us(""), "no name at all");
    ok(is_for_us("[::1]:443"), "an address is no name");
    is_str(covered, "not asked", "of which no certificate speaks");

    conf.max_body_bytes = 10;
    is_num(sized(10), MOSN_REASON_NONE, "a body that may be");
    is_num(sized(11), MOSN_REASON_BODY_TOO_LARGE, "one that may not");
    conf.max_body_bytes = 0;
    is_num(sized(11), MOSN_REASON_NONE, "any is let in");
    head.method_id = MOSN_METHOD_CONNECT;
    is_num(mosn_request_check(&request), MOSN_REASON_METHOD_NOT_ALLOWED,
           "no tunnels");
    conf.allow_connect = true;
    is_num(mosn_request_check(&request), MOSN_REASON_NONE, "but where wanted");
    return done_testing();
}
