/* proxy/mirror.c - copies of requests. */

#include "proxy/mirror.h"

#include "core/rand.h"
#include "proto/rpc.h"
#include "proxy/original.h"
#include "proxy/request_parts.h"

#define SHARE_SIDES 1000000u
#define LATEST_MS   30000u /* a copy that is not answered by then never is */
#define HOLD_MAX    (256u * 1024) /* body that waits for its host */

struct mosn_mirror_s {
    mosn_mirror_t     *next; /* of the same request */
    mosn_request_t    *of;   /* NULL: that is over */
    mosn_loop_t       *loop;
    mosn_pool_t       *pool; /* all of it */
    mosn_cluster_t    *cluster;
    mosn_host_t       *host;
    mosn_message_t     head;
    mosn_rpc_t         rpc;
    mosn_headers_t    *trailers;
    mosn_chain_t       body;
    mosn_stream_wait_t wait;
    mosn_stream_t     *up;
    mosn_timer_t       timer;
    bool               whole; /* nothing more comes */
    bool               late;  /* ... when its timer was armed, it did */
    bool               waiting;
    bool               over;
};

static const mosn_directive_t mirror_directives[] = {
    MOSN_STRING_REQUIRED(mosn_mirror_conf_t, cluster,
                         "Name of the cluster that gets the copies."),
    MOSN_FLOAT(mosn_mirror_conf_t, percent, 0, 100, "100",
               "Of so many of the requests."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_mirror_block = {
    .doc = "A cluster that gets copies of requests; its answers are thrown "
           "away.",
    .size = sizeof(mosn_mirror_conf_t),
    .directives = mirror_directives,
};


void
mosn_mirrors_build(mosn_conf_t *reader, const mosn_generation_t *generation,
                   mosn_mirrors_conf_t *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].cluster.at != NULL) {
            list->items[i].target = mosn_cluster_resolve(
                reader, generation, &list->items[i].cluster);
        }
    }
}


/* --- the end --------------------------------------------------------------
 */

static void
mirror_unlink(mosn_mirror_t *m)
{
    mosn_mirror_t **at;

    if (m->of == NULL) {
        return;
    }
    for (at = &m->of->mirrors; *at != m; at = &(*at)->next) {
    }
    *at = m->next;
    m->of = NULL;
}


static void
mirror_end(mosn_mirror_t *m)
{
    mosn_stream_t *up = m->up;

    if (m->over) {
        return;
    }
    m->over = true;
    mirror_unlink(m);
    mosn_timer_disarm(m->loop, &m->timer);
    if (m->waiting) {
        mosn_stream_pool_cancel(&m->wait);
    }
    m->up = NULL;
    if (up != NULL) {
        up->ops->reset(up, MOSN_REASON_NONE);
    }
    mosn_chain_clear(&m->body);
    mosn_metric_dec(m->cluster->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE);
    mosn_host_count(m->host, -1);
    mosn_host_unref(m->host);
    mosn_loop_bury(m->loop, &m->pool);
}


/* Its time begins when the request is there as a whole. */
static void
mirror_timed_out(mosn_timer_t *timer)
{
    mosn_mirror_t *m = mosn_container_of(timer, mosn_mirror_t, timer);

    if (m->up != NULL && m->late) {
        m->late = !m->whole;
        mosn_timer_arm(m->loop, timer, LATEST_MS);
    } else {
        mirror_end(m);
    }
}


/* --- answers, of no interest ----------------------------------------------
 */

static void
mirror_done(mosn_stream_t *up, bool end)
{
    mosn_mirror_t *m = up->owner;

    if (end && m->up == up) {
        m->up = NULL;
        mirror_end(m);
    }
}


static void
mirror_on_head(mosn_stream_t *up, mosn_message_t *head MOSN_UNUSED, bool end)
{
    mirror_done(up, end);
}


static void
mirror_on_interim(mosn_stream_t *up    MOSN_UNUSED,
                  mosn_message_t *head MOSN_UNUSED)
{
}


static void
mirror_on_data(mosn_stream_t *up, const mosn_buf_t *data MOSN_UNUSED, bool end)
{
    mirror_done(up, end);
}


static void
mirror_on_trailers(mosn_stream_t *up, mosn_headers_t *trailers MOSN_UNUSED)
{
    mirror_done(up, true);
}


