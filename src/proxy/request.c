/*
 * proxy/request.c - pair, forward, retry, answer.
 *
 * Calls down into a stream may end the request under our feet (a send that
 * fails resets it), so `over` is looked at after each of them.
 */

#include "proxy/request.h"

#include "core/log.h"
#include "os/clock.h"
#include "proto/rpc.h"
#include "proxy/grpc.h"

#define REPLAY_MAX (64u * 1024) /* body kept to send a request again */
#define HOLD_MAX   (64u * 1024) /* body held while no upstream is there */

static const mosn_stream_receiver_ops_t request_down_ops;
static const mosn_stream_receiver_ops_t request_up_ops;

static void request_fail(mosn_request_t *r, mosn_reason_e reason);
static void request_forward(mosn_request_t *r);
static void request_timed_out(mosn_timer_t *timer);
static void request_respond(mosn_request_t *r, mosn_message_t *m, bool end);


/* --- the end ------------------------------------------------------------ */

/* Lets go of the upstream: whatever is left of it is not wanted. */
static void
request_drop_upstream(mosn_request_t *r, mosn_reason_e reason)
{
    if (r->waiting) {
        r->waiting = false;
        mosn_stream_pool_cancel(&r->host->pool, &r->wait);
    }
    if (r->up != NULL) {
        mosn_stream_t *up = r->up;

        r->up = NULL;
        up->ops->reset(up, reason);
    }
}


static void
request_uncount(mosn_request_t *r)
{
    if (r->counted) {
        r->counted = false;
        r->cluster->n_requests--;
        mosn_metric_dec(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE);
    }
}


/* The downstream stream is over. */
static void
request_finish(mosn_request_t *r)
{
    if (r->over) {
        return;
    }
    r->over = true;
    r->down = NULL;
    mosn_timer_disarm(r->loop, &r->timer);
    request_drop_upstream(r, r->reason);
    request_uncount(r);
    for (uint16_t i = 0; i < r->n_filters; i++) {
        if (r->filters[i].ops->on_end != NULL) {
            r->filters[i].ops->on_end(&r->filters[i], r->filters[i].stream);
        }
    }
    mosn_request_count_end(r);
    if (r->heartbeat) {
        mosn_heartbeat_note(r);
    } else if (r->conf->access_log.n > 0) {
        mosn_access_log_write(r);
    }
    mosn_chain_clear(&r->held);
    mosn_chain_clear(&r->held_answer);
    mosn_generation_unref(r->conf->generation);
}


/* --- answers of our own ------------------------------------------------- */

static void
request_reply(mosn_request_t *r, unsigned status, mosn_str_t type,
              mosn_str_t body, mosn_str_t location)
{
    mosn_message_t *m = mosn_pool_alloc(r->pool, sizeof(*m));
    mosn_stream_t  *down = r->down;
    bool            bare =
        body.len == 0 || mosn_status_is_bodyless(status, r->head->method_id);

    request_drop_upstream(r, r->reason);
    mosn_message_init(m, r->pool);
    m->status = status;
    m->ours = true;
    m->reason = r->reason;
    m->content_length = (int64_t) body.len;
    mosn_headers_add(
        &m->headers, MOSN_HEADER_DATE, MOSN_STR("Date"),
        mosn_pool_copy(r->pool, mosn_str(mosn_clock_http_date())));
    if (body.len > 0) {
        mosn_headers_add(&m->headers, MOSN_HEADER_CONTENT_TYPE,
                         MOSN_STR("Content-Type"), type);
    }
    if (location.len > 0) {
        mosn_headers_add(&m->headers, MOSN_HEADER_LOCATION,
                         MOSN_STR("Location"), location);
    }

    r->status = status;
    if (r->grpc && status >= 400) {
        mosn_grpc_answer(m, r->pool, r->reason, r->type, body);
        r->status = m->status;
        bare = true;
    }
    r->responded = true;
    r->response = m;
    r->answered_ns = r->loop->now_ns;
    down->ops->send_head(down, m, bare);
    if (!bare && !r->over) {
        mosn_buf_t data;

        mosn_buf_open(&data, body.len);
        memcpy(data.pos, body.at, body.len);
        data.last += body.len;
        r->bytes_sent += body.len;
        down->ops->send_data(down, &data, true);
        mosn_buf_close(&data);
    }
    request_finish(r);
}


