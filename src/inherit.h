/*
 * inherit.h - what one image of the master leaves to the next.
 *
 * On a reload or an upgrade the master execs in place.  What it owns goes
 * with it in a memfd, as libconfig text with a directive table, like all
 * other configuration: descriptors by number, children by process id, and
 * the configuration that serves, so that the way back needs no file.
 *
 * The text is kept until the transaction is done: the way back hands it, as
 * it was, to the program that wrote it.
 */

#ifndef MOSN_INHERIT_H
#define MOSN_INHERIT_H

#include "core/directive.h"
#include "core/rc.h"

#include <stdio.h>

#define MOSN_INHERIT_FORMAT 1

/* Names of the variables that carry it over an exec. */
#define MOSN_ENV_STATE "MOSN_STATE" /* descriptor of the text */
#define MOSN_ENV_TRY   "MOSN_TRY"   /* descriptor for the verdict of a try */
#define MOSN_ENV_BACK  "MOSN_BACK"  /* descriptor of why it comes back */

typedef struct {
    mosn_address_t address;
    int64_t        slot;
    int64_t        fd;
    bool           single; /* one for all slots */
    bool           handed;
} mosn_inherit_socket_t;

typedef struct {
    int64_t pid;
    int64_t row;
    int64_t channel;
    bool    is_control;
    int64_t slot;
    int64_t generation;
    int64_t started_ms; /* monotonic */
    int64_t ends_ms;    /* draining until; 0: serving */
} mosn_inherit_child_t;

/* How often a place was filled again, and why. */
typedef struct {
    int64_t    slot; /* -1: control */
    int64_t    restarts;
    int64_t    ended_ms;
    mosn_str_t how;
} mosn_inherit_post_t;

/* What the names of a cluster have become. */
typedef struct {
    mosn_str_t cluster;
    mosn_str_t hosts; /* text of a mosn_hosts_block */
} mosn_inherit_resolved_t;

typedef struct {
    int64_t     format;
    int64_t     generation;
    int64_t     n_workers;
    int64_t     started_ms;
    int64_t     reloads;
    mosn_str_t  error_log;
    int64_t     error_log_level;
    bool        quiet;
    bool        upgrade; /* what is being done */
    int64_t     wish;    /* what was asked for meanwhile: master_wish_e */
    bool        shedding;
    mosn_str_t  conf_path;
    int64_t     conf_fd;    /* the text of the configuration that serves */
    mosn_str_t  program;    /* what `upgrade` runs by default */
    int64_t     program_fd; /* what runs now */
    int64_t     metrics_fd;
    int64_t     board_fd;
    int64_t     tickets_fd;
    int64_t     tls_fd; /* bytes of the TLS files in force */
    int64_t     control_fd;
    mosn_str_t  control_path;
    mosn_str_t  pid_file;
    int64_t     drain_timeout_ms; /* of the children that serve */
    int64_t     client_fd;        /* who waits for the outcome */
    bool        client_json;
    mosn_strs_t log_files; /* in the order of their numbers */
    mosn_strs_t own;       /* clusters of the configuration itself */
    int64_t     changes;   /* at run time, so far */
    int64_t     unkept;    /* of them, those that a reload undoes */
    mosn_strs_t environment;
    MOSN_CONF_LIST(mosn_inherit_socket_t) sockets;
    MOSN_CONF_LIST(mosn_inherit_child_t) children;
    MOSN_CONF_LIST(mosn_inherit_post_t) posts;
    MOSN_CONF_LIST(mosn_inherit_resolved_t) resolved;
} mosn_inherit_t;

/* A memfd with the text, kept over exec; -1: logged. */
int mosn_inherit_write(const mosn_inherit_t *state);

/* Reads the text behind `fd`, which stays open, into `pool`.  NULL: `why_r`,
 * of the pool too, says why. */
mosn_inherit_t *mosn_inherit_read(int fd, mosn_pool_t *pool,
                                  const char **why_r);

/* All of its descriptors are kept by, or closed on, the next exec. */
void mosn_inherit_keep_fds(const mosn_inherit_t *state, bool keep);

/* The text behind a memfd, with a NUL behind it, in the pool; NULL: it cannot
 * be read. */
char *mosn_inherit_slurp(int fd, mosn_pool_t *pool);

/* A memfd that `write` has filled; -1: logged. */
int mosn_inherit_fill(const char *name, void (*write)(FILE *out, const void *),
                      const void *arg);

/* True when `fd` is one of them. */
bool mosn_inherit_has_fd(const mosn_inherit_t *state, int fd);

#endif
