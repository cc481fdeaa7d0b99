/*
 * proxy/proxy.c - the "proxy" network filter: makes a connection a stream
 * connection of its protocol and its streams requests.
 */

#include "proxy/request.h"

#include "core/log.h"
#include "stream/protocol.h"

#define PROBE_MAX_BYTES 64u

static const char *const forwarded_for_names[] = { "off", "append", "set",
                                                   NULL };
static const char *const vouch_names[] = { "off", "keep", "set", NULL };
static const char *const client_cert_names[] = { "off", "drop", "append",
                                                 "set", NULL };

static const mosn_net_filter_ops_t proxy_filter;

static const mosn_directive_t proxy_directives[] = {
    MOSN_STRING(mosn_proxy_conf_t, downstream_protocol, "auto",
                "What clients speak: `http1`, `http2`, `bolt`, `boltv2`, "
                "`dubbo`, `tr`, the name of a protocol that was loaded, or "
                "`auto` to tell by the first bytes."),
    MOSN_STRING_REQUIRED(mosn_proxy_conf_t, routes,
                         "Name of the route table."),
    MOSN_DURATION(mosn_proxy_conf_t, idle_timeout, 1, 86400000, 75000,
                  "A connection without a request is closed after this."),
    MOSN_DURATION(mosn_proxy_conf_t, header_timeout, 1, 3600000, 10000,
                  "Time for a whole request head, from its first byte; then "
                  "408."),
    MOSN_DURATION(mosn_proxy_conf_t, body_timeout, 1, 86400000, 60000,
                  "Longest pause within a request body; then 408."),
    MOSN_DURATION(mosn_proxy_conf_t, tunnel_idle_timeout, 1, 604800000,
                  3600000,
                  "A tunnel (WebSocket, CONNECT) in which nothing moves is "
                  "closed after this."),
    MOSN_SIZE(mosn_proxy_conf_t, max_header_bytes, 1024, 1 << 20, 32768,
              "Longest request head; then 431."),
    MOSN_INT(mosn_proxy_conf_t, max_headers, 1, 1000, 128,
             "Most header lines of a request; then 431."),
    MOSN_SIZE(mosn_proxy_conf_t, max_uri_bytes, 64, 1 << 20, 8192,
              "Longest request target; then 414."),
    MOSN_SIZE(mosn_proxy_conf_t, max_body_bytes, 0, INT64_MAX, 0,
              "Largest request body; then 413; 0: no limit."),
    MOSN_INT(mosn_proxy_conf_t, max_requests_per_connection, 0, 1000000000, 0,
             "A connection is closed after so many requests, over HTTP/2 with "
             "a GOAWAY; 0: never.  Those of calls are not."),
    MOSN_STRINGS_DEFAULT(mosn_proxy_conf_t, upgrades, "websocket",
                         "Protocols that a client may upgrade to."),
    MOSN_BOOL(mosn_proxy_conf_t, allow_connect, false,
              "Pass CONNECT to the upstream and tunnel on success; else "
              "405.  It has no path: only an empty `match` takes it."),
    MOSN_ENUM(mosn_proxy_conf_t, forwarded_for, forwarded_for_names,
              MOSN_FORWARDED_APPEND,
              "X-Forwarded-For: add the client's address to what came, or "
              "replace it (`set`, at an edge), or leave it alone."),
    MOSN_ENUM(mosn_proxy_conf_t, forwarded_proto, vouch_names, MOSN_VOUCH_SET,
              "X-Forwarded-Proto: `set` it, `keep` what came and add a "
              "missing one, or leave it alone."),
    MOSN_ENUM(mosn_proxy_conf_t, request_id, vouch_names, MOSN_VOUCH_KEEP,
              "X-Request-Id: `set` a new one, `keep` what came and add a "
              "missing one, or leave it alone."),
    MOSN_ENUM(mosn_proxy_conf_t, forwarded_client_cert, client_cert_names,
              MOSN_CLIENT_CERT_DROP,
              "X-Forwarded-Client-Cert: `drop` what came, `set` it to what "
              "the client's verified certificate says, `append` that to "
              "what came (behind a proxy that is trusted), or leave it "
              "alone."),
    MOSN_BOOL(mosn_proxy_conf_t, match_server_name, true,
              "Under TLS, answer 421 to a request for a host that is neither "
              "the server name the client asked for nor in the certificate."),
    MOSN_BOOL(mosn_proxy_conf_t, normalize_path, true,
              "Routes and hosts see one spelling of a path (RFC 3986, 6.2.2): "
              "%61 is \"a\", and \"/x/../admin\" is \"/admin\"; %2F stays."),
    MOSN_BOOL(mosn_proxy_conf_t, merge_slashes, false,
              "And of several slashes in a row they see one."),
    MOSN_GROUP(mosn_proxy_conf_t, http2, &mosn_http2_block,
               "For clients that speak HTTP/2."),
    MOSN_GROUP(mosn_proxy_conf_t, rpc, &mosn_rpc_server_block,
               "For clients that speak a protocol of calls."),
    MOSN_MODULES(mosn_proxy_conf_t, fallback, MOSN_NET_FILTER,
                 "With `auto`: the network filter that takes a connection "
                 "whose first bytes are of no protocol that is known, or do "
                 "not tell within `header_timeout`; without it such bytes "
                 "are taken for malformed HTTP."),
    MOSN_MODULES(mosn_proxy_conf_t, stream_filters, MOSN_STREAM_FILTER,
                 "Filters on requests, in order; on responses in reverse."),
    MOSN_LIST(mosn_proxy_conf_t, access_log, &mosn_access_log_block,
              "Files that get one line per request."),
    MOSN_DIRECTIVES_END
};


