/*
 * proxy/request_hedge.c - a second attempt while the first is under way.
 *
 * Whichever answers first is the request's, the other one is given up.
 */

#include "proxy/request_parts.h"

struct mosn_hedge_s {
    mosn_request_t    *r;
    mosn_timer_t       timer; /* until it begins */
    mosn_stream_wait_t wait;
    mosn_host_t       *host; /* NULL: it has not begun, or is over */
    mosn_stream_t     *up;
    uint64_t           forwarded_ns;
    bool               waiting;
    bool               alone; /* the first attempt has failed */
};


static void
hedge_free(void *object)
{
    mosn_hedge_t *h = object;

    if (h->host != NULL) {
        mosn_host_unref(h->host);
    }
}


/* Its host has nothing to do with it any more. */
static void
hedge_let_go(mosn_hedge_t *h)
{
    mosn_host_count(h->host, -1);
    mosn_retry_count(h->r->cluster, h->r->high, false);
    mosn_host_unref(h->host);
    h->host = NULL;
    h->up = NULL;
}


void
mosn_request_end_hedge(mosn_request_t *r, mosn_reason_e reason)
{
    mosn_hedge_t  *h = r->hedge;
    mosn_stream_t *up;

    if (h == NULL) {
        return;
    }
    mosn_timer_disarm(r->loop, &h->timer);
    if (h->waiting) {
        h->waiting = false;
        mosn_stream_pool_cancel(&h->wait);
    }
    up = h->up;
    if (h->host != NULL) {
        hedge_let_go(h);
    }
    if (up != NULL) {
        up->ops->reset(up, reason);
    }
}


/* The request's own from now on. */
static void
hedge_adopt(mosn_request_t *r, mosn_hedge_t *h)
{
    mosn_stream_t *up = h->up;

    mosn_request_use_host(r, h->host);
    r->forwarded_ns = h->forwarded_ns;
    hedge_let_go(h);
    r->up = up;
    r->up_conn_id = up->conn->id;
    r->forwarded_all = true;
    up->owner = r;
    up->receiver = &mosn_request_up_ops;
}


bool
mosn_request_is_hedged(const mosn_request_t *r)
{
    return r->hedge != NULL && r->response == NULL
           && (r->hedge->waiting || r->hedge->up != NULL);
}


bool
mosn_request_promote_hedge(mosn_request_t *r)
{
    mosn_hedge_t *h = r->hedge;

    if (h == NULL || r->response != NULL) {
        return false;
    }
    if (h->waiting) { /* for its connection: then it is alone */
        h->alone = true;
    } else if (h->up != NULL) {
        hedge_adopt(r, h);
    } else {
        return false;
    }
    mosn_request_start_try(r);
    mosn_request_arm_timer(r);
    return true;
}


/* --- its answer -----------------------------------------------------------
 */

/* Nobody wants that answer as long as there may be a better one. */
static bool
hedge_is_worse(const mosn_hedge_t *h, mosn_message_t *m)
{
    const mosn_request_t *r = h->r;

    return (r->up != NULL || r->waiting) && r->route->retry != NULL
           && mosn_retry_wants_answer(r->route->retry, m);
}


static void
hedge_on_head(mosn_stream_t *up, mosn_message_t *m, bool end)
{
    mosn_hedge_t   *h = up->owner;
    mosn_request_t *r = h->r;

    if (r->over || h->up != up) {
        return;
    }
    if (hedge_is_worse(h, m)) {
        mosn_request_blame_answer(r, h->host, m);
        hedge_let_go(h);
        if (!end) {
            up->ops->reset(up, MOSN_REASON_NONE);
        }
        return;
    }
    if (r->version->by_latency && r->up != NULL) { /* at least so long */
        mosn_host_note_latency(r->host, r->loop->now_ns,
                               r->loop->now_ns - r->forwarded_ns);
    }
    mosn_request_drop_upstream(r, MOSN_REASON_NONE);
    if (r->over) {
        return;
    }
    hedge_adopt(r, h);
    mosn_request_up_ops.on_head(up, m, end);
}


/* When the first attempt has failed before, the request has none. */
static void
hedge_end_alone(mosn_hedge_t *h, mosn_reason_e reason)
{
    if (h->alone) {
        h->alone = false;
        mosn_request_not_sent(h->r, reason);
    }
}


