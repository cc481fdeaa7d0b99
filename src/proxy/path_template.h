/*
 * proxy/path_template.h - paths with holes: "/users/{id}/files/{*rest}".
 *
 * {name} is one segment that is not empty, {*name} the rest of the path, at
 * its end, and may be empty.  A hole is a whole segment.
 */

#ifndef MOSN_PROXY_PATH_TEMPLATE_H
#define MOSN_PROXY_PATH_TEMPLATE_H

#include "core/pool.h"

#define MOSN_TEMPLATE_HOLES 8

/* What stands in the holes, in their order. */
typedef struct {
    mosn_str_t values[MOSN_TEMPLATE_HOLES];
    unsigned   n;
} mosn_template_values_t;

/* NULL: fine.  Else what is wrong. */
const char *mosn_template_check(mosn_str_t template);

/* What every path that it takes begins with. */
mosn_str_t mosn_template_literal_prefix(mosn_str_t template);

/* `values_r` may be NULL. */
bool mosn_template_is_match(mosn_str_t template, mosn_str_t path,
                            mosn_template_values_t *values_r);

/* NULL: `by` can be filled from the holes of `template`.  Else why not. */
const char *mosn_template_check_fill(mosn_str_t template, mosn_str_t by);

/* `by` with {name} replaced by what stands there in the path. */
mosn_str_t mosn_template_fill(mosn_str_t template, mosn_str_t by,
                              const mosn_template_values_t *values,
                              mosn_pool_t                  *pool);

#endif
