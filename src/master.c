/*
 * master.c - bind, fork, supervise, stop.
 *
 *   starting --all sockets bound--> serving --TERM, QUIT--> draining --+
 *      | error: status 1                |  INT                |        |
 *      v                                v         TERM, INT   v        v
 *    ended                            ended <---------------- no child left
 */

#include "master.h"

#include "command.h"
#include "config.h"
#include "core/log_file.h"
#include "os/file.h"
#include "os/socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESPAWN_MIN_MS 100u /* after a crash right at the start */
#define RESPAWN_MAX_MS 10000u
#define HEALTHY_MS     1000u /* who lived so long did not crash at start */
#define LAST_WORD_MS   500u
#define KILL_AFTER_MS  5000u /* beyond drain_timeout */
#define SPARE_FDS      512u

typedef struct {
    pid_t        pid; /* 0: not running */
    int          channel;
    unsigned     metrics_row;
    uint64_t     started_ms;
    uint32_t     respawn_ms; /* the last delay */
    mosn_timer_t respawn;
    char         role[24];
    bool         is_control;
    unsigned     slot;
} master_child_t;

/* All that the master owns. */
typedef struct {
    mosn_loop_t        loop;
    mosn_watch_t       signals;
    int                signal_fd;
    mosn_timer_t       deadline; /* of the drain */
    mosn_generation_t *generation;
    mosn_settings_t   *settings;
    mosn_board_t      *board;
    mosn_user_t        user;
    bool               has_user;
    bool               stopping;
    unsigned           n_workers;
    int               *listen_fds; /* [slot * listeners + i] */
    int                admin_fd;
    master_child_t     children[MOSN_MAX_WORKERS + 1]; /* control last */
    unsigned           n_children;
} master_t;

static master_t master; /* one a process; handed on by a re-exec */

static void master_spawn(master_child_t *c);


/* --- sockets ------------------------------------------------------------ */

/* With SO_REUSEPORT a second mosn would get in beside the first and take half
 * of its clients.  Without it the address must be free. */
static bool
master_is_free(const mosn_address_t *address)
{
    int fd = address->sa.sa_family == AF_UNIX
                 ? 0
                 : mosn_socket_listen(address, 1, false);

    if (fd > 0) {
        (void) close(fd);
    }
    return fd != -1;
}


static int
master_bind(const mosn_address_t *address, mosn_str_t name, int backlog,
            bool first)
{
    int fd = first && !master_is_free(address)
                 ? -1
                 : mosn_socket_listen(address, backlog, true);

    if (fd == -1) {
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&address->sa, address->len, text);
        mosn_log_err(errno, "listener \"%.*s\": cannot listen on %s",
                     MOSN_STR_ARG(name), text);
        return -1;
    }
    if (address->sa.sa_family == AF_UNIX) {
        (void) chmod(address->un.sun_path, 0666); /* clients of any user */
    }
    return fd;
}


/* One socket per worker and listener; a unix socket, which the kernel does
 * not spread, is shared by all. */
static mosn_rc_e
master_bind_all(void)
{
    const mosn_settings_t *s = master.settings;
    size_t                 n = s->listeners.n;

    master.listen_fds = mosn_calloc(n * master.n_workers * sizeof(int));
    for (unsigned slot = 0; slot < master.n_workers; slot++) {
        for (size_t i = 0; i < n; i++) {
            const mosn_listener_conf_t *l = &s->listeners.items[i];
            bool is_unix = l->address.sa.sa_family == AF_UNIX;
            int *fd = &master.listen_fds[slot * n + i];

            *fd = is_unix && slot > 0
                      ? master.listen_fds[i]
                      : master_bind(&l->address, l->name, (int) l->backlog,
                                    slot == 0);
            if (*fd == -1) {
                return MOSN_ERROR;
            }
        }
    }

    master.admin_fd = -1;
    if (s->admin != NULL) {
        master.admin_fd =
            master_bind(&s->admin->address, MOSN_STR("admin"), 64, true);
        if (master.admin_fd == -1) {
            return MOSN_ERROR;
        }
    }
    return MOSN_OK;
}


/* So that nobody connects to a queue that nobody serves. */
static void
master_close_sockets(void)
{
    size_t n = master.settings->listeners.n;

    for (size_t i = 0; i < n; i++) {
        for (unsigned slot = master.n_workers; slot-- > 0;) {
            int *fd = &master.listen_fds[slot * n + i];

            if (slot == 0 || *fd != master.listen_fds[i]) {
                (void) close(*fd); /* a unix socket is one for all */
            }
            if (slot > 0) {
                *fd = -1;
            }
        }
        master.listen_fds[i] = -1;
    }
}


