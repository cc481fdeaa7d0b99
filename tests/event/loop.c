/* tests/event/loop.c - the order within a turn. */

#include "tap.h"
#include "event/loop.c"

static mosn_loop_t loop;
static char        order[32];
static mosn_task_t first, second, flush, again;
static bool        freed;


static void
add(char c)
{
    size_t n = strlen(order);

    order[n] = c;
}


static void
run_second(mosn_task_t *task)
{
    (void) task;
    add('2');
}


static void
run_flush(mosn_task_t *task)
{
    (void) task;
    add('f');
}


static void
run_first(mosn_task_t *task)
{
    add('1');
    mosn_loop_post_flush(&loop, &flush);
    mosn_loop_post(&loop, task); /* itself, for the next turn */
}


static void
run_again(mosn_task_t *task)
{
    add('a');
    mosn_loop_post_flush(&loop, task);
}


static void
fire(mosn_timer_t *timer)
{
    (void) timer;
    add('t');
}


static void
ready(mosn_watch_t *watch, uint32_t events)
{
    (void) watch;
    add(events & EPOLLIN ? 'r' : 'w');
}


static void
note_freed(void *object)
{
    (void) object;
    freed = true;
}


int
main(void)
{
    mosn_watch_t watch = { .on_ready = ready };
    mosn_timer_t timer;
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_STREAM);
    int          fds[2];

    if (mosn_loop_init(&loop) != MOSN_OK || pipe(fds) == -1) {
        return 1;
    }
    mosn_task_init(&first, run_first);
    mosn_task_init(&second, run_second);
    mosn_task_init(&flush, run_flush);
    mosn_task_init(&again, run_again);
    mosn_timer_init(&timer, fire);
    (void) mosn_loop_watch(&loop, &watch, fds[0]);
    mosn_timer_arm(&loop, &timer, 1);
    (void) usleep(3000);
    (void) !write(fds[1], "x", 1);
    mosn_loop_post(&loop, &first);
    mosn_loop_post(&loop, &first);
    mosn_loop_post(&loop, &second);
    mosn_pool_on_destroy(pool, note_freed, NULL);
    mosn_loop_bury(&loop, &pool);
    ok(pool == NULL, "bury clears the caller's pointer");
    mosn_loop_turn(&loop, 100);
    is_str(mosn_str(order), "rt12f", "events, timers, tasks, flushes");
    ok(freed, "then what was buried is freed");

    memset(order, 0, sizeof(order));
    mosn_task_cancel(&second);
    mosn_loop_turn(&loop, 100);
    is_str(mosn_str(order), "1f", "edge-triggered: the pipe is told once");
    mosn_task_cancel(&first);

    memset(order, 0, sizeof(order));
    mosn_loop_post(&loop, &second);
    mosn_task_cancel(&second);
    mosn_loop_turn(&loop, 0);
    is_str(mosn_str(order), "", "a cancelled task does not run");
    mosn_loop_post_flush(&loop, &again);
    order[0] = '\0';
    mosn_task_cancel(&again);
    (void) close(fds[0]);
    (void) close(fds[1]);
    mosn_loop_fini(&loop);
    mosn_pool_release_cache();
    return done_testing();
}
