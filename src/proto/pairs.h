/*
 * proto/pairs.h - names and values inside a field: queries and cookies.
 */

#ifndef MOSN_PROTO_PAIRS_H
#define MOSN_PROTO_PAIRS_H

#include "core/str.h"

/* Cuts the next parameter off "?a=1&b": as it came, %XX and all; one without
 * "=" has an empty value.  False: there is none. */
bool mosn_query_next(mosn_str_t *rest, mosn_str_t *name_r,
                     mosn_str_t *value_r);

/* Cuts the next cookie off "a=1; b=2" (RFC 6265, 4.2.1); quotes around a
 * value are part of it.  False: there is none. */
bool mosn_cookie_next(mosn_str_t *rest, mosn_str_t *name_r,
                      mosn_str_t *value_r);

#endif
