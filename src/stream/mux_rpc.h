/*
 * stream/mux_rpc.h - streams of protocols of calls, whatever their codec.
 *
 * A request and its response are one frame each and go up whole.  Towards a
 * host requests have ids of that connection; a client gets its own id back.
 *
 *   server:  request -> under way -> answered       one-way: never answered
 *   client:  open -> sent -> answered | reset       its id is not used again
 *
 * Nothing can be paused here: who reads slowly gets no more requests taken,
 * who takes requests slowly has no more room.
 */

#ifndef MOSN_STREAM_MUX_RPC_H
#define MOSN_STREAM_MUX_RPC_H

#include "proto/rpc.h"
#include "stream/stream.h"

/* Fills a protocol that the rest of the house can use. */
void mosn_rpc_protocol_make(mosn_stream_protocol_ops_t *protocol_r,
                            const char *name, const mosn_rpc_codec_t *codec);

#endif
