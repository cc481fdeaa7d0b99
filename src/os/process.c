/* os/process.c - title, rights and limits of a process. */

#include "os/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

/* The title is written over the arguments and the environment behind them,
 * which are moved away first; fixed at start, so a reload changes nothing. */
static char  *title_start;
static size_t title_room;
static char  *title_environment;


/* Moves what lies before `end` to memory of its own; for ever. */
static void
process_move_environment(const char *end)
{
    size_t n = 1;
    char  *to;

    for (char **e = environ; *e != NULL; e++) {
        n += *e < end ? strlen(*e) + 1 : 0;
    }
    to = title_environment = malloc(n);
    if (to == NULL) {
        abort();
    }
    for (char **e = environ; *e != NULL; e++) {
        size_t len = strlen(*e) + 1;

        if (*e < end) {
            memcpy(to, *e, len);
            *e = to;
            to += len;
        }
    }
}


void
mosn_process_init_title(int argc, char **argv)
{
    char *end = argv[0];

    if (argc < 1) {
        return;
    }

    for (int i = 0; i < argc; i++) {
        if (argv[i] == end) {
            end = argv[i] + strlen(argv[i]) + 1;
        }
    }
    for (char **e = environ; *e != NULL; e++) {
        if (*e == end) {
            end = *e + strlen(*e) + 1;
        }
    }
    process_move_environment(end);

    title_start = argv[0];
    title_room = (size_t) (end - argv[0]);
}


void
mosn_process_set_title(const char *title)
{
    size_t n = strlen(title);

    (void) prctl(PR_SET_NAME, title);

    if (title_room == 0) {
        return;
    }
    if (n >= title_room) {
        n = title_room - 1;
    }
    memcpy(title_start, title, n);
    memset(title_start + n, 0, title_room - n);
}


unsigned
mosn_process_cpus(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        int n = CPU_COUNT(&set);

        return n > 0 ? (unsigned) n : 1;
    }
    return 1;
}


int
mosn_process_find_user(const char *name, mosn_user_t *user_r)
{
    const struct passwd *pw = getpwnam(name);

    if (pw == NULL || strlen(name) >= sizeof(user_r->name)) {
        return -1;
    }

    user_r->uid = pw->pw_uid;
    user_r->gid = pw->pw_gid;
    memcpy(user_r->name, name, strlen(name) + 1);
    return 0;
}


int
mosn_process_confine(const mosn_user_t *user, pid_t parent)
{
    if (user != NULL
        && (initgroups(user->name, user->gid) == -1 || setgid(user->gid) == -1
            || setuid(user->uid) == -1))
    {
        return -1;
    }

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        return -1;
    }

    /* After setuid(), which clears it; the parent may have gone before. */
    if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == -1) {
        return -1;
    }
    if (getppid() != parent) {
        errno = ESRCH;
        return -1;
    }
    return 0;
}


/* Runs in a signal handler: nothing but system calls.  Marks every private
 * writable mapping but stacks and those of files as not to be dumped. */
static void
process_hide_memory(void)
{
    static char text[4096]; /* of the one handler that ever runs */
    size_t      n = 0;
    ssize_t     got;
    int         fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    while (fd != -1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0) {
        char *line = text, *end;

        n += (size_t) got;
        text[n] = '\0';
        while ((end = memchr(line, '\n', (size_t) (text + n - line))) != NULL)
        {
            char     *at;
            uintptr_t from = strtoul(line, &at, 16);
            uintptr_t to = strtoul(at + 1, &at, 16);

            *end = '\0';
            if (at[2] == 'w' && strchr(at, '/') == NULL
                && strstr(at, "[stack") == NULL) {
                (void) madvise((void *) from, to - from, MADV_DONTDUMP);
            }
            line = end + 1;
        }
        n = (size_t) (text + n - line);
        memmove(text, line, n);
    }
}


static void
process_on_abort(int signo)
{
    process_hide_memory();
    (void) raise(signo); /* the handler is gone: this one ends us */
}


void
mosn_process_prepare_core(void)
{
    struct sigaction action = { .sa_handler = process_on_abort,
                                .sa_flags = (int) SA_RESETHAND | SA_NODEFER };

    (void) sigaction(SIGABRT, &action, NULL);
    (void) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* setuid() has cleared it */
}


void
mosn_process_set_pace(mosn_process_pace_e pace)
{
    static const struct sched_param none;

    (void) sched_setscheduler(
        0, pace == MOSN_PROCESS_NORMAL ? SCHED_OTHER : SCHED_BATCH, &none);
    if (pace == MOSN_PROCESS_IDLE) {
        (void) setpriority(PRIO_PROCESS, 0, 10);
    }
}


int
mosn_process_open_program(void)
{
    return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}


void
mosn_process_keep_fd(int fd, bool keep)
{
    if (fd >= 0) {
        (void) fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
    }
}


unsigned
mosn_process_count_fds(void)
{
    DIR     *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }
    if (dir == NULL) {
        return 0;
    }
    (void) closedir(dir);
    return n - 3; /* ".", ".." and the one that was open to look */
}


size_t
mosn_process_raise_fd_limit(size_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
        return 1024;
    }

    if (limit.rlim_cur < wanted) {
        struct rlimit raised = limit;

        raised.rlim_cur = wanted;
        if (raised.rlim_max < wanted) {
            raised.rlim_max = wanted;
        }
        if (setrlimit(RLIMIT_NOFILE, &raised) == -1) {
            raised.rlim_cur = raised.rlim_max = limit.rlim_max;
            (void) setrlimit(RLIMIT_NOFILE, &raised);
        }
        (void) getrlimit(RLIMIT_NOFILE, &limit);
    }

    return (size_t) limit.rlim_cur;
}
