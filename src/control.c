/*
 * control.c - the control process: what is done once per host.
 *
 * It carries no traffic: when it dies the master starts another, and
 * requests go on.
 */

#include "child.h"

#include "proxy/admin.h"

#define ADMIN_CONNECTIONS 128

typedef struct {
    const mosn_child_t  *child;
    mosn_loop_t          loop;
    mosn_child_ears_t    ears;
    mosn_accept_limits_t limits;
    mosn_listener_t      listener;
    mosn_listener_conf_t listener_conf;
    mosn_conf_module_t   filter;
    mosn_admin_t         admin;
} control_t;

/* The page asks; there is one control process and one board. */
static const mosn_board_t *control_board;


static bool
control_is_ready(void)
{
    unsigned n = atomic_load(&control_board->n_workers);

    if (atomic_load(&control_board->draining)) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!atomic_load(&control_board->workers[i].ready)) {
            return false;
        }
    }
    return n > 0;
}


static void
control_drain(void *owner)
{
    control_t *c = owner;

    c->loop.stop = true;
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
    };
    c->filter.module = &control_admin_module;
    c->filter.conf = &c->admin;
    c->listener_conf.name = MOSN_STR("admin");
    c->listener_conf.send_timeout_ms = 10000;
    c->listener_conf.filters.items = &c->filter;
    c->listener_conf.filters.n = 1;
    c->limits.max_connections = ADMIN_CONNECTIONS;
    return mosn_listener_start(&c->listener, &c->loop, &c->listener_conf,
                               &c->limits, child->admin_fd);
}


int
mosn_control_run(const mosn_child_t *child)
{
    control_t c = { .child = child };

    control_board = child->board;
    if (mosn_child_begin(child) != MOSN_OK
        || mosn_loop_init(&c.loop) != MOSN_OK
        || mosn_child_listen(&c.ears, &c.loop, child, control_drain, &c)
               != MOSN_OK
        || control_start_admin(&c) != MOSN_OK)
    {
        return 2;
    }
    mosn_loop_run(&c.loop);

    if (child->admin_fd != -1) {
        mosn_listener_stop(&c.listener);
        mosn_listener_close_all(&c.listener, MOSN_REASON_DRAINING);
    }
    mosn_loop_turn(&c.loop, 0);
    mosn_loop_fini(&c.loop);
    mosn_generation_unref(child->generation);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return 0;
}
