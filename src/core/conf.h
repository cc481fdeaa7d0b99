/*
 * core/conf.h - read a libconfig tree into structs, strictly.
 *
 * Every mistake is collected, none stops the reading: an unknown key (with
 * the nearest known one), a wrong type, a value out of range, a missing
 * setting.  Each has the file and line where it stands, also through
 * @include, and the path of the setting.  Later stages report theirs through
 * the same reader by pointing at the member that is wrong.
 *
 *   mosn_conf_t *reader = mosn_conf_create(pool);
 *   if (mosn_conf_read_file(reader, "mosn.conf", &block, &root) != MOSN_OK)
 *       mosn_conf_print_errors(reader, stderr);
 *   ... build, with mosn_conf_error(reader, &route->cluster, "...") ...
 *   mosn_conf_destroy(&reader);
 */

#ifndef MOSN_CORE_CONF_H
#define MOSN_CORE_CONF_H

#include "core/directive.h"
#include "core/rc.h"

#include <stdio.h>

/* What is read lives in `pool`, longer than the reader. */
mosn_conf_t *mosn_conf_create(mosn_pool_t *pool);
void         mosn_conf_destroy(mosn_conf_t **reader);

/* Fills `conf`, a struct of `block`, with the file.  ERROR: there are
 * errors, `conf` must not be used. */
mosn_rc_e mosn_conf_read_file(mosn_conf_t *reader, const char *path,
                              const mosn_conf_block_t *block, void *conf);

/* The same with text; its errors say "<name>:LINE", or, when there is a quote
 * at the end of the name as in `cluster "a"`, the name alone. */
mosn_rc_e mosn_conf_read_text(mosn_conf_t *reader, const char *name,
                              const char *text, const mosn_conf_block_t *block,
                              void *conf);

/* An error at the setting that filled `member`, or at the group that it
 * would stand in.  `group` is the struct of that group. */
void mosn_conf_error(mosn_conf_t *reader, const void *member,
                     const void *group, const char *fmt, ...)
    MOSN_PRINTF(4, 5);

/* Complains when it is not fit for the name of a resource. */
static inline void
mosn_conf_check_name(mosn_conf_t *reader, const mosn_str_t *name,
                     const void *group)
{
    if (!mosn_str_is_name(*name)) {
        mosn_conf_error(reader, name, group,
                        "a name has no blanks and no control characters");
    }
}


/* The same of what is sent in a line that others cut at blanks; empty it may
 * be. */
static inline void
mosn_conf_check_word(mosn_conf_t *reader, const mosn_str_t *word,
                     const void *group)
{
    if (word->len > 0 && !mosn_str_is_name(*word)) {
        mosn_conf_error(reader, word, group,
                        "blanks and control characters cannot be sent here");
    }
}


/* True when the operator wrote the setting that fills `member`. */
bool mosn_conf_is_set(const mosn_conf_t *reader, const void *member);

/* Where the setting or group stands, "FILE:LINE"; lives in the pool. */
const char *mosn_conf_where(mosn_conf_t *reader, const void *member);

/* True when the text itself had no mistake: what it seems to leave out it
 * really does. */
bool mosn_conf_is_read(const mosn_conf_t *reader);

size_t mosn_conf_n_errors(const mosn_conf_t *reader);

/* One line each: "mosn.conf:12: clusters[2].lb: ...". */
void mosn_conf_print_errors(const mosn_conf_t *reader, FILE *out);

/* The text of error `i`. */
const char *mosn_conf_error_text(const mosn_conf_t *reader, size_t i);

/* `conf` with all of its defaults as libconfig text. */
void mosn_conf_print(const mosn_conf_block_t *block, const void *conf,
                     FILE *out);

/* The same, and all mistakes, as strings to be freed; NULL: no memory. */
char *mosn_conf_text(const mosn_conf_block_t *block, const void *conf);
char *mosn_conf_errors_text(const mosn_conf_t *reader);

/* The settings of `block`, its groups and of all modules, as Markdown. */
void mosn_conf_print_reference(const mosn_conf_block_t *block, FILE *out);

/* What a setting holds: "number", "list of groups". */
void mosn_conf_print_type(const mosn_directive_t *row, FILE *out);

/* The reference as the manual page mosn.conf(5). */
void mosn_conf_print_man(const mosn_conf_block_t *block, FILE *out);

/* "75s", "64k" as the operator would write it; returns `out`. */
const char *mosn_conf_format_duration(uint64_t ms, char out[32]);
const char *mosn_conf_format_size(uint64_t bytes, char out[32]);

#endif
