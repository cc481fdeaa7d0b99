/*
 * master_reload.c - reload and upgrade: a transaction that either succeeds,
 * losing nothing, or changes nothing and says why.
 *
 *   try      a child runs the (new) program with what we own and the file:
 *            it reads, builds, binds what is new, and says so
 *   exec     we become that program; the process id stays
 *   stage    new children start on the same sockets, beside the old ones
 *   commit   all are ready and lived for a while: the old ones drain
 *   back     one was not: the new ones drain, and we exec the program that
 *            we were, with the state that it left
 */

#include "core/log.h"
#include "core/log_file.h"
#include "event/tls_watch.h"
#include "master_parts.h"
#include "os/file.h"
#include "os/notify.h"
#include "os/socket.h"
#include "resources.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PROBATION_MS  200u
#define HOLD_MS       10u
#define MAX_TRY_WORDS 65536u
#define MAX_LOG_LINES 32
#define VERDICT       "verdict: ok\n"
#define ROWS_WANTED   (MOSN_MAX_WORKERS + 1)

#define master (&mosn_master)

extern char **environ;


/* What serves, for the way back; made once, while a child tries. */
static void
print_settings(FILE *out, const void *settings)
{
    (void) settings;
    master_print_config(out, true);
}


static bool
keep_settings(void)
{
    if (master->conf_fd == -1) {
        master->conf_fd = mosn_inherit_fill("mosn configuration",
                                            print_settings, master->settings);
    }
    return master->conf_fd != -1;
}


static void
set_fd_variable(const char *name, int fd)
{
    char text[16];

    (void) snprintf(text, sizeof(text), "%d", fd);
    (void) setenv(name, text, 1);
}


/* Runs `program`, or what runs now when it is NULL. */
static void
exec_program(const char *program, const char *conf)
{
    const char *name = program != NULL ? program : master->program;
    char       *argv[] = { (char *) (uintptr_t) name, (char[]){ "-c" },
                           (char *) (uintptr_t) conf,
                     master->quiet ? (char[]){ "-q" } : NULL, NULL };

    if (program != NULL) {
        (void) execve(program, argv, environ); /* may be a script */
    } else {
        (void) fexecve(master->program_fd, argv, environ);
    }
}


/* --- try ---------------------------------------------------------------- */

/* One line of the log for each line of `text`, within reason. */
static void
log_lines(const char *text)
{
    for (int i = 0; i < MAX_LOG_LINES && *text != '\0'; i++) {
        int n = (int) strcspn(text, "\n");

        mosn_log_err(0, "  %.*s", n, text);
        text += text[n] == '\n' ? n + 1 : n;
    }
}


/* The end of a transaction that changed nothing. */
void
master_reload_refused(const char *why)
{
    bool check = master->try_conf != NULL;

    master->phase = MASTER_SERVING;
    mosn_timer_disarm(&master->loop, &master->deadline);
    if (!check) {
        mosn_log_err(0, "%s refused, nothing has changed:",
                     master->upgrade ? "upgrade" : "reload");
        log_lines(why);
        mosn_notify("READY=1\nSTATUS=Serving; the last %s was refused",
                    master->upgrade ? "upgrade" : "reload");
    }
    mosn_client_end(&master->client, why, NULL);
    free(master->try_program);
    free(master->try_conf);
    master->try_program = master->try_conf = NULL;
    master_reload_next();
}


void
master_reload_next(void)
{
    if (master->wish != MASTER_NO_WISH) {
        mosn_timer_arm(&master->loop, &master->next, 1);
    }
}


void
master_next_fired(mosn_timer_t *timer MOSN_UNUSED)
{
    bool        upgrade = master->wish == MASTER_WANTS_UPGRADE;
    const char *why;

    if (master->phase != MASTER_SERVING || master->wish == MASTER_NO_WISH) {
        return; /* the end of what is under way comes back to it */
    }
    master->wish = MASTER_NO_WISH;
    if (!master_reload_start(upgrade, NULL, NULL, (mosn_client_t){ -1, false },
                             &why))
    {
        mosn_log_err(0, "%s: %s", upgrade ? "upgrade" : "reload", why);
    }
}


