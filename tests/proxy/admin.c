/* tests/proxy/admin.c - the page for operators. */

#include "gate.h"
#include "proxy/admin.c"

static bool ready;


static bool
is_ready(void)
{
    return ready;
}


static const char *
ask(const char *request)
{
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };
    static mosn_admin_t      page = { .block = &mosn_settings_block,
                                      .sets = mosn_metric_sets,
                                      .is_ready = is_ready };
    int                      fds[2];
    mosn_conn_t             *conn;
    const char              *answer;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1) {
        abort();
    }
    page.settings = gate_settings;
    conn = mosn_conn_create(&gate_loop, fds[0], &nobody);
    (void) mosn_admin_filter.on_open(
        mosn_conn_add_filter(conn, &mosn_admin_filter, &page, NULL), conn);
    gate_say(fds[1], request);
    answer = gate_hear(fds[1]);
    (void) close(fds[1]);
    gate_turns(3);
    return answer;
}


int
main(void)
{
    gate_open("{ type = \"proxy\"; routes = \"main\"; }", "{ respond = { }; }",
              "");

    has(ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ",
        "alive");
    has(ask("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 503 ",
        "not ready");
    ready = true;
    has(ask("GET /ready HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 200 ",
        "ready");
    has(ask("GET /config HTTP/1.1\r\nHost: a\r\n\r\n"), "name = \"main\"",
        "the configuration");
    has(ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), "# EOF",
        "OpenMetrics");
    has(ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404 ",
        "no such page");
    has(ask("POST /stats HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 405 ",
        "nothing to post");

    gate_close();
    return done_testing();
}
