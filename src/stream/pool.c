/*
 * stream/pool.c - pools of connections to one host: of one request at a time,
 * or of as many as the host takes.
 *
 * A waiting request is not tied to the connection that was opened for it:
 * whichever is ready first serves the one that waits longest.
 */

#include "stream/pool.h"
#include "core/log.h"
#include "core/rand.h"

#include <errno.h>

#define ROOM_MS            10u /* how often room is looked for */
#define REVIVE_MS          500u
#define REVIVE_MAX_MS      30000u
#define MULTIPLEX_EXPECTED 100 /* RFC 9113, 6.5.2: no fewer is recommended */

static const mosn_metric_field_t upstream_fields[] = {
    { "connections", MOSN_COUNTER, "Connections opened." },
    { "connections_active", MOSN_GAUGE, "Connections open." },
    { "connect_failed", MOSN_COUNTER, "Connects that failed." },
    { "connect_timeout", MOSN_COUNTER, "Connects that took too long." },
    { "requests", MOSN_COUNTER, "Requests sent." },
    { "requests_active", MOSN_GAUGE, "Requests under way." },
    { "retries", MOSN_COUNTER, "Requests sent again." },
    { "pending_overflow", MOSN_COUNTER,
      "Requests refused because too many were waiting." },
    { "resets", MOSN_COUNTER, "Requests that ended without an answer." },
    { "timeouts", MOSN_COUNTER, "Requests not answered in time." },
    { "heartbeats_missed", MOSN_COUNTER,
      "Heartbeats that a host did not answer in time." },
    { "strays", MOSN_COUNTER,
      "Responses to no request, or to one that was given up." },
    { "pending", MOSN_GAUGE, "Requests that wait for a connection." },
    { "requests_high", MOSN_GAUGE,
      "Requests under way of routes with a high priority." },
    { "retries_active", MOSN_GAUGE, "Repeated requests under way." },
    { "retries_high", MOSN_GAUGE,
      "Of them, those of routes with a high priority." },
    { "retries_refused", MOSN_COUNTER,
      "Requests not sent again because of the budget or the limit." },
    { "queued", MOSN_GAUGE, "Requests that wait for room in the cluster." },
    { "hedges", MOSN_COUNTER,
      "Second requests sent before the first failed." },
    { "mirrors", MOSN_COUNTER, "Copies of requests sent." },
    { "ejections", MOSN_COUNTER, "Times that hosts were left out." },
    { "checks_passed", MOSN_COUNTER, "Health checks that went well." },
    { "checks_failed", MOSN_COUNTER, "Health checks that failed." },
    { "connections_active_high", MOSN_GAUGE,
      "Of the open connections, those for requests with a high priority." },
    { "pending_high", MOSN_GAUGE,
      "Of the waiting requests, those with a high priority." },
    { "responses_1xx", MOSN_COUNTER, "Tunnels opened (101)." },
    { "responses_2xx", MOSN_COUNTER, "Responses with status 2xx." },
    { "responses_3xx", MOSN_COUNTER, "Responses with status 3xx." },
    { "responses_4xx", MOSN_COUNTER, "Responses with status 4xx." },
    { "responses_5xx", MOSN_COUNTER, "Responses with status 5xx." },
    { "response_duration_seconds", MOSN_HISTOGRAM,
      "Request sent to the end of the response." },
};

const mosn_metric_set_t mosn_cluster_metrics = {
    .name = "cluster",
    .label = "cluster",
    .passing = true,
    .fields = upstream_fields,
    .n_fields = MOSN_COUNT(upstream_fields),
    .n_slots = MOSN_UPSTREAM_SLOTS,
};

const mosn_metric_set_t mosn_host_metrics = {
    .name = "host",
    .label = "cluster,host",
    .passing = true,
    .fields = upstream_fields,
    .n_fields = MOSN_COUNT(upstream_fields),
    .n_slots = MOSN_UPSTREAM_SLOTS,
};


static void
pool_count_by(const mosn_stream_pool_t *pool, uint32_t slot, int by)
{
    if (!pool->probing) {
        mosn_metric_add(pool->metrics + slot, (uint64_t) by);
        mosn_metric_add(pool->conf->metrics + slot, (uint64_t) by);
    }
}


