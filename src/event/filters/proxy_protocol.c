/*
 * event/filters/proxy_protocol.c - the client's address from the balancer in
 * front: PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt).
 *
 * Where the filter stands the header is required, and taken only from
 * trusted peers: who may say whose connection it is may say anything.  All
 * lengths are held against what was announced; extensions are skipped.
 */

#include "core/log.h"
#include "event/conn.h"

#include <arpa/inet.h>

#define V1_MAX_BYTES  107u
#define V2_HEAD_BYTES 16u
#define V2_MAX_BYTES  2048u /* of addresses and extensions */

typedef struct {
    uint8_t  bytes[16];
    unsigned bits;
    int      family;
} network_t;

typedef struct {
    mosn_strs_t trusted;
    network_t  *networks; /* built, as many as `trusted` */
} proxy_protocol_conf_t;

static const mosn_directive_t proxy_protocol_directives[] = {
    MOSN_STRINGS_REQUIRED(proxy_protocol_conf_t, trusted,
                          "Networks whose word is taken, like "
                          "\"10.0.0.0/8\" or \"::1/128\"; others are "
                          "closed."),
    MOSN_DIRECTIVES_END
};

static const uint8_t v2_signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                          0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };


/* --- trust -------------------------------------------------------------- */

static bool
network_parse(mosn_str_t text, network_t *network)
{
    const char *slash = text.len ? memchr(text.at, '/', text.len) : NULL;
    char        host[INET6_ADDRSTRLEN];
    uint64_t    bits;
    size_t      n;

    if (slash == NULL) {
        return false;
    }
    n = (size_t) (slash - text.at);
    if (n >= sizeof(host)
        || !mosn_str_parse_u63((mosn_str_t){ slash + 1, text.len - n - 1 },
                               &bits))
    {
        return false;
    }
    memcpy(host, text.at, n);
    host[n] = '\0';
    network->family = strchr(host, ':') ? AF_INET6 : AF_INET;
    network->bits = (unsigned) bits;
    return bits <= (network->family == AF_INET6 ? 128 : 32)
           && inet_pton(network->family, host, network->bytes) == 1;
}


static bool
network_has(const network_t *network, const mosn_inet_t *peer)
{
    const uint8_t *a = network->bytes, *b;
    unsigned       whole = network->bits / 8, rest = network->bits % 8;

    if (peer->sa.sa_family != network->family) {
        return false;
    }
    b = network->family == AF_INET6 ? (const uint8_t *) &peer->in6.sin6_addr
                                    : (const uint8_t *) &peer->in.sin_addr;
    return memcmp(a, b, whole) == 0
           && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}


static void
proxy_protocol_build(mosn_conf_t *reader, mosn_generation_t *generation,
                     void *conf, mosn_str_t listener)
{
    proxy_protocol_conf_t *c = conf;

    (void) listener;
    c->networks = mosn_pool_calloc(mosn_generation_build_pool(generation),
                                   c->trusted.n * sizeof(*c->networks));
    for (size_t i = 0; i < c->trusted.n; i++) {
        if (!network_parse(c->trusted.items[i], &c->networks[i])) {
            mosn_conf_error(reader, &c->trusted.items[i], c,
                            "expected a network like \"10.0.0.0/8\", found "
                            "\"%.*s\"",
                            MOSN_STR_ARG(c->trusted.items[i]));
        }
    }
}


static bool
proxy_protocol_trusts(const proxy_protocol_conf_t *c, const mosn_conn_t *conn)
{
    if (conn->peer.sa.sa_family == AF_UNIX) {
        return true; /* the file's rights have decided */
    }
    for (size_t i = 0; i < c->trusted.n; i++) {
        if (network_has(&c->networks[i], &conn->peer)) {
            return true;
        }
    }
    return false;
}


/* --- version 1 ---------------------------------------------------------- */

/* "PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\n" */
static mosn_rc_e
v1_read(mosn_buf_t *in, mosn_inet_t *peer)
{
    size_t         n = mosn_buf_len(in);
    const uint8_t *lf;
    char           line[V1_MAX_BYTES + 1], family[8], source[64], target[64];
    unsigned       port, target_port;
    mosn_inet_t    from = { 0 };
    int            used = 0;

    if (n > V1_MAX_BYTES) {
        n = V1_MAX_BYTES;
    }
    lf = memchr(in->pos, '\n', n);
    if (lf == NULL) {
        return n < V1_MAX_BYTES ? MOSN_AGAIN : MOSN_ERROR;
    }
    n = (size_t) (lf - in->pos) + 1;
    if (n < 2 || lf[-1] != '\r' || memchr(in->pos, '\0', n) != NULL) {
        return MOSN_ERROR;
    }
    memcpy(line, in->pos, n - 2);
    line[n - 2] = '\0';
    in->pos += n;

    if (strncmp(line, "PROXY UNKNOWN", 13) == 0
        && (line[13] == '\0' || line[13] == ' '))
    {
        return MOSN_OK; /* keeps the peer's address */
    }
    if (sscanf(line, "PROXY %7s %63s %63s %5u %5u%n", family, source, target,
               &port, &target_port, &used)
            != 5
        || line[used] != '\0' || port > 65535 || target_port > 65535)
    {
        return MOSN_ERROR;
    }
    if (strcmp(family, "TCP4") == 0
        && inet_pton(AF_INET, source, &from.in.sin_addr) == 1)
    {
        from.in.sin_family = AF_INET;
        from.in.sin_port = htons((uint16_t) port);
    } else if (strcmp(family, "TCP6") == 0
               && inet_pton(AF_INET6, source, &from.in6.sin6_addr) == 1)
    {
        from.in6.sin6_family = AF_INET6;
        from.in6.sin6_port = htons((uint16_t) port);
    } else {
        return MOSN_ERROR;
    }
    *peer = from;
    return MOSN_OK;
}


