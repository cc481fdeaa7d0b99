/*
 * proxy/request_attempt.c - a request on its way to a host: one attempt after
 * the other.
 *
 *   admitted --> waiting for a stream --> sent --> answered
 *       |               | failed           | lost, too slow, or an answer
 *     queued            +------ retry? <---+ that is not wanted
 */

#include "core/log.h"
#include "core/rand.h"
#include "proto/rpc.h"
#include "proxy/original.h"
#include "proxy/request_parts.h"

#define REPLAY_MAX (64u * 1024) /* body kept to send a request again */
#define QUEUE_MS   10u          /* how often those who wait look for room */
#define FAILED_NS  1000000000u  /* as if it had taken so long */

#define REFUSALS_AT_ONCE 3 /* then after 2, 4, 8 .. 128 ms */


/* --- counting -------------------------------------------------------------
 */

static void
request_free_host(mosn_request_t *r)
{
    if (r->host_counted) {
        r->host_counted = false;
        mosn_host_count(r->host, -1);
    }
}


void
mosn_request_use_host(mosn_request_t *r, mosn_host_t *host)
{
    if (r->host != NULL) {
        request_free_host(r);
        mosn_host_unref(r->host);
    }
    r->host = host != NULL ? mosn_host_ref(host) : NULL;
    if (host != NULL) {
        r->host_counted = true;
        mosn_host_count(host, 1);
    }
}


static void
request_count_retry(mosn_request_t *r, bool on)
{
    if (r->retrying != on) {
        r->retrying = on;
        mosn_retry_count(r->cluster, r->high, on);
    }
}


static void
request_unqueue(mosn_request_t *r)
{
    r->queued = false;
    mosn_list_unlink(&r->queue);
    mosn_list_init(&r->queue);
    r->cluster->n_queued[r->high]--;
    mosn_metric_dec(r->cluster->metrics + MOSN_UPSTREAM_QUEUED);
}


void
mosn_request_leave(mosn_request_t *r)
{
    if (r->cluster == NULL) {
        return;
    }
    if (r->queued) {
        request_unqueue(r);
    }
    request_count_retry(r, false);
    request_free_host(r);
    if (r->counted) {
        r->counted = false;
        mosn_metric_dec(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE);
        if (r->high) {
            mosn_metric_dec(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS_HIGH);
        }
        if (MOSN_UNLIKELY(r->cluster->n_queued[0] + r->cluster->n_queued[1]
                          > 0)) {
            mosn_request_admit_next(r->cluster);
        }
    }
}


/* Who is fast with failures is not to be asked first. */
static void
request_note_failure(const mosn_request_t *r, mosn_host_t *host)
{
    if (r->version->by_latency) {
        mosn_host_note_latency(host, r->loop->now_ns, FAILED_NS);
    }
}


/* --- time -----------------------------------------------------------------
 */

static void
request_sooner(uint64_t *at, uint64_t limit)
{
    if (limit > 0 && limit < *at) {
        *at = limit;
    }
}


/* Until when may nothing happen?  Before an answer all attempts together have
 * `timeout`, once the request is here; within it, and while the request
 * comes, each pause is limited. */
void
mosn_request_arm_timer(mosn_request_t *r)
{
    uint64_t now = r->loop->now_ms, at = UINT64_MAX;
    uint32_t idle = r->idle_ms > 0 ? r->idle_ms : r->timeout_ms;

    if (r->response == NULL && r->received_all) {
        if (r->answer_by_ms == 0 && r->timeout_ms > 0) {
            r->answer_by_ms = now + r->timeout_ms;
        }
        request_sooner(&at, r->answer_by_ms);
    } else if (idle > 0) {
        at = now + idle;
    }
    if (MOSN_UNLIKELY(r->try_by_ms > 0) && r->response == NULL) {
        request_sooner(&at, r->try_by_ms);
    }
    request_sooner(&at, r->deadline_ms);
    if (MOSN_LIKELY(at != UINT64_MAX)) {
        mosn_wheel_arm(&r->loop->wheel, &r->timer, at);
    } else {
        mosn_timer_disarm(r->loop, &r->timer);
    }
}


