/*
 * event/listener.c - accept, limit, and hand to the filters.
 *
 * The number of accepts per turn adapts: one while connections trickle in,
 * so that no accept is made only to see EAGAIN, many when they storm.
 */

#include "event/listener.h"
#include "core/log.h"
#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MAX_BATCH   64u
#define RETRY_MS    100u
#define COMPLAIN_MS 1000u

static const mosn_directive_t listener_directives[] = {
    MOSN_STRING_REQUIRED(mosn_listener_conf_t, name,
                         "Its name, in logs and metrics."),
    MOSN_ADDRESS_REQUIRED(mosn_listener_conf_t, address,
                          "Where it listens: \"ip:port\", \"[v6]:port\" or "
                          "\"unix:/path\"."),
    MOSN_INT(mosn_listener_conf_t, backlog, 1, 65535, 4096,
             "Connections that the kernel keeps waiting; each worker has a "
             "queue of its own."),
    MOSN_INT(mosn_listener_conf_t, max_connections, 0, 10000000, 0,
             "Connections at a time, per worker; 0: only "
             "`worker_connections` limits."),
    MOSN_DURATION(mosn_listener_conf_t, send_timeout, 100, 86400000, 60000,
                  "A client that takes no byte for this long is closed."),
    MOSN_MODULES(mosn_listener_conf_t, listener_filters, MOSN_LISTENER_FILTER,
                 "Filters that see a connection first, in this order."),
    MOSN_DURATION(mosn_listener_conf_t, listener_filter_timeout, 100, 3600000,
                  10000,
                  "Time that the listener filters have to see what they "
                  "need."),
    MOSN_OPT_GROUP(mosn_listener_conf_t, tls, &mosn_tls_server_block,
                   "TLS towards clients; without it connections are plain."),
    MOSN_MODULES(mosn_listener_conf_t, filters, MOSN_NET_FILTER,
                 "Network filters in order; the last one takes the bytes "
                 "(`proxy`, `tcp_proxy`)."),
    MOSN_LIST(mosn_listener_conf_t, filter_chains, &mosn_chain_block,
              "Instead of `tls` and `filters`: several to choose from by "
              "what a client's first bytes ask for."),
    MOSN_DIRECTIVES_END
};


static void
listener_check(mosn_conf_t *reader, void *conf)
{
    mosn_listener_conf_t *l = conf;

    mosn_conf_check_name(reader, &l->name, l);
    mosn_chains_check_names(reader, &l->filter_chains);
    if (l->filter_chains.n == 0) {
        mosn_chain_check_filters(reader, &l->filters, l);
        return;
    }
    if (l->filters.n > 0) {
        mosn_conf_error(reader, &l->filters, l,
                        "with filter_chains, each has its own");
    }
    if (l->tls != NULL) {
        mosn_conf_error(reader, l->tls, NULL,
                        "with filter_chains, each has its own");
    }
}


void
mosn_listener_make_chains(mosn_listener_conf_t *l)
{
    l->own.tls = l->tls;
    l->own.filters = l->filters;
    l->chains = l->filter_chains.n > 0 ? l->filter_chains
                                       : (mosn_chains_conf_t){ &l->own, 1 };
}


const mosn_conf_block_t mosn_listener_block = {
    .doc = "An address that clients connect to, and what becomes of their "
           "connections.",
    .size = sizeof(mosn_listener_conf_t),
    .directives = listener_directives,
    .check = listener_check,
};

static const mosn_directive_t chain_filters_directives[] = {
    MOSN_STRING_REQUIRED(mosn_chain_filters_t, name,
                         "Name of a chain, or its place in the list."),
    MOSN_MODULES(mosn_chain_filters_t, filters, MOSN_NET_FILTER,
                 "Network filters in order."),
    MOSN_DIRECTIVES_END
};


static void
chain_filters_check(mosn_conf_t *reader, void *conf)
{
    mosn_chain_filters_t *c = conf;

    mosn_chain_check_filters(reader, &c->filters, c);
}


static const mosn_conf_block_t chain_filters_block = {
    .doc = "What of a filter chain changes at run time.",
    .size = sizeof(mosn_chain_filters_t),
    .directives = chain_filters_directives,
    .check = chain_filters_check,
};

