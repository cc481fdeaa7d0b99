/*
 * control.c - the control process: what is done once per host.
 *
 * It carries no traffic: when it dies the master starts another, and
 * requests go on.
 */

#include "child.h"
#include "event/tls_watch.h"
#include "resources.h"

#include "os/socket.h"
#include "proxy/admin.h"
#include "proxy/dns.h"
#include "proxy/health.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define ADMIN_CONNECTIONS 128
#define BEAT_MS           1000u
#define DRAIN_LOOK_MS     20u
#define LAST_ANSWER_MS    2000u
#define CHANGE_MS         10000u
#define TOUCH_MS          20000u

typedef struct control_s {
    const mosn_child_t  *child;
    mosn_loop_t          loop;
    mosn_child_ears_t    ears;
    mosn_accept_limits_t limits;
    mosn_listener_t      listener;
    mosn_listener_conf_t listener_conf;
    mosn_conf_module_t   filter;
    mosn_admin_t         admin;
    mosn_timer_t         tick;
    mosn_list_t          changes;  /* that the master has not answered */
    uint64_t             ends_ms;  /* 0: not draining */
    uint64_t             touch_ms; /* when the hosts are told of again */
} control_t;


/* The page asks; there is one control process and one board. */
static const mosn_board_t *control_board;
static _Atomic uint64_t   *control_beats;
static mosn_generation_t  *control_generation;
static struct control_s   *control_self;


static bool
control_is_ready(void)
{
    uint32_t generation = atomic_load(&control_board->generation);
    uint32_t wanted = atomic_load(&control_board->n_workers), n = 0;

    for (size_t i = 0; i < MOSN_METRICS_ROWS; i++) {
        const mosn_seat_t *seat = &control_board->seats[i];

        n += atomic_load(&seat->is_worker) != 0
             && atomic_load(&seat->generation) == generation
             && atomic_load(&seat->state) == MOSN_SEAT_SERVING;
    }
    return n > 0 && n >= wanted
           && !atomic_load(&control_board->out_of_service);
}


static void
control_on_note(void *owner, mosn_note_e type, int32_t value, int fd)
{
    control_t *c = owner;

    if (type == MOSN_NOTE_RESOURCE && fd != -1) {
        if (mosn_resource_take(c->child->generation, fd, true)) {
            atomic_store(&c->child->seat->changes, (uint32_t) value);
        }
        mosn_health_refresh();
        (void) mosn_dns_refresh();
        return;
    }
    if (type == MOSN_NOTE_CERTS && fd != -1) { /* hosts are checked over TLS */
        mosn_tls_watch_take(fd);
        return;
    }
    if (fd != -1) {
        (void) close(fd);
    }
    if (type != MOSN_NOTE_DRAIN || c->ends_ms != 0) {
        return;
    }
    c->ends_ms = c->loop.now_ms + LAST_ANSWER_MS;
    mosn_health_stop(); /* the heir asks */
    mosn_dns_stop();
    if (c->child->admin_fd != -1) {
        mosn_listener_stop(&c->listener, value == 0); /* else the heir's */
        mosn_listener_drain(&c->listener);
        (void) close(c->child->admin_fd);
    }
    mosn_timer_arm(&c->loop, &c->tick, DRAIN_LOOK_MS);
}


/* Beats, as a worker does. */
static void
control_beat(mosn_loop_t *loop)
{
    atomic_store_explicit(control_beats, loop->now_ms, memory_order_relaxed);
}


static void
control_tick(mosn_timer_t *timer)
{
    control_t *c = mosn_container_of(timer, control_t, tick);

    if (c->loop.now_ms >= c->touch_ms) {
        c->touch_ms = c->loop.now_ms + TOUCH_MS;
        mosn_clusters_touch(c->child->generation);
    }
    if (c->ends_ms == 0) {
        mosn_timer_arm(&c->loop, timer, BEAT_MS);
    } else if (c->limits.n_connections == 0 || c->loop.now_ms >= c->ends_ms) {
        c->loop.stop = true;
    } else {
        mosn_timer_arm(&c->loop, timer, DRAIN_LOOK_MS);
    }
}


