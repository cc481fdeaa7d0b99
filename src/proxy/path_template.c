/* proxy/path_template.c - match and fill paths with holes. */

#include "proxy/path_template.h"


/* Cuts a piece off: a literal up to a hole, or a hole with its braces. */
static mosn_str_t
template_next(mosn_str_t *rest)
{
    const char *at =
        memchr(rest->at, rest->at[0] == '{' ? '}' : '{', rest->len);
    mosn_str_t piece = *rest;

    if (at != NULL) {
        piece.len = (size_t) (at - rest->at) + (rest->at[0] == '{' ? 1 : 0);
    }
    rest->at += piece.len;
    rest->len -= piece.len;
    return piece;
}


static bool
template_is_hole(mosn_str_t piece)
{
    return piece.at[0] == '{';
}


static bool
template_is_rest(mosn_str_t hole)
{
    return hole.len > 2 && hole.at[1] == '*';
}


static mosn_str_t
template_name(mosn_str_t hole)
{
    size_t skip = template_is_rest(hole) ? 2 : 1;

    return (mosn_str_t){ hole.at + skip, hole.len - skip - 1 };
}


static bool
template_is_name(mosn_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (!(mosn_lower((uint8_t) c) >= 'a' && mosn_lower((uint8_t) c) <= 'z')
            && !(c >= '0' && c <= '9') && c != '_')
        {
            return false;
        }
    }
    return name.len > 0;
}


/* The number of the hole with that name, or -1. */
static int
template_find(mosn_str_t template, mosn_str_t name)
{
    for (int n = 0; template.len > 0;) {
        mosn_str_t piece = template_next(&template);

        if (template_is_hole(piece)) {
            if (mosn_str_equal(template_name(piece), name)) {
                return n;
            }
            n++;
        }
    }
    return -1;
}


const char *
mosn_template_check(mosn_str_t template)
{
    mosn_str_t rest = template;
    unsigned   holes = 0;

    if (template.len == 0 || template.at[0] != '/') {
        return "must start with \"/\"";
    }
    while (rest.len > 0) {
        mosn_str_t piece = template_next(&rest);

        if (!template_is_hole(piece)) {
            if (memchr(piece.at, '}', piece.len) != NULL) {
                return "has a \"}\" without its \"{\"";
            }
            continue;
        }
        if (piece.at[piece.len - 1] != '}') {
            return "has a \"{\" without its \"}\"";
        }
        if (!template_is_name(template_name(piece))) {
            return "names of holes are letters, digits and \"_\"";
        }
        if (piece.at[-1] != '/' || (rest.len > 0 && rest.at[0] != '/')) {
            return "a hole is a whole segment";
        }
        if (template_is_rest(piece) && rest.len > 0) {
            return "\"{*name}\" stands at the end";
        }
        if (++holes > MOSN_TEMPLATE_HOLES) {
            return "has more than 8 holes";
        }
        if (template_find(template, template_name(piece)) != (int) holes - 1) {
            return "has two holes of one name";
        }
    }
    return NULL;
}


mosn_str_t
mosn_template_literal_prefix(mosn_str_t template)
{
    const char *hole = memchr(template.at, '{', template.len);

    if (hole != NULL) {
        template.len = (size_t) (hole - template.at);
    }
    return template;
}


bool
mosn_template_is_match(mosn_str_t template, mosn_str_t path,
                       mosn_template_values_t *values_r)
{
    mosn_template_values_t here, *values = values_r ? values_r : &here;

    values->n = 0;
    while (template.len > 0) {
        mosn_str_t piece = template_next(&template);
        mosn_str_t value = path;

        if (!template_is_hole(piece)) {
            if (!mosn_str_has_prefix(path, piece)) {
                return false;
            }
            path.at += piece.len;
            path.len -= piece.len;
            continue;
        }
        if (!template_is_rest(piece)) {
            const char *slash =
                path.len > 0 ? memchr(path.at, '/', path.len) : NULL;

            if (slash != NULL) {
                value.len = (size_t) (slash - path.at);
            }
            if (value.len == 0) {
                return false;
            }
        }
        values->values[values->n++] = value;
        path.at += value.len;
        path.len -= value.len;
    }
    return path.len == 0;
}


const char *
mosn_template_check_fill(mosn_str_t template, mosn_str_t by)
{
    while (by.len > 0) {
        mosn_str_t piece = template_next(&by);

        if (template_is_hole(piece)
            && (piece.at[piece.len - 1] != '}'
                || template_find(template, template_name(piece)) == -1))
        {
            return "names a hole that `template` does not have";
        }
    }
    return NULL;
}


mosn_str_t
mosn_template_fill(mosn_str_t template, mosn_str_t by,
                   const mosn_template_values_t *values, mosn_pool_t *pool)
{
    size_t     n = by.len;
    char      *out, *at;
    mosn_str_t rest = by;

    while (rest.len > 0) {
        mosn_str_t piece = template_next(&rest);

        if (template_is_hole(piece)) {
            n += values->values[template_find(template, template_name(piece))]
                     .len;
        }
    }
    at = out = mosn_pool_alloc(pool, n + 1);
    while (by.len > 0) {
        mosn_str_t piece = template_next(&by);

        if (template_is_hole(piece)) {
            piece =
                values->values[template_find(template, template_name(piece))];
        }
        if (piece.len > 0) {
            memcpy(at, piece.at, piece.len);
        }
        at += piece.len;
    }
    return (mosn_str_t){ out, (size_t) (at - out) };
}
