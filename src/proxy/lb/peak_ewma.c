/*
 * proxy/lb/peak_ewma.c - of two hosts the one that will answer sooner.
 *
 * What a host costs is the moving average of its latency, which a slow answer
 * raises at once and which falls with time, times the requests that it has to
 * do.  A host that nobody has asked yet costs nothing, so that it is asked.
 */

#include "proxy/lb.h"

#define UNKNOWN_NS 1000000u /* taken for a host that has answered nothing */


static uint64_t
ewma_cost(const mosn_host_t *host, uint64_t now_ns)
{
    uint64_t latency = mosn_host_latency_ns(host, now_ns);

    if (latency == 0) {
        latency = host->n_active > 0 ? UNKNOWN_NS : 0;
    }
    return latency / 64 * (host->n_active + 1) * 100 / host->weight;
}


static mosn_host_t *
ewma_pick(void *state MOSN_UNUSED, const mosn_host_set_t *set,
          const mosn_pick_t *how)
{
    mosn_host_t *a,
        *b = mosn_lb_draw_second(set, how, mosn_rand_below(set->n), &a);

    return b != NULL && ewma_cost(b, how->now_ns) < ewma_cost(a, how->now_ns)
               ? b
               : a;
}


static const mosn_lb_ops_t peak_ewma = {
    .pick = ewma_pick,
    .by_latency = true,
};

MOSN_MODULE(MOSN_LB, peak_ewma, &peak_ewma);