static void
pool_count(const mosn_stream_pool_t *pool, uint32_t slot)
{
    pool_count_by(pool, slot, 1);
}


/* A gauge, and of it what is of a high priority. */
static void
pool_gauge(const mosn_stream_pool_t *pool, uint32_t slot, uint32_t high,
           int by)
{
    pool_count_by(pool, slot, by);
    if (pool->high) {
        pool_count_by(pool, high, by);
    }
}


static void
pool_count_waiting(mosn_stream_pool_t *pool, int by)
{
    pool->n_pending += (uint32_t) by;
    pool_gauge(pool, MOSN_UPSTREAM_PENDING, MOSN_UPSTREAM_PENDING_HIGH, by);
}


/* Have all workers so many already?  Each priority counts for itself. */
static bool
pool_is_at(const mosn_stream_pool_t *pool, uint32_t slot, uint32_t high,
           uint64_t max)
{
    uint32_t metrics = pool->conf->metrics;
    uint64_t n;

    if (pool->probing || metrics == 0) { /* nobody counts */
        return false;
    }
    n = mosn_metrics_sum(metrics + (pool->high ? high : slot));
    return n >= max
           && (pool->high || n >= max + mosn_metrics_sum(metrics + high));
}


bool
mosn_stream_pool_is_full(const mosn_stream_pool_t *pool)
{
    return pool->conf->max_connections > 0
           && pool_is_at(pool, MOSN_UPSTREAM_ACTIVE, MOSN_UPSTREAM_ACTIVE_HIGH,
                         pool->conf->max_connections);
}


/* --- events of connections ---------------------------------------------- */

/* Streams that a connection may be expected to carry before it says so. */
static uint32_t
pool_expected(const mosn_stream_pool_t *pool)
{
    uint32_t n = MULTIPLEX_EXPECTED;

    if (!pool->conf->protocol->multiplex) {
        return 1;
    }
    n = pool->learned > 0 && pool->learned < n ? pool->learned : n;
    return pool->roomy > 0 && pool->roomy < n ? pool->roomy : n;
}


/* Its requests are enough: it closes when the last one is done. */
static bool
pool_is_spent(const mosn_stream_pool_t *pool, const mosn_stream_conn_t *sc)
{
    uint32_t max = pool->conf->settings.max_requests;

    return pool->closed || (max > 0 && sc->n_streams >= max);
}


/* Room goes to those who wait longest; then the connection is shelved. */
static void
pool_put(mosn_stream_pool_t *pool, mosn_stream_conn_t *sc)
{
    if (sc->served) {
        return; /* a stream has ended within the loop below */
    }
    sc->served = true;
    while (sc->room > 0 && !mosn_list_is_empty(&pool->pending)
           && !pool_is_spent(pool, sc) && !sc->conn->closed)
    {
        mosn_stream_wait_t *wait =
            mosn_container_of(pool->pending.next, mosn_stream_wait_t, link);

        mosn_list_unlink(&wait->link);
        pool_count_waiting(pool, -1);
        wait->on_stream(wait, sc->ops->open(sc, wait->pool));
    }
    sc->served = false;
    if (sc->conn->closed) {
        return;
    }
    mosn_list_unlink(&sc->link);
    if (sc->room > 0 && !pool_is_spent(pool, sc)) {
        mosn_list_prepend(&pool->ready, &sc->link);
    } else {
        mosn_list_append(&pool->busy, &sc->link);
    }
    if (sc->n_active == 0 && sc->room > 0) {
        mosn_conn_arm_idle(sc->conn, pool->conf->idle_timeout_ms);
    }
}


/* --- hosts that are down --------------------------------------------------
 */

static void pool_connect(mosn_stream_pool_t *pool);
static void pool_connect_more(mosn_stream_pool_t *pool);


/* Only calls have heartbeats to tell a host that is well from a kernel that
 * still accepts for it. */
static bool
pool_watches_health(const mosn_stream_pool_t *pool)
{
    return pool->conf->protocol->rpc != NULL;
}


static void
pool_is_well(mosn_stream_pool_t *pool)
{
    if (pool->down) {
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&pool->address.sa, pool->address.len, text);
        mosn_log_notice("upstream %s is back", text);
    }
    pool->down = false;
    pool->failures = 0;
    mosn_timer_disarm(pool->loop, &pool->revive);
}


