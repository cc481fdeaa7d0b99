/* tests/proxy/dns_conf.c - addresses of name servers. */

#include "tap.h"
#include "proxy/dns_conf.c"


int
main(void)
{
    ok(dns_is_server(MOSN_STR("192.0.2.1"))
           && dns_is_server(MOSN_STR("192.0.2.1:53"))
           && dns_is_server(MOSN_STR("[2001:db8::1]:53"))
           && dns_is_server(MOSN_STR("2001:db8::1")),
       "addresses of servers");
    ok(!dns_is_server(MOSN_STR("")) && !dns_is_server(MOSN_STR("ns.test"))
           && !dns_is_server(MOSN_STR("unix:/x"))
           && !dns_is_server(MOSN_STR("192.0.2.1:99999")),
       "what are none");
    return done_testing();
}
