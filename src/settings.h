/*
 * settings.h - the whole configuration, from the file to what runs.
 *
 * Loading is the same for `mosn -t`, for the master and for a child that
 * tries a new file: read, check, build.  Nothing outside the generation
 * changes; logs, sockets and shared memory are the caller's.
 */

#ifndef MOSN_SETTINGS_H
#define MOSN_SETTINGS_H

#include "core/generation.h"
#include "core/log.h"
#include "event/listener.h"
#include "proxy/dns.h"
#include "proxy/router.h"

typedef struct {
    mosn_str_t path;
    int        level;
} mosn_error_log_conf_t;

typedef struct {
    mosn_address_t address;
    bool           allow_changes;
} mosn_admin_conf_t;

/* A request and what is to become of it. */
typedef struct {
    mosn_str_t        name;
    mosn_str_t        listener;
    mosn_str_t        request; /* "GET http://shop.example/x" */
    mosn_str_t        call;    /* or "SERVICE METHOD [VERSION [GROUP]]" */
    mosn_conf_pairs_t headers;
    mosn_str_t        source;
    mosn_str_t        server_name;
    mosn_strs_t       application_protocols;
    mosn_str_t        route;
    mosn_str_t        cluster;
    mosn_str_t        path;
    mosn_str_t        host;
    mosn_str_t        location;
    int64_t           status; /* 0: does not matter */
} mosn_test_conf_t;

typedef struct {
    mosn_strs_t           modules;
    int64_t               workers; /* -1: one per processor */
    int64_t               worker_connections;
    mosn_str_t            user;
    mosn_str_t            zone;
    mosn_str_t            pid_file;
    mosn_str_t            control_socket;
    mosn_str_t            runtime_file;
    mosn_error_log_conf_t error_log;
    uint32_t              drain_timeout_ms;
    uint32_t              hang_timeout_ms;
    uint32_t              certificate_check_interval_ms;
    uint32_t              start_timeout_ms;
    mosn_admin_conf_t    *admin;
    mosn_dns_conf_t       dns;
    MOSN_CONF_LIST(mosn_listener_conf_t) listeners;
    MOSN_CONF_LIST(mosn_route_table_conf_t) routes;
    MOSN_CONF_LIST(mosn_cluster_conf_t) clusters;
    MOSN_CONF_LIST(mosn_test_conf_t) tests;

    mosn_strs_t own; /* of the clusters, those of the configuration itself; the
                        others are of the `runtime_file` */
} mosn_settings_t;

extern const mosn_conf_block_t mosn_settings_block;

/* What changes at run time: of a file for `mosnctl apply`, and of the
 * `runtime_file`. */
typedef struct {
    MOSN_CONF_LIST(mosn_route_table_conf_t) routes;
    MOSN_CONF_LIST(mosn_cluster_conf_t) clusters;
    MOSN_CONF_LIST(mosn_listener_filters_t) listeners;
} mosn_resources_conf_t;

extern const mosn_conf_block_t mosn_resources_block;

/* Has filters of a listener find what their settings name. */
void mosn_settings_build_filters(mosn_conf_t               *reader,
                                 mosn_generation_t         *generation,
                                 mosn_str_t                 listener,
                                 const mosn_conf_modules_t *filters);

/* What is in the `runtime_file`; empty when there is none, NULL: it cannot be
 * read. */
mosn_resources_conf_t *mosn_settings_read_runtime(mosn_pool_t *pool,
                                                  const char  *path);

/* A generation with its settings, or NULL: the errors are in `errors`, one
 * line each, malloc'ed; the caller frees it. */
mosn_generation_t *mosn_settings_load(const char *path, uint32_t number,
                                      mosn_settings_t **settings_r,
                                      char            **errors_r);

/* The same from text (what `mosn -T` prints); its mistakes say
 * "<name>:LINE". */
mosn_generation_t *mosn_settings_load_text(const char *name, const char *text,
                                           uint32_t          number,
                                           mosn_settings_t **settings_r,
                                           char            **errors_r);

/* Would the configuration at `path` be good with that as its runtime_file?
 * NULL: yes; else its mistakes, to be freed.  Waits for a child that looks. */
char *mosn_settings_try_runtime(const char *path, const char *runtime);

/* Finds the slots of all counters; after the shared memory is there. */
void mosn_settings_register_metrics(mosn_generation_t *generation,
                                    mosn_settings_t   *settings);

/* All sets that are printed, NULL-ended. */
extern const mosn_metric_set_t *const mosn_metric_sets[];

/* Number of worker processes. */
unsigned mosn_settings_workers(const mosn_settings_t *settings);

#endif
