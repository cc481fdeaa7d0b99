/* command.c - the control socket. */

#include "command.h"

#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES  4352u
#define IDLE_MS         5000u
#define MAX_CONNECTIONS 16

/* One socket a master; handed on by a re-exec. */
static mosn_listener_t       command_listener;
static mosn_listener_conf_t  command_listener_conf;
static mosn_conf_module_t    command_filter_conf;
static mosn_accept_limits_t  command_limits;
static const mosn_command_t *command_table;
static int                   command_fd = -1;

/* Connections that came over the admin address. */
static mosn_list_t command_adopted = { &command_adopted, &command_adopted };


static mosn_rc_e
command_on_open(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    struct ucred peer;
    socklen_t    len = sizeof(peer);

    if (filter->conf == &command_filter_conf) { /* adopted */
        mosn_conn_arm_idle(conn, IDLE_MS);
        return MOSN_OK;
    }
    if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1
        || (peer.uid != 0 && peer.uid != geteuid()))
    {
        mosn_log_warn(0, "control socket: refused user %d",
                      len == sizeof(peer) ? (int) peer.uid : -1);
        return MOSN_ERROR;
    }
    mosn_conn_arm_idle(conn, IDLE_MS);
    return MOSN_OK;
}


/* The command that a line names; the rest of it is the argument. */
static const mosn_command_t *
command_find(mosn_str_t line, bool *json_r, mosn_str_t *argument_r)
{
    *json_r = mosn_str_has_prefix(line, MOSN_STR("json "));
    if (*json_r) {
        line.at += 5;
        line.len -= 5;
    }
    for (const mosn_command_t *c = command_table; c->name != NULL; c++) {
        size_t n = strlen(c->name);

        *argument_r = (mosn_str_t){ line.at + line.len, 0 };
        if (mosn_str_equal(line, mosn_str(c->name))) {
            return c;
        }
        if (c->takes_argument && line.len > n + 1 && line.at[n] == ' '
            && memcmp(line.at, c->name, n) == 0)
        {
            *argument_r = (mosn_str_t){ line.at + n + 1, line.len - n - 1 };
            return c;
        }
    }
    return NULL;
}


/* The connection leaves the loop: who does the work answers by itself. */
static void
command_start(const mosn_command_t *command, mosn_conn_t *conn, bool json,
              mosn_str_t argument)
{
    mosn_client_t client = { fcntl(conn->fd, F_DUPFD_CLOEXEC, 3), json };
    char          copy[LINE_MAX_BYTES];

    if (client.fd == -1) {
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
        return;
    }
    memcpy(copy, argument.at, argument.len);
    mosn_loop_unwatch(conn->loop, &conn->watch, conn->fd);
    mosn_conn_close(conn, MOSN_REASON_NONE);
    command->start(client, (mosn_str_t){ copy, argument.len });
}


/* Who runs with fewer rights than the master must not borrow them: no program
 * is run for it, and no file read that it has not opened itself. */
static bool
command_is_for_child(const mosn_command_t *command, mosn_str_t argument,
                     pid_t pid)
{
    char        own[64];
    size_t      n = (size_t) snprintf(own, sizeof(own), "/proc/%d/fd/", pid);
    const char *blank =
        argument.len > 0 ? memrchr(argument.at, ' ', argument.len) : NULL;
    mosn_str_t file = argument;
    uint64_t   fd;

    if (blank != NULL) {
        file.at = blank + 1;
        file.len = (size_t) (argument.at + argument.len - file.at);
    }
    return command->from_child
           && (!command->reads_file
               || (mosn_str_has_prefix(file, (mosn_str_t){ own, n })
                   && mosn_str_parse_u63(
                       (mosn_str_t){ file.at + n, file.len - n }, &fd)));
}


