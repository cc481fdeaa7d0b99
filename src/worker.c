/*
 * worker.c - a worker process: one loop, all traffic of its sockets.
 *
 *   trying itself --> serving --drain--> draining --nothing left--> ended
 *                                            \--time over--> closing, a few
 *                                                 at a time --> ended
 *
 * A drain with an heir gives connections at rest away; the others end when
 * their answer has said so.
 */

#include "child.h"
#include "handover.h"
#include "probe.h"
#include "resources.h"

#include "core/log_file.h"
#include "core/slab.h"
#include "event/tls_watch.h"
#include "proxy/request.h"

#include <unistd.h>

#define LOG_FLUSH_MS  1000u
#define DRAIN_LOOK_MS 20u
#define OFFER_MS      500u /* the heir has so long to say what it serves */
#define GIVE_AGAIN_MS 100u
#define SPREAD_MAX_MS 5000u
#define NAMES_LOOK_MS 10u

typedef struct {
    const mosn_child_t  *child;
    mosn_loop_t          loop;
    mosn_child_ears_t    ears;
    mosn_accept_limits_t limits;
    mosn_listener_t     *listeners;
    size_t               n_listeners;
    mosn_timer_t         flush_logs;
    mosn_timer_t         begin; /* when names are resolved */
    uint64_t             begin_until_ms;
    mosn_timer_t         linger; /* before it accepts no more */
    mosn_timer_t         drain;
    uint64_t             drain_until_ms;
    uint64_t             give_at_ms;
    mosn_bequest_t       bequest;
    mosn_list_t          heirs; /* of older workers: we are theirs */
    bool                 begun; /* its listeners are there */
    bool                 accepting;
    bool                 draining;
    bool                 told; /* connections know of the drain */
    bool                 shedding;
} worker_t;

/* The loop knows no owner; there is one worker a process. */
static worker_t *worker_self;


static void
worker_flush_logs(mosn_timer_t *timer)
{
    worker_t *w = mosn_container_of(timer, worker_t, flush_logs);

    mosn_log_files_flush();
    mosn_timer_arm(&w->loop, timer, LOG_FLUSH_MS); /* a beat, too */
}


/* The master looks at the seat; a turn a second is the least there is. */
static void
worker_beat(mosn_loop_t *loop)
{
    mosn_seat_t *seat = worker_self->child->seat;

    atomic_store_explicit(&seat->beat_ms, loop->now_ms, memory_order_relaxed);
    atomic_store_explicit(&seat->connections,
                          worker_self->limits.n_connections,
                          memory_order_relaxed);
}


/* --- drain -------------------------------------------------------------- */

static void
worker_stop_accepting(worker_t *w, bool queue)
{
    if (!w->accepting) {
        return;
    }
    w->accepting = false;
    for (size_t i = 0; i < w->n_listeners; i++) {
        mosn_listener_stop(&w->listeners[i], queue);
        (void) close(w->child->listen_fds[i]);
    }
}


static void
worker_linger_over(mosn_timer_t *timer)
{
    worker_stop_accepting(mosn_container_of(timer, worker_t, linger), true);
}


static void
worker_tell_connections(void *owner)
{
    worker_t *w = owner;

    w->told = true;
    w->give_at_ms = w->loop.now_ms + GIVE_AGAIN_MS;
    for (size_t i = 0; i < w->n_listeners; i++) {
        mosn_listener_drain(&w->listeners[i]);
    }
}


/* Not all at once: so many clients would come back in one moment. */
static void
worker_close_spread(worker_t *w)
{
    uint64_t now = w->loop.now_ms;
    uint64_t rounds = now < w->drain_until_ms
                          ? (w->drain_until_ms - now) / DRAIN_LOOK_MS + 1
                          : 1;
    uint32_t n = (uint32_t) ((w->limits.n_connections + rounds - 1) / rounds);

    for (size_t i = 0; i < w->n_listeners && n > 0; i++) {
        n -= mosn_listener_close_some(&w->listeners[i], n,
                                      MOSN_REASON_DRAINING);
    }
}


static void
worker_look_drained(mosn_timer_t *timer)
{
    worker_t *w = mosn_container_of(timer, worker_t, drain);
    uint64_t  spread = w->child->settings->drain_timeout_ms / 5;

    if (spread > SPREAD_MAX_MS) {
        spread = SPREAD_MAX_MS;
    }
    if (!w->told
        && (w->bequest.lane == NULL
            || w->loop.now_ms + w->child->settings->drain_timeout_ms
                   >= w->drain_until_ms + OFFER_MS))
    {
        worker_tell_connections(w);
    }
    if (w->limits.n_connections > 0
        && w->loop.now_ms + spread >= w->drain_until_ms)
    {
        worker_close_spread(w);
    }
    if (w->limits.n_connections == 0 && !w->accepting && w->told
        && ((mosn_list_is_empty(&w->heirs) && mosn_bequests_are_told())
            || w->loop.now_ms >= w->drain_until_ms))
    {
        w->loop.stop = true; /* nobody gives us anything any more */
        return;
    }
    if (w->told && w->loop.now_ms >= w->give_at_ms) {
        worker_tell_connections(w); /* some are at rest by now, or new */
    }
    mosn_timer_arm(&w->loop, timer, DRAIN_LOOK_MS);
}


/* Instead of the one it had, if any: what that was given, it has. */
static void
worker_take_heir(worker_t *w, int fd)
{
    if (!w->begun) { /* it has nothing to give */
        (void) close(fd);
        return;
    }
    mosn_bequest_end(&w->bequest);
    mosn_bequest_start(&w->bequest, &w->loop, fd, w->listeners, w->n_listeners,
                       worker_tell_connections, w);
}


