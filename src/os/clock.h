/*
 * os/clock.h - the two clocks.
 *
 * Everything that waits uses the monotonic one; wall time appears only in
 * logs and dates, so that a step of the system clock moves no timer.
 */

#ifndef MOSN_OS_CLOCK_H
#define MOSN_OS_CLOCK_H

#include "os/compiler.h"

/* Monotonic time. */
uint64_t mosn_clock_ns(void);

/* Wall time since the epoch in milliseconds. */
uint64_t mosn_clock_wall_ms(void);

/* Now as Date wants it (RFC 9110, 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
 * Made once a second; good until the next call. */
const char *mosn_clock_http_date(void);

#endif
