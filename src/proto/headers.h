/*
 * proto/headers.h - the header section of a message, whatever its protocol.
 *
 * Names and values borrow their bytes: of the buffer they were read in, of
 * the configuration, or of the message's pool.  A well-known name has an id,
 * so that a decision compares an integer.  A header that came as a line of
 * HTTP/1 keeps the extent of that line: an encoder of the same protocol
 * copies a run of untouched lines as one block.
 */

#ifndef MOSN_PROTO_HEADERS_H
#define MOSN_PROTO_HEADERS_H

#include "core/pool.h"

#define MOSN_HEADERS(X)                                                       \
    X(HOST, "host")                                                           \
    X(CONNECTION, "connection")                                               \
    X(PROXY_CONNECTION, "proxy-connection")                                   \
    X(KEEP_ALIVE, "keep-alive")                                               \
    X(TE, "te")                                                               \
    X(TRAILER, "trailer")                                                     \
    X(TRANSFER_ENCODING, "transfer-encoding")                                 \
    X(CONTENT_LENGTH, "content-length")                                       \
    X(UPGRADE, "upgrade")                                                     \
    X(EXPECT, "expect")                                                       \
    X(DATE, "date")                                                           \
    X(SERVER, "server")                                                       \
    X(LOCATION, "location")                                                   \
    X(CONTENT_TYPE, "content-type")                                           \
    X(CONTENT_ENCODING, "content-encoding")                                   \
    X(CONTENT_RANGE, "content-range")                                         \
    X(AUTHORIZATION, "authorization")                                         \
    X(PROXY_AUTHORIZATION, "proxy-authorization")                             \
    X(PROXY_AUTHENTICATE, "proxy-authenticate")                               \
    X(WWW_AUTHENTICATE, "www-authenticate")                                   \
    X(SET_COOKIE, "set-cookie")                                               \
    X(COOKIE, "cookie")                                                       \
    X(CACHE_CONTROL, "cache-control")                                         \
    X(MAX_FORWARDS, "max-forwards")                                           \
    X(ACCEPT, "accept")                                                       \
    X(ACCEPT_ENCODING, "accept-encoding")                                     \
    X(ACCEPT_LANGUAGE, "accept-language")                                     \
    X(ETAG, "etag")                                                           \
    X(LAST_MODIFIED, "last-modified")                                         \
    X(USER_AGENT, "user-agent")                                               \
    X(REFERER, "referer")                                                     \
    X(FORWARDED, "forwarded")                                                 \
    X(X_FORWARDED_FOR, "x-forwarded-for")                                     \
    X(X_FORWARDED_PROTO, "x-forwarded-proto")                                 \
    X(X_FORWARDED_HOST, "x-forwarded-host")                                   \
    X(X_REQUEST_ID, "x-request-id")                                           \
    X(X_CLIENT_CERT, "x-forwarded-client-cert")                               \
    X(GRPC_TIMEOUT, "grpc-timeout")                                           \
    X(GRPC_STATUS, "grpc-status")

#define MOSN_HEADER_ENUM(id, name) MOSN_HEADER_##id,

typedef enum {
    MOSN_HEADER_OTHER,
    MOSN_HEADERS(MOSN_HEADER_ENUM) MOSN_HEADER_COUNT
} mosn_header_e;

_Static_assert(MOSN_HEADER_COUNT <= 64, "ids are bits of `present`");

typedef struct {
    const char *name;
    const char *value;
    uint32_t    value_len;
    uint32_t    line_len; /* of the line at `name`, CRLF included; 0: none */
    uint16_t    name_len;
    uint8_t     id;
    bool        removed; /* as if it were not there */
} mosn_header_t;

typedef struct {
    mosn_pool_t   *pool;
    mosn_header_t *items;
    uint32_t       n;
    uint32_t       room;
    uint64_t       present; /* bit of each id that is or was there */
    size_t         bytes;   /* no less than all lines written out */
} mosn_headers_t;

/* `room` items are made at once; more follow in the pool. */
void mosn_headers_init(mosn_headers_t *headers, mosn_pool_t *pool,
                       uint32_t room);

/* The id of a name in any case. */
mosn_header_e mosn_header_find_id(const char *name, size_t len);

/* The lower-case name of an id. */
mosn_str_t mosn_header_name(mosn_header_e id);

/* A new item at the end, for the caller to fill. */
mosn_header_t *mosn_headers_push(mosn_headers_t *headers);

/* Appends; `name` and `value` must live as long as the message. */
void mosn_headers_add(mosn_headers_t *headers, mosn_header_e id,
                      mosn_str_t name, mosn_str_t value);

static inline mosn_str_t
mosn_header_value(const mosn_header_t *header)
{
    return (mosn_str_t){ header->value, header->value_len };
}


static inline bool
mosn_headers_has(const mosn_headers_t *headers, mosn_header_e id)
{
    return (headers->present >> id & 1) != 0;
}


/* Those that are not removed, with bytes of their own. */
mosn_headers_t *mosn_headers_copy(const mosn_headers_t *headers,
                                  mosn_pool_t          *pool);

/* The first one, or NULL. */
mosn_header_t *mosn_headers_find(const mosn_headers_t *headers,
                                 mosn_header_e         id);
mosn_header_t *mosn_headers_find_name(const mosn_headers_t *headers,
                                      mosn_str_t            name);

/* Removes all of that name. */
void mosn_headers_remove(mosn_headers_t *headers, mosn_header_e id);
void mosn_headers_remove_name(mosn_headers_t *headers, mosn_str_t name);

/* Replaces whatever there is by one. */
void mosn_headers_set(mosn_headers_t *headers, mosn_header_e id,
                      mosn_str_t name, mosn_str_t value);

/* True when `name` is a token and `value` has no control characters: fit to
 * be sent (RFC 9110, 5.5 and 5.6.2). */
bool mosn_header_is_valid(mosn_str_t name, mosn_str_t value);

/* May it stand in a trailer section (RFC 9110, 6.5.1)? */
bool mosn_header_may_trail(mosn_header_e id);

#endif