static void
mirror_on_reset(mosn_stream_t *up, mosn_reason_e reason MOSN_UNUSED)
{
    mirror_done(up, true);
}


static void
mirror_on_drained(mosn_stream_t *up MOSN_UNUSED)
{
}


static const mosn_stream_receiver_ops_t mirror_ops = {
    .on_head = mirror_on_head,
    .on_interim = mirror_on_interim,
    .on_data = mirror_on_data,
    .on_trailers = mirror_on_trailers,
    .on_reset = mirror_on_reset,
    .on_drained = mirror_on_drained,
};


/* --- sending --------------------------------------------------------------
 */

/* What is held, when there is a stream. */
static void
mirror_flush(mosn_mirror_t *m)
{
    mosn_stream_t *up = m->up;

    while (m->body.bytes > 0 && m->up == up) {
        mosn_buf_t *b = m->body.head;
        size_t      n = mosn_buf_len(b);

        up->ops->send_data(
            up, b, m->whole && m->trailers == NULL && n == m->body.bytes);
        if (m->up == up) {
            mosn_chain_consume(&m->body, n);
        }
    }
    if (m->up == up && m->trailers != NULL) {
        up->ops->send_trailers(up, m->trailers);
        m->trailers = NULL;
    }
}


static void
mirror_on_stream(mosn_stream_wait_t *wait, mosn_stream_t *stream)
{
    mosn_mirror_t *m = mosn_container_of(wait, mosn_mirror_t, wait);

    m->waiting = false;
    m->up = stream;
    stream->owner = m;
    stream->receiver = &mirror_ops;
    mosn_metric_inc(m->cluster->metrics + MOSN_UPSTREAM_MIRRORS);
    stream->ops->send_head(stream, &m->head,
                           m->whole && m->body.bytes == 0
                               && m->trailers == NULL);
    if (m->up == stream) {
        mirror_flush(m);
    }
}


static void
mirror_on_failed(mosn_stream_wait_t *wait, mosn_reason_e reason MOSN_UNUSED)
{
    mosn_mirror_t *m = mosn_container_of(wait, mosn_mirror_t, wait);

    m->waiting = false;
    mirror_end(m);
}


static void
mirror_copy_headers(mosn_headers_t *to, const mosn_headers_t *from,
                    mosn_pool_t *pool)
{
    mosn_headers_init(to, pool, from->n + 1);
    for (uint32_t i = 0; i < from->n; i++) {
        const mosn_header_t *h = &from->items[i];

        if (!h->removed) {
            mosn_headers_add(
                to, h->id,
                mosn_pool_copy(pool, (mosn_str_t){ h->name, h->name_len }),
                mosn_pool_copy(pool, mosn_header_value(h)));
        }
    }
}


/* A call goes as it came, byte by byte. */
static void
mirror_copy_head(mosn_mirror_t *m, const mosn_message_t *from)
{
    mosn_message_t *to = &m->head;
    mosn_block_t   *block;
    mosn_pool_t    *pool = m->pool;

    mosn_message_init(to, pool);
    to->method = mosn_pool_copy(pool, from->method);
    to->method_id = from->method_id;
    to->scheme = mosn_pool_copy(pool, from->scheme);
    to->authority = mosn_pool_copy(pool, from->authority);
    to->path = mosn_pool_copy(pool, from->path);
    to->version = from->version;
    to->content_length = from->content_length;
    to->te_trailers = from->te_trailers;
    if (from->rpc == NULL) {
        mirror_copy_headers(&to->headers, &from->headers, pool);
        return;
    }
    block = from->block != NULL ? from->block : from->rpc->block;
    to->block = mosn_block_ref(block);
    m->rpc = *from->rpc;
    m->rpc.decoded = false;
    m->rpc.n_decoded = 0;
    to->rpc = &m->rpc;
}


bool
mosn_mirror_fits(const mosn_request_t *r, const mosn_mirror_conf_t *conf)
{
    const mosn_stream_protocol_ops_t *ours = r->version->pool_conf.protocol;
    const mosn_stream_protocol_ops_t *its =
        conf->target->version->pool_conf.protocol;

    return its != NULL && r->head->method_id != MOSN_METHOD_CONNECT
           && (ours->rpc == NULL) == (its->rpc == NULL)
           && (ours->rpc == NULL || ours->rpc->family == its->rpc->family);
}


