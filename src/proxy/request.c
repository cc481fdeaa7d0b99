/*
 * proxy/request.c - pair, forward, retry, answer.
 *
 * Calls down into a stream may end the request under our feet (a send that
 * fails resets it), so `over` is looked at after each of them.
 */

#include "proxy/request_parts.h"

#include "core/log.h"
#include "os/clock.h"
#include "proto/rpc.h"
#include "proxy/grpc.h"

#define HOLD_MAX (64u * 1024) /* body held while no upstream is there */

static const mosn_stream_receiver_ops_t request_down_ops;


/* --- the end ------------------------------------------------------------ */

/* Lets go of the upstream: whatever is left of it is not wanted. */
void
mosn_request_drop_upstream(mosn_request_t *r, mosn_reason_e reason)
{
    if (r->waiting) {
        r->waiting = false;
        mosn_stream_pool_cancel(&r->wait);
    }
    if (r->up != NULL) {
        mosn_stream_t *up = r->up;

        r->up = NULL;
        up->ops->reset(up, reason);
    }
}


static void
request_unref_conf(const mosn_proxy_conf_t *conf)
{
    mosn_generation_t *generation = conf->generation;

    if (MOSN_UNLIKELY(conf->live != NULL)) {
        mosn_live_unref(conf->live);
    }
    mosn_generation_unref(generation);
}


/* What messages may borrow from goes when their streams are gone. */
static void
request_let_go(void *object)
{
    mosn_request_t *r = object;

    if (r->host != NULL) {
        mosn_host_unref(r->host);
    }
    if (r->version != NULL) {
        mosn_cluster_version_unref(r->version);
    }
    if (r->routes != NULL) {
        mosn_routes_unref(r->routes);
    }
    request_unref_conf(r->conf);
}


/* The downstream stream is over. */
void
mosn_request_finish(mosn_request_t *r)
{
    if (r->over) {
        return;
    }
    r->over = true;
    r->down = NULL;
    mosn_timer_disarm(r->loop, &r->timer);
    mosn_timer_disarm(r->loop, &r->backoff);
    mosn_request_drop_upstream(r, r->reason);
    if (r->hedge != NULL) {
        mosn_request_end_hedge(r, r->reason);
    }
    if (r->mirrors != NULL) {
        mosn_mirrors_leave(r);
    }
    mosn_request_leave(r);
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
}


/* --- the body of the request -------------------------------------------- */

void
mosn_request_pause_down(mosn_request_t *r)
{
    if (!r->down_paused && r->down != NULL) {
        r->down_paused = true;
        r->down->ops->pause(r->down);
    }
}


void
mosn_request_resume_down(mosn_request_t *r)
{
    if (r->down_paused && r->down != NULL) {
        r->down_paused = false;
        r->down->ops->resume(r->down);
    }
}


/* --- from the client ---------------------------------------------------- */

