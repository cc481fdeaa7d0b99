/*
 * master_children.c - fork, supervise, replace.
 *
 * A post is a place of the generation that serves; a child is a process that
 * has one, or that drains and had one of an older generation.
 */

#include "core/log.h"
#include "core/log_file.h"
#include "event/tls_watch.h"
#include "master_parts.h"
#include "os/clock.h"
#include "os/notify.h"
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESPAWN_MIN_MS 100u /* after a crash right at the start */
#define RESPAWN_MAX_MS 10000u
#define HEALTHY_MS     1000u /* who lived so long did not crash at start */
#define KILL_AFTER_MS  5000u /* beyond drain_timeout */
#define ABORT_MS       1000u /* from SIGABRT to SIGKILL */
#define TICK_MS        250u
#define TICKET_KEY_MS                                                         \
    (8u * 3600 * 1000) /* tickets live for three of these                     \
                        */

#define MAX_LATE 1024u /* notes that wait for one child */

#define master (&mosn_master)

/* A note that waits for room in a child's channel. */
typedef struct {
    mosn_list_t link;
    mosn_note_t note;
    int         fds[MOSN_SOCKET_MAX_FDS];
    size_t      n_fds;
} late_t;


static void child_on_channel(mosn_watch_t *watch, uint32_t events);


static master_child_t *
child_of(mosn_list_t *link)
{
    return mosn_container_of(link, master_child_t, link);
}


#define EACH_CHILD(c, next)                                                   \
    for (mosn_list_t *c = master->children.next, *next;                       \
         next = c->next, c != &master->children; c = next)


/* A row of metrics that no process uses; 0: there is none. */
static unsigned
child_find_row(void)
{
    bool taken[MOSN_METRICS_ROWS] = { true }; /* 0: the sums of those gone */

    EACH_CHILD(link, next)
    {
        taken[child_of(link)->row] = true;
    }
    for (unsigned row = 1; row < MOSN_METRICS_ROWS; row++) {
        if (!taken[row]) {
            return row;
        }
    }
    return 0;
}


static void
child_name(master_child_t *c)
{
    if (c->is_control) {
        (void) snprintf(c->role, sizeof(c->role), "control");
    } else {
        (void) snprintf(c->role, sizeof(c->role), "worker %u", c->slot);
    }
}


master_child_t *
master_child_adopt(pid_t pid, int channel, unsigned row, master_post_t *post,
                   bool is_control, unsigned slot, uint32_t generation)
{
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_CONN);
    master_child_t *c = mosn_pool_calloc(pool, sizeof(*c));

    mosn_list_init(&c->late);
    c->pool = pool;
    c->pid = pid;
    c->channel = channel;
    c->row = row;
    c->post = post;
    c->is_control = is_control;
    c->slot = slot;
    c->generation = generation;
    c->started_ms = master->loop.now_ms;
    c->watch.on_ready = child_on_channel;
    child_name(c);
    if (post != NULL) {
        post->child = c;
    }
    mosn_list_append(&master->children, &c->link);
    if (channel != -1) {
        (void) mosn_loop_watch_level(&master->loop, &c->watch, channel);
    }
    return c;
}


/* While there is a way back, the one we were will look for its children under
 * the numbers it knew: none of them may be something else by then. */
static void
master_close_channel(int fd)
{
    if (master->phase == MASTER_STAGING
        && master->n_kept < MOSN_COUNT(master->kept))
    {
        master->kept[master->n_kept++] = fd;
    } else {
        (void) close(fd);
    }
}


/* There is no way back any more. */
void
master_close_kept(void)
{
    while (master->n_kept > 0) {
        (void) close(master->kept[--master->n_kept]);
    }
}


static void
late_free(master_child_t *c, late_t *late)
{
    for (size_t i = 0; i < late->n_fds; i++) {
        (void) close(late->fds[i]);
    }
    mosn_list_unlink(&late->link);
    c->n_late--;
    free(late);
}


static void
child_free(master_child_t *c)
{
    while (!mosn_list_is_empty(&c->late)) {
        late_free(c, mosn_container_of(c->late.next, late_t, link));
    }
    if (c->post != NULL) {
        c->post->child = NULL;
    }
    if (c->channel != -1) {
        mosn_loop_unwatch(&master->loop, &c->watch, c->channel);
        master_close_channel(c->channel);
    }
    atomic_store(&master->board->seats[c->row].state, MOSN_SEAT_EMPTY);
    mosn_list_unlink(&c->link);
    mosn_loop_bury(&master->loop, &(mosn_pool_t *){ c->pool });
}


