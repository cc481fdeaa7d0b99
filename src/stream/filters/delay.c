/*
 * stream/filters/delay.c - hold requests or responses for a while, to try how
 * clients and timeouts take it.
 *
 * The smallest filter that waits: on_request says PAUSE and arms a timer, the
 * timer resumes, on_end disarms.
 */

#include "stream/filter.h"

#include "core/rand.h"

enum { DELAY_REQUEST, DELAY_RESPONSE };

typedef struct {
    uint32_t delay_ms;
    double   percent;
    int      what;
} delay_conf_t;

typedef struct {
    mosn_timer_t   timer;
    mosn_filter_t *filter;
} delay_t;

static const char *const delay_whats[] = { "request", "response", NULL };

static const mosn_directive_t delay_directives[] = {
    MOSN_DURATION(delay_conf_t, delay, 1, 3600000, 1000,
                  "How long a request is held."),
    MOSN_FLOAT(delay_conf_t, percent, 0, 100, "100",
               "How many of the requests."),
    MOSN_ENUM(delay_conf_t, what, delay_whats, DELAY_REQUEST,
              "What is held: the `request` before it is routed, or its "
              "`response`."),
    MOSN_DIRECTIVES_END
};


static void
delay_fired(mosn_timer_t *timer)
{
    delay_t *delay = mosn_container_of(timer, delay_t, timer);

    mosn_filter_resume(delay->filter);
}


static mosn_verdict_e
delay_hold(mosn_filter_t *filter, mosn_stream_t *stream, int what)
{
    const delay_conf_t *conf = filter->conf;
    delay_t            *delay;

    if (what != conf->what
        || mosn_rand_below(1000000) >= (uint32_t) (conf->percent * 10000))
    {
        return MOSN_NEXT;
    }
    delay = mosn_pool_calloc(stream->pool, sizeof(*delay));
    delay->filter = filter;
    filter->state = delay;
    mosn_timer_init(&delay->timer, delay_fired);
    mosn_timer_arm(stream->conn->loop, &delay->timer, conf->delay_ms);
    return MOSN_PAUSE;
}


static mosn_verdict_e
delay_on_request(mosn_filter_t *filter, mosn_stream_t *stream,
                 mosn_message_t *request MOSN_UNUSED)
{
    return delay_hold(filter, stream, DELAY_REQUEST);
}


static mosn_verdict_e
delay_on_response(mosn_filter_t *filter, mosn_stream_t *stream,
                  mosn_message_t *response MOSN_UNUSED)
{
    return delay_hold(filter, stream, DELAY_RESPONSE);
}


static void
delay_on_end(mosn_filter_t *filter, mosn_stream_t *stream)
{
    delay_t *delay = filter->state;

    if (delay != NULL) {
        mosn_timer_disarm(stream->conn->loop, &delay->timer);
    }
}


static const mosn_filter_ops_t delay_ops = {
    .conf_size = sizeof(delay_conf_t),
    .directives = delay_directives,
    .doc = "Holds requests or responses for a while, to try how clients and "
           "timeouts take it.",
    .on_request = delay_on_request,
    .on_response = delay_on_response,
    .on_end = delay_on_end,
};

MOSN_MODULE(MOSN_STREAM_FILTER, delay, &delay_ops);
