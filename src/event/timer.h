/*
 * event/timer.h - one-shot timers that live inside the object they serve.
 *
 * The memory is the caller's: embed a timer, init it once, arm and disarm it
 * at will.  Arming an armed timer moves it; disarming an idle one is a no-op.
 * The timer is already idle when `fire` runs, so `fire` may free its owner.
 * Time is the loop's monotonic clock, read once per turn.
 *
 * All operations are O(1) on a hierarchical wheel of one-millisecond ticks.
 * Moving a timer to a later time, what every request does to the idle timer
 * of its connection, is one store: the wheel notices when the old time
 * comes.
 */

#ifndef MOSN_EVENT_TIMER_H
#define MOSN_EVENT_TIMER_H

#include "core/list.h"

#define MOSN_WHEEL_LEVELS 6
#define MOSN_WHEEL_SLOTS  64

typedef struct mosn_timer_s mosn_timer_t;
typedef struct mosn_wheel_s mosn_wheel_t;
typedef void (*mosn_timer_pt)(mosn_timer_t *timer);

struct mosn_timer_s {
    mosn_list_t   link;     /* private: in the wheel while armed */
    uint64_t      due;      /* when it fires, in ticks of the wheel */
    uint64_t      slot_due; /* when the wheel looks at it; never later */
    mosn_timer_pt fire;
};

struct mosn_wheel_s {
    uint64_t    now;
    uint64_t    used[MOSN_WHEEL_LEVELS]; /* bit n: slot n is not empty */
    mosn_list_t slots[MOSN_WHEEL_LEVELS][MOSN_WHEEL_SLOTS];
};

static inline void
mosn_timer_init(mosn_timer_t *timer, mosn_timer_pt fire)
{
    mosn_list_init(&timer->link);
    timer->due = timer->slot_due = 0;
    timer->fire = fire;
}

static inline bool
mosn_timer_is_armed(const mosn_timer_t *timer)
{
    return !mosn_list_is_empty(&timer->link);
}


void mosn_wheel_init(mosn_wheel_t *wheel, uint64_t now);
void mosn_wheel_arm(mosn_wheel_t *wheel, mosn_timer_t *timer, uint64_t due);

void mosn_wheel_unlink(mosn_wheel_t *wheel, mosn_timer_t *timer);

static inline void
mosn_wheel_disarm(mosn_wheel_t *wheel, mosn_timer_t *timer)
{
    if (mosn_timer_is_armed(timer)) {
        mosn_wheel_unlink(wheel, timer);
    }
}


/* Milliseconds until the wheel has something to do, at most `max_ms`. */
uint64_t mosn_wheel_wait_ms(const mosn_wheel_t *wheel, uint64_t max_ms);

/* Moves time forward and fires what is due. */
void mosn_wheel_advance(mosn_wheel_t *wheel, uint64_t now);

#endif