static mosn_route_table_t *
proxy_find_table(mosn_conf_t *reader, const mosn_generation_t *generation,
                 const mosn_proxy_conf_t *conf)
{
    mosn_route_table_t *table =
        mosn_map_find(&generation->route_tables, conf->routes);

    if (table == NULL && conf->routes.at != NULL) {
        mosn_str_t near =
            mosn_map_nearest(&generation->route_tables, conf->routes);

        mosn_conf_error(reader, &conf->routes, conf,
                        near.at != NULL
                            ? "there is no route table \"%.*s\"; did you "
                              "mean \"%.*s\"?"
                            : "there is no route table \"%.*s\"%.*s",
                        MOSN_STR_ARG(conf->routes), MOSN_STR_ARG(near));
    }
    return table;
}


static void
proxy_build_fallback(mosn_conf_t *reader, mosn_generation_t *generation,
                     mosn_proxy_conf_t *p, mosn_str_t listener)
{
    const mosn_net_filter_ops_t *ops;

    if (p->fallback.n == 0 || p->fallback.items[0].module == NULL) {
        return;
    }
    ops = p->fallback.items[0].module->ops;
    if (p->fallback.n > 1 || !ops->terminal || ops == &proxy_filter) {
        mosn_conf_error(reader, &p->fallback, p,
                        "needs one filter that can be the last of a "
                        "listener, and is not `proxy` itself");
    } else if (p->protocol != NULL) {
        mosn_conf_error(reader, &p->fallback, p,
                        "there is nothing to fall back from: "
                        "`downstream_protocol` is not \"auto\"");
    } else if (ops->build != NULL) {
        ops->build(reader, generation, p->fallback.items[0].conf, listener);
    }
}


static void
proxy_check_heartbeats(mosn_conf_t *reader, const mosn_proxy_conf_t *p)
{
    if (p->heartbeats != NULL && p->rpc.heartbeat == MOSN_HEARTBEAT_PASS
        && p->heartbeats->version->pool_conf.protocol != NULL
        && p->heartbeats->version->pool_conf.protocol->rpc == NULL
        && !p->heartbeats->conf->carry_calls)
    {
        mosn_conf_error(reader, &p->rpc.heartbeat_cluster, &p->rpc,
                        "heartbeats cannot be passed as plain HTTP: the "
                        "cluster has `carry_calls = false`");
    }
}


