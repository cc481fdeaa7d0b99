/*
 * proxy/vouch.c - the headers that this proxy vouches for: whose request it
 * is, over which scheme, and under which id.
 */

#include "core/rand.h"
#include "proxy/request.h"

mosn_str_t
mosn_request_peer(mosn_proxy_conn_t *pc)
{
    if (pc->peer.at == NULL) {
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format_host(&pc->conn->peer.sa, text);
        pc->peer = mosn_pool_copy(pc->conn->pool, mosn_str(text));
    }
    return pc->peer;
}


/* Whatever the client writes in its target: it is how it has come, or how a
 * proxy before us says that it did, where that is believed. */
mosn_str_t
mosn_request_scheme(const mosn_request_t *r, bool tls)
{
    const mosn_header_t *h =
        r->conf->forwarded_proto == MOSN_VOUCH_KEEP ? mosn_headers_find(
            &r->head->headers, MOSN_HEADER_X_FORWARDED_PROTO)
                                                    : NULL;

    if (h != NULL
        && (mosn_str_equal(mosn_header_value(h), MOSN_STR("https"))
            || mosn_str_equal(mosn_header_value(h), MOSN_STR("http"))))
    {
        return mosn_header_value(h);
    }
    return tls ? MOSN_STR("https") : MOSN_STR("http");
}


static void
vouch_add_forwarded_for(mosn_request_t *r)
{
    mosn_headers_t *headers = &r->head->headers;
    mosn_str_t      value = mosn_request_peer(r->pc);

    if (r->conf->forwarded_for == MOSN_FORWARDED_APPEND) {
        for (uint32_t i = 0;
             i < headers->n
             && mosn_headers_has(headers, MOSN_HEADER_X_FORWARDED_FOR);
             i++)
        {
            /* Several lines are one list (RFC 9110, 5.3): the last grows. */
            mosn_header_t *h = &headers->items[headers->n - 1 - i];

            if (h->id == MOSN_HEADER_X_FORWARDED_FOR && !h->removed) {
                value =
                    mosn_pool_printf(r->pool, "%.*s, %.*s", (int) h->value_len,
                                     h->value, MOSN_STR_ARG(value));
                h->removed = true;
                mosn_headers_add(headers, MOSN_HEADER_X_FORWARDED_FOR,
                                 MOSN_STR("X-Forwarded-For"), value);
                return;
            }
        }
    }
    mosn_headers_set(headers, MOSN_HEADER_X_FORWARDED_FOR,
                     MOSN_STR("X-Forwarded-For"), value);
}


/* Eight hexadecimal digits, one in each byte. */
static inline uint64_t
vouch_hex(uint32_t bits)
{
    uint64_t x = bits, letters;

    x = (x | x << 16) & 0x0000ffff0000ffff;
    x = (x | x << 8) & 0x00ff00ff00ff00ff;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
    letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return x + 0x3030303030303030 + letters * ('a' - '0' - 10);
}


static mosn_str_t
vouch_make_id(mosn_request_t *r)
{
    uint64_t a = mosn_rand_u64(), b = mosn_rand_u64();
    uint64_t digits[] = { vouch_hex((uint32_t) a),
                          vouch_hex((uint32_t) (a >> 32)),
                          vouch_hex((uint32_t) b),
                          vouch_hex((uint32_t) (b >> 32)) };
    char    *text = mosn_pool_alloc(r->pool, sizeof(digits));

    memcpy(text, digits, sizeof(digits));
    return (mosn_str_t){ text, sizeof(digits) };
}


