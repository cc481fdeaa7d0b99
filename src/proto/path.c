/* proto/path.c - one spelling of a path. */

#include "proto/path.h"

#include <ctype.h>
#include <string.h>


static int
path_hex(char c)
{
    return isdigit((unsigned char) c)    ? c - '0'
           : isxdigit((unsigned char) c) ? (c | 32) - 'a' + 10
                                         : -1;
}


/* The character that "%XX" at `at` stands for, where it makes no difference;
 * 0: it does, or there is none. */
static char
path_unreserved(const char *at, const char *end)
{
    int           high, low;
    unsigned char c;

    if (end - at < 3 || at[0] != '%') {
        return 0;
    }
    high = path_hex(at[1]);
    low = path_hex(at[2]);
    if (high == -1 || low == -1) {
        return 0;
    }
    c = (unsigned char) (high << 4 | low);
    return c < 0x80 && (isalnum(c) || (c != 0 && strchr("-._~", c) != NULL))
               ? (char) c
               : 0;
}


/* How much of it is spelt as it should be; most is altogether. */
static size_t
path_look(mosn_str_t path, bool merge, size_t *end_r)
{
    static const bool telling[256] = {
        ['%'] = true, ['.'] = true, ['/'] = true, ['?'] = true
    };
    size_t i, same = path.len;

    for (i = 0; i < path.len; i++) {
        char c = path.at[i], before = i > 0 ? path.at[i - 1] : '\0';

        if (MOSN_LIKELY(!telling[(uint8_t) c])) {
            continue;
        }
        if (c == '?') {
            break;
        }
        if (same == path.len
            && (c == '%'
                || (before == '/' && (c == '.' || (c == '/' && merge)))))
        {
            same = c == '%' ? i : i - 1;
        }
    }
    *end_r = i;
    return same;
}


/* Segment by segment, in place: what is written is never ahead of what is
 * read. */
static size_t
path_remove_dots(char *path, size_t len, bool merge)
{
    size_t out = 0, at = 0;

    while (at < len) { /* at a slash */
        const char *slash = memchr(path + at + 1, '/', len - at - 1);
        size_t      next = slash != NULL ? (size_t) (slash - path) : len;
        size_t      n = next - at - 1;
        const char *segment = path + at + 1;
        bool        up = n == 2 && segment[0] == '.' && segment[1] == '.';
        bool        gone = up || (n == 1 && segment[0] == '.')
                    || (n == 0 && merge && next < len);

        while (up && out > 0 && path[--out] != '/') {
        }
        if (!gone) {
            memmove(path + out, path + at, n + 1);
            out += n + 1;
        } else if (next == len) { /* "/a/." is "/a/" */
            path[out++] = '/';
        }
        at = next;
    }
    return out;
}


mosn_str_t
mosn_path_normalize(mosn_str_t path, bool merge, mosn_pool_t *pool)
{
    size_t end, n = path_look(path, merge, &end);
    char  *out;

    if (MOSN_LIKELY(n == path.len) || path.at[0] != '/') {
        return path;
    }
    out = mosn_pool_alloc(pool, path.len);
    memcpy(out, path.at, n);
    for (size_t i = n; i < end; i++) {
        char c = path_unreserved(path.at + i, path.at + end);

        out[n++] = c != 0 ? c : path.at[i];
        i += c != 0 ? 2 : 0;
    }
    n = path_remove_dots(out, n, merge);
    memcpy(out + n, path.at + end, path.len - end);
    return (mosn_str_t){ out, n + path.len - end };
}