/* What children say; a lost channel is told by SIGCHLD as well. */
static void
child_on_channel(mosn_watch_t *watch, uint32_t events MOSN_UNUSED)
{
    master_child_t *c = mosn_container_of(watch, master_child_t, watch);
    mosn_note_t     note;
    size_t          n_fds = 1;
    int             fd = -1;
    ssize_t         n;

    while ((n = mosn_socket_recv_message(c->channel, &note, sizeof(note), &fd,
                                         &n_fds))
           > 0)
    {
        if (n == sizeof(note) && note.version == MOSN_NOTE_VERSION
            && note.type == MOSN_NOTE_READY && !c->ready)
        {
            c->ready = true;
            master_stage_child_ready();
        }
        if (n == sizeof(note) && note.version == MOSN_NOTE_VERSION
            && note.type == MOSN_NOTE_COMMAND && n_fds > 0 && c->is_control)
        {
            mosn_commands_adopt(&master->loop, fd, c->pid);
            fd = -1;
        }
        if (n_fds > 0 && fd != -1) {
            (void) close(fd);
        }
        n_fds = 1;
    }
    if (n == -1 && errno == EMSGSIZE) {
        mosn_log_alert(0, "out of descriptors: what %s has asked is lost",
                       c->role);
        return;
    }
    if (n == 0 || (n == -1 && errno != EAGAIN)) {
        mosn_loop_unwatch(&master->loop, &c->watch, c->channel);
        master_close_channel(c->channel);
        c->channel = -1;
    }
}


void
master_children_hear(void)
{
    for (mosn_list_t *link = master->children.next, *next;
         link != &master->children; link = next)
    {
        master_child_t *c = mosn_container_of(link, master_child_t, link);

        next = link->next;
        if (c->is_control && c->post != NULL && c->channel != -1) {
            child_on_channel(&c->watch, 0);
        }
    }
}


/* False: there is no room now. */
static bool
child_send(const master_child_t *c, const mosn_note_t *note, const int *fds,
           size_t n_fds)
{
    if (mosn_socket_send_message(c->channel, note, sizeof(*note), fds, n_fds)
        != -1)
    {
        return true;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) {
        return false;
    }
    if (errno != EPIPE && errno != ECONNRESET) {
        mosn_log_alert(errno, "cannot send a note to %s", c->role);
    }
    return true;
}


static void
late_add(master_child_t *c, const mosn_note_t *note, const int *fds,
         size_t n_fds)
{
    late_t *late;

    if (c->n_late == MAX_LATE || n_fds > MOSN_SOCKET_MAX_FDS) {
        mosn_log_alert(0, "%s has not read the last %u notes; one is lost",
                       c->role, c->n_late);
        return;
    }
    late = mosn_calloc(sizeof(*late));
    late->note = *note;
    for (; late->n_fds < n_fds; late->n_fds++) {
        late->fds[late->n_fds] = fcntl(fds[late->n_fds], F_DUPFD_CLOEXEC, 3);
    }
    mosn_list_append(&c->late, &late->link);
    c->n_late++;
}


void
master_tell(master_child_t *c, mosn_note_e type, int32_t value, const int *fds,
            size_t n_fds)
{
    mosn_note_t note = { .version = MOSN_NOTE_VERSION,
                         .type = (uint16_t) type,
                         .value = value };

    if (c->channel != -1
        && (!mosn_list_is_empty(&c->late)
            || !child_send(c, &note, fds, n_fds)))
    {
        late_add(c, &note, fds, n_fds);
    }
}


bool
master_send_late(void)
{
    bool all = true;

    EACH_CHILD(link, next)
    {
        master_child_t *c = child_of(link);

        while (c->channel != -1 && !mosn_list_is_empty(&c->late)) {
            late_t *late = mosn_container_of(c->late.next, late_t, link);

            if (!child_send(c, &late->note, late->fds, late->n_fds)) {
                all &= c->ends_ms != 0;
                break;
            }
            late_free(c, late);
        }
    }
    return all;
}