static const mosn_directive_t filters_directives[] = {
    MOSN_STRING_REQUIRED(mosn_listener_filters_t, name,
                         "Name of a listener of the configuration."),
    MOSN_MODULES(mosn_listener_filters_t, filters, MOSN_NET_FILTER,
                 "Network filters in order; connections that are open keep "
                 "those that they have."),
    MOSN_LIST(mosn_listener_filters_t, filter_chains, &chain_filters_block,
              "Instead of them those of its chains; chains that are not "
              "named here keep theirs."),
    MOSN_DIRECTIVES_END
};


static void
filters_check(mosn_conf_t *reader, void *conf)
{
    mosn_listener_filters_t *f = conf;

    if (f->filter_chains.n == 0) {
        mosn_chain_check_filters(reader, &f->filters, f);
    } else if (f->filters.n > 0) {
        mosn_conf_error(reader, &f->filters, f,
                        "with filter_chains, each has its own");
    }
}


const mosn_conf_block_t mosn_listener_filters_block = {
    .doc = "What of a listener changes at run time.",
    .size = sizeof(mosn_listener_filters_t),
    .directives = filters_directives,
    .check = filters_check,
};

static const mosn_metric_field_t listener_fields[] = {
    { "connections", MOSN_COUNTER, "Connections accepted." },
    { "connections_active", MOSN_GAUGE, "Connections open." },
    { "connections_over_limit", MOSN_COUNTER,
      "Connections refused at a limit." },
    { "bytes_read", MOSN_COUNTER, "Bytes received from clients." },
    { "bytes_written", MOSN_COUNTER, "Bytes sent to clients." },
    { "requests", MOSN_COUNTER, "Requests received." },
    { "requests_active", MOSN_GAUGE, "Requests under way." },
    { "responses_1xx", MOSN_COUNTER, "Tunnels opened (101)." },
    { "responses_2xx", MOSN_COUNTER, "Responses with status 2xx." },
    { "responses_3xx", MOSN_COUNTER, "Responses with status 3xx." },
    { "responses_4xx", MOSN_COUNTER, "Responses with status 4xx." },
    { "responses_5xx", MOSN_COUNTER, "Responses with status 5xx." },
    { "request_duration_seconds", MOSN_HISTOGRAM,
      "First byte of the request to the last byte of the response." },
};

const mosn_metric_set_t mosn_listener_metrics = {
    .name = "downstream",
    .label = "listener",
    .fields = listener_fields,
    .n_fields = MOSN_COUNT(listener_fields),
    .n_slots = MOSN_LISTENER_SLOTS,
};


static void listener_on_ready(mosn_watch_t *watch, uint32_t events);


static void
listener_tell(mosn_listener_t *l, mosn_listener_event_e event,
              mosn_conn_t *conn)
{
    mosn_list_t *link, *next;

    for (link = l->observers.next; link != &l->observers; link = next) {
        mosn_listener_observer_t *o =
            mosn_container_of(link, mosn_listener_observer_t, link);

        next = link->next;
        o->on_event(o, l, event, conn);
    }
}


/* At most one line a second, however many connections it is about. */
static void
listener_complain(mosn_listener_t *l, int error, const char *what)
{
    l->refused++;
    if (l->complained_ms != 0
        && l->loop->now_ms - l->complained_ms < COMPLAIN_MS) {
        return;
    }
    l->complained_ms = l->loop->now_ms;
    mosn_log_warn(error, "listener \"%.*s\": %s (%llu times)",
                  MOSN_STR_ARG(l->conf->name), what,
                  (unsigned long long) l->refused);
    l->refused = 0;
}


/* --- filters of a new connection ---------------------------------------- */

static void
listener_open_filters(mosn_conn_t *conn)
{
    const mosn_conf_modules_t *filters = &conn->chain->filters;
    mosn_net_filter_t         *first = NULL;

    if (conn->chain->live != NULL) {
        mosn_pool_on_destroy(conn->pool, mosn_live_unref,
                             mosn_live_ref(conn->chain->live));
    }
    for (size_t i = 0; i < filters->n; i++) {
        mosn_net_filter_t *f = mosn_conn_add_filter(
            conn, filters->items[i].module->ops, filters->items[i].conf, NULL);

        if (first == NULL) {
            first = f;
        }
    }
    for (mosn_net_filter_t *f = first; f != NULL; f = f->next) {
        if (f->ops->on_open != NULL && f->ops->on_open(f, conn) != MOSN_OK) {
            mosn_conn_close(conn, MOSN_REASON_INTERNAL);
            return;
        }
        if (conn->closed) {
            return;
        }
    }
}


/* Opens the filters when the handshake is done: nobody upstream hears of who
 * has not come so far. */
