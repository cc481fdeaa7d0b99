/* stream/filters/headers.c - set, add and remove headers. */

#include "proto/header_edits.h"
#include "stream/filter.h"

static void
headers_apply(mosn_headers_t *headers, const mosn_strs_t *remove,
              const mosn_conf_pairs_t *set, const mosn_conf_pairs_t *add)
{
    for (size_t i = 0; i < remove->n; i++) {
        mosn_headers_remove_name(headers, remove->items[i]);
    }
    for (size_t i = 0; i < set->n; i++) {
        mosn_str_t name = set->items[i].name;

        mosn_headers_set(headers, mosn_header_find_id(name.at, name.len), name,
                         set->items[i].value);
    }
    for (size_t i = 0; i < add->n; i++) {
        mosn_str_t name = add->items[i].name;

        mosn_headers_add(headers, mosn_header_find_id(name.at, name.len), name,
                         add->items[i].value);
    }
}


static mosn_verdict_e
headers_on_request(mosn_filter_t *filter, mosn_stream_t *stream,
                   mosn_message_t *request)
{
    const mosn_header_edits_conf_t *c = filter->conf;

    (void) stream;
    headers_apply(&request->headers, &c->request_remove, &c->request_set,
                  &c->request_add);
    return MOSN_NEXT;
}


static mosn_verdict_e
headers_on_response(mosn_filter_t *filter, mosn_stream_t *stream,
                    mosn_message_t *response)
{
    const mosn_header_edits_conf_t *c = filter->conf;

    (void) stream;
    headers_apply(&response->headers, &c->response_remove, &c->response_set,
                  &c->response_add);
    return MOSN_NEXT;
}


static const mosn_filter_ops_t headers_ops = {
    .conf_size = sizeof(mosn_header_edits_conf_t),
    .directives = mosn_header_edits_directives,
    .doc = "Sets, adds and removes headers.",
    .check = mosn_header_edits_check,
    .on_request = headers_on_request,
    .on_response = headers_on_response,
};

MOSN_MODULE(MOSN_STREAM_FILTER, headers, &headers_ops);
