/*
 * host_edit.h - hosts as `mosnctl host` says that they are to be.
 *
 *   add|set|remove ADDRESS [weight=N] [priority=N] [state=S] [zone=Z] [NAME=V]
 *
 * Other names are metadata.
 */

#ifndef MOSN_HOST_EDIT_H
#define MOSN_HOST_EDIT_H

#include "proxy/host.h"

/* Edits a list of hosts, which lives in `pool`.  NULL: done; else what is
 * wrong, and the list is of no use. */
const char *mosn_hosts_edit(mosn_pool_t *pool, mosn_host_list_t *hosts,
                            mosn_str_t verb, mosn_str_t address,
                            mosn_str_t rest);

#endif