/* --- again ----------------------------------------------------------------
 */

static bool
request_may_retry(const mosn_request_t *r)
{
    const mosn_retry_conf_t *c = r->route != NULL ? r->route->retry : NULL;

    return c != NULL && r->replayable && !r->responded && !r->informed
           && !r->tunnel && r->attempts < c->attempts
           && (!c->idempotent_only || r->head->rpc != NULL
               || mosn_method_is_idempotent(r->head->method_id));
}


/* Sends it again, after a pause. */
static void
request_retry_in(mosn_request_t *r, uint64_t ms)
{
    request_count_retry(r, true);
    r->try_by_ms = 0;
    r->up_paused = false;
    mosn_request_arm_timer(r);
    mosn_timer_arm(r->loop, &r->backoff, ms > 0 ? ms : 1);
}


/* Within the limits of the cluster?  The retry that has just failed is none
 * any more. */
static bool
request_spend_retry(mosn_request_t *r)
{
    request_count_retry(r, false);
    return mosn_retry_spend(r->cluster, r->loop->now_ms, r->high);
}


/* Would an attempt after this pause come too late for an answer? */
static bool
request_is_too_late(const mosn_request_t *r, int64_t ms)
{
    uint64_t at = r->loop->now_ms + (uint64_t) ms;

    return (r->answer_by_ms > 0 && at >= r->answer_by_ms)
           || (r->deadline_ms > 0 && at >= r->deadline_ms);
}


/* True: it is sent again, sooner or later. */
static bool
request_retry_end(mosn_request_t *r, mosn_reason_e reason)
{
    if (!request_may_retry(r) || !mosn_retry_wants_end(r->route->retry, reason)
        || !request_spend_retry(r))
    {
        return false;
    }
    request_retry_in(r, (uint64_t) mosn_retry_delay_ms(
                            r->route->retry, r->attempts + 1u, NULL));
    return true;
}


bool
mosn_request_retry_answer(mosn_request_t *r, mosn_message_t *m)
{
    int64_t ms;

    if (mosn_request_is_hedged(r)
        && mosn_retry_wants_answer(r->route->retry, m)) {
        request_note_failure(r, r->host);
        mosn_request_drop_upstream(r, MOSN_REASON_NONE);
        return r->over || mosn_request_promote_hedge(r);
    }
    if (!request_may_retry(r) || !mosn_retry_wants_answer(r->route->retry, m))
    {
        return false;
    }
    ms = mosn_retry_delay_ms(r->route->retry, r->attempts + 1u, m);
    if (ms < 0 || request_is_too_late(r, ms) || !request_spend_retry(r)) {
        return false;
    }
    request_note_failure(r, r->host);
    mosn_request_drop_upstream(r, MOSN_REASON_NONE);
    if (!r->over) {
        request_retry_in(r, (uint64_t) ms);
    }
    return true;
}


void
mosn_request_try_again(mosn_request_t *r)
{
    mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_RETRIES);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_RETRIES);
    r->forwarded_all = false;
    mosn_request_forward(r);
}


void
mosn_request_backoff_over(mosn_timer_t *timer)
{
    mosn_request_t *r = mosn_container_of(timer, mosn_request_t, backoff);

    if (!r->queued) {
        if (r->host == NULL) {
            mosn_request_forward(r);
        } else if (r->up == NULL && !r->waiting && r->response == NULL) {
            mosn_request_try_again(r);
        }
        return;
    }
    /* Room may be made by another worker: those in the queue look. */
    mosn_timer_arm(r->loop, &r->backoff, QUEUE_MS);
    mosn_request_admit_next(r->cluster);
}


/* --- failures -------------------------------------------------------------
 */

void
mosn_request_blame(const mosn_request_t *r, mosn_host_t *host)
{
    mosn_outlier_note(r->cluster, host, MOSN_OUTCOME_LOCAL_ERROR,
                      r->loop->now_ms);
    request_note_failure(r, host);
}