static void
listener_tls_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
                      mosn_conn_event_e event)
{
    if (filter->state != NULL
        || (event != MOSN_CONN_CONNECTED && event != MOSN_CONN_CLOSED))
    {
        return;
    }
    filter->state = conn;
    conn->listener->n_handshakes--;
    if (event == MOSN_CONN_CONNECTED) {
        listener_open_filters(conn);
    }
}


static mosn_verdict_e
listener_tls_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    (void) filter;
    return conn->closed ? MOSN_END : MOSN_NEXT;
}


static const mosn_net_filter_ops_t listener_tls_gate = {
    .on_read = listener_tls_on_read,
    .on_event = listener_tls_on_event,
};


/* Handshakes are what costs us most and a client least. */
static bool
listener_may_handshake(mosn_listener_t *l, const mosn_tls_server_conf_t *conf)
{
    uint64_t second = l->loop->now_ms / 1000;

    if (second != l->begun_s) {
        l->begun_s = second;
        l->n_begun = 0;
    }
    if ((conf->max_handshakes > 0 && l->n_handshakes >= conf->max_handshakes)
        || (conf->max_handshake_rate > 0
            && l->n_begun >= conf->max_handshake_rate))
    {
        mosn_reason_count(MOSN_REASON_HANDSHAKE_LIMIT);
        listener_complain(l, 0, "too many TLS handshakes, closing");
        return false;
    }
    l->n_begun++;
    return true;
}


/* The chain is chosen. */
static void
listener_secure(mosn_conn_t *conn)
{
    const mosn_tls_ctx_t *ctx = conn->chain->tls_ctx;

    if (ctx == NULL) {
        listener_open_filters(conn);
        return;
    }
    if (!listener_may_handshake(conn->listener, conn->chain->tls)) {
        mosn_conn_close(conn, MOSN_REASON_HANDSHAKE_LIMIT);
        return;
    }
    conn->listener->n_handshakes++;
    (void) mosn_conn_add_filter(conn, &listener_tls_gate, NULL, NULL);
    if (mosn_tls_accept(conn, ctx) != MOSN_OK) {
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
    }
}


/* OK: conn->chain is the one.  AGAIN: more must come first.  ERROR: closed. */
static mosn_rc_e
listener_choose_chain(mosn_listener_t *l, mosn_conn_t *conn)
{
    mosn_client_hello_t hello;
    mosn_rc_e           rc;

    if (!l->inspects) {
        conn->chain = &l->conf->chains.items[0];
        return MOSN_OK;
    }
    rc = mosn_client_hello_read(conn->in.pos, mosn_buf_len(&conn->in), &hello);
    if (rc == MOSN_AGAIN && !conn->eof) {
        return MOSN_AGAIN;
    }
    conn->chain =
        rc == MOSN_OK ? mosn_chains_choose(&l->conf->chains, &hello) : NULL;
    if (conn->chain != NULL) {
        return MOSN_OK;
    }
    if (rc == MOSN_OK) {
        mosn_log_info(
            0, "conn %llu of \"%.*s\": no filter chain for %s \"%.*s\"",
            (unsigned long long) conn->id, MOSN_STR_ARG(l->conf->name),
            hello.tls ? "server name" : "plain text",
            MOSN_STR_ARG(hello.server_name));
        mosn_reason_count(MOSN_REASON_NO_FILTER_CHAIN);
    }
    mosn_conn_close(conn, rc == MOSN_OK      ? MOSN_REASON_NO_FILTER_CHAIN
                          : rc == MOSN_AGAIN ? MOSN_REASON_CLIENT_CLOSED
                                             : MOSN_REASON_TLS_HANDSHAKE);
    return MOSN_ERROR;
}


/* Stands behind the listener filters: when the bytes come here they have all
 * agreed, and the connection gets its own filters. */
static mosn_verdict_e
listener_gate_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    if (filter->state == NULL
        && listener_choose_chain(conn->listener, conn) == MOSN_OK)
    {
        filter->state = conn;
        mosn_conn_disarm_idle(conn);
        listener_secure(conn);
    }
    return conn->closed ? MOSN_END : MOSN_NEXT;
}


static void
listener_gate_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
                       mosn_conn_event_e event)
{
    if (event == MOSN_CONN_IDLE && filter->state == NULL) {
        mosn_conn_close(conn, MOSN_REASON_HANDSHAKE_TIMEOUT);
    }
}


static const mosn_net_filter_ops_t listener_gate = {
    .on_read = listener_gate_on_read,
    .on_event = listener_gate_on_event,
};


