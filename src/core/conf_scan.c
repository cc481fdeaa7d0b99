/* core/conf_scan.c - what is in the text and not in libconfig's tree. */

#include "core/conf_scan.h"
#include "core/conf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMMENT_MAX  65536u
#define MAX_DEPTH    64 /* of groups in groups that are counted */
#define MAX_INCLUDES 10 /* of files in files: libconfig's own bound */

/* --- units ----------------------------------------------------------------
 */

typedef struct {
    const char *suffix;
    uint64_t    factor;
} conf_unit_t;

static const conf_unit_t conf_durations[] = {
    { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
    { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

static const conf_unit_t conf_sizes[] = {
    { "", 1 },         { "k", 1u << 10 }, { "K", 1u << 10 }, { "m", 1u << 20 },
    { "M", 1u << 20 }, { "g", 1u << 30 }, { "G", 1u << 30 }, { NULL, 0 },
};


/* Digits and one unit. */
static bool
conf_parse_units(const char *text, const conf_unit_t *units, uint64_t *value_r)
{
    size_t   digits = strspn(text, "0123456789");
    uint64_t value;

    if (!mosn_str_parse_u63((mosn_str_t){ text, digits }, &value)) {
        return false;
    }
    for (; units->suffix != NULL; units++) {
        if (strcmp(text + digits, units->suffix) == 0) {
            return !__builtin_mul_overflow(value, units->factor, value_r)
                   && *value_r <= INT64_MAX;
        }
    }
    return false;
}


const char *
mosn_conf_format_duration(uint64_t ms, char out[32])
{
    const conf_unit_t *unit = &conf_durations[0];

    for (const conf_unit_t *u = unit; u->suffix != NULL; u++) {
        if (ms >= u->factor && ms % u->factor == 0) {
            unit = u;
        }
    }
    (void) snprintf(out, 32, "%llu%s",
                    (unsigned long long) (ms / unit->factor), unit->suffix);
    return out;
}


const char *
mosn_conf_format_size(uint64_t bytes, char out[32])
{
    const char *suffix = "";

    if (bytes != 0 && bytes % (1u << 30) == 0) {
        suffix = "g";
        bytes >>= 30;
    } else if (bytes != 0 && bytes % (1u << 20) == 0) {
        suffix = "m";
        bytes >>= 20;
    } else if (bytes != 0 && bytes % (1u << 10) == 0) {
        suffix = "k";
        bytes >>= 10;
    }
    (void) snprintf(out, 32, "%llu%s", (unsigned long long) bytes, suffix);
    return out;
}


bool
mosn_conf_parse_duration(const char *text, uint64_t *ms_r)
{
    return conf_parse_units(text, conf_durations, ms_r);
}


bool
mosn_conf_parse_size(const char *text, uint64_t *bytes_r)
{
    return conf_parse_units(text, conf_sizes, bytes_r);
}


/* --- before libconfig -----------------------------------------------------
 */

typedef struct {
    const char *name;
    const char *at;
    const char *end;
    unsigned    line;
    unsigned    depth;
    unsigned    members[MAX_DEPTH]; /* of the groups that are open */
    char       *why;
    size_t      room;
} scan_t;


static bool
scan_is_word(char c)
{
    return isalnum((unsigned char) c) || c == '_' || c == '.' || c == '*'
           || c == '-';
}


/* Strings and comments; they may have lines. */
static void
scan_skip(scan_t *s, const char *end, bool escapes)
{
    size_t n = strlen(end);

    while (s->at < s->end
           && ((size_t) (s->end - s->at) < n || memcmp(s->at, end, n) != 0))
    {
        s->at += escapes && *s->at == '\\' && s->at + 1 < s->end;
        s->line += *s->at == '\n';
        s->at++;
    }
    s->line += n == 1 && *end == '\n' && s->at < s->end;
    s->at += s->at < s->end ? n : 0;
}


/* libconfig keeps 32 bits of a number that has no "L" behind it. */
static bool
scan_number(scan_t *s)
{
    const char        *begin = s->at;
    bool               hex = s->end - begin > 2 && (begin[1] | 32) == 'x';
    size_t             n;
    unsigned long long value;
    char               digits[32];

    while (s->at < s->end && scan_is_word(*s->at)) {
        s->at++;
    }
    n = (size_t) (s->at - begin);
    if ((begin[n - 1] | 32) == 'l' || n >= sizeof(digits)
        || (!hex
            && (memchr(begin, '.', n) != NULL || memchr(begin, 'e', n) != NULL
                || memchr(begin, 'E', n) != NULL)))
    {
        return n < sizeof(digits); /* what libconfig makes of more is no
                                      number */
    }
    memcpy(digits, begin, n);
    digits[n] = '\0';
    value = strtoull(digits, NULL, hex ? 16 : 10);
    if (value <= (hex ? UINT32_MAX : (unsigned long long) INT32_MAX)) {
        return true;
    }
    (void) snprintf(s->why, s->room,
                    "%s:%u: %s is too large for a number of 32 bits; write "
                    "%sL, or a size like \"4g\"",
                    s->name, s->line, digits, digits);
    return false;
}


/* libconfig looks for a name among all those before it. */
static bool
scan_member(scan_t *s)
{
    unsigned *n = &s->members[s->depth < MAX_DEPTH ? s->depth : MAX_DEPTH - 1];

    if (++*n <= MOSN_CONF_MAX_MEMBERS) {
        return true;
    }
    (void) snprintf(s->why, s->room,
                    "%s:%u: more than %u settings in one group", s->name,
                    s->line, MOSN_CONF_MAX_MEMBERS);
    return false;
}


/* To the end of the line, with which libconfig takes seconds when it is some
 * megabytes away. */
static bool
scan_comment(scan_t *s)
{
    const char *begin = s->at;
    unsigned    line = s->line;

    scan_skip(s, "\n", false);
    if ((size_t) (s->at - begin) <= COMMENT_MAX) {
        return true;
    }
    (void) snprintf(s->why, s->room,
                    "%s:%u: a comment of more than %u bytes in one line",
                    s->name, line, COMMENT_MAX);
    return false;
}


static bool
scan_all(scan_t *s)
{
    while (s->at < s->end) {
        char c = *s->at;
        char next = s->at + 1 < s->end ? s->at[1] : '\0';

        if (c == '"') {
            s->at++;
            scan_skip(s, "\"", true);
        } else if (c == '#' || (c == '/' && next == '/')) {
            if (!scan_comment(s)) {
                return false;
            }
        } else if (c == '/' && next == '*') {
            s->at += 2;
            scan_skip(s, "*/", false);
        } else if (isdigit((unsigned char) c)) {
            if (!scan_number(s)) {
                return false;
            }
        } else if (scan_is_word(c) && c != '-') {
            while (s->at < s->end && scan_is_word(*s->at)) {
                s->at++;
            }
        } else {
            if ((c == '=' || c == ':') && !scan_member(s)) {
                return false;
            }
            if (c == '{') {
                s->depth++;
                s->members[s->depth < MAX_DEPTH ? s->depth : MAX_DEPTH - 1] =
                    0;
            }
            s->depth -= c == '}' && s->depth > 0;
            s->line += c == '\n';
            s->at++;
        }
    }
    return true;
}


bool
mosn_conf_scan_text(const char *name, const char *text, char *why, size_t room)
{
    scan_t s = { .name = name,
                 .at = text,
                 .end = text + strlen(text),
                 .line = 1,
                 .why = why,
                 .room = room };

    return scan_all(&s);
}


/* "x" of a line `@include "x"`, after `*at`; NULL: there is no more. */
static char *
scan_include(const char **at)
{
    while ((*at = strstr(*at, "@include")) != NULL) {
        const char *begin = *at + strlen("@include");

        *at = begin;
        begin += strspn(begin, " \t");
        if (*begin == '"') {
            return strndup(begin + 1, strcspn(begin + 1, "\"\n"));
        }
    }
    return NULL;
}


static bool
scan_file(const char *path, const char *dir, unsigned depth, char *why,
          size_t room)
{
    FILE       *in = fopen(path, "re");
    char       *text = NULL, *name;
    size_t      n = 0;
    const char *at;
    bool        fine;
    struct stat st; /* what is no file may be read but once */

    if (in == NULL || fstat(fileno(in), &st) == -1 || !S_ISREG(st.st_mode)
        || getdelim(&text, &n, '\0', in) == -1)
    {
        if (in != NULL) {
            (void) fclose(in);
        }
        free(text);
        return true; /* libconfig says what is wrong with it */
    }
    (void) fclose(in);
    fine = mosn_conf_scan_text(path, text, why, room);
    at = text;
    while (fine && depth < MAX_INCLUDES && (name = scan_include(&at)) != NULL)
    {
        char whole[4096];

        (void) snprintf(whole, sizeof(whole), "%s%s%s",
                        name[0] == '/' ? "" : dir, name[0] == '/' ? "" : "/",
                        name);
        fine = scan_file(whole, dir, depth + 1, why, room);
        free(name);
    }
    explicit_bzero(text, n);
    free(text);
    return fine;
}


bool
mosn_conf_scan_file(const char *path, char *why, size_t room)
{
    const char *slash = strrchr(path, '/');
    char        dir[4096] = ".";

    if (slash != NULL) {
        (void) snprintf(dir, sizeof(dir), "%.*s",
                        slash == path ? 1 : (int) (slash - path), path);
    }
    return scan_file(path, dir, 0, why, room);
}
