/*
 * proxy/request_parts.h - what the files of a request say to each other.
 *
 *   request.c          its life, the client's side
 *   request_route.c    route and cluster
 *   request_attempt.c  one host after the other
 *   request_hedge.c    and two at a time
 *   request_up.c       the upstream's side
 *   reply.c            answers of our own
 *
 * Each of these may end the request: look at `over` behind it.
 */

#ifndef MOSN_PROXY_REQUEST_PARTS_H
#define MOSN_PROXY_REQUEST_PARTS_H

#include "proxy/request.h"

/* request.c */

/* The downstream stream is over. */
void mosn_request_finish(mosn_request_t *r);

/* Lets go of the upstream: whatever is left of it is not wanted. */
void mosn_request_drop_upstream(mosn_request_t *r, mosn_reason_e reason);
void mosn_request_pause_down(mosn_request_t *r);
void mosn_request_resume_down(mosn_request_t *r);

/* Calls `take` for each piece of a chain, the last one with the end. */
void mosn_request_take_chain(mosn_request_t *r, mosn_chain_t *body, bool end,
                             void (*take)(mosn_request_t *, const mosn_buf_t *,
                                          bool));

/* The client takes more again. */
void mosn_request_resume_up(mosn_stream_t *down);

/* request_attempt.c */

/* To a host of its cluster, as soon as that has room. */
void mosn_request_admit(mosn_request_t *r);

/* An answer of ours to CONNECT would look like the tunnel's. */
static inline bool
mosn_route_may_answer(const mosn_route_t *route, const mosn_message_t *head)
{
    return route->conf->route != NULL
           || (head->method_id != MOSN_METHOD_CONNECT && !head->upgrade_only);
}


/* To a host; again, to another one. */
void mosn_request_forward(mosn_request_t *r);
void mosn_request_try_again(mosn_request_t *r);

/* A host that was not tried yet, or NULL. */
mosn_host_t *mosn_request_pick(mosn_request_t *r);

/* The host that it goes to now. */
void mosn_request_use_host(mosn_request_t *r, mosn_host_t *host);

/* There was no stream for it: it is sent again, or fails. */
void mosn_request_not_sent(mosn_request_t *r, mosn_reason_e reason);

/* An attempt has ended without an answer, with one that nobody wants, or by
 * the end of its stream: what is counted against its host. */
void mosn_request_blame(const mosn_request_t *r, mosn_host_t *host);
void mosn_request_blame_answer(const mosn_request_t *r, mosn_host_t *host,
                               const mosn_message_t *m);
void mosn_request_count_lost(const mosn_request_t *r, mosn_host_t *host,
                             const mosn_stream_t *up, mosn_reason_e reason);

/* Its upstream stream has ended without an answer, or within it. */
void mosn_request_lost(mosn_request_t *r, const mosn_stream_t *up,
                       mosn_reason_e reason);

/* True: the answer is not passed on, another attempt follows. */
bool mosn_request_retry_answer(mosn_request_t *r, mosn_message_t *m);

/* It is over: counts it out of its cluster, and lets others in. */
void mosn_request_leave(mosn_request_t *r);
void mosn_request_admit_next(mosn_cluster_t *cluster);

void mosn_request_trim_held(mosn_request_t *r);
void mosn_request_arm_timer(mosn_request_t *r);
void mosn_request_timed_out(mosn_timer_t *timer);
void mosn_request_backoff_over(mosn_timer_t *timer);

/* Its attempt has as long from now on, or anew: its last byte is sent. */
static inline void
mosn_request_start_try(mosn_request_t *r)
{
    const mosn_retry_conf_t *retry = r->route != NULL ? r->route->retry : NULL;

    if (retry != NULL && retry->per_try_timeout_ms > 0) {
        r->try_by_ms = r->loop->now_ms + retry->per_try_timeout_ms;
    }
}


/* request_hedge.c */

/* Is one request more allowed in the cluster?  Who is told so counts it. */
bool mosn_request_take_room(mosn_cluster_t *cluster, bool high,
                            uint64_t now_ms);

/* A browser asks beforehand: the route is that of the request to come.  NULL:
 * it does not. */
const mosn_route_t *mosn_request_find_preflight(mosn_request_t     *r,
                                                mosn_match_input_t *input);

/* A second attempt beside the first, when that is slow. */
void mosn_request_start_hedge(mosn_request_t *r);

/* The first one has failed: the second takes its place.  False: there is
 * none. */
bool mosn_request_promote_hedge(mosn_request_t *r);

/* Is a second attempt under way? */
bool mosn_request_is_hedged(const mosn_request_t *r);
void mosn_request_end_hedge(mosn_request_t *r, mosn_reason_e reason);

/* request_route.c: behind the filters of the request. */
void mosn_request_route(mosn_request_t *r);

/* Host and path as the upstream is to see them.  False: the path became too
 * long. */
bool mosn_request_rewrite(mosn_request_t *r);

/* request_up.c */
extern const mosn_stream_receiver_ops_t mosn_request_up_ops;

/* Filters, then the head to the client, then what was held meanwhile. */
void mosn_request_respond(mosn_request_t *r, mosn_message_t *m, bool end);

/* reply.c */
void mosn_request_reply(mosn_request_t *r, unsigned status, mosn_str_t type,
                        mosn_str_t body, mosn_str_t location);

/* What its route and cluster change of a response. */
void mosn_request_edit_response(mosn_request_t *r, mosn_message_t *m);

/* "Bad Gateway\n" */
void mosn_request_reply_status(mosn_request_t *r, unsigned status);
void mosn_request_fail(mosn_request_t *r, mosn_reason_e reason);

#endif
