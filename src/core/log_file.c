/* core/log_file.c - buffered log files. */

#include "core/log_file.h"
#include "core/log.h"
#include "core/pool.h"
#include "os/file.h"

#include <errno.h>
#include <unistd.h>

#define MAX_FILES 64

/* Appended to by each configuration; never shrinks, so that the index of a
 * file is the same in master and children. */
static mosn_log_file_t log_files[MAX_FILES];
static size_t          n_log_files;
static bool            log_files_sealed; /* what is open is all there is */


mosn_log_file_t *
mosn_log_file_get(mosn_str_t path)
{
    mosn_log_file_t *file;

    for (size_t i = 0; i < n_log_files; i++) {
        if (mosn_str_equal(mosn_str(log_files[i].path), path)) {
            return &log_files[i];
        }
    }
    if (n_log_files == MAX_FILES || log_files_sealed || path.at == NULL) {
        return NULL;
    }
    file = &log_files[n_log_files++];
    file->path = strndup(path.at, path.len);
    file->fd = -1;
    return file;
}


mosn_rc_e
mosn_log_files_open(void)
{
    mosn_rc_e rc = MOSN_OK;

    log_files_sealed = true;
    for (size_t i = 0; i < n_log_files; i++) {
        mosn_log_file_t *file = &log_files[i];

        if (file->fd != -1) {
            continue;
        }
        file->fd = strcmp(file->path, "stdout") == 0
                       ? dup(STDOUT_FILENO)
                       : mosn_file_open_log(file->path);
        if (file->fd == -1) {
            mosn_log_err(errno, "cannot open the log %s", file->path);
            rc = MOSN_ERROR;
        }
    }
    return rc;
}


void
mosn_log_files_reopen(void)
{
    for (size_t i = 0; i < n_log_files; i++) {
        mosn_log_file_t *file = &log_files[i];
        int              fd;

        if (strcmp(file->path, "stdout") == 0) {
            continue;
        }
        fd = mosn_file_open_log(file->path);
        if (fd == -1) {
            mosn_log_err(errno, "cannot open the log %s again", file->path);
        } else {
            mosn_log_file_set_fd(i, fd);
        }
    }
}


size_t
mosn_log_files_count(void)
{
    return n_log_files;
}


mosn_str_t
mosn_log_file_path(size_t i)
{
    return mosn_str(log_files[i].path);
}


int
mosn_log_file_fd(size_t i)
{
    return log_files[i].fd;
}


static void
log_file_flush(mosn_log_file_t *file)
{
    ssize_t written;

    if (file->n == 0) {
        return;
    }
    written = mosn_file_write_log(file->fd, file->buffer, file->n);
    if (written != (ssize_t) file->n) {
        size_t lost = file->n - (written > 0 ? (size_t) written : 0);

        if (file->lost == 0) {
            mosn_log_err(written == -1 ? errno : 0,
                         "cannot write the log %s, losing lines", file->path);
        }
        file->lost += lost;
    } else if (file->lost > 0) {
        mosn_log_notice("the log %s is written again, %llu bytes were lost",
                        file->path, (unsigned long long) file->lost);
        file->lost = 0;
    }
    file->n = 0;
}


void
mosn_log_file_set_fd(size_t i, int fd)
{
    log_file_flush(&log_files[i]);
    if (log_files[i].fd != -1) {
        (void) close(log_files[i].fd);
    }
    log_files[i].fd = fd;
}


char *
mosn_log_file_reserve(mosn_log_file_t *file, size_t n)
{
    if (file->buffer == NULL) {
        file->buffer = mosn_alloc(MOSN_LOG_FILE_BUFFER);
    }
    if (file->n + n > MOSN_LOG_FILE_BUFFER) {
        log_file_flush(file);
    }
    return file->buffer + file->n;
}


void
mosn_log_files_flush(void)
{
    for (size_t i = 0; i < n_log_files; i++) {
        log_file_flush(&log_files[i]);
    }
}
