/*
 * proxy/format.h - texts with %variables% in them, about a request.
 *
 *   "%downstream_remote_host% %request_header_user-agent% %response_code%"
 *
 * A format is literals and variables; %% is a per cent sign.
 */

#ifndef MOSN_PROXY_FORMAT_H
#define MOSN_PROXY_FORMAT_H

#include "proxy/request.h"

typedef struct mosn_format_s mosn_format_t;

/* What becomes of what a peer has written. */
typedef enum {
    MOSN_FORMAT_LINE,  /* escaped, so that a line stays one; "-" for nothing */
    MOSN_FORMAT_JSON,  /* escaped as in a string of JSON; "-" for nothing */
    MOSN_FORMAT_VALUE, /* as it is, without control characters */
} mosn_format_e;

/* `text` lives as long as the pool.  Mistakes go to the reader, at `member`
 * of `group`. */
mosn_format_t *mosn_format_compile(mosn_conf_t *reader, mosn_pool_t *pool,
                                   mosn_str_t text, mosn_format_e mode,
                                   const void *member, const void *group);

/* Writes at `out`, never behind `end`; returns the end of what it wrote. */
char *mosn_format_write(const mosn_format_t  *format,
                        const mosn_request_t *request, char *out, char *end);

/* The same as a string of the pool, at most 4 KiB. */
mosn_str_t mosn_format_value(const mosn_format_t  *format,
                             const mosn_request_t *request, mosn_pool_t *pool);

/* Is there a variable of that name? */
bool mosn_format_has_variable(mosn_str_t name);

/* Its value for a mosn_request_t; good until the next call. */
mosn_str_t mosn_variable_value(const void *request, mosn_str_t name);

/* The names of all variables, for the reference. */
void mosn_format_print_variables(FILE *out);

#endif