void
mosn_request_blame_answer(const mosn_request_t *r, mosn_host_t *host,
                          const mosn_message_t *m)
{
    mosn_outlier_note(r->cluster, host,
                      m->status >= 500 ? MOSN_OUTCOME_ERROR
                                       : MOSN_OUTCOME_ANSWER,
                      r->loop->now_ms);
    request_note_failure(r, host);
}


void
mosn_request_count_lost(const mosn_request_t *r, mosn_host_t *host,
                        const mosn_stream_t *up, mosn_reason_e reason)
{
    mosn_metric_inc(host->metrics + MOSN_UPSTREAM_RESETS);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_RESETS);
    if (reason != MOSN_REASON_UPSTREAM_REFUSED
        && !(up->reused && mosn_stream_is_unsent(up)))
    {
        mosn_request_blame(r, host);
    }
}


/* It never left: another host may have it, and more of them when the route
 * and its budget say so. */
void
mosn_request_not_sent(mosn_request_t *r, mosn_reason_e reason)
{
    if (reason == MOSN_REASON_NO_HOST /* that was no attempt */
        || (r->attempts < MOSN_REQUEST_MAX_ATTEMPTS
            && r->cluster->n_hosts > 1))
    {
        mosn_request_try_again(r);
    } else if (!request_retry_end(r, reason)) {
        mosn_request_fail(r, reason);
    }
}


static void
request_on_no_upstream(mosn_stream_wait_t *wait, mosn_reason_e reason)
{
    mosn_request_t *r = mosn_container_of(wait, mosn_request_t, wait);

    r->waiting = false;
    if (reason == MOSN_REASON_NO_HOST) { /* it left while we waited */
        r->attempts--;
    } else if (reason != MOSN_REASON_OVERFLOW) {
        mosn_request_blame(r, r->host);
    }
    if (!mosn_request_promote_hedge(r)) {
        mosn_request_not_sent(r, reason);
    }
}


/* Its host is full, not broken: that was no attempt.  Who is refused again
 * and again asks less often. */
static void
request_refused(mosn_request_t *r)
{
    if (r->refusals < MOSN_REQUEST_MAX_REFUSALS) {
        r->refusals++;
        r->attempts--;
    }
    if (r->refusals <= REFUSALS_AT_ONCE) {
        mosn_request_try_again(r);
        return;
    }
    r->try_by_ms = 0;
    r->up_paused = false;
    mosn_request_arm_timer(r);
    mosn_timer_arm(r->loop, &r->backoff,
                   r->refusals < 10 ? 1u << (r->refusals - REFUSALS_AT_ONCE)
                                    : 1u << (10 - REFUSALS_AT_ONCE));
}


/* A retry, like those of a policy, but for the pause.  False: the cluster has
 * had enough of them. */
static bool
request_risk(mosn_request_t *r)
{
    if (!request_spend_retry(r)) {
        return false;
    }
    request_count_retry(r, true);
    mosn_request_try_again(r);
    return true;
}


void
mosn_request_lost(mosn_request_t *r, const mosn_stream_t *up,
                  mosn_reason_e reason)
{
    mosn_repeat_e repeat;

    if (mosn_reasons[reason].status / 100 == 4) {
        mosn_request_fail(r, reason); /* it cannot be said to any host */
        return;
    }
    mosn_request_count_lost(r, r->host, up, reason);
    if (mosn_request_promote_hedge(r)) {
        return;
    }
    repeat = mosn_request_may_repeat(r, up, reason);
    if (repeat == MOSN_REPEAT_SAFE && reason == MOSN_REASON_UPSTREAM_REFUSED) {
        request_refused(r);
    } else if (repeat == MOSN_REPEAT_SAFE) {
        r->repeated |= !mosn_stream_is_unsent(up);
        mosn_request_try_again(r);
    } else if (repeat == MOSN_REPEAT_AT_RISK) {
        if (!request_risk(r)) { /* nor is there another budget */
            mosn_request_fail(r, reason);
        }
    } else if (r->response != NULL || !request_retry_end(r, reason)) {
        mosn_request_fail(r, reason);
    }
}