static void
try_read_words(void)
{
    char    piece[4096];
    ssize_t n;

    while (master->try_fd != -1
           && (n = read(master->try_fd, piece, sizeof(piece))) > 0)
    {
        size_t room = MAX_TRY_WORDS - master->n_try_words;

        if ((size_t) n > room) {
            n = (ssize_t) room;
        }
        memcpy(master->try_words + master->n_try_words, piece, (size_t) n);
        master->n_try_words += (size_t) n;
    }
}


static void
try_on_words(mosn_watch_t *watch, uint32_t events)
{
    try_read_words();
    if ((events & EPOLLHUP) != 0 && (events & EPOLLIN) == 0) {
        mosn_loop_unwatch(&master->loop, watch, master->try_fd);
    }
}


/* In the child. */
static MOSN_NORETURN void
try_become(int state_fd, int words, const mosn_inherit_t *state,
           const char *conf)
{
    sigset_t none;

    (void) setpgid(0, 0);
    mosn_process_set_pace(MOSN_PROCESS_IDLE);
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
    (void) dup2(words, STDOUT_FILENO);
    (void) dup2(words, STDERR_FILENO);
    mosn_process_keep_fd(words, true);
    mosn_process_keep_fd(state_fd, true);
    mosn_inherit_keep_fds(state, true);
    mosn_process_keep_fd(master->client.fd, false); /* not its business */
    set_fd_variable(MOSN_ENV_STATE, state_fd);
    set_fd_variable(MOSN_ENV_TRY, words);
    exec_program(master->try_program, conf);
    (void) fprintf(stderr, "cannot run %s: %s\n",
                   master->try_program != NULL ? master->try_program
                                               : master->program,
                   strerror(errno));
    _exit(1);
}


static void
try_late(mosn_timer_t *timer MOSN_UNUSED)
{
    master->try_late = true;
    (void) kill(-master->try_pid, SIGKILL);
    (void) kill(master->try_pid, SIGKILL);
}


/* False: logged. */
static bool
try_start(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    const char  *conf =
        master->try_conf != NULL ? master->try_conf : master->conf_path;
    mosn_inherit_t *state;
    int             words[2] = { -1, -1 };
    int             state_fd = master_state_write(&state, pool, false);

    if (state_fd == -1 || pipe2(words, O_CLOEXEC | O_NONBLOCK) == -1) {
        mosn_log_alert(errno, "cannot try the configuration");
        if (state_fd != -1) {
            (void) close(state_fd);
        }
        mosn_pool_destroy(&pool);
        return false;
    }
    master->try_pid = fork();
    if (master->try_pid == 0) {
        (void) close(words[0]);
        try_become(state_fd, words[1], state, conf);
    }
    (void) close(words[1]);
    (void) close(state_fd);
    mosn_pool_destroy(&pool);
    master->try_fd = words[0];
    if (master->try_pid == -1) {
        mosn_log_alert(errno, "cannot try the configuration");
        (void) close(words[0]);
        master->try_fd = -1;
        return false;
    }
    (void) setpgid(master->try_pid, master->try_pid);
    master->try_words = mosn_calloc(MAX_TRY_WORDS + 1);
    master->n_try_words = 0;
    master->try_late = false;
    master->try_watch.on_ready = try_on_words;
    (void) mosn_loop_watch_level(&master->loop, &master->try_watch,
                                 master->try_fd);
    if (!keep_settings()) {
        (void) kill(-master->try_pid, SIGKILL);
    }
    mosn_timer_init(&master->deadline, try_late);
    mosn_timer_arm(&master->loop, &master->deadline,
                   master->settings->start_timeout_ms);
    return true;
}


static unsigned
free_rows(void)
{
    return MOSN_METRICS_ROWS - 1 - master_count_children(false);
}


