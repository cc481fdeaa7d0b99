/* proxy/grpc.c - deadlines and statuses of gRPC. */

#include "proxy/grpc.h"

#define TIMEOUT_DIGITS 8
#define TIMEOUT_MAX_MS (UINT64_C(366) * 24 * 3600 * 1000)

enum {
    GRPC_CANCELLED = 1,
    GRPC_UNKNOWN = 2,
    GRPC_DEADLINE_EXCEEDED = 4,
    GRPC_PERMISSION_DENIED = 7,
    GRPC_RESOURCE_EXHAUSTED = 8,
    GRPC_UNIMPLEMENTED = 12,
    GRPC_INTERNAL = 13,
    GRPC_UNAVAILABLE = 14,
    GRPC_UNAUTHENTICATED = 16,
};


bool
mosn_grpc_is(const mosn_message_t *request)
{
    static const mosn_str_t type = MOSN_STR_INIT("application/grpc");
    const mosn_header_t    *h =
        mosn_headers_find(&request->headers, MOSN_HEADER_CONTENT_TYPE);

    return h != NULL && h->value_len >= type.len
           && memcmp(h->value, type.at, type.len) == 0
           && (h->value_len == type.len || h->value[type.len] == '+'
               || h->value[type.len] == ';');
}


uint64_t
mosn_grpc_timeout_ms(const mosn_message_t *request)
{
    const mosn_header_t *h =
        mosn_headers_find(&request->headers, MOSN_HEADER_GRPC_TIMEOUT);
    uint64_t n = 0, ns;
    size_t   digits;

    if (h == NULL || h->value_len < 2 || h->value_len > TIMEOUT_DIGITS + 1) {
        return 0;
    }
    digits = h->value_len - 1;
    for (size_t i = 0; i < digits; i++) {
        if (h->value[i] < '0' || h->value[i] > '9') {
            return 0;
        }
        n = n * 10 + (uint64_t) (h->value[i] - '0');
    }
    switch (h->value[digits]) {
    case 'H':
        n *= 3600 * UINT64_C(1000);
        break;
    case 'M':
        n *= 60 * UINT64_C(1000);
        break;
    case 'S':
        n *= 1000;
        break;
    case 'm':
        break;
    case 'u':
        n = (n + 999) / 1000;
        break;
    case 'n':
        ns = n;
        n = (ns + 999999) / 1000000;
        break;
    default:
        return 0;
    }
    if (n == 0) {
        return 1; /* its time is up already */
    }
    return n < TIMEOUT_MAX_MS ? n : TIMEOUT_MAX_MS;
}


unsigned
mosn_grpc_status(unsigned status, mosn_reason_e reason)
{
    switch (reason) {
    case MOSN_REASON_DEADLINE:
    case MOSN_REASON_UPSTREAM_TIMEOUT:
        return GRPC_DEADLINE_EXCEEDED;
    case MOSN_REASON_UPSTREAM_CANCELLED:
    case MOSN_REASON_CLIENT_CLOSED:
        return GRPC_CANCELLED;
    case MOSN_REASON_BODY_TOO_LARGE:
    case MOSN_REASON_HEADERS_TOO_LARGE:
        return GRPC_RESOURCE_EXHAUSTED;
    default:
        break;
    }
    switch (status) {
    case 400:
        return GRPC_INTERNAL;
    case 401:
        return GRPC_UNAUTHENTICATED;
    case 403:
        return GRPC_PERMISSION_DENIED;
    case 404:
        return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return GRPC_UNAVAILABLE;
    default:
        return GRPC_UNKNOWN;
    }
}


/* grpc-message is percent-encoded. */
static mosn_str_t
grpc_encode(mosn_pool_t *pool, mosn_str_t text)
{
    static const char digits[] = "0123456789ABCDEF";
    char             *to = mosn_pool_alloc(pool, text.len * 3 + 1);
    size_t            n = 0;

    while (text.len > 0 && text.at[text.len - 1] == '\n') {
        text.len--;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t) text.at[i];

        if (c >= ' ' && c <= '~' && c != '%') {
            to[n++] = (char) c;
        } else {
            to[n++] = '%';
            to[n++] = digits[c >> 4];
            to[n++] = digits[c & 15];
        }
    }
    return (mosn_str_t){ to, n };
}


void
mosn_grpc_answer(mosn_message_t *m, mosn_pool_t *pool, mosn_reason_e reason,
                 mosn_str_t type, mosn_str_t text)
{
    static const mosn_str_t web = MOSN_STR_INIT("application/grpc-web");
    unsigned                status = mosn_grpc_status(m->status, reason);
    bool is_web = type.len >= web.len && memcmp(type.at, web.at, web.len) == 0;

    m->status = 200;
    m->content_length = -1;
    mosn_headers_set(&m->headers, MOSN_HEADER_CONTENT_TYPE,
                     MOSN_STR("content-type"),
                     is_web ? type : MOSN_STR("application/grpc"));
    mosn_headers_add(&m->headers, MOSN_HEADER_GRPC_STATUS,
                     MOSN_STR("grpc-status"),
                     mosn_pool_printf(pool, "%u", status));
    if (text.len > 0) {
        mosn_headers_add(&m->headers, MOSN_HEADER_OTHER,
                         MOSN_STR("grpc-message"), grpc_encode(pool, text));
    }
}
