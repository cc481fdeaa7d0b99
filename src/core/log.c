/* core/log.c - the error log. */

#include "core/log.h"
#include "os/clock.h"
#include "os/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

const char *const mosn_log_level_names[] = { "alert",  "err",  "warn",
                                             "notice", "info", "debug",
                                             NULL };

mosn_log_level_e mosn_log_level = MOSN_LOG_NOTICE;

static int  log_fd = STDERR_FILENO;
static char log_path[1024];
static char log_role[32] = "main";
static bool log_mirrors;


int
mosn_log_open(const char *path, mosn_log_level_e level)
{
    bool to_stderr = path[0] == '\0' || strcmp(path, "stderr") == 0;
    int  fd = to_stderr ? STDERR_FILENO : mosn_file_open_log(path);

    if (fd == -1) {
        return -1;
    }
    if (log_fd != STDERR_FILENO) {
        (void) close(log_fd);
    }
    log_fd = fd;
    mosn_log_level = level;
    if (path != log_path) {
        (void) snprintf(log_path, sizeof(log_path), "%s",
                        to_stderr ? "" : path);
    }
    return 0;
}


int
mosn_log_reopen(void)
{
    return mosn_log_open(log_path, mosn_log_level);
}


void
mosn_log_take_fd(int fd)
{
    if (log_fd != STDERR_FILENO) {
        (void) close(log_fd);
    }
    log_fd = fd;
}


int
mosn_log_fd(void)
{
    return log_fd;
}


void
mosn_log_mirror(bool on)
{
    log_mirrors = on;
}


void
mosn_log_set_role(const char *role)
{
    (void) snprintf(log_role, sizeof(log_role), "%s", role);
}


size_t
mosn_log_escape(mosn_str_t s, char *out, size_t room)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t            n = 0;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t) s.at[i];

        if (c >= 0x20 && c != 0x7f && c != '"' && c != '\\') {
            if (n + 1 > room) {
                break;
            }
            out[n++] = (char) c;
            continue;
        }
        if (n + 4 > room) {
            break;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    return n;
}


static size_t
log_stamp(char *out, size_t room, mosn_log_level_e level)
{
    uint64_t  now = mosn_clock_wall_ms();
    time_t    seconds = (time_t) (now / 1000);
    struct tm tm;
    size_t    n;

    (void) localtime_r(&seconds, &tm);
    n = strftime(out, room, "%Y/%m/%d %H:%M:%S", &tm);
    n += (size_t) snprintf(
        out + n, room - n, ".%03u [%s] %d#%s: ", (unsigned) (now % 1000),
        mosn_log_level_names[level], (int) getpid(), log_role);
    return n;
}


static bool
log_is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((uint8_t) *text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}


static void
log_vwrite(mosn_log_level_e level, int error, const char *fmt, va_list args)
{
    char   line[MOSN_LOG_LINE + 1];
    char   text[MOSN_LOG_LINE];
    size_t n = log_stamp(line, sizeof(line), level);
    int    saved = errno;

    (void) vsnprintf(text, sizeof(text), fmt, args);
    if (log_is_plain(text)) {
        n += (size_t) snprintf(line + n, MOSN_LOG_LINE - n, "%s", text);
        if (n > MOSN_LOG_LINE - 1) {
            n = MOSN_LOG_LINE - 1;
        }
    } else {
        n += mosn_log_escape(mosn_str(text), line + n, MOSN_LOG_LINE - 1 - n);
    }

    if (error != 0 && n + 2 < MOSN_LOG_LINE) {
        int more =
            snprintf(line + n, MOSN_LOG_LINE - n, ": %s", strerror(error));

        n += (size_t) more;
        if (n > MOSN_LOG_LINE - 1) {
            n = MOSN_LOG_LINE - 1;
        }
    }
    line[n++] = '\n';

    if (log_mirrors && level <= MOSN_LOG_ERR && log_fd != STDERR_FILENO) {
        (void) mosn_file_write_log(STDERR_FILENO, line, n);
    }

    /* A full disk or a sleeping reader loses a line, never a worker. */
    (void) mosn_file_write_log(log_fd, line, n);
    errno = saved;
}


void
mosn_log_write(mosn_log_level_e level, int error, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_vwrite(level, error, fmt, args);
    va_end(args);
}


void
mosn_log_bug(const char *file, int line, const char *condition)
{
    mosn_log_write(MOSN_LOG_ALERT, 0, "bug: %s at %s:%d", condition, file,
                   line);
    abort();
}