/* `linger_ms`: the sockets are nobody else's, and who is on the way to them
 * is let in.  `heir`: a descriptor, or -1. */
static void
worker_drain(worker_t *w, uint32_t linger_ms, int heir)
{
    char title[48];

    if (w->draining) {
        if (heir != -1) {
            worker_take_heir(w, heir);
        }
        return;
    }
    w->draining = true;
    mosn_outlier_end(); /* the heirs judge, by their settings */
    (void) snprintf(title, sizeof(title), "draining (generation %u)",
                    w->child->generation->number);
    mosn_child_set_title(w->child, title);
    atomic_store(&w->child->seat->state, MOSN_SEAT_DRAINING);
    mosn_log_notice("draining %u connections", w->limits.n_connections);
    w->drain_until_ms = w->loop.now_ms + w->child->settings->drain_timeout_ms;

    if (heir != -1) {
        worker_take_heir(w, heir);
    }
    if (linger_ms > 0) {
        mosn_timer_arm(&w->loop, &w->linger, linger_ms);
    } else {
        worker_stop_accepting(w, heir == -1); /* else the heir accepts */
    }
    mosn_timer_arm(&w->loop, &w->drain, 1);
}


static void
worker_shed(worker_t *w, bool on)
{
    w->shedding = on;
    for (size_t i = 0; i < w->n_listeners && !w->draining; i++) {
        mosn_listener_shed(&w->listeners[i], on);
    }
}


static void
worker_on_note(void *owner, mosn_note_e type, int32_t value, int fd)
{
    worker_t *w = owner;

    switch (type) {
    case MOSN_NOTE_DRAIN:
        worker_drain(w, (uint32_t) value, fd);
        return;
    case MOSN_NOTE_INHERIT:
        if (fd != -1 && w->begun) { /* else the elder keeps what it has */
            mosn_inherit_start(&w->heirs, &w->loop, fd, w->listeners,
                               w->n_listeners);
            return;
        }
        break;
    case MOSN_NOTE_CERTS:
        if (fd != -1) {
            mosn_tls_watch_take(fd);
            return;
        }
        break;
    case MOSN_NOTE_RESOURCE:
        if (fd != -1) {
            if (mosn_resource_take(w->child->generation, fd, true)) {
                atomic_store(&w->child->seat->changes, (uint32_t) value);
            }
            return;
        }
        break;
    case MOSN_NOTE_RESOLVED:
        if (fd != -1) {
            (void) mosn_resource_take(w->child->generation, fd, false);
            return;
        }
        break;
    case MOSN_NOTE_SHED:
        worker_shed(w, value != 0);
        break;
    default:
        break;
    }
    if (fd != -1) {
        (void) close(fd);
    }
}


/* --- start and end ------------------------------------------------------ */

static mosn_rc_e
worker_start_listeners(worker_t *w)
{
    const mosn_settings_t *s = w->child->settings;

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
    w->begun = w->accepting = true;
    return MOSN_OK;
}


static void
worker_begin(mosn_timer_t *timer)
{
    worker_t *w = mosn_container_of(timer, worker_t, begin);

    if (w->draining) {
        return;
    }
    if (mosn_clusters_wait(w->child->generation)
        && w->loop.now_ms < w->begin_until_ms)
    {
        mosn_timer_arm(&w->loop, timer, NAMES_LOOK_MS);
        return;
    }
    if (worker_start_listeners(w) != MOSN_OK) {
        w->loop.stop = true; /* never ready */
        return;
    }
    worker_shed(w, w->child->shedding);
    mosn_child_ready(w->child);
}


static void
worker_on_probed(void *owner)
{
    worker_t *w = owner;

    w->begin_until_ms = w->loop.now_ms + MOSN_NAMES_MS;
    worker_begin(&w->begin);
}


/* Everything is given back, so that the sanitizer sees what is not. */
static void
worker_free(worker_t *w)
{
    mosn_bequest_end(&w->bequest);
    mosn_inherit_end(&w->heirs);
    mosn_clusters_stop(w->child->generation);
    mosn_loop_turn(&w->loop, 0);
    mosn_loop_fini(&w->loop);
    mosn_log_files_flush();
    free(w->listeners);
    mosn_generation_unref(w->child->generation);
    mosn_pool_release_cache();
    mosn_slab_release_cache();
    mosn_buf_release_cache();
}


int
mosn_worker_run(const mosn_child_t *child)
{
    static worker_t w; /* one a process */

    worker_self = &w;
    w.child = child;
    mosn_list_init(&w.heirs);
    w.n_listeners = child->settings->listeners.n;
    w.listeners = mosn_calloc(w.n_listeners * sizeof(*w.listeners));
    for (size_t i = 0; i < w.n_listeners; i++) {
        mosn_list_init(&w.listeners[i].connections); /* it may end before */
    }
    mosn_timer_init(&w.flush_logs, worker_flush_logs);
    mosn_timer_init(&w.linger, worker_linger_over);
    mosn_timer_init(&w.begin, worker_begin);
    mosn_timer_init(&w.drain, worker_look_drained);
    mosn_conn_busy = &child->seat->last_conn;

    if (mosn_child_begin(child) != MOSN_OK
        || mosn_loop_init(&w.loop) != MOSN_OK
        || mosn_child_listen(&w.ears, &w.loop, child, worker_on_note, &w)
               != MOSN_OK)
    {
        return 2;
    }
    w.loop.on_turn = worker_beat;
    mosn_clusters_start(child->generation, &w.loop);
    if (mosn_probe_start(&w.loop, worker_on_probed, &w) != MOSN_OK) {
        return 2;
    }
    mosn_timer_arm(&w.loop, &w.flush_logs, LOG_FLUSH_MS);
    mosn_loop_run(&w.loop);
    worker_free(&w);
    return 0;
}
