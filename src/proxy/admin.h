/*
 * proxy/admin.h - the page for operators and scrapers.
 *
 *   /stats     counters for people      /metrics  OpenMetrics
 *   /config    the configuration in force, defaults and all
 *   /healthz   200: this process lives  /ready    200: all workers serve
 *
 * Runs in the control process, so that a scrape never delays a request.
 * Read-only.
 */

#ifndef MOSN_PROXY_ADMIN_H
#define MOSN_PROXY_ADMIN_H

#include "event/net_filter.h"
#include "core/metrics.h"

/* What the page shows; the `conf` of mosn_admin_filter. */
typedef struct {
    const mosn_conf_block_t        *block; /* the settings' */
    const void                     *settings;
    const mosn_metric_set_t *const *sets;
    bool (*is_ready)(void);
} mosn_admin_t;

extern const mosn_net_filter_ops_t mosn_admin_filter;

#endif
