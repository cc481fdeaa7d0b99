/* proxy/health.c - active checks. */

#include "proxy/health.h"

#include "core/log.h"
#include "core/log_file.h"
#include "core/rand.h"
#include "os/clock.h"
#include "proto/rpc.h"
#include "proxy/grpc.h"
#include "proxy/rates.h"
#include "proxy/request.h"

#define FIRST_MS     200u /* the first checks are spread over this */
#define SAY_AGAIN_MS 10000u
#define NOT_GRPC     1000u /* no status of HTTP */
#define EXPECT_MAX   4096u
#define GRPC_PREFIX  5u

/* One host; as long as it is in a set that is checked. */
typedef struct {
    mosn_list_t               link;
    mosn_cluster_t           *cluster;
    mosn_cluster_version_t   *version; /* whose settings are in force */
    const mosn_health_conf_t *conf;
    mosn_host_t              *host;
    mosn_timer_t timer; /* the next check, or the end of this one */
    uint32_t     row;   /* of equal results */
    bool         well;  /* that they were */
    bool         known; /* there was one */

    /* The check that is under way. */
    bool               busy;
    bool               waiting;
    bool               again;     /* on another connection */
    bool               grpc_well; /* by its status */
    mosn_pool_t       *pool;
    mosn_stream_wait_t wait;
    mosn_stream_t     *up;
    mosn_conn_t       *conn; /* of a tcp check */
    mosn_message_t    *head;
    mosn_rpc_t         rpc;
    unsigned           status;
    char               got[EXPECT_MAX];
    size_t             n_got;
} checker_t;

/* There is one control process. */
static struct {
    mosn_generation_t *generation;
    mosn_loop_t       *loop;
    mosn_list_t        checkers;
    uint64_t           said_ms; /* when it may be said again */
    bool               running;
} health;

static void checker_fired(mosn_timer_t *timer);


/* --- results --------------------------------------------------------------
 */

static void
health_tell(const checker_t *c, bool well, const char *why)
{
    const mosn_health_conf_t *conf = c->conf;
    char                     *line;
    int                       n;

    if (well) {
        mosn_log_notice("cluster \"%.*s\": host %.*s is healthy: %s",
                        MOSN_STR_ARG(c->cluster->name),
                        MOSN_STR_ARG(c->host->name), why);
    } else {
        mosn_log_warn(0, "cluster \"%.*s\": host %.*s is unhealthy: %s",
                      MOSN_STR_ARG(c->cluster->name),
                      MOSN_STR_ARG(c->host->name), why);
    }
    if (conf->log == NULL) {
        return;
    }
    line = mosn_log_file_reserve(conf->log, 512);
    n = snprintf(line, 512,
                 "{\"time_ms\":%llu,\"cluster\":\"%.*s\",\"host\":\"%.*s\","
                 "\"healthy\":%s,\"why\":\"%s\"}\n",
                 (unsigned long long) mosn_clock_wall_ms(),
                 MOSN_STR_ARG(c->cluster->name), MOSN_STR_ARG(c->host->name),
                 well ? "true" : "false", why);
    mosn_log_file_commit(conf->log, n < 512 ? (size_t) n : 511);
    mosn_log_files_flush();
}


static void
checker_set(checker_t *c, mosn_health_e is, const char *why)
{
    _Atomic uint64_t *cell = mosn_host_cell(c->host, MOSN_HOST_CELL_HEALTH);
    uint64_t          was = atomic_exchange(cell, is);

    if (was == is) {
        return;
    }
    if (is == MOSN_HEALTH_GOOD && was != MOSN_HEALTH_UNKNOWN) {
        atomic_store(mosn_host_cell(c->host, MOSN_HOST_CELL_SINCE),
                     health.loop->now_ms); /* for its slow start */
    }
    mosn_cluster_touch(c->cluster);
    if (was != MOSN_HEALTH_UNKNOWN || is == MOSN_HEALTH_BAD) {
        health_tell(c, is == MOSN_HEALTH_GOOD, why);
    }
}


