/* tests/proxy/failure.c - what the log says of requests that fail. */

#include "hosts.h"
#include "os/file.h"
#include "proxy/failure.c"

#include <unistd.h>

static char path[] = "/tmp/mosn-test-XXXXXX";


/* How many lines of the log say so. */
static unsigned
lines(const char *part)
{
    size_t   n;
    char    *text = mosn_file_read(path, 1 << 20, &n);
    unsigned found = 0;

    for (char *at = text; (at = strstr(at, part)) != NULL; at++) {
        found++;
    }
    free(text);
    return found;
}


int
main(void)
{
    mosn_cluster_t   *c = hosts_cluster("hosts = ( { address = "
                                          "\"10.0.0.1:1\"; } );");
    mosn_conn_t       conn = { .id = 7 };
    mosn_proxy_conn_t pc = { .conn = &conn };
    mosn_request_t    r = { .pc = &pc, .loop = &hosts_loop, .id = 3 };

    (void) close(mkstemp(path));
    ok(mosn_log_open(path, MOSN_LOG_INFO) == 0, "a log");
    mosn_request_log_failure(&r, MOSN_REASON_NO_ROUTE);
    is_num(lines("[info]"), 1, "what a client does is for information");
    is_num(lines("conn 7 request 3, cluster \"-\", host -: "), 1,
           "without a cluster");

    r.cluster = c;
    r.host = c->hosts[0];
    for (unsigned i = 0; i < 25; i++) {
        mosn_request_log_failure(&r, MOSN_REASON_UPSTREAM_RESET);
    }
    is_num(lines("[warn]"), 10, "ten lines in a second");
    is_num(lines("cluster \"c1\", host 10.0.0.1:1: "), 10, "say of whom");
    is_num(lines("(upstream_reset)"), 10, "and why");
    mosn_request_log_failure(&r, MOSN_REASON_NO_ROUTE);
    is_num(lines("[info]"), 2, "those of clients are not counted among them");
    hosts_loop.now_ms += 1000;
    mosn_request_log_failure(&r, MOSN_REASON_UPSTREAM_RESET);
    is_num(lines("15 failures more in that second"), 1, "then how many more");
    is_num(lines("(upstream_reset)"), 11, "and on");
    hosts_loop.now_ms += 1000;
    mosn_request_log_failure(&r, MOSN_REASON_UPSTREAM_RESET);
    is_num(lines("more in that second"), 1, "none where there are none");
    (void) unlink(path);
    return done_testing();
}
