/*
 * core/regex.h - regular expressions (PCRE2), compiled at load.
 *
 * A match is bounded: an expression that goes astray on what a peer sends
 * fails as if it had not matched, and says so once in the log.
 */

#ifndef MOSN_CORE_REGEX_H
#define MOSN_CORE_REGEX_H

#include "core/conf.h"

typedef struct mosn_regex_s mosn_regex_t;

/* Lives in `pool`.  NULL: it is malformed; `why` has the cause and where. */
mosn_regex_t *mosn_regex_compile(mosn_pool_t *pool, mosn_str_t pattern,
                                 char *why, size_t room);

/* That of a setting, when it is set; a mistake goes to the reader, at `member`
 * of `group`. */
mosn_regex_t *mosn_regex_build(mosn_conf_t *reader, mosn_pool_t *pool,
                               mosn_str_t pattern, const void *member,
                               const void *group);

/* Anywhere in `s`, unless the pattern is anchored. */
bool mosn_regex_is_match(const mosn_regex_t *regex, mosn_str_t s);

/* Every match in `s` replaced by `by`, in which $1, ${1} and ${name} stand
 * for groups.  `s` itself when nothing matches; the result lives in `pool`
 * and is no longer than 64 KiB.  at NULL: it would be. */
mosn_str_t mosn_regex_replace(const mosn_regex_t *regex, mosn_str_t s,
                              mosn_str_t by, mosn_pool_t *pool);

/* Can `by` be used with it? */
bool mosn_regex_can_replace(const mosn_regex_t *regex, mosn_str_t by,
                            char *why, size_t room);

/* What everything that it matches begins with, where that can be told from
 * the pattern; empty: it cannot. */
mosn_str_t mosn_regex_literal_prefix(mosn_str_t pattern);

#endif
