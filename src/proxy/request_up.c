/*
 * proxy/request_up.c - what comes from the upstream, on its way to the client.
 */

#include "proxy/request_parts.h"


/* The upstream stream is over; its answer is whole. */
static void
request_upstream_done(mosn_request_t *r)
{
    uint64_t           us = (r->loop->now_ns - r->forwarded_ns) / 1000;
    mosn_observation_t o = mosn_metrics_observation(us);

    r->up = NULL;
    mosn_metric_observe(r->host->metrics + MOSN_UPSTREAM_DURATION, o);
    mosn_metric_observe(r->cluster->metrics + MOSN_UPSTREAM_DURATION, o);
}


/* The end of the answer has been sent; a tunnel has two, of which the second
 * cannot come when the host is gone. */
static void
request_answered(mosn_request_t *r)
{
    mosn_stream_t *down = r->down;

    if (!r->tunnel) {
        mosn_request_finish(r);
    } else if (down->received_end) {
        r->up = NULL;
        mosn_request_finish(r);
    } else if (r->up == NULL) {
        mosn_request_finish(r);
        down->ops->reset(down, MOSN_REASON_NONE);
    }
}


static void request_filter_data(mosn_request_t *r, const mosn_buf_t *data,
                                bool end);
static void request_filter_trailers(mosn_request_t *r,
                                    mosn_headers_t *trailers);


/* Filters that have not seen the head are to see nothing behind it. */
static void
request_hold(mosn_request_t *r, const mosn_buf_t *data, bool end)
{
    if (data != NULL && mosn_buf_len(data) > 0) {
        mosn_chain_append_ref(&r->held_answer, data);
    }
    r->held_end = end;
}


/* What came while the head was held. */
static MOSN_NOINLINE void
request_send_held(mosn_request_t *r)
{
    while (!r->over && r->held_answer.head != NULL) {
        mosn_buf_t *b = r->held_answer.head;
        bool last = r->held_end && b->next == NULL && r->held_trailers == NULL;

        r->held_end = r->held_end && !last;
        request_filter_data(r, b, last);
        if (!r->over) {
            mosn_chain_consume(&r->held_answer, mosn_buf_len(b));
        }
    }
    if (!r->over && r->held_trailers != NULL) {
        request_filter_trailers(r, r->held_trailers);
    } else if (!r->over && r->held_end) {
        r->held_end = false;
        request_filter_data(r, NULL, true);
    }
}


void
mosn_request_respond(mosn_request_t *r, mosn_message_t *m, bool end)
{
    mosn_stream_t *down = r->down;

    if (r->n_filters > 0) {
        mosn_verdict_e verdict = mosn_filters_on_response(r, m);

        if (verdict == MOSN_PAUSE) {
            r->held_response = m;
            r->held_response_end = end;
        }
        if (verdict != MOSN_NEXT) {
            return;
        }
    }

    r->responded = true;
    r->status = m->status;
    down->ops->send_head(down, m, end);
    if (r->over) {
        return;
    }
    if (end) {
        mosn_request_finish(r);
        return;
    }
    if (MOSN_UNLIKELY(r->held_answer.head != NULL || r->held_trailers != NULL
                      || r->held_end))
    {
        request_send_held(r);
    }
    if (!r->over && r->up_paused) {
        mosn_request_resume_up(down);
    }
}