/* "Bad Gateway\n" */
static void
request_reply_status(mosn_request_t *r, unsigned status)
{
    mosn_str_t phrase = mosn_status_phrase(status);

    request_reply(r, status, MOSN_STR("text/plain"),
                  mosn_pool_printf(r->pool, "%.*s\n", MOSN_STR_ARG(phrase)),
                  MOSN_STR_NULL);
}


static void
request_fail(mosn_request_t *r, mosn_reason_e reason)
{
    r->reason = reason;
    mosn_request_log_failure(r, reason);
    if (r->responded) {
        mosn_stream_t *down = r->down;

        request_finish(r);
        down->ops->reset(down, reason);
        return;
    }
    request_reply_status(r, mosn_reasons[reason].status);
}


/* --- the body of the request -------------------------------------------- */

static void
request_pause_down(mosn_request_t *r)
{
    if (!r->down_paused && r->down != NULL) {
        r->down_paused = true;
        r->down->ops->pause(r->down);
    }
}


static void
request_resume_down(mosn_request_t *r)
{
    if (r->down_paused && r->down != NULL) {
        r->down_paused = false;
        r->down->ops->resume(r->down);
    }
}


static void
request_arm_timer(mosn_request_t *r)
{
    uint32_t ms = r->timeout_ms;

    if (r->deadline_ms > 0) {
        uint64_t now = r->loop->now_ms;
        uint64_t left = r->deadline_ms > now ? r->deadline_ms - now : 1;

        ms = ms == 0 || left < ms ? (uint32_t) left : ms;
    }
    if (ms > 0) {
        mosn_timer_arm(r->loop, &r->timer, ms);
    }
}


/* Body that cannot be sent again is not kept once it is on its way. */
static void
request_trim_held(mosn_request_t *r)
{
    if (r->held.bytes > REPLAY_MAX) {
        r->replayable = false;
    }
    if (!r->replayable) {
        mosn_chain_clear(&r->held);
    }
}


/* The whole request, or what is there of it, to a fresh upstream stream. */
static void
request_send(mosn_request_t *r)
{
    mosn_stream_t *up = r->up;
    bool           end = r->received_all && !r->has_trailers;

    r->forwarded_ns = r->loop->now_ns;
    up->ops->send_head(up, r->head, end && r->held.bytes == 0);
    for (mosn_buf_t *b = r->held.head, *next; b != NULL && r->up == up;
         b = next) {
        next = b->next; /* a send that fails drops what is held */
        up->ops->send_data(up, b, end && next == NULL);
    }
    if (r->up != up) {
        return; /* it broke, and was dealt with */
    }
    if (r->has_trailers) {
        up->ops->send_trailers(up, r->trailers);
    }
    r->forwarded_all = r->received_all;
    request_trim_held(r);
    request_arm_timer(r);
    if (!mosn_stream_is_blocked(up)) {
        request_resume_down(r);
    }
}


static void
request_on_upstream(mosn_stream_wait_t *wait, mosn_stream_t *stream)
{
    mosn_request_t *r = mosn_container_of(wait, mosn_request_t, wait);

    r->waiting = false;
    r->up = stream;
    stream->owner = r;
    stream->receiver = &request_up_ops;
    r->up_conn_id = stream->conn->id;
    mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_REQUESTS);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS);
    request_send(r);
}


/* --- upstream trouble --------------------------------------------------- */

static void
request_try_again(mosn_request_t *r)
{
    mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_RETRIES);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_RETRIES);
    r->forwarded_all = false;
    request_forward(r);
}


static void
request_on_no_upstream(mosn_stream_wait_t *wait, mosn_reason_e reason)
{
    mosn_request_t *r = mosn_container_of(wait, mosn_request_t, wait);

    r->waiting = false;
    /* It never left: another host may have it. */
    if (r->cluster->n_hosts > 1 && r->attempts < MOSN_REQUEST_MAX_ATTEMPTS) {
        request_try_again(r);
        return;
    }
    request_fail(r, reason);
}


