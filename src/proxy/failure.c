/* proxy/failure.c - what is told of requests that fail. */

#include "core/log.h"
#include "proxy/request.h"

/* What an upstream did is for the operator, what a client did is not.  A bad
 * minute is told by ten lines a second and a count of the rest. */
void
mosn_request_log_failure(const mosn_request_t *r, mosn_reason_e reason)
{
    static uint64_t  second; /* of this process */
    static unsigned  lines, left_out;
    mosn_log_level_e level =
        r->host != NULL && mosn_reasons[reason].status >= 500 ? MOSN_LOG_WARN
                                                              : MOSN_LOG_INFO;

    if (r->loop->now_ms / 1000 != second) {
        if (left_out > 0) {
            mosn_log_warn(0, "%u failures more in that second", left_out);
        }
        second = r->loop->now_ms / 1000;
        lines = left_out = 0;
    }
    if (level == MOSN_LOG_WARN && ++lines > 10) {
        left_out++;
        return;
    }
    mosn_log(level, 0,
             "conn %llu request %llu, cluster \"%.*s\", host %.*s: %s (%s)",
             (unsigned long long) r->pc->conn->id, (unsigned long long) r->id,
             r->cluster != NULL ? (int) r->cluster->name.len : 1,
             r->cluster != NULL ? r->cluster->name.at : "-",
             r->host != NULL ? (int) r->host->name.len : 1,
             r->host != NULL ? r->host->name.at : "-",
             mosn_reasons[reason].text, mosn_reasons[reason].name.at);
}
