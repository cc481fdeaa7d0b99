/* tests/proxy/lb/ring_hash.c - keys stay where they are. */

#include "hosts.h"
#include "proxy/lb/ring_hash.c"

#include "hash_keys.h"


int
main(void)
{
    hash_keys("ring_hash", 11);
    return hosts_done();
}
