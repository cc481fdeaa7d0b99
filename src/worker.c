/*
 * worker.c - a worker process: one loop, all traffic of its sockets.
 *
 *   serving --drain--> draining --nothing left, or time over--> ended
 */

#include "child.h"

#include "core/log_file.h"

#include <unistd.h>

#define LOG_FLUSH_MS  1000u
#define DRAIN_LOOK_MS 20u

typedef struct {
    const mosn_child_t  *child;
    mosn_loop_t          loop;
    mosn_child_ears_t    ears;
    mosn_accept_limits_t limits;
    mosn_listener_t     *listeners;
    size_t               n_listeners;
    mosn_timer_t         flush_logs;
    mosn_timer_t         drain;
    uint64_t             drain_until_ms;
    bool                 draining;
} worker_t;


static void
worker_flush_logs(mosn_timer_t *timer)
{
    worker_t *w = mosn_container_of(timer, worker_t, flush_logs);

    mosn_log_files_flush();
    mosn_timer_arm(&w->loop, timer, LOG_FLUSH_MS);
}


static void
worker_look_drained(mosn_timer_t *timer)
{
    worker_t *w = mosn_container_of(timer, worker_t, drain);

    if (w->limits.n_connections > 0) {
        if (w->loop.now_ms < w->drain_until_ms) {
            mosn_timer_arm(&w->loop, timer, DRAIN_LOOK_MS);
            return;
        }
        mosn_log_notice("drain_timeout: closing %u connections",
                        w->limits.n_connections);
        for (size_t i = 0; i < w->n_listeners; i++) {
            mosn_listener_close_all(&w->listeners[i], MOSN_REASON_DRAINING);
        }
    }
    w->loop.stop = true;
}


static void
worker_drain(void *owner)
{
    worker_t *w = owner;

    if (w->draining) {
        return;
    }
    w->draining = true;
    mosn_process_set_title("mosn: worker draining");
    mosn_log_notice("draining %u connections", w->limits.n_connections);
    for (size_t i = 0; i < w->n_listeners; i++) {
        mosn_listener_stop(&w->listeners[i]);
        (void) close(w->child->listen_fds[i]); /* the next is refused */
        mosn_listener_drain(&w->listeners[i]);
    }
    w->drain_until_ms = w->loop.now_ms + w->child->settings->drain_timeout_ms;
    mosn_timer_arm(&w->loop, &w->drain, 1);
}


static mosn_rc_e
worker_start_listeners(worker_t *w)
{
    const mosn_settings_t *s = w->child->settings;

    w->n_listeners = s->listeners.n;
    w->listeners = mosn_calloc(w->n_listeners * sizeof(*w->listeners));
    w->limits.max_connections = (uint32_t) s->worker_connections;
    for (size_t i = 0; i < w->n_listeners; i++) {
        if (mosn_listener_start(&w->listeners[i], &w->loop,
                                &s->listeners.items[i], &w->limits,
                                w->child->listen_fds[i])
            != MOSN_OK)
        {
            return MOSN_ERROR;
        }
    }
    return MOSN_OK;
}


/* Everything is given back, so that the sanitizer sees what is not. */
static void
worker_free(worker_t *w)
{
    mosn_clusters_stop(w->child->generation);
    mosn_loop_turn(&w->loop, 0);
    mosn_loop_fini(&w->loop);
    mosn_log_files_flush();
    free(w->listeners);
    mosn_generation_unref(w->child->generation);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
}


int
mosn_worker_run(const mosn_child_t *child)
{
    worker_t             w = { .child = child };
    mosn_board_worker_t *seat = &child->board->workers[child->slot];

    if (mosn_child_begin(child) != MOSN_OK
        || mosn_loop_init(&w.loop) != MOSN_OK
        || mosn_child_listen(&w.ears, &w.loop, child, worker_drain, &w)
               != MOSN_OK)
    {
        return 2;
    }
    mosn_clusters_start(child->generation, &w.loop);
    if (worker_start_listeners(&w) != MOSN_OK) {
        return 2;
    }
    mosn_timer_init(&w.flush_logs, worker_flush_logs);
    mosn_timer_init(&w.drain, worker_look_drained);
    mosn_timer_arm(&w.loop, &w.flush_logs, LOG_FLUSH_MS);

    atomic_store(&seat->ready, 1);
    mosn_loop_run(&w.loop);
    worker_free(&w);
    return 0;
}
