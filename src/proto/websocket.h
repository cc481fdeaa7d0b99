/*
 * proto/websocket.h - the two header fields by which an HTTP/1.1 Upgrade to
 * WebSocket is agreed on (RFC 6455, 4.1 and 4.2.2).  HTTP/2 has none of them
 * (RFC 8441, 5): who bridges writes them for the HTTP/1.1 side.
 */

#ifndef MOSN_PROTO_WEBSOCKET_H
#define MOSN_PROTO_WEBSOCKET_H

#include "core/str.h"

#define MOSN_WEBSOCKET_KEY    24
#define MOSN_WEBSOCKET_ACCEPT 28

/* Fills `key` with a fresh Sec-WebSocket-Key. */
void mosn_websocket_key(char key[MOSN_WEBSOCKET_KEY + 1]);

/* The Sec-WebSocket-Accept that answers `key`. */
void mosn_websocket_accept(mosn_str_t key,
                           char       accept[MOSN_WEBSOCKET_ACCEPT + 1]);

#endif