static void
listener_open(mosn_listener_t *l, mosn_conn_t *conn)
{
    const mosn_conf_modules_t *early = &l->conf->listener_filters;

    if (early->n == 0 && !l->inspects) {
        conn->chain = &l->conf->chains.items[0];
        listener_secure(conn);
        return;
    }
    for (size_t i = 0; i < early->n; i++) {
        const mosn_net_filter_ops_t *ops = early->items[i].module->ops;
        mosn_net_filter_t           *f =
            mosn_conn_add_filter(conn, ops, early->items[i].conf, NULL);

        if (ops->on_open != NULL && ops->on_open(f, conn) != MOSN_OK) {
            mosn_conn_close(conn, MOSN_REASON_INTERNAL);
            return;
        }
    }
    (void) mosn_conn_add_filter(conn, &listener_gate, NULL, NULL);
    mosn_conn_arm_idle(conn, l->conf->listener_filter_timeout_ms);
}


/* --- accepting ---------------------------------------------------------- */

static bool
listener_is_full(const mosn_listener_t *l)
{
    return l->limits->n_connections >= l->limits->max_connections
           || (l->conf->max_connections > 0
               && l->n_connections >= (uint64_t) l->conf->max_connections);
}


static void
listener_refuse(mosn_listener_t *l, int fd)
{
    const mosn_chain_conf_t *chain = &l->conf->chains.items[0];

    if (!l->inspects && chain->tls_ctx == NULL) {
        const mosn_conf_modules_t   *filters = &chain->filters;
        const mosn_net_filter_ops_t *ops =
            filters->items[filters->n - 1].module->ops;

        (void) send(fd, ops->refusal.at, ops->refusal.len,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
        (void) shutdown(fd, SHUT_WR);
    }
    (void) close(fd);
    mosn_metric_inc(l->conf->metrics + MOSN_LISTENER_OVER_LIMIT);
    listener_complain(l, 0,
                      l->limits->n_connections >= l->limits->max_connections
                          ? "worker_connections reached, refusing"
                          : "max_connections reached, refusing");
    listener_tell(l, MOSN_LISTENER_REFUSED, NULL);
}


static mosn_conn_t *
listener_create_conn(mosn_listener_t *l, int fd, const mosn_inet_t *peer)
{
    mosn_conn_t *conn = mosn_conn_create(l->loop, fd, peer);

    if (conn == NULL) {
        return NULL;
    }
    conn->listener = l;
    conn->draining = l->draining;
    mosn_conn_set_send_timeout(conn, l->conf->send_timeout_ms);
    mosn_list_append(&l->connections, &conn->link);
    l->n_connections++;
    l->limits->n_connections++;
    mosn_metric_inc(l->conf->metrics + MOSN_LISTENER_ACTIVE);
    return conn;
}


static void
listener_accepted(mosn_listener_t *l, int fd, const mosn_inet_t *peer)
{
    mosn_conn_t *conn;

    if (listener_is_full(l)) {
        listener_refuse(l, fd);
        return;
    }
    conn = listener_create_conn(l, fd, peer);
    if (conn == NULL) {
        return;
    }
    mosn_metric_inc(l->conf->metrics + MOSN_LISTENER_CONNECTIONS);
    listener_tell(l, MOSN_LISTENER_ACCEPTED, conn);
    if (!conn->closed) {
        listener_open(l, conn);
    }
}


const mosn_chain_conf_t *
mosn_listener_plain_chain(const mosn_listener_t *l)
{
    const mosn_chain_conf_t *chain = mosn_chains_choose(
        &l->conf->chains, &(mosn_client_hello_t){ .tls = false });

    return chain != NULL && chain->tls_ctx == NULL ? chain : NULL;
}


mosn_conn_t *
mosn_listener_adopt(mosn_listener_t *l, int fd, const mosn_inet_t *peer,
                    int second_fd, const mosn_address_t *to, const void *bytes,
                    size_t n)
{
    mosn_conn_t *conn = listener_create_conn(l, fd, peer);

    l->adopted_fd = second_fd;
    l->adopted_to = *to;
    if (conn != NULL) {
        conn->chain = mosn_listener_plain_chain(l);
        if (n > 0) {
            mosn_buf_reserve(&conn->in, n);
            memcpy(conn->in.last, bytes, n);
            conn->in.last += n;
            conn->bytes_in += n;
            mosn_conn_run_again(conn);
        }
        listener_tell(l, MOSN_LISTENER_ACCEPTED, conn);
        if (!conn->closed) {
            listener_open_filters(conn);
        }
    }
    if (l->adopted_fd != -1) { /* nobody has taken it */
        (void) close(l->adopted_fd);
        l->adopted_fd = -1;
    }
    return conn != NULL && !conn->closed ? conn : NULL;
}


static bool
listener_owes_nothing(const mosn_conn_t *conn)
{
    return !conn->closed && !conn->eof && !conn->flush_close && !conn->shut
           && conn->transport == NULL && conn->out.bytes == 0;
}


static bool
listener_is_at_rest(const mosn_conn_t *conn)
{
    return listener_owes_nothing(conn) && mosn_buf_len(&conn->in) == 0
           && conn->n_feeders == 0;
}


bool
mosn_listener_may_give(const mosn_conn_t *conn, const mosn_conn_t *second)
{
    const mosn_listener_t *l = conn->listener;

    return l != NULL && l->limits->give != NULL && conn->transport == NULL
           && second->transport == NULL;
}


mosn_rc_e
mosn_listener_give(mosn_conn_t *conn, mosn_conn_t *second,
                   const mosn_address_t *to)
{
    mosn_listener_t *l = conn->listener;
    mosn_rc_e        rc;

    if (l == NULL || l->limits->give == NULL) {
        return MOSN_DECLINED;
    }
    /* TLS cannot move; there is time, so its next answer says goodbye. */
    if (!listener_is_at_rest(conn)
        || (second != NULL && !listener_is_at_rest(second)))
    {
        return MOSN_AGAIN;
    }
    rc = l->limits->give(l->limits->give_owner, l, conn, second, to);
    if (rc == MOSN_OK) {
        /* The sockets stay open elsewhere, and epoll would go on with them. */
        mosn_loop_unwatch(conn->loop, &conn->watch, conn->fd);
        if (second != NULL) {
            mosn_loop_unwatch(second->loop, &second->watch, second->fd);
        }
    }
    return rc;
}


mosn_rc_e
mosn_listener_move(mosn_conn_t *conn)
{
    mosn_listener_t *l = conn->listener;
    mosn_rc_e        rc;

    if (l == NULL || l->limits->move == NULL) {
        return MOSN_DECLINED;
    }
    if (!listener_owes_nothing(conn)
        || mosn_buf_len(&conn->in) > MOSN_MOVE_MAX_BYTES)
    {
        return MOSN_AGAIN;
    }
    rc = l->limits->move(l->limits->give_owner, l, conn);
    if (rc == MOSN_OK) {
        mosn_loop_unwatch(conn->loop, &conn->watch, conn->fd);
        (void) close(conn->fd);
        conn->fd = -1;
        conn->in.pos = conn->in.last;
        conn->readable = conn->hangup = false;
        mosn_conn_disarm_idle(conn);
    }
    return rc;
}


void
mosn_listener_count_bytes(mosn_conn_t *conn)
{
    uint32_t metrics = conn->listener->conf->metrics;

    mosn_metric_add(metrics + MOSN_LISTENER_BYTES_IN,
                    conn->bytes_in - conn->counted_in);
    mosn_metric_add(metrics + MOSN_LISTENER_BYTES_OUT,
                    conn->bytes_out - conn->counted_out);
    conn->counted_in = conn->bytes_in;
    conn->counted_out = conn->bytes_out;
}


void
mosn_listener_on_closed(mosn_listener_t *l, mosn_conn_t *conn)
{
    uint32_t metrics = l->conf->metrics;

    l->n_connections--;
    l->limits->n_connections--;
    mosn_metric_dec(metrics + MOSN_LISTENER_ACTIVE);
    mosn_listener_count_bytes(conn);
    mosn_log_debug("conn %llu of \"%.*s\" closed: %s",
                   (unsigned long long) conn->id, MOSN_STR_ARG(l->conf->name),
                   mosn_reasons[conn->reason].text);
}


static void
listener_pause(mosn_listener_t *l)
{
    if (l->accepting) {
        l->accepting = false;
        mosn_loop_unwatch(l->loop, &l->watch, l->fd);
    }
}


static void
listener_go_on(mosn_listener_t *l)
{
    if (!l->accepting && l->fd != -1
        && mosn_loop_watch_level(l->loop, &l->watch, l->fd) == MOSN_OK)
    {
        l->accepting = true;
    }
}


static void
listener_retry(mosn_timer_t *timer)
{
    listener_go_on(mosn_container_of(timer, mosn_listener_t, retry));
}


static void
listener_accept_failed(mosn_listener_t *l, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        /* The queue keeps them; look again in a while instead of being
         * woken for what cannot be taken. */
        listener_complain(l, error, "cannot accept, pausing");
        listener_pause(l);
        mosn_timer_arm(l->loop, &l->retry, RETRY_MS);
        break;
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
        break; /* that one is gone, the next may be fine */
    default:
        listener_complain(l, error, "cannot accept");
        break;
    }
}


