/* tests/proxy/outlier.c - who is left out, for how long, and how many. */

#include "hosts.h"

#include "core/log.h"
#include "proxy/outlier.c"

#define NOW hosts_loop.now_ms


static bool
is_out(mosn_cluster_t *c, unsigned i)
{
    const char *why = mosn_host_why_not(c->hosts[i], NOW);

    return why != NULL && strcmp(why, "ejected") == 0;
}


static void
note(mosn_cluster_t *c, unsigned i, unsigned times, mosn_outcome_e outcome)
{
    while (times-- > 0) {
        mosn_outlier_note(c, c->hosts[i], outcome, NOW);
    }
}


static mosn_cluster_t *
cluster(const char *settings, unsigned n)
{
    char text[2000], hosts[1000];

    (void) snprintf(text, sizeof(text), "outlier_detection = { %s }; %s",
                    settings, hosts_equal(hosts, sizeof(hosts), n));
    return hosts_cluster(text);
}


static void
check_rows(void)
{
    mosn_cluster_t *c = cluster("consecutive_errors = 3; "
                                "consecutive_local_errors = 2;",
                                4);

    note(c, 0, 2, MOSN_OUTCOME_ERROR);
    ok(!is_out(c, 0), "two errors are too few");
    note(c, 0, 1, MOSN_OUTCOME_ANSWER);
    note(c, 0, 2, MOSN_OUTCOME_ERROR);
    ok(!is_out(c, 0), "an answer begins the row anew");
    note(c, 0, 1, MOSN_OUTCOME_ERROR);
    ok(is_out(c, 0), "three are enough");
    note(c, 1, 1, MOSN_OUTCOME_LOCAL_ERROR);
    note(c, 1, 1, MOSN_OUTCOME_ERROR);
    note(c, 1, 1, MOSN_OUTCOME_LOCAL_ERROR);
    ok(!is_out(c, 1), "an error is a sign of life");
    note(c, 1, 1, MOSN_OUTCOME_LOCAL_ERROR);
    ok(is_out(c, 1), "two without an answer in a row");
    hosts_end();

    c = cluster("consecutive_errors = 0; consecutive_local_errors = 0;", 2);
    note(c, 0, 100, MOSN_OUTCOME_ERROR);
    note(c, 0, 100, MOSN_OUTCOME_LOCAL_ERROR);
    ok(!is_out(c, 0), "0: rows do not matter");
    hosts_end();
}


static void
check_time(void)
{
    mosn_cluster_t *c = cluster("consecutive_errors = 1; ejection_time = "
                                "\"1s\"; max_ejection_time = \"3s\";",
                                2);

    static const unsigned ms[] = { 1000, 2000, 3000, 3000 };

    for (size_t i = 0; i < MOSN_COUNT(ms); i++) {
        note(c, 0, 1, MOSN_OUTCOME_ERROR);
        NOW += ms[i] - 1;
        ok(is_out(c, 0), "left out for %u ms", ms[i]);
        NOW += 1;
        ok(!is_out(c, 0), "and not longer");
    }
    hosts_end();
}


static void
check_share(void)
{
    mosn_cluster_t *c = cluster("consecutive_errors = 1; max_ejection_percent "
                                "= 50.0;",
                                5);
    unsigned        out = 0;

    for (unsigned i = 0; i < 5; i++) {
        note(c, i, 1, MOSN_OUTCOME_ERROR);
    }
    for (unsigned i = 0; i < 5; i++) {
        out += is_out(c, i);
    }
    is_num(out, 2, "half of five are two");
    hosts_end();

    c = cluster("consecutive_errors = 1; max_ejection_percent = 0.0;", 3);
    note(c, 0, 1, MOSN_OUTCOME_ERROR);
    note(c, 1, 1, MOSN_OUTCOME_ERROR);
    ok(is_out(c, 0) && !is_out(c, 1), "one always may be");
    hosts_end();
}


int
main(void)
{
    mosn_cluster_t *c;

    (void) mosn_log_open("/dev/null", MOSN_LOG_ERR);
    check_rows();
    check_time();
    check_share();
    c = hosts_cluster("hosts = ( { address = \"10.0.0.1:1\"; } );");
    note(c, 0, 100, MOSN_OUTCOME_ERROR);
    ok(!is_out(c, 0), "without settings nobody is");
    hosts_end();
    return hosts_done();
}
