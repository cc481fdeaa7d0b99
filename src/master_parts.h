/*
 * master_parts.h - what the files of the master share; private to them.
 *
 *   master.c           start, signals, stop
 *   master_sockets.c   listening sockets by address and slot
 *   master_children.c  fork, supervise, replace
 *   master_reload.c    the transaction: try, exec, commit, go back
 *   master_state.c     what the master owns, for its next image
 *   master_continue.c  the image after an exec: adopt, stage
 *   master_commands.c  what mosnctl asks
 *   master_resources.c changes at run time
 *   master_kept.c      ... that are to outlive reloads
 *
 *   starting -> serving --reload--> trying --exec--> staging --> serving
 *                  |  ^               |                 |
 *                  |  +----refused----+      +-exec back+ (the program and
 *                  v                         |           state of before)
 *               stopping -> ended    serving <
 */

#ifndef MOSN_MASTER_PARTS_H
#define MOSN_MASTER_PARTS_H

#include "child.h"
#include "command.h"
#include "inherit.h"
#include "master.h"
#include "os/shm.h"
#include "resources.h"

typedef enum {
    MASTER_STARTING,
    MASTER_SERVING,
    MASTER_TRYING,  /* a child tries the new program and configuration */
    MASTER_STAGING, /* the new children start; the old ones serve */
    MASTER_STOPPING,
} master_phase_e;

typedef enum {
    MASTER_NO_WISH,
    MASTER_WANTS_RELOAD,
    MASTER_WANTS_UPGRADE
} master_wish_e;

typedef struct {
    mosn_list_t    link;
    mosn_address_t address;
    unsigned       slot;
    int            fd;
    bool           single; /* one for all slots: unix, or handed to us */
    bool           fresh;  /* bound by this transaction */
    bool           handed; /* by the service manager: its file is not ours */
    bool           wanted; /* by the configuration that serves or comes */
} master_socket_t;

typedef struct master_post_s master_post_t;

typedef struct {
    mosn_list_t    link;
    mosn_pool_t   *pool; /* it lives in: events may still name its watch */
    pid_t          pid;
    int            channel;
    mosn_watch_t   watch;
    unsigned       row; /* of metrics, and its seat */
    bool           is_control;
    unsigned       slot;
    uint32_t       generation;
    uint64_t       started_ms;
    uint64_t       ends_ms; /* draining until; 0: not draining */
    uint32_t       changes; /* number of the last one that it was given */
    mosn_list_t    late;    /* notes that its channel had no room for */
    unsigned       n_late;
    bool           ready;
    bool           killed; /* for it was hung, or late */
    bool           unseen; /* its seat is at a board of another build */
    master_post_t *post;   /* NULL: of an older generation */
    char           role[24];
} master_child_t;

/* A place of the generation that serves or comes: worker 0, control. */
struct master_post_s {
    master_child_t *child; /* NULL: none runs */
    mosn_timer_t    respawn;
    uint32_t        respawn_ms; /* the last delay */
    bool            is_control;
    unsigned        slot;
    unsigned        restarts;
    uint64_t        ended_ms;
    char            how[160]; /* the last one ended */
};