/* What the certificate says, in the words of Envoy's header. */
static mosn_str_t
vouch_describe_client(mosn_request_t *r, const mosn_tls_peer_t *peer)
{
    mosn_str_t text = mosn_pool_printf(r->pool, "Hash=%.*s;Subject=\"",
                                       MOSN_STR_ARG(peer->sha256));
    size_t     room = text.len + 2 * peer->subject.len + 2;
    char      *all, *to;

    for (size_t i = 0; i < peer->n_names; i++) {
        room += peer->names[i].text.len + sizeof(";URI=");
    }
    all = mosn_pool_alloc(r->pool, room);
    to = mempcpy(all, text.at, text.len);
    for (size_t i = 0; i < peer->subject.len; i++) {
        char c = peer->subject.at[i];

        if (c == '"' || c == '\\') {
            *to++ = '\\';
        }
        *to++ = c >= ' ' && c <= '~' ? c : '?';
    }
    *to++ = '"';
    for (size_t i = 0; i < peer->n_names; i++) {
        to = mempcpy(to, peer->names[i].is_uri ? ";URI=" : ";DNS=", 5);
        to = mempcpy(to, peer->names[i].text.at, peer->names[i].text.len);
    }
    return (mosn_str_t){ all, (size_t) (to - all) };
}


/* Several lines are one list: the last one grows. */
static mosn_str_t
vouch_take_last(mosn_request_t *r, mosn_str_t value)
{
    mosn_headers_t *headers = &r->head->headers;

    for (uint32_t i = headers->n; i > 0; i--) {
        mosn_header_t *h = &headers->items[i - 1];

        if (h->id == MOSN_HEADER_X_CLIENT_CERT && !h->removed) {
            h->removed = true;
            return mosn_pool_printf(r->pool, "%.*s,%.*s", (int) h->value_len,
                                    h->value, MOSN_STR_ARG(value));
        }
    }
    return value;
}


/* Who shows no certificate may not speak of certificates either. */
static void
vouch_add_client_cert(mosn_request_t *r)
{
    mosn_headers_t        *headers = &r->head->headers;
    const mosn_tls_peer_t *peer = mosn_tls_peer(r->pc->conn);
    int                    what = r->conf->forwarded_client_cert;
    mosn_str_t             value;

    if (what == MOSN_CLIENT_CERT_OFF) {
        return;
    }
    if (what != MOSN_CLIENT_CERT_APPEND || peer == NULL) {
        mosn_headers_remove(headers, MOSN_HEADER_X_CLIENT_CERT);
    }
    if (what == MOSN_CLIENT_CERT_DROP || peer == NULL) {
        return;
    }
    value = vouch_take_last(r, vouch_describe_client(r, peer));
    mosn_headers_add(headers, MOSN_HEADER_X_CLIENT_CERT,
                     MOSN_STR("X-Forwarded-Client-Cert"), value);
}


void
mosn_request_add_headers(mosn_request_t *r)
{
    const mosn_proxy_conf_t *conf = r->conf;
    mosn_headers_t          *headers = &r->head->headers;

    if (conf->forwarded_for != MOSN_FORWARDED_OFF) {
        vouch_add_forwarded_for(r);
    }
    if (conf->forwarded_proto == MOSN_VOUCH_SET
        || (conf->forwarded_proto == MOSN_VOUCH_KEEP
            && !mosn_headers_has(headers, MOSN_HEADER_X_FORWARDED_PROTO)))
    {
        mosn_headers_set(headers, MOSN_HEADER_X_FORWARDED_PROTO,
                         MOSN_STR("X-Forwarded-Proto"),
                         mosn_request_scheme(r, r->pc->conn->tls != NULL));
    }
    if (conf->forwarded_client_cert != MOSN_CLIENT_CERT_DROP
        || mosn_headers_has(headers, MOSN_HEADER_X_CLIENT_CERT))
    {
        vouch_add_client_cert(r);
    }
    if (conf->request_id == MOSN_VOUCH_SET
        || (conf->request_id == MOSN_VOUCH_KEEP
            && !mosn_headers_has(headers, MOSN_HEADER_X_REQUEST_ID)))
    {
        mosn_headers_set(headers, MOSN_HEADER_X_REQUEST_ID,
                         MOSN_STR("X-Request-Id"), vouch_make_id(r));
    }
}