static void
request_up_on_reset(mosn_stream_t *up, mosn_reason_e reason)
{
    mosn_request_t *r = up->owner;

    if (r->over || r->up != up) {
        return;
    }
    r->up = NULL;
    r->up_paused = false;
    mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_RESETS);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_RESETS);
    if (mosn_request_may_repeat(r, up, reason)) {
        if (reason == MOSN_REASON_UPSTREAM_REFUSED
            && r->refusals < MOSN_REQUEST_MAX_REFUSALS)
        {
            r->refusals++; /* it is full, not broken */
            r->attempts--;
        }
        request_try_again(r);
    } else {
        request_fail(r, reason);
    }
}


static void
request_timed_out(mosn_timer_t *timer)
{
    mosn_request_t *r = mosn_container_of(timer, mosn_request_t, timer);

    if (r->deadline_ms > 0 && r->loop->now_ms >= r->deadline_ms) {
        request_fail(r, MOSN_REASON_DEADLINE);
        return;
    }
    /* Not the upstream's fault: the client sends slowly, or reads so. */
    if (r->up != NULL && !r->tunnel
        && ((!r->forwarded_all && !mosn_stream_is_blocked(r->up))
            || r->up_paused))
    {
        request_arm_timer(r);
        return;
    }
    if (r->tunnel) {
        request_fail(r, MOSN_REASON_IDLE_TIMEOUT);
        return;
    }
    mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_TIMEOUTS);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_TIMEOUTS);
    request_fail(r, MOSN_REASON_UPSTREAM_TIMEOUT);
}


/* --- routing ------------------------------------------------------------ */

static void
request_forward(mosn_request_t *r)
{
    mosn_host_t *host =
        mosn_cluster_pick(r->cluster, r->attempts > 0 ? r->host : NULL);

    if (host == NULL) {
        request_fail(r, MOSN_REASON_NO_HOST);
        return;
    }
    if (r->head->authority.len == 0) {
        r->head->authority = host->name; /* an HTTP/1.0 client named none */
    }
    r->host = host;
    r->attempts++;
    r->waiting = true;
    r->wait.pool = r->pool;
    r->wait.on_stream = request_on_upstream;
    r->wait.on_failed = request_on_no_upstream;
    request_arm_timer(r);
    mosn_stream_pool_get(&host->pool, &r->wait);
}


static void
request_to_cluster(mosn_request_t *r)
{
    const mosn_forward_conf_t *conf = r->route->conf->route;
    uint64_t                   max;

    r->cluster = mosn_route_pick_cluster(r->route);
    max = (uint64_t) r->cluster->conf->circuit_breaker.max_requests;
    if (max > 0 && r->cluster->n_requests >= max) {
        request_fail(r, MOSN_REASON_OVERFLOW);
        return;
    }
    r->counted = true;
    r->cluster->n_requests++;
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE);

    r->timeout_ms = conf->timeout_ms;
    if (r->grpc) {
        uint64_t ms = mosn_grpc_timeout_ms(r->head);

        r->deadline_ms = ms > 0 ? r->loop->now_ms + ms : 0;
    }
    if (r->head->rpc != NULL) {
        if (mosn_request_prepare_call(r)) {
            request_forward(r);
        } else {
            request_fail(r, MOSN_REASON_BAD_REQUEST);
        }
        return;
    }
    r->head->path = mosn_route_rewrite_path(r->route, r->head->path, r->pool);
    if (conf->host_rewrite.at != NULL) {
        r->head->authority = conf->host_rewrite;
    }
    mosn_request_add_headers(r);
    request_forward(r);
}


static void
request_on_heartbeat(mosn_request_t *r)
{
    unsigned status;

    r->cluster = mosn_heartbeat_take(r, &status);
    if (r->cluster == NULL) {
        request_reply_status(r, status);
        return;
    }
    r->timeout_ms = r->cluster->conf->rpc.heartbeat_timeout_ms;
    if (mosn_request_prepare_call(r)) {
        request_forward(r);
    } else {
        request_fail(r, MOSN_REASON_INTERNAL);
    }
}


