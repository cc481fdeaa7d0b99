/*
 * event/tls_watch.h - files that contexts are made of, and how they change
 * while the program runs.
 *
 * Certificates, their keys and authorities are read when a context is built.
 * Then the master, who alone may read keys, looks at the files; what has
 * changed and holds is put in the place of the old, in the master, so that
 * children to come have it, and, over a descriptor, in every child.
 * Connections that are there go on with what they began with.  What does not
 * hold is told, and the old stays.
 *
 * A change is the files with their paths: whoever in a process is made of
 * them takes it.
 */

#ifndef MOSN_EVENT_TLS_WATCH_H
#define MOSN_EVENT_TLS_WATCH_H

#include "core/list.h"
#include "event/tls.h"

#include <stdio.h>

#define MOSN_TLS_FILES 3

/* Bytes of files; NULL: there is no such file. */
typedef struct {
    char  *at[MOSN_TLS_FILES];
    size_t n[MOSN_TLS_FILES];
} mosn_tls_bytes_t;

/* What tells that a file is another one. */
typedef struct {
    uint64_t device, inode, size, mtime_ns;
} mosn_tls_ident_t;

typedef struct mosn_tls_watch_s mosn_tls_watch_t;

typedef struct {
    const char *what; /* "certificate" */

    /* Would these do?  Tried on a context that nobody uses.  NULL: yes; else
     * why not. */
    const char *(*refuse)(mosn_tls_watch_t       *watch,
                          const mosn_tls_bytes_t *bytes);

    /* They would: contexts have them from now on.  As above. */
    const char *(*change)(mosn_tls_watch_t       *watch,
                          const mosn_tls_bytes_t *bytes);

    /* ", until ..." for the log. */
    void (*describe)(const mosn_tls_watch_t *watch, char *text, size_t room);
} mosn_tls_watch_ops_t;

/* Embedded in what is made of the files; the first is its name. */
struct mosn_tls_watch_s {
    mosn_list_t                 link;
    const mosn_tls_watch_ops_t *ops;
    mosn_tls_ctx_t             *ctx; /* which is made of them */
    mosn_str_t                  paths[MOSN_TLS_FILES]; /* or MOSN_STR_NULL */
    mosn_tls_ident_t            idents[MOSN_TLS_FILES];
    mosn_tls_bytes_t            used;    /* what is in force */
    bool                        failing; /* the last look was at a bad one */
    char                        why[200];
    unsigned                    changes;
};

/* Reads them.  -1, or the one that cannot be read; errno. */
int  mosn_tls_watch_read(mosn_tls_watch_t *watch, mosn_tls_bytes_t *bytes);
void mosn_tls_bytes_free(mosn_tls_bytes_t *bytes);

/* From now on, until it ends; `bytes` are in force and its own from now. */
void mosn_tls_watch_start(mosn_tls_watch_t           *watch,
                          const mosn_tls_watch_ops_t *ops,
                          mosn_tls_bytes_t           *bytes);
void mosn_tls_watch_end(mosn_tls_watch_t *watch);

/* The first, or the one behind `watch`, with these ops; NULL: no more. */
mosn_tls_watch_t *mosn_tls_watch_next(mosn_tls_watch_t           *watch,
                                      const mosn_tls_watch_ops_t *ops);

/* Looks at all files, when the last look is long enough ago.  A descriptor
 * with those that have changed, for mosn_tls_watch_take(); -1: none has. */
int mosn_tls_watch_look(uint64_t now_ms, uint32_t every_ms);

/* In a child: puts them in their places.  `fd` is closed. */
void mosn_tls_watch_take(int fd);

/* What all are made of, as mosn_tls_files_give() takes it: on a way back the
 * files may be others, or gone.  False: errno. */
bool mosn_tls_watch_write(int fd);

/* A change at run time comes to processes that may not read files with what
 * the master has read for it.  The master: keeps what it reads, writes it and
 * drops it.  They: read from what is given, and drop that. */
void mosn_tls_files_keep(void);
bool mosn_tls_files_write(int fd);
void mosn_tls_files_give(mosn_str_t written);
void mosn_tls_files_drop(void);

/* The files of a context are not looked at any more; who is connected goes
 * on. */
void mosn_tls_watch_retire(const mosn_tls_ctx_t *ctx);

/* tls_pairs.c, tls_authorities.c: what there is, for people or as JSON. */
void mosn_tls_pairs_print(bool json, FILE *out);
void mosn_tls_authorities_print(bool json, FILE *out);

#endif
