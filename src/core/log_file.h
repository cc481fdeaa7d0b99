/*
 * core/log_file.h - the files that access logs are written to.
 *
 * One list a process, in the order of the configuration.  The master opens
 * the files with its rights and children inherit them; after a rotation the
 * master opens them again and sends the descriptors.  Lines are gathered and
 * leave when the buffer is full or the worker's timer flushes; a file that
 * cannot be written to loses lines, counted, and never stalls a worker.
 */

#ifndef MOSN_CORE_LOG_FILE_H
#define MOSN_CORE_LOG_FILE_H

#include "core/rc.h"
#include "core/str.h"

#define MOSN_LOG_FILE_BUFFER (64u * 1024)

typedef struct {
    char    *path;
    int      fd;
    char    *buffer; /* made at first use */
    size_t   n;
    uint64_t lost; /* bytes */
} mosn_log_file_t;

/* The file of that path, made when there is none; NULL: there are too many, or
 * they were opened, and what comes later may only name one of them. */
mosn_log_file_t *mosn_log_file_get(mosn_str_t path);

/* What is said when there is none. */
#define MOSN_LOG_FILE_NONE                                                    \
    "too many log files; at run time only those that the configuration "      \
    "file names"

/* Opens what is not open.  ERROR: logged; the others are open. */
mosn_rc_e mosn_log_files_open(void);

/* Opens all of them again; keeps an old one that cannot be. */
void mosn_log_files_reopen(void);

size_t     mosn_log_files_count(void);
int        mosn_log_file_fd(size_t i);
mosn_str_t mosn_log_file_path(size_t i);
void       mosn_log_file_set_fd(size_t i, int fd);

/* Room for a line of at most `n` bytes; then commit what was written. */
char *mosn_log_file_reserve(mosn_log_file_t *file, size_t n);

static inline void
mosn_log_file_commit(mosn_log_file_t *file, size_t n)
{
    file->n += n;
}


/* Writes out what is gathered in all files. */
void mosn_log_files_flush(void);

#endif
