/*
 * tap.h - a unit test speaks TAP.
 *
 *   #include "tap.h"
 *   #include "core/str.c"        the file itself: its statics are in reach
 *
 *   int main(void) { ok(1 + 1 == 2, "adds %d", 1); return done_testing(); }
 */

#ifndef TAP_H
#define TAP_H

#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An allocation that is too large fails, as it does without a sanitizer. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}


static int tap_run;
static int tap_failed;

static bool __attribute__((format(printf, 2, 3)))
ok(bool passed, const char *fmt, ...)
{
    va_list args;

    tap_run++;
    tap_failed += !passed;
    printf("%sok %d - ", passed ? "" : "not ", tap_run);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    return passed;
}


/* Two strings; shows both when they differ. */
static void __attribute__((unused))
is_str(mosn_str_t got, const char *expected, const char *name)
{
    if (!ok(mosn_str_equal(got, mosn_str(expected)), "%s", name)) {
        printf("#      got: \"%.*s\"\n# expected: \"%s\"\n", MOSN_STR_ARG(got),
               expected);
    }
}


static void __attribute__((unused))
is_num(long long got, long long expected, const char *name)
{
    if (!ok(got == expected, "%s", name)) {
        printf("#      got: %lld\n# expected: %lld\n", got, expected);
    }
}


static int
done_testing(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed != 0;
}


/* A buffer that ends where its bytes end, so that the sanitizer sees any
 * read behind them.  Let it go with mosn_buf_close(). */
static mosn_buf_t __attribute__((unused))
tap_exact(const void *bytes, size_t n)
{
    mosn_block_t *block = malloc(sizeof(*block) + n);
    mosn_buf_t    buf;

    if (block == NULL) {
        abort();
    }
    block->refs = 1;
    block->size_class = 2; /* of no free list */
    block->size = n;
    memcpy(block->bytes, bytes, n);
    buf = (mosn_buf_t){ .pos = block->bytes,
                        .last = block->bytes + n,
                        .end = block->bytes + n,
                        .block = block };
    return buf;
}


#endif
