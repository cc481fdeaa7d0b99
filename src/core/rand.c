/* core/rand.c - xoroshiro128+ (Blackman and Vigna). */

#include "core/rand.h"
#include "os/clock.h"

#include <sys/random.h>
#include <unistd.h>

/* One stream a process; a reload starts another. */
static uint64_t rand_state[2] = { 0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u };


void
mosn_rand_seed(void)
{
    uint64_t seed[2];

    if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) {
        seed[0] = mosn_clock_ns();
        seed[1] = (uint64_t) getpid();
    }
    rand_state[0] = seed[0];
    rand_state[1] = seed[1] | 1;
}


static uint64_t
rand_rotl(uint64_t x, int n)
{
    return (x << n) | (x >> (64 - n));
}


uint64_t
mosn_rand_u64(void)
{
    uint64_t a = rand_state[0], b = rand_state[1];
    uint64_t result = a + b;

    b ^= a;
    rand_state[0] = rand_rotl(a, 24) ^ b ^ (b << 16);
    rand_state[1] = rand_rotl(b, 37);
    return result;
}