static void
listener_on_ready(mosn_watch_t *watch, uint32_t events MOSN_UNUSED)
{
    mosn_listener_t *l = mosn_container_of(watch, mosn_listener_t, watch);
    bool             storm = l->loop->turns == l->last_turn + 1;
    uint32_t         n = 0;

    l->last_turn = l->loop->turns;
    while (n < l->batch) {
        mosn_inet_t peer;
        int         fd = mosn_socket_accept(l->fd, &peer);

        if (fd == -1) {
            int error = errno;

            l->batch = n > 0 ? n : 1;
            if (error != EAGAIN) {
                listener_accept_failed(l, error);
            }
            return;
        }
        n++;
        listener_accepted(l, fd, &peer);
        if (!l->accepting) {
            return;
        }
    }
    if (storm && l->batch < MAX_BATCH) {
        l->batch *= 2;
    }
}


mosn_rc_e
mosn_listener_start(mosn_listener_t *l, mosn_loop_t *loop,
                    const mosn_listener_conf_t *conf,
                    mosn_accept_limits_t *limits, int fd)
{
    memset(l, 0, sizeof(*l));
    l->watch.on_ready = listener_on_ready;
    l->loop = loop;
    l->conf = conf;
    l->limits = limits;
    l->inspects = mosn_chains_inspect(&conf->chains);
    l->fd = fd;
    l->batch = 1;
    mosn_list_init(&l->connections);
    mosn_list_init(&l->observers);
    l->adopted_fd = -1;
    mosn_timer_init(&l->retry, listener_retry);
    listener_go_on(l);
    if (!l->accepting) {
        return MOSN_ERROR;
    }
    return MOSN_OK;
}


