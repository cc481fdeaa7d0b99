/* os/shm.c - shared memory on memfd. */

#include "os/shm.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


static int
shm_map(mosn_shm_t *shm)
{
    shm->bytes = mmap(NULL, shm->size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, shm->fd, 0);
    if (shm->bytes == MAP_FAILED) {
        int saved = errno;

        (void) close(shm->fd);
        shm->bytes = NULL;
        errno = saved;
        return -1;
    }
    (void) madvise(shm->bytes, shm->size,
                   MADV_DONTDUMP); /* large, or secret */
    return 0;
}


int
mosn_shm_create(mosn_shm_t *shm, const char *name, size_t size)
{
    shm->size = size;
    shm->fd = memfd_create(name, MFD_CLOEXEC);
    if (shm->fd == -1) {
        return -1;
    }

    if (ftruncate(shm->fd, (off_t) size) == -1) {
        int saved = errno;

        (void) close(shm->fd);
        errno = saved;
        return -1;
    }
    return shm_map(shm);
}


int
mosn_shm_open(mosn_shm_t *shm, int fd)
{
    struct stat st;

    if (fstat(fd, &st) == -1) {
        return -1;
    }
    shm->fd = fd;
    shm->size = (size_t) st.st_size;
    return shm_map(shm);
}


void
mosn_shm_close(mosn_shm_t *shm)
{
    (void) munmap(shm->bytes, shm->size);
    (void) close(shm->fd);
    shm->bytes = NULL;
}
