/*
 * command.h - the control socket: what mosnctl says to the master.
 *
 * A line comes.  Lines "~ TEXT" tell how it goes, one line "ok" or "no: WHY"
 * how it ended; what follows is text for the caller, up to the end of the
 * connection.  The answer to "stop" ends when the master does.  Only root and
 * the user who runs the master may speak; the socket is mode 0600 besides.
 */

#ifndef MOSN_COMMAND_H
#define MOSN_COMMAND_H

#include "event/listener.h"

#include <stdio.h>

/* Who waits for the outcome of something that takes its time. */
typedef struct {
    int  fd; /* -1: nobody */
    bool json;
} mosn_client_t;

/* What the master does for a command. */
typedef struct {
    const char *name;
    /* At once: writes text for people or, with `json`, for programs.  False:
     * refused, the text says why. */
    bool (*run)(bool json, FILE *out);
    /* Or later: `client` is the callee's, to be answered with
     * mosn_client_end(). */
    void (*start)(mosn_client_t client, mosn_str_t argument);
    bool takes_argument;
    bool from_child; /* also when a child says it ... */
    bool reads_file; /* ... if the last word is a descriptor of its own */
    bool stays;      /* the answer ends with the process */
} mosn_command_t;

/* What can be asked for; first of all, and without a socket too.  Ends with a
 * NULL name. */
void mosn_commands_init(const mosn_command_t *commands);

/* Listens on `path`, or goes on with `fd` when it is not -1. */
mosn_rc_e mosn_commands_listen(mosn_loop_t *loop, const char *path, int fd);
int       mosn_commands_fd(void);

/* What the child `pid` says in the words of mosnctl, for itself or for whom
 * it has let in: it may say little. */
void mosn_commands_adopt(mosn_loop_t *loop, int fd, pid_t pid);

/* A socket at `path` for mosn_commands_listen(); -1: logged. */
int mosn_commands_bind(const char *path);

/* Closes the socket; `path`, when not NULL, is removed.  In a child: only
 * lets it go. */
void mosn_commands_close(const char *path);
void mosn_commands_let_go(void);

/* Before a re-exec: those who have connected, and were not heard yet.  Answers
 * leave. */
void mosn_commands_refuse(const char *why);

/* The next word of a line, with blanks for what MOSN_WORD_BLANK stands for. */
mosn_str_t mosn_command_word(mosn_str_t *rest, mosn_pool_t *pool);

/* A line about how it goes. */
void mosn_client_say(mosn_client_t client, const char *fmt, ...)
    MOSN_PRINTF(2, 3);

/* The end: `why` is NULL when it was done; `text` is printed then. */
void mosn_client_end(mosn_client_t *client, const char *why, const char *text);


#endif