static void
request_route(mosn_request_t *r)
{
    const mosn_respond_conf_t *respond;

    if (r->head->rpc != NULL && mosn_rpc_is_heartbeat(r->head->rpc)) {
        request_on_heartbeat(r);
        return;
    }
    if (r->n_filters > 0) { /* they may have made it one */
        r->grpc |= mosn_grpc_is(r->head);
    }
    r->route = mosn_route_find(r->conf->table, r->head, r->pc->conn);
    /* An answer of ours to CONNECT would look like the tunnel's. */
    if (r->route == NULL
        || ((r->head->method_id == MOSN_METHOD_CONNECT
             || r->head->upgrade_only)
            && r->route->conf->route == NULL))
    {
        request_fail(r, MOSN_REASON_NO_ROUTE);
        return;
    }
    if (r->route->conf->route != NULL) {
        request_to_cluster(r);
        return;
    }

    respond = r->route->conf->respond;
    if (respond != NULL) {
        request_reply(r, (unsigned) respond->status, respond->content_type,
                      respond->body, MOSN_STR_NULL);
    } else {
        request_reply(r, (unsigned) r->route->conf->redirect->status,
                      MOSN_STR_NULL, MOSN_STR_NULL,
                      mosn_route_location(r->route, r->head, r->pool));
    }
}


/* --- from the client ---------------------------------------------------- */

static void
request_on_stream(void *owner, mosn_stream_t *stream)
{
    mosn_proxy_conn_t *pc = owner;
    mosn_request_t    *r = mosn_pool_calloc(stream->pool, sizeof(*r));

    r->pc = pc;
    r->conf = pc->conf;
    r->loop = pc->conn->loop;
    r->pool = stream->pool;
    r->down = stream;
    r->id = stream->id;
    r->replayable = true;
    r->started_ns = r->loop->now_ns;
    mosn_list_init(&r->wait.link);
    mosn_timer_init(&r->timer, request_timed_out);
    (void) mosn_generation_ref(r->conf->generation);
    mosn_metric_inc(pc->metrics + MOSN_LISTENER_REQUESTS);
    mosn_metric_inc(pc->metrics + MOSN_LISTENER_REQUESTS_ACTIVE);
    stream->owner = r;
    stream->receiver = &request_down_ops;
}


static void
request_on_refused(void *owner, mosn_stream_conn_t *sc, mosn_reason_e reason,
                   unsigned status, mosn_str_t line)
{
    mosn_proxy_conn_t *pc = owner;
    mosn_request_t     r = { .pc = pc,
                             .conf = pc->conf,
                             .loop = pc->conn->loop,
                             .id = sc->n_streams,
                             .reason = reason,
                             .status = status,
                             .refused = line,
                             .started_ns = pc->conn->loop->now_ns };

    mosn_metric_inc(pc->metrics + MOSN_LISTENER_REQUESTS);
    mosn_metric_inc(pc->metrics + MOSN_LISTENER_REQUESTS_ACTIVE);
    mosn_request_count_end(&r);
    mosn_access_log_write(&r);
}


const mosn_stream_server_ops_t mosn_request_server_ops = {
    .on_stream = request_on_stream,
    .on_refused = request_on_refused,
};


static void
request_down_on_head(mosn_stream_t *down, mosn_message_t *head, bool end)
{
    mosn_request_t *r = down->owner;
    size_t          max = r->conf->max_body_bytes;

    r->head = head;
    r->path = head->path; /* a route may rewrite the head's */
    r->authority = head->authority;
    r->received_all = end;
    r->grpc = mosn_headers_has(&head->headers, MOSN_HEADER_CONTENT_TYPE)
              && mosn_grpc_is(head);
    if (r->conf->stream_filters.n > 0) {
        const mosn_header_t *type =
            mosn_headers_find(&head->headers, MOSN_HEADER_CONTENT_TYPE);

        r->type = type != NULL ? mosn_header_value(type) : MOSN_STR_NULL;
        mosn_filters_create(r);
    }
    if (r->pc->conn->tls != NULL && !mosn_request_is_for_us(r)) {
        request_fail(r, MOSN_REASON_MISDIRECTED);
        return;
    }
    if (max > 0 && mosn_message_body_len(head) > max) {
        request_fail(r, MOSN_REASON_BODY_TOO_LARGE);
        return;
    }
    if (head->method_id == MOSN_METHOD_CONNECT && !r->conf->allow_connect) {
        request_fail(r, MOSN_REASON_METHOD_NOT_ALLOWED);
        return;
    }
    if (head->upgrade.len > 0 && !mosn_request_check_upgrade(r)) {
        request_fail(r, MOSN_REASON_METHOD_NOT_ALLOWED);
        return;
    }
    if (mosn_filters_on_request(r) == MOSN_NEXT) {
        request_route(r);
    }
}


