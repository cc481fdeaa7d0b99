/*
 * proxy/edit.h - what is set, added and removed on the way: headers of
 * requests and responses, parameters of queries.
 *
 * Values are formats (proxy/format.h).  An empty value removes: what has no
 * value is not sent.
 */

#ifndef MOSN_PROXY_EDIT_H
#define MOSN_PROXY_EDIT_H

#include "core/conf.h"
#include "proto/header_edits.h"
#include "proto/message.h"

typedef struct mosn_request_s mosn_request_t;
typedef struct mosn_edits_s   mosn_edits_t;

typedef struct {
    mosn_strs_t       remove;
    mosn_conf_pairs_t set;
    mosn_conf_pairs_t add;
} mosn_query_edits_conf_t;

extern const mosn_conf_block_t mosn_header_edits_block;
extern const mosn_conf_block_t mosn_query_edits_block;

/* Either may be NULL.  NULL: nothing is edited. */
mosn_edits_t *mosn_edits_build(mosn_conf_t *reader, mosn_pool_t *pool,
                               const mosn_header_edits_conf_t *headers,
                               const mosn_query_edits_conf_t  *query);

void mosn_edits_apply_request(const mosn_edits_t *edits, mosn_request_t *r,
                              mosn_message_t *request);
void mosn_edits_apply_response(const mosn_edits_t *edits, mosn_request_t *r,
                               mosn_message_t *response);

/* `edits` may be NULL. */
static inline void
mosn_edits_on_request(const mosn_edits_t *edits, mosn_request_t *r,
                      mosn_message_t *request)
{
    if (edits != NULL) {
        mosn_edits_apply_request(edits, r, request);
    }
}


static inline void
mosn_edits_on_response(const mosn_edits_t *edits, mosn_request_t *r,
                       mosn_message_t *response)
{
    if (edits != NULL) {
        mosn_edits_apply_response(edits, r, response);
    }
}


#endif
