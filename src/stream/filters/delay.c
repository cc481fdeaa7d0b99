/*
 * stream/filters/delay.c - hold requests for a while, to try how clients and
 * timeouts take it.
 *
 * The smallest filter that waits: on_request says PAUSE and arms a timer, the
 * timer resumes, on_end disarms.
 */

#include "stream/filter.h"

#include "core/rand.h"

typedef struct {
    uint32_t delay_ms;
    double   percent;
} delay_conf_t;

typedef struct {
    mosn_timer_t   timer;
    mosn_filter_t *filter;
} delay_t;

static const mosn_directive_t delay_directives[] = {
    MOSN_DURATION(delay_conf_t, delay, 1, 3600000, 1000,
                  "How long a request is held."),
    MOSN_FLOAT(delay_conf_t, percent, 0, 100, "100",
               "How many of the requests."),
    MOSN_DIRECTIVES_END
};


static void
delay_fired(mosn_timer_t *timer)
{
    delay_t *delay = mosn_container_of(timer, delay_t, timer);

    mosn_filter_resume(delay->filter);
}


static mosn_verdict_e
delay_on_request(mosn_filter_t *filter, mosn_stream_t *stream,
                 mosn_message_t *request)
{
    const delay_conf_t *conf = filter->conf;
    delay_t            *delay;

    (void) request;
    if (mosn_rand_below(1000000) >= (uint32_t) (conf->percent * 10000)) {
        return MOSN_NEXT;
    }
    delay = mosn_pool_calloc(stream->pool, sizeof(*delay));
    delay->filter = filter;
    filter->state = delay;
    mosn_timer_init(&delay->timer, delay_fired);
    mosn_timer_arm(stream->conn->loop, &delay->timer, conf->delay_ms);
    return MOSN_PAUSE;
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
    .doc = "Holds requests for a while, to try how clients and timeouts "
           "take it.",
    .on_request = delay_on_request,
    .on_end = delay_on_end,
};

MOSN_MODULE(MOSN_STREAM_FILTER, delay, &delay_ops);