/* All that the master owns. */
typedef struct {
    mosn_loop_t        loop;
    mosn_watch_t       signals;
    int                signal_fd;
    master_phase_e     phase;
    mosn_generation_t *generation;
    mosn_settings_t   *settings;
    mosn_shm_t         board_shm;
    mosn_board_t      *board;
    mosn_user_t        user;
    bool               has_user;
    bool               quiet;
    bool               shedding;
    bool               reopened; /* logs were, by this image */
    bool               new_board;
    bool               patient; /* an address may become free in a moment */
    const char        *conf_path;
    char              *program; /* what `upgrade` runs by default */
    int                program_fd;
    uint64_t           started_ms;
    uint64_t           reloads;
    uint32_t           changes;   /* at run time */
    uint32_t           unkept;    /* of them, those that a reload undoes */
    mosn_timer_t       resources; /* gives them to who could not take them */
    unsigned           n_workers;
    master_post_t      posts[MOSN_MAX_WORKERS + 1]; /* control last */
    unsigned           n_posts;
    mosn_list_t        children;
    mosn_list_t        sockets;
    int                admin_fd;
    mosn_timer_t       deadline;      /* of a try, a stage, a stop */
    uint64_t           hold_until_ms; /* children have not taken all; 0: first
                                         look */
    mosn_timer_t probation;
    int          kept[MOSN_METRICS_ROWS]; /* see master_close_channel() */
    unsigned     n_kept;
    mosn_timer_t tick; /* looks at beats and deadlines of drains */
    mosn_timer_t surplus;
    uint64_t     last_tick_ms;
    uint64_t     watchdog_ms; /* 0: nobody wants to hear */
    uint64_t     watchdog_at_ms;

    /* The transaction. */
    bool            upgrade;
    master_wish_e   wish; /* what a signal asked for meanwhile */
    mosn_timer_t    next; /* grants it */
    mosn_client_t   client;
    pid_t           try_pid;
    int             try_fd;
    int             conf_fd; /* the text of what serves, or -1 */
    mosn_watch_t    try_watch;
    bool            try_late;
    char           *try_words;
    size_t          n_try_words;
    char           *try_program; /* NULL: the one that runs */
    char           *try_conf;    /* for `check`; NULL: conf_path */
    int             state_fd;    /* while staging: the way back */
    int             back_fd;     /* why another image came back; or -1 */
    mosn_inherit_t *state;       /* and what it says */
    mosn_pool_t    *state_pool;
} master_t;

extern master_t mosn_master;

/* --- master.c ------------------------------------------------------------ */

mosn_rc_e master_choose_user(void);
mosn_rc_e master_write_pid(void);

/* In service, or out of it. */
void      master_shed(bool on);
mosn_rc_e master_open_board(int fd);
int       master_admin_fd(void);
void      master_raise_limits(void);
void      master_reopen_logs(void);

/* SIGTERM: drain and end; again, or SIGINT: at once. */
void master_stop(int signo);

/* --- master_sockets.c ---------------------------------------------------- */

/* Sockets for all listeners of the settings, those there are and, bound but
 * not open yet, those that are missing.  ERROR: logged. */
mosn_rc_e master_sockets_bind(void);

/* Opens what was bound; clients of a group that was there before do not come
 * to it before the commit. */
mosn_rc_e master_sockets_open(void);

/* The new configuration serves: lets go of what is not wanted.  Returns for
 * how long workers without an heir of their sockets must go on accepting. */
uint32_t master_sockets_commit(void);

/* After a way back: as `n_workers` of the settings say. */
void master_sockets_restore(void);

/* Undoes what was bound. */
void master_sockets_forget_fresh(void);

/* One descriptor for each listener of the settings. */
void master_sockets_of_slot(unsigned slot, int *fds);

/* In a child: closes all but those of `keep`. */
void master_sockets_let_go(const int *keep, size_t n);

/* Takes those of the image before this one. */
void master_sockets_adopt(const mosn_inherit_t *state);

/* With the files of unix sockets that are ours. */
void             master_sockets_remove_all(void);
void             master_sockets_close_all(void);
master_socket_t *master_socket_add(const mosn_address_t *address,
                                   unsigned slot, int fd, bool single);
void             master_sockets_activate(void);
void             master_surplus_fired(mosn_timer_t *timer);

/* --- master_children.c --------------------------------------------------- */

/* Places for all children of the settings. */
void master_posts_init(void);
void master_spawn(master_post_t *post);
void master_spawn_all(void);
void master_reap(void);

/* What the control process has asked until now, before a re-exec. */
void master_children_hear(void);

/* One that an older image has started; `post` may be NULL. */
master_child_t *master_child_adopt(pid_t pid, int channel, unsigned row,
                                   master_post_t *post, bool is_control,
                                   unsigned slot, uint32_t generation);