static void
pool_has_failed(mosn_stream_pool_t *pool)
{
    uint64_t pause_ms = REVIVE_MS << pool->failures;

    if (!pool_watches_health(pool) || pool->closed) {
        return;
    }
    if (pause_ms < REVIVE_MAX_MS) {
        pool->failures++;
    }
    pool->down = true;
    mosn_timer_arm(pool->loop, &pool->revive,
                   pause_ms / 2 + mosn_rand_below((uint32_t) pause_ms));
}


static void
pool_revive(mosn_timer_t *timer)
{
    mosn_stream_pool_t *pool =
        mosn_container_of(timer, mosn_stream_pool_t, revive);

    if (pool->n_connecting == 0) {
        pool_connect(pool);
    }
    if (pool->n_connecting == 0) {
        pool_has_failed(pool);
    }
}


static void
pool_announce(mosn_stream_pool_t *pool, mosn_stream_conn_t *sc)
{
    sc->announced = true;
    pool->n_connecting--;
    pool->roomy = sc->room;
    pool_is_well(pool);
    pool_put(pool, sc);
    pool_connect_more(pool); /* it may have taken less than was thought */
}


static void
pool_on_connected(void *owner, mosn_stream_conn_t *sc)
{
    mosn_stream_pool_t *pool = owner;

    pool->told = false;
    if (pool->closed) {
        sc->announced = true;
        pool->n_connecting--;
        mosn_conn_close(sc->conn, MOSN_REASON_NONE);
    } else if (pool->down && sc->ops->check != NULL) {
        sc->ops->check(sc);
    } else {
        pool_announce(pool, sc);
    }
}


static void
pool_on_available(void *owner, mosn_stream_conn_t *sc)
{
    mosn_stream_pool_t *pool = owner;

    if (!sc->announced) { /* the check went well */
        pool_announce(pool, sc);
        return;
    }
    if (sc->n_active == 0 && pool_is_spent(pool, sc) && !sc->served) {
        mosn_conn_close(sc->conn, MOSN_REASON_NONE);
        return;
    }
    pool_put(pool, sc);
}


/* Fails so many of those who wait longest. */
static void
pool_fail(mosn_stream_pool_t *pool, uint32_t n, mosn_reason_e reason)
{
    for (; n > 0 && !mosn_list_is_empty(&pool->pending); n--) {
        mosn_stream_wait_t *wait =
            mosn_container_of(pool->pending.next, mosn_stream_wait_t, link);

        mosn_list_unlink(&wait->link);
        pool_count_waiting(pool, -1);
        wait->on_failed(wait, reason);
    }
}


/* A failed request may come back at once; it is not of this round. */
static void
pool_fail_all(mosn_stream_pool_t *pool, mosn_reason_e reason)
{
    pool_fail(pool, pool->n_pending, reason);
}


/* Do more wait than what is being connected will take? */
static bool
pool_wants_more(const mosn_stream_pool_t *pool)
{
    return pool->n_pending > pool->n_connecting * pool_expected(pool);
}


/* Of a pool that takes nothing any more. */
static void
pool_after_closed(mosn_stream_pool_t *pool, const mosn_stream_conn_t *sc)
{
    if (!sc->announced) {
        pool->n_connecting--;
    }
    if (pool->n_connections == 0 && pool->on_empty != NULL && !pool->closing) {
        pool->on_empty(pool);
    }
}