/* --- start -------------------------------------------------------------- */

/* In the child: what it must not keep of its parent's. */
static void
child_let_go(const master_child_t *self)
{
    mosn_commands_let_go();
    master_resources_close();
    (void) close(master->signal_fd);
    (void) close(master->loop.epoll_fd);
    (void) close(master->program_fd);
    if (master->conf_fd != -1) {
        (void) close(master->conf_fd);
    }
    EACH_CHILD(link, next)
    {
        master_child_t *c = child_of(link);

        if (c != self && c->channel != -1) {
            (void) close(c->channel);
        }
        while (!mosn_list_is_empty(&c->late)) {
            late_free(c, mosn_container_of(c->late.next, late_t, link));
        }
    }
    if (master->client.fd != -1) {
        (void) close(master->client.fd);
    }
    if (master->state_fd != -1) {
        (void) close(master->state_fd);
    }
    if (master->state != NULL && master->state->tls_fd != -1) {
        (void) close((int) master->state->tls_fd);
    }
}


/* In the child, which must not return.  Other slots' sockets are closed: a
 * worker that crashes must not hold them open. */
static MOSN_NORETURN void
child_become(const master_child_t *c, int channel, pid_t parent)
{
    size_t       n = master->settings->listeners.n;
    int         *fds = mosn_calloc((n + 1) * sizeof(int));
    mosn_child_t child = {
        .role = c->role,
        .slot = c->slot,
        .row = c->row,
        .channel = channel,
        .parent = parent,
        .user = master->has_user ? &master->user : NULL,
        .board = master->board,
        .seat = &master->board->seats[c->row],
        .generation = master->generation,
        .settings = master->settings,
        .listen_fds = fds,
        .admin_fd = -1,
        .shedding = master->shedding,
    };
    int status;

    child_let_go(c);
    if (c->is_control) {
        child.admin_fd = master->admin_fd;
        master_sockets_let_go(&child.admin_fd, 1);
        status = mosn_control_run(&child);
    } else {
        master_sockets_of_slot(c->slot, fds);
        master_sockets_let_go(fds, n);
        status = mosn_worker_run(&child);
    }
    free(fds);
    exit(status);
}


static void
child_take_seat(master_child_t *c)
{
    mosn_seat_t *seat = &master->board->seats[c->row];

    atomic_store(&seat->generation, c->generation);
    atomic_store(&seat->is_worker, !c->is_control);
    atomic_store(&seat->connections, 0);
    atomic_store(&seat->changes, master->changes);
    c->changes = master->changes; /* it is born with them */
    atomic_store(&seat->beat_ms, master->loop.now_ms);
    seat->last_conn = 0;
    atomic_store(&seat->state, MOSN_SEAT_STARTING);
}


void
master_spawn(master_post_t *post)
{
    pid_t           parent = getpid();
    unsigned        row = child_find_row();
    master_child_t *c;
    int             fds[2] = { -1, -1 };

    if (master->phase == MASTER_STOPPING || post->child != NULL) {
        return;
    }
    if (row == 0 || mosn_socket_pair(fds) == -1) {
        mosn_log_alert(row == 0 ? 0 : errno, "cannot start another process%s",
                       row == 0 ? ": too many are draining" : "");
        mosn_timer_arm(&master->loop, &post->respawn, RESPAWN_MAX_MS);
        return;
    }
    c = master_child_adopt(0, fds[0], row, post, post->is_control, post->slot,
                           master->generation->number);
    child_take_seat(c);
    c->pid = fork();
    if (c->pid == 0) {
        (void) close(fds[0]);
        child_become(c, fds[1], parent);
    }
    (void) close(fds[1]);
    if (c->pid == -1) {
        mosn_log_alert(errno, "cannot start %s", c->role);
        child_free(c);
        mosn_timer_arm(&master->loop, &post->respawn, RESPAWN_MAX_MS);
        return;
    }
    mosn_log_notice("started %s, pid %d", c->role, (int) c->pid);
}


static void
child_respawn_fired(mosn_timer_t *timer)
{
    master_spawn(mosn_container_of(timer, master_post_t, respawn));
}


