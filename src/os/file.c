/* os/file.c - whole files. */

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


int
mosn_file_open_log(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK,
                0644);
}


ssize_t
mosn_file_write_log(int fd, const void *bytes, size_t n)
{
    struct stat st;
    size_t      done = 0;

    if (fstat(fd, &st) == -1) {
        return -1;
    }
    if (S_ISREG(st.st_mode)) {
        return write(fd, bytes, n);
    }
    while (done < n) {
        struct pollfd ready = { .fd = fd, .events = POLLOUT };
        size_t        piece = n - done < PIPE_BUF ? n - done : PIPE_BUF;
        ssize_t       got;

        if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
            errno = EAGAIN;
            break;
        }
        got = write(fd, (const char *) bytes + done, piece);
        if (got == -1) {
            break;
        }
        done += (size_t) got;
    }
    return done > 0 ? (ssize_t) done : -1;
}


static int
file_write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, text, n);

        if (written == -1) {
            if (errno == EINTR) {
                continue;
            }
            return -1;
        }
        text += written;
        n -= (size_t) written;
    }
    return 0;
}


int
mosn_file_replace(const char *path, const char *text, size_t n)
{
    char temporary[4096];
    int  fd, saved;

    if ((size_t) snprintf(temporary, sizeof(temporary), "%s.tmp", path)
        >= sizeof(temporary))
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd == -1) {
        return -1;
    }
    if (file_write_all(fd, text, n) == -1) {
        saved = errno;
        (void) close(fd);
        goto remove;
    }
    if (close(fd) == 0 && rename(temporary, path) == 0) {
        return 0;
    }
    saved = errno;

remove:
    (void) unlink(temporary);
    errno = saved;
    return -1;
}


char *
mosn_file_read(const char *path, size_t max_bytes, size_t *n_r)
{
    struct stat st;
    char       *text = NULL;
    size_t      n = 0;
    int         saved;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        return NULL;
    }
    if (fstat(fd, &st) == -1) {
        goto failed;
    }
    if ((size_t) st.st_size > max_bytes) {
        errno = EFBIG;
        goto failed;
    }

    text = malloc((size_t) st.st_size + 1);
    if (text == NULL) {
        goto failed;
    }
    while (n < (size_t) st.st_size) {
        ssize_t got = read(fd, text + n, (size_t) st.st_size - n);

        if (got == -1) {
            goto failed;
        }
        if (got == 0) {
            break;
        }
        n += (size_t) got;
    }
    text[n] = '\0';
    *n_r = n;
    (void) close(fd);
    return text;

failed:
    saved = errno;
    free(text);
    (void) close(fd);
    errno = saved;
    return NULL;
}