static void
pool_on_closed(void *owner, mosn_stream_conn_t *sc, mosn_reason_e reason)
{
    mosn_stream_pool_t *pool = owner;
    bool                failed = !sc->announced;

    mosn_list_unlink(&sc->link);
    pool->n_connections--;
    pool_gauge(pool, MOSN_UPSTREAM_ACTIVE, MOSN_UPSTREAM_ACTIVE_HIGH, -1);
    if (pool->closed) {
        pool_after_closed(pool, sc);
        return;
    }

    if (failed) {
        char text[MOSN_ADDRESS_TEXT];

        pool->n_connecting--;
        pool_count(pool, reason == MOSN_REASON_UPSTREAM_CONNECT_TIMEOUT
                             ? MOSN_UPSTREAM_CONNECT_TIMEOUT
                             : MOSN_UPSTREAM_CONNECT_FAILED);
        if (!pool->told) { /* once, until one comes about */
            (void) mosn_address_format(&pool->address.sa, pool->address.len,
                                       text);
            mosn_log_warn(0, "upstream %s: %s", text,
                          mosn_reasons[reason].text);
        }
        pool->told = true;
        if (pool->n_connecting == 0) {
            if (pool->n_connections == 0) { /* no other one serves */
                pool_has_failed(pool);
            }
            pool_fail_all(pool, reason);
        } else if (pool_wants_more(pool)) {
            pool_fail(pool, 1, reason); /* who this one was opened for */
        }
        return;
    }
    if (reason == MOSN_REASON_KEEPALIVE_TIMEOUT) {
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&pool->address.sa, pool->address.len, text);
        mosn_log_warn(0, "upstream %s: %s", text, mosn_reasons[reason].text);
        pool_has_failed(pool);
    }
    /* Its place may be what somebody waits for. */
    if (pool_wants_more(pool)) {
        pool_connect(pool);
    }
}


static void
pool_on_count(void *owner, uint32_t slot)
{
    pool_count(owner, slot);
}


static const mosn_stream_client_ops_t pool_client_ops = {
    .on_count = pool_on_count,
    .on_connected = pool_on_connected,
    .on_available = pool_on_available,
    .on_closed = pool_on_closed,
};


/* --- asking ------------------------------------------------------------- */

static void
pool_connect(mosn_stream_pool_t *pool)
{
    const mosn_stream_pool_conf_t *conf = pool->conf;
    mosn_stream_conn_t            *sc;
    mosn_conn_t                   *conn;

    if (pool->n_connections > 0 && mosn_stream_pool_is_full(pool)) {
        if (!pool->closed) { /* one of ours will be free, or there is room */
            mosn_timer_arm(pool->loop, &pool->room, ROOM_MS);
        }
        return;
    }
    conn = mosn_conn_connect(pool->loop, &pool->address,
                             conf->connect_timeout_ms);
    if (conn == NULL) {
        int  error = errno;
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&pool->address.sa, pool->address.len, text);
        mosn_log_warn(error, "cannot connect to upstream %s", text);
        pool_count(pool, MOSN_UPSTREAM_CONNECT_FAILED);
        if (pool->n_connecting == 0 && pool->n_connections == 0) {
            pool_fail_all(pool, MOSN_REASON_UPSTREAM_CONNECT_FAILED);
        }
        return;
    }

    if (conf->tls != NULL
        && mosn_tls_connect(conn, conf->tls, &pool->tls_memory) != MOSN_OK)
    {
        mosn_conn_close(conn, MOSN_REASON_INTERNAL);
        if (pool->n_connecting == 0 && pool->n_connections == 0) {
            pool_fail_all(pool, MOSN_REASON_UPSTREAM_TLS);
        }
        return;
    }
    sc = conf->protocol->connect(conf->protocol, conn, &conf->settings,
                                 &pool_client_ops, pool);
    sc->learned = &pool->learned;
    mosn_list_append(&pool->busy, &sc->link);
    pool->n_connections++;
    pool->n_connecting++;
    pool_count(pool, MOSN_UPSTREAM_CONNECTIONS);
    pool_gauge(pool, MOSN_UPSTREAM_ACTIVE, MOSN_UPSTREAM_ACTIVE_HIGH, 1);
}


static void
pool_connect_more(mosn_stream_pool_t *pool)
{
    uint32_t before;

    do {
        before = pool->n_connecting;
        if (!pool->closed && pool_wants_more(pool)) {
            pool_connect(pool);
        }
    } while (pool->n_connecting > before);
}


/* Other hosts and workers make room in the cluster, and do not tell. */
static void
pool_look_for_room(mosn_timer_t *timer)
{
    mosn_stream_pool_t *pool =
        mosn_container_of(timer, mosn_stream_pool_t, room);

    if (pool_wants_more(pool)) {
        pool_connect(pool);
    }
}