bool
master_reload_start(bool upgrade, const char *program, const char *conf,
                    mosn_client_t client, const char **why)
{
    if (master->phase != MASTER_SERVING) {
        *why = master->phase == MASTER_STOPPING
                   ? "mosn is stopping"
                   : "a reload or an upgrade is under way; try again when it "
                     "is done";
        return false;
    }
    if (free_rows() < ROWS_WANTED) {
        *why = "too many old processes are still draining; wait for them, or "
               "set a shorter drain_timeout";
        return false;
    }
    master->upgrade = upgrade;
    master->client = client;
    if (conf != NULL) {
        master->try_conf = strdup(conf);
    }
    if (upgrade) {
        master->try_program =
            strdup(program != NULL ? program : master->program);
    }
    master->phase = MASTER_TRYING;
    if (conf == NULL) {
        mosn_log_notice(upgrade ? "upgrade to %s" : "reload of %s",
                        upgrade ? master->try_program : master->conf_path);
        if (master->unkept > 0) {
            mosn_log_warn(0,
                          "%u changes of the run time were not persisted and "
                          "end with this configuration",
                          master->unkept);
            mosn_client_say(client,
                            "%u changes of the run time were not persisted "
                            "and end with this configuration",
                            master->unkept);
        }
        mosn_notify_reloading(upgrade ? "Upgrading" : "Reloading");
        mosn_client_say(
            client, upgrade ? "trying %s with %s" : "trying the configuration",
            master->try_program, master->conf_path);
    }
    if (!try_start()) {
        master_reload_refused("no child could be started; see the error log");
    }
    return true;
}


