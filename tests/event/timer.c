/* tests/event/timer.c - the wheel, held against a plain list. */

#include "tap.h"
#include "event/timer.c"
#include "core/rand.h"

#define N 500

typedef struct {
    mosn_timer_t timer;
    uint64_t     expected; /* 0: idle */
    bool         wrong;
} entry_t;

static mosn_wheel_t wheel;
static entry_t      entries[N];
static unsigned     fired;


static void
fire(mosn_timer_t *timer)
{
    entry_t *e = mosn_container_of(timer, entry_t, timer);

    fired++;
    e->wrong |= e->expected != wheel.now || mosn_timer_is_armed(timer);
    e->expected = 0;
}


static void
test_random(void)
{
    uint64_t now = 1000003;
    bool     wrong = false, missed = false;

    mosn_wheel_init(&wheel, now);
    for (int i = 0; i < N; i++) {
        mosn_timer_init(&entries[i].timer, fire);
    }
    for (int step = 0; step < 20000; step++) {
        entry_t *e = &entries[mosn_rand_below(N)];
        uint64_t after = 1 + (mosn_rand_u64() >> (40 + mosn_rand_below(22)));

        if (mosn_rand_below(4) == 0) {
            mosn_wheel_disarm(&wheel, &e->timer);
            e->expected = 0;
        } else {
            mosn_wheel_arm(&wheel, &e->timer, now + after);
            e->expected = now + after;
        }
        if (mosn_rand_below(3) == 0) {
            now += mosn_rand_below(step % 50 == 0 ? 500000 : 200);
            mosn_wheel_advance(&wheel, now);
        }
    }
    for (int i = 0; i < N; i++) {
        wrong |= entries[i].wrong;
        missed |= entries[i].expected != 0 && entries[i].expected <= now;
    }
    ok(fired > 1000, "%u timers fired", fired);
    ok(!wrong, "each at its time, and idle when it does");
    ok(!missed, "none was missed");
    for (int i = 0; i < N; i++) {
        mosn_wheel_disarm(&wheel, &entries[i].timer);
    }
    is_num((long long) mosn_wheel_wait_ms(&wheel, 12345), 12345,
           "an empty wheel waits as long as one likes");
}


static mosn_timer_t other;


static void
fire_and_disarm(mosn_timer_t *timer)
{
    (void) timer;
    fired++;
    mosn_wheel_disarm(&wheel, &other);
}


static void
test_lazy(void)
{
    mosn_timer_t timer;

    mosn_wheel_init(&wheel, 0);
    fired = 0;
    mosn_timer_init(&timer, fire_and_disarm);
    mosn_timer_init(&other, fire_and_disarm);
    mosn_wheel_arm(&wheel, &timer, 100);
    mosn_wheel_arm(&wheel, &timer, 50);
    ok(mosn_wheel_wait_ms(&wheel, 1000) <= 50, "moved to an earlier time");
    mosn_wheel_arm(&wheel, &timer, 5000);
    mosn_wheel_advance(&wheel, 4999);
    is_num(fired, 0, "moved to a later one");
    mosn_wheel_arm(&wheel, &other, 5000);
    mosn_wheel_advance(&wheel, 6000);
    is_num(fired, 1, "a timer may disarm one that is due with it");

    mosn_wheel_arm(&wheel, &timer, 1ull << 50);
    mosn_wheel_advance(&wheel, 1ull << 37);
    is_num(fired, 1, "a very late one waits");
    ok(mosn_timer_is_armed(&timer), "and stays armed");
    mosn_wheel_disarm(&wheel, &timer);
    mosn_wheel_arm(&wheel, &timer, 3);
    mosn_wheel_advance(&wheel, wheel.now + 1);
    is_num(fired, 2, "a time in the past is the next tick");
}


int
main(void)
{
    test_random();
    test_lazy();
    return done_testing();
}
