/*
 * command.h - the control socket: what mosnctl says to the master.
 *
 * A line comes, a line "ok" or "no: WHY" goes back, then text, then the end.
 * The answer to "stop" ends when the master does.  Only root and the user who
 * runs the master may speak; the socket is mode 0600 besides.
 */

#ifndef MOSN_COMMAND_H
#define MOSN_COMMAND_H

#include "event/listener.h"

#include <stdio.h>

/* What the master does for a command: writes text for people or, with
 * `json`, for programs.  False: refused, the text says why. */
typedef struct {
    const char *name;
    bool (*run)(bool json, FILE *out);
    bool stays; /* the answer ends with the process */
} mosn_command_t;

/* Listens on `path`; `commands` ends with a NULL name. */
mosn_rc_e mosn_commands_listen(mosn_loop_t *loop, const char *path,
                               const mosn_command_t *commands);

/* Removes the socket; in a child: only lets it go. */
void mosn_commands_close(const char *path);
void mosn_commands_let_go(void);

#endif