/* --- changes: the master does them ----------------------------------------
 */

typedef struct {
    mosn_list_t  link;
    mosn_pool_t *pool;
    mosn_conn_t *conn;
    char         text[4096];
    size_t       n;
    void (*done)(void *request, bool well, const char *text);
    void *request;
} control_change_t;


static mosn_verdict_e
change_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    control_change_t *change = filter->state;
    size_t            n = mosn_buf_len(&conn->in);

    if (n > sizeof(change->text) - 1 - change->n) {
        n = sizeof(change->text) - 1 - change->n;
    }
    if (n > 0) {
        memcpy(change->text + change->n, conn->in.pos, n);
    }
    change->n += n;
    conn->in.pos = conn->in.last;
    if (conn->eof) {
        mosn_conn_close(conn, MOSN_REASON_NONE);
    }
    return MOSN_END;
}


/* "ok", or "no: WHY"; "~" lines before it tell how it goes. */
static void
change_answer(control_change_t *change)
{
    char *line = change->text;

    change->text[change->n] = '\0';
    while (line[0] == '~' && strchr(line, '\n') != NULL) {
        line = strchr(line, '\n') + 1;
    }
    if (strncmp(line, "ok\n", 3) == 0) {
        change->done(change->request, true, line + 3);
    } else {
        change->done(change->request, false,
                     strncmp(line, "no: ", 4) == 0 ? line + 4 : "no answer\n");
    }
}


static void
change_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
                mosn_conn_event_e event)
{
    control_change_t *change = filter->state;

    if (event == MOSN_CONN_IDLE) {
        mosn_conn_close(conn, MOSN_REASON_IDLE_TIMEOUT);
    } else if (event == MOSN_CONN_CLOSED) {
        mosn_list_unlink(&change->link);
        change_answer(change);
        mosn_loop_bury(conn->loop, &change->pool);
    }
}


static const mosn_net_filter_ops_t change_filter = {
    .on_read = change_on_read,
    .on_event = change_on_event,
    .terminal = true,
};


static void
control_change(void *owner, const char                        *line,
               void (*done)(void *, bool, const char *), void *request)
{
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };

    control_t        *c = owner;
    mosn_note_t       note = { .version = MOSN_NOTE_VERSION,
                               .type = MOSN_NOTE_COMMAND };
    mosn_pool_t      *pool;
    control_change_t *change;
    mosn_conn_t      *conn;
    int               fds[2];

    if (mosn_socket_stream_pair(fds) == -1) {
        done(request, false, "out of descriptors\n");
        return;
    }
    /* First what is asked: who refuses it at once, as before a reload, is
     * not to be written to any more. */
    if (dprintf(fds[0], "%s\n", line) < 0
        || mosn_socket_send_message(c->child->channel, &note, sizeof(note),
                                    &fds[1], 1)
               == -1)
    {
        (void) close(fds[0]);
        (void) close(fds[1]);
        done(request, false, "the master does not listen; try again\n");
        return;
    }
    (void) close(fds[1]);
    conn = mosn_conn_create(&c->loop, fds[0], &nobody);
    if (conn == NULL) {
        done(request, false, "no memory\n");
        return;
    }
    pool = mosn_pool_create(MOSN_POOL_STREAM);
    change = mosn_pool_calloc(pool, sizeof(*change));
    change->pool = pool;
    change->conn = conn;
    change->done = done;
    change->request = request;
    mosn_list_append(&c->changes, &change->link);
    (void) mosn_conn_add_filter(conn, &change_filter, NULL, change);
    mosn_conn_arm_idle(conn, CHANGE_MS);
}


/* There will be no answers. */
static void
control_give_up(control_t *c)
{
    mosn_list_t *link, *next;

    for (link = c->changes.next; link != &c->changes; link = next) {
        next = link->next;
        mosn_conn_close(mosn_container_of(link, control_change_t, link)->conn,
                        MOSN_REASON_DRAINING);
    }
}


/* What names have become goes the way of all changes. */
typedef struct {
    int                   fd;
    const mosn_cluster_t *cluster;
    char                 *line;
} control_resolved_t;