static void
request_up_on_head(mosn_stream_t *up, mosn_message_t *m, bool end)
{
    mosn_request_t *r = up->owner;

    if (r->over || r->up != up) {
        return;
    }

    if (r->cluster->conf->outlier_detection != NULL) {
        mosn_outlier_note(r->cluster, r->host,
                          m->status >= 500 ? MOSN_OUTCOME_ERROR
                                           : MOSN_OUTCOME_ANSWER,
                          r->loop->now_ms);
    }
    if (r->route != NULL && r->route->retry != NULL) {
        if (end) {
            r->up = NULL; /* nothing of it is left to be dropped */
        }
        if (mosn_request_retry_answer(r, m)) {
            mosn_request_count_response(r, m->status);
            return;
        }
        r->up = up;
    }
    if (r->hedge != NULL) {
        mosn_request_end_hedge(r, MOSN_REASON_NONE);
    }
    if (r->retrying) {
        mosn_timer_disarm(r->loop, &r->backoff); /* a hedge was faster */
    }
    r->response = m;
    r->answered_ns = r->loop->now_ns;
    if (r->cluster->conf->sticky != NULL) {
        mosn_affinity_note(r, r->host);
    }
    if (r->version->by_latency) {
        mosn_host_note_latency(r->host, r->loop->now_ns,
                               r->loop->now_ns - r->forwarded_ns);
    }
    r->replayable = false;
    mosn_chain_clear(&r->held);
    mosn_request_count_response(r, m->status);
    mosn_request_check_carried(r, m);

    if (r->head->upgrade_only && !up->tunnel && m->status / 100 == 2) {
        mosn_request_fail(r,
                          MOSN_REASON_UPSTREAM_BAD_RESPONSE); /* no tunnel */
        return;
    }
    if (up->tunnel) {
        r->tunnel = true;
        r->received_all = r->forwarded_all = false;
        r->timeout_ms = r->idle_ms = r->conf->tunnel_idle_timeout_ms;
    }
    if (end) {
        request_upstream_done(r);
    } else {
        mosn_request_arm_timer(r);
    }
    if (r->route != NULL
        && (r->edits || r->n_cookies > 0 || r->sticky_cookie.len > 0
            || r->route->cors != NULL))
    {
        mosn_request_edit_response(r, m);
    }
    r->in_response = true;
    r->filter_at = r->n_filters;
    mosn_request_respond(r, m, end);
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

    if (r->down->ops->send_interim != NULL
        && r->down->ops->send_interim(r->down, m)
        && m->status != 100) /* which tells nothing of a host */
    {
        r->informed = true;
        mosn_request_end_hedge(r, MOSN_REASON_NONE);
    }
}


/* Body of the response that the filters have let through. */
static void
request_pass_data(mosn_request_t *r, const mosn_buf_t *data, bool end)
{
    mosn_stream_t *down = r->down;

    r->bytes_sent += data != NULL ? mosn_buf_len(data) : 0;
    down->ops->send_data(down, data, end);
    if (r->over) {
        return;
    }
    if (end) {
        request_answered(r);
    } else if (mosn_stream_is_blocked(down) && !r->up_paused && r->up != NULL)
    {
        r->up_paused = true;
        r->up->ops->pause(r->up);
    }
}


static void
request_filter_data(mosn_request_t *r, const mosn_buf_t *data, bool end)
{
    if (r->n_filters > 0 && !mosn_filters_on_response_data(r, data, end)) {
        return;
    }
    if (r->changes && !r->tunnel) {
        mosn_chain_t body = { 0 };

        if (data != NULL && mosn_buf_len(data) > 0) {
            mosn_chain_append_ref(&body, data);
        }
        if (mosn_filters_change_response(r, &body, end)) {
            mosn_request_take_chain(r, &body, end, request_pass_data);
        }
        mosn_chain_clear(&body);
        return;
    }
    request_pass_data(r, data, end);
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
        mosn_request_arm_timer(r);
    }
    if (MOSN_UNLIKELY(r->filter_paused)) {
        request_hold(r, data, end);
    } else {
        request_filter_data(r, data, end);
    }
}


static void
request_filter_trailers(mosn_request_t *r, mosn_headers_t *trailers)
{
    mosn_chain_t body = { 0 };

    if (r->changes) {
        mosn_filters_on_response_trailers(r, trailers, &body);
        mosn_request_take_chain(r, &body, trailers->n == 0, request_pass_data);
        if (r->over || trailers->n == 0) {
            return;
        }
    }
    r->down->ops->send_trailers(r->down, trailers);
    mosn_request_finish(r);
}


static void
request_up_on_trailers(mosn_stream_t *up, mosn_headers_t *trailers)
{
    mosn_request_t *r = up->owner;

    if (r->over || r->up != up) {
        return;
    }

    request_upstream_done(r);
    if (r->filter_paused) { /* their stream goes before it is over */
        r->held_trailers = mosn_headers_copy(trailers, r->pool);
    } else {
        request_filter_trailers(r, trailers);
    }
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
    if (r->tunnel && up->received_end
        && (r->filter_paused || reason == MOSN_REASON_NONE))
    {
        r->reason = reason;
        if (!r->filter_paused) { /* else when it has got what is held */
            request_answered(r);
        }
        return;
    }
    mosn_request_lost(r, up, reason);
}


static void
request_up_on_drained(mosn_stream_t *up)
{
    mosn_request_resume_down(up->owner);
}


const mosn_stream_receiver_ops_t mosn_request_up_ops = {
    .on_head = request_up_on_head,
    .on_interim = request_up_on_interim,
    .on_data = request_up_on_data,
    .on_trailers = request_up_on_trailers,
    .on_reset = request_up_on_reset,
    .on_drained = request_up_on_drained,
};