/* --- version 2 ---------------------------------------------------------- */

static mosn_rc_e
v2_read(mosn_buf_t *in, mosn_inet_t *peer)
{
    const uint8_t *p = in->pos;
    mosn_inet_t    from = { 0 };
    size_t         len;

    if (mosn_buf_len(in) < V2_HEAD_BYTES) {
        return MOSN_AGAIN;
    }
    len = (size_t) p[14] << 8 | p[15];
    if (p[12] >> 4 != 2 || (p[12] & 15) > 1 || len > V2_MAX_BYTES) {
        return MOSN_ERROR;
    }
    if (mosn_buf_len(in) < V2_HEAD_BYTES + len) {
        return MOSN_AGAIN;
    }
    in->pos += V2_HEAD_BYTES + len;
    if ((p[12] & 15) == 0) {
        return MOSN_OK; /* LOCAL: the balancer's own check */
    }

    switch (p[13]) {
    case 0x11: /* TCP over IPv4: addresses, then ports */
        if (len < 12) {
            return MOSN_ERROR;
        }
        from.in.sin_family = AF_INET;
        memcpy(&from.in.sin_addr, p + 16, 4);
        memcpy(&from.in.sin_port, p + 24, 2);
        break;
    case 0x21: /* TCP over IPv6 */
        if (len < 36) {
            return MOSN_ERROR;
        }
        from.in6.sin6_family = AF_INET6;
        memcpy(&from.in6.sin6_addr, p + 16, 16);
        memcpy(&from.in6.sin6_port, p + 48, 2);
        break;
    default:
        return MOSN_OK; /* unspecified or unix: keeps the peer's address */
    }
    *peer = from;
    return MOSN_OK;
}


static mosn_rc_e
proxy_protocol_read(mosn_buf_t *in, mosn_inet_t *peer)
{
    size_t n = mosn_buf_len(in);
    size_t look = n < sizeof(v2_signature) ? n : sizeof(v2_signature);

    if (n > 0 && memcmp(in->pos, v2_signature, look) == 0) {
        return look < sizeof(v2_signature) ? MOSN_AGAIN : v2_read(in, peer);
    }
    look = n < 6 ? n : 6;
    if (memcmp(in->pos, "PROXY ", look) == 0) {
        return look < 6 ? MOSN_AGAIN : v1_read(in, peer);
    }
    return MOSN_ERROR;
}


static mosn_verdict_e
proxy_protocol_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    mosn_rc_e rc;

    if (filter->state != NULL) {
        return MOSN_NEXT; /* it was there */
    }
    if (!proxy_protocol_trusts(filter->conf, conn)) {
        mosn_log_info(0,
                      "conn %llu: PROXY protocol from a peer that is not "
                      "trusted",
                      (unsigned long long) conn->id);
        mosn_conn_close(conn, MOSN_REASON_BAD_REQUEST);
        return MOSN_END;
    }
    rc = mosn_buf_len(&conn->in) > 0
             ? proxy_protocol_read(&conn->in, &conn->peer)
             : MOSN_AGAIN;
    if (rc == MOSN_AGAIN && !conn->eof) {
        return MOSN_END; /* nobody else looks before it is whole */
    }
    if (rc != MOSN_OK) {
        mosn_log_info(0, "conn %llu: no PROXY protocol header",
                      (unsigned long long) conn->id);
        mosn_conn_close(conn, MOSN_REASON_BAD_REQUEST);
        return MOSN_END;
    }
    filter->state = conn;
    return MOSN_NEXT;
}


static const mosn_net_filter_ops_t proxy_protocol_ops = {
    .conf_size = sizeof(proxy_protocol_conf_t),
    .directives = proxy_protocol_directives,
    .doc = "Takes the client's address from a PROXY protocol header, which "
           "is required.",
    .build = proxy_protocol_build,
    .on_read = proxy_protocol_on_read,
};

MOSN_MODULE(MOSN_LISTENER_FILTER, proxy_protocol, &proxy_protocol_ops);
