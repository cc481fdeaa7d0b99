/*
 * core/str.h - counted strings.  A mosn_str_t borrows its bytes and need not
 * end in NUL.
 */

#ifndef MOSN_CORE_STR_H
#define MOSN_CORE_STR_H

#include "os/compiler.h"

#include <stdio.h>

typedef struct {
    const char *at;
    size_t      len;
} mosn_str_t;

#define MOSN_STR(literal) ((mosn_str_t){ (literal), sizeof(literal) - 1 })
#define MOSN_STR_INIT(literal)                                                \
    {                                                                         \
        (literal), sizeof(literal) - 1                                        \
    }
#define MOSN_STR_NULL ((mosn_str_t){ NULL, 0 })

/* For printf: "%.*s". */
#define MOSN_STR_ARG(s) (int) (s).len, (s).at

static inline mosn_str_t
mosn_str(const char *text)
{
    return (mosn_str_t){ text, text == NULL ? 0 : strlen(text) };
}


static inline bool
mosn_str_equal(mosn_str_t a, mosn_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}


static inline bool
mosn_str_has_prefix(mosn_str_t s, mosn_str_t prefix)
{
    return s.len >= prefix.len
           && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}


static inline uint8_t
mosn_lower(uint8_t c)
{
    return (uint8_t) (c - 'A') < 26 ? c | 0x20 : c;
}


/* Equal but for the case of ASCII letters. */
bool mosn_str_equal_nocase(mosn_str_t a, mosn_str_t b);

/* Without blanks and tabs at both ends. */
mosn_str_t mosn_str_trim(mosn_str_t s);

/* Cuts the next member off a comma-separated list, trimmed; false at its
 * end.  Empty members are skipped (RFC 9110, 5.6.1). */
bool mosn_str_next_member(mosn_str_t *list, mosn_str_t *member_r);

/* True when the list has `token` in it, whatever its case. */
bool mosn_str_list_has(mosn_str_t list, mosn_str_t token);

/* Digits alone, at most 2^63 - 1. */
bool mosn_str_parse_u63(mosn_str_t s, uint64_t *value_r);

/* Writes `value` in decimal, no NUL; returns the length, at most 20. */
size_t mosn_str_format_u64(uint64_t value, char *out);

/* A blank within a word of a line for the master. */
#define MOSN_WORD_BLANK 0x1f

/* Cuts the next word off a line, and the blank behind it; empty: there is
 * none. */
mosn_str_t mosn_str_next_word(mosn_str_t *line);

/* Fit for the name of a resource: something, without blanks or control
 * characters. */
bool mosn_str_is_name(mosn_str_t s);

/* Number of edits between two short strings, for "did you mean". */
unsigned mosn_str_distance(mosn_str_t a, mosn_str_t b);

/* `text` as a string of JSON (RFC 8259, 7). */
void mosn_json_print(const char *text, FILE *out);

uint64_t mosn_str_hash(mosn_str_t s);

#endif
