/*
 * proxy/original.h - the hosts of a cluster that sends connections on to
 * where they were going.
 *
 * A packet filter hands this mosn connections that were meant for others
 * (`redirect` of nftables, REDIRECT of iptables), and the kernel remembers
 * for whom.  Each such address is a host from its first request on until
 * nobody has used it for some seconds; each worker has its own, and they
 * share the counters of one, "original_dst".
 */

#ifndef MOSN_PROXY_ORIGINAL_H
#define MOSN_PROXY_ORIGINAL_H

#include "proxy/cluster.h"

/* For a cluster whose settings say so.  free: all leave, and who waits for
 * one asks the cluster again. */
mosn_originals_t *mosn_originals_create(mosn_cluster_t *cluster);
void              mosn_originals_free(mosn_originals_t *all);

/* Finds the slots of their counters. */
void mosn_originals_register(mosn_cluster_t *cluster);

/* The host that `client` was going to; NULL: nobody has redirected it, or
 * there are too many. */
mosn_host_t *mosn_original_pick(mosn_cluster_t *cluster, mosn_conn_t *client);

/* The same for an address that is known. */
mosn_host_t *mosn_original_find(mosn_cluster_t       *cluster,
                                const mosn_address_t *address);

/* Their idle connections close. */
void mosn_originals_close(mosn_cluster_t *cluster);

#endif
