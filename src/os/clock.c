/* os/clock.c - monotonic and wall time. */

#include "os/clock.h"

#include <time.h>

uint64_t
mosn_clock_ns(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}


uint64_t
mosn_clock_wall_ms(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t) ts.tv_sec * 1000u + (uint64_t) ts.tv_nsec / 1000000u;
}


const char *
mosn_clock_http_date(void)
{
    static char   text[32]; /* of this process */
    static time_t made;
    time_t        now = (time_t) (mosn_clock_wall_ms() / 1000);

    if (now != made) {
        struct tm tm;

        (void) gmtime_r(&now, &tm);
        (void) strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return text;
}