/* Body of the request that the filters have let through. */
static void
request_take_data(mosn_request_t *r, const mosn_buf_t *data, bool end)
{
    size_t         n = data != NULL ? mosn_buf_len(data) : 0;
    mosn_stream_t *up = r->up;

    if (n > 0 && !r->tunnel && (r->replayable || up == NULL)) {
        mosn_chain_append_ref(&r->held, data);
    }
    if (up == NULL) { /* not yet: it is held */
        if (r->held.bytes > HOLD_MAX) {
            request_pause_down(r);
        }
        return;
    }

    r->forwarded_all = end;
    request_arm_timer(r);
    up->ops->send_data(up, data, end);
    if (r->over || r->up != up) {
        return;
    }
    request_trim_held(r);
    if (r->tunnel && end && up->received_end) {
        r->up = NULL;
        request_finish(r);
    } else if (mosn_stream_is_blocked(up)) {
        request_pause_down(r);
    }
}


/* Calls `take` for each piece of a chain, the last one with the end. */
static void
request_take_chain(mosn_request_t *r, mosn_chain_t *body, bool end,
                   void (*take)(mosn_request_t *, const mosn_buf_t *, bool))
{
    if (body->bytes == 0 && end) {
        take(r, NULL, true);
    }
    while (body->bytes > 0 && !r->over) {
        mosn_buf_t *b = body->head;
        size_t      n = mosn_buf_len(b);

        take(r, b, end && n == body->bytes);
        mosn_chain_consume(body, n);
    }
    mosn_chain_clear(body);
}


static void
request_down_on_data(mosn_stream_t *down, const mosn_buf_t *data, bool end)
{
    mosn_request_t *r = down->owner;
    size_t          n = data != NULL ? mosn_buf_len(data) : 0;
    size_t          max = r->conf->max_body_bytes;

    if (r->over || (r->received_all && !r->tunnel)) {
        return; /* behind its end there is nothing of the request */
    }
    r->bytes_received += n;
    r->received_all = end;
    if (!r->tunnel && max > 0 && r->bytes_received > max) {
        request_fail(r, MOSN_REASON_BODY_TOO_LARGE);
        return;
    }
    if (r->n_filters > 0 && !r->tunnel
        && !mosn_filters_on_request_data(r, data, end))
    {
        return;
    }
    if (r->changes && !r->tunnel) {
        mosn_chain_t body = { 0 };

        if (n > 0) {
            mosn_chain_append_ref(&body, data);
        }
        if (mosn_filters_change_request(r, &body, end)) {
            request_take_chain(r, &body, end, request_take_data);
        }
        mosn_chain_clear(&body);
        return;
    }
    request_take_data(r, data, end);
}


static void
request_down_on_trailers(mosn_stream_t *down, mosn_headers_t *trailers)
{
    mosn_request_t *r = down->owner;

    if (r->over) {
        return;
    }
    if (r->changes) {
        mosn_chain_t body = { 0 };

        if (mosn_filters_change_request(r, &body, true)) {
            request_take_chain(r, &body, false, request_take_data);
        }
        mosn_chain_clear(&body);
        if (r->over) {
            return;
        }
    }
    r->received_all = true;
    r->has_trailers = true;
    r->trailers = trailers;
    if (r->up != NULL) {
        r->forwarded_all = true;
        request_arm_timer(r);
        r->up->ops->send_trailers(r->up, trailers);
    }
}