/* The first result counts at once, later ones when there are enough. */
static void
checker_result(checker_t *c, bool well, const char *why)
{
    uint32_t need = (uint32_t) (well ? c->conf->healthy : c->conf->unhealthy);

    uint32_t slot = well ? MOSN_UPSTREAM_CHECKS : MOSN_UPSTREAM_CHECKS_FAILED;

    mosn_metric_inc(c->host->metrics + slot);
    mosn_metric_inc(c->cluster->metrics + slot);
    c->row = c->known && c->well == well ? c->row + 1 : 1;
    c->well = well;
    if (!c->known || c->row >= need) {
        checker_set(c, well ? MOSN_HEALTH_GOOD : MOSN_HEALTH_BAD, why);
    }
    c->known = true;
}


/* --- the end of a check ---------------------------------------------------
 */

static void
checker_drop(checker_t *c)
{
    mosn_stream_t *up = c->up;
    mosn_conn_t   *conn = c->conn;

    c->up = NULL;
    c->conn = NULL;
    if (c->waiting) {
        c->waiting = false;
        mosn_stream_pool_cancel(&c->wait);
    }
    if (up != NULL) {
        up->ops->reset(up, MOSN_REASON_NONE);
    }
    if (conn != NULL) {
        mosn_conn_close(conn, MOSN_REASON_NONE);
    }
    if (c->pool != NULL) {
        mosn_loop_bury(health.loop, &c->pool);
        c->pool = NULL;
    }
    c->busy = false;
}


static void
checker_next(checker_t *c)
{
    uint32_t jitter =
        (uint32_t) (c->conf->interval_ms * c->conf->jitter_percent / 100);
    uint32_t ms =
        c->conf->interval_ms - jitter / 2 + mosn_rand_below(jitter + 1);

    mosn_timer_arm(health.loop, &c->timer, ms > 0 ? ms : 1);
}


static void
checker_done(checker_t *c, bool well, const char *why)
{
    if (!c->busy) {
        return;
    }
    checker_drop(c);
    if (c->host->conf != NULL) { /* else it leaves, just now */
        checker_result(c, well, why);
    }
    checker_next(c);
}


static void
checker_end(checker_t *c)
{
    checker_drop(c);
    mosn_timer_disarm(health.loop, &c->timer);
    mosn_list_unlink(&c->link);
    c->host->checked = false;
    mosn_host_unref(c->host);
    mosn_cluster_version_unref(c->version);
    free(c);
}


static void check_ask(checker_t *c);


/* --- answers of streams ---------------------------------------------------
 */

static bool
check_is_expected(const mosn_health_conf_t *conf, unsigned status)
{
    uint64_t from, to;

    for (size_t i = 0; i < conf->statuses.n; i++) {
        if (mosn_retry_parse_range(conf->statuses.items[i], &from, &to)
            && status >= from && status <= to)
        {
            return true;
        }
    }
    return conf->statuses.n == 0 && status / 100 == 2;
}


/* grpc.health.v1: field 1 of the message is 1 for SERVING. */
static bool
check_grpc_serves(const checker_t *c)
{
    return c->grpc_well && c->n_got >= GRPC_PREFIX + 2 && c->got[0] == 0
           && c->got[GRPC_PREFIX] == 0x08 && c->got[GRPC_PREFIX + 1] == 1;
}


/* The call itself must have gone well. */
static void
check_grpc_status(checker_t *c, const mosn_headers_t *headers)
{
    const mosn_header_t *h =
        mosn_headers_find(headers, MOSN_HEADER_GRPC_STATUS);

    c->grpc_well =
        h != NULL && mosn_str_equal(mosn_header_value(h), MOSN_STR("0"));
}