static void
proxy_build(mosn_conf_t *reader, mosn_generation_t *generation, void *conf,
            mosn_str_t listener)
{
    mosn_proxy_conf_t *p = conf;

    p->generation = generation;
    p->live = generation->live;
    p->table = proxy_find_table(reader, generation, p);
    if (!mosn_str_equal(p->downstream_protocol, MOSN_STR("auto"))) {
        p->protocol = mosn_protocol_find(p->downstream_protocol);
        if (p->protocol == NULL) {
            char names[256];

            mosn_protocol_names(names, sizeof(names));
            mosn_conf_error(reader, &p->downstream_protocol, p,
                            "there is no protocol \"%.*s\"; there are: "
                            "auto, %s",
                            MOSN_STR_ARG(p->downstream_protocol), names);
        }
    }
    proxy_build_fallback(reader, generation, p, listener);
    if (p->rpc.heartbeat_cluster.at != NULL) {
        p->heartbeats = mosn_cluster_resolve(reader, generation,
                                             &p->rpc.heartbeat_cluster);
        proxy_check_heartbeats(reader, p);
    }
    p->settings = (mosn_stream_settings_t){
        .idle_timeout_ms = p->idle_timeout_ms,
        .header_timeout_ms = p->header_timeout_ms,
        .body_timeout_ms = p->body_timeout_ms,
        .max_header_bytes = p->max_header_bytes,
        .max_uri_bytes = p->max_uri_bytes,
        .max_headers = (uint32_t) p->max_headers,
        .max_requests = (uint32_t) p->max_requests_per_connection,
        .takes_tunnels = p->allow_connect || p->upgrades.n > 0,
        .http2 = &p->http2,
        .rpc = &p->rpc,
    };
    for (size_t i = 0; i < p->access_log.n; i++) {
        mosn_access_log_build(reader, mosn_generation_build_pool(generation),
                              &p->access_log.items[i]);
    }
}


static bool
proxy_names(const void *conf, mosn_str_t cluster)
{
    const mosn_proxy_conf_t *p = conf;

    return mosn_str_equal(p->rpc.heartbeat_cluster, cluster)
           || mosn_filters_name(&p->fallback, cluster);
}


static void
proxy_tell(const void *conf, char *text, size_t room)
{
    const mosn_proxy_conf_t *p = conf;

    (void) snprintf(
        text, room, "%.*s%s%s", MOSN_STR_ARG(p->downstream_protocol),
        p->fallback.n > 0 ? "+" : "",
        p->fallback.n > 0 ? p->fallback.items[0].module->name : "");
}


static void
proxy_serve(mosn_proxy_conn_t *pc, const mosn_stream_protocol_ops_t *protocol)
{
    pc->sc = protocol->serve(protocol, pc->conn, &pc->conf->settings,
                             &mosn_request_server_ops, pc);
}


/* Another filter takes our place.  False: there is none. */
static bool
proxy_fall_back(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    const mosn_proxy_conf_t  *conf = filter->conf;
    const mosn_conf_module_t *to;

    if (conf->fallback.n == 0) {
        return false;
    }
    to = &conf->fallback.items[0];
    mosn_conn_disarm_idle(conn);
    conn->fell_back = true;
    filter->ops = to->module->ops;
    filter->conf = to->conf;
    filter->state = NULL;
    if (filter->ops->on_open != NULL
        && filter->ops->on_open(filter, conn) != MOSN_OK)
    {
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
    }
    return true;
}


/* What TLS has agreed on is spoken, and nothing else (RFC 7301, 3.2). */
static const mosn_stream_protocol_ops_t *
proxy_agreed_protocol(const mosn_conn_t *conn)
{
    mosn_str_t name = mosn_tls_alpn(conn);

    const mosn_stream_protocol_ops_t *ops;

    for (size_t i = 0; name.len > 0 && (ops = mosn_protocol_at(i)) != NULL;
         i++) {
        if (mosn_str_equal(ops->alpn, name)) {
            return ops;
        }
    }
    return NULL;
}


static const mosn_net_filter_ops_t proxy_filter;

static mosn_rc_e
proxy_on_open(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    mosn_proxy_conn_t *pc = mosn_pool_calloc(conn->pool, sizeof(*pc));
    const mosn_stream_protocol_ops_t *protocol = NULL;

    pc->conf = filter->conf;
    pc->conn = conn;
    pc->metrics = conn->listener->conf->metrics;
    filter->state = pc;
    protocol = pc->conf->protocol;
    if (conn->listener->adopted_fd != -1) { /* it had fallen back before */
        if (!proxy_fall_back(filter, conn)) {
            mosn_conn_abort(conn, MOSN_REASON_DRAINING);
        }
        return MOSN_OK;
    }
    if (protocol == NULL && conn->tls != NULL) {
        protocol = proxy_agreed_protocol(conn);
    }
    if (protocol != NULL) {
        proxy_serve(pc, protocol);
    } else {
        mosn_conn_arm_idle(conn, pc->conf->idle_timeout_ms);
    }
    return MOSN_OK;
}


