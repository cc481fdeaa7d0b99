/*
 * proto/message.h - the head of a request or response, whatever its wire.
 *
 * What frames and routes stands in fields; the other headers in `headers`.
 * Hop-by-hop headers, Host, Content-Length and Transfer-Encoding are not
 * among them: a codec takes them off and the other side's codec writes its
 * own.  All strings borrow from the buffer that `block` holds or from `pool`.
 */

#ifndef MOSN_PROTO_MESSAGE_H
#define MOSN_PROTO_MESSAGE_H

#include "core/buf.h"
#include "core/reason.h"
#include "proto/headers.h"

/* The methods that somebody decides by; the others are only passed on. */
typedef enum {
    MOSN_METHOD_OTHER,
    MOSN_METHOD_GET,
    MOSN_METHOD_HEAD,
    MOSN_METHOD_POST,
    MOSN_METHOD_PUT,
    MOSN_METHOD_DELETE,
    MOSN_METHOD_OPTIONS,
    MOSN_METHOD_TRACE,
    MOSN_METHOD_CONNECT,
} mosn_method_e;

typedef struct mosn_rpc_s mosn_rpc_t; /* proto/rpc.h */

typedef enum {
    MOSN_HTTP_10 = 10,
    MOSN_HTTP_11 = 11,
    MOSN_HTTP_2 = 20,
} mosn_version_e;

typedef struct {
    /* A request. */
    mosn_str_t    method;
    mosn_method_e method_id;
    mosn_str_t    scheme;
    mosn_str_t    authority; /* host[:port]; empty: the client named none */
    mosn_str_t    path;      /* with the query; "*" for OPTIONS */

    /* A response. */
    unsigned   status;
    mosn_str_t phrase; /* may be empty */

    mosn_version_e version;
    int64_t        content_length; /* -1: not known beforehand */
    mosn_str_t     upgrade; /* protocol asked for, or changed to; or empty */
    bool           upgrade_only; /* without it the request means nothing */
    bool           expect_continue;
    bool           te_trailers; /* the sender takes trailers */
    bool           tunnel;      /* bytes follow this response, not a body */

    /* A call of another protocol; NULL: HTTP.  Its headers are there after
     * mosn_message_need_headers(). */
    mosn_rpc_t *rpc;
    /* The answer of a call that was put into HTTP; or NULL. */
    const mosn_rpc_t *said;
    bool              ours;   /* an answer of this proxy */
    mosn_reason_e     reason; /* ... and why */

    mosn_headers_t headers;
    mosn_block_t  *block; /* one reference, or NULL */
} mosn_message_t;

/* Everything goes with the pool, the reference to the block too. */
void mosn_message_init(mosn_message_t *message, mosn_pool_t *pool);

/* Empty again, for the next head of the same stream. */
void mosn_message_reset(mosn_message_t *message);

mosn_method_e mosn_method_find(mosn_str_t name);

/* Repeating it changes nothing (RFC 9110, 9.2.2). */
bool mosn_method_is_idempotent(mosn_method_e method);

/* "Not Found"; empty for a status without a name. */
mosn_str_t mosn_status_phrase(unsigned status);

/* A response to `method` with this status has no body, whatever its header
 * fields say (RFC 9112, 6.3). */
static inline bool
mosn_status_is_bodyless(unsigned status, mosn_method_e method)
{
    return status < 200 || status == 204 || status == 304
           || method == MOSN_METHOD_HEAD;
}


#endif