/* `pid`: of the child that says it; 0: somebody at the control socket does. */
static void
command_run(mosn_conn_t *conn, mosn_str_t line, pid_t pid)
{
    bool                  json, done = false;
    mosn_str_t            argument;
    const mosn_command_t *command = command_find(line, &json, &argument);
    char                 *text = NULL;
    size_t                n = 0;
    FILE                 *out;

    if (command != NULL && pid != 0
        && !command_is_for_child(command, argument, pid))
    {
        mosn_log_alert(0, "process %d may not say: %.*s", (int) pid,
                       MOSN_STR_ARG(line));
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
        return;
    }
    if (command != NULL) {
        mosn_log_notice("command: %.*s", MOSN_STR_ARG(line));
    }
    if (command != NULL && command->start != NULL) {
        command_start(command, conn, json, argument);
        return;
    }
    out = open_memstream(&text, &n);
    if (out == NULL) {
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
        return;
    }
    if (command == NULL) {
        (void) fputs("no such command", out);
    } else {
        done = command->run(json, out);
    }
    (void) fclose(out);
    mosn_conn_write(conn, done ? "ok\n" : "no: ", done ? 3 : 4);
    mosn_conn_write(conn, text, n);
    free(text);
    if (done && command->stays) {
        mosn_conn_disarm_idle(conn);
    } else {
        mosn_conn_close_flushed(conn, MOSN_REASON_NONE, false);
    }
}


static mosn_verdict_e
command_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    size_t   n = mosn_buf_len(&conn->in);
    uint8_t *end = n > 0 ? memchr(conn->in.pos, '\n', n) : NULL;

    if (end != NULL && end - conn->in.pos < (ptrdiff_t) LINE_MAX_BYTES) {
        mosn_str_t line = { (char *) conn->in.pos,
                            (size_t) (end - conn->in.pos) };

        command_run(conn, line, (pid_t) (intptr_t) filter->state);
        conn->in.pos = conn->in.last;
    } else if (n >= LINE_MAX_BYTES || conn->eof) {
        mosn_conn_close(conn, MOSN_REASON_CLIENT_CLOSED);
    }
    return MOSN_END;
}


static void
command_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
                 mosn_conn_event_e event)
{
    (void) filter;
    if (event == MOSN_CONN_IDLE) {
        mosn_conn_close(conn, MOSN_REASON_IDLE_TIMEOUT);
    }
}


static const mosn_net_filter_ops_t command_filter = {
    .on_open = command_on_open,
    .on_read = command_on_read,
    .on_event = command_on_event,
    .refusal = MOSN_STR_INIT("no: too many clients are connected\n"),
    .terminal = true,
};

static const mosn_module_t command_module = {
    .kind = MOSN_NET_FILTER,
    .name = "command",
    .ops = &command_filter,
};


void
mosn_commands_adopt(mosn_loop_t *loop, int fd, pid_t pid)
{
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };
    mosn_conn_t             *conn = mosn_conn_create(loop, fd, &nobody);

    if (conn != NULL) {
        mosn_list_append(&command_adopted, &conn->link);
        (void) mosn_conn_add_filter(conn, &command_filter,
                                    &command_filter_conf,
                                    (void *) (intptr_t) pid);
        mosn_conn_arm_idle(conn, IDLE_MS);
    }
}


int
mosn_commands_bind(const char *path)
{
    mosn_address_t address;
    char           text[MOSN_ADDRESS_TEXT];
    int            n = snprintf(text, sizeof(text), "unix:%s", path), fd;
    mode_t         before;

    if (n >= (int) sizeof(text)
        || !mosn_address_parse(text, (size_t) n, &address)) {
        mosn_log_err(0, "control_socket %s: the path is too long", path);
        return -1;
    }
    before = umask(0177); /* never open to others, not for a moment */
    fd = mosn_socket_listen(&address, 16, false);
    (void) umask(before);
    if (fd == -1) {
        mosn_log_err(errno, "control_socket: cannot listen on %s", path);
    }
    return fd;
}


void
mosn_commands_init(const mosn_command_t *commands)
{
    command_table = commands;
    command_filter_conf.module = &command_module;
}


