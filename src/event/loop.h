/*
 * event/loop.h - one thread's event loop.
 *
 * A turn: wait, dispatch what is ready, fire timers, run posted tasks, flush
 * what was queued for sending, and then free what died.  So every object
 * that was valid when the turn began stays addressable until it ends, and
 * whatever a turn queued on a connection goes out in one send.
 *
 * Descriptors are watched edge-triggered, for both directions, with one
 * epoll_ctl in their life; closing a descriptor ends its watch.
 */

#ifndef MOSN_EVENT_LOOP_H
#define MOSN_EVENT_LOOP_H

#include "core/pool.h"
#include "core/rc.h"
#include "event/timer.h"

#include <sys/epoll.h>

typedef struct mosn_loop_s  mosn_loop_t;
typedef struct mosn_watch_s mosn_watch_t;
typedef struct mosn_task_s  mosn_task_t;

/* Embedded in what owns the descriptor. */
struct mosn_watch_s {
    /* `events`: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR. */
    void (*on_ready)(mosn_watch_t *watch, uint32_t events);
    /* What this turn's wait has reported and on_ready has not seen yet: lets
     * others know of a peer's close before its turn comes. */
    uint32_t pending;
};

/* Embedded; runs once, later in this turn or in the next. */
struct mosn_task_s {
    mosn_list_t link;
    void (*run)(mosn_task_t *task);
};

struct mosn_loop_s {
    int          epoll_fd;
    bool         stop;
    bool         forks; /* children have our descriptors for a while */
    uint64_t     now_ns;
    uint64_t     now_ms;
    mosn_wheel_t wheel;
    mosn_list_t  posted;
    mosn_list_t  flushes; /* tasks that send; run last */
    mosn_pool_t *grave;
    uint64_t     turns;
    /* Called once a turn; may be NULL. */
    void (*on_turn)(mosn_loop_t *loop);
};

mosn_rc_e mosn_loop_init(mosn_loop_t *loop);
void      mosn_loop_fini(mosn_loop_t *loop);

/* Runs turns until `loop->stop`. */
void mosn_loop_run(mosn_loop_t *loop);

/* One turn that waits at most `max_wait_ms`. */
void mosn_loop_turn(mosn_loop_t *loop, uint64_t max_wait_ms);

/* ERROR: logged. */
mosn_rc_e mosn_loop_watch(mosn_loop_t *loop, mosn_watch_t *watch, int fd);

/* For the few descriptors that stay open but are not wanted for a while
 * (a listener at its limit), level-triggered, reading only. */
mosn_rc_e mosn_loop_watch_level(mosn_loop_t *loop, mosn_watch_t *watch,
                                int fd);
/* The same for EPOLLIN, EPOLLOUT or both. */
mosn_rc_e mosn_loop_watch_events(mosn_loop_t *loop, mosn_watch_t *watch,
                                 int fd, uint32_t events);
void      mosn_loop_unwatch(mosn_loop_t *loop, mosn_watch_t *watch, int fd);

void mosn_task_init(mosn_task_t *task, void (*run)(mosn_task_t *));

/* Posting a posted task is a no-op. */
void mosn_loop_post(mosn_loop_t *loop, mosn_task_t *task);
void mosn_loop_post_flush(mosn_loop_t *loop, mosn_task_t *task);
void mosn_task_cancel(mosn_task_t *task);

/* Destroys the pool when the turn ends; clears the caller's pointer. */
void mosn_loop_bury(mosn_loop_t *loop, mosn_pool_t **pool);

static inline void
mosn_timer_arm(mosn_loop_t *loop, mosn_timer_t *timer, uint64_t after_ms)
{
    mosn_wheel_arm(&loop->wheel, timer, loop->now_ms + after_ms);
}


static inline void
mosn_timer_disarm(mosn_loop_t *loop, mosn_timer_t *timer)
{
    mosn_wheel_disarm(&loop->wheel, timer);
}


#endif
