/* child.c - what workers and the control process have in common. */

#include "child.h"

#include "core/log_file.h"
#include "core/rand.h"
#include "os/socket.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define NOTES_AT_ONCE 8


void
mosn_child_set_title(const mosn_child_t *child, const char *what)
{
    char title[64];

    (void) snprintf(title, sizeof(title), "mosn: %s%s%s", child->role,
                    what != NULL ? " " : "", what != NULL ? what : "");
    mosn_process_set_title(title);
}


mosn_rc_e
mosn_child_begin(const mosn_child_t *child)
{
    mosn_log_set_role(child->role);
    mosn_child_set_title(child, NULL);
    if (mosn_process_confine(child->user, child->parent) == -1) {
        mosn_log_alert(errno, "cannot give up privileges");
        return MOSN_ERROR;
    }
    mosn_process_prepare_core();
    mosn_process_set_pace(MOSN_PROCESS_NORMAL);
    mosn_rand_seed();
    mosn_metrics_use_row(child->row);
    return MOSN_OK;
}


void
mosn_child_ready(const mosn_child_t *child)
{
    mosn_note_t note = { .version = MOSN_NOTE_VERSION,
                         .type = MOSN_NOTE_READY };

    atomic_store(&child->seat->state, MOSN_SEAT_SERVING);
    if (mosn_socket_send_message(child->channel, &note, sizeof(note), NULL, 0)
        == -1)
    {
        mosn_log_alert(errno, "cannot tell the master that we are ready");
    }
}


static void
child_take_logs(const mosn_note_t *note, const int *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int32_t index = note->value + (int32_t) i;

        if (index < 0) {
            mosn_log_take_fd(fds[i]);
        } else if ((size_t) index < mosn_log_files_count()) {
            mosn_log_file_set_fd((size_t) index, fds[i]);
        } else {
            (void) close(fds[i]);
        }
    }
}


/* One note with its descriptors; those that nobody takes are closed. */
static void
child_take_note(mosn_child_ears_t *ears, const mosn_note_t *note,
                const int *fds, size_t n)
{
    if (note->type == MOSN_NOTE_LOGS) {
        child_take_logs(note, fds, n);
        return;
    }
    ears->on_note(ears->owner, (mosn_note_e) note->type, note->value,
                  n > 0 ? fds[0] : -1);
    for (size_t i = 1; i < n; i++) {
        (void) close(fds[i]);
    }
}


/* Notes may come faster than they are taken: requests have their turns in
 * between, and whoever looks after us sees that we live. */
static void
child_on_channel(mosn_watch_t *watch, uint32_t events MOSN_UNUSED)
{
    mosn_child_ears_t *ears =
        mosn_container_of(watch, mosn_child_ears_t, channel);
    mosn_note_t note;
    int         fds[MOSN_SOCKET_MAX_FDS];

    for (int i = 0; i < NOTES_AT_ONCE; i++) {
        size_t  n_fds = MOSN_SOCKET_MAX_FDS;
        ssize_t n = mosn_socket_recv_message(ears->channel_fd, &note,
                                             sizeof(note), fds, &n_fds);

        if (n == -1 && errno == EAGAIN) {
            return;
        }
        if (n == -1 && errno == EMSGSIZE) {
            mosn_log_alert(0, "out of descriptors: what the master has sent "
                              "is lost");
            return;
        }
        if (n <= 0) { /* the master is gone */
            mosn_loop_unwatch(ears->loop, watch, ears->channel_fd);
            ears->on_note(ears->owner, MOSN_NOTE_DRAIN, 0, -1);
            return;
        }
        if (n != sizeof(note) || note.version != MOSN_NOTE_VERSION) {
            mosn_log_alert(0, "a note of %zd bytes that is not understood", n);
            for (size_t k = 0; k < n_fds; k++) {
                (void) close(fds[k]);
            }
            return;
        }
        child_take_note(ears, &note, fds, n_fds);
    }
}


static void
child_on_signal(mosn_watch_t *watch, uint32_t events MOSN_UNUSED)
{
    mosn_child_ears_t *ears =
        mosn_container_of(watch, mosn_child_ears_t, signals);
    struct signalfd_siginfo info;

    while (read(ears->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGINT) {
            mosn_log_files_flush();
            _exit(0);
        }
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGQUIT) {
            ears->on_note(ears->owner, MOSN_NOTE_DRAIN, 0, -1);
        }
    }
}


mosn_rc_e
mosn_child_listen(mosn_child_ears_t *ears, mosn_loop_t *loop,
                  const mosn_child_t *child,
                  void (*on_note)(void *, mosn_note_e, int32_t, int),
                  void *owner)
{
    sigset_t set;

    /* The others stay blocked: SIGHUP of a terminal goes to the whole group,
     * and it is the master who decides. */
    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGTERM);
    (void) sigaddset(&set, SIGQUIT);
    (void) sigaddset(&set, SIGINT);

    mosn_socket_keep_spares();
    ears->loop = loop;
    ears->channel.on_ready = child_on_channel;
    ears->signals.on_ready = child_on_signal;
    ears->channel_fd = child->channel;
    ears->on_note = on_note;
    ears->owner = owner;
    ears->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (ears->signal_fd == -1) {
        mosn_log_alert(errno, "cannot watch signals");
        return MOSN_ERROR;
    }
    if (mosn_loop_watch_level(loop, &ears->signals, ears->signal_fd) != MOSN_OK
        || mosn_loop_watch_level(loop, &ears->channel, ears->channel_fd)
               != MOSN_OK)
    {
        return MOSN_ERROR;
    }
    return MOSN_OK;
}
