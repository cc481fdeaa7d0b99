/*
 * event/timer.c - a hierarchical timing wheel.
 *
 * Level n has 64 slots of 64^n ticks each.  A timer goes to the level whose
 * span covers the time it has left, and moves down a level each time its
 * slot comes up, at most five times in its life.  One bit per slot tells
 * which are in use, so that time jumps over the empty ones.
 */

#include "event/timer.h"

#define LEVEL_BITS 6
#define SLOT_MASK  (MOSN_WHEEL_SLOTS - 1u)
#define SPAN_MAX   ((1ull << (LEVEL_BITS * MOSN_WHEEL_LEVELS)) - 1)


void
mosn_wheel_init(mosn_wheel_t *wheel, uint64_t now)
{
    wheel->now = now;
    for (unsigned level = 0; level < MOSN_WHEEL_LEVELS; level++) {
        wheel->used[level] = 0;
        for (unsigned slot = 0; slot < MOSN_WHEEL_SLOTS; slot++) {
            mosn_list_init(&wheel->slots[level][slot]);
        }
    }
}


static void
wheel_link(mosn_wheel_t *wheel, mosn_timer_t *timer)
{
    uint64_t left = timer->due - wheel->now;
    unsigned level, slot;

    timer->slot_due = timer->due;
    if (left > SPAN_MAX) {
        left = SPAN_MAX; /* looked at again in two years */
        timer->slot_due = wheel->now + left;
    }

    level = left < MOSN_WHEEL_SLOTS
                ? 0
                : (63u - (unsigned) __builtin_clzll(left)) / LEVEL_BITS;
    slot = (unsigned) (timer->slot_due >> (level * LEVEL_BITS)) & SLOT_MASK;
    mosn_list_append(&wheel->slots[level][slot], &timer->link);
    wheel->used[level] |= 1ull << slot;
}


void
mosn_wheel_unlink(mosn_wheel_t *wheel, mosn_timer_t *timer)
{
    mosn_list_t *next = timer->link.next;

    mosn_list_unlink(&timer->link);

    /* Alone in its slot: `next` is the head, and its place tells which. */
    if (mosn_list_is_empty(next)) {
        uintptr_t at = (uintptr_t) next - (uintptr_t) &wheel->slots[0][0];
        size_t    i = at / sizeof(mosn_list_t);

        if (i < (size_t) MOSN_WHEEL_LEVELS * MOSN_WHEEL_SLOTS) {
            wheel->used[i / MOSN_WHEEL_SLOTS] &=
                ~(1ull << (i % MOSN_WHEEL_SLOTS));
        }
    }
}


void
mosn_wheel_arm(mosn_wheel_t *wheel, mosn_timer_t *timer, uint64_t due)
{
    if (due <= wheel->now) {
        due = wheel->now + 1;
    }
    timer->due = due;

    if (mosn_timer_is_armed(timer)) {
        if (timer->slot_due <= due) {
            return; /* the wheel will see the new time */
        }
        mosn_wheel_unlink(wheel, timer);
    }
    wheel_link(wheel, timer);
}


static uint64_t
rotate_right(uint64_t bits, unsigned n)
{
    return n == 0 ? bits : (bits >> n) | (bits << (64 - n));
}


/* The next tick at which a slot in use comes up; 0: none. */
static uint64_t
wheel_next_tick(const mosn_wheel_t *wheel)
{
    uint64_t next = 0;

    for (unsigned level = 0; level < MOSN_WHEEL_LEVELS; level++) {
        unsigned shift = level * LEVEL_BITS;
        uint64_t current = wheel->now >> shift;
        uint64_t bits = rotate_right(wheel->used[level],
                                     (unsigned) (current + 1) & SLOT_MASK);

        if (bits != 0) {
            unsigned ahead = (unsigned) __builtin_ctzll(bits);
            uint64_t tick = (current + 1 + ahead) << shift;

            if (next == 0 || tick < next) {
                next = tick;
            }
        }
    }
    return next;
}


uint64_t
mosn_wheel_wait_ms(const mosn_wheel_t *wheel, uint64_t max_ms)
{
    uint64_t next = wheel_next_tick(wheel);

    return next == 0 || next - wheel->now > max_ms ? max_ms
                                                   : next - wheel->now;
}


/* Empties the slot of `level` that comes up now: down a level, or fire. */
static void
wheel_turn(mosn_wheel_t *wheel, unsigned level)
{
    unsigned slot =
        (unsigned) (wheel->now >> (level * LEVEL_BITS)) & SLOT_MASK;
    mosn_list_t due;

    if ((wheel->used[level] & (1ull << slot)) == 0) {
        return;
    }
    wheel->used[level] &= ~(1ull << slot);
    mosn_list_init(&due);
    mosn_list_take_all(&due, &wheel->slots[level][slot]);

    while (!mosn_list_is_empty(&due)) {
        mosn_timer_t *timer = mosn_container_of(due.next, mosn_timer_t, link);

        mosn_list_unlink(&timer->link);
        if (timer->due > wheel->now || level > 0) {
            wheel_link(wheel, timer);
        } else {
            timer->fire(timer);
        }
    }
}


void
mosn_wheel_advance(mosn_wheel_t *wheel, uint64_t now)
{
    uint64_t tick;

    while (wheel->now < now) {
        tick = wheel_next_tick(wheel);
        if (tick == 0 || tick > now) {
            wheel->now = now;
            return;
        }
        wheel->now = tick;
        for (unsigned level = MOSN_WHEEL_LEVELS; level-- > 0;) {
            if ((tick & ((1ull << (level * LEVEL_BITS)) - 1)) == 0) {
                wheel_turn(wheel, level);
            }
        }
    }
}
