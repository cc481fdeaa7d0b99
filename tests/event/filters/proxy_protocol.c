/* tests/event/filters/proxy_protocol.c - headers in every cut. */

#include "tap.h"
#include "event/filters/proxy_protocol.c"

static mosn_inet_t peer;


static mosn_rc_e
read_bytes(const void *bytes, size_t n, size_t *used_r)
{
    mosn_buf_t in = tap_exact(bytes, n);
    uint8_t   *start = in.pos;
    mosn_rc_e  rc = n > 0 ? proxy_protocol_read(&in, &peer) : MOSN_AGAIN;

    *used_r = (size_t) (in.pos - start);
    mosn_buf_close(&in);
    return rc;
}


static void
good(const void *bytes, size_t n, const char *expected, const char *name)
{
    char   text[MOSN_ADDRESS_TEXT];
    size_t used;
    bool   again = true;

    memset(&peer, 0, sizeof(peer));
    peer.sa.sa_family = AF_UNIX;
    for (size_t cut = 0; cut < n; cut++) {
        again &= read_bytes(bytes, cut, &used) == MOSN_AGAIN && used == 0;
    }
    ok(again, "%s: every beginning is AGAIN", name);
    ok(read_bytes(bytes, n, &used) == MOSN_OK && used == n, "%s: OK", name);
    (void) mosn_address_format(&peer.sa, 0, text);
    is_str(mosn_str(text), expected, expected);
}


static void
bad(const void *bytes, size_t n, const char *name)
{
    size_t used;

    ok(read_bytes(bytes, n, &used) == MOSN_ERROR, "%s", name);
}


#define TEXT(s) s, sizeof(s) - 1
#define SIG     "\r\n\r\n\0\r\nQUIT\n"


int
main(void)
{
    network_t   net;
    mosn_inet_t who = { .in = { .sin_family = AF_INET } };

    good(TEXT("PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\n"), "1.2.3.4:1000", "v1");
    good(TEXT("PROXY TCP6 2001:db8::1 ::1 65535 1\r\n"), "[2001:db8::1]:65535",
         "v1, IPv6");
    good(TEXT("PROXY UNKNOWN\r\n"), "unix:", "v1, unknown");
    good(TEXT(SIG "\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\x03\xe8\0P"),
         "1.2.3.4:1000", "v2");
    good(TEXT(SIG "\x21\x11\0\x0f\1\2\3\4\5\6\7\x08\x03\xe8\0P\x04\0\0"),
         "1.2.3.4:1000", "v2 with an extension");
    good(TEXT(SIG "\x20\0\0\0"), "unix:", "v2, LOCAL");
    bad(TEXT("GET / HTTP/1.1\r\n"), "HTTP");
    bad(TEXT("PROXY TCP4 1.2.3.4 5.6.7.8 1000\r\n"), "a part is missing");
    bad(TEXT("PROXY TCP4 1.2.3.4 5.6.7.8 1000 80 x\r\n"), "a part too many");
    bad(TEXT("PROXY TCP4 1.2.3.4 5.6.7.8 70000 80\r\n"), "port");
    bad(TEXT("PROXY TCP4 ::1 ::1 1 1\r\n"), "family");
    bad(TEXT("PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\n"), "LF alone");
    bad(TEXT("PROXY TCP4 0000000000000000000000000000000000000000000000000000"
             "00000000000000000000000000000000000000000000000000000000000"),
        "a line that does not end");
    bad(TEXT(SIG "\x11\x11\0\x0c\1\2\3\4\5\6\7\x08\x03\xe8\0P"), "version 1");
    bad(TEXT(SIG "\x21\x11\0\x0b\1\2\3\4\5\6\7\x08\x03\xe8\0"),
        "v2: too short for its addresses");
    bad(TEXT(SIG "\x21\x11\xff\xff"), "v2: too long");

    (void) inet_pton(AF_INET, "10.1.2.3", &who.in.sin_addr);
    ok(network_parse(MOSN_STR("10.0.0.0/8"), &net) && network_has(&net, &who),
       "in the network");
    ok(network_parse(MOSN_STR("10.1.2.0/23"), &net) && network_has(&net, &who),
       "bits within a byte");
    ok(network_parse(MOSN_STR("10.1.0.0/23"), &net)
           && !network_has(&net, &who),
       "not in it");
    ok(network_parse(MOSN_STR("0.0.0.0/0"), &net) && network_has(&net, &who),
       "everybody");
    ok(network_parse(MOSN_STR("::/0"), &net) && !network_has(&net, &who),
       "another family");
    ok(!network_parse(MOSN_STR("10.0.0.0"), &net), "without bits");
    ok(!network_parse(MOSN_STR("10.0.0.0/33"), &net), "too many bits");
    return done_testing();
}
