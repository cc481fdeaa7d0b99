/*
 * stream/filters/grpc_web.c - gRPC for browsers, in front of hosts that speak
 * plain gRPC (github.com/grpc/grpc, doc/PROTOCOL-WEB.md).
 *
 * A browser sees no trailers and may need text: trailers become a last frame
 * of the body, and both bodies base64 when the client says so.  Everything
 * else is the same.
 */

#include "stream/filter.h"

#include <openssl/evp.h>

#define TYPE      "application/grpc-web"
#define TYPE_TEXT "application/grpc-web-text"
#define GRPC      "application/grpc"
#define TRAILERS  0x80 /* the frame that carries them */
#define PIECE     3072u

typedef struct {
    bool       text;
    bool       answered; /* by a host that speaks gRPC */
    mosn_str_t format;   /* "+proto" */
    uint8_t    quad[4];  /* base64 that is not yet complete */
    unsigned   n_quad;
} grpc_web_t;

static const mosn_directive_t grpc_web_directives[] = { MOSN_DIRECTIVES_END };


static bool
grpc_web_begins(mosn_str_t *s, mosn_str_t prefix)
{
    if (s->len < prefix.len || memcmp(s->at, prefix.at, prefix.len) != 0) {
        return false;
    }
    s->at += prefix.len;
    s->len -= prefix.len;
    return true;
}


static void
grpc_web_set_type(mosn_message_t *m, mosn_pool_t *pool, const char *type,
                  mosn_str_t format)
{
    mosn_headers_set(
        &m->headers, MOSN_HEADER_CONTENT_TYPE, MOSN_STR("Content-Type"),
        mosn_pool_printf(pool, "%s%.*s", type, MOSN_STR_ARG(format)));
}


static mosn_verdict_e
grpc_web_on_request(mosn_filter_t *filter, mosn_stream_t *stream,
                    mosn_message_t *request)
{
    const mosn_header_t *h =
        mosn_headers_find(&request->headers, MOSN_HEADER_CONTENT_TYPE);
    mosn_str_t  type = h != NULL ? mosn_header_value(h) : MOSN_STR("");
    grpc_web_t *g;
    bool        text = grpc_web_begins(&type, MOSN_STR(TYPE_TEXT));

    if (!text && !grpc_web_begins(&type, MOSN_STR(TYPE))) {
        return MOSN_NEXT;
    }
    g = mosn_pool_calloc(stream->pool, sizeof(*g));
    g->text = text;
    g->format = mosn_pool_copy(stream->pool, type);
    filter->state = g;
    grpc_web_set_type(request, stream->pool, GRPC, g->format);
    mosn_headers_remove_name(&request->headers, MOSN_STR("x-grpc-web"));
    request->te_trailers = true;
    if (text) {
        request->content_length = -1;
    }
    return MOSN_NEXT;
}


/* --- base64 ----------------------------------------------------------------
 */

static void
grpc_web_encode(mosn_chain_t *out, const uint8_t *bytes, size_t n)
{
    uint8_t text[PIECE / 3 * 4 + 1];

    while (n > 0) {
        size_t piece = n < PIECE ? n : PIECE;
        int    len = EVP_EncodeBlock(text, bytes, (int) piece);

        mosn_chain_write(out, text, (size_t) len);
        bytes += piece;
        n -= piece;
    }
}


/* Four characters make up to three bytes; false: not base64. */
static bool
grpc_web_decode_quad(grpc_web_t *g, mosn_chain_t *out)
{
    uint8_t bytes[3];
    size_t  n = g->quad[3] != '=' ? 3 : g->quad[2] != '=' ? 2 : 1;

    g->n_quad = 0;
    if (g->quad[0] == '=' || g->quad[1] == '='
        || (g->quad[2] == '=' && g->quad[3] != '='))
    {
        return false;
    }
    if (EVP_DecodeBlock(bytes, g->quad, 4) != 3) {
        return false;
    }
    mosn_chain_write(out, bytes, n);
    return true;
}


static bool
grpc_web_decode(grpc_web_t *g, mosn_chain_t *out, const uint8_t *text,
                size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g->quad[g->n_quad++] = text[i];
        if (g->n_quad == 4 && !grpc_web_decode_quad(g, out)) {
            return false;
        }
    }
    return true;
}


