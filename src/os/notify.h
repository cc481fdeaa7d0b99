/*
 * os/notify.h - the service manager: what it is told and what it hands over.
 *
 * The protocol is sd_notify(3) and sd_listen_fds(3): datagrams to the socket
 * in NOTIFY_SOCKET, descriptors from 3 on counted by LISTEN_FDS.  Without
 * these variables nothing is said and nothing is taken.
 */

#ifndef MOSN_OS_NOTIFY_H
#define MOSN_OS_NOTIFY_H

#include "os/compiler.h"

/* Lines of VAR=value; what cannot be sent is nobody's worry. */
void mosn_notify(const char *fmt, ...) MOSN_PRINTF(1, 2);

/* RELOADING=1 with the time that the manager wants beside it. */
void mosn_notify_reloading(const char *status);

/* How often WATCHDOG=1 must be said, in ms; 0: never. */
uint64_t mosn_notify_watchdog_ms(void);

/* Descriptors of socket activation, from MOSN_NOTIFY_FIRST_FD on; they are
 * made close-on-exec and asked for once. */
#define MOSN_NOTIFY_FIRST_FD 3
int mosn_notify_take_fds(void);

#endif
