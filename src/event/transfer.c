/* event/transfer.c - splice(2) between connections. */

#include "event/transfer.h"
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIPE_BYTES    (1u << 20)
#define ROUNDS_A_TURN 8
#define TRICKLE_BYTES (32u * 1024)
#define MAX_TRICKLES  16
#define PIPES_KEPT    16

/* Empty pipes of this process, ready for use; a reload need not know. */
static int    transfer_pipes[PIPES_KEPT][2];
static size_t n_transfer_pipes;


static bool
transfer_open_pipe(int fds[2])
{
    if (n_transfer_pipes > 0) {
        n_transfer_pipes--;
        fds[0] = transfer_pipes[n_transfer_pipes][0];
        fds[1] = transfer_pipes[n_transfer_pipes][1];
        return true;
    }
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) == -1) {
        return false; /* out of descriptors: copying works too */
    }
    (void) fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    return true;
}


static void
transfer_close_pipe(mosn_transfer_t *t)
{
    if (t->in_pipe == 0 && n_transfer_pipes < PIPES_KEPT) {
        transfer_pipes[n_transfer_pipes][0] = t->pipe[0];
        transfer_pipes[n_transfer_pipes][1] = t->pipe[1];
        n_transfer_pipes++;
        return;
    }
    (void) close(t->pipe[0]);
    (void) close(t->pipe[1]);
}


bool
mosn_transfer_start(mosn_transfer_t *t, mosn_conn_t *from, mosn_conn_t *to)
{
    if (t->running || from->transport != NULL
        || (to->transport != NULL && !to->sends_plain)
        || mosn_buf_len(&from->in) > 0 || from->eof
        || !transfer_open_pipe(t->pipe))
    {
        return false;
    }
    t->from = from;
    t->to = to;
    t->in_pipe = 0;
    t->trickles = 0;
    t->running = true;
    from->drawn_by = t;
    to->fed_by = t;
    return true;
}


void
mosn_transfer_stop(mosn_transfer_t *t)
{
    if (t->running) {
        t->running = false;
        t->from->drawn_by = NULL;
        t->to->fed_by = NULL;
        transfer_close_pipe(t);
    }
}


/* Pipe to socket.  False: the rest must wait, or the peer is gone. */
static bool
transfer_push(mosn_transfer_t *t)
{
    while (t->in_pipe > 0) {
        ssize_t n;

        if (!t->to->writable || t->to->out.bytes > 0) {
            return false;
        }
        n = splice(t->pipe[0], NULL, t->to->fd, NULL, t->in_pipe,
                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (n == -1) {
            if (errno == EAGAIN) {
                t->to->writable = false;
                mosn_conn_arm_send(t->to, t->to->send_timeout_ms);
                return false;
            }
            mosn_conn_broken(t->to, errno);
            return false;
        }
        t->in_pipe -= (size_t) n;
        t->to->bytes_out += (uint64_t) n;
    }
    mosn_timer_disarm(t->to->loop, &t->to->send);
    return true;
}


/* Socket to pipe.  Bytes, or 0: nothing there, the end, or an error. */
static size_t
transfer_pull(mosn_transfer_t *t)
{
    mosn_conn_t *from = t->from;
    ssize_t      n = splice(from->fd, NULL, t->pipe[1], NULL, PIPE_BYTES,
                            SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

    if (n > 0) {
        t->in_pipe += (size_t) n;
        t->moved += (uint64_t) n;
        from->bytes_in += (uint64_t) n;
        return (size_t) n;
    }
    from->readable = false;
    if (n == 0) {
        from->eof = true;
    } else if (errno != EAGAIN) {
        mosn_conn_broken(from, errno);
    }
    return 0;
}


void
mosn_transfer_run(mosn_transfer_t *t)
{
    mosn_conn_t *from = t->from;
    size_t       moved = 0, n;

    for (unsigned round = 0; t->running; round++) {
        if (!transfer_push(t)) {
            return; /* goes on when `to` takes more */
        }
        if (from->eof || !from->readable || from->read_paused > 0) {
            break;
        }
        if (round == ROUNDS_A_TURN) {
            mosn_loop_post(from->loop, &from->resume);
            return;
        }
        n = transfer_pull(t);
        if (!t->running) {
            return;
        }
        moved += n;
    }

    if (!t->running) {
        return;
    }
    t->trickles = moved < TRICKLE_BYTES ? t->trickles + 1 : 0;
    if (from->eof || t->trickles > MAX_TRICKLES) {
        mosn_transfer_stop(t);
        if (from->eof) {
            mosn_conn_run_again(from); /* its filters hear of the end */
        }
    }
}
