/*
 * proto/hessian2.h - Hessian 2.0 values, read without building them.
 *
 * The reader walks over what it does not want, without recursion: values
 * nest at most MOSN_HESSIAN_DEPTH deep, counts are believed only as far as
 * there are bytes for them.  Strings are counted in UTF-16 units and written
 * as CESU-8, as Java does; a sequence of four bytes counts as two units.
 */

#ifndef MOSN_PROTO_HESSIAN2_H
#define MOSN_PROTO_HESSIAN2_H

#include "core/rc.h"
#include "core/str.h"

#define MOSN_HESSIAN_DEPTH   64
#define MOSN_HESSIAN_CLASSES 256

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t       n_classes;
    uint32_t       n_types;
    uint32_t       fields[MOSN_HESSIAN_CLASSES]; /* of each class */
} mosn_hessian_t;

/* Borrows `n` bytes. */
void mosn_hessian_open(mosn_hessian_t *h, const uint8_t *bytes, size_t n);

/* The next value, when it is a string in one piece, or null (at NULL).
 * False: it is something else, or broken. */
bool mosn_hessian_read_string(mosn_hessian_t *h, mosn_str_t *s_r);

/* Goes over one value of any kind.  False: broken, or beyond the limits. */
bool mosn_hessian_skip(mosn_hessian_t *h);

/* Enters the map that is next; then keys and values follow, until
 * mosn_hessian_is_end() says so. */
bool mosn_hessian_enter_map(mosn_hessian_t *h);
bool mosn_hessian_is_end(mosn_hessian_t *h);

/* Most bytes that a string takes. */
size_t mosn_hessian_string_room(size_t len);

/* Writes UTF-8 text as a string; what is not UTF-8 goes byte by byte, as
 * ISO 8859-1.  Returns the end. */
uint8_t *mosn_hessian_put_string(uint8_t *out, mosn_str_t s);

#endif
