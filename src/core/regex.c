/* core/regex.c - PCRE2 with its JIT and its limits. */

#include "core/regex.h"
#include "core/log.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#define MATCH_LIMIT 100000u /* steps; well under ten milliseconds */
#define DEPTH_LIMIT 1000u

struct mosn_regex_s {
    pcre2_code *code;
    mosn_str_t  pattern;
    bool        complained;
};

/* Scratch of one match at a time, the same for all. */
static pcre2_match_context *regex_context;
static pcre2_match_data    *regex_data;


static void
regex_free(void *code)
{
    pcre2_code_free(code);
}


mosn_regex_t *
mosn_regex_compile(mosn_pool_t *pool, mosn_str_t pattern, char *why,
                   size_t room)
{
    mosn_regex_t *regex = mosn_pool_calloc(pool, sizeof(*regex));
    PCRE2_SIZE    at;
    int           error;

    regex->code = pcre2_compile((PCRE2_SPTR) pattern.at, pattern.len, 0,
                                &error, &at, NULL);
    if (regex->code == NULL) {
        PCRE2_UCHAR text[128];

        (void) pcre2_get_error_message(error, text, sizeof(text));
        (void) snprintf(why, room, "%s at character %zu", (char *) text,
                        (size_t) at + 1);
        return NULL;
    }
    (void) pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    regex->pattern = pattern;
    mosn_pool_on_destroy(pool, regex_free, regex->code);
    return regex;
}


bool
mosn_regex_is_match(const mosn_regex_t *regex, mosn_str_t s)
{
    int rc;

    if (regex_data == NULL) {
        regex_context = pcre2_match_context_create(NULL);
        regex_data = pcre2_match_data_create(1, NULL);
        MOSN_BUG_ON(regex_context == NULL || regex_data == NULL);
        (void) pcre2_set_match_limit(regex_context, MATCH_LIMIT);
        (void) pcre2_set_depth_limit(regex_context, DEPTH_LIMIT);
    }
    rc = pcre2_match(regex->code, (PCRE2_SPTR) (s.at != NULL ? s.at : ""),
                     s.len, 0, 0, regex_data, regex_context);
    if (rc < PCRE2_ERROR_NOMATCH && !regex->complained) {
        ((mosn_regex_t *) (uintptr_t) regex)->complained = true;
        mosn_log_warn(0,
                      "the expression \"%.*s\" went over its limit, taken "
                      "for no match (told once)",
                      MOSN_STR_ARG(regex->pattern));
    }
    return rc >= 0;
}
