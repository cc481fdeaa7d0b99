/* tests/core/rand.c - even enough for balancing. */

#include "tap.h"
#include "core/rand.c"


int
main(void)
{
    unsigned counts[10] = { 0 }, low = 100000, high = 0;
    uint64_t first, second;

    for (int i = 0; i < 100000; i++) {
        counts[mosn_rand_below(10)]++;
    }
    for (int i = 0; i < 10; i++) {
        low = counts[i] < low ? counts[i] : low;
        high = counts[i] > high ? counts[i] : high;
    }
    ok(low > 9500 && high < 10500, "even shares: %u to %u", low, high);
    mosn_rand_seed();
    first = mosn_rand_u64();
    mosn_rand_seed();
    second = mosn_rand_u64();
    ok(first != second, "another seed each time");
    is_num(mosn_rand_below(1), 0, "of one");
    return done_testing();
}
