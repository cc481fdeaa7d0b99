/*
 * proxy/dns.h - clusters whose hosts have names: resolved by the control
 * process (c-ares), and asked again when their time is over.
 *
 *   strict_dns    every address of a name is a host
 *   logical_dns   the first address is the host, as long as it is told
 *
 * A name that begins with "_" and has no port is asked for SRV records (RFC
 * 2782): their targets, ports, weights, and the order of their priorities.
 * When an answer does not come, the last one stays in force, over reloads and
 * upgrades, too.
 */

#ifndef MOSN_PROXY_DNS_H
#define MOSN_PROXY_DNS_H

#include "proxy/cluster.h"

typedef struct {
    mosn_strs_t servers; /* "ip" or "ip:port"; none: the system's */
    uint32_t    timeout_ms;
    uint32_t    min_ttl_ms;
    uint32_t    max_ttl_ms;
    uint32_t    retry_ms;
} mosn_dns_conf_t;

extern const mosn_conf_block_t mosn_dns_block;

/* Resolves from now on.  `found` gets the hosts of a cluster when they are
 * not what they were: text for `hosts`. */
mosn_rc_e mosn_dns_start(mosn_generation_t *generation, mosn_loop_t *loop,
                         const mosn_dns_conf_t *conf,
                         void (*found)(const mosn_cluster_t *cluster,
                                       const char           *hosts));

/* Clusters are not as they were.  ERROR: the first of them with names cannot
 * be resolved here, which is logged. */
mosn_rc_e mosn_dns_refresh(void);

/* What was found of it last is not in force: it is told again. */
void mosn_dns_untaken(const mosn_cluster_t *cluster);

void mosn_dns_stop(void);

#endif