static void
check_over(checker_t *c)
{
    const mosn_health_conf_t *conf = c->conf;
    char                      why[64];

    c->up = NULL;
    if (conf->type == MOSN_HEALTH_GRPC && c->status == 200) {
        checker_done(c, check_grpc_serves(c),
                     check_grpc_serves(c) ? "serving" : "not serving");
        return;
    }
    if (conf->type == MOSN_HEALTH_GRPC && c->status == NOT_GRPC) {
        checker_done(c, false, "what answers is not gRPC");
        return;
    }
    (void) snprintf(why, sizeof(why), "status %u", c->status);
    checker_done(c,
                 conf->type == MOSN_HEALTH_HTTP
                     ? check_is_expected(conf, c->status)
                     : c->status == 200,
                 why);
}


static void
check_on_head(mosn_stream_t *up, mosn_message_t *m, bool end)
{
    checker_t *c = up->owner;

    if (c->up != up) {
        return;
    }
    c->status = m->status;
    if (c->conf->type == MOSN_HEALTH_GRPC) {
        if (!mosn_grpc_is(m)) {
            c->status = NOT_GRPC; /* something else answers there */
        }
        check_grpc_status(c, &m->headers);
    }
    if (end) {
        check_over(c);
    }
}


static void
check_on_interim(mosn_stream_t *up MOSN_UNUSED, mosn_message_t *m MOSN_UNUSED)
{
}


static void
check_on_data(mosn_stream_t *up, const mosn_buf_t *data, bool end)
{
    checker_t *c = up->owner;
    size_t     n = data != NULL ? mosn_buf_len(data) : 0;

    if (c->up != up) {
        return;
    }
    n = n > sizeof(c->got) - c->n_got ? sizeof(c->got) - c->n_got : n;
    if (n > 0) {
        memcpy(c->got + c->n_got, data->pos, n);
        c->n_got += n;
    }
    if (end) {
        check_over(c);
    }
}


static void
check_on_trailers(mosn_stream_t *up, mosn_headers_t *trailers)
{
    checker_t *c = up->owner;

    if (c->up == up) {
        check_grpc_status(c, trailers);
        check_over(c);
    }
}


static void
check_on_reset(mosn_stream_t *up, mosn_reason_e reason)
{
    checker_t *c = up->owner;

    if (c->up != up) {
        return;
    }
    c->up = NULL;
    /* A kept connection that it was about to close says nothing. */
    if (up->reused && !c->again && c->status == 0) {
        c->again = true;
        check_ask(c);
        return;
    }
    checker_done(c, false, mosn_reasons[reason].text);
}


static void
check_on_drained(mosn_stream_t *up MOSN_UNUSED)
{
}


static const mosn_stream_receiver_ops_t check_ops = {
    .on_head = check_on_head,
    .on_interim = check_on_interim,
    .on_data = check_on_data,
    .on_trailers = check_on_trailers,
    .on_reset = check_on_reset,
    .on_drained = check_on_drained,
};


/* --- questions to streams -------------------------------------------------
 */

static void
check_add_header(checker_t *c, mosn_header_e id, const char *name,
                 const char *value)
{
    mosn_headers_add(&c->head->headers, id, mosn_str(name), mosn_str(value));
}


static mosn_str_t
check_authority(const checker_t *c)
{
    if (c->conf->host.len > 0) {
        return c->conf->host;
    }
    return c->host->address.sa.sa_family == AF_UNIX ? MOSN_STR("localhost")
                                                    : c->host->name;
}


static void
check_send_http(checker_t *c)
{
    const mosn_health_conf_t *conf = c->conf;
    mosn_message_t           *m = c->head;

    m->method = conf->method;
    m->method_id = mosn_method_find(conf->method);
    m->scheme = MOSN_STR("http");
    m->path = conf->path;
    m->authority = check_authority(c);
    check_add_header(c, MOSN_HEADER_USER_AGENT, "User-Agent",
                     "mosn health check");
    c->up->ops->send_head(c->up, m, true);
}


