/*
 * gate.h - a whole gateway inside of a unit test: one listener, one origin,
 * both on unix sockets, so that what was written has arrived.
 *
 *   gate_open("{ type = \"proxy\"; routes = \"main\"; }", routes, cluster);
 *   client = gate_client(); gate_say(client, "GET / ...");
 *   origin = gate_accept(); gate_hear(origin)
 */

#ifndef GATE_H
#define GATE_H

#include "tap.h"

#include "os/socket.h"
#include "settings.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static mosn_loop_t          gate_loop;
static mosn_settings_t     *gate_settings;
static mosn_generation_t   *gate_generation;
static mosn_listener_t      gate_listener;
static mosn_accept_limits_t gate_limits;
static int                  gate_origin_fd = -1;
static int                  gate_listen_fd = -1;
static bool                 gate_two_hosts;          /* of one origin */
static const char          *gate_listener_rest = ""; /* more of its settings */
static char                 gate_dir[] = "/tmp/mosn-gate-XXXXXX";


static mosn_address_t
gate_address(const char *name)
{
    mosn_address_t address;
    char           text[64];
    int n = snprintf(text, sizeof(text), "unix:%s/%s", gate_dir, name);

    if (!mosn_address_parse(text, (size_t) n, &address)) {
        abort();
    }
    return address;
}


static void __attribute__((unused)) gate_turns(int n)
{
    while (n-- > 0) {
        mosn_loop_turn(&gate_loop, 0);
    }
}


static void __attribute__((unused)) gate_remove(const char *name)
{
    char path[64];

    (void) snprintf(path, sizeof(path), "%s/%s", gate_dir, name);
    (void) unlink(path);
}


/* Another way to the origin: a second host. */
static void
gate_link_origin(void)
{
    char path[64];

    (void) snprintf(path, sizeof(path), "%s/origin2", gate_dir);
    if (symlink("origin", path) == -1) {
        abort();
    }
}


static void __attribute__((unused)) gate_origin_open(void)
{
    mosn_address_t address = gate_address("origin");

    gate_origin_fd = mosn_socket_listen(&address, 16, false);
}


static void __attribute__((unused)) gate_origin_close(void)
{
    (void) close(gate_origin_fd);
    gate_origin_fd = -1;
}


/* `filters`, `routes` and `cluster` are the insides of these settings; a
 * host is added to the cluster. */
static void __attribute__((unused))
gate_open(const char *filters, const char *routes, const char *cluster)
{
    char           path[64], *errors;
    mosn_address_t address;
    FILE          *out;

    if (mkdtemp(gate_dir) == NULL) {
        abort();
    }
    (void) snprintf(path, sizeof(path), "%s/conf", gate_dir);
    out = fopen(path, "w");
    if (out == NULL) {
        abort();
    }
    (void) fprintf(
        out,
        "listeners = ( { name = \"l\"; address = \"unix:%s/in\"; filters = "
        "( %s ); %s } );\n"
        "routes = ( { name = \"main\"; virtual_hosts = ( { name = \"v\"; "
        "domains = [\"*\"]; routes = ( %s ); } ); } );\n"
        "clusters = ( { name = \"c\"; %s hosts = ( { address = "
        "\"unix:%s/origin\"; }%s%s%s ); } );\n",
        gate_dir, filters, gate_listener_rest, routes, cluster, gate_dir,
        gate_two_hosts ? ", { address = \"unix:" : "",
        gate_two_hosts ? gate_dir : "", gate_two_hosts ? "/origin2\"; }" : "");
    (void) fclose(out);
    if (gate_two_hosts) {
        gate_link_origin();
    }
    gate_generation = mosn_settings_load(path, 1, &gate_settings, &errors);
    if (gate_generation == NULL) {
        printf("Bail out! %s\n", errors);
        exit(1);
    }
    if (mosn_loop_init(&gate_loop) != MOSN_OK
        || mosn_metrics_open(-1) != MOSN_OK) {
        abort();
    }
    mosn_metrics_use_row(1);
    mosn_settings_register_metrics(gate_generation, gate_settings);
    mosn_clusters_start(gate_generation, &gate_loop);
    gate_origin_open();
    address = gate_address("in");
    gate_listen_fd = mosn_socket_listen(&address, 16, false);
    gate_limits.max_connections = 100;
    if (mosn_listener_start(&gate_listener, &gate_loop,
                            &gate_settings->listeners.items[0], &gate_limits,
                            gate_listen_fd)
        != MOSN_OK)
    {
        abort();
    }
}