static void
hedge_on_reset(mosn_stream_t *up, mosn_reason_e reason)
{
    mosn_hedge_t *h = up->owner;

    if (h->up == up) {
        mosn_request_count_lost(h->r, h->host, up, reason);
        hedge_let_go(h);
        hedge_end_alone(h, reason);
    }
}


static void
hedge_on_nothing(mosn_stream_t *up MOSN_UNUSED)
{
}


static void
hedge_on_interim(mosn_stream_t *up    MOSN_UNUSED,
                 mosn_message_t *head MOSN_UNUSED)
{
}


static const mosn_stream_receiver_ops_t hedge_ops = {
    .on_head = hedge_on_head,
    .on_interim = hedge_on_interim,
    .on_reset = hedge_on_reset,
    .on_drained = hedge_on_nothing,
};


/* --- its beginning --------------------------------------------------------
 */

static void
hedge_on_stream(mosn_stream_wait_t *wait, mosn_stream_t *stream)
{
    mosn_hedge_t   *h = mosn_container_of(wait, mosn_hedge_t, wait);
    mosn_request_t *r = h->r;
    mosn_str_t      authority;

    h->waiting = false;
    h->up = stream;
    h->forwarded_ns = r->loop->now_ns;
    stream->owner = h;
    stream->receiver = &hedge_ops;
    mosn_metric_inc(h->host->metrics + MOSN_UPSTREAM_REQUESTS);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS);
    authority = r->head->authority;
    if (r->named_host) { /* the client named none */
        r->head->authority = mosn_pool_copy(r->pool, h->host->name);
    }
    stream->ops->send_head(stream, r->head, true);
    r->head->authority = authority;
    if (h->alone && h->up == stream) {
        hedge_adopt(r, h);
    }
}


static void
hedge_on_failed(mosn_stream_wait_t *wait, mosn_reason_e reason)
{
    mosn_hedge_t *h = mosn_container_of(wait, mosn_hedge_t, wait);

    h->waiting = false;
    if (reason != MOSN_REASON_OVERFLOW && reason != MOSN_REASON_NO_HOST) {
        mosn_request_blame(h->r, h->host);
    }
    hedge_let_go(h);
    hedge_end_alone(h, reason);
}


static void
hedge_begin(mosn_timer_t *timer)
{
    mosn_hedge_t   *h = mosn_container_of(timer, mosn_hedge_t, timer);
    mosn_request_t *r = h->r;
    mosn_host_t    *host;

    if (r->response != NULL || (r->up == NULL && !r->waiting)
        || r->cluster->n_hosts < 2
        || (r->route->retry != NULL
            && r->attempts >= r->route->retry->attempts))
    {
        return;
    }
    host = mosn_request_pick(r);
    if (host == NULL || host == r->host
        || !mosn_retry_spend(r->cluster, r->loop->now_ms, r->high))
    {
        return;
    }
    r->attempts++;
    h->host = mosn_host_ref(host);
    mosn_host_count(host, 1);
    mosn_retry_count(r->cluster, r->high, true);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_HEDGES);
    h->waiting = true;
    h->wait.pool = r->pool;
    h->wait.on_stream = hedge_on_stream;
    h->wait.on_failed = hedge_on_failed;
    mosn_stream_pool_get(mosn_host_pool(host, r->high), &h->wait);
}


void
mosn_request_start_hedge(mosn_request_t *r)
{
    mosn_hedge_t *h;

    if (r->head->rpc != NULL || !r->received_all || !r->replayable
        || r->held.bytes > 0 || r->has_trailers || r->head->upgrade.len > 0
        || !mosn_method_is_idempotent(r->head->method_id))
    {
        return;
    }
    h = mosn_pool_calloc(r->pool, sizeof(*h));
    h->r = r;
    mosn_list_init(&h->wait.link);
    mosn_timer_init(&h->timer, hedge_begin);
    mosn_timer_arm(r->loop, &h->timer, r->route->conf->route->hedge->delay_ms);
    mosn_pool_on_destroy(r->pool, hedge_free, h);
    r->hedge = h;
}
