/*
 * mosnctl.c - says a word to the master and prints the answer.
 *
 * Exit status: 0 done, 1 refused and nothing changed, 2 usage, 3 not running.
 */

#include "config.h"
#include "mosnctl_diff.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/mosn/control.sock"

typedef enum { NO_FILE, MAY_HAVE_FILE, NEEDS_FILE, NEEDS_WORDS } file_e;

typedef struct {
    const char *name;
    file_e      file;
    const char *option; /* what may stand beside it: "--now" */
    const char *word;   /* and what is said then, behind the name */
} command_t;

static const command_t commands[] = {
    { "reload", NO_FILE, NULL, NULL },
    { "upgrade", MAY_HAVE_FILE, NULL, NULL },
    { "stop", NO_FILE, "--now", "now" },
    { "status", NO_FILE, NULL, NULL },
    { "reopen", NO_FILE, NULL, NULL },
    { "config", NO_FILE, NULL, NULL },
    { "check", NEEDS_FILE, NULL, NULL },
    { "host", NEEDS_WORDS, "--persist", "persist" },
    { "apply", NEEDS_FILE, "--persist", "persist" },
    { "remove", NEEDS_WORDS, "--persist", "persist" },
    { "explain", NEEDS_WORDS, NULL, NULL },
    { "diff", NEEDS_FILE, NULL, NULL },
    { "drain", NO_FILE, "--off", "off" },
    { "certs", NO_FILE, NULL, NULL },
    { "version", NO_FILE, NULL, NULL },
};

static const char usage_text[] =
    "usage: mosnctl [-s SOCKET] [--json] COMMAND\n"
    "\n"
    "  reload            read the configuration again; nothing is lost, and\n"
    "                    nothing changes when it is wrong\n"
    "  upgrade [BINARY]  the same with another program: BINARY, or the one\n"
    "                    that lies where the running one was started from\n"
    "  stop [--now]      finish what is begun, and end; waits for it;\n"
    "                    --now: end at once\n"
    "  status            processes, generations, connections, restarts\n"
    "  reopen            open the logs again, after a rotation\n"
    "  config            the effective configuration, with all defaults\n"
    "  check FILE        could mosn reload with FILE?\n"
    "  host add|set|remove CLUSTER ADDRESS [weight=N] [state=S] "
    "[NAME=VALUE]...\n"
    "                    hosts of a cluster, at once and without a reload;\n"
    "                    S: enabled, drain or disabled\n"
    "  apply FILE        clusters, route tables and filters of listeners of\n"
    "                    FILE take the place of those of the same name, at\n"
    "                    once\n"
    "  remove CLUSTER    a cluster that no route names\n"
    "                    --persist: into the runtime_file, too, so that it\n"
    "                    outlives reloads\n"
    "  explain [@LISTENER] METHOD URL [NAME:VALUE]...\n"
    "  explain [@LISTENER] call SERVICE METHOD [VERSION [GROUP]]\n"
    "                    what becomes of a request, and why; also\n"
    "                    source=ADDRESS, sni=NAME and alpn=NAME,...\n"
    "  diff FILE         what a reload with FILE would change\n"
    "  drain [--off]     out of service (/ready says 503, answers close\n"
    "                    their connections), or in service again\n"
    "  certs             certificates and authorities: names, files, expiry,\n"
    "                    fingerprint\n"
    "  version           of the running mosn\n"
    "\n"
    "  -s SOCKET         the control_socket of the configuration\n"
    "                    (default: " DEFAULT_SOCKET ")\n"
    "  --json            answer for programs\n"
    "\n"
    "exit status: 0 done, 1 refused and nothing changed, 2 usage, 3 mosn\n"
    "does not run\n";

typedef struct {
    const char      *socket;
    const command_t *command;
    const char      *file;
    char             words[4096];
    const char      *option;
    bool             json;
} request_t;


/* --- asking ------------------------------------------------------------- */

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


