/* stream/transcode.c - put frames into HTTP and take them out again. */

#include "stream/transcode.h"

static const mosn_str_t carried_type = MOSN_STR_INIT("application/x-mosn-rpc");


bool
mosn_transcode_is_carried(const mosn_message_t *http)
{
    const mosn_header_t *type =
        http->rpc == NULL
            ? mosn_headers_find(&http->headers, MOSN_HEADER_CONTENT_TYPE)
            : NULL;

    return type != NULL
           && mosn_str_equal_nocase(mosn_header_value(type), carried_type);
}


/* --- in ------------------------------------------------------------------ */

/* A segment of a path: what is not plain is written as %XX (RFC 3986, 2.1). */
static char *
transcode_put_segment(char *out, mosn_str_t s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t) s.at[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9')
            || (c != 0 && strchr("-._~$!*+,;=:@", c) != NULL))
        {
            *out++ = (char) c;
        } else {
            *out++ = '%';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        }
    }
    return out;
}


static mosn_str_t
transcode_path(const mosn_rpc_t *rpc, mosn_pool_t *pool)
{
    char *path =
        mosn_pool_alloc(pool, 3 * (rpc->service.len + rpc->method.len) + 2);
    char *at = path;

    *at++ = '/';
    at = transcode_put_segment(at, rpc->service);
    *at++ = '/';
    at = transcode_put_segment(at, rpc->method);
    return (mosn_str_t){ path, (size_t) (at - path) };
}


/* What could break a header section is left out. */
static void
transcode_add(mosn_message_t *m, const char *name, mosn_str_t value)
{
    if (value.len > 0 && mosn_header_is_valid(mosn_str(name), value)) {
        mosn_headers_add(&m->headers, MOSN_HEADER_OTHER, mosn_str(name),
                         value);
    }
}


/* The frame as it came, or with headers that were changed. */
static bool
transcode_put_frame(const mosn_message_t *call, mosn_chain_t *body)
{
    const mosn_rpc_t       *rpc = call->rpc;
    const mosn_rpc_frame_t *f = &rpc->frame;
    const mosn_rpc_codec_t *codec = rpc->codec;
    size_t                  body_len = mosn_rpc_body_len(f), n;
    mosn_buf_t   whole = { .pos = (uint8_t *) (uintptr_t) rpc->bytes,
                           .block = rpc->block };
    mosn_chain_t rest = { 0 };
    uint8_t     *out, tail[MOSN_RPC_SLACK];

    whole.last = whole.end = whole.pos + f->len;
    if (mosn_rpc_is_untouched(call)) {
        mosn_chain_append_ref(body, &whole);
        return true;
    }
    n = codec->encode != NULL
            ? codec->encode(rpc, &call->headers, f->id, body_len, NULL)
            : 0;
    if (n == 0) {
        return false;
    }
    out = mosn_chain_reserve(body, n);
    n = codec->encode(rpc, &call->headers, f->id, body_len, out);
    if (!codec->encodes_body && body_len > 0) {
        whole.pos += f->head_len;
        whole.last = whole.end = whole.pos + body_len;
        mosn_chain_append_ref(&rest, &whole);
    }
    if (f->tail_len > 0) {
        codec->seal(f, out, n, &rest, tail);
    }
    mosn_chain_commit(body, n);
    mosn_chain_take(body, &rest);
    mosn_chain_write(body, tail, f->tail_len);
    return true;
}


static void
transcode_let_go(void *block)
{
    mosn_block_unref(block);
}


/* All of a chain in one block; the block lives with `pool`. */
static mosn_block_t *
transcode_join(mosn_chain_t *body, mosn_pool_t *pool, const uint8_t **bytes_r)
{
    mosn_buf_t   *head = body->head;
    mosn_block_t *block;
    size_t        n = 0;

    if (head->next == NULL) {
        *bytes_r = head->pos;
        block = mosn_block_ref(head->block);
    } else {
        block = mosn_block_create(body->bytes);
        for (mosn_buf_t *b = head; b != NULL; b = b->next) {
            memcpy(block->bytes + n, b->pos, mosn_buf_len(b));
            n += mosn_buf_len(b);
        }
        *bytes_r = block->bytes;
    }
    mosn_pool_on_destroy(pool, transcode_let_go, block);
    return block;
}


