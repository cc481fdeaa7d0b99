/*
 * stream/transcode.h - calls inside HTTP, between two meshes.
 *
 * A frame travels whole, as the body of a POST and of its response; so it is
 * restored byte by byte at the far side, but for its id, which belongs to
 * each connection.  What routes and logs ask for stands beside it:
 *
 *    POST /service/method
 *    content-type: application/x-mosn-rpc
 *    x-mosn-rpc-protocol: bolt
 *    x-mosn-rpc-version, x-mosn-rpc-group: where the call has them
 *
 * A response has the status that its own means in HTTP, and the same type; a
 * response without that type is an error of a proxy on the way.
 *
 * Where the other side is no mesh, a simple call is plain HTTP: POST
 * /service/method, headers for the header map, the same body; of Dubbo, JSON.
 */

#ifndef MOSN_STREAM_TRANSCODE_H
#define MOSN_STREAM_TRANSCODE_H

#include "proto/rpc.h"

#define MOSN_RPC_VERSION_HEADER "x-mosn-rpc-version"
#define MOSN_RPC_GROUP_HEADER   "x-mosn-rpc-group"

/* Is there a frame in its body? */
bool mosn_transcode_is_carried(const mosn_message_t *http);

/* The HTTP message for a call or its response, of `pool`; the frame is
 * appended to `body`.  NULL: its headers were changed to what cannot be
 * written. */
mosn_message_t *mosn_transcode_wrap(const mosn_message_t *call,
                                    mosn_pool_t *pool, mosn_chain_t *body);

/* Does the HTTP around a call say of it what it is?  Routes have decided by
 * that, and it may come from anybody. */
bool mosn_transcode_is_honest(const mosn_message_t *http, mosn_message_t *call,
                              mosn_pool_t *pool);

/* The HTTP message that says the same as a call or a response: the headers
 * are its headers, the body is appended to `body`, as it is or as the codec
 * says it in HTTP.  NULL: it cannot. */
mosn_message_t *mosn_transcode_to_http(mosn_message_t *call, mosn_pool_t *pool,
                                       mosn_chain_t *body);

/* The other way round; `body` is replaced where it has to be.  NULL, and
 * why. */
mosn_message_t *mosn_transcode_from_http(const mosn_rpc_codec_t *codec,
                                         mosn_pool_t            *pool,
                                         const mosn_message_t   *http,
                                         mosn_chain_t           *body,
                                         const char            **why_r);


/* The call in the body of an HTTP message; it borrows `body`, which is
 * brought into one piece.  NULL, and why: there is none of that codec. */
mosn_message_t *mosn_transcode_unwrap(const mosn_rpc_codec_t *codec,
                                      mosn_pool_t *pool, mosn_chain_t *body,
                                      const char **why_r);

#endif
