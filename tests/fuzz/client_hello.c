/*
 * tests/fuzz/client_hello.c - the first bytes of a connection.
 *
 * Whatever they are: what is told lies within them, more bytes never turn a
 * verdict into "wait", and no piece of a hello is taken for plain text.
 */

#include "fuzz.h"
#include "tap.h"

#include "event/client_hello.h"

const char *const fuzz_name = "client_hello";

#define SEED(bytes)                                                           \
    {                                                                         \
        bytes, sizeof(bytes) - 1                                              \
    }

const mosn_str_t fuzz_seeds[] = {
    SEED("\x16\3\1\0\x50\1\0\0\x4c\3\3"
         "0123456789abcdef0123456789abcdef"
         "\0\0\2\x13\1\1\0\0\x21"
         "\0\0\0\x0b\0\x09\0\0\6a.test"
         "\0\x10\0\x0e\0\x0c\2h2\x8http/1.1"),
    SEED("\x16\3\1\0\x29\1\0\0\x25\3\3"
         "0123456789abcdef0123456789abcdef"
         "\0\0\2\x13\1\1\0"),
    SEED("GET / HTTP/1.1\r\n"),
    { "", 0 },
};


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    mosn_client_hello_t hello, part;
    mosn_rc_e           rc = mosn_client_hello_read(bytes, n, &hello);
    const char         *from = (const char *) bytes, *to = from + n;

    if (rc != MOSN_OK) {
        return;
    }
    FUZZ_CHECK(hello.server_name.len == 0
               || (hello.server_name.at >= from
                   && hello.server_name.at + hello.server_name.len <= to));
    FUZZ_CHECK(
        hello.alpn.len == 0
        || (hello.alpn.at >= from && hello.alpn.at + hello.alpn.len <= to));
    (void) mosn_client_hello_offers(&hello, MOSN_STR("h2"));
    (void) mosn_server_name_matches(MOSN_STR("*.test"), hello.server_name);
    for (size_t k = 0; hello.tls && k < n && k < 64; k++) {
        rc = mosn_client_hello_read(bytes, k, &part);
        FUZZ_CHECK(rc != MOSN_OK || part.tls);
    }
}