/* What it cannot take at once it gets later, in order. */
void master_tell(master_child_t *child, mosn_note_e type, int32_t value,
                 const int *fds, size_t n_fds);

/* True: no child that serves waits for a note. */
bool master_send_late(void);

/* Asks it to end in `drain_ms`; `heir` may be NULL. */
void master_child_drain(master_child_t *child, uint32_t linger_ms,
                        master_child_t *heir, uint64_t drain_ms);

/* Joins them, so that connections can go from one to the other. */
void master_child_set_heir(master_child_t *child, uint32_t linger_ms,
                           master_child_t *heir);

/* Forgets one that is no child any more. */
void     master_child_lost(master_child_t *child);
unsigned master_count_children(bool workers_only);
void     master_kill_all(int signo);
void     master_tick_fired(mosn_timer_t *timer);
void     master_close_kept(void);
void     master_count_workers(void); /* tells the board */

/* --- master_state.c ------------------------------------------------------ */

/* All that we own, as text behind a descriptor; -1: logged.  The struct is
 * the pool's.  `goes`: it is for an image that takes our place. */
int master_state_write(mosn_inherit_t **state_r, mosn_pool_t *pool, bool goes);

/* --- master_reload.c ----------------------------------------------------- */

/* Starts a reload, an upgrade to `program` (NULL: the usual one), or, with
 * `conf`, only a check of that file.  False: `why` says why not. */
bool master_reload_start(bool upgrade, const char *program, const char *conf,
                         mosn_client_t client, const char **why);

/* A child has ended while it mattered; `post` is the one it had. */
void master_stage_child_ended(const master_post_t *post);
void master_stage_child_ready(void);
bool master_try_ended(pid_t pid, int status);

/* The transaction ends, and nothing has changed. */
void master_reload_refused(const char *why);

/* A transaction is over: what was asked for meanwhile comes now. */
void master_reload_next(void);
void master_next_fired(mosn_timer_t *timer);

/* Execs the program that we were; does not return. */
MOSN_NORETURN void master_go_back(const char *why);
void               master_stage_late(mosn_timer_t *timer);

/* --- master_continue.c --------------------------------------------------- */

/* This image continues another one: first of all takes what it left, then,
 * with a loop, goes on with it. */
mosn_rc_e master_inherit(int state_fd, int back_fd);
mosn_rc_e master_continue(void);

/* --- master_resources.c -------------------------------------------------- */

void master_resources_fired(mosn_timer_t *timer);

/* Changes that somebody still waits for are nobody's now. */
void master_resources_close(void);

/* This generation serves: those of before hear what names have become. */
void master_resources_commit(void);

/* False: some process has not taken all changes yet. */
bool master_resources_flush(void);
void master_command_host(mosn_client_t client, mosn_str_t argument);
void master_command_apply(mosn_client_t client, mosn_str_t argument);
void master_command_resolved(mosn_client_t client, mosn_str_t argument);
void master_command_remove(mosn_client_t client, mosn_str_t argument);

/* Prints the settings as they are by now. */
/* `whole`: with what files had in place of their names. */
void master_print_config(FILE *out, bool whole);

/* --- master_commands.c ----------------------------------------------------
 */

extern const mosn_command_t master_commands[];

/* --- master_kept.c ------------------------------------------------------- */

/* One resource of what is asked for. */
typedef struct {
    mosn_resource_e kind;
    mosn_str_t      name;
    const void     *conf; /* what `text` says, for what is kept */
    char           *text;
} master_part_t;

/* The `runtime_file` as it will be with these.  NULL: `text_r` is to be freed;
 * else why it cannot be, and nothing is to be done. */
char *master_kept_prepare(const master_part_t *parts, size_t n, char **text_r);

/* NULL: it is written. */
char *master_kept_write(const char *text);

/* Has the configuration that cluster, or what is kept a name of it? */
bool master_kept_is_of_file(mosn_str_t cluster);
bool master_kept_names(mosn_str_t cluster);

#endif
