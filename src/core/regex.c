/* core/regex.c - PCRE2 with its JIT and its limits. */

#include "core/regex.h"
#include "core/log.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#define MATCH_LIMIT 100000u /* steps; well under ten milliseconds */
#define DEPTH_LIMIT 1000u

#define GROUPS_MAX   33
#define REPLACED_MAX (64u * 1024)

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


mosn_regex_t *
mosn_regex_build(mosn_conf_t *reader, mosn_pool_t *pool, mosn_str_t pattern,
                 const void *member, const void *group)
{
    mosn_regex_t *regex = NULL;
    char          why[192];

    if (pattern.at != NULL) {
        regex = mosn_regex_compile(pool, pattern, why, sizeof(why));
        if (regex == NULL) {
            mosn_conf_error(reader, member, group,
                            "is no regular expression: %s", why);
        }
    }
    return regex;
}


static void
regex_begin(void)
{
    if (regex_data == NULL) {
        regex_context = pcre2_match_context_create(NULL);
        regex_data = pcre2_match_data_create(GROUPS_MAX, NULL);
        MOSN_BUG_ON(regex_context == NULL || regex_data == NULL);
        (void) pcre2_set_match_limit(regex_context, MATCH_LIMIT);
        (void) pcre2_set_depth_limit(regex_context, DEPTH_LIMIT);
    }
}


static void
regex_complain(const mosn_regex_t *regex)
{
    if (!regex->complained) {
        ((mosn_regex_t *) (uintptr_t) regex)->complained = true;
        mosn_log_warn(0,
                      "the expression \"%.*s\" went over its limit, taken "
                      "for no match (told once)",
                      MOSN_STR_ARG(regex->pattern));
    }
}


bool
mosn_regex_is_match(const mosn_regex_t *regex, mosn_str_t s)
{
    int rc;

    regex_begin();
    rc = pcre2_match(regex->code, (PCRE2_SPTR) (s.at != NULL ? s.at : ""),
                     s.len, 0, 0, regex_data, regex_context);
    if (rc < PCRE2_ERROR_NOMATCH) {
        regex_complain(regex);
    }
    return rc >= 0;
}


static int
regex_substitute(const mosn_regex_t *regex, mosn_str_t s, mosn_str_t by,
                 char *out, size_t *n)
{
    regex_begin();
    return pcre2_substitute(
        regex->code, (PCRE2_SPTR) (s.at != NULL ? s.at : ""), s.len, 0,
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY
            | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH,
        regex_data, regex_context, (PCRE2_SPTR) by.at, by.len,
        (PCRE2_UCHAR *) out, n);
}


mosn_str_t
mosn_regex_replace(const mosn_regex_t *regex, mosn_str_t s, mosn_str_t by,
                   mosn_pool_t *pool)
{
    char   room[1024], *out = room;
    size_t n = sizeof(room);
    int    rc = regex_substitute(regex, s, by, out, &n);

    if (rc == PCRE2_ERROR_NOMEMORY && n <= REPLACED_MAX) {
        out = mosn_pool_alloc(pool, n);
        rc = regex_substitute(regex, s, by, out, &n);
    }
    if (rc == 0) {
        return s;
    }
    if (rc == PCRE2_ERROR_NOMEMORY) {
        return MOSN_STR_NULL;
    }
    if (rc < 0) {
        regex_complain(regex);
        return s;
    }
    return out == room ? mosn_pool_copy(pool, (mosn_str_t){ room, n })
                       : (mosn_str_t){ out, n };
}


/* The name of a group, or "". */
static const char *
regex_group_name(const mosn_regex_t *regex, uint32_t group)
{
    PCRE2_SPTR table = NULL;
    uint32_t   n = 0, size = 0;

    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &n);
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < n; i++) {
        PCRE2_SPTR entry = table + (size_t) i * size; /* number, then name */

        if ((uint32_t) (entry[0] << 8 | entry[1]) == group) {
            return (const char *) entry + 2;
        }
    }
    return "";
}


bool
mosn_regex_can_replace(const mosn_regex_t *regex, mosn_str_t by, char *why,
                       size_t room)
{
    char        out[256], whole[2048];
    size_t      n = sizeof(out);
    PCRE2_UCHAR text[128];
    uint32_t    groups = 0;
    int         len = snprintf(whole, sizeof(whole), "(?s).*"), rc, error;
    PCRE2_SIZE  at;
    pcre2_code *any;

    /* An expression with the same groups that takes everything: what is wrong
     * with `by` shows without a text that the real one takes. */
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups > 32) {
        return true;
    }
    for (uint32_t i = 1; i <= groups; i++) {
        const char *name = regex_group_name(regex, i);

        len += snprintf(whole + len, sizeof(whole) - (size_t) len, "(%s%s%s)",
                        name[0] != '\0' ? "?<" : "", name,
                        name[0] != '\0' ? ">" : "");
    }
    any = pcre2_compile((PCRE2_SPTR) whole, (size_t) len, PCRE2_DUPNAMES,
                        &error, &at, NULL);
    MOSN_BUG_ON(any == NULL);
    regex_begin();
    rc = pcre2_substitute(
        any, (PCRE2_SPTR) "", 0, 0, PCRE2_SUBSTITUTE_UNSET_EMPTY, regex_data,
        regex_context, (PCRE2_SPTR) by.at, by.len, (PCRE2_UCHAR *) out, &n);
    pcre2_code_free(any);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMEMORY) {
        return true;
    }
    (void) pcre2_get_error_message(rc, text, sizeof(text));
    (void) snprintf(why, room, "%s", (char *) text);
    return false;
}


mosn_str_t
mosn_regex_literal_prefix(mosn_str_t pattern)
{
    size_t n = 1;

    if (pattern.len == 0 || pattern.at[0] != '^'
        || memchr(pattern.at, '|', pattern.len) != NULL)
    {
        return MOSN_STR("");
    }
    while (n < pattern.len
           && memchr("\\.[({*+?$^)]}#", pattern.at[n], 14) == NULL
           && pattern.at[n] > ' ')
    {
        n++;
    }
    if (n < pattern.len && n > 1 && memchr("*?{", pattern.at[n], 3) != NULL) {
        n--; /* may be there no time */
    }
    return (mosn_str_t){ pattern.at + 1, n - 1 };
}
