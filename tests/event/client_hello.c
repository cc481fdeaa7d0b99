/* tests/event/client_hello.c - hellos, whole, cut, wrong. */

#include "tap.h"
#include "event/client_hello.c"

/* TLS 1.2 hello: name "a.test", ALPN h2 and http/1.1. */
static const uint8_t good[] = {
    22,  3,   1,    0,   80,  1,  0,  0,  76, 3,   3,   0,   1,   2,   3,
    4,   5,   6,    7,   8,   9,  10, 11, 12, 13,  14,  15,  16,  17,  18,
    19,  20,  21,   22,  23,  24, 25, 26, 27, 28,  29,  30,  31,  0, /* session
                                                                      */
    0,   2,   0x13, 1, /* ciphers */
    1,   0,            /* compression */
    0,   33,  0,    0,   0,   11, 0,  9,  0,  0,   6,   'a', '.', 't', 'e',
    's', 't', 0,    16,  0,   14, 0,  12, 2,  'h', '2', 8,   'h', 't', 't',
    'p', '/', '1',  '.', '1',
};


int
main(void)
{
    mosn_client_hello_t hello;
    uint8_t             bad[sizeof(good)];
    bool                fine = true;

    is_num((long long) sizeof(good), 85, "the hello is what it says");
    is_num(mosn_client_hello_read(good, sizeof(good), &hello), MOSN_OK,
           "a hello");
    ok(hello.tls, "is TLS");
    is_str(hello.server_name, "a.test", "with a name");
    ok(mosn_client_hello_offers(&hello, MOSN_STR("h2"))
           && mosn_client_hello_offers(&hello, MOSN_STR("http/1.1"))
           && !mosn_client_hello_offers(&hello, MOSN_STR("http/1")),
       "and protocols");
    for (size_t n = 0; n < sizeof(good); n++) {
        fine &= mosn_client_hello_read(good, n, &hello) == MOSN_AGAIN;
    }
    ok(fine, "cut anywhere, more is waited for");

    is_num(mosn_client_hello_read((const uint8_t *) "GET /", 5, &hello),
           MOSN_OK, "something else");
    ok(!hello.tls, "is not TLS");
    is_num(mosn_client_hello_read((const uint8_t *) "\x16\x02xx", 4, &hello),
           MOSN_OK, "nor is what only begins so");

    memcpy(bad, good, sizeof(good));
    bad[3] = 0xff;
    is_num(mosn_client_hello_read(bad, sizeof(bad), &hello), MOSN_ERROR,
           "a record that nobody waits for");
    for (size_t i = 0; i < sizeof(good); i++) { /* no byte can break it */
        for (unsigned v = 0; v < 256; v += 5) {
            uint8_t *exact = malloc(sizeof(good));

            memcpy(exact, good, sizeof(good));
            exact[i] = (uint8_t) v;
            if (mosn_client_hello_read(exact, sizeof(good), &hello) == MOSN_OK
                && hello.server_name.len > 0)
            {
                fine &= hello.server_name.at > (char *) exact
                        && hello.server_name.at + hello.server_name.len
                               <= (char *) exact + sizeof(good);
            }
            (void) mosn_client_hello_offers(&hello, MOSN_STR("x"));
            free(exact);
        }
    }
    ok(fine, "whatever stands there, what is told lies within");

    ok(mosn_server_name_matches(MOSN_STR("*.a.test"), MOSN_STR("x.A.test")),
       "a wildcard");
    ok(!mosn_server_name_matches(MOSN_STR("*.a.test"), MOSN_STR("x.y.a.test")),
       "is for one label");
    ok(!mosn_server_name_matches(MOSN_STR("*.a.test"), MOSN_STR("")),
       "and for a name");
    return done_testing();
}
