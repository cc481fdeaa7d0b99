/* event/loop.c - the turn of the loop. */

#include "event/loop.h"
#include "core/log.h"
#include "os/clock.h"

#include <errno.h>
#include <unistd.h>

#define MAX_EVENTS      512
#define MAX_WAIT_MS     60000u
#define MAX_TASK_ROUNDS 64


static void
loop_update_time(mosn_loop_t *loop)
{
    loop->now_ns = mosn_clock_ns();
    loop->now_ms = loop->now_ns / 1000000;
}


mosn_rc_e
mosn_loop_init(mosn_loop_t *loop)
{
    memset(loop, 0, sizeof(*loop));
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd == -1) {
        mosn_log_alert(errno, "cannot create an epoll descriptor");
        return MOSN_ERROR;
    }
    loop_update_time(loop);
    mosn_wheel_init(&loop->wheel, loop->now_ms);
    mosn_list_init(&loop->posted);
    mosn_list_init(&loop->flushes);
    return MOSN_OK;
}


static void
loop_empty_grave(mosn_loop_t *loop)
{
    while (loop->grave != NULL) {
        mosn_pool_t *pool = loop->grave;

        loop->grave = *mosn_pool_next(pool);
        mosn_pool_destroy(&pool);
    }
}


void
mosn_loop_fini(mosn_loop_t *loop)
{
    loop_empty_grave(loop);
    (void) close(loop->epoll_fd);
    loop->epoll_fd = -1;
}


static mosn_rc_e
loop_add(mosn_loop_t *loop, mosn_watch_t *watch, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };

    watch->pending = 0;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1) {
        mosn_log_alert(errno, "cannot watch descriptor %d", fd);
        return MOSN_ERROR;
    }
    return MOSN_OK;
}


mosn_rc_e
mosn_loop_watch(mosn_loop_t *loop, mosn_watch_t *watch, int fd)
{
    return loop_add(loop, watch, fd,
                    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}


mosn_rc_e
mosn_loop_watch_level(mosn_loop_t *loop, mosn_watch_t *watch, int fd)
{
    return loop_add(loop, watch, fd, EPOLLIN);
}


mosn_rc_e
mosn_loop_watch_events(mosn_loop_t *loop, mosn_watch_t *watch, int fd,
                       uint32_t events)
{
    return loop_add(loop, watch, fd, events);
}


void
mosn_loop_unwatch(mosn_loop_t *loop, mosn_watch_t *watch, int fd)
{
    (void) epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    watch->pending = 0;
}


void
mosn_task_init(mosn_task_t *task, void (*run)(mosn_task_t *))
{
    mosn_list_init(&task->link);
    task->run = run;
}


void
mosn_loop_post(mosn_loop_t *loop, mosn_task_t *task)
{
    if (mosn_list_is_empty(&task->link)) {
        mosn_list_append(&loop->posted, &task->link);
    }
}


void
mosn_loop_post_flush(mosn_loop_t *loop, mosn_task_t *task)
{
    if (mosn_list_is_empty(&task->link)) {
        mosn_list_append(&loop->flushes, &task->link);
    }
}


void
mosn_task_cancel(mosn_task_t *task)
{
    mosn_list_unlink(&task->link);
}


void
mosn_loop_bury(mosn_loop_t *loop, mosn_pool_t **pool)
{
    *mosn_pool_next(*pool) = loop->grave;
    loop->grave = *pool;
    *pool = NULL;
}


/* Runs what is in the list now; what is posted meanwhile waits. */
static void
loop_run_tasks(mosn_list_t *tasks)
{
    mosn_list_t batch;

    mosn_list_init(&batch);
    mosn_list_take_all(&batch, tasks);
    while (!mosn_list_is_empty(&batch)) {
        mosn_task_t *task = mosn_container_of(batch.next, mosn_task_t, link);

        mosn_list_unlink(&task->link);
        task->run(task);
    }
}


void
mosn_loop_turn(mosn_loop_t *loop, uint64_t max_wait_ms)
{
    struct epoll_event events[MAX_EVENTS];
    uint64_t           wait_ms = max_wait_ms;
    int                n;

    if (!mosn_list_is_empty(&loop->posted)) {
        wait_ms = 0;
    } else {
        wait_ms = mosn_wheel_wait_ms(&loop->wheel, max_wait_ms);
    }

    n = epoll_wait(loop->epoll_fd, events, MAX_EVENTS, (int) wait_ms);
    loop_update_time(loop);
    loop->turns++;
    if (n == -1 && errno != EINTR) {
        mosn_log_alert(errno, "epoll_wait failed");
        abort(); /* nothing would ever come again, at full speed */
    }

    for (int i = 0; i < n; i++) {
        mosn_watch_t *watch = events[i].data.ptr;

        watch->pending = events[i].events;
    }
    for (int i = 0; i < n; i++) {
        mosn_watch_t *watch = events[i].data.ptr;
        uint32_t      ready = watch->pending;

        if (ready != 0) { /* 0: closed since, by an earlier event */
            watch->pending = 0;
            watch->on_ready(watch, ready);
        }
    }

    mosn_wheel_advance(&loop->wheel, loop->now_ms);
    loop_run_tasks(&loop->posted);

    /* A failed send ends streams, which may queue more; seldom twice. */
    for (int i = 0; i < MAX_TASK_ROUNDS && !mosn_list_is_empty(&loop->flushes);
         i++)
    {
        loop_run_tasks(&loop->flushes);
    }

    if (loop->on_turn != NULL) {
        loop->on_turn(loop);
    }
    loop_empty_grave(loop);
}


void
mosn_loop_run(mosn_loop_t *loop)
{
    while (!loop->stop) {
        mosn_loop_turn(loop, MAX_WAIT_MS);
    }
}