/* --- children ----------------------------------------------------------- */

/* What a child must not keep of its parent's. */
static void
master_let_go(void)
{
    mosn_commands_let_go();
    (void) close(master.signal_fd);
    (void) close(master.loop.epoll_fd);
    for (unsigned i = 0; i < master.n_children; i++) {
        if (master.children[i].channel != -1) {
            (void) close(master.children[i].channel);
        }
    }
}


/* In the child, which must not return.  Other slots' sockets are closed: a
 * worker that crashes must not hold them open. */
static MOSN_NORETURN void
master_become_child(const master_child_t *c, int channel, pid_t parent)
{
    size_t       n = master.settings->listeners.n;
    int          status;
    mosn_child_t child = {
        .role = c->role,
        .slot = c->slot,
        .metrics_row = c->metrics_row,
        .channel = channel,
        .parent = parent,
        .user = master.has_user ? &master.user : NULL,
        .board = master.board,
        .generation = master.generation,
        .settings = master.settings,
        .listen_fds = &master.listen_fds[c->slot * n],
        .admin_fd = c->is_control ? master.admin_fd : -1,
    };

    master_let_go();
    for (unsigned slot = 0; slot < master.n_workers; slot++) {
        for (size_t i = 0; i < n; i++) {
            int fd = master.listen_fds[slot * n + i];

            if ((c->is_control || slot != c->slot)
                && (fd != child.listen_fds[i] || c->is_control))
            {
                (void) close(fd);
            }
        }
    }
    if (!c->is_control && master.admin_fd != -1) {
        (void) close(master.admin_fd);
    }

    status =
        c->is_control ? mosn_control_run(&child) : mosn_worker_run(&child);
    exit(status);
}


static void
master_respawn_fired(mosn_timer_t *timer)
{
    master_spawn(mosn_container_of(timer, master_child_t, respawn));
}


static void
master_spawn(master_child_t *c)
{
    pid_t parent = getpid();
    int   fds[2];

    if (master.stopping) {
        return;
    }
    if (mosn_socket_pair(fds) == -1) {
        mosn_log_alert(errno, "cannot make a channel for %s", c->role);
        mosn_timer_arm(&master.loop, &c->respawn, RESPAWN_MAX_MS);
        return;
    }
    c->started_ms = master.loop.now_ms;
    c->pid = fork();
    if (c->pid == 0) {
        (void) close(fds[0]);
        master_become_child(c, fds[1], parent);
    }
    (void) close(fds[1]);
    if (c->pid == -1) {
        mosn_log_alert(errno, "cannot start %s", c->role);
        c->pid = 0;
        (void) close(fds[0]);
        mosn_timer_arm(&master.loop, &c->respawn, RESPAWN_MAX_MS);
        return;
    }
    c->channel = fds[0];
    if (!c->is_control) {
        atomic_store(&master.board->workers[c->slot].pid, c->pid);
    }
    mosn_log_notice("started %s, pid %d", c->role, (int) c->pid);
}


/* At once, unless it crashes again and again right after its start. */
static void
master_respawn(master_child_t *c)
{
    uint64_t lived = master.loop.now_ms - c->started_ms;

    if (lived >= HEALTHY_MS) {
        c->respawn_ms = 0;
        master_spawn(c);
        return;
    }
    c->respawn_ms = c->respawn_ms == 0 ? RESPAWN_MIN_MS : c->respawn_ms * 2;
    if (c->respawn_ms > RESPAWN_MAX_MS) {
        c->respawn_ms = RESPAWN_MAX_MS;
    }
    mosn_log_warn(0, "%s lived only %llu ms, starting it again in %u ms",
                  c->role, (unsigned long long) lived, c->respawn_ms);
    mosn_timer_arm(&master.loop, &c->respawn, c->respawn_ms);
}