/* Who waits for our own limit of connections waits for no host. */
static void
request_count_slow(const mosn_request_t *r)
{
    if (r->up != NULL
        || (r->waiting && mosn_host_pool(r->host, r->high)->n_connecting > 0))
    {
        mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_TIMEOUTS);
        mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_TIMEOUTS);
        mosn_request_blame(r, r->host);
    }
}


/* The host is too slow, for this attempt or altogether. */
static void
request_too_slow(mosn_request_t *r, bool attempt)
{
    request_count_slow(r);
    if (attempt) {
        mosn_request_drop_upstream(r, MOSN_REASON_UPSTREAM_TIMEOUT);
        if (r->over || mosn_request_promote_hedge(r)
            || request_retry_end(r, MOSN_REASON_UPSTREAM_TIMEOUT))
        {
            return;
        }
    }
    mosn_request_fail(r, MOSN_REASON_UPSTREAM_TIMEOUT);
}


/* Is one of the peers on its way with what it was given? */
static bool
request_is_taken(mosn_request_t *r)
{
    bool up = mosn_conn_is_taking(r->up->conn, &r->taken_up);
    bool down = mosn_conn_is_taking(r->pc->conn, &r->taken_down);

    return up || down;
}


/* It is not the upstream's fault: the client sends slowly, or reads so, or a
 * filter keeps the answer, which is whole; or the upstream takes its time
 * with what comes, but takes it.  Who answers before all is there has to go
 * on with that, or the client with the rest. */
static bool
request_waits(mosn_request_t *r)
{
    if (r->up == NULL) {
        return r->response != NULL;
    }
    if (r->tunnel) {
        return request_is_taken(r);
    }
    if (r->up_paused) {
        return true;
    }
    if (r->forwarded_all) {
        return false;
    }
    return mosn_stream_is_blocked(r->up) || r->response != NULL
               ? request_is_taken(r)
               : true;
}


void
mosn_request_timed_out(mosn_timer_t *timer)
{
    mosn_request_t *r = mosn_container_of(timer, mosn_request_t, timer);
    uint64_t        now = r->loop->now_ms;

    if (r->deadline_ms > 0 && now >= r->deadline_ms) {
        if (r->response == NULL && (r->forwarded_all || r->waiting)) {
            request_count_slow(r);
        }
        mosn_request_fail(r, MOSN_REASON_DEADLINE);
        return;
    }
    if (r->queued) {
        mosn_request_fail(r, MOSN_REASON_OVERFLOW);
        return;
    }
    if (request_waits(r)) {
        r->answer_by_ms = r->try_by_ms = 0;
        mosn_request_arm_timer(r);
        return;
    }
    if (r->tunnel) {
        mosn_request_fail(r, MOSN_REASON_IDLE_TIMEOUT);
        return;
    }
    request_too_slow(
        r, r->response == NULL && r->try_by_ms > 0 && now >= r->try_by_ms
               && (r->answer_by_ms == 0 || now < r->answer_by_ms));
}


/* --- an attempt -----------------------------------------------------------
 */

/* Body that cannot be sent again is not kept once it is on its way. */
void
mosn_request_trim_held(mosn_request_t *r)
{
    size_t max =
        r->route != NULL ? r->route->conf->route->replay_bytes : REPLAY_MAX;

    if (r->held.bytes > max) {
        r->replayable = false;
    }
    if (!r->replayable) {
        mosn_chain_clear(&r->held);
    }
}


