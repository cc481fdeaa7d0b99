/*
 * proxy/admin.h - the page for operators and scrapers.
 *
 *   /stats     counters for people      /metrics  OpenMetrics
 *   /config    the configuration in force, defaults and all
 *   /clusters  clusters and hosts, with their health
 *   /healthz   200: this process lives  /ready    200: all workers serve
 *
 * Runs in the control process, so that a scrape never delays a request.
 * Changes go to the master, where they are allowed.
 */

#ifndef MOSN_PROXY_ADMIN_H
#define MOSN_PROXY_ADMIN_H

#include "event/net_filter.h"
#include "core/generation.h"
#include "core/metrics.h"

/* What the page shows; the `conf` of mosn_admin_filter. */
typedef struct {
    const mosn_conf_block_t        *block; /* the settings' */
    const void                     *settings;
    const mosn_metric_set_t *const *sets;
    bool (*is_ready)(void);
    mosn_generation_t *generation;
    /* Does what a line for mosnctl says (command.h); `done` is called once,
     * perhaps later, with the answer.  NULL: nothing may be changed here. */
    void (*change)(void *owner, const char *line,
                   void (*done)(void *request, bool well, const char *text),
                   void *request);
    void *owner;
    /* Makes the settings tell how things are by now; in `pool`. */
    const void *(*refresh)(const void *settings, mosn_pool_t *pool);
} mosn_admin_t;

extern const mosn_net_filter_ops_t mosn_admin_filter;

#endif
