/* os/address.c - parse and print socket addresses. */

#include "os/address.h"

#include <arpa/inet.h>
#include <stdio.h>

#define UNIX_PREFIX     "unix:"
#define UNIX_PREFIX_LEN (sizeof(UNIX_PREFIX) - 1)


static bool
address_parse_port(const char *text, size_t len, uint16_t *port_r)
{
    unsigned port = 0;

    if (len == 0 || len > 5) {
        return false;
    }

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned) (text[i] - '0');
    }

    *port_r = (uint16_t) port;
    return port <= 65535;
}


static bool
address_parse_unix(const char *path, size_t len, mosn_address_t *a)
{
    if (len == 0 || len >= sizeof(a->un.sun_path)) {
        return false;
    }

    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path, len);
    a->len = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len + 1);
    return true;
}


static bool
address_parse_v6(const char *host, size_t len, uint16_t port,
                 mosn_address_t *a)
{
    char text[INET6_ADDRSTRLEN];

    if (len < 4 || len - 2 >= sizeof(text) || host[len - 1] != ']') {
        return false;
    }

    memcpy(text, host + 1, len - 2);
    text[len - 2] = '\0';
    a->inet.in6.sin6_family = AF_INET6;
    a->inet.in6.sin6_port = htons(port);
    a->len = sizeof(a->inet.in6);
    return inet_pton(AF_INET6, text, &a->inet.in6.sin6_addr) == 1;
}


static bool
address_parse_v4(const char *host, size_t len, uint16_t port,
                 mosn_address_t *a)
{
    char text[INET_ADDRSTRLEN];

    if (len == 0 || len >= sizeof(text)) {
        return false;
    }

    memcpy(text, host, len);
    text[len] = '\0';
    a->inet.in.sin_family = AF_INET;
    a->inet.in.sin_port = htons(port);
    a->len = sizeof(a->inet.in);
    return inet_pton(AF_INET, text, &a->inet.in.sin_addr) == 1;
}


bool
mosn_address_parse(const char *text, size_t len, mosn_address_t *address_r)
{
    const char *colon;
    uint16_t    port;
    size_t      host_len;

    memset(address_r, 0, sizeof(*address_r));

    if (len > UNIX_PREFIX_LEN
        && memcmp(text, UNIX_PREFIX, UNIX_PREFIX_LEN) == 0) {
        return address_parse_unix(text + UNIX_PREFIX_LEN,
                                  len - UNIX_PREFIX_LEN, address_r);
    }

    colon = memrchr(text, ':', len);
    if (colon == NULL) {
        return false;
    }

    host_len = (size_t) (colon - text);
    if (!address_parse_port(colon + 1, len - host_len - 1, &port)) {
        return false;
    }

    return text[0] == '[' ? address_parse_v6(text, host_len, port, address_r)
                          : address_parse_v4(text, host_len, port, address_r);
}


size_t
mosn_address_format_host(const struct sockaddr *sa,
                         char                   text[MOSN_ADDRESS_TEXT])
{
    const mosn_inet_t *inet = (const mosn_inet_t *) (const void *) sa;

    switch (sa->sa_family) {
    case AF_INET:
        (void) inet_ntop(AF_INET, &inet->in.sin_addr, text, MOSN_ADDRESS_TEXT);
        break;
    case AF_INET6:
        (void) inet_ntop(AF_INET6, &inet->in6.sin6_addr, text,
                         MOSN_ADDRESS_TEXT);
        break;
    default:
        memcpy(text, UNIX_PREFIX, UNIX_PREFIX_LEN + 1);
        break;
    }

    return strlen(text);
}


uint16_t
mosn_address_port(const struct sockaddr *sa)
{
    const mosn_inet_t *inet = (const mosn_inet_t *) (const void *) sa;

    switch (sa->sa_family) {
    case AF_INET:
        return ntohs(inet->in.sin_port);
    case AF_INET6:
        return ntohs(inet->in6.sin6_port);
    default:
        return 0;
    }
}


size_t
mosn_address_format(const struct sockaddr *sa, socklen_t len,
                    char text[MOSN_ADDRESS_TEXT])
{
    char host[MOSN_ADDRESS_TEXT];
    int  n;

    if (sa->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *) sa;
        size_t                    path_len =
            len > offsetof(struct sockaddr_un, sun_path) ? strnlen(
                                   un->sun_path, len - offsetof(struct sockaddr_un, sun_path))
                                                                            : 0;

        n = snprintf(text, MOSN_ADDRESS_TEXT, UNIX_PREFIX "%.*s",
                     (int) path_len, un->sun_path);
        return (size_t) n;
    }

    (void) mosn_address_format_host(sa, host);
    n = snprintf(text, MOSN_ADDRESS_TEXT,
                 sa->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
                 mosn_address_port(sa));
    return (size_t) n;
}


bool
mosn_address_equal(const mosn_address_t *a, const mosn_address_t *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}


bool
mosn_cidr_parse(const char *text, size_t len, mosn_cidr_t *cidr_r)
{
    const char *slash = len > 0 ? memchr(text, '/', len) : NULL;
    size_t      n = slash != NULL ? (size_t) (slash - text) : len;
    char        host[INET6_ADDRSTRLEN];
    uint16_t    bits;

    memset(cidr_r, 0, sizeof(*cidr_r));
    if (n == 0 || n >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    cidr_r->family = memchr(host, ':', n) != NULL ? AF_INET6 : AF_INET;
    cidr_r->bits = cidr_r->family == AF_INET6 ? 128 : 32;
    if (inet_pton(cidr_r->family, host, cidr_r->bytes) != 1) {
        return false;
    }
    if (slash == NULL) {
        return true;
    }
    if (!address_parse_port(slash + 1, len - n - 1, &bits)
        || bits > cidr_r->bits) {
        return false;
    }
    cidr_r->bits = (uint8_t) bits;
    return true;
}


bool
mosn_cidr_has(const mosn_cidr_t *cidr, const struct sockaddr *sa)
{
    const mosn_inet_t *inet = (const mosn_inet_t *) (const void *) sa;
    sa_family_t        family = sa->sa_family;
    const uint8_t     *bytes;
    unsigned           whole = cidr->bits / 8, rest = cidr->bits % 8;

    if (family == AF_INET) {
        bytes = (const uint8_t *) &inet->in.sin_addr;
    } else if (family == AF_INET6) {
        bytes = inet->in6.sin6_addr.s6_addr;
        if (cidr->family == AF_INET
            && IN6_IS_ADDR_V4MAPPED(&inet->in6.sin6_addr)) {
            bytes += 12;
            family = AF_INET;
        }
    } else {
        return false;
    }
    return family == cidr->family && memcmp(bytes, cidr->bytes, whole) == 0
           && (rest == 0
               || ((bytes[whole] ^ cidr->bytes[whole]) >> (8 - rest)) == 0);
}