static void
request_start_hedge(mosn_request_t *r)
{
    if (r->hedge == NULL && r->route != NULL
        && r->route->conf->route->hedge != NULL)
    {
        mosn_request_start_hedge(r);
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
    mosn_request_trim_held(r);
    mosn_request_arm_timer(r);
    request_start_hedge(r);
    if (!mosn_stream_is_blocked(up)) {
        mosn_request_resume_down(r);
    }
}


static void
request_on_upstream(mosn_stream_wait_t *wait, mosn_stream_t *stream)
{
    mosn_request_t *r = mosn_container_of(wait, mosn_request_t, wait);

    r->waiting = false;
    r->up = stream;
    stream->owner = r;
    stream->receiver = &mosn_request_up_ops;
    r->up_conn_id = stream->conn->id;
    mosn_metric_inc(r->host->metrics + MOSN_UPSTREAM_REQUESTS);
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS);
    request_send(r);
}


/* The cluster may have been replaced since the request was made ready for its
 * protocol: HTTP is the same in all its versions. */
static bool
request_suits(const mosn_request_t *r, const mosn_host_t *host)
{
    const mosn_stream_protocol_ops_t *ours = r->version->pool_conf.protocol;
    const mosn_stream_protocol_ops_t *its = host->version->pool_conf.protocol;

    return ours == its
           || (its != NULL && its->rpc == NULL && ours->rpc == NULL
               && r->head->rpc == NULL);
}


mosn_host_t *
mosn_request_pick(mosn_request_t *r)
{
    mosn_pick_t  how = { .subset = r->subset, .now_ns = r->loop->now_ns };
    mosn_host_t *host;

    if (MOSN_UNLIKELY(r->cluster->originals != NULL)) {
        return mosn_original_pick(r->cluster, r->pc->conn);
    }
    if (r->cluster->conf->sticky != NULL
        || (r->route != NULL && r->route->conf->route->hash.n > 0))
    {
        mosn_affinity_ask(r, &how);
    }
    if (r->attempts > 0) {
        how.avoid = r->host;
        how.tried = r->tried;
        how.n_tried = MOSN_REQUEST_TRIED;
    }
    host = mosn_cluster_pick(r->cluster, &how);
    if (host == NULL || !request_suits(r, host)) {
        return NULL;
    }
    r->tried[r->attempts % MOSN_REQUEST_TRIED] = host;
    return host;
}


/* A cluster may be so new that its names are being resolved. */
static void
request_no_host(mosn_request_t *r)
{
    if (r->host != NULL || !mosn_cluster_awaits_names(r->cluster)) {
        mosn_request_fail(r, MOSN_REASON_NO_HOST);
        return;
    }
    mosn_request_arm_timer(r);
    mosn_timer_arm(r->loop, &r->backoff, QUEUE_MS);
}


void
mosn_request_forward(mosn_request_t *r)
{
    mosn_host_t *host = mosn_request_pick(r);

    if (host == NULL) {
        request_no_host(r);
        return;
    }
    if ((r->head->authority.len == 0 || r->named_host)
        && host->version->pool_conf.protocol->rpc == NULL)
    {
        r->named_host = true; /* an HTTP/1.0 client named none */
        r->head->authority = mosn_pool_copy(r->pool, host->name);
    }
    mosn_request_use_host(r, host);
    r->attempts++;
    r->waiting = true;
    r->wait.pool = r->pool;
    r->wait.on_stream = request_on_upstream;
    r->wait.on_failed = request_on_no_upstream;
    mosn_request_start_try(r);
    mosn_stream_pool_get(mosn_host_pool(host, r->high), &r->wait);
    if (r->waiting && r->host == host) {
        request_start_hedge(r);
        mosn_request_arm_timer(r); /* else it is sent, and that has */
    }
}


/* --- room in the cluster --------------------------------------------------
 */

static bool
request_has_room_high(const mosn_cluster_t *c)
{
    const mosn_breaker_conf_t *breaker = c->conf->circuit_breaker_high;
    uint64_t                   max =
        (uint64_t) (breaker != NULL ? breaker : &c->conf->circuit_breaker)
            ->max_requests;

    return max == 0 || c->metrics == 0
           || mosn_metrics_sum(c->metrics + MOSN_UPSTREAM_REQUESTS_HIGH) < max;
}


