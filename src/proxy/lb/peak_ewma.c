/*
 * proxy/lb/peak_ewma.c - of two hosts the one that will answer sooner.
 *
 * What a host costs is the moving average of its latency, which a slow answer
 * raises at once and which falls with time, times the requests that it has to
 * do, for its weight.  A host that nobody has asked yet costs nothing, so that
 * it is asked.  One is drawn by weight and another one beside it, which is
 * taken when it costs clearly less: hosts that are as good as each other are
 * taken as they weigh.
 */

#include "proxy/lb.h"

#define UNKNOWN_NS 1000000u /* taken for a host that has answered nothing */


static void
ewma_init(void *state, const mosn_host_set_t *set,
          const mosn_cluster_conf_t *conf MOSN_UNUSED,
          mosn_pool_t *pool               MOSN_UNUSED)
{
    mosn_lb_weigh(state, set);
}


static uint64_t
ewma_cost(const mosn_lb_weights_t *weights, const mosn_host_t *host,
          uint64_t now_ns)
{
    uint64_t latency = mosn_host_latency_ns(host, now_ns);

    if (latency == 0) {
        latency = host->n_active > 0 ? UNKNOWN_NS : 0;
    }
    return latency / 64
           * (16
              + (uint64_t) host->n_active * 16 * weights->heaviest
                    / host->weight);
}


static mosn_host_t *
ewma_pick(void *state, const mosn_host_set_t *set, const mosn_pick_t *how)
{
    mosn_host_t *a,
        *b = mosn_lb_draw_second(set, how, mosn_lb_draw(state, set), &a);
    uint64_t cost;

    if (b == NULL) {
        return a;
    }
    cost = ewma_cost(state, a, how->now_ns);
    return ewma_cost(state, b, how->now_ns) < cost - cost / 4 ? b : a;
}


static const mosn_lb_ops_t peak_ewma = {
    .state_size = sizeof(mosn_lb_weights_t),
    .init = ewma_init,
    .pick = ewma_pick,
    .by_latency = true,
};

MOSN_MODULE(MOSN_LB, peak_ewma, &peak_ewma);
