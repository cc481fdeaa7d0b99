/*
 * proxy/grpc.h - what a proxy has to know of gRPC over HTTP: who speaks it,
 * until when he waits, and how an error of ours is said
 * (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and
 * doc/http-grpc-status-mapping.md).
 */

#ifndef MOSN_PROXY_GRPC_H
#define MOSN_PROXY_GRPC_H

#include "core/reason.h"
#include "proto/message.h"

/* Is it a gRPC request?  gRPC-Web is not. */
bool mosn_grpc_is(const mosn_message_t *request);

/* Milliseconds of `grpc-timeout`, rounded up; 0: none, or not understood. */
uint64_t mosn_grpc_timeout_ms(const mosn_message_t *request);

/* The grpc-status of an answer of ours: by its reason where that says more
 * than the HTTP status. */
unsigned mosn_grpc_status(unsigned status, mosn_reason_e reason);

/* Makes an answer of ours a response of gRPC without a body: 200, and the
 * error in its head ("Trailers-Only").  `type`: the request's; gRPC-Web is
 * answered as that. */
void mosn_grpc_answer(mosn_message_t *response, mosn_pool_t *pool,
                      mosn_reason_e reason, mosn_str_t type, mosn_str_t text);

#endif