static void
request_on_stream(void *owner, mosn_stream_t *stream)
{
    mosn_proxy_conn_t *pc = owner;
    mosn_request_t    *r = mosn_pool_calloc(stream->pool, sizeof(*r));

    if (MOSN_UNLIKELY(pc->conn->chain->live != pc->conf->live)) {
        mosn_proxy_take_settings(pc);
    }
    r->pc = pc;
    r->conf = pc->conf;
    r->loop = pc->conn->loop;
    r->pool = stream->pool;
    r->down = stream;
    r->id = stream->id;
    r->replayable = true;
    r->started_ns = r->loop->now_ns;
    mosn_list_init(&r->wait.link);
    mosn_list_init(&r->queue);
    mosn_timer_init(&r->timer, mosn_request_timed_out);
    mosn_timer_init(&r->backoff, mosn_request_backoff_over);
    (void) mosn_generation_ref(r->conf->generation);
    if (r->conf->live != NULL) {
        (void) mosn_live_ref(r->conf->live);
    }
    mosn_pool_on_destroy(r->pool, request_let_go, r);
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
    mosn_reason_e   reason;

    r->head = head;
    r->path = head->path; /* a route may rewrite the head's */
    r->authority = head->authority;
    if (head->rpc == NULL) {
        head->scheme = mosn_request_scheme(r, r->pc->conn->tls != NULL);
        mosn_request_spell_path(r->conf, head, r->pool);
    }
    r->spelled = head->path;
    r->received_all = end;
    r->grpc = mosn_headers_has(&head->headers, MOSN_HEADER_CONTENT_TYPE)
              && mosn_grpc_is(head);
    if (r->conf->stream_filters.n > 0) {
        const mosn_header_t *type =
            mosn_headers_find(&head->headers, MOSN_HEADER_CONTENT_TYPE);

        r->type = type != NULL ? mosn_header_value(type) : MOSN_STR_NULL;
        mosn_filters_create(r);
    }
    reason = mosn_request_check(r);
    if (reason != MOSN_REASON_NONE) {
        mosn_request_fail(r, reason);
        return;
    }
    if (r->n_filters == 0 || mosn_filters_on_request(r) == MOSN_NEXT) {
        mosn_request_route(r);
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
    if (r->mirrors != NULL && !r->tunnel) {
        mosn_mirrors_data(r, data, end);
        if (r->over || r->up != up) { /* a copy that is over made room */
            return;
        }
    }
    if (up == NULL) { /* not yet: it is held */
        if (r->held.bytes > HOLD_MAX) {
            mosn_request_pause_down(r);
        }
        return;
    }

    r->forwarded_all = end;
    if (end) {
        mosn_request_start_try(r);
    }
    mosn_request_arm_timer(r);
    up->ops->send_data(up, data, end);
    if (r->over || r->up != up) {
        return;
    }
    mosn_request_trim_held(r);
    if (r->tunnel && end && up->received_end && !r->held_end) {
        r->up = NULL;
        mosn_request_finish(r);
    } else if (mosn_stream_is_blocked(up)) {
        mosn_request_pause_down(r);
    }
}


/* Calls `take` for each piece of a chain, the last one with the end. */
void
mosn_request_take_chain(mosn_request_t *r, mosn_chain_t *body, bool end,
                        void (*take)(mosn_request_t *, const mosn_buf_t *,
                                     bool))
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
        mosn_request_fail(r, MOSN_REASON_BODY_TOO_LARGE);
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
            mosn_request_take_chain(r, &body, end, request_take_data);
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
            mosn_request_take_chain(r, &body, false, request_take_data);
        }
        mosn_chain_clear(&body);
        if (r->over) {
            return;
        }
    }
    r->received_all = true;
    r->has_trailers = true;
    r->trailers = trailers;
    if (r->mirrors != NULL) {
        mosn_mirrors_trailers(r, trailers);
    }
    if (r->up != NULL) {
        r->forwarded_all = true;
        mosn_request_start_try(r);
        mosn_request_arm_timer(r);
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
    mosn_request_finish(r);
}


void
mosn_request_resume_up(mosn_stream_t *down)
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
        mosn_request_fail(r, MOSN_REASON_FILTER);
        return;
    }
    r->reason = MOSN_REASON_FILTER;
    if (body.len > 0) {
        mosn_request_reply(r, status, MOSN_STR("text/plain"), body,
                           MOSN_STR_NULL);
    } else {
        mosn_request_reply_status(r, status);
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
        mosn_request_respond(r, r->held_response, r->held_response_end);
        return;
    }
    MOSN_BUG_ON(filter != &r->filters[r->filter_at]);
    r->filter_at++;
    if (mosn_filters_on_request(r) == MOSN_NEXT) {
        mosn_request_route(r);
    }
}


static const mosn_stream_receiver_ops_t request_down_ops = {
    .on_head = request_down_on_head,
    .on_data = request_down_on_data,
    .on_trailers = request_down_on_trailers,
    .on_reset = request_down_on_reset,
    .on_drained = mosn_request_resume_up,
    .on_reply = request_on_reply,
    .on_filter_resume = request_on_filter_resume,
};
