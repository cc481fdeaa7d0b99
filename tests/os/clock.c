/* tests/os/clock.c - forward, and about now. */

#include "tap.h"
#include "os/clock.c"


int
main(void)
{
    uint64_t a = mosn_clock_ns(), b = mosn_clock_ns();

    ok(b >= a, "monotonic");
    ok(mosn_clock_wall_ms() / 1000 + 2 >= (uint64_t) time(NULL)
           && mosn_clock_wall_ms() / 1000 <= (uint64_t) time(NULL) + 2,
       "wall time is now");
    is_num((long long) strlen(mosn_clock_http_date()), 29, "a date for HTTP");
    return done_testing();
}
