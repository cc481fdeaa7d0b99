/*
 * core/log.h - the error log.
 *
 *   2026/11/21 10:15:02.481 [err] 412#worker 0: cannot listen on ...: Address
 *   already in use
 *
 * alert: our bug or a broken host; err: the operator must act; warn: may have
 * to; notice: life of the process; info: a peer misbehaved; debug: built in,
 * off.  A line is one write(), at most MOSN_LOG_LINE bytes, with control
 * characters escaped.  One log a process: it outlives every configuration,
 * mosn_log_open() swaps its file on reload and reopen.
 */

#ifndef MOSN_CORE_LOG_H
#define MOSN_CORE_LOG_H

#include "core/str.h"

#define MOSN_LOG_LINE 2048

typedef enum {
    MOSN_LOG_ALERT,
    MOSN_LOG_ERR,
    MOSN_LOG_WARN,
    MOSN_LOG_NOTICE,
    MOSN_LOG_INFO,
    MOSN_LOG_DEBUG,
} mosn_log_level_e;

extern mosn_log_level_e mosn_log_level; /* lines above it are not made */

/* Names of the levels in order, NULL-ended. */
extern const char *const mosn_log_level_names[];

/* Writes to `path`, or to stderr for "" and "stderr".  -1 and errno when it
 * cannot be opened; the log stays as it was. */
int mosn_log_open(const char *path, mosn_log_level_e level);

/* Opens the same path again, after somebody renamed the file. */
int mosn_log_reopen(void);

/* Writes to an open descriptor from now on; -1 when there is none. */
void mosn_log_take_fd(int fd);
int  mosn_log_fd(void);

/* Errors and alerts to stderr too, whatever the file. */
void mosn_log_mirror(bool on);

/* "master", "worker 0": who writes. */
void mosn_log_set_role(const char *role);

/* `error`: an errno, or 0. */
void mosn_log_write(mosn_log_level_e level, int error, const char *fmt, ...)
    MOSN_PRINTF(3, 4);

/* Escapes control characters, quotes and backslashes as \xHH into `out`;
 * stops before `room` is exceeded; returns what was written. */
size_t mosn_log_escape(mosn_str_t s, char *out, size_t room);

#define mosn_log(level, error, ...)                                           \
    do {                                                                      \
        if (MOSN_UNLIKELY((level) <= mosn_log_level)) {                       \
            mosn_log_write((level), (error), __VA_ARGS__);                    \
        }                                                                     \
    } while (0)

#define mosn_log_alert(error, ...) mosn_log(MOSN_LOG_ALERT, error, __VA_ARGS__)
#define mosn_log_err(error, ...)   mosn_log(MOSN_LOG_ERR, error, __VA_ARGS__)
#define mosn_log_warn(error, ...)  mosn_log(MOSN_LOG_WARN, error, __VA_ARGS__)
#define mosn_log_notice(...)       mosn_log(MOSN_LOG_NOTICE, 0, __VA_ARGS__)
#define mosn_log_info(error, ...)  mosn_log(MOSN_LOG_INFO, error, __VA_ARGS__)
#define mosn_log_debug(...)        mosn_log(MOSN_LOG_DEBUG, 0, __VA_ARGS__)

/* What *we* promised; aborts with the place in the log. */
#define MOSN_BUG_ON(condition)                                                \
    do {                                                                      \
        if (MOSN_UNLIKELY(condition)) {                                       \
            mosn_log_bug(__FILE__, __LINE__, #condition);                     \
        }                                                                     \
    } while (0)

MOSN_NORETURN void mosn_log_bug(const char *file, int line,
                                const char *condition);

#endif