/* All workers count: one asks for its share of the room, and takes that. */
bool
mosn_request_take_room(mosn_cluster_t *c, bool high, uint64_t now_ms)
{
    uint64_t max = (uint64_t) c->conf->circuit_breaker.max_requests;

    if (MOSN_UNLIKELY(high)) {
        return request_has_room_high(c);
    }
    if (max == 0 || MOSN_UNLIKELY(c->metrics == 0)) { /* nobody counts */
        return true;
    }
    if (MOSN_UNLIKELY(c->room == 0 || c->room_ms != now_ms)) {
        uint32_t slot = c->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE;

        c->room_ms = now_ms;
        c->room = mosn_metrics_share(slot, max);
        if (c->room == 0) {
            /* Those of a high priority are among them. */
            max += mosn_metrics_sum(c->metrics + MOSN_UPSTREAM_REQUESTS_HIGH);
            c->room = mosn_metrics_sum(slot) < max;
        }
        if (c->room == 0) {
            return false;
        }
    }
    c->room--;
    return true;
}


static void
request_enter(mosn_request_t *r)
{
    const mosn_forward_conf_t *conf = r->route->conf->route;

    r->counted = true;
    mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE);
    if (r->high) {
        mosn_metric_inc(r->cluster->metrics + MOSN_UPSTREAM_REQUESTS_HIGH);
    }
    if (r->route->retry != NULL || conf->hedge != NULL || conf->retry_lost) {
        mosn_retry_earn(r->cluster, r->loop->now_ms);
    }
    if (conf->mirror.n > 0) {
        mosn_mirrors_start(r);
    }
    mosn_request_forward(r);
}


static void
request_admit_queue(mosn_list_t *queue)
{
    while (!mosn_list_is_empty(queue)) {
        mosn_request_t *r =
            mosn_container_of(queue->next, mosn_request_t, queue);

        if (!mosn_request_take_room(r->cluster, r->high, r->loop->now_ms)) {
            break;
        }
        request_unqueue(r);
        mosn_timer_disarm(r->loop, &r->backoff);
        request_enter(r);
    }
}


void
mosn_request_admit_next(mosn_cluster_t *c)
{
    if (c->admitting) {
        return; /* one that fails at once has made room: the loop sees it */
    }
    c->admitting = true;
    request_admit_queue(&c->queues[true]);
    request_admit_queue(&c->queues[false]);
    c->admitting = false;
}


void
mosn_request_admit(mosn_request_t *r)
{
    mosn_cluster_t          *c = r->cluster;
    const mosn_queue_conf_t *queue = c->conf->queue;
    mosn_list_t             *waiting = &c->queues[r->high];
    uint64_t                 at;

    if (MOSN_LIKELY(c->n_queued[r->high] == 0
                    && mosn_request_take_room(c, r->high, r->loop->now_ms)))
    {
        request_enter(r);
        return;
    }
    if (queue == NULL || c->n_queued[r->high] >= (uint64_t) queue->size) {
        mosn_metric_inc(c->metrics + MOSN_UPSTREAM_PENDING_OVERFLOW);
        mosn_request_fail(r, MOSN_REASON_OVERFLOW);
        return;
    }
    r->queued = true;
    mosn_list_append(waiting, &r->queue);
    c->n_queued[r->high]++;
    mosn_metric_inc(c->metrics + MOSN_UPSTREAM_QUEUED);
    at = r->loop->now_ms + queue->timeout_ms;
    if (r->timeout_ms > 0) { /* waiting here is part of it */
        r->answer_by_ms =
            r->received_all ? r->loop->now_ms + r->timeout_ms : 0;
        request_sooner(&at, r->answer_by_ms);
    }
    request_sooner(&at, r->deadline_ms);
    mosn_timer_arm(r->loop, &r->timer,
                   at > r->loop->now_ms ? at - r->loop->now_ms : 1);
    mosn_timer_arm(r->loop, &r->backoff, QUEUE_MS);
}
