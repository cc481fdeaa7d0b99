/*
 * master.c - start, signals, stop.
 *
 *   starting --all sockets open--> serving --TERM, QUIT--> stopping --+
 *      | error: status 1             |  INT                  |        |
 *      v                             v           TERM, INT   v        v
 *    ended                         ended <------------------- no child left
 *
 * What happens on HUP and USR2 is in master_reload.c.
 */

#include "master.h"

#include "config.h"
#include "core/log.h"
#include "core/log_file.h"
#include "master_parts.h"
#include "os/file.h"
#include "os/notify.h"
#include "os/socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LAST_WORD_MS  500u
#define KILL_AFTER_MS 5000u /* beyond drain_timeout */
#define SPARE_FDS     512u

master_t mosn_master; /* one a process */

#define master (&mosn_master)


/* --- logs --------------------------------------------------------------- */

static void
logs_tell(master_child_t *c)
{
    size_t n = mosn_log_files_count();
    int    fd = mosn_log_fd();

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


/* With our rights; children get the descriptors.  Those of an older
 * generation number their logs in another way, and end soon. */
void
master_reopen_logs(void)
{
    if (mosn_log_reopen() == -1) {
        mosn_log_err(errno, "cannot open the error log again");
    }
    mosn_log_files_reopen();
    master->reopened = true;
    for (unsigned i = 0; i < master->n_posts; i++) {
        if (master->posts[i].child != NULL) {
            logs_tell(master->posts[i].child);
        }
    }
    mosn_log_notice("logs are open again");
}


/* --- stop --------------------------------------------------------------- */

static void
stop_late(mosn_timer_t *timer MOSN_UNUSED)
{
    mosn_log_warn(0, "%u processes did not end in time, killing them",
                  master_count_children(false));
    master_kill_all(SIGKILL);
}


static void
stop_now(void)
{
    master->phase = MASTER_STOPPING;
    master_kill_all(SIGINT); /* they write their logs out */
    mosn_timer_init(&master->deadline, stop_late);
    mosn_timer_arm(&master->loop, &master->deadline, LAST_WORD_MS);
    if (master_count_children(false) == 0) {
        master->loop.stop = true;
    }
}


/* A transaction ends here. */
static void
stop_transaction(void)
{
    mosn_timer_disarm(&master->loop, &master->deadline);
    mosn_timer_disarm(&master->loop, &master->probation);
    mosn_timer_disarm(&master->loop, &master->surplus);
    if (master->try_pid > 0) {
        (void) kill(-master->try_pid, SIGKILL);
    }
    mosn_client_end(&master->client, "mosn is stopping", NULL);
}


void
master_stop(int signo)
{
    if (master->phase == MASTER_STOPPING || signo == SIGINT) {
        mosn_log_notice("signal %d: ending at once", signo);
        stop_transaction();
        stop_now();
        return;
    }
    mosn_log_notice("signal %d: draining for up to %u ms", signo,
                    master->settings->drain_timeout_ms);
    mosn_notify("STOPPING=1\nSTATUS=Draining for up to %u s",
                (master->settings->drain_timeout_ms + 999) / 1000);
    stop_transaction();
    master->phase = MASTER_STOPPING;
    atomic_store(&master->board->out_of_service, 1);
    master_sockets_remove_all();
    for (mosn_list_t *link = master->children.next; link != &master->children;
         link = link->next)
    {
        master_child_t *c = mosn_container_of(link, master_child_t, link);

        if (!c->is_control && c->ends_ms == 0) {
            master_child_drain(c, 0, NULL, master->settings->drain_timeout_ms);
        }
    }
    mosn_timer_init(&master->deadline, stop_late);
    mosn_timer_arm(&master->loop, &master->deadline,
                   (uint64_t) master->settings->drain_timeout_ms
                       + KILL_AFTER_MS);
    master_reap();
}


/* --- signals ------------------------------------------------------------ */

/* What comes while a transaction is under way comes after it. */
static void
on_reload_signal(bool upgrade)
{
    const char *what = upgrade ? "upgrade" : "reload", *why;

    if (master->phase == MASTER_TRYING || master->phase == MASTER_STAGING) {
        master->wish = upgrade || master->wish == MASTER_WANTS_UPGRADE
                           ? MASTER_WANTS_UPGRADE
                           : MASTER_WANTS_RELOAD;
        mosn_log_notice("%s: after what is under way", what);
    } else if (!master_reload_start(upgrade, NULL, NULL,
                                    (mosn_client_t){ -1, false }, &why))
    {
        mosn_log_err(0, "%s: %s", what, why);
    }
}


static void
on_signal(mosn_watch_t *watch MOSN_UNUSED, uint32_t events MOSN_UNUSED)
{
    struct signalfd_siginfo info;

    while (read(master->signal_fd, &info, sizeof(info)) == sizeof(info)) {
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
        case SIGHUP:
            on_reload_signal(false);
            break;
        case SIGUSR2:
            on_reload_signal(true);
            break;
        default:
            break;
        }
    }
}


