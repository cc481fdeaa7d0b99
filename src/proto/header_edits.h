/*
 * proto/header_edits.h - settings that change headers: of the `headers` filter
 * and of routes, virtual hosts and clusters.
 */

#ifndef MOSN_PROTO_HEADER_EDITS_H
#define MOSN_PROTO_HEADER_EDITS_H

#include "core/conf.h"

typedef struct {
    mosn_strs_t       request_remove;
    mosn_conf_pairs_t request_set;
    mosn_conf_pairs_t request_add;
    mosn_strs_t       response_remove;
    mosn_conf_pairs_t response_set;
    mosn_conf_pairs_t response_add;
} mosn_header_edits_conf_t;

extern const mosn_directive_t mosn_header_edits_directives[];

/* The `check` of a block with them: what can be sent, and is not what frames
 * a message. */
void mosn_header_edits_check(mosn_conf_t *reader, void *conf);

#endif
