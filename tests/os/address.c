/* tests/os/address.c - there and back. */

#include "tap.h"
#include "os/address.c"


static void
same(const char *text, int family)
{
    mosn_address_t a;
    char           out[MOSN_ADDRESS_TEXT];

    if (ok(mosn_address_parse(text, strlen(text), &a), "%s parses", text)) {
        is_num(a.sa.sa_family, family, "its family");
        (void) mosn_address_format(&a.sa, a.len, out);
        is_str(mosn_str(out), text, "and prints the same");
    }
}


static void
bad(const char *text)
{
    mosn_address_t a;

    ok(!mosn_address_parse(text, strlen(text), &a), "\"%s\" is none", text);
}


int
main(void)
{
    mosn_address_t a, b;
    char           out[MOSN_ADDRESS_TEXT];

    same("127.0.0.1:80", AF_INET);
    same("0.0.0.0:0", AF_INET);
    same("255.255.255.255:65535", AF_INET);
    same("[::1]:80", AF_INET6);
    same("[2001:db8::42]:443", AF_INET6);
    same("unix:/run/x.sock", AF_UNIX);
    bad("");
    bad("127.0.0.1");
    bad("127.0.0.1:");
    bad("127.0.0.1:65536");
    bad("127.0.0.1:8x");
    bad("127.0.0.256:1");
    bad("localhost:80");
    bad("::1:80");
    bad("[::1]");
    bad("[::1:80");
    bad("unix:");
    (void) mosn_address_parse("10.0.0.1:80", 11, &a);
    (void) mosn_address_parse("10.0.0.1:81", 11, &b);
    ok(mosn_address_equal(&a, &a) && !mosn_address_equal(&a, &b), "equal");
    is_num(mosn_address_port(&b.sa), 81, "port");
    (void) mosn_address_format_host(&a.sa, out);
    is_str(mosn_str(out), "10.0.0.1", "host alone");
    return done_testing();
}
