/* tests/proxy/retry.c - which ends are worth another attempt, and what they
 * may cost. */

#include "hosts.h"
#include "cases.h"
#include "proto/rpc.h"
#include "proxy/retry.c"

static mosn_pool_t *pool;


static mosn_retry_conf_t *
build(const char *text, const char *mistake)
{
    mosn_conf_t       *reader = mosn_conf_create(pool);
    mosn_retry_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

    if (mosn_conf_read_text(reader, "text", text, &mosn_retry_block, conf)
        == MOSN_OK)
    {
        mosn_retry_build(reader, pool, conf);
    }
    if (mistake != NULL || mosn_conf_n_errors(reader) > 0) {
        const char *is = mosn_conf_n_errors(reader) > 0
                             ? mosn_conf_error_text(reader, 0)
                             : "";

        if (!ok(mistake != NULL && strstr(is, mistake) != NULL, "%s", text)) {
            printf("# %s\n", is);
        }
    }
    mosn_conf_destroy(&reader);
    return conf;
}


static mosn_reason_e
reason(const char *name)
{
    for (unsigned i = 0; i < MOSN_REASON_COUNT; i++) {
        if (mosn_str_equal(mosn_reasons[i].name, mosn_str(name))) {
            return (mosn_reason_e) i;
        }
    }
    MOSN_BUG_ON(true);
    return MOSN_REASON_NONE;
}


static bool
decide(const mosn_retry_conf_t *conf, char *what)
{
    char           *kind = strsep(&what, " "), *value = strsep(&what, " ");
    mosn_message_t *m = mosn_pool_calloc(pool, sizeof(*m));
    mosn_rpc_t      rpc = { .decoded = true };

    if (strcmp(kind, "end") == 0) {
        return mosn_retry_wants_end(conf, reason(value));
    }
    mosn_message_init(m, pool);
    m->status = (unsigned) strtoul(value, NULL, 10);
    if (strcmp(kind, "rpc") == 0) {
        rpc.frame.status = (uint16_t) m->status;
        m->status = (unsigned) strtoul(what, NULL, 10);
        m->rpc = &rpc;
    } else if (what != NULL) {
        (void) strsep(&what, " ");
        mosn_headers_add(&m->headers, MOSN_HEADER_GRPC_STATUS,
                         MOSN_STR("grpc-status"), mosn_str(what));
    }
    return mosn_retry_wants_answer(conf, m);
}


static void
run(case_t *c)
{
    mosn_retry_conf_t *conf = build(c->conf, NULL);
    char              *what = mosn_pool_strdup(pool, c->text);
    char               is[32];

    if (strncmp(what, "after ", 6) == 0) {
        mosn_message_t *m = mosn_pool_calloc(pool, sizeof(*m));
        int64_t         ms;

        mosn_message_init(m, pool);
        mosn_headers_add(&m->headers, MOSN_HEADER_OTHER,
                         MOSN_STR("Retry-After"), mosn_str(what + 6));
        ms = mosn_retry_delay_ms(conf, 2, m);
        (void) snprintf(is, sizeof(is), ms < 0 ? "no" : "%lld",
                        (long long) ms);
    } else {
        (void) snprintf(is, sizeof(is), "%s",
                        decide(conf, what) ? "yes" : "no");
    }
    if (!ok(strcmp(is, c->expected) == 0, "%u: %s | %s", c->line, c->conf,
            c->text))
    {
        printf("# is %s, expected %s\n", is, c->expected);
    }
}


static void
delays(void)
{
    mosn_retry_conf_t *conf = build(
        "on = [\"5xx\"]; backoff = \"20ms\"; max_backoff = \"100ms\";", NULL);
    int64_t most[6] = { 0 };

    for (unsigned attempt = 2; attempt < 6; attempt++) {
        for (int i = 0; i < 2000; i++) {
            int64_t ms = mosn_retry_delay_ms(conf, attempt, NULL);

            most[attempt] = ms > most[attempt] ? ms : most[attempt];
        }
    }
    ok(most[2] > 15 && most[2] <= 20, "up to the back-off");
    ok(most[3] > 30 && most[3] <= 40, "then twice that");
    ok(most[5] > 80 && most[5] <= 100, "and never over the maximum");
}


