/* proto/rpc.c - headers of calls, decoded when somebody asks for them. */

#include "proto/rpc.h"

#define HEADERS_ROOM 12


void
mosn_rpc_decode(mosn_message_t *message)
{
    mosn_rpc_t     *rpc = message->rpc;
    mosn_headers_t *headers = &message->headers;

    rpc->decoded = true;
    mosn_headers_init(headers, headers->pool, HEADERS_ROOM);
    if (rpc->codec->read_headers != NULL) {
        rpc->codec->read_headers(rpc, headers);
    }
    rpc->n_decoded = headers->n;
}


bool
mosn_rpc_is_untouched(const mosn_message_t *message)
{
    const mosn_rpc_t *rpc = message->rpc;
    const char       *first = (const char *) rpc->bytes;

    if (!rpc->decoded
        || (rpc->codec->has_headers != NULL && !rpc->codec->has_headers(rpc)))
    {
        return true;
    }
    if (message->headers.n != rpc->n_decoded) {
        return false;
    }
    for (uint32_t i = 0; i < message->headers.n; i++) {
        const mosn_header_t *header = &message->headers.items[i];

        if (header->removed || header->value < first
            || header->value + header->value_len > first + rpc->frame.len)
        {
            return false;
        }
    }
    return true;
}


static char *
rpc_append(char *at, mosn_str_t s)
{
    if (s.len > 0) {
        memcpy(at, s.at, s.len);
    }
    return at + s.len;
}


mosn_str_t
mosn_rpc_path(const mosn_rpc_t *rpc, mosn_pool_t *pool)
{
    size_t n = rpc->service.len + rpc->method.len + 2;
    char  *path = mosn_pool_alloc(pool, n);
    char  *at = path;

    *at++ = '/';
    at = rpc_append(at, rpc->service);
    *at++ = '/';
    (void) rpc_append(at, rpc->method);
    return (mosn_str_t){ path, n };
}