/* What a try that failed said, or how it ended; without a last newline. */
static const char *
try_explain(int status)
{
    static char text[256];
    char       *words = master->try_words;
    size_t      n = master->n_try_words;

    while (n > 0 && (words[n - 1] == '\n' || words[n - 1] == '\0')) {
        words[--n] = '\0';
    }
    if (master->try_late) {
        (void) snprintf(text, sizeof(text),
                        "the program did not say within %u ms that it can run "
                        "(start_timeout)",
                        master->settings->start_timeout_ms);
    } else if (WIFSIGNALED(status)) {
        (void) snprintf(text, sizeof(text),
                        "the program crashed at its start: signal %d (%s)",
                        WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (n > 0) {
        return words;
    } else {
        (void) snprintf(text, sizeof(text),
                        "the program ended with status %d and did not say "
                        "that it can run",
                        WEXITSTATUS(status));
    }
    return text;
}


static void reload_exec(void);


static void
reload_held(mosn_timer_t *timer MOSN_UNUSED)
{
    reload_exec();
}


/* The next image does not know what children have not taken yet.  True: they
 * get a while to do so. */
static bool
reload_hold(void)
{
    uint64_t now = master->loop.now_ms;

    if (master_send_late() && master_resources_flush()) {
        return false;
    }
    if (master->hold_until_ms == 0) {
        master->hold_until_ms = now + master->settings->start_timeout_ms;
    }
    if (now >= master->hold_until_ms) {
        master_reload_refused("a process does not take what was changed "
                              "before: try again later");
        return true;
    }
    mosn_timer_init(&master->deadline, reload_held);
    mosn_timer_arm(&master->loop, &master->deadline, HOLD_MS);
    return true;
}


/* From here the file and the program are known to be good. */
static void
reload_exec(void)
{
    mosn_pool_t    *pool;
    mosn_inherit_t *state;
    int             fd;

    if (reload_hold()) {
        return;
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    /* Again, if something was changed since it was tried. */
    fd = keep_settings() ? master_state_write(&state, pool, true) : -1;
    if (fd == -1) {
        mosn_pool_destroy(&pool);
        master_reload_refused("the state could not be written down");
        return;
    }
    mosn_client_say(master->client, "starting generation %u",
                    master->generation->number + 1);
    mosn_log_files_flush();
    master_children_hear();
    mosn_commands_refuse("a reload is under way; try again when it is over");
    mosn_inherit_keep_fds(state, true);
    set_fd_variable(MOSN_ENV_STATE, fd);
    exec_program(master->try_program, master->conf_path);

    mosn_log_alert(errno, "cannot exec");
    (void) unsetenv(MOSN_ENV_STATE);
    mosn_inherit_keep_fds(state, false);
    (void) close((int) state->tls_fd);
    (void) close(fd);
    mosn_pool_destroy(&pool);
    master_reload_refused(
        "the program could not be executed; see the error log");
}


bool
master_try_ended(pid_t pid, int status)
{
    char *words;
    bool  good;

    if (pid != master->try_pid || pid == 0) {
        return false;
    }
    try_read_words();
    mosn_loop_unwatch(&master->loop, &master->try_watch, master->try_fd);
    (void) close(master->try_fd);
    master->try_fd = -1;
    master->try_pid = 0;
    mosn_timer_disarm(&master->loop, &master->deadline);
    good = status == 0 && !master->try_late
           && master->n_try_words >= sizeof(VERDICT) - 1
           && strcmp(master->try_words + master->n_try_words
                         - (sizeof(VERDICT) - 1),
                     VERDICT)
                  == 0;
    words = master->try_words; /* the next one has its own */
    if (master->phase != MASTER_TRYING) {
        /* stopping: nobody wants to know */
    } else if (!good) {
        master_reload_refused(try_explain(status));
    } else if (master->try_conf != NULL) {
        char text[4200];

        (void) snprintf(text, sizeof(text),
                        master->client.json ? "{}\n" : "%s is fine\n",
                        master->try_conf);
        free(master->try_conf);
        master->try_conf = NULL;
        master->phase = MASTER_SERVING;
        mosn_client_end(&master->client, NULL, text);
        master_reload_next();
    } else {
        master->hold_until_ms = 0;
        reload_exec();
    }
    free(words);
    if (master->try_words == words) {
        master->try_words = NULL;
    }
    return true;
}


static bool
try_error_log(const char *path)
{
    int fd;

    if (strcmp(path, "stderr") == 0) {
        return true;
    }
    fd = mosn_file_open_log(path);
    if (fd == -1) {
        mosn_log_err(errno, "cannot open error_log %s", path);
        return false;
    }
    (void) close(fd);
    return true;
}


/* Could a file, or a socket, be made at `path`?  NULL: none is wanted. */
static bool
try_place(const char *setting, const char *path, bool is_socket)
{
    struct sockaddr_un un;
    struct stat        st;
    char               folder[4096];
    const char        *slash = path != NULL ? strrchr(path, '/') : NULL;

    if (path == NULL) {
        return true;
    }
    if (is_socket && strlen(path) >= sizeof(un.sun_path)) {
        mosn_log_err(0, "%s %s: the path is too long", setting, path);
        return false;
    }
    if (stat(path, &st) == 0
        && !(is_socket ? S_ISSOCK(st.st_mode) : S_ISREG(st.st_mode)))
    {
        mosn_log_err(0, "%s %s: there is something else", setting, path);
        return false;
    }
    (void) snprintf(folder, sizeof(folder), "%.*s",
                    slash == NULL   ? 1
                    : slash == path ? 1
                                    : (int) (slash - path),
                    slash == NULL ? "." : path);
    if (access(folder, W_OK) == 0) {
        return true;
    }
    mosn_log_err(errno, "%s %s: cannot make a file in %s", setting, path,
                 folder);
    return false;
}


/* Everything that a start does, but for starting. */
static bool
try_all(const char *conf_path)
{
    char *errors;
    bool  good;

    master->generation =
        mosn_settings_load(conf_path, 0, &master->settings, &errors);
    if (master->generation == NULL) {
        (void) fputs(errors, stderr);
        free(errors);
        return false;
    }
    master->n_workers = mosn_settings_workers(master->settings);
    good = try_error_log(master->settings->error_log.path.at)
           && try_place("pid_file", master->settings->pid_file.at, false)
           && try_place("control_socket", master->settings->control_socket.at,
                        true)
           && master_choose_user() == MOSN_OK
           && mosn_log_files_open() == MOSN_OK
           && master_sockets_bind() == MOSN_OK;
    master_sockets_forget_fresh();
    mosn_generation_unref(master->generation);
    return good;
}


int
mosn_master_try(const char *conf_path, int state_fd, int words)
{
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_CONF);
    const char     *why;
    mosn_inherit_t *state = mosn_inherit_read(state_fd, pool, &why);
    bool            good = false;

    mosn_log_set_role("trial");
    mosn_list_init(&master->sockets);
    mosn_list_init(&master->children);
    if (state == NULL) {
        (void) fprintf(stderr, "%s\n", why);
    } else {
        master_sockets_adopt(state);
        good = try_all(conf_path);
        master_sockets_close_all();
    }
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return good
                   && write(words, VERDICT, sizeof(VERDICT) - 1)
                          == sizeof(VERDICT) - 1
               ? 0
               : 1;
}


/* --- back --------------------------------------------------------------- */

/* The new children that serve already give their clients to the old ones;
 * the others are ended.  Who is left goes on the list for the way back. */
static void
back_end_children(FILE *list)
{
    for (mosn_list_t *link = master->children.next, *next;
         link != &master->children; link = next)
    {
        master_child_t *c = mosn_container_of(link, master_child_t, link);
        master_child_t *elder = NULL;

        next = link->next;
        if (c->post == NULL) {
            continue;
        }
        if (!c->ready) {
            (void) kill(c->pid, SIGKILL);
            (void) waitpid(c->pid, NULL, 0);
            mosn_metrics_fold(c->row, mosn_metric_sets);
            continue;
        }
        for (mosn_list_t *l = master->children.next; l != &master->children;
             l = l->next)
        {
            master_child_t *o = mosn_container_of(l, master_child_t, link);

            if (o->post == NULL && o->ends_ms == 0 && !o->is_control
                && !c->is_control && (elder == NULL || o->slot == c->slot))
            {
                elder = o;
            }
        }
        master_child_drain(c, c->is_control, elder,
                           master->settings->drain_timeout_ms);
        mosn_process_keep_fd(c->channel, true);
        (void) fprintf(list, "%d %u %d %d %u %u\n", (int) c->pid, c->row,
                       c->channel, c->is_control, c->slot, c->generation);
    }
}


/* Execs the program that we were; does not return. */
void
master_go_back(const char *why)
{
    const mosn_inherit_t *state = master->state;
    int                   back = memfd_create("mosn way back", 0);
    char                **env;
    FILE                 *list;

    mosn_log_err(0, "going back to generation %lld: %s",
                 (long long) state->generation, why);
    list = back == -1 ? NULL : fdopen(dup(back), "w");
    if (list == NULL) {
        mosn_log_alert(errno, "cannot write the way back down");
        exit(1);
    }
    if (master->generation != NULL) {
        back_end_children(list);
    }
    (void) fprintf(list, "%d %d %d\n%s", (int) master->wish, master->shedding,
                   master->reopened, why);
    (void) fclose(list);
    master_sockets_forget_fresh();

    env = mosn_calloc((state->environment.n + 3) * sizeof(*env));
    for (size_t i = 0; i < state->environment.n; i++) {
        env[i] = (char *) (uintptr_t) state->environment.items[i].at;
    }
    environ = env;
    mosn_inherit_keep_fds(state, true);
    mosn_process_keep_fd(master->state_fd, true);
    set_fd_variable(MOSN_ENV_STATE, master->state_fd);
    set_fd_variable(MOSN_ENV_BACK, back);
    if (master->program_fd != (int) state->program_fd) {
        (void) close(master->program_fd);
    }
    master->program_fd = (int) state->program_fd;
    mosn_commands_refuse("a reload is under way; try again when it is over");
    exec_program(NULL, state->conf_path.at);
    mosn_log_alert(errno, "cannot go back");
    exit(1);
}


/* --- stage -------------------------------------------------------------- */

static void stage_commit(mosn_timer_t *timer);


void
master_stage_late(mosn_timer_t *timer MOSN_UNUSED)
{
    master_go_back("the new processes were not ready in time (start_timeout)");
}


void
master_stage_child_ended(const master_post_t *post)
{
    char why[256];

    (void) snprintf(why, sizeof(why), "a new %s %s",
                    post->is_control ? "control process" : "worker",
                    post->how);
    master_go_back(why);
}


void
master_stage_child_ready(void)
{
    if (master->phase != MASTER_STAGING) {
        return;
    }
    for (unsigned i = 0; i < master->n_posts; i++) {
        if (master->posts[i].child == NULL || !master->posts[i].child->ready) {
            return;
        }
    }
    mosn_log_notice("generation %u is ready", master->generation->number);
    mosn_client_say(master->client, "generation %u is ready",
                    master->generation->number);
    mosn_timer_disarm(&master->loop, &master->deadline);
    mosn_timer_init(&master->probation, stage_commit);
    mosn_timer_arm(&master->loop, &master->probation, PROBATION_MS);
}


/* The old children that serve are told to go.  Those that drain already get
 * another heir: the one they had is about to go itself. */
static void
commit_drain(uint32_t linger_ms)
{
    for (mosn_list_t *link = master->children.next; link != &master->children;
         link = link->next)
    {
        master_child_t *c = mosn_container_of(link, master_child_t, link);
        unsigned        heir = c->slot % master->n_workers;

        if (c->post != NULL || (c->is_control && c->ends_ms != 0)) {
            continue;
        }
        if (c->is_control) {
            master_child_drain(c, 1, NULL, 0);
        } else if (c->ends_ms != 0) {
            master_child_set_heir(c, 0, master->posts[heir].child);
        } else {
            master_child_drain(c, c->slot >= master->n_workers ? linger_ms : 0,
                               master->posts[heir].child,
                               (uint64_t) master->state->drain_timeout_ms);
        }
    }
}


/* The new socket is there before the old one goes; one whose file somebody
 * has removed is made again. */
static void
commit_control_socket(void)
{
    const char *old = master->state->control_path.at;
    const char *path = master->settings->control_socket.at;
    int         fd;

    if (path == NULL) {
        mosn_commands_close(old[0] != '\0' ? old : NULL);
        return;
    }
    if (mosn_commands_fd() != -1 && strcmp(path, old) == 0
        && access(path, F_OK) == 0)
    {
        return;
    }
    fd = mosn_commands_bind(path);
    if (fd != -1) {
        mosn_commands_close(old[0] != '\0' && strcmp(path, old) != 0 ? old
                                                                     : NULL);
        (void) mosn_commands_listen(&master->loop, path, fd);
    }
}


static void
commit_files(void)
{
    const mosn_inherit_t  *old = master->state;
    const mosn_settings_t *s = master->settings;

    commit_control_socket();
    if (master_write_pid() == MOSN_OK && old->pid_file.len > 0
        && (s->pid_file.at == NULL
            || strcmp(s->pid_file.at, old->pid_file.at) != 0))
    {
        (void) unlink(old->pid_file.at);
    }
}


static void
commit_tell_client(void)
{
    char text[160];

    (void) snprintf(text, sizeof(text),
                    master->client.json
                        ? "{\"generation\":%u,\"workers\":%u}\n"
                        : "generation %u serves with %u workers\n",
                    master->generation->number, master->n_workers);
    mosn_client_end(&master->client, NULL, text);
}


static void
stage_commit(mosn_timer_t *timer MOSN_UNUSED)
{
    master->phase = MASTER_SERVING;
    master->reloads++;
    master_count_workers();
    master_close_kept();
    commit_drain(master_sockets_commit());
    master_resources_commit();
    commit_files();
    (void) close(master->state_fd);
    (void) close((int) master->state->program_fd);
    (void) close((int) master->state->conf_fd);
    if (master->state->tls_fd != -1) {
        (void) close((int) master->state->tls_fd);
    }
    if ((int) master->state->metrics_fd != mosn_metrics_fd()) {
        (void) close((int) master->state->metrics_fd);
    }
    if ((int) master->state->board_fd != master->board_shm.fd) {
        (void) close((int) master->state->board_fd);
    }
    master->state_fd = -1;
    mosn_log_notice("%s done: generation %u serves, %zu listeners, %u workers",
                    master->upgrade ? "upgrade" : "reload",
                    master->generation->number, master->settings->listeners.n,
                    master->n_workers);
    mosn_notify("READY=1\nSTATUS=Serving generation %u with %u workers",
                master->generation->number, master->n_workers);
    commit_tell_client();
    master->state = NULL;
    mosn_pool_destroy(&master->state_pool);
    master_reload_next();
}
