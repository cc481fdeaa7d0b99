/*
 * mosnctl.c - says a word to the master and prints the answer.
 *
 * Exit status: 0 done, 1 refused and nothing changed, 2 usage, 3 not running.
 */

#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/mosn/control.sock"

static const char usage_text[] =
    "usage: mosnctl [-s SOCKET] [--json] COMMAND\n"
    "\n"
    "  status      processes and what they do\n"
    "  reopen      open the logs again, after a rotation\n"
    "  stop        finish what is begun, and end; waits for it\n"
    "  stop --now  end at once\n"
    "  version     of the running mosn\n"
    "\n"
    "  -s SOCKET   the control_socket of the configuration\n"
    "              (default: " DEFAULT_SOCKET ")\n"
    "  --json      answer for programs\n";


static int
ctl_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        (void) fprintf(stderr, "mosnctl: the path %s is too long\n", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (fd == -1
        || connect(fd, (struct sockaddr *) &address, sizeof(address)) == -1)
    {
        (void) fprintf(stderr,
                       "mosnctl: mosn does not answer on %s: %s\n"
                       "(is control_socket set? -s names another one)\n",
                       path, strerror(errno));
        if (fd != -1) {
            (void) close(fd);
        }
        return -1;
    }
    return fd;
}


/* Prints the answer; its first line says whether it was done. */
static int
ctl_answer(int fd)
{
    FILE *in = fdopen(fd, "r");
    char  line[4096];
    int   status = 3;

    if (in == NULL || fgets(line, sizeof(line), in) == NULL) {
        (void) fputs("mosnctl: no answer\n", stderr);
        if (in != NULL) {
            (void) fclose(in);
        }
        return 3;
    }
    if (strcmp(line, "ok\n") == 0) {
        status = 0;
    } else {
        status = 1;
        (void) fprintf(stderr, "mosnctl: %s",
                       strncmp(line, "no: ", 4) == 0 ? line + 4 : line);
        (void) fputc('\n', stderr);
    }
    while (status == 0 && fgets(line, sizeof(line), in) != NULL) {
        (void) fputs(line, stdout);
        (void) fflush(stdout);
    }
    (void) fclose(in);
    return status;
}


int
main(int argc, char **argv)
{
    const char *path = DEFAULT_SOCKET, *command = NULL;
    bool        json = false, now = false;
    char        line[128];
    int         fd, n;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) {
            path = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (strcmp(argv[i], "--now") == 0) {
            now = true;
        } else if (strcmp(argv[i], "-h") == 0
                   || strcmp(argv[i], "--help") == 0) {
            (void) fputs(usage_text, stdout);
            return 0;
        } else if (argv[i][0] != '-' && command == NULL) {
            command = argv[i];
        } else {
            (void) fprintf(stderr, "mosnctl: what is %s?\n%s", argv[i],
                           usage_text);
            return 2;
        }
    }
    if (command == NULL || (now && strcmp(command, "stop") != 0)) {
        (void) fputs(usage_text, stderr);
        return 2;
    }

    n = snprintf(line, sizeof(line), "%s%s%s\n", json ? "json " : "", command,
                 now ? " now" : "");
    if (n >= (int) sizeof(line)) {
        (void) fputs(usage_text, stderr);
        return 2;
    }
    fd = ctl_connect(path);
    if (fd == -1) {
        return 3;
    }
    if (write(fd, line, (size_t) n) != n) {
        (void) fprintf(stderr, "mosnctl: %s\n", strerror(errno));
        (void) close(fd);
        return 3;
    }
    return ctl_answer(fd);
}