/* A date is a delay, too. */
static void
dates(void)
{
    mosn_retry_conf_t *conf = build(
        "on = [\"5xx\"]; max_retry_after = \"60s\"; backoff = \"0ms\";", NULL);
    mosn_message_t *m = mosn_pool_calloc(pool, sizeof(*m));
    time_t          at = time(NULL) + 30;
    struct tm       tm;
    char            text[64];
    int64_t         ms;

    (void) gmtime_r(&at, &tm);
    (void) strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    mosn_message_init(m, pool);
    mosn_headers_add(&m->headers, MOSN_HEADER_OTHER, MOSN_STR("retry-after"),
                     mosn_str(text));
    ms = mosn_retry_delay_ms(conf, 2, m);
    ok(ms >= 28000 && ms <= 30000, "%s", text);
    mosn_headers_set(&m->headers, MOSN_HEADER_OTHER, MOSN_STR("retry-after"),
                     MOSN_STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    is_num(mosn_retry_delay_ms(conf, 2, m), 0, "a date that is over");
    mosn_headers_set(&m->headers, MOSN_HEADER_OTHER, MOSN_STR("retry-after"),
                     MOSN_STR("soon"));
    is_num(mosn_retry_delay_ms(conf, 2, m), 0, "what is no date: back off");
}


/* All requests fail: how many are sent again? */
static void
budget(void)
{
    mosn_cluster_t *c = hosts_cluster("hosts = ( { address = \"10.0.0.1:1\"; "
                                      "} );");
    unsigned        again = 0, burst = 0, idle = 0;
    uint64_t        now = 1000000;

    for (unsigned i = 0; i < 100000; i++, now += i % 2) { /* 2,000 a second */
        mosn_retry_earn(c, now);
        again += mosn_retry_spend(c, now, false);
    }
    ok(again > 19000 && again < 20500, "of 100,000 %u are sent again", again);

    for (unsigned i = 0; i < 20000; i++, now += i % 2) {
        mosn_retry_earn(c, now);
    }
    for (unsigned i = 0; i < 10000; i++) {
        burst += mosn_retry_spend(c, now, false);
    }
    ok(burst > 3000 && burst < 4400,
       "after ten quiet seconds %u at once: ten seconds' worth", burst);
    now += 100000;
    for (unsigned i = 0; i < 1000; i++) {
        idle += mosn_retry_spend(c, now, false);
    }
    ok(idle <= 40, "what nobody asked for lately is not kept: %u", idle);
    hosts_end();

    c = hosts_cluster("retry_budget = { percent = 0.0; min_per_second = 0; }; "
                      "hosts = ( { address = \"10.0.0.1:1\"; } );");
    mosn_retry_earn(c, now);
    ok(!mosn_retry_spend(c, now, false), "a budget of nothing");
    hosts_end();
    c = hosts_cluster("circuit_breaker = { max_retries = 2; }; "
                      "circuit_breaker_high = { max_retries = 3; }; hosts = ( "
                      "{ address = \"10.0.0.1:1\"; } );");
    mosn_metric_add(c->metrics + MOSN_UPSTREAM_RETRIES_ACTIVE, 2);
    ok(!mosn_retry_spend(c, now, false), "as many as may are under way");
    ok(mosn_retry_spend(c, now, true), "a high priority has another limit");
    mosn_metric_add(c->metrics + MOSN_UPSTREAM_RETRIES_ACTIVE, (uint64_t) -2);
    hosts_end();
}


int
main(void)
{
    unsigned n;

    pool = mosn_pool_create(MOSN_POOL_CONF);
    n = cases_run("tests/cases/retry.txt", pool, run);
    ok(n > 90, "%u cases", n);
    delays();
    dates();
    budget();
    (void) build("attempts = 3;", "never retries");
    (void) build("on = [\"sometimes\"];", "found \"sometimes\"");
    (void) build("statuses = [\"abc\"];", "expected a status");
    (void) build("statuses = [\"700\"];", "expected a status");
    (void) build("statuses = [\"503-500\"];", "expected a status");
    (void) build("grpc_statuses = [\"ok\"];", "expected a status");
    (void) build("grpc_statuses = [\"17\"];", "expected a status");
    (void) build("rpc_statuses = [\"x\"];", "expected a number");
    (void) build("on = [\"5xx\"]; attempts = 11;", "attempts");
    mosn_pool_destroy(&pool);
    return hosts_done();
}
