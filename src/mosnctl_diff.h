/* mosnctl_diff.h - compare two effective configurations. */

#ifndef MOSNCTL_DIFF_H
#define MOSNCTL_DIFF_H

#include <stdio.h>

/* Prints how `then` differs from `now`, both as `mosn -T` prints them; the
 * exit status. */
int mosnctl_diff(const char *now, const char *then);

#endif
