/* proto/pairs.c - cut queries and cookies into pairs. */

#include "proto/pairs.h"


/* One piece up to `end`, then at its "=". */
static void
pairs_cut(mosn_str_t *rest, char end, mosn_str_t *name_r, mosn_str_t *value_r)
{
    const char *stop = memchr(rest->at, end, rest->len), *equal;
    mosn_str_t  piece = *rest;

    if (stop != NULL) {
        piece.len = (size_t) (stop - rest->at);
    }
    rest->at += piece.len + (stop != NULL ? 1 : 0);
    rest->len -= piece.len + (stop != NULL ? 1 : 0);
    equal = piece.len > 0 ? memchr(piece.at, '=', piece.len) : NULL;
    *name_r = piece;
    *value_r = (mosn_str_t){ piece.at + piece.len, 0 };
    if (equal != NULL) {
        name_r->len = (size_t) (equal - piece.at);
        *value_r = (mosn_str_t){ equal + 1, piece.len - name_r->len - 1 };
    }
}


bool
mosn_query_next(mosn_str_t *rest, mosn_str_t *name_r, mosn_str_t *value_r)
{
    while (rest->len > 0) {
        if (rest->at[0] == '?' || rest->at[0] == '&') {
            rest->at++;
            rest->len--;
            continue;
        }
        pairs_cut(rest, '&', name_r, value_r);
        return true;
    }
    return false;
}


bool
mosn_cookie_next(mosn_str_t *rest, mosn_str_t *name_r, mosn_str_t *value_r)
{
    while (rest->len > 0) {
        pairs_cut(rest, ';', name_r, value_r);
        *name_r = mosn_str_trim(*name_r);
        *value_r = mosn_str_trim(*value_r);
        if (name_r->len > 0) {
            return true;
        }
    }
    return false;
}