static void
master_child_ended(master_child_t *c, int status)
{
    if (WIFSIGNALED(status)) {
        mosn_log_write(master.stopping ? MOSN_LOG_NOTICE : MOSN_LOG_ALERT, 0,
                       "%s, pid %d, was ended by signal %d (%s)", c->role,
                       (int) c->pid, WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        mosn_log_alert(0, "%s, pid %d, ended with status %d", c->role,
                       (int) c->pid, WEXITSTATUS(status));
    } else {
        mosn_log_notice("%s, pid %d, ended", c->role, (int) c->pid);
    }

    c->pid = 0;
    (void) close(c->channel);
    c->channel = -1;
    mosn_metrics_fold(c->metrics_row, mosn_metric_sets);
    if (!c->is_control) {
        atomic_store(&master.board->workers[c->slot].pid, 0);
        atomic_store(&master.board->workers[c->slot].ready, 0);
    }
    if (!master.stopping) {
        master_respawn(c);
    }
}


static unsigned
master_count_children(bool workers_only)
{
    unsigned n = 0;

    for (unsigned i = 0; i < master.n_children; i++) {
        n += master.children[i].pid != 0
             && (!workers_only || !master.children[i].is_control);
    }
    return n;
}


static void
master_kill_all(int signo)
{
    for (unsigned i = 0; i < master.n_children; i++) {
        if (master.children[i].pid != 0) {
            (void) kill(master.children[i].pid, signo);
        }
    }
}


static void
master_tell(const master_child_t *c, mosn_note_e type, int32_t first,
            const int *fds, size_t n_fds)
{
    mosn_note_t note = { .version = MOSN_NOTE_VERSION,
                         .type = (uint16_t) type,
                         .first = first };

    if (c->channel != -1
        && mosn_socket_send_message(c->channel, &note, sizeof(note), fds,
                                    n_fds)
               == -1)
    {
        mosn_log_alert(errno, "cannot send a note to %s", c->role);
    }
}


/* --- signals ------------------------------------------------------------ */

static void
master_reap(void)
{
    int   status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (unsigned i = 0; i < master.n_children; i++) {
            if (master.children[i].pid == pid) {
                master_child_ended(&master.children[i], status);
                break;
            }
        }
    }
    if (!master.stopping) {
        return;
    }
    if (master_count_children(false) == 0) {
        master.loop.stop = true;
    } else if (master_count_children(true) == 0) {
        /* The control process tells of the drain until it is over. */
        master_tell(&master.children[master.n_workers], MOSN_NOTE_DRAIN, 0,
                    NULL, 0);
    }
}


static void
master_deadline_fired(mosn_timer_t *timer MOSN_UNUSED)
{
    mosn_log_warn(0, "%u processes did not end in time, killing them",
                  master_count_children(false));
    master_kill_all(SIGKILL);
}


static void
master_stop(int signo)
{
    if (master.stopping || signo == SIGINT) {
        mosn_log_notice("signal %d: ending at once", signo);
        master.stopping = true;
        master_kill_all(SIGINT); /* they write their logs out */
        mosn_timer_arm(&master.loop, &master.deadline, LAST_WORD_MS);
        if (master_count_children(false) == 0) {
            master.loop.stop = true;
        }
        return;
    }
    mosn_log_notice("signal %d: draining for up to %u ms", signo,
                    master.settings->drain_timeout_ms);
    master.stopping = true;
    atomic_store(&master.board->draining, 1);
    master_close_sockets();
    for (unsigned i = 0; i < master.n_workers; i++) {
        master_tell(&master.children[i], MOSN_NOTE_DRAIN, 0, NULL, 0);
    }
    mosn_timer_arm(&master.loop, &master.deadline,
                   (uint64_t) master.settings->drain_timeout_ms
                       + KILL_AFTER_MS);
    master_reap();
}


/* Opens all logs again, with our rights, and gives children the new ones. */
static void
master_reopen_logs(void)
{
    size_t n = mosn_log_files_count();

    if (mosn_log_reopen() == -1) {
        mosn_log_err(errno, "cannot open the error log again");
    }
    mosn_log_files_reopen();

    for (unsigned i = 0; i < master.n_children; i++) {
        const master_child_t *c = &master.children[i];
        int                   fd = mosn_log_fd();

        if (c->pid == 0) {
            continue;
        }
        master_tell(c, MOSN_NOTE_LOGS, -1, &fd, 1);
        for (size_t first = 0; first < n; first += MOSN_SOCKET_MAX_FDS) {
            int    fds[MOSN_SOCKET_MAX_FDS];
            size_t k = 0;

            for (; k < MOSN_SOCKET_MAX_FDS && first + k < n; k++) {
                fds[k] = mosn_log_file_fd(first + k);
            }
            master_tell(c, MOSN_NOTE_LOGS, (int32_t) first, fds, k);
        }
    }
    mosn_log_notice("logs are open again");
}


static void
master_on_signal(mosn_watch_t *watch MOSN_UNUSED, uint32_t events MOSN_UNUSED)
{
    struct signalfd_siginfo info;

    while (read(master.signal_fd, &info, sizeof(info)) == sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGCHLD:
            master_reap();
            break;
        case SIGTERM:
        case SIGQUIT:
        case SIGINT:
            master_stop((int) info.ssi_signo);
            break;
        case SIGUSR1:
            master_reopen_logs();
            break;
        default:
            mosn_log_notice("signal %u is ignored", info.ssi_signo);
            break;
        }
    }
}


