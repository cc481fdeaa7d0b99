/*
 * die_on_accept.c - preloaded into a worker, it crashes when it has accepted
 * its first connection: a program that is good until it is used.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>


int
accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    int (*real)(int, struct sockaddr *, socklen_t *, int) =
        (int (*)(int, struct sockaddr *, socklen_t *, int)) dlsym(RTLD_NEXT,
                                                                  "accept4");
    char name[17] = "";
    int  got = real(fd, address, len, flags);

    prctl(PR_GET_NAME, name);
    if (got != -1 && strncmp(name, "mosn: worker", 12) == 0) {
        *(volatile int *) 8 = 1;
    }
    return got;
}
