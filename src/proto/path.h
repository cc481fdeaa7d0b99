/*
 * proto/path.h - one spelling of a path (RFC 3986, 6.2.2).
 *
 * Routes and hosts must see the same path, or what is closed at one spelling
 * is open at another: %XX of letters, digits and "-._~" are those characters,
 * "." and ".." are gone.  "%2F" stays what it is.
 */

#ifndef MOSN_PROTO_PATH_H
#define MOSN_PROTO_PATH_H

#include "core/pool.h"
#include "core/str.h"

/* The path itself when it is spelt so; a query is left alone.  `merge`: of
 * several slashes in a row one is left. */
mosn_str_t mosn_path_normalize(mosn_str_t path, bool merge, mosn_pool_t *pool);

#endif