static mosn_rc_e
master_watch_signals(void)
{
    static const int signals[] = { SIGCHLD, SIGTERM, SIGQUIT, SIGINT,
                                   SIGUSR1, SIGUSR2, SIGHUP };
    sigset_t         set;

    (void) sigemptyset(&set);
    for (size_t i = 0; i < MOSN_COUNT(signals); i++) {
        (void) sigaddset(&set, signals[i]);
    }
    (void) sigprocmask(SIG_BLOCK, &set, NULL);
    (void) signal(SIGPIPE, SIG_IGN);
    master.signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (master.signal_fd == -1) {
        mosn_log_alert(errno, "cannot watch signals");
        return MOSN_ERROR;
    }
    master.signals.on_ready = master_on_signal;
    return mosn_loop_watch_level(&master.loop, &master.signals,
                                 master.signal_fd);
}


/* --- commands ----------------------------------------------------------- */

static void
master_status_child(const master_child_t *c, bool json, bool more, FILE *out)
{
    uint64_t lived_s =
        c->pid == 0 ? 0 : (master.loop.now_ms - c->started_ms) / 1000;

    if (c->pid == 0 && !json) {
        (void) fprintf(out, "%-10s not running\n", c->role);
        return;
    }
    (void) fprintf(out,
                   json ? "%s{\"role\":\"%s\",\"pid\":%d,\"seconds\":%llu}"
                        : "%s%-10s pid %-7d for %llu s\n",
                   json && more ? "," : "", c->role, (int) c->pid,
                   (unsigned long long) lived_s);
}


static bool
master_command_status(bool json, FILE *out)
{
    (void) fprintf(out,
                   json ? "{\"version\":\"%s\",\"pid\":%d,\"state\":\"%s\","
                          "\"children\":["
                        : "mosn %s, pid %d, %s\n",
                   MOSN_VERSION, (int) getpid(),
                   master.stopping ? "draining" : "serving");
    for (unsigned i = 0; i < master.n_children; i++) {
        master_status_child(&master.children[i], json, i > 0, out);
    }
    (void) fputs(json ? "]}\n" : "", out);
    return true;
}


static bool
master_command_reopen(bool json, FILE *out)
{
    master_reopen_logs();
    (void) fputs(json ? "{}\n" : "logs are open again\n", out);
    return true;
}


static bool
master_command_stop(bool json, FILE *out)
{
    if (!master.stopping) { /* again is not at once: --now is */
        master_stop(SIGTERM);
    }
    (void) fputs(json ? "{}\n" : "draining\n", out);
    return true;
}


static bool
master_command_stop_now(bool json, FILE *out)
{
    master_stop(SIGINT);
    (void) fputs(json ? "{}\n" : "ending\n", out);
    return true;
}


static bool
master_command_version(bool json, FILE *out)
{
    (void) fprintf(out, json ? "{\"version\":\"%s\"}\n" : "mosn %s\n",
                   MOSN_VERSION);
    return true;
}


static const mosn_command_t master_commands[] = {
    { "status", master_command_status, false },
    { "reopen", master_command_reopen, false },
    { "stop", master_command_stop, true },
    { "stop now", master_command_stop_now, true },
    { "version", master_command_version, false },
    { NULL, NULL, false },
};


/* --- start -------------------------------------------------------------- */

static mosn_rc_e
master_choose_user(void)
{
    mosn_str_t user = master.settings->user;

    if (geteuid() != 0) {
        return MOSN_OK; /* we are what we are */
    }
    if (user.at != NULL) {
        if (mosn_process_find_user(user.at, &master.user) == -1) {
            mosn_log_err(0, "there is no user \"%s\"", user.at);
            return MOSN_ERROR;
        }
    } else if (mosn_process_find_user("mosn", &master.user) == -1
               && mosn_process_find_user("nobody", &master.user) == -1)
    {
        mosn_log_err(0, "there is no user \"mosn\" or \"nobody\"; set "
                        "`user`");
        return MOSN_ERROR;
    }
    master.has_user = true;
    return MOSN_OK;
}


static void
master_raise_limits(void)
{
    size_t wanted =
        (size_t) master.settings->worker_connections * 2 + SPARE_FDS;
    size_t got = mosn_process_raise_fd_limit(wanted);

    if (got < wanted) {
        mosn_log_warn(0,
                      "only %zu descriptors are allowed, %zu may be needed "
                      "for worker_connections = %lld",
                      got, wanted,
                      (long long) master.settings->worker_connections);
    }
}