/* The call as the other side will read it: its headers may have other names in
 * them by now. */
static const mosn_rpc_t *
transcode_reread(const mosn_message_t *call, mosn_pool_t *pool,
                 mosn_chain_t *body)
{
    const mosn_rpc_codec_t *codec = call->rpc->codec;
    mosn_rpc_t             *sent;
    const char             *why;

    if (mosn_rpc_is_untouched(call) || codec->read == NULL) {
        return call->rpc;
    }
    sent = mosn_pool_calloc(pool, sizeof(*sent));
    sent->codec = codec;
    sent->block = transcode_join(body, pool, &sent->bytes);
    return codec->look(sent->bytes, body->bytes, &sent->frame, &why) == MOSN_OK
                   && sent->frame.len == body->bytes
                   && codec->read(sent, &why) == MOSN_OK
               ? sent
               : call->rpc;
}


mosn_message_t *
mosn_transcode_wrap(const mosn_message_t *call, mosn_pool_t *pool,
                    mosn_chain_t *body)
{
    mosn_message_t   *m = mosn_pool_alloc(pool, sizeof(*m));
    const mosn_rpc_t *rpc = call->rpc;
    bool              response = rpc->frame.kind == MOSN_RPC_RESPONSE
                    || rpc->frame.kind == MOSN_RPC_HEARTBEAT_ACK;

    if (!transcode_put_frame(call, body)) {
        return NULL;
    }
    mosn_message_init(m, pool);
    m->content_length = (int64_t) body->bytes;
    mosn_headers_add(&m->headers, MOSN_HEADER_CONTENT_TYPE,
                     MOSN_STR("Content-Type"), carried_type);
    transcode_add(m, "x-mosn-rpc-protocol", rpc->codec->protocol);
    if (response) {
        m->status = call->status;
        return m;
    }
    m->method = MOSN_STR("POST");
    m->method_id = MOSN_METHOD_POST;
    m->scheme = MOSN_STR("http");
    rpc = transcode_reread(call, pool, body);
    m->path = transcode_path(rpc, pool);
    transcode_add(m, MOSN_RPC_VERSION_HEADER, rpc->version);
    transcode_add(m, MOSN_RPC_GROUP_HEADER, rpc->group);
    return m;
}


/* --- out ----------------------------------------------------------------- */

mosn_message_t *
mosn_transcode_unwrap(const mosn_rpc_codec_t *codec, mosn_pool_t *pool,
                      mosn_chain_t *body, const char **why_r)
{
    mosn_message_t  *m = mosn_pool_calloc(pool, sizeof(*m));
    mosn_rpc_t      *rpc = mosn_pool_calloc(pool, sizeof(*rpc));
    mosn_rpc_frame_t f = { 0 };
    size_t           n = body->bytes;
    mosn_buf_t       rest;

    *why_r = "no frame in the body";
    if (n == 0) {
        return NULL;
    }
    rpc->block = transcode_join(body, pool, &rpc->bytes);
    if (codec->look(rpc->bytes, n, &f, why_r) != MOSN_OK || f.len != n) {
        return NULL;
    }
    if (f.tail_len > 0 && !codec->verify(&f, rpc->bytes)) {
        *why_r = "the checksum is wrong";
        return NULL;
    }
    rpc->codec = codec;
    rpc->frame = f;
    if (codec->read != NULL && codec->read(rpc, why_r) != MOSN_OK) {
        return NULL;
    }
    m->version = MOSN_HTTP_11;
    m->rpc = rpc;
    m->headers.pool = pool;
    m->content_length = (int64_t) (n - f.head_len - f.tail_len);

    /* What is left is the body of the call. */
    rest = (mosn_buf_t){ .block = rpc->block };
    rest.pos = (uint8_t *) (uintptr_t) rpc->bytes + f.head_len;
    rest.last = rest.end = rest.pos + m->content_length;
    mosn_block_ref(rpc->block); /* the chain may hold the last one */
    mosn_chain_clear(body);
    if (m->content_length > 0) {
        mosn_chain_append_ref(body, &rest);
    }
    mosn_block_unref(rpc->block);
    return m;
}