static void
print_json_error(const char *text)
{
    size_t n = strlen(text);

    while (n > 0 && text[n - 1] == '\n') {
        n--;
    }
    (void) fputs("{\"error\":\"", stdout);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char) text[i];

        if (c == '"' || c == '\\') {
            (void) printf("\\%c", c);
        } else if (c < 0x20) {
            (void) printf("\\u%04x", c);
        } else {
            (void) putchar(c);
        }
    }
    (void) fputs("\"}\n", stdout);
}


/* Everything that is left, with a NUL behind it. */
static char *
read_rest(FILE *in)
{
    char   *text = NULL;
    size_t  n = 0;
    ssize_t got = getdelim(&text, &n, '\0', in);

    if (got < 0) {
        free(text);
        return NULL;
    }
    return text;
}


static int
refused(FILE *in, const char *line, const request_t *r)
{
    char  *rest = read_rest(in);
    char  *text;
    int    len = asprintf(&text, "%s%s", line, rest != NULL ? rest : "");
    size_t n = len > 0 ? (size_t) len : 0;

    if (len >= 0) {
        while (n > 0 && text[n - 1] == '\n') {
            text[--n] = '\0';
        }
        if (r->json) {
            print_json_error(text);
        } else {
            (void) fprintf(stderr, "mosnctl: %s\n", text);
        }
    }
    if (len >= 0) {
        free(text);
    }
    free(rest);
    return 1;
}


/* Prints how it goes, and how it ended. */
static int
ctl_answer(int fd, const request_t *r)
{
    FILE  *in = fdopen(fd, "r");
    char  *line = NULL;
    size_t size = 0;
    bool   progress = isatty(STDERR_FILENO) && !r->json;
    int    status = -1;

    while (in != NULL && status == -1 && getline(&line, &size, in) > 0) {
        if (strncmp(line, "~ ", 2) == 0) {
            if (progress) {
                (void) fprintf(stderr, "%s", line + 2);
            }
        } else if (strcmp(line, "ok\n") == 0) {
            status = 0;
        } else {
            status = refused(
                in, strncmp(line, "no: ", 4) == 0 ? line + 4 : line, r);
        }
    }
    while (status == 0 && getline(&line, &size, in) > 0) {
        (void) fputs(line, stdout);
        (void) fflush(stdout);
    }
    free(line);
    if (in != NULL) {
        (void) fclose(in);
    }
    if (status == -1) {
        (void) fputs("mosnctl: mosn ended without an answer\n", stderr);
        return 3;
    }
    return status;
}


/* --- diff -----------------------------------------------------------------
 */

/* The program that lies beside this one. */
static bool
find_mosn(char *path, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", path, room - 8);
    char   *slash;

    if (n <= 0) {
        return false;
    }
    path[n] = '\0';
    slash = strrchr(path, '/');
    if (slash == NULL) {
        return false;
    }
    (void) snprintf(slash + 1, room - (size_t) (slash + 1 - path), "mosn");
    return access(path, X_OK) == 0;
}


/* What `mosn -T` prints; NULL: it said why not. */
static char *
effective(const char *file)
{
    char  path[PATH_MAX] = "mosn";
    int   fds[2], status;
    pid_t pid;
    char *text;
    FILE *in;

    (void) find_mosn(path, sizeof(path));
    if (pipe(fds) == -1 || (pid = fork()) == -1) {
        return NULL;
    }
    if (pid == 0) {
        (void) dup2(fds[1], STDOUT_FILENO);
        (void) close(fds[0]);
        (void) close(fds[1]);
        (void) execlp(path, path, "-T", "-c", file, (char *) NULL);
        _exit(127);
    }
    (void) close(fds[1]);
    in = fdopen(fds[0], "r");
    text = in != NULL ? read_rest(in) : NULL;
    if (in != NULL) {
        (void) fclose(in);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        free(text);
        return NULL;
    }
    return text;
}