static mosn_rc_e
master_write_pid(void)
{
    char text[24];
    int  n;

    if (master.settings->pid_file.at == NULL) {
        return MOSN_OK;
    }
    n = snprintf(text, sizeof(text), "%d\n", (int) getpid());
    if (mosn_file_replace(master.settings->pid_file.at, text, (size_t) n)
        == -1) {
        mosn_log_err(errno, "cannot write pid_file %s",
                     master.settings->pid_file.at);
        return MOSN_ERROR;
    }
    return MOSN_OK;
}


static mosn_rc_e
master_make_board(void)
{
    master.board = mmap(NULL, sizeof(*master.board), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (master.board == MAP_FAILED) {
        mosn_log_alert(errno, "cannot map the board");
        return MOSN_ERROR;
    }
    atomic_store(&master.board->n_workers, master.n_workers);
    return MOSN_OK;
}


static void
master_init_children(void)
{
    master.n_children = master.n_workers + 1;
    for (unsigned i = 0; i < master.n_children; i++) {
        master_child_t *c = &master.children[i];

        c->channel = -1;
        c->metrics_row = i + 1; /* row 0 holds the sums of those gone */
        c->is_control = i == master.n_workers;
        c->slot = c->is_control ? 0 : i;
        mosn_timer_init(&c->respawn, master_respawn_fired);
        if (c->is_control) {
            (void) snprintf(c->role, sizeof(c->role), "control");
        } else {
            (void) snprintf(c->role, sizeof(c->role), "worker %u", i);
        }
    }
}


static mosn_rc_e
master_start(void)
{
    const mosn_error_log_conf_t *log = &master.settings->error_log;

    if (mosn_log_open(log->path.at, (mosn_log_level_e) log->level) == -1) {
        mosn_log_err(errno, "cannot open error_log %s", log->path.at);
        return MOSN_ERROR;
    }
    master.n_workers = mosn_settings_workers(master.settings);
    if (mosn_loop_init(&master.loop) != MOSN_OK
        || master_choose_user() != MOSN_OK || master_watch_signals() != MOSN_OK
        || mosn_metrics_open(-1) != MOSN_OK || master_make_board() != MOSN_OK
        || mosn_log_files_open() != MOSN_OK || master_bind_all() != MOSN_OK
        || master_write_pid() != MOSN_OK)
    {
        return MOSN_ERROR;
    }
    if (master.settings->control_socket.at != NULL
        && mosn_commands_listen(&master.loop,
                                master.settings->control_socket.at,
                                master_commands)
               != MOSN_OK)
    {
        return MOSN_ERROR;
    }
    mosn_settings_register_metrics(master.generation, master.settings);
    master_raise_limits();
    master_init_children();
    mosn_timer_init(&master.deadline, master_deadline_fired);
    return MOSN_OK;
}


static void
master_remove_files(void)
{
    const mosn_settings_t *s = master.settings;

    if (s->pid_file.at != NULL) {
        (void) unlink(s->pid_file.at);
    }
    for (size_t i = 0; i < s->listeners.n; i++) {
        const mosn_address_t *a = &s->listeners.items[i].address;

        if (a->sa.sa_family == AF_UNIX) {
            (void) unlink(a->un.sun_path);
        }
    }
    if (s->admin != NULL && s->admin->address.sa.sa_family == AF_UNIX) {
        (void) unlink(s->admin->address.un.sun_path);
    }
}


int
mosn_master_run(const char *conf_path, bool quiet)
{
    char *errors;

    mosn_log_set_role("master");
    master.generation =
        mosn_settings_load(conf_path, 1, &master.settings, &errors);
    if (master.generation == NULL) {
        (void) fputs(errors, stderr);
        free(errors);
        return 1;
    }
    mosn_log_mirror(true); /* a start that fails is told at the terminal */
    if (master_start() != MOSN_OK) {
        return 1;
    }
    mosn_log_mirror(false);

    mosn_process_set_title("mosn: master");
    for (unsigned i = 0; i < master.n_children; i++) {
        master_spawn(&master.children[i]);
    }
    if (!quiet) {
        mosn_log_notice("mosn serves %zu listeners with %u workers",
                        master.settings->listeners.n, master.n_workers);
    }
    mosn_loop_run(&master.loop);

    mosn_log_notice("all processes have ended");
    if (master.settings->control_socket.at != NULL) {
        mosn_commands_close(master.settings->control_socket.at);
    }
    master_remove_files();
    mosn_loop_fini(&master.loop);
    free(master.listen_fds);
    mosn_generation_unref(master.generation);
    return 0;
}
