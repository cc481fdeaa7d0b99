/* os/process.c - title, rights and limits of a process. */

#include "os/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

extern char **environ;

/* The title is written over the arguments and the environment behind them,
 * which are moved away first; fixed at start, so a reload changes nothing. */
static char  *title_start;
static size_t title_room;


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
            *e = strdup(*e);
            if (*e == NULL) {
                abort();
            }
        }
    }

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
