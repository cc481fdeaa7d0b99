/* stream/filters/headers.c - set, add and remove headers. */

#include "stream/filter.h"

typedef struct {
    mosn_conf_pairs_t request_set;
    mosn_conf_pairs_t request_add;
    mosn_strs_t       request_remove;
    mosn_conf_pairs_t response_set;
    mosn_conf_pairs_t response_add;
    mosn_strs_t       response_remove;
} headers_conf_t;

static const mosn_directive_t headers_directives[] = {
    MOSN_STRINGS(headers_conf_t, request_remove,
                 "Headers taken off requests; before what is set."),
    MOSN_MAP(headers_conf_t, request_set,
             "Headers of requests, in place of what came."),
    MOSN_MAP(headers_conf_t, request_add,
             "Headers of requests, beside what came."),
    MOSN_STRINGS(headers_conf_t, response_remove,
                 "Headers taken off responses; before what is set."),
    MOSN_MAP(headers_conf_t, response_set,
             "Headers of responses, in place of what came."),
    MOSN_MAP(headers_conf_t, response_add,
             "Headers of responses, beside what came."),
    MOSN_DIRECTIVES_END
};


/* What frames a message is the codecs' alone. */
static bool
headers_is_ours(mosn_str_t name)
{
    switch (mosn_header_find_id(name.at, name.len)) {
    case MOSN_HEADER_HOST:
    case MOSN_HEADER_CONNECTION:
    case MOSN_HEADER_CONTENT_LENGTH:
    case MOSN_HEADER_TRANSFER_ENCODING:
    case MOSN_HEADER_UPGRADE:
    case MOSN_HEADER_TE:
    case MOSN_HEADER_TRAILER:
        return true;
    default:
        return false;
    }
}


static void
headers_check_pairs(mosn_conf_t *reader, const mosn_conf_pairs_t *pairs,
                    const void *group)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const mosn_conf_pair_t *p = &pairs->items[i];

        if (!mosn_header_is_valid(p->name, p->value)) {
            mosn_conf_error(reader, pairs, group,
                            "\"%.*s\" cannot be sent as a header",
                            MOSN_STR_ARG(p->name));
        } else if (headers_is_ours(p->name)) {
            mosn_conf_error(reader, pairs, group,
                            "%.*s frames the message and is always written "
                            "by mosn",
                            MOSN_STR_ARG(p->name));
        }
    }
}


static void
headers_check(mosn_conf_t *reader, void *conf)
{
    const headers_conf_t *c = conf;

    headers_check_pairs(reader, &c->request_set, c);
    headers_check_pairs(reader, &c->request_add, c);
    headers_check_pairs(reader, &c->response_set, c);
    headers_check_pairs(reader, &c->response_add, c);
}


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
    const headers_conf_t *c = filter->conf;

    (void) stream;
    headers_apply(&request->headers, &c->request_remove, &c->request_set,
                  &c->request_add);
    return MOSN_NEXT;
}


static mosn_verdict_e
headers_on_response(mosn_filter_t *filter, mosn_stream_t *stream,
                    mosn_message_t *response)
{
    const headers_conf_t *c = filter->conf;

    (void) stream;
    headers_apply(&response->headers, &c->response_remove, &c->response_set,
                  &c->response_add);
    return MOSN_NEXT;
}


static const mosn_filter_ops_t headers_ops = {
    .conf_size = sizeof(headers_conf_t),
    .directives = headers_directives,
    .doc = "Sets, adds and removes headers.",
    .check = headers_check,
    .on_request = headers_on_request,
    .on_response = headers_on_response,
};

MOSN_MODULE(MOSN_STREAM_FILTER, headers, &headers_ops);