/* --- bodies ----------------------------------------------------------------
 */

static void
grpc_web_change_request(mosn_filter_t *filter, mosn_stream_t *stream,
                        mosn_chain_t *body, bool end)
{
    grpc_web_t  *g = filter->state;
    mosn_chain_t out = { 0 };
    bool         good = true;

    if (g == NULL || !g->text) {
        return;
    }
    for (mosn_buf_t *b = body->head; b != NULL && good; b = b->next) {
        good = grpc_web_decode(g, &out, b->pos, mosn_buf_len(b));
    }
    mosn_chain_clear(body);
    *body = out;
    if (!good || (end && g->n_quad > 0)) {
        mosn_stream_reply(stream, 400);
    }
}


static mosn_verdict_e
grpc_web_on_response(mosn_filter_t *filter, mosn_stream_t *stream,
                     mosn_message_t *response)
{
    grpc_web_t          *g = filter->state;
    const mosn_header_t *h =
        mosn_headers_find(&response->headers, MOSN_HEADER_CONTENT_TYPE);
    mosn_str_t type = h != NULL ? mosn_header_value(h) : MOSN_STR("");

    if (g == NULL || !grpc_web_begins(&type, MOSN_STR(GRPC))) {
        return MOSN_NEXT; /* an error of somebody between */
    }
    g->answered = true;
    grpc_web_set_type(response, stream->pool, g->text ? TYPE_TEXT : TYPE,
                      g->format);
    mosn_headers_remove(&response->headers, MOSN_HEADER_TRAILER);
    response->content_length = -1;
    return MOSN_NEXT;
}


static void
grpc_web_change_response(mosn_filter_t *filter, mosn_stream_t *stream,
                         mosn_chain_t *body, bool end)
{
    const grpc_web_t *g = filter->state;
    mosn_chain_t      out = { 0 };

    (void) stream;
    (void) end;
    if (g == NULL || !g->text || !g->answered) {
        return;
    }
    for (mosn_buf_t *b = body->head; b != NULL; b = b->next) {
        grpc_web_encode(&out, b->pos, mosn_buf_len(b));
    }
    mosn_chain_clear(body);
    *body = out;
}


static void
grpc_web_on_response_trailers(mosn_filter_t *filter, mosn_stream_t *stream,
                              mosn_headers_t *trailers, mosn_chain_t *body)
{
    const grpc_web_t *g = filter->state;
    size_t            n = 0;
    uint8_t          *frame, *to;

    if (g == NULL || !g->answered) {
        return;
    }
    for (uint32_t i = 0; i < trailers->n; i++) {
        n += trailers->items[i].name_len + trailers->items[i].value_len + 4u;
    }
    frame = mosn_pool_alloc(stream->pool, 5 + n);
    to = frame + 5;
    for (uint32_t i = 0; i < trailers->n; i++) {
        mosn_header_t *h = &trailers->items[i];

        for (size_t k = 0; k < h->name_len; k++) {
            char c = h->name[k];

            *to++ = (uint8_t) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
        to = mempcpy(to, ": ", 2);
        to = mempcpy(to, h->value, h->value_len);
        to = mempcpy(to, "\r\n", 2);
        h->removed = true;
    }
    trailers->n = 0;
    n = (size_t) (to - frame) - 5;
    frame[0] = TRAILERS;
    frame[1] = (uint8_t) (n >> 24);
    frame[2] = (uint8_t) (n >> 16);
    frame[3] = (uint8_t) (n >> 8);
    frame[4] = (uint8_t) n;
    if (g->text) {
        grpc_web_encode(body, frame, 5 + n);
    } else {
        mosn_chain_write(body, frame, 5 + n);
    }
}


static const mosn_filter_ops_t grpc_web_ops = {
    .conf_size = 1,
    .directives = grpc_web_directives,
    .doc = "gRPC-Web for browsers, in front of a cluster that speaks gRPC.",
    .on_request = grpc_web_on_request,
    .change_request = grpc_web_change_request,
    .on_response = grpc_web_on_response,
    .change_response = grpc_web_change_response,
    .on_response_trailers = grpc_web_on_response_trailers,
};

MOSN_MODULE(MOSN_STREAM_FILTER, grpc_web, &grpc_web_ops);
