/* stream/mux_http2_send.c - what goes over HTTP/2: heads, bodies, trailers. */

#include "stream/mux_http2.h"

#include <stdio.h>

#define STREAM_HIGH (64u * 1024) /* queued for a stream: its source waits */
#define STREAM_LOW  (16u * 1024)


static http2_stream_t *
http2_stream(mosn_stream_t *stream)
{
    return mosn_container_of(stream, http2_stream_t, base);
}


/* --- bodies that go ------------------------------------------------------ */

static ssize_t
http2_read_body(nghttp2_session *session, int32_t id, uint8_t *out,
                size_t room, uint32_t *flags, nghttp2_data_source *source,
                void *arg)
{
    http2_stream_t *s = source->ptr;
    size_t          n = s->out.bytes < room ? s->out.bytes : room;

    (void) out;
    (void) arg;
    if (n == 0 && !s->out_end) {
        s->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == s->out.bytes && s->out_end) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->has_sent_trailers) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
    }
    (void) session;
    (void) id;
    return (ssize_t) n;
}


/* A header with its value, as nghttp2 wants them; names in lower case. */
static size_t
http2_pack(http2_stream_t *s, const mosn_headers_t *headers, nghttp2_nv *nv)
{
    size_t n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];
        char                *name;

        switch (h->id) {
        case MOSN_HEADER_CONNECTION:
        case MOSN_HEADER_PROXY_CONNECTION:
        case MOSN_HEADER_KEEP_ALIVE:
        case MOSN_HEADER_TRANSFER_ENCODING:
        case MOSN_HEADER_CONTENT_LENGTH:
        case MOSN_HEADER_UPGRADE:
        case MOSN_HEADER_HOST:
        case MOSN_HEADER_TE:
            continue;
        default:
            break;
        }
        if (h->removed) {
            continue;
        }
        name = mosn_pool_alloc(s->base.pool, h->name_len);
        for (size_t k = 0; k < h->name_len; k++) {
            char c = h->name[k];

            name[k] = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
        }
        nv[n++] =
            (nghttp2_nv){ (uint8_t *) name, (uint8_t *) (uintptr_t) h->value,
                          h->name_len, h->value_len, NGHTTP2_NV_FLAG_NONE };
    }
    return n;
}


int
mux_http2_send_body(nghttp2_session *session, nghttp2_frame *frame,
                    const uint8_t *head, size_t n, nghttp2_data_source *source,
                    void *arg)
{
    http2_t        *mux = arg;
    http2_stream_t *s = source->ptr;

    mosn_conn_write(mux->base.conn, head, 9);
    while (n > 0) {
        mosn_buf_t *first = s->out.head;
        size_t      piece = mosn_buf_len(first) < n ? mosn_buf_len(first) : n;
        mosn_buf_t  part = mosn_buf_slice(first, first->pos, piece);

        mosn_conn_write_buf(mux->base.conn, &part);
        mosn_chain_consume(&s->out, piece);
        n -= piece;
    }
    if (s->has_sent_trailers && s->out_end && s->out.bytes == 0) {
        nghttp2_nv *nv = mosn_pool_calloc(
            s->base.pool, (s->sent_trailers.n + 1) * sizeof(*nv));
        size_t count = http2_pack(s, &s->sent_trailers, nv);

        (void) nghttp2_submit_trailer(session, frame->hd.stream_id, nv, count);
    }
    if (s->blocked && s->out.bytes <= STREAM_LOW) {
        s->blocked = s->base.blocked = false;
        if (!s->over) {
            s->base.receiver->on_drained(&s->base);
        }
    }
    return 0;
}


/* --- down ---------------------------------------------------------------- */

static void
http2_send_head(mosn_stream_t *stream, const mosn_message_t *head, bool end)
{
    http2_stream_t *s = http2_stream(stream);
    nghttp2_nv     *nv =
        mosn_pool_calloc(stream->pool, (head->headers.n + 2) * sizeof(*nv));
    char                 *status = mosn_pool_alloc(stream->pool, 4);
    char                 *length = mosn_pool_alloc(stream->pool, 24);
    nghttp2_data_provider body = { .source.ptr = s,
                                   .read_callback = http2_read_body };
    bool   bare = mosn_status_is_bodyless(head->status, s->message.method_id);
    size_t n = 0;

    (void) snprintf(status, 4, "%03u", head->status % 1000);
    nv[n++] = (nghttp2_nv){ (uint8_t *) (uintptr_t) ":status",
                            (uint8_t *) status, 7, 3, NGHTTP2_NV_FLAG_NONE };
    n += http2_pack(s, &head->headers, nv + n);
    if (head->content_length >= 0 && head->status != 204 && head->status != 304
        && !head->tunnel)
    {
        int len =
            snprintf(length, 24, "%lld", (long long) head->content_length);

        nv[n++] = (nghttp2_nv){ (uint8_t *) (uintptr_t) "content-length",
                                (uint8_t *) length, 14, (size_t) len,
                                NGHTTP2_NV_FLAG_NONE };
    }
    s->head_sent = true;
    s->out_end = end || bare;
    s->over |= end;
    stream->sent_end = end;
    if (nghttp2_submit_response(s->mux->session, (int32_t) stream->id, nv, n,
                                s->out_end ? NULL : &body)
        != 0)
    {
        (void) nghttp2_submit_rst_stream(s->mux->session, NGHTTP2_FLAG_NONE,
                                         (int32_t) stream->id,
                                         NGHTTP2_INTERNAL_ERROR);
    }
    mux_http2_send_later(s->mux);
}