static void
proxy_let_settings_go(void *object)
{
    mosn_live_unref(((mosn_proxy_conn_t *) object)->live);
}


void
mosn_proxy_take_settings(mosn_proxy_conn_t *pc)
{
    const mosn_chain_conf_t  *chain = pc->conn->chain;
    const mosn_conf_module_t *last =
        &chain->filters.items[chain->filters.n - 1];
    mosn_live_t *was = pc->live;

    if (last->module->ops != &proxy_filter) {
        return; /* only new connections can go there */
    }
    if (was == NULL) {
        mosn_pool_on_destroy(pc->conn->pool, proxy_let_settings_go, pc);
    }
    pc->conf = last->conf;
    pc->live = mosn_live_ref(chain->live);
    mosn_live_unref(was);
}


/* Tells the protocol by the first bytes.  False: not yet, or never. */
static bool
proxy_detect(mosn_net_filter_t *filter, mosn_proxy_conn_t *pc)
{
    mosn_conn_t *conn = pc->conn;
    size_t       n = mosn_buf_len(&conn->in);
    bool         again = false;

    const mosn_stream_protocol_ops_t *ops;

    for (size_t i = 0; n > 0 && (ops = mosn_protocol_at(i)) != NULL; i++) {
        mosn_rc_e rc =
            ops->probe != NULL ? ops->probe(conn->in.pos, n) : MOSN_DECLINED;

        if (rc == MOSN_OK) {
            proxy_serve(pc, ops);
            return true;
        }
        again |= rc == MOSN_AGAIN;
    }

    if (conn->eof) {
        mosn_conn_close(conn, MOSN_REASON_CLIENT_CLOSED);
    } else if (((n > 0 && !again) || n > PROBE_MAX_BYTES)
               && proxy_fall_back(filter, conn))
    {
        return false;
    } else if ((n > 0 && !again) || n > PROBE_MAX_BYTES) {
        mosn_log_info(0,
                      "conn %llu: the first bytes are of no protocol "
                      "that is spoken here",
                      (unsigned long long) conn->id);
        /* Malformed HTTP is the likeliest: its codec says what is wrong. */
        proxy_serve(pc, mosn_protocol_find(MOSN_STR("http1")));
        return true;
    } else if (!pc->begun) { /* the time is for all that is needed to tell */
        pc->begun = true;
        mosn_conn_arm_idle(conn, pc->conf->header_timeout_ms);
    }
    return false;
}


static mosn_verdict_e
proxy_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    mosn_proxy_conn_t *pc = filter->state;

    if (pc->sc == NULL && !proxy_detect(filter, pc)) {
        return conn->closed ? MOSN_END
               : filter->ops != &proxy_filter
                   ? filter->ops->on_read(filter, conn)
                   : MOSN_NEXT;
    }
    return pc->sc->ops->on_read(pc->sc);
}


static void
proxy_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
               mosn_conn_event_e event)
{
    mosn_proxy_conn_t *pc = filter->state;

    if (pc == NULL) {
        return;
    }
    if (pc->sc != NULL) {
        pc->sc->ops->on_event(pc->sc, event);
    } else if (event == MOSN_CONN_IDLE) {
        if (pc->begun && proxy_fall_back(filter, conn)) {
            mosn_conn_run_again(conn); /* with what has come */
        } else {
            mosn_conn_close(conn, MOSN_REASON_IDLE_TIMEOUT);
        }
    } else if (event == MOSN_CONN_DRAIN
               && mosn_listener_give(conn, NULL, NULL) != MOSN_AGAIN)
    {
        mosn_conn_close(conn, MOSN_REASON_DRAINING);
    }
}


static const mosn_net_filter_ops_t proxy_filter = {
    .conf_size = sizeof(mosn_proxy_conf_t),
    .directives = proxy_directives,
    .doc = "Routes requests to clusters.  The last filter of its listener.",
    .build = proxy_build,
    .names = proxy_names,
    .tell = proxy_tell,
    .on_open = proxy_on_open,
    .on_read = proxy_on_read,
    .on_event = proxy_on_event,
    .refusal = MOSN_STR_INIT("HTTP/1.1 503 Service Unavailable\r\n"
                             "Content-Type: text/plain\r\n"
                             "Content-Length: 21\r\n"
                             "Connection: close\r\n\r\n"
                             "Too many connections\n"),
    .terminal = true,
};

MOSN_MODULE(MOSN_NET_FILTER, proxy, &proxy_filter);