static bool
transcode_says(const mosn_message_t *http, const char *name, mosn_str_t value)
{
    const mosn_header_t *h =
        mosn_headers_find_name(&http->headers, mosn_str(name));

    return h == NULL || mosn_str_equal(mosn_header_value(h), value);
}


bool
mosn_transcode_is_honest(const mosn_message_t *http, mosn_message_t *call,
                         mosn_pool_t *pool)
{
    mosn_rpc_t *rpc = call->rpc;

    if (!mosn_str_equal(transcode_path(rpc, pool), http->path)
        || !transcode_says(http, MOSN_RPC_VERSION_HEADER, rpc->version))
    {
        return false;
    }
    if (mosn_headers_find_name(&http->headers, MOSN_STR(MOSN_RPC_GROUP_HEADER))
        == NULL)
    {
        return true;
    }
    mosn_message_need_headers(call); /* it may stand there */
    return transcode_says(http, MOSN_RPC_GROUP_HEADER, rpc->group);
}


/* --- plain HTTP ---------------------------------------------------------- */

/* What frames a message or belongs to a connection is never taken over. */
static bool
transcode_is_passed(const mosn_header_t *h)
{
    switch (h->id) {
    case MOSN_HEADER_HOST:
    case MOSN_HEADER_CONNECTION:
    case MOSN_HEADER_PROXY_CONNECTION:
    case MOSN_HEADER_KEEP_ALIVE:
    case MOSN_HEADER_TE:
    case MOSN_HEADER_TRAILER:
    case MOSN_HEADER_TRANSFER_ENCODING:
    case MOSN_HEADER_CONTENT_LENGTH:
    case MOSN_HEADER_UPGRADE:
    case MOSN_HEADER_EXPECT:
        return false;
    default:
        return !h->removed
               && mosn_header_is_valid((mosn_str_t){ h->name, h->name_len },
                                       mosn_header_value(h));
    }
}


static bool
transcode_put_body(const mosn_rpc_t *rpc, mosn_chain_t *body, unsigned *status)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    mosn_buf_t              b = { .block = rpc->block };

    if (rpc->codec->body_to_http != NULL) {
        if (!rpc->codec->body_to_http(rpc, body, status)) {
            mosn_chain_clear(body);
            return false;
        }
        return true;
    }
    b.pos = (uint8_t *) (uintptr_t) rpc->bytes + f->head_len;
    b.last = b.end = b.pos + mosn_rpc_body_len(f);
    if (mosn_buf_len(&b) > 0) {
        mosn_chain_append_ref(body, &b);
    }
    return true;
}


mosn_message_t *
mosn_transcode_to_http(mosn_message_t *call, mosn_pool_t *pool,
                       mosn_chain_t *body)
{
    mosn_message_t   *m = mosn_pool_alloc(pool, sizeof(*m));
    const mosn_rpc_t *rpc = call->rpc;
    mosn_str_t        type = rpc->codec->body_type;

    mosn_message_init(m, pool);
    m->status = call->status;
    if (!transcode_put_body(rpc, body, &m->status)) {
        return NULL;
    }
    mosn_message_need_headers(call);
    for (uint32_t i = 0; i < call->headers.n; i++) {
        const mosn_header_t *h = &call->headers.items[i];

        if (transcode_is_passed(h)) {
            mosn_headers_add(&m->headers, h->id,
                             (mosn_str_t){ h->name, h->name_len },
                             mosn_header_value(h));
        }
    }
    if (type.len > 0
        || !mosn_headers_has(&m->headers, MOSN_HEADER_CONTENT_TYPE)) {
        mosn_headers_set(
            &m->headers, MOSN_HEADER_CONTENT_TYPE, MOSN_STR("Content-Type"),
            type.len > 0 ? type : MOSN_STR("application/octet-stream"));
    }
    m->content_length = (int64_t) body->bytes;
    if (rpc->frame.kind == MOSN_RPC_REQUEST
        || rpc->frame.kind == MOSN_RPC_ONEWAY) {
        m->method = MOSN_STR("POST");
        m->method_id = MOSN_METHOD_POST;
        m->scheme = MOSN_STR("http");
        m->path = transcode_path(rpc, pool);
    }
    return m;
}


