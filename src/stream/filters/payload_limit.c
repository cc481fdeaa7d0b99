/* stream/filters/payload_limit.c - refuse requests with too large a body. */

#include "stream/filter.h"

typedef struct {
    size_t max_bytes;
} payload_limit_conf_t;

static const mosn_directive_t payload_limit_directives[] = {
    MOSN_SIZE(payload_limit_conf_t, max_bytes, 1, 1ll << 40, 1 << 20,
              "Largest request body let through; then 413."),
    MOSN_DIRECTIVES_END
};


static mosn_verdict_e
payload_limit_on_request(mosn_filter_t *filter, mosn_stream_t *stream,
                         mosn_message_t *request)
{
    const payload_limit_conf_t *conf = filter->conf;

    if (mosn_message_body_len(request) <= conf->max_bytes) {
        return MOSN_NEXT;
    }

    mosn_stream_reply(stream, 413);
    return MOSN_END;
}


/* A body of unknown length is counted as it comes; the count is all the
 * state there is. */
static mosn_verdict_e
payload_limit_on_request_data(mosn_filter_t *filter, mosn_stream_t *stream,
                              const mosn_buf_t *data, bool end)
{
    const payload_limit_conf_t *conf = filter->conf;
    uintptr_t                   n = (uintptr_t) filter->state;

    (void) end;
    n += data != NULL ? mosn_buf_len(data) : 0;
    filter->state = (void *) n;
    if (n <= conf->max_bytes) {
        return MOSN_NEXT;
    }

    mosn_stream_reply(stream, 413);
    return MOSN_END;
}


static const mosn_filter_ops_t payload_limit_ops = {
    .conf_size = sizeof(payload_limit_conf_t),
    .directives = payload_limit_directives,
    .doc = "Refuses requests with too large a body.",
    .on_request = payload_limit_on_request,
    .on_request_data = payload_limit_on_request_data,
};

MOSN_MODULE(MOSN_STREAM_FILTER, payload_limit, &payload_limit_ops);