void
mosn_listener_stop(mosn_listener_t *l, bool queue)
{
    mosn_inet_t peer;
    int         fd;

    /* Who is in the queue has been told that he is connected. */
    while (queue && l->accepting
           && (fd = mosn_socket_accept(l->fd, &peer)) != -1) {
        listener_accepted(l, fd, &peer);
    }
    listener_pause(l);
    mosn_timer_disarm(l->loop, &l->retry);
    l->fd = -1;
    listener_tell(l, MOSN_LISTENER_STOPPED, NULL);
}


void
mosn_listener_drain(mosn_listener_t *l)
{
    mosn_list_t *link, *next;

    l->draining = true;
    for (link = l->connections.next; link != &l->connections; link = next) {
        mosn_conn_t *conn = mosn_container_of(link, mosn_conn_t, link);

        next = link->next;
        conn->draining = true;
        mosn_conn_notify(conn, MOSN_CONN_DRAIN);
    }
}


void
mosn_listener_shed(mosn_listener_t *l, bool on)
{
    l->draining = on;
    for (mosn_list_t *link = l->connections.next; link != &l->connections;
         link = link->next)
    {
        mosn_container_of(link, mosn_conn_t, link)->draining = on;
    }
}


uint32_t
mosn_listener_close_some(mosn_listener_t *l, uint32_t n, mosn_reason_e reason)
{
    uint32_t closed = 0;

    for (; closed < n && !mosn_list_is_empty(&l->connections); closed++) {
        mosn_conn_t *conn =
            mosn_container_of(l->connections.next, mosn_conn_t, link);

        mosn_conn_notify(conn, MOSN_CONN_CUT);
        if (mosn_conn_unsent(conn) > 0) { /* or it would look whole */
            mosn_conn_abort(conn, reason);
        } else {
            mosn_conn_close(conn, reason);
        }
    }
    return closed;
}


void
mosn_listener_close_all(mosn_listener_t *l, mosn_reason_e reason)
{
    while (!mosn_list_is_empty(&l->connections)) {
        mosn_conn_close(
            mosn_container_of(l->connections.next, mosn_conn_t, link), reason);
    }
}


void
mosn_listener_observe(mosn_listener_t *l, mosn_listener_observer_t *observer)
{
    mosn_list_append(&l->observers, &observer->link);
}
