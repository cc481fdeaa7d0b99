/* proxy/request_count.c - what requests leave in the metrics. */

#include "proxy/request.h"


void
mosn_request_count_end(const mosn_request_t *r)
{
    uint32_t metrics = r->pc->metrics;
    unsigned class = r->status / 100;
    uint64_t us = (r->loop->now_ns - r->started_ns) / 1000;

    mosn_listener_count_bytes(r->pc->conn);
    mosn_metric_dec(metrics + MOSN_LISTENER_REQUESTS_ACTIVE);
    if (class >= 1 && class <= 5) {
        mosn_metric_inc(metrics + MOSN_LISTENER_STATUS_1XX + class - 1);
    }
    mosn_metric_observe(metrics + MOSN_LISTENER_DURATION,
                        mosn_metrics_observation(us));
    if (r->reason != MOSN_REASON_NONE) {
        mosn_reason_count(r->reason);
    }
}
