/* proxy/call.c - requests of protocols of calls on their way to a cluster. */

#include "proxy/request.h"

#include "stream/transcode.h"

#define SLACK_MS 50u /* who has a timer of his own tells better than we do */


/* The hosts speak HTTP: they get the whole frame, or what it says. */
static bool
call_to_http(mosn_request_t *r)
{
    mosn_message_t *m;

    mosn_chain_clear(&r->held); /* the call has its body in itself */
    if (r->version->conf->carry_calls) {
        m = mosn_transcode_wrap(r->head, r->pool, &r->held);
        r->carried = true;
    } else {
        m = mosn_transcode_to_http(r->head, r->pool, &r->held);
    }
    if (m == NULL) {
        return false;
    }
    r->received_all = true; /* what comes now is in it already */
    r->call = r->head;
    r->head = m;
    m->scheme = mosn_request_scheme(r, r->pc->conn->tls != NULL);
    mosn_request_add_headers(r); /* whatever the caller says of himself */
    return true;
}


/* Without a frame in it, the answer to a frame is a proxy's on the way. */
void
mosn_request_check_carried(const mosn_request_t *r, mosn_message_t *answer)
{
    if (r->carried && !mosn_transcode_is_carried(answer)) {
        answer->ours = true;
        answer->reason = answer->status < 400
                             ? MOSN_REASON_UPSTREAM_BAD_RESPONSE
                             : MOSN_REASON_NONE;
    }
}


bool
mosn_request_prepare_call(mosn_request_t *r)
{
    int32_t ms = r->head->rpc->frame.timeout_ms;

    if (ms > 0) { /* who calls knows best */
        r->timeout_ms = 0;
        r->deadline_ms = r->loop->now_ms + (uint64_t) ms + SLACK_MS;
    }
    return r->version->pool_conf.protocol->rpc != NULL || call_to_http(r);
}