static void
check_send_grpc(checker_t *c)
{
    mosn_message_t *m = c->head;
    mosn_stream_t  *up = c->up;
    mosn_str_t      service = c->conf->service;
    uint8_t         n = (uint8_t) service.len;
    mosn_buf_t      data;

    m->method = MOSN_STR("POST");
    m->method_id = MOSN_METHOD_POST;
    m->scheme = MOSN_STR("http");
    m->path = MOSN_STR("/grpc.health.v1.Health/Check");
    m->authority = check_authority(c);
    m->te_trailers = true;
    check_add_header(c, MOSN_HEADER_CONTENT_TYPE, "content-type",
                     "application/grpc");
    up->ops->send_head(up, m, false);
    if (c->up != up) {
        return;
    }
    mosn_buf_open(&data, 256);
    memset(data.pos, 0, GRPC_PREFIX);
    if (n > 0) { /* field 1, a string */
        data.pos[4] = (uint8_t) (n + 2);
        data.pos[5] = 0x0a;
        data.pos[6] = n;
        memcpy(data.pos + 7, service.at, n);
        data.last += 2 + n;
    }
    data.last += GRPC_PREFIX;
    up->ops->send_data(up, &data, true);
    mosn_buf_close(&data);
}


/* A heartbeat of the protocol. */
static void
check_send_rpc(checker_t *c)
{
    const mosn_rpc_codec_t *codec = c->host->version->pool_conf.protocol->rpc;
    uint8_t                *bytes = mosn_pool_alloc(c->pool, MOSN_RPC_OWN_MAX);
    size_t                  n = codec->heartbeat(1, bytes), body;
    mosn_stream_t          *up = c->up;
    mosn_buf_t              data;
    const char             *why;

    c->rpc = (mosn_rpc_t){ .codec = codec, .bytes = bytes, .decoded = true };
    if (n == 0 || codec->look(bytes, n, &c->rpc.frame, &why) != MOSN_OK) {
        checker_done(c, false, "its protocol has no heartbeat");
        return;
    }
    c->head->rpc = &c->rpc;
    body = mosn_rpc_body_len(&c->rpc.frame);
    up->ops->send_head(up, c->head, body == 0);
    if (body > 0) {
        mosn_buf_open(&data, body);
        memcpy(data.pos, bytes + c->rpc.frame.head_len, body);
        data.last += body;
        up->ops->send_data(up, &data, true);
        mosn_buf_close(&data);
    }
}


static void
check_on_stream(mosn_stream_wait_t *wait, mosn_stream_t *stream)
{
    checker_t *c = mosn_container_of(wait, checker_t, wait);

    c->waiting = false;
    c->up = stream;
    stream->owner = c;
    stream->receiver = &check_ops;
    c->head = mosn_pool_calloc(c->pool, sizeof(*c->head));
    mosn_message_init(c->head, c->pool);
    if (c->conf->type == MOSN_HEALTH_HTTP) {
        check_send_http(c);
    } else if (c->conf->type == MOSN_HEALTH_GRPC) {
        check_send_grpc(c);
    } else {
        check_send_rpc(c);
    }
}


static void
check_on_failed(mosn_stream_wait_t *wait, mosn_reason_e reason)
{
    checker_t *c = mosn_container_of(wait, checker_t, wait);

    c->waiting = false;
    checker_done(c, false, mosn_reasons[reason].text);
}


static void
check_ask(checker_t *c)
{
    c->status = 0;
    c->n_got = 0;
    c->grpc_well = false;
    c->waiting = true;
    mosn_stream_pool_get(&c->host->pool, &c->wait);
}


/* --- tcp ------------------------------------------------------------------
 */

static mosn_verdict_e
check_tcp_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    checker_t                *c = filter->state;
    const mosn_health_conf_t *conf;
    size_t                    n = mosn_buf_len(&conn->in);

    if (c->conn != conn) {
        return MOSN_END;
    }
    conf = c->conf;
    n = n > sizeof(c->got) - c->n_got ? sizeof(c->got) - c->n_got : n;
    if (n > 0) {
        memcpy(c->got + c->n_got, conn->in.pos, n);
        c->n_got += n;
    }
    conn->in.pos = conn->in.last;
    if (memmem(c->got, c->n_got, conf->expect.at, conf->expect.len) != NULL) {
        checker_done(c, true, "it says what is expected");
    } else if (conn->eof || c->n_got == sizeof(c->got)) {
        checker_done(c, false, "it does not say what is expected");
    }
    return MOSN_END;
}