static mosn_rc_e
watch_signals(void)
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
    mosn_socket_keep_spares();
    master->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (master->signal_fd == -1) {
        mosn_log_alert(errno, "cannot watch signals");
        return MOSN_ERROR;
    }
    master->signals.on_ready = on_signal;
    return mosn_loop_watch_level(&master->loop, &master->signals,
                                 master->signal_fd);
}


/* --- start -------------------------------------------------------------- */

mosn_rc_e
master_choose_user(void)
{
    mosn_str_t user = master->settings->user;

    if (geteuid() != 0) {
        return MOSN_OK; /* we are what we are */
    }
    if (user.at != NULL) {
        if (mosn_process_find_user(user.at, &master->user) == -1) {
            mosn_log_err(0, "there is no user \"%s\"", user.at);
            return MOSN_ERROR;
        }
    } else if (mosn_process_find_user("mosn", &master->user) == -1
               && mosn_process_find_user("nobody", &master->user) == -1)
    {
        mosn_log_err(0, "there is no user \"mosn\" or \"nobody\"; set "
                        "`user`");
        return MOSN_ERROR;
    }
    master->has_user = true;
    return MOSN_OK;
}


void
master_raise_limits(void)
{
    size_t wanted =
        (size_t) master->settings->worker_connections * 2 + SPARE_FDS;
    size_t got = mosn_process_raise_fd_limit(wanted);

    if (got < wanted) {
        mosn_log_warn(0,
                      "only %zu descriptors are allowed, %zu may be needed "
                      "for worker_connections = %lld; raise the limit "
                      "(LimitNOFILE, ulimit -n) or lower worker_connections",
                      got, wanted,
                      (long long) master->settings->worker_connections);
    }
}


mosn_rc_e
master_write_pid(void)
{
    char text[24];
    int  n;

    if (master->settings->pid_file.at == NULL) {
        return MOSN_OK;
    }
    n = snprintf(text, sizeof(text), "%d\n", (int) getpid());
    if (mosn_file_replace(master->settings->pid_file.at, text, (size_t) n)
        == -1) {
        mosn_log_err(errno, "cannot write pid_file %s",
                     master->settings->pid_file.at);
        return MOSN_ERROR;
    }
    return MOSN_OK;
}


mosn_rc_e
master_open_board(int fd)
{
    if (fd == -1 ? mosn_shm_create(&master->board_shm, "mosn board",
                                   sizeof(*master->board))
                       == -1
                 : mosn_shm_open(&master->board_shm, fd) == -1)
    {
        mosn_log_alert(errno, "cannot map the board");
        return MOSN_ERROR;
    }
    master->board = master->board_shm.bytes;
    if (fd == -1) {
        master->board->version = MOSN_BOARD_VERSION;
        master->board->size = sizeof(*master->board);
    } else if (master->board_shm.size < sizeof(*master->board)
               || master->board->version != MOSN_BOARD_VERSION)
    {
        /* Older children go on at theirs, and are not seen here; it stays
         * open for the way back. */
        mosn_log_warn(0, "the board has another layout, making a new one");
        master->new_board = true;
        return master_open_board(-1);
    }
    return MOSN_OK;
}


int
master_admin_fd(void)
{
    const mosn_settings_t *s = master->settings;

    for (mosn_list_t *link = master->sockets.next;
         s->admin != NULL && link != &master->sockets; link = link->next)
    {
        master_socket_t *socket =
            mosn_container_of(link, master_socket_t, link);

        if (socket->slot == 0
            && mosn_address_equal(&socket->address, &s->admin->address))
        {
            return socket->fd;
        }
    }
    return -1;
}


static mosn_rc_e
start_fresh(void)
{
    const mosn_error_log_conf_t *log = &master->settings->error_log;

    if (mosn_log_open(log->path.at, (mosn_log_level_e) log->level) == -1) {
        mosn_log_err(errno, "cannot open error_log %s", log->path.at);
        return MOSN_ERROR;
    }
    master->n_workers = mosn_settings_workers(master->settings);
    master_sockets_activate();
    master->patient = true;
    if (master_choose_user() != MOSN_OK || mosn_metrics_open(-1) != MOSN_OK
        || master_open_board(-1) != MOSN_OK
        || mosn_tls_tickets_open(-1) != MOSN_OK
        || mosn_log_files_open() != MOSN_OK || master_sockets_bind() != MOSN_OK
        || master_sockets_open() != MOSN_OK)
    {
        return MOSN_ERROR;
    }
    (void) master_sockets_commit();
    master->patient = false;
    master->admin_fd = master_admin_fd();
    mosn_commands_init(master_commands);
    if (master->settings->control_socket.at != NULL
        && mosn_commands_listen(&master->loop,
                                master->settings->control_socket.at, -1)
               != MOSN_OK)
    {
        return MOSN_ERROR;
    }
    if (master_write_pid() != MOSN_OK) {
        return MOSN_ERROR;
    }
    mosn_settings_register_metrics(master->generation, master->settings);
    mosn_clusters_adopt(master->generation, false);
    master_raise_limits();
    master_posts_init();
    master_count_workers();
    master->started_ms = master->loop.now_ms;
    master->phase = MASTER_SERVING;
    return MOSN_OK;
}


