/*
 * proxy/rates.h - hosts are judged by what became of their requests, once for
 * all workers: in the control process.
 *
 * Looks at the counters of hosts (`outlier_detection`: success rate, failure
 * percentage) and leaves out who fails too often.
 */

#ifndef MOSN_PROXY_RATES_H
#define MOSN_PROXY_RATES_H

#include "proxy/cluster.h"

void mosn_rates_start(mosn_loop_t *loop);
void mosn_rates_stop(void);

/* From now on; hosts that it has not seen before begin with nothing. */
void mosn_rates_watch(mosn_cluster_t *cluster);

#endif