static int
ctl_diff(const request_t *r)
{
    char  *then = effective(r->file), *now = NULL, *line = NULL;
    size_t size = 0;
    int    fd, status = 1;
    FILE  *in;

    if (then == NULL) {
        return 1; /* it has told why */
    }
    fd = ctl_connect(r->socket);
    if (fd == -1) {
        free(then);
        return 3;
    }
    (void) !write(fd, "config\n", 7);
    in = fdopen(fd, "r");
    if (in != NULL && getline(&line, &size, in) > 0
        && strcmp(line, "ok\n") == 0) {
        now = read_rest(in);
    }
    if (now != NULL) {
        status = mosnctl_diff(now, then);
    } else {
        (void) fputs("mosnctl: mosn does not tell its configuration\n",
                     stderr);
    }
    if (in != NULL) {
        (void) fclose(in);
    }
    free(line);
    free(now);
    free(then);
    return status;
}


static int
ctl_ask(const request_t *r)
{
    char line[PATH_MAX + 64], path[PATH_MAX] = "";
    int  n, fd;

    /* mosn may have been started in another directory. */
    if (r->command->file == NEEDS_WORDS) {
        (void) snprintf(path, sizeof(path), "%s", r->words);
    } else if (r->file != NULL && realpath(r->file, path) == NULL) {
        (void) fprintf(stderr, "mosnctl: %s: %s\n", r->file, strerror(errno));
        return 1;
    }
    n = snprintf(line, sizeof(line), "%s%s%s%s%s%s\n", r->json ? "json " : "",
                 r->command->name, r->option != NULL ? " " : "",
                 r->option != NULL ? r->command->word : "",
                 path[0] != '\0' ? " " : "", path);
    fd = ctl_connect(r->socket);
    if (fd == -1) {
        return 3;
    }
    (void) !write(fd, line, (size_t) n); /* a refusal may be there already */
    return ctl_answer(fd, r);
}


/* --- options ------------------------------------------------------------ */

static const command_t *
find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}


static int
usage(const char *what, const char *name)
{
    (void) fprintf(stderr, "mosnctl: %s%s%s\n(mosnctl --help)\n", what,
                   name[0] != '\0' ? " " : "", name);
    return 2;
}


static bool
add_word(request_t *r, const char *word)
{
    size_t n = strlen(r->words);
    int    len = snprintf(r->words + n, sizeof(r->words) - n, "%s%s",
                       n > 0 ? " " : "", word);

    if (strchr(word, '\n') != NULL || len >= (int) (sizeof(r->words) - n)) {
        return false;
    }
    for (char *at = r->words + n + (n > 0 ? 1 : 0); *at != '\0'; at++) {
        if (*at == ' ') {
            *at = '\x1f'; /* MOSN_WORD_BLANK */
        }
    }
    return true;
}


int
main(int argc, char **argv)
{
    request_t r = { .socket = DEFAULT_SOCKET };

    (void) signal(SIGPIPE, SIG_IGN);

    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (strcmp(arg, "-s") == 0 && i + 1 < argc) {
            r.socket = argv[++i];
        } else if (strcmp(arg, "--json") == 0) {
            r.json = true;
        } else if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
            (void) fputs(usage_text, stdout);
            return 0;
        } else if (arg[0] == '-'
                   && (arg[1] == '-' || r.command == NULL
                       || r.command->file != NEEDS_WORDS))
        {
            r.option = arg;
        } else if (r.command == NULL) {
            r.command = find_command(arg);
            if (r.command == NULL) {
                return usage("there is no command", arg);
            }
        } else if (r.command->file == NEEDS_WORDS) {
            if (!add_word(&r, arg)) {
                return usage("too long or with a line break:", arg);
            }
        } else if (r.file == NULL && r.command->file != NO_FILE) {
            r.file = arg;
        } else {
            return usage("what is", arg);
        }
    }
    if (r.command == NULL) {
        (void) fputs(usage_text, stderr);
        return 2;
    }
    if (r.option != NULL
        && (r.command->option == NULL
            || strcmp(r.command->option, r.option) != 0))
    {
        return usage("unknown option", r.option);
    }
    if (r.command->file == NEEDS_WORDS && r.words[0] == '\0') {
        return usage("something is missing behind", r.command->name);
    }
    if (r.command->file == NEEDS_FILE && r.file == NULL) {
        return usage("a FILE is missing behind", r.command->name);
    }
    return strcmp(r.command->name, "diff") == 0 ? ctl_diff(&r) : ctl_ask(&r);
}