static void
check_tcp_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
                   mosn_conn_event_e event)
{
    checker_t *c = filter->state;

    if (c->conn != conn) {
        return;
    }
    if (event == MOSN_CONN_CLOSED) {
        c->conn = NULL;
        checker_done(c, false, mosn_reasons[conn->reason].text);
    } else if (event == MOSN_CONN_CONNECTED) {
        if (c->conf->send.len > 0) {
            mosn_conn_write(conn, c->conf->send.at, c->conf->send.len);
        }
        if (c->conf->expect.len == 0) {
            checker_done(c, true, "it accepts");
        }
    }
}


static const mosn_net_filter_ops_t check_tcp_filter = {
    .on_read = check_tcp_on_read,
    .on_event = check_tcp_on_event,
    .terminal = true,
};


static void
check_tcp(checker_t *c)
{
    const mosn_tls_ctx_t *tls = c->host->version->pool_conf.tls;

    c->conn =
        mosn_conn_connect(health.loop, &c->host->address, c->conf->timeout_ms);
    if (c->conn == NULL) {
        checker_done(c, false, "cannot connect");
        return;
    }
    (void) mosn_conn_add_filter(c->conn, &check_tcp_filter, NULL, c);
    if (tls != NULL
        && mosn_tls_connect(c->conn, tls, &c->host->pool.tls_memory)
               != MOSN_OK)
    {
        checker_done(c, false, "cannot begin TLS");
    }
}


/* --- time -----------------------------------------------------------------
 */

static void
checker_begin(checker_t *c)
{
    c->busy = true;
    c->again = false;
    c->status = 0;
    c->n_got = 0;
    mosn_timer_arm(health.loop, &c->timer, c->conf->timeout_ms);
    if (c->conf->type == MOSN_HEALTH_TCP) {
        check_tcp(c);
        return;
    }
    c->pool = mosn_pool_create(MOSN_POOL_STREAM);
    c->wait.pool = c->pool;
    c->wait.on_stream = check_on_stream;
    c->wait.on_failed = check_on_failed;
    check_ask(c);
}


/* The connection may be what is dead: the next check has another. */
static void
checker_too_late(checker_t *c)
{
    mosn_conn_t *conn = c->up != NULL ? c->up->conn : NULL;

    checker_done(c, false, "no answer in time");
    if (conn != NULL && !conn->closed) {
        mosn_conn_close(conn, MOSN_REASON_UPSTREAM_TIMEOUT);
    }
}


static void
checker_fired(mosn_timer_t *timer)
{
    checker_t *c = mosn_container_of(timer, checker_t, timer);

    if (c->busy) {
        checker_too_late(c);
    } else {
        checker_begin(c);
    }
}


/* --- whom -----------------------------------------------------------------
 */

/* What is known of it, from before a reload or from another control process,
 * is what the first result is compared with. */
static checker_t *
health_watch_host(mosn_cluster_t *cluster, mosn_host_t *host)
{
    checker_t *c = mosn_calloc(sizeof(*c));
    uint64_t   is = atomic_load(mosn_host_cell(host, MOSN_HOST_CELL_HEALTH));

    c->cluster = cluster;
    c->version = mosn_cluster_version_ref(cluster->version);
    c->conf = c->version->conf->health_check;
    c->host = mosn_host_ref(host);
    if (host->metrics == 0 && health.loop->now_ms >= health.said_ms) {
        health.said_ms = health.loop->now_ms + SAY_AGAIN_MS;
        mosn_log_err(0,
                     "cluster \"%.*s\": there is no room in shared memory "
                     "for host %.*s, its checks have no effect",
                     MOSN_STR_ARG(cluster->name), MOSN_STR_ARG(host->name));
    }
    c->known = is == MOSN_HEALTH_GOOD || is == MOSN_HEALTH_BAD;
    c->well = is == MOSN_HEALTH_GOOD;
    host->checked = true;
    mosn_list_init(&c->wait.link);
    mosn_timer_init(&c->timer, checker_fired);
    mosn_list_append(&health.checkers, &c->link);
    mosn_timer_arm(health.loop, &c->timer, 1 + mosn_rand_below(FIRST_MS));
    return c;
}