/* In the middle of a transaction it is the old ones that are there. */
static void
remove_files(void)
{
    const mosn_settings_t *s = master->settings;
    const mosn_inherit_t  *old = master->state;
    const char *pid = old != NULL ? old->pid_file.at : s->pid_file.at;
    const char *control =
        old != NULL ? old->control_path.at : s->control_socket.at;

    if (pid != NULL && pid[0] != '\0') {
        (void) unlink(pid);
    }
    mosn_commands_close(control != NULL && control[0] != '\0' ? control
                                                              : NULL);
    master_sockets_remove_all();
}


/* The path of what runs here, for upgrades. */
static char *
find_program(void)
{
    char    path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

    path[n > 0 ? n : 0] = '\0';
    return strdup(path);
}


static mosn_rc_e
start_first(const char *conf_path)
{
    char *errors;

    master->generation =
        mosn_settings_load(conf_path, 1, &master->settings, &errors);
    if (master->generation == NULL) {
        (void) fputs(errors, stderr);
        free(errors);
        return MOSN_ERROR;
    }
    mosn_log_mirror(true); /* a start that fails is told at the terminal */
    if (start_fresh() != MOSN_OK) {
        mosn_commands_close(mosn_commands_fd() != -1
                                ? master->settings->control_socket.at
                                : NULL);
        master_sockets_remove_all();
        return MOSN_ERROR;
    }
    mosn_log_mirror(false);
    master->program = find_program();
    master_spawn_all();
    if (!master->quiet) {
        mosn_log_notice("mosn serves %zu listeners with %u workers",
                        master->settings->listeners.n, master->n_workers);
    }
    mosn_notify("READY=1\nSTATUS=Serving with %u workers", master->n_workers);
    return MOSN_OK;
}


static int
fd_variable(const char *name)
{
    const char *text = getenv(name);

    return text != NULL ? atoi(text) : -1;
}


int
mosn_master_run(const char *conf_path, bool quiet)
{
    int state = fd_variable(MOSN_ENV_STATE), words = fd_variable(MOSN_ENV_TRY);

    if (state != -1 && words != -1) {
        return mosn_master_try(conf_path, state, words);
    }
    mosn_log_set_role("master");
    master->conf_path = conf_path;
    master->quiet = quiet;
    master->state_fd = master->admin_fd = master->try_fd = -1;
    master->conf_fd = -1;
    if (state != -1
        && master_inherit(state, fd_variable(MOSN_ENV_BACK)) != MOSN_OK)
    {
        return 1;
    }
    master->client.fd = -1;
    mosn_list_init(&master->children);
    mosn_list_init(&master->sockets);
    mosn_timer_init(&master->surplus, master_surplus_fired);
    mosn_timer_init(&master->tick, master_tick_fired);
    mosn_timer_init(&master->next, master_next_fired);
    mosn_timer_init(&master->resources, master_resources_fired);
    mosn_timer_init(&master->deadline, stop_late);
    mosn_timer_init(&master->probation, stop_late);
    if (mosn_loop_init(&master->loop) != MOSN_OK || watch_signals() != MOSN_OK)
    {
        return 1;
    }
    master->loop.forks = true;
    master->program_fd = mosn_process_open_program();
    master->watchdog_ms = mosn_notify_watchdog_ms();
    master->last_tick_ms = master->loop.now_ms;
    mosn_process_set_title("mosn: master");
    mosn_process_set_pace(MOSN_PROCESS_MODEST); /* a reload is no hurry */
    if ((state != -1 ? master_continue() : start_first(conf_path)) != MOSN_OK)
    {
        return 1;
    }
    master_tick_fired(&master->tick);
    master_reap(); /* who ended while nobody looked */
    mosn_loop_run(&master->loop);

    mosn_log_notice("all processes have ended");
    remove_files();
    mosn_loop_fini(&master->loop);
    mosn_pool_destroy(&master->state_pool);
    mosn_generation_unref(master->generation);
    free(master->program);
    return 0;
}
