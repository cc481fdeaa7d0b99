/* proto/header_edits.c - the settings of changes of headers. */

#include "proto/header_edits.h"

#include "proto/headers.h"

const mosn_directive_t mosn_header_edits_directives[] = {
    MOSN_STRINGS(mosn_header_edits_conf_t, request_remove,
                 "Headers taken off requests; before what is set."),
    MOSN_MAP(mosn_header_edits_conf_t, request_set,
             "Headers of requests, in place of what came."),
    MOSN_MAP(mosn_header_edits_conf_t, request_add,
             "Headers of requests, beside what came."),
    MOSN_STRINGS(mosn_header_edits_conf_t, response_remove,
                 "Headers taken off responses; before what is set."),
    MOSN_MAP(mosn_header_edits_conf_t, response_set,
             "Headers of responses, in place of what came."),
    MOSN_MAP(mosn_header_edits_conf_t, response_add,
             "Headers of responses, beside what came."),
    MOSN_DIRECTIVES_END
};


/* What frames a message is the codecs' alone. */
static bool
edits_is_ours(mosn_str_t name)
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
edits_check_pairs(mosn_conf_t *reader, const mosn_conf_pairs_t *pairs,
                  const void *group)
{
    for (size_t i = 0; i < pairs->n; i++) {
        const mosn_conf_pair_t *p = &pairs->items[i];

        if (!mosn_header_is_valid(p->name, p->value)) {
            mosn_conf_error(reader, pairs, group,
                            "\"%.*s\" cannot be sent as a header",
                            MOSN_STR_ARG(p->name));
        } else if (edits_is_ours(p->name)) {
            mosn_conf_error(reader, pairs, group,
                            "%.*s frames the message and is always written "
                            "by mosn",
                            MOSN_STR_ARG(p->name));
        }
    }
}


void
mosn_header_edits_check(mosn_conf_t *reader, void *conf)
{
    const mosn_header_edits_conf_t *c = conf;

    edits_check_pairs(reader, &c->request_set, c);
    edits_check_pairs(reader, &c->request_add, c);
    edits_check_pairs(reader, &c->response_set, c);
    edits_check_pairs(reader, &c->response_add, c);
}
