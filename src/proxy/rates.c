/* proxy/rates.c - what rates of failures say of hosts. */

#include "proxy/rates.h"

#include "core/metrics.h"
#include "proxy/request.h"

#define TICK_MS 100u

/* Of a cluster whose hosts are judged by their rates. */
typedef struct {
    mosn_list_t     link;
    mosn_cluster_t *cluster;
    uint64_t        last_ms;
} judge_t;

/* There is one control process. */
static struct {
    mosn_loop_t *loop;
    mosn_list_t  judges;
    mosn_timer_t tick;
} rates;


/* --- judging --------------------------------------------------------------
 */

/* Requests and errors of a host since it was looked at last; connections,
 * when nobody has requests for it. */
static void
judge_count(mosn_host_t *host, uint64_t *all_r, uint64_t *bad_r)
{
    uint64_t all = 0, bad = 0;
    uint32_t m = host->metrics;

    for (uint32_t i = 0; i < 5; i++) {
        all += mosn_metrics_read(m + MOSN_UPSTREAM_STATUS_1XX + i);
    }
    bad = mosn_metrics_read(m + MOSN_UPSTREAM_STATUS_5XX)
          + mosn_metrics_read(m + MOSN_UPSTREAM_RESETS)
          + mosn_metrics_read(m + MOSN_UPSTREAM_TIMEOUTS)
          + mosn_metrics_read(m + MOSN_UPSTREAM_CONNECT_FAILED)
          + mosn_metrics_read(m + MOSN_UPSTREAM_CONNECT_TIMEOUT);
    all += bad - mosn_metrics_read(m + MOSN_UPSTREAM_STATUS_5XX);
    if (mosn_metrics_read(m + MOSN_UPSTREAM_REQUESTS) == 0) {
        all = mosn_metrics_read(m + MOSN_UPSTREAM_CONNECTIONS);
    }
    *all_r =
        host->judged && all > host->judged_all ? all - host->judged_all : 0;
    *bad_r = host->judged ? bad - host->judged_bad : 0;
    host->judged = true;
    host->judged_all = all;
    host->judged_bad = bad;
}


/* What hosts did before they are judged counts for nothing. */
static void
judge_begin(mosn_cluster_t *c)
{
    uint64_t all, bad;

    for (uint32_t i = 0; i < c->n_hosts; i++) {
        if (!c->hosts[i]->judged) {
            judge_count(c->hosts[i], &all, &bad);
        }
    }
}


/* The square root, by Newton; there is no libm here. */
static double
judge_root(double x)
{
    double r = x > 1 ? x : 1;

    for (int i = 0; i < 40; i++) {
        r = (r + x / r) / 2;
    }
    return r;
}


typedef struct {
    uint64_t all;
    uint64_t bad;
    double   rate; /* of successes, per cent */
} judged_t;


static double
judge_threshold(const judged_t *judged, uint32_t n,
                const mosn_outlier_conf_t *conf)
{
    double   sum = 0, squares = 0, mean;
    uint32_t hosts = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (judged[i].all >= (uint64_t) conf->min_requests) {
            sum += judged[i].rate;
            hosts++;
        }
    }
    if (hosts < conf->min_hosts || hosts == 0) {
        return -1;
    }
    mean = sum / hosts;
    for (uint32_t i = 0; i < n; i++) {
        if (judged[i].all >= (uint64_t) conf->min_requests) {
            squares += (judged[i].rate - mean) * (judged[i].rate - mean);
        }
    }
    return mean - conf->success_rate_factor * judge_root(squares / hosts);
}


/* Those who were back for a whole interval are punished less the next time. */
static void
judge_forgive(mosn_host_t *host, const mosn_outlier_conf_t *conf,
              uint64_t now_ms)
{
    _Atomic uint64_t *times = mosn_host_cell(host, MOSN_HOST_CELL_EJECTIONS);

    if (atomic_load(mosn_host_cell(host, MOSN_HOST_CELL_EJECTED_UNTIL))
                + conf->interval_ms
            <= now_ms
        && atomic_load(times) > 0)
    {
        atomic_fetch_sub(times, 1);
    }
}


static void
judge_hosts(mosn_cluster_t *c, const mosn_outlier_conf_t *conf,
            uint64_t now_ms)
{
    judged_t *judged = mosn_calloc((c->n_hosts + 1) * sizeof(*judged));
    double    threshold = -1;
    char      why[96];

    for (uint32_t i = 0; i < c->n_hosts; i++) {
        judged_t *j = &judged[i];

        judge_count(c->hosts[i], &j->all, &j->bad);
        j->rate = j->all > 0
                      ? 100.0 - 100.0 * (double) j->bad / (double) j->all
                      : 100;
    }
    if (conf->success_rate_factor > 0) {
        threshold = judge_threshold(judged, c->n_hosts, conf);
    }
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        const judged_t *j = &judged[i];

        if (j->all < (uint64_t) conf->min_requests
            || c->hosts[i]->metrics == 0) {
            continue;
        }
        if (conf->failure_percent > 0
            && 100 - j->rate >= conf->failure_percent) {
            (void) snprintf(why, sizeof(why), "%.1f %% of its requests failed",
                            100 - j->rate);
            mosn_outlier_eject(c, c->hosts[i], now_ms, why);
        } else if (j->rate < threshold) {
            (void) snprintf(why, sizeof(why),
                            "its success rate is %.1f %%, below %.1f %%",
                            j->rate, threshold);
            mosn_outlier_eject(c, c->hosts[i], now_ms, why);
        }
    }
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        judge_forgive(c->hosts[i], conf, now_ms);
    }
    free(judged);
}


static void
rates_tick(mosn_timer_t *timer)
{
    uint64_t now = rates.loop->now_ms;

    for (mosn_list_t *l = rates.judges.next; l != &rates.judges; l = l->next) {
        judge_t                   *j = mosn_container_of(l, judge_t, link);
        const mosn_outlier_conf_t *conf = j->cluster->conf->outlier_detection;

        if (conf != NULL && now >= j->last_ms + conf->interval_ms) {
            j->last_ms = now;
            judge_hosts(j->cluster, conf, now);
        }
    }
    mosn_timer_arm(rates.loop, timer, TICK_MS);
}


/* --- whom -----------------------------------------------------------------
 */

static void
rates_add(mosn_cluster_t *cluster)
{
    judge_t *j;

    for (mosn_list_t *l = rates.judges.next; l != &rates.judges; l = l->next) {
        if (mosn_container_of(l, judge_t, link)->cluster == cluster) {
            return;
        }
    }
    j = mosn_calloc(sizeof(*j));
    j->cluster = cluster;
    j->last_ms = rates.loop->now_ms;
    mosn_list_append(&rates.judges, &j->link);
}


void
mosn_rates_watch(mosn_cluster_t *cluster)
{
    rates_add(cluster);
    judge_begin(cluster);
}


void
mosn_rates_start(mosn_loop_t *loop)
{
    rates.loop = loop;
    mosn_list_init(&rates.judges);
    mosn_timer_init(&rates.tick, rates_tick);
    mosn_timer_arm(loop, &rates.tick, TICK_MS);
}


void
mosn_rates_stop(void)
{
    mosn_timer_disarm(rates.loop, &rates.tick);
    while (!mosn_list_is_empty(&rates.judges)) {
        judge_t *j = mosn_container_of(rates.judges.next, judge_t, link);

        mosn_list_unlink(&j->link);
        free(j);
    }
}