/* Its host is a new one, with other connections, at the same address: that
 * one's checks go on where these were. */
static void
checker_pass_on(const checker_t *c)
{
    const mosn_cluster_t *cluster = c->cluster;

    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        mosn_host_t *host = cluster->hosts[i];

        if (!host->checked && cluster->version->conf->health_check != NULL
            && mosn_str_equal(host->name, c->host->name))
        {
            checker_t *heir = health_watch_host(c->cluster, host);

            heir->row = c->row;
            heir->well = c->well;
            heir->known = c->known;
            if (!c->busy) { /* else that is done again at once */
                mosn_wheel_arm(&health.loop->wheel, &heir->timer,
                               c->timer.due);
            }
        }
    }
}


/* With other settings a check that is under way ends without a result. */
static void
checker_refresh(checker_t *c)
{
    mosn_cluster_version_t *version = c->cluster->version;

    if (c->host->conf == NULL) {
        checker_pass_on(c);
    }
    if (c->host->conf == NULL || version->conf->health_check == NULL) {
        checker_end(c);
        return;
    }
    if (version == c->version) {
        return;
    }
    checker_drop(c);
    (void) mosn_cluster_version_ref(version);
    mosn_cluster_version_unref(c->version);
    c->version = version;
    c->conf = version->conf->health_check;
    mosn_timer_arm(health.loop, &c->timer, 1 + mosn_rand_below(FIRST_MS));
}


/* What was found before is nobody's to say any more. */
static void
health_forget(const mosn_cluster_t *c, mosn_host_t *host,
              mosn_host_cell_e cell)
{
    if (atomic_exchange(mosn_host_cell(host, cell), 0) != 0) {
        mosn_cluster_touch(c);
    }
}


static void
health_watch_cluster(mosn_cluster_t *c)
{
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        mosn_host_t *host = c->hosts[i];

        if (c->conf->health_check != NULL && !host->checked) {
            health_watch_host(c, host);
        } else if (c->conf->health_check == NULL) {
            health_forget(c, host, MOSN_HOST_CELL_HEALTH);
        }
        if (c->conf->outlier_detection == NULL) {
            health_forget(c, host, MOSN_HOST_CELL_EJECTED_UNTIL);
            health_forget(c, host, MOSN_HOST_CELL_EJECTIONS);
        }
    }
    if (c->conf->outlier_detection != NULL) {
        mosn_rates_watch(c);
    }
}


void
mosn_health_refresh(void)
{
    const mosn_map_t *clusters;
    mosn_list_t      *next;

    if (!health.running) {
        return;
    }
    for (mosn_list_t *l = health.checkers.next; l != &health.checkers;
         l = next) {
        next = l->next;
        checker_refresh(mosn_container_of(l, checker_t, link));
    }
    clusters = &health.generation->clusters;
    for (size_t i = 0; i <= clusters->mask; i++) {
        if (clusters->entries[i].value != NULL) {
            health_watch_cluster(clusters->entries[i].value);
        }
    }
}


void
mosn_health_start(mosn_generation_t *generation, mosn_loop_t *loop)
{
    health.generation = generation;
    health.loop = loop;
    health.running = true;
    mosn_list_init(&health.checkers);
    mosn_rates_start(loop);
    mosn_health_refresh();
}


void
mosn_health_stop(void)
{
    if (!health.running) {
        return;
    }
    health.running = false;
    while (!mosn_list_is_empty(&health.checkers)) {
        checker_end(mosn_container_of(health.checkers.next, checker_t, link));
    }
    mosn_rates_stop();
}