void
mosn_stream_pool_init(mosn_stream_pool_t *pool, mosn_loop_t *loop,
                      const mosn_stream_pool_conf_t *conf,
                      const mosn_address_t *address, uint32_t metrics)
{
    memset(pool, 0, sizeof(*pool));
    pool->loop = loop;
    pool->conf = conf;
    pool->address = *address;
    pool->metrics = metrics;
    mosn_list_init(&pool->ready);
    mosn_list_init(&pool->busy);
    mosn_list_init(&pool->pending);
    mosn_timer_init(&pool->revive, pool_revive);
    mosn_timer_init(&pool->room, pool_look_for_room);
}


/* May the next request go there?  An idle one that was closed, or has said
 * what nobody asked for, is none. */
static bool
pool_is_fit(const mosn_stream_pool_t *pool, const mosn_stream_conn_t *sc)
{
    return sc->room > 0
           && (pool->conf->protocol->multiplex
                   ? !mosn_conn_is_leaving(sc->conn)
                   : !mosn_conn_is_stirred(sc->conn));
}


/* The connection used last is the warmest; the others may time out. */
static mosn_stream_conn_t *
pool_take_ready(mosn_stream_pool_t *pool)
{
    mosn_list_t *link = pool->ready.next;

    for (; link != &pool->ready; link = link->next) {
        mosn_stream_conn_t *sc =
            mosn_container_of(link, mosn_stream_conn_t, link);

        if (pool_is_fit(pool, sc)) {
            return sc;
        }
    }
    return NULL;
}


void
mosn_stream_pool_get(mosn_stream_pool_t *pool, mosn_stream_wait_t *wait)
{
    mosn_stream_conn_t *sc = pool_take_ready(pool);

    mosn_list_init(&wait->link);
    wait->at = pool;
    if (MOSN_LIKELY(sc != NULL)) {
        mosn_stream_t *stream = sc->ops->open(sc, wait->pool);

        if (sc->room == 0 || pool_is_spent(pool, sc)) {
            mosn_list_unlink(&sc->link);
            mosn_list_append(&pool->busy, &sc->link);
        }
        wait->on_stream(wait, stream);
        return;
    }
    if (pool_is_at(pool, MOSN_UPSTREAM_PENDING, MOSN_UPSTREAM_PENDING_HIGH,
                   pool->conf->max_pending))
    {
        pool_count(pool, MOSN_UPSTREAM_PENDING_OVERFLOW);
        wait->on_failed(wait, MOSN_REASON_OVERFLOW);
        return;
    }

    mosn_list_append(&pool->pending, &wait->link);
    pool_count_waiting(pool, 1);
    if (pool_wants_more(pool)) {
        pool_connect(pool);
    }
}


void
mosn_stream_pool_cancel(mosn_stream_wait_t *wait)
{
    if (!mosn_list_is_empty(&wait->link)) {
        mosn_list_unlink(&wait->link);
        pool_count_waiting(wait->at, -1);
    }
}


void
mosn_stream_pool_turn_away(mosn_stream_pool_t *pool)
{
    pool_fail_all(pool, MOSN_REASON_NO_HOST);
}


void
mosn_stream_pool_close(mosn_stream_pool_t *pool)
{
    mosn_list_t *link, *next;

    pool->closed = pool->closing = true;
    mosn_timer_disarm(pool->loop, &pool->revive);
    mosn_timer_disarm(pool->loop, &pool->room);
    mosn_tls_forget(&pool->tls_memory);
    pool->tls_memory.closed = true;
    for (link = pool->ready.next; link != &pool->ready; link = next) {
        mosn_stream_conn_t *sc =
            mosn_container_of(link, mosn_stream_conn_t, link);

        next = link->next;
        if (sc->n_active == 0) {
            mosn_conn_close(sc->conn, MOSN_REASON_NONE);
        }
    }
    if (pool->on_empty != NULL) {
        pool_fail_all(pool, MOSN_REASON_NO_HOST);
    }
    for (link = pool->busy.next; link != &pool->busy && pool->n_pending == 0;
         link = next)
    {
        mosn_stream_conn_t *sc =
            mosn_container_of(link, mosn_stream_conn_t, link);

        next = link->next;
        if (!sc->announced) { /* nobody waits for it */
            mosn_conn_close(sc->conn, MOSN_REASON_NONE);
        }
    }
    pool->closing = false;
    if (pool->n_connections == 0 && pool->on_empty != NULL) {
        pool->on_empty(pool);
    }
}
