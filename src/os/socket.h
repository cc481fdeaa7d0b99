/*
 * os/socket.h - the socket calls we make, with the flags we always want.
 *
 * Descriptors are close-on-exec and non-blocking.  Functions return -1 with
 * errno set; they do not log, their callers know what the socket was for.
 */

#ifndef MOSN_OS_SOCKET_H
#define MOSN_OS_SOCKET_H

#include "os/address.h"

#include <sys/uio.h>

/* A listening socket.  `reuseport`: one of several on the same address. */
int mosn_socket_listen(const mosn_address_t *address, int backlog,
                       bool reuseport);

/* Binds `address` without listening; mosn_socket_open() opens it. */
int mosn_socket_bind(const mosn_address_t *address, bool reuseport);
int mosn_socket_open(int fd, int backlog);

/* New connections to the group of SO_REUSEPORT sockets that `fd` is of go to
 * its first `n` only, in the order in which they were opened; 0: to all. */
int mosn_socket_steer(int fd, unsigned n);

/* Connections that wait to be accepted; -1: unknown. */
int mosn_socket_queued(int fd);

/* Bytes that the peer's kernel has acknowledged, and those that it has not;
 * false: it is no TCP. */
bool mosn_socket_sent(int fd, uint64_t *acked_r, uint64_t *unacked_r);

/* The address that `fd` is bound to; false: it is no stream socket that
 * listens. */
bool mosn_socket_name(int fd, mosn_address_t *address_r);

/* Whether it shares its address with others of SO_REUSEPORT. */
bool mosn_socket_is_shared(int fd);

/* Makes a socket that somebody else has opened like one of ours. */
void mosn_socket_prepare(int fd);

/* Starts a connect: the descriptor with errno 0 when it is already open, or
 * EINPROGRESS. */
int mosn_socket_connect(const mosn_address_t *address);

/* The pending error of a connect that has finished; 0: it is open. */
int mosn_socket_error(int fd);

int mosn_socket_accept(int listen_fd, mosn_inet_t *peer_r);

/* Where a connection was going before a packet filter has redirected it;
 * false: none has. */
bool mosn_socket_original(int fd, mosn_address_t *address_r);

/* Can this kernel encrypt what TCP sends (kTLS)?  Asked as root, it loads the
 * module for that. */
bool mosn_socket_can_encrypt(void);

/* It shall for this one, as soon as it gets keys; false: it does not. */
bool mosn_socket_encrypt(int fd);

/* Makes close() send RST instead of FIN. */
void mosn_socket_abort_on_close(int fd);

/* A pair of connected SOCK_SEQPACKET sockets. */
int mosn_socket_pair(int fds[2]);

/* The same of bytes instead of messages. */
int mosn_socket_stream_pair(int fds[2]);

#define MOSN_SOCKET_MAX_FDS 16

/* From now on some descriptors are kept for those that messages bring, when
 * all others are in use. */
void mosn_socket_keep_spares(void);

/* One message with up to MOSN_SOCKET_MAX_FDS descriptors.  send: 0 or -1.
 * recv: its length, 0 at the end, or -1; `*n_fds` in: room, out: received;
 * a message that did not fit is EMSGSIZE and its descriptors are closed. */
int     mosn_socket_send_message(int fd, const void *bytes, size_t n,
                                 const int *fds, size_t n_fds);
ssize_t mosn_socket_recv_message(int fd, void *bytes, size_t n, int *fds,
                                 size_t *n_fds);

#endif
