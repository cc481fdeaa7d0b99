/* proxy/repeat.c - may a request be sent again? */

#include "proxy/request.h"


/* Was it provably not processed?  Either nothing of it left, or it may be
 * repeated and met a kept connection that the upstream was about to close
 * (RFC 9112, 9.3.1), which happens once (RFC 9110, 9.2.2). */
mosn_repeat_e
mosn_request_may_repeat(const mosn_request_t *r, const mosn_stream_t *up,
                        mosn_reason_e reason)
{
    bool unsent =
        mosn_stream_is_unsent(up) || reason == MOSN_REASON_UPSTREAM_REFUSED;

    if (r->responded || r->response != NULL || !r->replayable
        || (r->attempts >= MOSN_REQUEST_MAX_ATTEMPTS
            && (reason != MOSN_REASON_UPSTREAM_REFUSED
                || r->refusals >= MOSN_REQUEST_MAX_REFUSALS))
        || (reason != MOSN_REASON_UPSTREAM_CLOSED
            && reason != MOSN_REASON_UPSTREAM_RESET
            && reason != MOSN_REASON_UPSTREAM_REFUSED
            && reason != MOSN_REASON_KEEPALIVE_TIMEOUT))
    {
        return MOSN_REPEAT_NOT;
    }
    if (unsent
        || (up->reused && up->conn->closed && !r->repeated
            && mosn_method_is_idempotent(r->head->method_id)))
    {
        return MOSN_REPEAT_SAFE;
    }
    return r->route != NULL && r->route->conf->route->retry_lost
               ? MOSN_REPEAT_AT_RISK
               : MOSN_REPEAT_NOT;
}
