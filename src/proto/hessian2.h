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
    const uint8_t *names[MOSN_HESSIAN_CLASSES];  /* of its fields: strings */
} mosn_hessian_t;

typedef enum {
    MOSN_HESSIAN_NULL, /* or a reference */
    MOSN_HESSIAN_BOOL,
    MOSN_HESSIAN_INTEGER, /* int, long, or a date in milliseconds */
    MOSN_HESSIAN_DOUBLE,
} mosn_hessian_kind_e;

typedef struct {
    mosn_hessian_kind_e kind;
    int64_t             integer;
    double              number;
} mosn_hessian_scalar_t;

/* Borrows `n` bytes. */
void mosn_hessian_open(mosn_hessian_t *h, const uint8_t *bytes, size_t n);

/* The next value, when it is a string in one piece, or null (at NULL).
 * False: it is something else, or broken. */
bool mosn_hessian_read_string(mosn_hessian_t *h, mosn_str_t *s_r);

/* What begins with this code? */
bool mosn_hessian_is_string(uint8_t code);
bool mosn_hessian_is_compound(uint8_t code); /* list, map or object */

/* A piece of a string; `*last_r`: there are no more. */
bool mosn_hessian_read_piece(mosn_hessian_t *h, mosn_str_t *piece_r,
                             bool *last_r);

/* Neither string, nor binary, nor compound. */
bool mosn_hessian_read_scalar(mosn_hessian_t        *h,
                              mosn_hessian_scalar_t *scalar_r);

/* The definition of a class, which may stand before any value. */
bool mosn_hessian_read_class(mosn_hessian_t *h);

/* Enters a list, map or object: how many values follow, UINT32_MAX: as many
 * as there are before a "Z".  `*names_r`: the names of an object's fields,
 * else NULL. */
bool mosn_hessian_enter(mosn_hessian_t *h, uint32_t *values_r,
                        const uint8_t **names_r);

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
