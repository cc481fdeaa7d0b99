/* proxy/text_match.c - predicates of values. */

#include "proxy/text_match.h"


static const mosn_directive_t range_directives[] = {
    MOSN_INT(mosn_range_conf_t, from, INT64_MIN, INT64_MAX, 0,
             "The lowest that is right."),
    MOSN_INT(mosn_range_conf_t, to, INT64_MIN, INT64_MAX, INT64_MAX,
             "The highest that is right."),
    MOSN_DIRECTIVES_END
};


static void
range_check(mosn_conf_t *reader, void *conf)
{
    const mosn_range_conf_t *r = conf;

    if (r->from > r->to) {
        mosn_conf_error(reader, &r->to, r, "no number is from %lld to %lld",
                        (long long) r->from, (long long) r->to);
    }
}


static const mosn_conf_block_t range_block = {
    .doc = "Whole numbers, both ends included.",
    .size = sizeof(mosn_range_conf_t),
    .directives = range_directives,
    .check = range_check,
};

static const mosn_directive_t text_match_directives[] = {
    MOSN_STRING_REQUIRED(mosn_text_match_conf_t, name, "Its name."),
    MOSN_STRING(mosn_text_match_conf_t, exact, NULL, "Its value is this."),
    MOSN_STRING(mosn_text_match_conf_t, prefix, NULL,
                "Its value starts with this."),
    MOSN_STRING(mosn_text_match_conf_t, suffix, NULL,
                "Its value ends with this."),
    MOSN_STRING(mosn_text_match_conf_t, contains, NULL,
                "Its value has this in it."),
    MOSN_STRING(mosn_text_match_conf_t, regex, NULL,
                "Its value has something in it that this expression takes."),
    MOSN_OPT_GROUP(mosn_text_match_conf_t, range, &range_block,
                   "Its value is a number from here to there."),
    MOSN_BOOL(mosn_text_match_conf_t, ignore_case, false,
              "Whatever the case of ASCII letters; an expression says so "
              "itself, with \"(?i)\"."),
    MOSN_BOOL(mosn_text_match_conf_t, present, true,
              "It is there, or with `false` it is not, when nothing else is "
              "asked for."),
    MOSN_BOOL(mosn_text_match_conf_t, invert, false,
              "The opposite of all that."),
    MOSN_DIRECTIVES_END
};


static void
text_match_check(mosn_conf_t *reader, void *conf)
{
    const mosn_text_match_conf_t *m = conf;
    int n = (m->exact.at != NULL) + (m->prefix.at != NULL)
            + (m->suffix.at != NULL) + (m->contains.at != NULL)
            + (m->regex.at != NULL) + (m->range != NULL);

    if (n > 1) {
        mosn_conf_error(reader, m, NULL,
                        "needs at most one of `exact`, `prefix`, `suffix`, "
                        "`contains`, `regex` and `range`");
    }
    if (n > 0 && !m->present) {
        mosn_conf_error(reader, &m->present, m,
                        "what is not there has no value");
    }
    if (m->ignore_case && (n == 0 || m->regex.at != NULL || m->range != NULL))
    {
        mosn_conf_error(reader, &m->ignore_case, m,
                        "is for `exact`, `prefix`, `suffix` and `contains`");
    }
}


const mosn_conf_block_t mosn_text_match_block = {
    .doc = "A value that a request must have.  Of several with its name one "
           "must be right, or with `invert` none.",
    .size = sizeof(mosn_text_match_conf_t),
    .directives = text_match_directives,
    .check = text_match_check,
};


void
mosn_text_matches_build(mosn_conf_t *reader, mosn_pool_t *pool,
                        mosn_text_matches_t *list)
{
    for (size_t i = 0; i < list->n; i++) {
        mosn_text_match_conf_t *m = &list->items[i];

        m->compiled = mosn_regex_build(reader, pool, m->regex, &m->regex, m);
    }
}


static bool
text_is_equal(const mosn_text_match_conf_t *m, const char *a, mosn_str_t b)
{
    return m->ignore_case ? mosn_str_equal_nocase((mosn_str_t){ a, b.len }, b)
                          : memcmp(a, b.at, b.len) == 0;
}


static bool
text_contains(const mosn_text_match_conf_t *m, mosn_str_t is)
{
    if (!m->ignore_case) {
        return memmem(is.at, is.len, m->contains.at, m->contains.len) != NULL;
    }
    for (size_t i = 0; i + m->contains.len <= is.len; i++) {
        if (text_is_equal(m, is.at + i, m->contains)) {
            return true;
        }
    }
    return false;
}


/* "-12"; nothing around it. */
static bool
text_is_in(const mosn_range_conf_t *range, mosn_str_t is)
{
    bool     below = is.len > 1 && is.at[0] == '-';
    uint64_t n;
    int64_t  value;

    if (below) {
        is.at++;
        is.len--;
    }
    if (!mosn_str_parse_u63(is, &n)) {
        return false;
    }
    value = below ? -(int64_t) n : (int64_t) n;
    return value >= range->from && value <= range->to;
}


bool
mosn_text_match_is_right(const mosn_text_match_conf_t *m, mosn_str_t is)
{
    if (m->regex.at != NULL) {
        return m->compiled != NULL && mosn_regex_is_match(m->compiled, is);
    }
    if (m->range != NULL) {
        return text_is_in(m->range, is);
    }
    if (m->exact.at != NULL) {
        return is.len == m->exact.len && text_is_equal(m, is.at, m->exact);
    }
    if (m->prefix.at != NULL) {
        return is.len >= m->prefix.len && text_is_equal(m, is.at, m->prefix);
    }
    if (m->suffix.at != NULL) {
        return is.len >= m->suffix.len
               && text_is_equal(m, is.at + is.len - m->suffix.len, m->suffix);
    }
    if (m->contains.at != NULL) {
        return text_contains(m, is);
    }
    return true;
}
