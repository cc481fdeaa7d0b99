/* tests/proxy/dns.c - a name server of ours, and what is made of it. */

#include "hosts.h"
#include "proto/rpc.h"
#include "proxy/dns.c"

#include <sys/socket.h>

enum { A = 1, AAAA = 28, SRV = 33 };
enum { CODE_GOOD = 0, CODE_FAILED = 2, CODE_UNKNOWN = 3, CODE_SILENT = 99 };

/* What the server says. */
typedef struct {
    const char *name;
    int         type;
    const char *value; /* "127.0.0.1", or "priority weight port target" */
} record_t;

static record_t        zone[8];
static unsigned        zone_code; /* for all names */
static unsigned        zone_asked;
static int             server;
static char            told[2048]; /* the last hosts, in one line */
static unsigned        n_told;
static mosn_cluster_t *the_cluster;


/* "a.test" as labels. */
static size_t
put_name(uint8_t *out, const char *name)
{
    size_t n = 0;

    while (*name != '\0') {
        size_t len = strcspn(name, ".");

        out[n++] = (uint8_t) len;
        memcpy(out + n, name, len);
        n += len;
        name += len + (name[len] == '.');
    }
    out[n++] = 0;
    return n;
}


static size_t
put_data(const record_t *r, uint8_t *out)
{
    unsigned priority, weight, port;
    char     target[64];

    if (r->type != SRV) {
        return inet_pton(r->type == A ? AF_INET : AF_INET6, r->value, out) == 1
                   ? (r->type == A ? 4 : 16)
                   : 0;
    }
    (void) sscanf(r->value, "%u %u %u %63s", &priority, &weight, &port,
                  target);
    mosn_put_u16(out, (uint16_t) priority);
    mosn_put_u16(out + 2, (uint16_t) weight);
    mosn_put_u16(out + 4, (uint16_t) port);
    return 6 + put_name(out + 6, target);
}


/* Answers one query, if there is one. */
static void
serve(void)
{
    uint8_t                 bytes[1024] = { 0 };
    struct sockaddr_storage from;
    socklen_t               from_len = sizeof(from);
    ssize_t                 got =
        recvfrom(server, bytes, 512, MSG_DONTWAIT, (void *) &from, &from_len);
    size_t n = 12, count = 0;
    char   name[256] = "";
    int    type;

    if (got < 17) {
        return;
    }
    while (bytes[n] != 0) {
        (void) snprintf(name + strlen(name), sizeof(name) - strlen(name),
                        "%s%.*s", name[0] != '\0' ? "." : "", bytes[n],
                        (char *) bytes + n + 1);
        n += bytes[n] + 1u;
    }
    type = bytes[n + 1] << 8 | bytes[n + 2];
    n += 5;
    zone_asked++;
    if (zone_code == CODE_SILENT) {
        return;
    }
    for (size_t i = 0; i < 8 && zone_code == CODE_GOOD; i++) {
        if (zone[i].name != NULL && strcmp(zone[i].name, name) == 0
            && zone[i].type == type)
        {
            static const uint8_t fixed[] = {
                0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 0
            };
            size_t len;

            memcpy(bytes + n, fixed, sizeof(fixed)); /* TTL 0 */
            bytes[n + 3] = (uint8_t) type;
            len = put_data(&zone[i], bytes + n + 12);
            mosn_put_u16(bytes + n + 10, (uint16_t) len);
            n += 12 + len;
            count++;
        }
    }
    bytes[2] = 0x85;
    bytes[3] = (uint8_t) (0x80 | zone_code);
    mosn_put_u16(bytes + 6, (uint16_t) count);
    mosn_put_u16(bytes + 10, 0); /* no additional ones */
    (void) sendto(server, bytes, n, 0, (void *) &from, from_len);
}


/* Only what an operator would write: names, addresses, priorities, weights. */
static void
on_found(const mosn_cluster_t *cluster MOSN_UNUSED, const char *hosts)
{
    size_t n = 0;

    for (const char *p = hosts; *p != '\0' && n < sizeof(told) - 1; p++) {
        if (*p != '\n' && (*p != ' ' || (n > 0 && told[n - 1] != ' '))) {
            told[n++] = *p;
        }
    }
    told[n] = '\0';
    n_told++;
    the_cluster->resolved = true; /* taken */
}


