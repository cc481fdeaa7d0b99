/*
 * proxy/outlier.c - hosts that fail requests are left out for a while.
 *
 * Errors in a row are counted in shared memory, by all workers together, and
 * judged at once; rates are the control process's business (health.c).  An
 * answer that is fine costs a look at two words that are nearly always 0.
 */

#include "core/log.h"
#include "proxy/request.h"


static bool outlier_over;


void
mosn_outlier_end(void)
{
    outlier_over = true;
}


static uint32_t
outlier_count_ejected(const mosn_cluster_t *c, uint64_t now_ms)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n_hosts; i++) {
        n += atomic_load_explicit(
                 mosn_host_cell(c->hosts[i], MOSN_HOST_CELL_EJECTED_UNTIL),
                 memory_order_relaxed)
             > now_ms;
    }
    return n;
}


void
mosn_outlier_eject(mosn_cluster_t *c, mosn_host_t *host, uint64_t now_ms,
                   const char *why)
{
    const mosn_outlier_conf_t *conf = c->conf->outlier_detection;
    _Atomic uint64_t          *until =
        mosn_host_cell(host, MOSN_HOST_CELL_EJECTED_UNTIL);
    uint64_t was = atomic_load(until), times, ms;
    uint32_t ejected = outlier_count_ejected(c, now_ms);

    if (host->conf == NULL || was > now_ms /* it left, or is out already */
        || (ejected > 0
            && (ejected + 1) * 100 > conf->max_ejection_percent * c->n_hosts))
    {
        return;
    }
    times = atomic_load(mosn_host_cell(host, MOSN_HOST_CELL_EJECTIONS));
    ms = (uint64_t) conf->ejection_time_ms << (times > 16 ? 16 : times);
    if (ms > conf->max_ejection_time_ms) {
        ms = conf->max_ejection_time_ms;
    }
    if (!atomic_compare_exchange_strong(until, &was, now_ms + ms)) {
        return; /* another worker was faster */
    }
    atomic_fetch_add(mosn_host_cell(host, MOSN_HOST_CELL_EJECTIONS), 1);
    atomic_store(mosn_host_cell(host, MOSN_HOST_CELL_ERRORS), 0);
    atomic_store(mosn_host_cell(host, MOSN_HOST_CELL_LOCAL_ERRORS), 0);
    mosn_metric_inc(host->metrics + MOSN_UPSTREAM_EJECTIONS);
    mosn_metric_inc(c->metrics + MOSN_UPSTREAM_EJECTIONS);
    mosn_cluster_touch(c);
    mosn_log_warn(0, "cluster \"%.*s\": host %.*s is left out for %llu ms: %s",
                  MOSN_STR_ARG(c->name), MOSN_STR_ARG(host->name),
                  (unsigned long long) ms, why);
}


static void
outlier_clear(mosn_host_t *host, mosn_host_cell_e which)
{
    _Atomic uint64_t *cell = mosn_host_cell(host, which);

    if (MOSN_UNLIKELY(atomic_load_explicit(cell, memory_order_relaxed) != 0)) {
        atomic_store_explicit(cell, 0, memory_order_relaxed);
    }
}


static void
outlier_count(mosn_cluster_t *c, mosn_host_t *host, mosn_host_cell_e which,
              int64_t most, uint64_t now_ms, const char *what)
{
    char     why[64];
    uint64_t n;

    if (most == 0 || outlier_over || host->conf == NULL
        || atomic_load_explicit(
               mosn_host_cell(host, MOSN_HOST_CELL_EJECTED_UNTIL),
               memory_order_relaxed)
               > now_ms)
    {
        return;
    }
    n = atomic_fetch_add(mosn_host_cell(host, which), 1) + 1;
    if (n >= (uint64_t) most) {
        (void) snprintf(why, sizeof(why), "%llu %s in a row",
                        (unsigned long long) n, what);
        mosn_outlier_eject(c, host, now_ms, why);
    }
}


void
mosn_outlier_note(mosn_cluster_t *c, mosn_host_t *host, mosn_outcome_e outcome,
                  uint64_t now_ms)
{
    const mosn_outlier_conf_t *conf = c->conf->outlier_detection;

    if (MOSN_LIKELY(conf == NULL)) {
        return;
    }
    switch (outcome) {
    case MOSN_OUTCOME_ANSWER:
        outlier_clear(host, MOSN_HOST_CELL_ERRORS);
        outlier_clear(host, MOSN_HOST_CELL_LOCAL_ERRORS);
        break;
    case MOSN_OUTCOME_ERROR:
        outlier_clear(host, MOSN_HOST_CELL_LOCAL_ERRORS);
        outlier_count(c, host, MOSN_HOST_CELL_ERRORS, conf->consecutive_errors,
                      now_ms, "errors");
        break;
    case MOSN_OUTCOME_LOCAL_ERROR:
        outlier_count(c, host, MOSN_HOST_CELL_LOCAL_ERRORS,
                      conf->consecutive_local_errors, now_ms,
                      "requests without an answer");
        break;
    }
}
