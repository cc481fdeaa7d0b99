/* os/notify.c - sd_notify(3) without the library. */

#include "os/notify.h"

#include "os/clock.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


static void
notify_send(const char *text, size_t n)
{
    const char        *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t             len = path != NULL ? strlen(path) : 0;
    int                fd;

    if (len < 2 || len >= sizeof(address.sun_path)
        || (path[0] != '/' && path[0] != '@'))
    {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* the abstract namespace */
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1) {
        return;
    }
    (void) sendto(fd, text, n, MSG_NOSIGNAL, (struct sockaddr *) &address,
                  (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
    (void) close(fd);
}


void
mosn_notify(const char *fmt, ...)
{
    char    text[512];
    va_list args;
    int     n;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n > 0) {
        notify_send(text,
                    n < (int) sizeof(text) ? (size_t) n : sizeof(text) - 1);
    }
}


void
mosn_notify_reloading(const char *status)
{
    mosn_notify("RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=%s",
                (unsigned long long) (mosn_clock_ns() / 1000), status);
}


/* A variable that is meant for this process: `pid_name` may say for whom. */
static uint64_t
notify_number(const char *name, const char *pid_name)
{
    const char *value = getenv(name), *pid = getenv(pid_name);

    if (value == NULL || (pid != NULL && atol(pid) != (long) getpid())) {
        return 0;
    }
    return strtoull(value, NULL, 10);
}


uint64_t
mosn_notify_watchdog_ms(void)
{
    return notify_number("WATCHDOG_USEC", "WATCHDOG_PID") / 2000;
}


int
mosn_notify_take_fds(void)
{
    uint64_t n = notify_number("LISTEN_FDS", "LISTEN_PID");

    (void) unsetenv("LISTEN_FDS");
    (void) unsetenv("LISTEN_PID");
    (void) unsetenv("LISTEN_FDNAMES");
    if (n > 1024) {
        return 0;
    }
    for (int i = 0; i < (int) n; i++) {
        (void) fcntl(MOSN_NOTIFY_FIRST_FD + i, F_SETFD, FD_CLOEXEC);
    }
    return (int) n;
}
