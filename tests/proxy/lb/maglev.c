/* tests/proxy/lb/maglev.c - keys stay where they are, and are even. */

#include "hosts.h"
#include "proxy/lb/maglev.c"

#include "hash_keys.h"


int
main(void)
{
    is_num(maglev_size(16381), 16381, "a prime is taken as it is");
    is_num(maglev_size(100), 101, "else the next one");
    hash_keys("maglev", 11);
    return hosts_done();
}