mosn_rc_e
mosn_commands_listen(mosn_loop_t *loop, const char *path, int fd)
{
    command_fd = fd != -1 ? fd : mosn_commands_bind(path);
    if (command_fd == -1) {
        return MOSN_ERROR;
    }

    command_listener_conf.name = MOSN_STR("control socket");
    command_listener_conf.send_timeout_ms = IDLE_MS;
    command_listener_conf.filters.items = &command_filter_conf;
    command_listener_conf.filters.n = 1;
    mosn_listener_make_chains(&command_listener_conf);
    command_limits.max_connections = MAX_CONNECTIONS;
    return mosn_listener_start(&command_listener, loop, &command_listener_conf,
                               &command_limits, command_fd);
}


static void
command_let_go(const mosn_list_t *connections)
{
    for (const mosn_list_t *link = connections->next; link != connections;
         link = link->next)
    {
        (void) close(mosn_container_of(link, mosn_conn_t, link)->fd);
    }
}


void
mosn_commands_let_go(void)
{
    command_let_go(&command_adopted);
    if (command_fd != -1) {
        (void) close(command_fd);
        command_let_go(&command_listener.connections);
    }
}


/* Who was heard by nobody: nothing was said to him, and nothing done. */
static void
command_refuse_all(const mosn_list_t *connections, const char *words, size_t n)
{
    char drop[LINE_MAX_BYTES];

    for (mosn_list_t *link = connections->next, *next; link != connections;
         link = next)
    {
        mosn_conn_t *conn = mosn_container_of(link, mosn_conn_t, link);

        next = link->next;
        if (conn->bytes_out == 0 && conn->out.bytes == 0) {
            (void) recv(conn->fd, drop, sizeof(drop), MSG_DONTWAIT);
            (void) send(conn->fd, words, n, MSG_NOSIGNAL | MSG_DONTWAIT);
            mosn_conn_close(conn, MOSN_REASON_NONE);
        } else if (conn->out.bytes > 0) {
            mosn_conn_flush(conn);
        }
    }
}


void
mosn_commands_refuse(const char *why)
{
    char words[256];
    int  n = snprintf(words, sizeof(words), "no: %s\n", why);

    if (command_fd != -1) {
        command_refuse_all(&command_listener.connections, words, (size_t) n);
    }
    command_refuse_all(&command_adopted, words, (size_t) n);
}


int
mosn_commands_fd(void)
{
    return command_fd;
}


void
mosn_commands_close(const char *path)
{
    if (command_fd != -1) {
        mosn_listener_stop(&command_listener, false);
        mosn_listener_close_all(&command_listener, MOSN_REASON_NONE);
        (void) close(command_fd);
        command_fd = -1;
        if (path != NULL) {
            (void) unlink(path);
        }
    }
}


mosn_str_t
mosn_command_word(mosn_str_t *rest, mosn_pool_t *pool)
{
    mosn_str_t word = mosn_pool_copy(pool, mosn_str_next_word(rest));
    char      *text = (char *) (uintptr_t) word.at;

    for (size_t i = 0; i < word.len; i++) {
        if (text[i] == MOSN_WORD_BLANK) {
            text[i] = ' ';
        }
    }
    return word;
}


/* --- who waits ---------------------------------------------------------- */

/* A client that does not read has himself to blame. */
static void
client_send(const mosn_client_t *client, const char *text)
{
    if (client->fd != -1) {
        (void) send(client->fd, text, strlen(text),
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}


void
mosn_client_say(mosn_client_t client, const char *fmt, ...)
{
    char    text[512] = "~ ";
    va_list args;
    int     n;

    va_start(args, fmt);
    n = vsnprintf(text + 2, sizeof(text) - 4, fmt, args);
    va_end(args);
    if (n > 0) {
        (void) strcat(text, "\n");
        client_send(&client, text);
    }
}


void
mosn_client_end(mosn_client_t *client, const char *why, const char *text)
{
    if (client->fd == -1) {
        return;
    }
    client_send(client, why == NULL ? "ok\n" : "no: ");
    client_send(client, why == NULL ? text : why);
    (void) close(client->fd);
    client->fd = -1;
}
