/*
 * child.h - what master and children share: the board and the notes.
 *
 * The board is a page of shared memory in which children say how they are.
 * Notes are small messages on the channel of each child; a note of another
 * version or length is refused, so that a master never misreads the child of
 * another build.
 */

#ifndef MOSN_CHILD_H
#define MOSN_CHILD_H

#include "event/loop.h"
#include "os/process.h"
#include "settings.h"

#include <stdatomic.h>

#define MOSN_MAX_WORKERS 64

typedef struct {
    _Atomic int32_t pid;
    _Atomic int32_t ready;
} mosn_board_worker_t;

typedef struct {
    _Atomic uint32_t    n_workers;
    _Atomic int32_t     draining;
    mosn_board_worker_t workers[MOSN_MAX_WORKERS];
} mosn_board_t;

#define MOSN_NOTE_VERSION 1

typedef enum {
    MOSN_NOTE_DRAIN = 1, /* master: finish what is begun, and end */
    MOSN_NOTE_LOGS,      /* master: new descriptors of the logs, from
                            `first` on; the error log is -1 */
} mosn_note_e;

typedef struct {
    uint16_t version;
    uint16_t type;
    int32_t  first;
} mosn_note_t;

/* What a child is born with. */
typedef struct {
    const char        *role; /* "worker 0" */
    unsigned           slot;
    unsigned           metrics_row;
    int                channel;
    pid_t              parent;
    const mosn_user_t *user; /* NULL: stay who we are */
    mosn_board_t      *board;
    mosn_generation_t *generation;
    mosn_settings_t   *settings;
    const int         *listen_fds; /* one per listener, in order */
    int                admin_fd;   /* -1: none */
} mosn_child_t;

/* Run the child's life; return its exit status. */
int mosn_worker_run(const mosn_child_t *child);
int mosn_control_run(const mosn_child_t *child);

/* What both kinds do first: rights, title, log, random numbers. */
mosn_rc_e mosn_child_begin(const mosn_child_t *child);

/* Watches the channel and the signals; calls `on_drain` when asked to go. */
typedef struct {
    mosn_loop_t *loop;
    mosn_watch_t channel;
    mosn_watch_t signals;
    int          channel_fd;
    int          signal_fd;
    void (*on_drain)(void *owner);
    void *owner;
} mosn_child_ears_t;

mosn_rc_e mosn_child_listen(mosn_child_ears_t *ears, mosn_loop_t *loop,
                            const mosn_child_t *child,
                            void (*on_drain)(void *), void *owner);

#endif
