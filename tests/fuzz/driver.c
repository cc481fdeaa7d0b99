/* tests/fuzz/driver.c - random and mutated input, so many bytes of it. */

#include "fuzz.h"
#include "core/rand.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_INPUT 1024

static uint8_t input[MAX_INPUT];
static size_t  input_len;


void
fuzz_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: does not hold: %s\ninput of %zu bytes:\n", file,
            line, condition, input_len);
    for (size_t i = 0; i < input_len; i++) {
        fprintf(stderr, "%02x", input[i]);
    }
    fprintf(stderr, "\n");
    abort();
}


static void
cut(void)
{
    size_t at = mosn_rand_below((uint32_t) input_len);
    size_t n = mosn_rand_below((uint32_t) (input_len - at)) + 1;

    n = n > 20 ? 20 : n;
    if (n > input_len - at) {
        n = input_len - at;
    }
    memmove(input + at, input + at + n, input_len - at - n);
    input_len -= n;
}


static void
insert(const uint8_t *bytes, size_t n)
{
    size_t at = mosn_rand_below((uint32_t) input_len + 1);

    if (input_len + n > MAX_INPUT) {
        return;
    }
    memmove(input + at + n, input + at, input_len - at);
    memcpy(input + at, bytes, n);
    input_len += n;
}


static void
mutate(const mosn_str_t *seeds, uint32_t n_seeds)
{
    static const char special[] = "\r\n\t \0:;,=\"\\/#%*0123456789abcdefxX"
                                  "\x7f\x80\xff\x01";
    const mosn_str_t *other = &seeds[mosn_rand_below(n_seeds)];
    uint8_t           copy[64];
    size_t            from, n;

    switch (mosn_rand_below(6)) {
    case 0:
        input[mosn_rand_below((uint32_t) input_len)] ^=
            (uint8_t) (1u << mosn_rand_below(8));
        break;
    case 1:
        input[mosn_rand_below((uint32_t) input_len)] =
            (uint8_t) special[mosn_rand_below(sizeof(special) - 1)];
        break;
    case 2:
        cut();
        break;
    case 3: /* a piece of itself again */
        from = mosn_rand_below((uint32_t) input_len);
        n = input_len - from;
        n = n > sizeof(copy) ? sizeof(copy) : n;
        memcpy(copy, input + from, n);
        insert(copy, n);
        break;
    case 4: /* a piece of another seed */
        from = mosn_rand_below((uint32_t) other->len);
        n = other->len - from;
        n = n > sizeof(copy) ? sizeof(copy) : n;
        memcpy(copy, other->at + from, n);
        insert(copy, n);
        break;
    default:
        copy[0] = (uint8_t) special[mosn_rand_below(sizeof(special) - 1)];
        insert(copy, 1);
        break;
    }
}


int
main(int argc, char **argv)
{
    uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    uint64_t done = 0, inputs = 0;
    uint32_t n_seeds = 0;

    while (fuzz_seeds[n_seeds].len > 0) {
        n_seeds++;
    }
    while (done < wanted) {
        const mosn_str_t *seed = &fuzz_seeds[mosn_rand_below(n_seeds)];
        uint32_t          mutations = mosn_rand_below(6);

        if (mosn_rand_below(20) == 0) {
            input_len = mosn_rand_below(MAX_INPUT);
            for (size_t i = 0; i < input_len; i++) {
                input[i] = (uint8_t) mosn_rand_u64();
            }
        } else {
            input_len = seed->len;
            memcpy(input, seed->at, seed->len);
        }
        for (uint32_t i = 0; i < mutations && input_len > 0; i++) {
            mutate(fuzz_seeds, n_seeds);
        }
        fuzz_one(input, input_len);
        done += input_len;
        inputs++;
    }
    printf("fuzz %-16s %llu bytes, %llu inputs: no report\n", fuzz_name,
           (unsigned long long) done, (unsigned long long) inputs);
    return 0;
}
