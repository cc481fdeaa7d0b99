/*
 * proxy/text_match.h - what a value that has a name must be: a header, a
 * query parameter, a cookie, a variable.
 *
 * At most one of `exact`, `prefix`, `suffix`, `contains`, `regex` and `range`
 * is asked for; none: that it is there.
 */

#ifndef MOSN_PROXY_TEXT_MATCH_H
#define MOSN_PROXY_TEXT_MATCH_H

#include "core/conf.h"
#include "core/regex.h"

typedef struct {
    int64_t from;
    int64_t to;
} mosn_range_conf_t;

typedef struct {
    mosn_str_t         name;
    mosn_str_t         exact;
    mosn_str_t         prefix;
    mosn_str_t         suffix;
    mosn_str_t         contains;
    mosn_str_t         regex;
    mosn_range_conf_t *range; /* NULL: not asked for */
    bool               ignore_case;
    bool               present;
    bool               invert;

    mosn_regex_t *compiled; /* built */
} mosn_text_match_conf_t;

typedef MOSN_CONF_LIST(mosn_text_match_conf_t) mosn_text_matches_t;

extern const mosn_conf_block_t mosn_text_match_block;

/* Compiles the expressions; mistakes go to the reader. */
void mosn_text_matches_build(mosn_conf_t *reader, mosn_pool_t *pool,
                             mosn_text_matches_t *list);

/* Is a value that is there right?  `present` and `invert` left aside. */
bool mosn_text_match_is_right(const mosn_text_match_conf_t *conf,
                              mosn_str_t                    is);

/* The verdict: it is `there`, and of its values one is `right`. */
static inline bool
mosn_text_match_verdict(const mosn_text_match_conf_t *conf, bool there,
                        bool right)
{
    return (conf->present ? there && right : !there) != conf->invert;
}


#endif
