/*
 * os/address.h - socket addresses as an operator writes them.
 *
 * "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock".  Names are not resolved
 * here: a worker must never wait for DNS.
 */

#ifndef MOSN_OS_ADDRESS_H
#define MOSN_OS_ADDRESS_H

#include "os/compiler.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Longest text of an address, with its terminating NUL. */
#define MOSN_ADDRESS_TEXT 120

typedef union {
    struct sockaddr     sa;
    struct sockaddr_in  in;
    struct sockaddr_in6 in6;
} mosn_inet_t;

typedef struct {
    socklen_t len; /* 0: no address */
    union {
        struct sockaddr    sa;
        mosn_inet_t        inet;
        struct sockaddr_un un;
    };
} mosn_address_t;

/* True and `*address_r` filled when `text` is an address in full. */
bool mosn_address_parse(const char *text, size_t len,
                        mosn_address_t *address_r);

/* Writes the text of an address; returns its length without the NUL.  An
 * unnamed unix socket is "unix:". */
size_t mosn_address_format(const struct sockaddr *sa, socklen_t len,
                           char text[MOSN_ADDRESS_TEXT]);

/* The address alone, without port; what X-Forwarded-For carries. */
size_t mosn_address_format_host(const struct sockaddr *sa,
                                char text[MOSN_ADDRESS_TEXT]);

uint16_t mosn_address_port(const struct sockaddr *sa);

bool mosn_address_equal(const mosn_address_t *a, const mosn_address_t *b);

/* A range of addresses, "10.0.0.0/8"; of an address alone only that. */
typedef struct {
    sa_family_t family;
    uint8_t     bits;
    uint8_t     bytes[16];
} mosn_cidr_t;

/* True and `*cidr_r` filled when `text` is a range in full. */
bool mosn_cidr_parse(const char *text, size_t len, mosn_cidr_t *cidr_r);

/* An IPv4 address inside IPv6 (::ffff:1.2.3.4) is taken for what it is. */
bool mosn_cidr_has(const mosn_cidr_t *cidr, const struct sockaddr *sa);

#endif