static void
request_down_on_reset(mosn_stream_t *down, mosn_reason_e reason)
{
    mosn_request_t *r = down->owner;

    if (r->over) {
        return;
    }
    r->reason = reason;
    if (!r->responded) {
        r->status = mosn_reasons[reason].status;
    }
    request_finish(r);
}


static void
request_down_on_drained(mosn_stream_t *down)
{
    mosn_request_t *r = down->owner;

    if (r->up_paused && r->up != NULL) {
        r->up_paused = false;
        r->up->ops->resume(r->up);
    }
}


static void
request_on_reply(mosn_stream_t *down, unsigned status, mosn_str_t body)
{
    mosn_request_t *r = down->owner;

    if (r->over) {
        return;
    }
    if (r->responded) { /* too late to say it: the answer is cut */
        request_fail(r, MOSN_REASON_FILTER);
        return;
    }
    r->reason = MOSN_REASON_FILTER;
    if (body.len > 0) {
        request_reply(r, status, MOSN_STR("text/plain"), body, MOSN_STR_NULL);
    } else {
        request_reply_status(r, status);
    }
}


static void
request_on_filter_resume(mosn_stream_t *down, mosn_filter_t *filter)
{
    mosn_request_t *r = down->owner;

    if (r->over || !r->filter_paused) {
        return;
    }
    r->filter_paused = false;
    if (r->in_response) {
        MOSN_BUG_ON(filter != &r->filters[r->filter_at - 1]);
        r->filter_at--;
        request_respond(r, r->held_response, r->held_response_end);
        return;
    }
    MOSN_BUG_ON(filter != &r->filters[r->filter_at]);
    r->filter_at++;
    if (mosn_filters_on_request(r) == MOSN_NEXT) {
        request_route(r);
    }
}


static const mosn_stream_receiver_ops_t request_down_ops = {
    .on_head = request_down_on_head,
    .on_data = request_down_on_data,
    .on_trailers = request_down_on_trailers,
    .on_reset = request_down_on_reset,
    .on_drained = request_down_on_drained,
    .on_reply = request_on_reply,
    .on_filter_resume = request_on_filter_resume,
};


/* --- from the upstream -------------------------------------------------- */

/* The upstream stream is over; its answer is whole. */
static void
request_upstream_done(mosn_request_t *r)
{
    uint64_t us = (r->loop->now_ns - r->forwarded_ns) / 1000;

    r->up = NULL;
    mosn_metric_observe_us(r->host->metrics + MOSN_UPSTREAM_DURATION, us);
    mosn_metric_observe_us(r->cluster->metrics + MOSN_UPSTREAM_DURATION, us);
}


/* Filters, then the head to the client, then what was held meanwhile. */
static void
request_respond(mosn_request_t *r, mosn_message_t *m, bool end)
{
    mosn_stream_t *down = r->down;
    mosn_verdict_e verdict = mosn_filters_on_response(r, m);

    if (verdict == MOSN_PAUSE) {
        r->held_response = m;
        r->held_response_end = end;
        return;
    }
    if (verdict != MOSN_NEXT) {
        return;
    }

    r->responded = true;
    r->status = m->status;
    down->ops->send_head(down, m, end);
    if (r->over) {
        return;
    }
    if (end) {
        request_finish(r);
        return;
    }
    while (r->held_answer.head != NULL && !r->over) {
        mosn_buf_t *b = r->held_answer.head;
        bool        last = r->up == NULL && b->next == NULL;

        r->bytes_sent += mosn_buf_len(b);
        down->ops->send_data(down, b, last);
        if (!r->over) {
            mosn_chain_consume(&r->held_answer, mosn_buf_len(b));
            if (last) {
                request_finish(r);
            }
        }
    }
    if (!r->over) {
        request_down_on_drained(down);
    }
}


