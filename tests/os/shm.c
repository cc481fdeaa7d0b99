/* tests/os/shm.c - shared by a child, found by its descriptor. */

#include "tap.h"
#include "os/shm.c"

#include <sys/wait.h>


int
main(void)
{
    mosn_shm_t shm, again;
    int        status;

    ok(mosn_shm_create(&shm, "test", 1 << 20) == 0, "create");
    is_num(((char *) shm.bytes)[1000], 0, "zeros");
    if (fork() == 0) {
        ((char *) shm.bytes)[1000] = 42;
        _exit(0);
    }
    (void) wait(&status);
    is_num(((char *) shm.bytes)[1000], 42, "a child's write is seen");
    ok(mosn_shm_open(&again, dup(shm.fd)) == 0, "open by descriptor");
    is_num((long long) again.size, 1 << 20, "its size");
    is_num(((char *) again.bytes)[1000], 42, "its bytes");
    mosn_shm_close(&again);
    mosn_shm_close(&shm);
    ok(mosn_shm_open(&again, -1) == -1, "no descriptor");
    return done_testing();
}
