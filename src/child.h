/*
 * child.h - what master and children share: the board, the notes, the ears.
 *
 * The board is shared memory in which every child has a seat and says how it
 * is; the seat has the number of the child's row of metrics.  It outlives
 * reloads.  Notes are small messages on the channel of each child; a note of
 * another version or length is refused, so that a master never misreads the
 * child of another build.
 */

#ifndef MOSN_CHILD_H
#define MOSN_CHILD_H

#include "core/metrics.h"
#include "event/loop.h"
#include "os/process.h"
#include "settings.h"

#include <stdatomic.h>

#define MOSN_MAX_WORKERS   64
#define MOSN_BOARD_VERSION 2

typedef enum {
    MOSN_SEAT_EMPTY,
    MOSN_SEAT_STARTING,
    MOSN_SEAT_SERVING,
    MOSN_SEAT_DRAINING,
} mosn_seat_e;

typedef struct {
    _Atomic int32_t  state;
    _Atomic uint32_t generation;
    _Atomic uint32_t is_worker;
    _Atomic uint32_t connections;
    _Atomic uint32_t changes;   /* number of the last one it has taken */
    _Atomic uint64_t beat_ms;   /* the last turn of its loop, monotonic */
    uint64_t         last_conn; /* the connection it was busy with */
} mosn_seat_t;

typedef struct {
    uint32_t         version;
    uint32_t         size;
    _Atomic uint32_t generation; /* the one that serves */
    _Atomic uint32_t n_workers;
    _Atomic int32_t  out_of_service; /* stopping, or taken out by hand */
    mosn_seat_t      seats[MOSN_METRICS_ROWS];
} mosn_board_t;

#define MOSN_NOTE_VERSION 3

typedef enum {
    /* From the master. */
    MOSN_NOTE_DRAIN = 1, /* finish what is begun, and end; accept for
                            `value` ms more; with a descriptor: the way to
                            the heir */
    MOSN_NOTE_LOGS,      /* new descriptors of the logs, from `value` on; the
                            error log is -1 */
    MOSN_NOTE_INHERIT,   /* a descriptor: an older worker's connections */
    MOSN_NOTE_SHED,      /* 1: answers ask clients to go elsewhere; 0: no */
    MOSN_NOTE_CERTS,     /* a descriptor: certificates that have changed */
    MOSN_NOTE_RESOURCE,  /* a descriptor: change number `value` */
    /* To the master. */
    MOSN_NOTE_READY,
    MOSN_NOTE_COMMAND, /* a descriptor: somebody who talks as mosnctl does */
    /* From the master, to one that drains. */
    MOSN_NOTE_RESOLVED, /* a descriptor: what names have become since */
} mosn_note_e;

typedef struct {
    uint16_t version;
    uint16_t type;
    int32_t  value;
} mosn_note_t;

/* What a child is born with. */
typedef struct {
    const char        *role; /* "worker 0" */
    unsigned           slot;
    unsigned           row; /* of metrics, and its seat */
    int                channel;
    pid_t              parent;
    const mosn_user_t *user; /* NULL: stay who we are */
    mosn_board_t      *board;
    mosn_seat_t       *seat;
    mosn_generation_t *generation;
    mosn_settings_t   *settings;
    const int         *listen_fds; /* one per listener, in order */
    int                admin_fd;   /* -1: none */
    bool               shedding;
} mosn_child_t;

/* Run the child's life; return its exit status. */
int mosn_worker_run(const mosn_child_t *child);
int mosn_control_run(const mosn_child_t *child);

/* What both kinds do first: rights, title, log, random numbers. */
mosn_rc_e mosn_child_begin(const mosn_child_t *child);

/* "mosn: worker 0", with `what` behind it when it is not NULL. */
void mosn_child_set_title(const mosn_child_t *child, const char *what);

/* Serving from now on; tells the master. */
void mosn_child_ready(const mosn_child_t *child);

/* Watches the channel and the signals. */
typedef struct {
    mosn_loop_t *loop;
    mosn_watch_t channel;
    mosn_watch_t signals;
    int          channel_fd;
    int          signal_fd;
    /* A note that is not about logs; `fd` is the receiver's, or -1.  A lost
     * master and SIGTERM are a DRAIN. */
    void (*on_note)(void *owner, mosn_note_e type, int32_t value, int fd);
    void *owner;
} mosn_child_ears_t;

mosn_rc_e mosn_child_listen(mosn_child_ears_t *ears, mosn_loop_t *loop,
                            const mosn_child_t *child,
                            void (*on_note)(void *, mosn_note_e, int32_t, int),
                            void *owner);

#endif