static void
request_up_on_head(mosn_stream_t *up, mosn_message_t *m, bool end)
{
    mosn_request_t *r = up->owner;

    if (r->over || r->up != up) {
        return;
    }

    r->response = m;
    r->answered_ns = r->loop->now_ns;
    r->replayable = false;
    mosn_chain_clear(&r->held);
    mosn_request_count_response(r, m->status);
    mosn_request_check_carried(r, m);

    if (r->head->upgrade_only && !up->tunnel && m->status / 100 == 2) {
        request_fail(r, MOSN_REASON_UPSTREAM_BAD_RESPONSE); /* no tunnel */
        return;
    }
    if (up->tunnel) {
        r->tunnel = true;
        r->received_all = r->forwarded_all = false;
        r->timeout_ms = r->conf->tunnel_idle_timeout_ms;
    }
    request_arm_timer(r);
    if (end) {
        request_upstream_done(r);
    }
    r->in_response = true;
    r->filter_at = r->n_filters;
    request_respond(r, m, end);
    if (r->filter_paused && r->up != NULL && !r->up_paused) {
        r->up_paused = true;
        r->up->ops->pause(r->up);
    }
}


static void
request_up_on_interim(mosn_stream_t *up, mosn_message_t *m)
{
    mosn_request_t *r = up->owner;

    if (r->over || r->up != up) {
        return;
    }

    if (r->down->ops->send_interim != NULL) {
        r->down->ops->send_interim(r->down, m);
    }
}


/* Body of the response that the filters have let through. */
static void
request_pass_data(mosn_request_t *r, const mosn_buf_t *data, bool end)
{
    mosn_stream_t *down = r->down;
    size_t         n = data != NULL ? mosn_buf_len(data) : 0;

    if (r->filter_paused) {
        if (n > 0) {
            mosn_chain_append_ref(&r->held_answer, data);
        }
        r->held_response_end = end && r->held_answer.bytes == 0;
        return;
    }

    r->bytes_sent += n;
    down->ops->send_data(down, data, end);
    if (r->over) {
        return;
    }
    if (end && (!r->tunnel || down->received_end)) {
        r->up = r->tunnel && down->received_end ? NULL : r->up;
        request_finish(r);
    } else if (mosn_stream_is_blocked(down) && !r->up_paused && r->up != NULL)
    {
        r->up_paused = true;
        r->up->ops->pause(r->up);
    }
}


static void
request_up_on_data(mosn_stream_t *up, const mosn_buf_t *data, bool end)
{
    mosn_request_t *r = up->owner;

    if (r->over || r->up != up) {
        return;
    }

    if (end && !r->tunnel) {
        request_upstream_done(r);
    }
    if (!end) {
        request_arm_timer(r);
    }
    if (r->n_filters > 0 && !mosn_filters_on_response_data(r, data, end)) {
        return;
    }
    if (r->changes && !r->tunnel) {
        mosn_chain_t body = { 0 };

        if (data != NULL && mosn_buf_len(data) > 0) {
            mosn_chain_append_ref(&body, data);
        }
        if (mosn_filters_change_response(r, &body, end)) {
            request_take_chain(r, &body, end, request_pass_data);
        }
        mosn_chain_clear(&body);
        return;
    }
    request_pass_data(r, data, end);
}


static void
request_up_on_trailers(mosn_stream_t *up, mosn_headers_t *trailers)
{
    mosn_request_t *r = up->owner;
    mosn_chain_t    body = { 0 };

    if (r->over || r->up != up) {
        return;
    }

    request_upstream_done(r);
    if (r->changes) {
        mosn_filters_on_response_trailers(r, trailers, &body);
        request_take_chain(r, &body, trailers->n == 0, request_pass_data);
        if (r->over || trailers->n == 0) {
            return;
        }
    }
    if (r->filter_paused) {
        r->held_response_end = r->held_answer.bytes == 0;
        return; /* trailers do not outlive a pause */
    }
    r->down->ops->send_trailers(r->down, trailers);
    request_finish(r);
}


static void
request_up_on_drained(mosn_stream_t *up)
{
    request_resume_down(up->owner);
}


static const mosn_stream_receiver_ops_t request_up_ops = {
    .on_head = request_up_on_head,
    .on_interim = request_up_on_interim,
    .on_data = request_up_on_data,
    .on_trailers = request_up_on_trailers,
    .on_reset = request_up_on_reset,
    .on_drained = request_up_on_drained,
};