/* "/service/method"; what is written as %XX stays so. */
static bool
transcode_split_path(mosn_str_t path, mosn_str_t *service_r,
                     mosn_str_t *method_r)
{
    const char *query = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;
    const char *slash;

    path.len = query != NULL ? (size_t) (query - path.at) : path.len;
    slash = path.len > 1 ? memchr(path.at + 1, '/', path.len - 1) : NULL;
    if (slash == NULL) {
        return false;
    }
    *service_r = (mosn_str_t){ path.at + 1, (size_t) (slash - path.at) - 1 };
    *method_r = (mosn_str_t){ slash + 1, path.len - service_r->len - 2 };
    return service_r->len > 0 && method_r->len > 0;
}


/* In the place of an HTTP body the one that the protocol has for it. */
static bool
transcode_change_body(const mosn_rpc_codec_t *codec, mosn_pool_t *pool,
                      const mosn_message_t *http, mosn_str_t service,
                      mosn_str_t method, mosn_chain_t *body,
                      const char **why_r)
{
    mosn_chain_t   made = { 0 };
    const uint8_t *bytes = (const uint8_t *) "";
    char          *why = mosn_pool_alloc(pool, 128);
    bool           done;

    if (codec->body_from_http == NULL) {
        return true;
    }
    if (body->bytes > 0) {
        (void) transcode_join(body, pool, &bytes);
    }
    done = codec->body_from_http(
        http, service, method,
        (mosn_str_t){ (const char *) bytes, body->bytes }, &made, why, 128);
    if (done) {
        mosn_chain_clear(body);
        mosn_chain_take(body, &made);
    } else {
        mosn_chain_clear(&made);
        *why_r = why;
    }
    return done;
}


mosn_message_t *
mosn_transcode_from_http(const mosn_rpc_codec_t *codec, mosn_pool_t *pool,
                         const mosn_message_t *http, mosn_chain_t *body,
                         const char **why_r)
{
    mosn_message_t *m = mosn_pool_calloc(pool, sizeof(*m));
    mosn_rpc_t     *rpc = mosn_pool_calloc(pool, sizeof(*rpc));
    mosn_str_t      service = MOSN_STR(""), method = service;
    mosn_block_t   *block;
    size_t          n;

    if (http->status == 0
        && !transcode_split_path(http->path, &service, &method)) {
        *why_r = "the path is not /service/method";
        return NULL;
    }
    if (!transcode_change_body(codec, pool, http, service, method, body,
                               why_r)) {
        return NULL;
    }
    n = codec->from_http(http, service, method, body->bytes, NULL);
    if (n == 0) {
        *why_r = "the headers are too long";
        return NULL;
    }
    block = mosn_block_create(n);
    mosn_pool_on_destroy(pool, transcode_let_go, block);
    n = codec->from_http(http, service, method, body->bytes, block->bytes);
    rpc->codec = codec;
    rpc->bytes = block->bytes;
    rpc->block = block;
    if (codec->look(rpc->bytes, n, &rpc->frame, why_r) != MOSN_OK
        || rpc->frame.head_len != n)
    {
        return NULL;
    }
    m->version = MOSN_HTTP_11;
    m->rpc = rpc;
    m->headers.pool = pool;
    m->content_length = (int64_t) body->bytes;
    return m;
}
