/*
 * event/client_hello.h - the first message of TLS, looked at and not touched:
 * what a client asks for before anything is decided (RFC 8446, 4.1.2; RFC
 * 6066, 3; RFC 7301, 3.1).  No I/O.
 */

#ifndef MOSN_EVENT_CLIENT_HELLO_H
#define MOSN_EVENT_CLIENT_HELLO_H

#include "core/rc.h"
#include "core/str.h"

#define MOSN_CLIENT_HELLO_MAX 16384u /* bytes that are waited for */

typedef struct {
    bool       tls;         /* false: these bytes are something else */
    mosn_str_t server_name; /* borrowed; empty: none was sent */
    mosn_str_t alpn;        /* borrowed: lengths and names, well formed */
} mosn_client_hello_t;

/* OK: told.  AGAIN: too few bytes.  ERROR: TLS, but malformed or too long. */
mosn_rc_e mosn_client_hello_read(const uint8_t *bytes, size_t n,
                                 mosn_client_hello_t *hello);

/* Is `name` among the protocols offered? */
bool mosn_client_hello_offers(const mosn_client_hello_t *hello,
                              mosn_str_t                 name);

/* "*.example.com" is for one label in the place of the star. */
bool mosn_server_name_matches(mosn_str_t pattern, mosn_str_t name);

#endif
