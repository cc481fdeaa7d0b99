/*
 * os/compiler.h - what we ask of the compiler, in one place.
 */

#ifndef MOSN_OS_COMPILER_H
#define MOSN_OS_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOSN_LIKELY(x)         __builtin_expect(!!(x), 1)
#define MOSN_UNLIKELY(x)       __builtin_expect(!!(x), 0)
#define MOSN_UNUSED            __attribute__((unused))
#define MOSN_COLD              __attribute__((cold, noinline))
#define MOSN_NOINLINE          __attribute__((noinline)) /* keeps its caller short */
#define MOSN_NORETURN          __attribute__((noreturn))
#define MOSN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MOSN_CACHE_LINE        64

/* Free lists keep memory; not in a debug build, where the sanitizer is to
 * see every end and every new life. */
#ifdef MOSN_DEBUG
#define MOSN_KEEPS_MEMORY 0
#else
#define MOSN_KEEPS_MEMORY 1
#endif

#define MOSN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The object of `type` whose `member` is at `ptr`. */
#define mosn_container_of(ptr, type, member)                                  \
    ((type *) (void *) ((char *) (ptr) -offsetof(type, member)))

#endif