/* Goes on until that has been told so often, at most two seconds. */
static void
until(unsigned n)
{
    for (int i = 0; i < 400 && n_told < n; i++) {
        serve();
        mosn_loop_turn(&hosts_loop, 5);
    }
}


/* Goes on until so many more queries have come. */
static void
until_asked(unsigned more)
{
    unsigned end = zone_asked + more;

    for (int i = 0; i < 400 && zone_asked < end; i++) {
        serve();
        mosn_loop_turn(&hosts_loop, 5);
    }
    ok(zone_asked >= end, "it is asked again");
    for (int i = 0; i < 4; i++) {
        serve();
        mosn_loop_turn(&hosts_loop, 5);
    }
}


static void
says(const char *part, bool expected, const char *name)
{
    if (!ok((strstr(told, part) != NULL) == expected, "%s", name)) {
        printf("# \"%s\" in: %s\n", part, told);
    }
}


static void
test_addresses(void)
{
    zone[0] = (record_t){ "a.test", A, "127.0.0.1" };
    zone[1] = (record_t){ "a.test", AAAA, "::1" };
    until(1);
    says("\"127.0.0.1:80\"", true, "an address");
    says("\"[::1]:80\"", true, "and one of the other kind");
    says("name = \"a.test:80\"", true, "of that name");
    until_asked(4);
    is_num(n_told, 1, "what is the same is not told again");
    zone[1] = (record_t){ "a.test", A, "127.0.0.2" };
    until(2);
    says("\"127.0.0.2:80\"", true, "a new one is");
    says("\"[::1]:80\"", false, "one that is gone, too");
}


static void
test_failures(void)
{
    zone_code = CODE_FAILED;
    until_asked(4);
    is_num(n_told, 2, "a failure changes nothing");
    zone_code = CODE_SILENT;
    until_asked(2);
    is_num(n_told, 2, "silence neither");
    zone_code = CODE_UNKNOWN;
    until_asked(4);
    is_num(n_told, 2, "nor a name that is gone");
    zone_code = CODE_GOOD;
    zone[0] = (record_t){ "a.test", A, "127.0.0.3" };
    until(3);
    says("\"127.0.0.3:80\"", true, "when it is there again, it is told");
}


static void
test_services(void)
{
    zone[2] = (record_t){ "_x._tcp.test", SRV, "10 5 8001 b.test" };
    zone[3] = (record_t){ "_x._tcp.test", SRV, "20 0 8002 b.test" };
    zone[4] = (record_t){ "b.test", A, "127.0.0.9" };
    n_told = 0;
    until(1);
    says("\"127.0.0.9:8001\"", true, "a service has the port of its record");
    says("\"127.0.0.9:8002\"", true, "and another one");
    says("priority = 1", true, "which comes after it");
    says("weight = 5", true, "with a weight");
}


int
main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t          len = sizeof(at);
    char               text[64];
    mosn_str_t         where;
    mosn_dns_conf_t    conf = {
           .servers = { &where, 1 },
           .timeout_ms = 50,
           .min_ttl_ms = 20,
           .max_ttl_ms = 1000,
           .retry_ms = 20,
    };

    server = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(server, (void *) &at, sizeof(at)) == -1
        || getsockname(server, (void *) &at, &len) == -1)
    {
        abort();
    }
    (void) snprintf(text, sizeof(text), "127.0.0.1:%u", ntohs(at.sin_port));
    where = mosn_str(text);

    the_cluster =
        hosts_cluster("discovery = \"strict_dns\"; hosts = ( { name = "
                      "\"a.test:80\"; } );");
    ok(mosn_dns_start(hosts_generation, &hosts_loop, &conf, on_found)
           == MOSN_OK,
       "it begins");
    test_addresses();
    test_failures();
    mosn_dns_stop();
    hosts_end();

    the_cluster =
        hosts_cluster("discovery = \"strict_dns\"; hosts = ( { name = "
                      "\"_x._tcp.test\"; } );");
    ok(mosn_dns_start(hosts_generation, &hosts_loop, &conf, on_found)
           == MOSN_OK,
       "again");
    test_services();
    mosn_dns_stop();
    hosts_end();
    (void) close(server);
    return hosts_done();
}
