/*
 * event/transfer.h - bulk from one socket to another without touching it.
 *
 * While a transfer runs, bytes go from one connection's socket through a
 * pipe to another's by splice(2), past both buffers.  It pays from about
 * 64 KiB at a time; for less it is a system call more, so a transfer that
 * has nothing to do but trickle ends by itself and the connection reads
 * again.
 */

#ifndef MOSN_EVENT_TRANSFER_H
#define MOSN_EVENT_TRANSFER_H

#include "event/conn.h"

/* The memory is the caller's; it lives as long as both connections. */
struct mosn_transfer_s {
    mosn_conn_t *from;
    mosn_conn_t *to;
    int          pipe[2];
    size_t       in_pipe;
    uint64_t     moved;    /* bytes, ever */
    unsigned     trickles; /* small rounds in a row */
    bool         running;
};

/* Starts when both connections are plain sockets and nothing of `from` waits
 * in a buffer.  False: it cannot; read on. */
bool mosn_transfer_start(mosn_transfer_t *transfer, mosn_conn_t *from,
                         mosn_conn_t *to);

/* For event/conn.c: moves what can be moved. */
void mosn_transfer_run(mosn_transfer_t *transfer);

/* Ends it; what is in the pipe is lost, so only when a side is closed. */
void mosn_transfer_stop(mosn_transfer_t *transfer);

#endif
