/*
 * proxy/filter_chain.c - the stream filters of a request: forth in the order
 * of the configuration, back in the reverse.
 */

#include "core/log.h"
#include "proto/rpc.h"
#include "proxy/request.h"

/* Runs `n` request filters from filter_at on.  NEXT: through. */
mosn_verdict_e
mosn_filters_on_request(mosn_request_t *r)
{
    while (r->filter_at < r->n_filters) {
        mosn_filter_t *f = &r->filters[r->filter_at];
        mosn_verdict_e v = MOSN_NEXT;

        if (f->ops->on_request != NULL) {
            v = f->ops->on_request(f, r->down, r->head);
        }
        if (r->over) {
            return MOSN_END;
        }
        if (v == MOSN_PAUSE) {
            r->filter_paused = true;
            return v;
        }
        MOSN_BUG_ON(v == MOSN_END); /* said END without a reply */
        r->filter_at++;
    }
    return MOSN_NEXT;
}


/* On the way back in reverse order; filter_at counts down. */
mosn_verdict_e
mosn_filters_on_response(mosn_request_t *r, mosn_message_t *m)
{
    if (r->n_filters > 0) {
        mosn_message_need_headers(m);
    }
    while (r->filter_at > 0) {
        mosn_filter_t *f = &r->filters[r->filter_at - 1];
        mosn_verdict_e v = MOSN_NEXT;

        if (f->ops->on_response != NULL) {
            v = f->ops->on_response(f, r->down, m);
        }
        if (r->over) {
            return MOSN_END;
        }
        if (v == MOSN_PAUSE) {
            r->filter_paused = true;
            return v;
        }
        r->filter_at--;
    }
    return MOSN_NEXT;
}


bool
mosn_filters_on_request_data(mosn_request_t *r, const mosn_buf_t *data,
                             bool end)
{
    for (uint16_t i = 0; i < r->n_filters && !r->over; i++) {
        mosn_filter_t *f = &r->filters[i];

        if (f->ops->on_request_data != NULL) {
            (void) f->ops->on_request_data(f, r->down, data, end);
        }
    }
    return !r->over;
}


bool
mosn_filters_on_response_data(mosn_request_t *r, const mosn_buf_t *data,
                              bool end)
{
    for (uint16_t i = r->n_filters; i > 0 && !r->over; i--) {
        mosn_filter_t *f = &r->filters[i - 1];

        if (f->ops->on_response_data != NULL) {
            (void) f->ops->on_response_data(f, r->down, data, end);
        }
    }
    return !r->over;
}


bool
mosn_filters_change_request(mosn_request_t *r, mosn_chain_t *body, bool end)
{
    for (uint16_t i = 0; i < r->n_filters && !r->over; i++) {
        mosn_filter_t *f = &r->filters[i];

        if (f->ops->change_request != NULL) {
            f->ops->change_request(f, r->down, body, end);
        }
    }
    return !r->over;
}


bool
mosn_filters_change_response(mosn_request_t *r, mosn_chain_t *body, bool end)
{
    for (uint16_t i = r->n_filters; i > 0 && !r->over; i--) {
        mosn_filter_t *f = &r->filters[i - 1];

        if (f->ops->change_response != NULL) {
            f->ops->change_response(f, r->down, body, end);
        }
    }
    return !r->over;
}


void
mosn_filters_on_response_trailers(mosn_request_t *r, mosn_headers_t *trailers,
                                  mosn_chain_t *body)
{
    for (uint16_t i = r->n_filters; i > 0; i--) {
        mosn_filter_t *f = &r->filters[i - 1];

        if (f->ops->on_response_trailers != NULL) {
            f->ops->on_response_trailers(f, r->down, trailers, body);
        }
    }
}


void
mosn_filters_create(mosn_request_t *r)
{
    const mosn_conf_modules_t *conf = &r->conf->stream_filters;

    mosn_message_need_headers(r->head);
    r->n_filters = (uint16_t) conf->n;
    r->filters = mosn_pool_calloc(r->pool, conf->n * sizeof(*r->filters));
    for (size_t i = 0; i < conf->n; i++) {
        r->filters[i].ops = conf->items[i].module->ops;
        r->filters[i].conf = conf->items[i].conf;
        r->filters[i].stream = r->down;
        r->changes |= r->filters[i].ops->change_request != NULL
                      || r->filters[i].ops->change_response != NULL
                      || r->filters[i].ops->on_response_trailers != NULL;
    }
}
