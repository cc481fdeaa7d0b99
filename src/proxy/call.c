/* proxy/call.c - requests of protocols of calls on their way to a cluster. */

#include "proxy/request.h"

#include "stream/transcode.h"


/* The hosts speak HTTP: they get the whole frame, or what it says. */
static bool
call_to_http(mosn_request_t *r)
{
    mosn_message_t *m;

    if (r->cluster->conf->carry_calls) {
        m = mosn_transcode_wrap(r->head, r->pool, &r->held);
    } else {
        m = mosn_transcode_to_http(r->head, r->pool, &r->held);
    }
    if (m == NULL) {
        return false;
    }
    r->received_all = true; /* what comes now is in it already */
    r->call = r->head;
    r->head = m;
    return true;
}


bool
mosn_request_prepare_call(mosn_request_t *r)
{
    int32_t ms = r->head->rpc->frame.timeout_ms;

    if (ms > 0) { /* who calls knows best */
        r->timeout_ms = 0;
        r->deadline_ms = r->loop->now_ms + (uint64_t) ms;
    }
    return r->cluster->pool_conf.protocol->rpc != NULL || call_to_http(r);
}