static bool
mirror_gets_it(const mosn_mirror_conf_t *conf)
{
    return conf->percent >= 100
           || mosn_rand_below(SHARE_SIDES) < conf->percent / 100 * SHARE_SIDES;
}


static void
mirror_start(mosn_request_t *r, const mosn_mirror_conf_t *conf)
{
    mosn_pick_t    how = { .now_ns = r->loop->now_ns };
    mosn_host_t   *host = conf->target->originals != NULL
                              ? mosn_original_pick(conf->target, r->pc->conn)
                              : mosn_cluster_pick(conf->target, &how);
    mosn_pool_t   *pool;
    mosn_mirror_t *m;

    if (host == NULL) {
        return;
    }
    if (!mosn_request_take_room(conf->target, false, r->loop->now_ms)) {
        mosn_metric_inc(conf->target->metrics
                        + MOSN_UPSTREAM_PENDING_OVERFLOW);
        return;
    }
    mosn_metric_inc(conf->target->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE);
    pool = mosn_pool_create(MOSN_POOL_STREAM);
    m = mosn_pool_calloc(pool, sizeof(*m));
    m->pool = pool;
    m->of = r;
    m->loop = r->loop;
    m->cluster = conf->target;
    m->host = mosn_host_ref(host);
    mosn_host_count(host, 1);
    mosn_timer_init(&m->timer, mirror_timed_out);
    mosn_timer_arm(m->loop, &m->timer, LATEST_MS);
    mirror_copy_head(m, r->head);
    m->next = r->mirrors;
    r->mirrors = m;
}


/* Connecting may end one at once: all are there before the first begins. */
void
mosn_mirrors_start(mosn_request_t *r)
{
    const mosn_mirrors_conf_t *list = &r->route->conf->route->mirror;

    for (size_t i = 0; i < list->n; i++) {
        if (mosn_mirror_fits(r, &list->items[i])
            && mirror_gets_it(&list->items[i])) {
            mirror_start(r, &list->items[i]);
        }
    }
    for (mosn_mirror_t *m = r->mirrors, *next; m != NULL; m = next) {
        next = m->next;
        if (m->over) {
            continue;
        }
        for (const mosn_buf_t *b = r->held.head; b != NULL; b = b->next) {
            mosn_chain_append_ref(&m->body, b);
        }
        m->whole = r->received_all;
        m->late = !m->whole;
        if (r->has_trailers) {
            m->trailers = mosn_pool_calloc(m->pool, sizeof(*m->trailers));
            mirror_copy_headers(m->trailers, r->trailers, m->pool);
        }
        m->waiting = true;
        m->wait.pool = m->pool;
        m->wait.on_stream = mirror_on_stream;
        m->wait.on_failed = mirror_on_failed;
        mosn_stream_pool_get(&m->host->pool, &m->wait);
    }
}


void
mosn_mirrors_data(mosn_request_t *r, const mosn_buf_t *data, bool end)
{
    size_t n = data != NULL ? mosn_buf_len(data) : 0;

    for (mosn_mirror_t *m = r->mirrors, *next; m != NULL; m = next) {
        mosn_stream_t *up = m->up;

        next = m->next;
        if (m->over) {
            continue; /* with the one before, on one connection */
        }
        m->whole = end;
        if (up != NULL ? mosn_stream_is_blocked(up)
                       : m->body.bytes + n > HOLD_MAX) {
            mirror_end(m);
        } else if (up != NULL) {
            up->ops->send_data(up, data, end);
        } else if (n > 0) {
            mosn_chain_append_ref(&m->body, data);
        }
    }
}


void
mosn_mirrors_trailers(mosn_request_t *r, const mosn_headers_t *trailers)
{
    for (mosn_mirror_t *m = r->mirrors, *next; m != NULL; m = next) {
        next = m->next;
        if (m->over) {
            continue;
        }
        m->whole = true;
        m->trailers = mosn_pool_calloc(m->pool, sizeof(*m->trailers));
        mirror_copy_headers(m->trailers, trailers, m->pool);
        if (m->up != NULL) {
            mirror_flush(m);
        }
    }
}


void
mosn_mirrors_leave(mosn_request_t *r)
{
    while (r->mirrors != NULL) {
        mosn_mirror_t *m = r->mirrors;

        if (m->whole) {
            mirror_unlink(m);
        } else {
            mirror_end(m);
        }
    }
}
