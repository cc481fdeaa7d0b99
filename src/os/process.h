/*
 * os/process.h - what a process is to the system: its title, its rights.
 */

#ifndef MOSN_OS_PROCESS_H
#define MOSN_OS_PROCESS_H

#include "os/compiler.h"

#include <sys/types.h>

/* Remembers where the arguments lie; call first thing in main(). */
void mosn_process_init_title(int argc, char **argv);

/* "mosn: worker 0" as ps and top show it. */
void mosn_process_set_title(const char *title);

/* Number of processors that this process may run on, at least 1. */
unsigned mosn_process_cpus(void);

typedef struct {
    uid_t uid;
    gid_t gid;
    char  name[64];
} mosn_user_t;

/* 0, or -1 when there is no such user. */
int mosn_process_find_user(const char *name, mosn_user_t *user_r);

/* Becomes `user` for good, with its groups; NULL keeps the user.  In any
 * case no new privileges can be gained afterwards, and the process gets
 * SIGTERM when its parent dies.  Returns -1 and errno when not allowed to. */
int mosn_process_confine(const mosn_user_t *user, pid_t parent);

/* A core of this process holds stacks and plain data, but no buffer and no
 * heap, where requests and keys lie; from now on SIGABRT leaves one, if the
 * system's limits want cores at all. */
void mosn_process_prepare_core(void);

/* Work that can wait does not push others off their processor; IDLE: it
 * takes what is left over, for good. */
typedef enum {
    MOSN_PROCESS_NORMAL,
    MOSN_PROCESS_MODEST,
    MOSN_PROCESS_IDLE
} mosn_process_pace_e;

void mosn_process_set_pace(mosn_process_pace_e pace);

/* The program that runs here; -1 and errno on failure. */
int mosn_process_open_program(void);

/* Whether a descriptor stays open in the next program. */
void mosn_process_keep_fd(int fd, bool keep);

/* Number of open descriptors; 0: unknown. */
unsigned mosn_process_count_fds(void);

/* Raises the limit of open descriptors to at least `wanted`, as far as the
 * system allows; returns what is in force. */
size_t mosn_process_raise_fd_limit(size_t wanted);

#endif