static int __attribute__((unused)) gate_client(void)
{
    mosn_address_t address = gate_address("in");
    int            fd = mosn_socket_connect(&address);

    gate_turns(3);
    return fd;
}


/* The next connection to the origin, or -1. */
static int __attribute__((unused)) gate_accept(void)
{
    mosn_inet_t peer;

    gate_turns(3);
    return mosn_socket_accept(gate_origin_fd, &peer);
}


static void __attribute__((unused)) gate_say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t) strlen(text)) {
        printf("# write failed\n");
    }
    gate_turns(5);
}


/* What has come to `fd`, until the next call; "(end)" behind it when the
 * other side has closed, "(reset)" when it broke. */
static const char *__attribute__((unused)) gate_hear(int fd)
{
    static char text[65536];
    size_t      n = 0;
    ssize_t     got = 1;

    gate_turns(5);
    while (n < sizeof(text) - 16) {
        got = recv(fd, text + n, sizeof(text) - 16 - n, MSG_DONTWAIT);
        if (got <= 0) {
            break;
        }
        n += (size_t) got;
        gate_turns(2);
    }
    text[n] = '\0';
    if (got == 0) {
        (void) strcat(text, "(end)");
    } else if (got < 0 && errno != EAGAIN) {
        (void) strcat(text, "(reset)");
    }
    return text;
}


/* Waits, at most two seconds, until something can be heard. */
static void __attribute__((unused)) gate_wait(int fd)
{
    char byte;

    for (int i = 0; i < 400; i++) {
        mosn_loop_turn(&gate_loop, 5);
        if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0
            || errno != EAGAIN) {
            break;
        }
    }
}


static const char *__attribute__((unused)) gate_await(int fd)
{
    gate_wait(fd);
    return gate_hear(fd);
}


static bool __attribute__((unused))
has(const char *text, const char *part, const char *name)
{
    bool found = ok(strstr(text, part) != NULL, "%s", name);

    if (!found) {
        printf("# expected \"%s\" in:\n", part);
        for (const char *p = text; *p != '\0'; p++) {
            (void) fputs(p == text || p[-1] == '\n' ? "# " : "", stdout);
            (void) putchar(*p);
        }
        (void) putchar('\n');
    }
    return found;
}


/* A counter of the cluster. */
static long long __attribute__((unused)) gate_counted(unsigned slot)
{
    const mosn_cluster_t *c =
        mosn_map_find(&gate_generation->clusters, MOSN_STR("c"));

    return (long long) mosn_metrics_read(c->metrics + slot);
}


/* Gives everything back, so that the sanitizer sees what is not. */
static void __attribute__((unused)) gate_close(void)
{
    mosn_listener_stop(&gate_listener, true);
    mosn_listener_close_all(&gate_listener, MOSN_REASON_NONE);
    mosn_clusters_stop(gate_generation);
    gate_turns(2);
    mosn_loop_fini(&gate_loop);
    mosn_metrics_close();
    (void) close(gate_listen_fd);
    if (gate_origin_fd != -1) {
        gate_origin_close();
    }
    mosn_generation_unref(gate_generation);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    gate_remove("conf");
    gate_remove("in");
    gate_remove("origin");
    gate_remove("origin2");
    (void) rmdir(gate_dir);
}


#endif