void
master_posts_init(void)
{
    master->n_posts = master->n_workers + 1;
    for (unsigned i = 0; i < master->n_posts; i++) {
        master_post_t *post = &master->posts[i];

        post->is_control = i == master->n_workers;
        post->slot = post->is_control ? 0 : i;
        mosn_timer_init(&post->respawn, child_respawn_fired);
    }
}


void
master_spawn_all(void)
{
    for (unsigned i = 0; i < master->n_posts; i++) {
        master_spawn(&master->posts[i]);
    }
}


void
master_count_workers(void)
{
    atomic_store(&master->board->generation, master->generation->number);
    atomic_store(&master->board->n_workers, master->n_workers);
}


/* --- end ---------------------------------------------------------------- */

/* At once, unless it crashes again and again right after its start. */
static void
child_respawn(master_post_t *post, uint64_t lived_ms)
{
    post->restarts++;
    if (lived_ms >= HEALTHY_MS) {
        post->respawn_ms = 0;
        master_spawn(post);
        return;
    }
    post->respawn_ms =
        post->respawn_ms == 0 ? RESPAWN_MIN_MS : post->respawn_ms * 2;
    if (post->respawn_ms > RESPAWN_MAX_MS) {
        post->respawn_ms = RESPAWN_MAX_MS;
    }
    mosn_log_warn(0, "%s %u lived only %llu ms, starting it again in %u ms",
                  post->is_control ? "control" : "worker", post->slot,
                  (unsigned long long) lived_ms, post->respawn_ms);
    mosn_timer_arm(&master->loop, &post->respawn, post->respawn_ms);
}


/* "was ended by signal 11 (Segmentation fault), last busy with conn 12" */
static void
child_describe_end(const master_child_t *c, int status, char *text, size_t n)
{
    const mosn_seat_t *seat = &master->board->seats[c->row];
    int                at;

    if (c->killed) {
        at = snprintf(text, n, "did not respond and was ended by signal %d",
                      WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    } else if (WIFSIGNALED(status)) {
        at = snprintf(text, n, "was ended by signal %d (%s)", WTERMSIG(status),
                      strsignal(WTERMSIG(status)));
    } else {
        at = snprintf(text, n, "ended with status %d", WEXITSTATUS(status));
    }
    if (at > 0 && (size_t) at < n && seat->last_conn != 0 && status != 0) {
        (void) snprintf(text + at, n - (size_t) at,
                        ", last busy with conn %llu",
                        (unsigned long long) seat->last_conn);
    }
}


static void
child_ended(master_child_t *c, int status)
{
    master_post_t *post = c->post;
    uint64_t       lived = master->loop.now_ms - c->started_ms;
    bool           expected = master->phase == MASTER_STOPPING || c->ends_ms;
    char           how[160];

    child_describe_end(c, status, how, sizeof(how));
    mosn_log_write(status == 0 || expected ? MOSN_LOG_NOTICE : MOSN_LOG_ALERT,
                   0, "%s, pid %d, %s", c->role, (int) c->pid, how);
    mosn_metrics_fold(c->row, mosn_metric_sets);
    child_free(c);
    if (master->phase == MASTER_STOPPING || post == NULL) {
        return;
    }
    (void) snprintf(post->how, sizeof(post->how), "%s", how);
    post->ended_ms = master->loop.now_ms;
    if (master->phase == MASTER_STAGING) {
        master_stage_child_ended(post);
        return;
    }
    child_respawn(post, lived);
}


void
master_reap(void)
{
    int   status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (master_try_ended(pid, status)) {
            continue;
        }
        EACH_CHILD(link, next)
        {
            if (child_of(link)->pid == pid) {
                child_ended(child_of(link), status);
                break;
            }
        }
    }
    if (master->phase != MASTER_STOPPING) {
        return;
    }
    if (master_count_children(false) == 0) {
        master->loop.stop = true;
    } else if (master_count_children(true) == 0) {
        /* The control process tells of the drain until it is over. */
        EACH_CHILD(link, next)
        {
            master_tell(child_of(link), MOSN_NOTE_DRAIN, 0, NULL, 0);
        }
    }
}


unsigned
master_count_children(bool workers_only)
{
    unsigned n = 0;

    EACH_CHILD(link, next)
    {
        n += !workers_only || !child_of(link)->is_control;
    }
    return n;
}


void
master_kill_all(int signo)
{
    EACH_CHILD(link, next)
    {
        (void) kill(child_of(link)->pid, signo);
    }
}


