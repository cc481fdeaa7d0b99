/*
 * os/shm.h - memory that processes share, behind a descriptor.
 *
 * Pages cost nothing before they are touched, so a segment may be as large
 * as its largest use.
 */

#ifndef MOSN_OS_SHM_H
#define MOSN_OS_SHM_H

#include "os/compiler.h"

typedef struct {
    void  *bytes;
    size_t size;
    int    fd;
} mosn_shm_t;

/* A new segment of zeros; -1 and errno on failure. */
int mosn_shm_create(mosn_shm_t *shm, const char *name, size_t size);

/* Maps the segment behind an inherited descriptor. */
int mosn_shm_open(mosn_shm_t *shm, int fd);

void mosn_shm_close(mosn_shm_t *shm);

#endif