static void
http2_send_interim(mosn_stream_t *stream, const mosn_message_t *head)
{
    http2_stream_t *s = http2_stream(stream);
    nghttp2_nv     *nv =
        mosn_pool_calloc(stream->pool, (head->headers.n + 1) * sizeof(*nv));
    char  *status = mosn_pool_alloc(stream->pool, 4);
    size_t n = 0;

    (void) snprintf(status, 4, "%03u", head->status % 1000);
    nv[n++] = (nghttp2_nv){ (uint8_t *) (uintptr_t) ":status",
                            (uint8_t *) status, 7, 3, NGHTTP2_NV_FLAG_NONE };
    n += http2_pack(s, &head->headers, nv + n);
    (void) nghttp2_submit_headers(s->mux->session, NGHTTP2_FLAG_NONE,
                                  (int32_t) stream->id, NULL, nv, n, NULL);
    mux_http2_send_later(s->mux);
}


static void
http2_go_on(http2_stream_t *s)
{
    if (s->deferred) {
        s->deferred = false;
        (void) nghttp2_session_resume_data(s->mux->session,
                                           (int32_t) s->base.id);
    }
    mux_http2_send_later(s->mux);
}


static void
http2_send_data(mosn_stream_t *stream, const mosn_buf_t *data, bool end)
{
    http2_stream_t *s = http2_stream(stream);

    if (data != NULL && mosn_buf_len(data) > 0 && !s->out_end) {
        mosn_chain_append(&s->out, data);
    }
    s->out_end |= end;
    s->over |= end;
    stream->sent_end |= end;
    if (s->out.bytes > STREAM_HIGH) {
        s->blocked = stream->blocked = true;
    }
    http2_go_on(s);
}


static void
http2_send_trailers(mosn_stream_t *stream, const mosn_headers_t *trailers)
{
    http2_stream_t *s = http2_stream(stream);

    mosn_headers_init(&s->sent_trailers, stream->pool, trailers->n + 1);
    for (uint32_t i = 0; i < trailers->n; i++) {
        const mosn_header_t *h = &trailers->items[i];

        mosn_headers_add(
            &s->sent_trailers, h->id,
            mosn_pool_copy(stream->pool, (mosn_str_t){ h->name, h->name_len }),
            mosn_pool_copy(stream->pool, mosn_header_value(h)));
    }
    s->has_sent_trailers = s->sent_trailers.n > 0;
    s->out_end = s->over = stream->sent_end = true;
    http2_go_on(s);
}


static uint32_t
http2_code(mosn_reason_e reason)
{
    switch (reason) {
    case MOSN_REASON_NONE:
        return NGHTTP2_NO_ERROR;
    case MOSN_REASON_OVERFLOW:
    case MOSN_REASON_DRAINING:
        return NGHTTP2_REFUSED_STREAM;
    case MOSN_REASON_CLIENT_CLOSED:
    case MOSN_REASON_UPSTREAM_TIMEOUT:
        return NGHTTP2_CANCEL;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}


static void
http2_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    http2_stream_t *s = http2_stream(stream);

    s->over = true;
    mosn_chain_clear(&s->out);
    (void) nghttp2_submit_rst_stream(s->mux->session, NGHTTP2_FLAG_NONE,
                                     (int32_t) stream->id, http2_code(reason));
    mux_http2_send_later(s->mux);
}


static void
http2_pause(mosn_stream_t *stream)
{
    http2_stream(stream)->paused++;
}


static void
http2_resume(mosn_stream_t *stream)
{
    http2_stream_t *s = http2_stream(stream);

    if (--s->paused == 0 && s->held > 0) {
        (void) nghttp2_session_consume_stream(s->mux->session,
                                              (int32_t) stream->id, s->held);
        s->held = 0;
        mux_http2_send_later(s->mux); /* the window */
    }
}


const mosn_stream_ops_t mux_http2_stream_ops = {
    .send_head = http2_send_head,
    .send_interim = http2_send_interim,
    .send_data = http2_send_data,
    .send_trailers = http2_send_trailers,
    .reset = http2_reset,
    .pause = http2_pause,
    .resume = http2_resume,
};
