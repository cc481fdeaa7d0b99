/* proxy/dns_conf.c - the settings of names. */

#include "proxy/dns.h"

#include <arpa/inet.h>

static const mosn_directive_t dns_directives[] = {
    MOSN_STRINGS(mosn_dns_conf_t, servers,
                 "Name servers, \"ip\" or \"ip:port\"; else those of the "
                 "system."),
    MOSN_DURATION(mosn_dns_conf_t, timeout, 10, 60000, 2000,
                  "A server that does not answer in this time is asked "
                  "again, or another one is."),
    MOSN_DURATION(mosn_dns_conf_t, min_ttl, 0, 86400000, 1000,
                  "Answers are used at least this long."),
    MOSN_DURATION(mosn_dns_conf_t, max_ttl, 100, 86400000, 300000,
                  "And at most this long."),
    MOSN_DURATION(mosn_dns_conf_t, retry, 10, 3600000, 5000,
                  "A name that cannot be resolved is asked again after this "
                  "time; what was known of it stays in force."),
    MOSN_DIRECTIVES_END
};

/* "ip", "ip:port", "[ip]:port". */
static bool
dns_is_server(mosn_str_t text)
{
    struct in6_addr six;
    mosn_address_t  address;
    char            ip[INET6_ADDRSTRLEN];

    if (mosn_address_parse(text.at, text.len, &address)) {
        return address.sa.sa_family != AF_UNIX;
    }
    if (text.len >= sizeof(ip)) {
        return false;
    }
    memcpy(ip, text.at, text.len);
    ip[text.len] = '\0';
    return inet_pton(AF_INET, ip, &six) == 1
           || inet_pton(AF_INET6, ip, &six) == 1;
}


static void
dns_check(mosn_conf_t *reader, void *conf)
{
    const mosn_dns_conf_t *c = conf;

    for (size_t i = 0; i < c->servers.n; i++) {
        if (!dns_is_server(c->servers.items[i])) {
            mosn_conf_error(reader, &c->servers, c,
                            "\"%.*s\" is no address of a server: "
                            "\"192.0.2.1\" or \"192.0.2.1:53\"",
                            MOSN_STR_ARG(c->servers.items[i]));
        }
    }
}


const mosn_conf_block_t mosn_dns_block = {
    .doc = "How names of hosts are resolved.",
    .size = sizeof(mosn_dns_conf_t),
    .directives = dns_directives,
    .check = dns_check,
};
