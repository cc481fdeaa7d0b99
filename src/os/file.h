/* os/file.h - whole files. */

#ifndef MOSN_OS_FILE_H
#define MOSN_OS_FILE_H

#include "os/compiler.h"

#include <sys/types.h>

/* Opens for appending, created with mode 0644, never blocking: a pipe whose
 * reader sleeps must not stop a worker.  -1 and errno on failure. */
int mosn_file_open_log(const char *path);

/* Writes to a log without ever waiting: what a pipe or a terminal does not
 * take at once is not written.  The number of bytes, or -1 and errno. */
ssize_t mosn_file_write_log(int fd, const void *bytes, size_t n);

/* Replaces `path` by `text` in one step (temporary file and rename). */
int mosn_file_replace(const char *path, const char *text, size_t n);

/* The whole file in malloc'ed memory with a NUL behind it, at most
 * `max_bytes`; NULL and errno on failure. */
char *mosn_file_read(const char *path, size_t max_bytes, size_t *n_r);

#endif
