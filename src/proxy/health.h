/*
 * proxy/health.h - hosts are asked how they are, once for all workers: in the
 * control process.
 *
 * What is found lies in a cell of each host (proxy/host.h) that the workers
 * look at.  Checks go over the pool of the host, so that connections, TLS and
 * protocol are those of requests, and connections are kept between checks.
 */

#ifndef MOSN_PROXY_HEALTH_H
#define MOSN_PROXY_HEALTH_H

#include "proxy/cluster.h"

/* Asks the hosts of all clusters from now on; pools are started. */
void mosn_health_start(mosn_generation_t *generation, mosn_loop_t *loop);

/* Clusters or hosts are not as they were. */
void mosn_health_refresh(void);

void mosn_health_stop(void);

#endif
