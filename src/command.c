/* command.c - the control socket. */

#include "command.h"

#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES  256u
#define IDLE_MS         5000u
#define MAX_CONNECTIONS 16

/* One socket a master; handed on by a re-exec. */
static mosn_listener_t       command_listener;
static mosn_listener_conf_t  command_listener_conf;
static mosn_conf_module_t    command_filter_conf;
static mosn_accept_limits_t  command_limits;
static const mosn_command_t *command_table;
static int                   command_fd = -1;


static mosn_rc_e
command_on_open(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    struct ucred peer;
    socklen_t    len = sizeof(peer);

    (void) filter;
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


static const mosn_command_t *
command_find(mosn_str_t line, bool *json_r)
{
    *json_r = mosn_str_has_prefix(line, MOSN_STR("json "));
    if (*json_r) {
        line.at += 5;
        line.len -= 5;
    }
    for (const mosn_command_t *c = command_table; c->name != NULL; c++) {
        if (mosn_str_equal(line, mosn_str(c->name))) {
            return c;
        }
    }
    return NULL;
}


static void
command_run(mosn_conn_t *conn, mosn_str_t line)
{
    bool                  json, done = false;
    const mosn_command_t *command = command_find(line, &json);
    char                 *text = NULL;
    size_t                n = 0;
    FILE                 *out = open_memstream(&text, &n);

    if (out == NULL) {
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
        return;
    }
    if (command == NULL) {
        (void) fputs("no such command", out);
    } else {
        mosn_log_notice("command: %.*s", MOSN_STR_ARG(line));
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

    (void) filter;
    if (end != NULL) {
        mosn_str_t line = { (char *) conn->in.pos,
                            (size_t) (end - conn->in.pos) };

        command_run(conn, line);
        conn->in.pos = conn->in.last;
    } else if (n > LINE_MAX_BYTES || conn->eof) {
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
    .terminal = true,
};

static const mosn_module_t command_module = {
    .kind = MOSN_NET_FILTER,
    .name = "command",
    .ops = &command_filter,
};


mosn_rc_e
mosn_commands_listen(mosn_loop_t *loop, const char *path,
                     const mosn_command_t *commands)
{
    mosn_address_t address;
    char           text[MOSN_ADDRESS_TEXT];
    int            n = snprintf(text, sizeof(text), "unix:%s", path);
    mode_t         before;

    if (n >= (int) sizeof(text)
        || !mosn_address_parse(text, (size_t) n, &address)) {
        mosn_log_err(0, "control_socket %s: the path is too long", path);
        return MOSN_ERROR;
    }
    before = umask(0177); /* never open to others, not for a moment */
    command_fd = mosn_socket_listen(&address, 16, false);
    (void) umask(before);
    if (command_fd == -1) {
        mosn_log_err(errno, "control_socket: cannot listen on %s", path);
        return MOSN_ERROR;
    }

    command_table = commands;
    command_filter_conf.module = &command_module;
    command_listener_conf.name = MOSN_STR("control socket");
    command_listener_conf.send_timeout_ms = IDLE_MS;
    command_listener_conf.filters.items = &command_filter_conf;
    command_listener_conf.filters.n = 1;
    command_limits.max_connections = MAX_CONNECTIONS;
    return mosn_listener_start(&command_listener, loop, &command_listener_conf,
                               &command_limits, command_fd);
}


void
mosn_commands_let_go(void)
{
    if (command_fd == -1) {
        return;
    }
    (void) close(command_fd);
    for (mosn_list_t *link = command_listener.connections.next;
         link != &command_listener.connections; link = link->next)
    {
        (void) close(mosn_container_of(link, mosn_conn_t, link)->fd);
    }
}


void
mosn_commands_close(const char *path)
{
    if (command_fd != -1) {
        mosn_listener_stop(&command_listener);
        mosn_listener_close_all(&command_listener, MOSN_REASON_NONE);
        (void) close(command_fd);
        command_fd = -1;
        (void) unlink(path);
    }
}
