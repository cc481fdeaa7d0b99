/*
 * fuzz.h - what a fuzzer gives the driver.
 *
 * The driver makes inputs of the seeds: bits flipped, pieces cut out, doubled
 * and spliced, random bytes.  Deterministic: a failure repeats with the same
 * number of bytes.  A property that does not hold aborts.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include "core/str.h"

extern const char *const fuzz_name;
extern const mosn_str_t  fuzz_seeds[]; /* ends with one of length 0 */

void fuzz_one(const uint8_t *bytes, size_t n);

#define FUZZ_CHECK(condition)                                                 \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fuzz_failed(__FILE__, __LINE__, #condition);                      \
        }                                                                     \
    } while (0)

void fuzz_failed(const char *file, int line, const char *condition);

#endif
