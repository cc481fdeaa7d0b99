/*
 * proto/hessian_json.h - simple values of Hessian 2.0 as JSON, and back.
 *
 * Null, booleans, numbers, strings, lists, maps and objects; an object is a
 * map of its fields.  A reference to what came before is written as null:
 * JSON has none.  Dates are milliseconds, binary is refused.
 */

#ifndef MOSN_PROTO_HESSIAN_JSON_H
#define MOSN_PROTO_HESSIAN_JSON_H

#include "core/buf.h"
#include "proto/hessian2.h"

/* Writes the next value as JSON behind `out`.  False: it cannot be. */
bool mosn_hessian_to_json(mosn_hessian_t *h, mosn_chain_t *out);

/* Writes a JSON text of one value as Hessian behind `out`.  `elements`: the
 * text must be an array, and its elements are written one after the other;
 * `n_r`: how many.  False: `why` says what is wrong with it. */
bool mosn_json_to_hessian(const char *text, size_t n, bool elements,
                          size_t *n_r, mosn_chain_t *out, char *why,
                          size_t room);

#endif