void
master_child_set_heir(master_child_t *c, uint32_t linger_ms,
                      master_child_t *heir)
{
    int fds[2];

    if (heir == NULL || heir->channel == -1 || mosn_socket_pair(fds) == -1) {
        master_tell(c, MOSN_NOTE_DRAIN, (int32_t) linger_ms, NULL, 0);
        return;
    }
    master_tell(heir, MOSN_NOTE_INHERIT, 0, &fds[1], 1);
    master_tell(c, MOSN_NOTE_DRAIN, (int32_t) linger_ms, &fds[0], 1);
    (void) close(fds[0]);
    (void) close(fds[1]);
}


void
master_child_drain(master_child_t *c, uint32_t linger_ms, master_child_t *heir,
                   uint64_t drain_ms)
{
    c->ends_ms = master->loop.now_ms + drain_ms + KILL_AFTER_MS;
    master_child_set_heir(c, linger_ms, heir);
}


void
master_child_lost(master_child_t *c)
{
    if (waitpid(c->pid, NULL, WNOHANG) != 0) { /* ended, or reaped before */
        mosn_metrics_fold(c->row, mosn_metric_sets);
        child_free(c);
    }
}


/* --- who does not respond ----------------------------------------------- */

/* With SO_REUSEPORT a hung worker would go on receiving connections. */
static void
child_abort(master_child_t *c, uint64_t silent_ms)
{
    if (c->killed) {
        (void) kill(c->pid, SIGKILL);
        return;
    }
    mosn_log_alert(0, "%s, pid %d, did nothing for %llu ms: aborting it",
                   c->role, (int) c->pid, (unsigned long long) silent_ms);
    c->killed = true;
    (void) kill(c->pid, SIGABRT);
    (void) kill(c->pid, SIGCONT); /* it may be stopped */
}


/* True when all are well. */
static bool
child_check_beats(uint64_t now)
{
    uint32_t limit = master->settings->hang_timeout_ms;
    bool     well = true;

    EACH_CHILD(link, next)
    {
        master_child_t *c = child_of(link);
        uint64_t beat = atomic_load(&master->board->seats[c->row].beat_ms);
        uint64_t silent = now > beat ? now - beat : 0;

        if (limit > 0 && !c->unseen
            && silent >= limit + (c->killed ? ABORT_MS : 0)) {
            child_abort(c, silent);
            well = false;
        }
        if (c->ends_ms != 0 && now >= c->ends_ms) {
            mosn_log_warn(0, "%s, pid %d, did not end in time, killing it",
                          c->role, (int) c->pid);
            c->killed = true;
            (void) kill(c->pid, SIGKILL);
            c->ends_ms = now + KILL_AFTER_MS;
        }
    }
    return well;
}


/* Certificates and authorities whose files have changed, to those who serve,
 * or check hosts, with them. */
static void
children_pass_certificates(uint64_t now)
{
    int fd = master->phase == MASTER_SERVING ? mosn_tls_watch_look(
                 now, master->settings->certificate_check_interval_ms)
                                             : -1;

    if (fd == -1) {
        return;
    }
    EACH_CHILD(link, next)
    {
        master_child_t *c = child_of(link);

        if (c->ends_ms == 0 && c->generation == master->generation->number) {
            master_tell(c, MOSN_NOTE_CERTS, 0, &fd, 1);
        }
    }
    (void) close(fd);
}


void
master_tick_fired(mosn_timer_t *timer)
{
    uint64_t now = master->loop.now_ms;

    mosn_timer_arm(&master->loop, timer, TICK_MS);
    /* Whoever stopped us, or the whole machine, stopped the children too. */
    if (now - master->last_tick_ms > TICK_MS * 4) {
        EACH_CHILD(link, next)
        {
            atomic_store(&master->board->seats[child_of(link)->row].beat_ms,
                         now);
        }
    }
    master->last_tick_ms = now;
    mosn_tls_tickets_rotate(now, TICKET_KEY_MS);
    children_pass_certificates(now);
    (void) master_send_late();
    if (child_check_beats(now) && master->watchdog_ms > 0
        && now >= master->watchdog_at_ms)
    {
        master->watchdog_at_ms = now + master->watchdog_ms;
        mosn_notify("WATCHDOG=1");
    }
}