static void
control_resolved_done(void *request, bool well, const char *text)
{
    control_resolved_t *r = request;

    if (!well) {
        mosn_log_warn(0, "what was resolved is not taken: %s", text);
        mosn_dns_untaken(r->cluster);
    }
    (void) close(r->fd);
    free(r->line);
    free(r);
}


static void
control_on_resolved(const mosn_cluster_t *cluster, const char *hosts)
{
    control_resolved_t *r = mosn_calloc(sizeof(*r));

    r->cluster = cluster;
    r->fd = memfd_create("mosn hosts", MFD_CLOEXEC);
    if (r->fd == -1 || dprintf(r->fd, "%s", hosts) < 0
        || asprintf(&r->line, "resolved %u %.*s /proc/%d/fd/%d",
                    control_generation->number, MOSN_STR_ARG(cluster->name),
                    (int) getpid(), r->fd)
               == -1)
    {
        r->line = NULL;
        control_resolved_done(r, false, "no memory");
        return;
    }
    control_change(control_self, r->line, control_resolved_done, r);
}


static const void *
control_refresh(const void *settings, mosn_pool_t *pool)
{
    mosn_settings_t *now = mosn_pool_alloc(pool, sizeof(*now));

    *now = *(const mosn_settings_t *) settings;
    mosn_resources_refresh(now, control_generation, pool);
    return now;
}


static const mosn_module_t control_admin_module = {
    .kind = MOSN_NET_FILTER,
    .name = "admin",
    .ops = &mosn_admin_filter,
};


static mosn_rc_e
control_start_admin(control_t *c)
{
    const mosn_child_t *child = c->child;

    if (child->admin_fd == -1) {
        return MOSN_OK;
    }
    c->admin = (mosn_admin_t){
        .block = &mosn_settings_block,
        .settings = child->settings,
        .sets = mosn_metric_sets,
        .is_ready = control_is_ready,
        .generation = child->generation,
        .change =
            child->settings->admin->allow_changes ? control_change : NULL,
        .owner = c,
        .refresh = control_refresh,
    };
    c->filter.module = &control_admin_module;
    c->filter.conf = &c->admin;
    c->listener_conf.name = MOSN_STR("admin");
    c->listener_conf.send_timeout_ms = 10000;
    c->listener_conf.filters.items = &c->filter;
    c->listener_conf.filters.n = 1;
    mosn_listener_make_chains(&c->listener_conf);
    c->limits.max_connections = ADMIN_CONNECTIONS;
    return mosn_listener_start(&c->listener, &c->loop, &c->listener_conf,
                               &c->limits, child->admin_fd);
}


int
mosn_control_run(const mosn_child_t *child)
{
    control_t c = { .child = child };

    control_board = child->board;
    control_beats = &child->seat->beat_ms;
    control_generation = child->generation;
    mosn_list_init(&c.changes);
    if (mosn_child_begin(child) != MOSN_OK
        || mosn_loop_init(&c.loop) != MOSN_OK
        || mosn_child_listen(&c.ears, &c.loop, child, control_on_note, &c)
               != MOSN_OK
        || control_start_admin(&c) != MOSN_OK)
    {
        return 2;
    }
    c.loop.on_turn = control_beat;
    mosn_timer_init(&c.tick, control_tick);
    mosn_timer_arm(&c.loop, &c.tick, BEAT_MS);
    mosn_host_probes = true;
    mosn_clusters_start(child->generation, &c.loop);
    mosn_health_start(child->generation, &c.loop);
    control_self = &c;
    if (mosn_dns_start(child->generation, &c.loop, &child->settings->dns,
                       control_on_resolved)
        != MOSN_OK)
    {
        return 2;
    }
    mosn_child_ready(child);
    mosn_loop_run(&c.loop);
    control_give_up(&c);
    mosn_health_stop();
    mosn_dns_stop();
    mosn_clusters_stop(child->generation);

    if (child->admin_fd != -1) {
        mosn_listener_close_all(&c.listener, MOSN_REASON_DRAINING);
    }
    mosn_loop_turn(&c.loop, 0);
    mosn_loop_fini(&c.loop);
    mosn_generation_unref(child->generation);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return 0;
}
