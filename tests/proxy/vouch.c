/* tests/proxy/vouch.c - the headers that the proxy vouches for. */

#include "tap.h"
#include "proxy/vouch.c"

#include <arpa/inet.h>

static mosn_request_t    request;
static mosn_proxy_conf_t conf;
static mosn_proxy_conn_t pc;
static mosn_conn_t       conn;


/* A request whose client sent `name: value`, or nothing. */
static void
begin(mosn_header_e id, const char *name, const char *value)
{
    mosn_message_t *head;

    mosn_pool_destroy(&request.pool);
    request.pool = mosn_pool_create(MOSN_POOL_STREAM);
    request.pc = &pc;
    request.conf = &conf;
    head = mosn_pool_alloc(request.pool, sizeof(*head));
    mosn_message_init(head, request.pool);
    request.head = head;
    if (name != NULL) {
        mosn_headers_add(&head->headers, id, mosn_str(name), mosn_str(value));
    }
    mosn_request_add_headers(&request);
}


static mosn_str_t
value(mosn_header_e id)
{
    mosn_header_t *h = mosn_headers_find(&request.head->headers, id);

    return h != NULL ? mosn_header_value(h) : MOSN_STR("none");
}


int
main(void)
{
    conn.pool = mosn_pool_create(MOSN_POOL_CONN);
    conn.peer.in.sin_family = AF_INET;
    conn.peer.in.sin_addr.s_addr = htonl(0x0a000001);
    conn.peer.in.sin_port = htons(99);
    pc.conn = &conn;

    request.pool = mosn_pool_create(MOSN_POOL_STREAM);
    begin(MOSN_HEADER_OTHER, NULL, NULL);
    is_num(request.head->headers.n, 0, "off: nothing is added");

    conf.forwarded_for = MOSN_FORWARDED_APPEND;
    conf.forwarded_proto = MOSN_VOUCH_KEEP;
    conf.request_id = MOSN_VOUCH_KEEP;
    begin(MOSN_HEADER_OTHER, NULL, NULL);
    is_str(value(MOSN_HEADER_X_FORWARDED_FOR), "10.0.0.1", "the client");
    is_str(value(MOSN_HEADER_X_FORWARDED_PROTO), "http", "the scheme");
    is_num((long long) value(MOSN_HEADER_X_REQUEST_ID).len, 32, "an id");

    begin(MOSN_HEADER_X_FORWARDED_FOR, "x-forwarded-for", "1.2.3.4");
    is_str(value(MOSN_HEADER_X_FORWARDED_FOR), "1.2.3.4, 10.0.0.1",
           "appended to the list");
    begin(MOSN_HEADER_X_REQUEST_ID, "x-request-id", "mine");
    is_str(value(MOSN_HEADER_X_REQUEST_ID), "mine", "an id is kept");
    begin(MOSN_HEADER_X_FORWARDED_PROTO, "x-forwarded-proto", "https");
    is_str(value(MOSN_HEADER_X_FORWARDED_PROTO), "https", "a scheme is kept");

    conf.forwarded_for = MOSN_FORWARDED_SET;
    conf.forwarded_proto = MOSN_VOUCH_SET;
    conf.request_id = MOSN_VOUCH_SET;
    begin(MOSN_HEADER_X_FORWARDED_FOR, "x-forwarded-for", "1.2.3.4");
    is_str(value(MOSN_HEADER_X_FORWARDED_FOR), "10.0.0.1",
           "set: nobody else's word");
    begin(MOSN_HEADER_X_REQUEST_ID, "x-request-id", "mine");
    ok(!mosn_str_equal(value(MOSN_HEADER_X_REQUEST_ID), MOSN_STR("mine")),
       "set: an id of our own");
    conn.tls = &conn;
    begin(MOSN_HEADER_X_FORWARDED_PROTO, "x-forwarded-proto", "ftp");
    is_str(value(MOSN_HEADER_X_FORWARDED_PROTO), "https", "set: over TLS");

    mosn_pool_destroy(&request.pool);
    mosn_pool_destroy(&conn.pool);
    mosn_pool_release_cache();
    return done_testing();
}
