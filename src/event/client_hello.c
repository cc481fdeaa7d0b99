/* event/client_hello.c - a bounded walk through a ClientHello. */

#include "event/client_hello.h"

#include <string.h>

#define RECORD_HANDSHAKE 22
#define CLIENT_HELLO     1
#define EXT_SERVER_NAME  0
#define EXT_ALPN         16

typedef struct {
    const uint8_t *at;
    size_t         left;
} reader_t;


/* The next number of `n` bytes; false: there are not so many. */
static bool
hello_number(reader_t *r, unsigned n, size_t *value_r)
{
    if (r->left < n) {
        return false;
    }
    *value_r = 0;
    for (unsigned i = 0; i < n; i++) {
        *value_r = *value_r << 8 | r->at[i];
    }
    r->at += n;
    r->left -= n;
    return true;
}


/* Bytes behind a length of `n` bytes. */
static bool
hello_vector(reader_t *r, unsigned n, reader_t *inner_r)
{
    size_t len;

    if (!hello_number(r, n, &len) || len > r->left) {
        return false;
    }
    *inner_r = (reader_t){ r->at, len };
    r->at += len;
    r->left -= len;
    return true;
}


static bool
hello_take_name(reader_t ext, mosn_client_hello_t *hello)
{
    reader_t list, name;
    size_t   type;

    if (!hello_vector(&ext, 2, &list) || !hello_number(&list, 1, &type)
        || !hello_vector(&list, 2, &name) || name.left == 0 || name.left > 255
        || memchr(name.at, '\0', name.left) != NULL)
    {
        return false;
    }
    if (type == 0) { /* host_name; there is no other */
        hello->server_name = (mosn_str_t){ (const char *) name.at, name.left };
    }
    return true;
}


static bool
hello_take_alpn(reader_t ext, mosn_client_hello_t *hello)
{
    reader_t list, name, walk;

    if (!hello_vector(&ext, 2, &list)) {
        return false;
    }
    for (walk = list; walk.left > 0;) {
        if (!hello_vector(&walk, 1, &name) || name.left == 0) {
            return false;
        }
    }
    hello->alpn = (mosn_str_t){ (const char *) list.at, list.left };
    return true;
}


static bool
hello_parse(reader_t r, mosn_client_hello_t *hello)
{
    reader_t skip, extensions, ext;
    size_t   number;

    if (r.left < 34) {
        return false;
    }
    r.at += 34; /* version and random */
    r.left -= 34;
    if (!hello_vector(&r, 1, &skip) || !hello_vector(&r, 2, &skip)
        || !hello_vector(&r, 1, &skip)) /* session, ciphers, compression */
    {
        return false;
    }
    if (r.left == 0) {
        return true;
    }
    if (!hello_vector(&r, 2, &extensions)) {
        return false;
    }
    while (extensions.left > 0) {
        if (!hello_number(&extensions, 2, &number)
            || !hello_vector(&extensions, 2, &ext)
            || (number == EXT_SERVER_NAME && !hello_take_name(ext, hello))
            || (number == EXT_ALPN && !hello_take_alpn(ext, hello)))
        {
            return false;
        }
    }
    return true;
}


mosn_rc_e
mosn_client_hello_read(const uint8_t *bytes, size_t n,
                       mosn_client_hello_t *hello)
{
    reader_t r = { bytes, n }, record;
    size_t   type, version, len;

    memset(hello, 0, sizeof(*hello));
    if (n > 0 && bytes[0] != RECORD_HANDSHAKE) {
        return MOSN_OK; /* not TLS */
    }
    if (n < 3) {
        return MOSN_AGAIN;
    }
    (void) hello_number(&r, 1, &type);
    (void) hello_number(&r, 2, &version);
    if (version >> 8 != 3) {
        return MOSN_OK;
    }
    hello->tls = true;
    if (!hello_vector(&r, 2, &record)) {
        if (n >= 5
            && ((size_t) bytes[3] << 8 | bytes[4]) > MOSN_CLIENT_HELLO_MAX) {
            return MOSN_ERROR;
        }
        return MOSN_AGAIN;
    }
    if (!hello_number(&record, 1, &type) || type != CLIENT_HELLO
        || !hello_number(&record, 3, &len) || len > MOSN_CLIENT_HELLO_MAX)
    {
        return MOSN_ERROR;
    }
    /* A hello that is cut into several records is taken for one without a
     * name: who does that hides it. */
    if (len > record.left) {
        return MOSN_OK;
    }
    record.left = len;
    return hello_parse(record, hello) ? MOSN_OK : MOSN_ERROR;
}


bool
mosn_client_hello_offers(const mosn_client_hello_t *hello, mosn_str_t name)
{
    const char *p = hello->alpn.at, *end = p + hello->alpn.len;

    while (p < end) {
        size_t len = (uint8_t) *p;

        if (mosn_str_equal((mosn_str_t){ p + 1, len }, name)) {
            return true;
        }
        p += len + 1;
    }
    return false;
}


bool
mosn_server_name_matches(mosn_str_t pattern, mosn_str_t name)
{
    const char *dot;

    if (pattern.len < 2 || pattern.at[0] != '*' || pattern.at[1] != '.') {
        return mosn_str_equal_nocase(pattern, name);
    }
    dot = name.len > 0 ? memchr(name.at, '.', name.len) : NULL;
    if (dot == NULL || dot == name.at) {
        return false;
    }
    name.len -= (size_t) (dot - name.at);
    name.at = dot;
    pattern.at++;
    pattern.len--;
    return mosn_str_equal_nocase(pattern, name);
}
