/* core/rand.h - fast random numbers for balancing, sampling and ids; not for
 * secrets. */

#ifndef MOSN_CORE_RAND_H
#define MOSN_CORE_RAND_H

#include "os/compiler.h"

/* Takes a new seed from the system; every process does after fork. */
void mosn_rand_seed(void);

uint64_t mosn_rand_u64(void);

/* Evenly from 0 to n - 1. */
static inline uint32_t
mosn_rand_below(uint32_t n)
{
    return (uint32_t) ((uint64_t) (uint32_t) mosn_rand_u64() * n >> 32);
}


#endif
