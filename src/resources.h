/*
 * resources.h - clusters, hosts, route tables and filters of listeners that
 * change at run time.
 *
 * A resource is libconfig text, as an operator writes it.  The master takes a
 * change first, for itself and for the processes that it will start; then it
 * gives the text to each of the others, which take it between two turns of
 * their loops.  Changes have numbers: what a process runs is on the board.
 */

#ifndef MOSN_RESOURCES_H
#define MOSN_RESOURCES_H

#include "settings.h"

#define MOSN_MAX_CLUSTERS 65536u /* beyond those of the configuration */
#define MOSN_RESOURCE_MAX (64u << 20)

typedef enum {
    MOSN_RESOURCE_HOSTS,   /* the `hosts` of a cluster */
    MOSN_RESOURCE_CLUSTER, /* all of it; made when it is not there */
    MOSN_RESOURCE_ROUTES,  /* a route table */
    MOSN_RESOURCE_REMOVE,  /* a cluster that no route names */
    MOSN_RESOURCE_FILTERS, /* of a listener */
    MOSN_RESOURCE_NAMES,   /* hosts that some names of a cluster have become */
    MOSN_RESOURCE_KINDS
} mosn_resource_e;

/* One change, in a memfd that all processes read: its kind, the name of the
 * resource, the text, and the files that were read for it
 * (mosn_tls_files_keep).  open: -1 and errno, when there is nothing to write
 * it to; asked before a change is made.  pack: false is logged. */
int  mosn_resource_open(void);
bool mosn_resource_pack(int fd, mosn_resource_e kind, mosn_str_t name,
                        const char *text);

/* Makes the change to a generation.  NULL: done; else what is wrong, to be
 * freed, and nothing has changed. */
char *mosn_resource_apply(mosn_generation_t *generation, mosn_resource_e kind,
                          mosn_str_t name, const char *text);

/* Could it be made?  Of a cluster, a route table or filters. */
char *mosn_resource_check(mosn_generation_t *generation, mosn_resource_e kind,
                          mosn_str_t name, const char *text);

/* The same with what is in the memfd, which is closed.  `must`: what is wrong
 * is logged; else it is what names have become since this generation serves
 * no more, which may have had other names.  False: it was not done. */
bool mosn_resource_take(mosn_generation_t *generation, int fd, bool must);

/* Makes a copy of the settings tell how things are by now; the lists live in
 * `pool`, and are good until the next change. */
void mosn_resources_refresh(mosn_settings_t         *settings,
                            const mosn_generation_t *generation,
                            mosn_pool_t             *pool);

/* Puts what was read from a `body_file` (`loaded`) in its place, so that no
 * file is needed. */
void mosn_resource_embed(mosn_route_conf_t *route, mosn_pool_t *pool);

/* The same in a refreshed copy, everywhere. */
void mosn_resources_embed(mosn_settings_t *settings, mosn_pool_t *pool);

/* Does a route or a filter of these settings name that cluster? */
bool mosn_resources_name(const mosn_resources_conf_t *all, mosn_str_t cluster);

/* The hosts of a cluster; list: those with names as they are written, copy: as
 * what they have become. */
void mosn_resource_copy_hosts(const mosn_cluster_t *cluster, mosn_pool_t *pool,
                              mosn_hosts_conf_t *hosts_r);
void mosn_resource_list_hosts(const mosn_cluster_t *cluster, mosn_pool_t *pool,
                              mosn_hosts_conf_t *hosts_r);

/* `all` gets this in place of what it has of that name; NULL: nothing.  Of
 * chains it gets those that are in `filters`, and keeps those that the
 * listener still has.  There is room: for so many more of each kind. */
void mosn_resources_make_room(mosn_resources_conf_t *all, size_t n,
                              mosn_pool_t *pool);
void mosn_resources_keep_cluster(mosn_resources_conf_t *all, mosn_str_t name,
                                 const mosn_cluster_conf_t *cluster);
void mosn_resources_keep_routes(mosn_resources_conf_t *all, mosn_str_t name,
                                const mosn_route_table_conf_t *table);
void mosn_resources_keep_filters(mosn_resources_conf_t         *all,
                                 const mosn_settings_t         *now,
                                 const mosn_listener_filters_t *filters,
                                 mosn_pool_t                   *pool);

#endif
