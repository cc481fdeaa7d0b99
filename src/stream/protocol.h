/*
 * stream/protocol.h - the protocols that this build speaks, by name.
 *
 * A protocol is a MOSN_STREAM_PROTOCOL module with streams of its own, or a
 * MOSN_RPC_CODEC module, whose streams are made by stream/mux_rpc.c.
 */

#ifndef MOSN_STREAM_PROTOCOL_H
#define MOSN_STREAM_PROTOCOL_H

#include "stream/stream.h"

/* NULL when there is none of that name. */
const mosn_stream_protocol_ops_t *mosn_protocol_find(mosn_str_t name);

/* The `i`th in the order in which the first bytes of a connection are shown
 * to them: those of this build before those that were loaded.  NULL: no
 * more. */
const mosn_stream_protocol_ops_t *mosn_protocol_at(size_t i);

/* "http1, http2, bolt", for messages and the reference. */
void mosn_protocol_names(char *out, size_t room);

#endif
