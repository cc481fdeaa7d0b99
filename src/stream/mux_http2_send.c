/* stream/mux_http2_send.c - what goes over HTTP/2: heads, bodies, trailers. */

#include "stream/mux_http2.h"

#include <stdio.h>

#define STREAM_HIGH   (64u * 1024) /* queued for a stream: its source waits */
#define STREAM_LOW    (16u * 1024)
#define CANCELLED_MAX 500u /* of a connection to a host; then a new one */
#define LENGTH_DIGITS 20u
#define MAX_PSEUDO    8 /* and content-length, te */
#define NOT_INDEXED                                                           \
    20u /* shorter secrets could be guessed (RFC 7541, 7.1)                   \
         */

static http2_stream_t *
http2_stream(mosn_stream_t *stream)
{
    return mosn_container_of(stream, http2_stream_t, base);
}


/* --- fields ---------------------------------------------------------------
 */

/* Not copied: names and values live as long as the stream, and a stream that
 * is over sends no more heads. */
static nghttp2_nv
http2_nv(mosn_str_t name, mosn_str_t value)
{
    return (nghttp2_nv){ (uint8_t *) (uintptr_t) name.at,
                         (uint8_t *) (uintptr_t) value.at, name.len, value.len,
                         NGHTTP2_NV_FLAG_NO_COPY_NAME
                             | NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}


/* Names are in lower case here. */
static mosn_str_t
http2_lower(http2_stream_t *s, const mosn_header_t *h)
{
    char *name;

    if (h->id != MOSN_HEADER_OTHER) {
        return mosn_header_name(h->id);
    }
    name = mosn_pool_alloc(s->own, h->name_len);
    for (size_t i = 0; i < h->name_len; i++) {
        char c = h->name[i];

        name[i] = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
    }
    return (mosn_str_t){ name, h->name_len };
}


/* What HTTP/2 has no use for, or says in another place. */
static bool
http2_is_left_out(const http2_stream_t *s, const mosn_header_t *h)
{
    mosn_str_t name = { h->name, h->name_len };

    switch (h->id) {
    case MOSN_HEADER_CONNECTION:
    case MOSN_HEADER_PROXY_CONNECTION:
    case MOSN_HEADER_KEEP_ALIVE:
    case MOSN_HEADER_TRANSFER_ENCODING:
    case MOSN_HEADER_CONTENT_LENGTH:
    case MOSN_HEADER_UPGRADE:
    case MOSN_HEADER_HOST:
    case MOSN_HEADER_TE:
        return true;
    case MOSN_HEADER_OTHER:
        return s->wants_tunnel
               && (mosn_str_equal_nocase(name, MOSN_STR("Sec-WebSocket-Key"))
                   || mosn_str_equal_nocase(name,
                                            MOSN_STR("Sec-WebSocket-Accept")));
    default:
        return h->removed;
    }
}


static size_t
http2_pack(http2_stream_t *s, const mosn_headers_t *headers, nghttp2_nv *nv)
{
    size_t n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (h->removed || http2_is_left_out(s, h)) {
            continue;
        }
        nv[n] = http2_nv(http2_lower(s, h), mosn_header_value(h));
        if (h->id == MOSN_HEADER_AUTHORIZATION
            || h->id == MOSN_HEADER_PROXY_AUTHORIZATION
            || ((h->id == MOSN_HEADER_COOKIE
                 || h->id == MOSN_HEADER_SET_COOKIE)
                && h->value_len < NOT_INDEXED))
        {
            nv[n].flags |= NGHTTP2_NV_FLAG_NO_INDEX;
        }
        n++;
    }
    return n;
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
            nghttp2_nv *nv = mosn_pool_alloc(s->own, (s->sent_trailers.n + 1)
                                                         * sizeof(*nv));

            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            (void) nghttp2_submit_trailer(
                session, id, nv, http2_pack(s, &s->sent_trailers, nv));
        }
    }
    return (ssize_t) n;
}


int
mux_http2_send_body(nghttp2_session *session, nghttp2_frame *frame,
                    const uint8_t *head, size_t n, nghttp2_data_source *source,
                    void *arg)
{
    http2_t        *mux = arg;
    http2_stream_t *s = source->ptr;

    (void) session;
    (void) frame;
    mosn_conn_write(mux->base.conn, head, 9);
    s->sent_ms = mux->base.conn->loop->now_ms;
    while (n > 0) {
        mosn_buf_t *first = s->out.head;
        size_t      piece = mosn_buf_len(first) < n ? mosn_buf_len(first) : n;
        mosn_buf_t  part = mosn_buf_slice(first, first->pos, piece);

        mosn_conn_write_buf(mux->base.conn, &part);
        mosn_chain_consume(&s->out, piece);
        n -= piece;
    }
    if (s->blocked && s->out.bytes <= STREAM_LOW) {
        s->blocked = s->base.blocked = false;
        if (!s->over) {
            s->base.receiver->on_drained(&s->base);
        }
    }
    return 0;
}


/* --- heads --------------------------------------------------------------- */

static size_t
http2_pack_status(http2_stream_t *s, unsigned status, nghttp2_nv *nv)
{
    char *text = mosn_pool_alloc(s->own, 3);

    text[0] = (char) ('0' + status / 100 % 10);
    text[1] = (char) ('0' + status / 10 % 10);
    text[2] = (char) ('0' + status % 10);
    *nv = http2_nv(MOSN_STR(":status"), (mosn_str_t){ text, 3 });
    return 1;
}


static size_t
http2_pack_length(http2_stream_t *s, int64_t length, nghttp2_nv *nv)
{
    char  *text = mosn_pool_alloc(s->own, LENGTH_DIGITS);
    size_t at = LENGTH_DIGITS, n;

    do {
        text[--at] = (char) ('0' + length % 10);
        length /= 10;
    } while (length > 0);
    n = LENGTH_DIGITS - at;
    text += at;
    *nv = http2_nv(MOSN_STR("content-length"), (mosn_str_t){ text, n });
    return 1;
}


static void
http2_send_response(http2_stream_t *s, const mosn_message_t *head, bool end)
{
    nghttp2_nv *nv =
        mosn_pool_alloc(s->own, (head->headers.n + MAX_PSEUDO) * sizeof(*nv));
    nghttp2_data_provider body = { .source.ptr = s,
                                   .read_callback = http2_read_body };
    bool                  agreed = head->tunnel && s->wants_tunnel;
    unsigned              status = agreed ? 200 : head->status;
    size_t                n;

    n = http2_pack_status(s, status, nv);
    n += http2_pack(s, &head->headers, nv + n);
    if (head->content_length >= 0 && status != 204 && status != 304 && !agreed)
    {
        n += http2_pack_length(s, head->content_length, nv + n);
    }
    s->out_end = end || mosn_status_is_bodyless(status, s->message->method_id);
    s->over |= end;
    s->base.sent_end = end;
    if (nghttp2_submit_response(s->mux->session, (int32_t) s->base.id, nv, n,
                                s->out_end ? NULL : &body)
        != 0)
    {
        mux_http2_rst(s, NGHTTP2_INTERNAL_ERROR);
    }
    if (agreed) {
        s->base.tunnel = true;
        mux_http2_deliver_early(s);
    } else {
        s->no_body = s->wants_tunnel;
        s->wants_tunnel = false;
        mosn_chain_clear(&s->early);
    }
}


/* An Upgrade over HTTP/1 is an extended CONNECT here (RFC 8441, 4). */
static void
http2_prepare_tunnel(http2_stream_t *s, const mosn_message_t *head)
{
    const mosn_header_t *key;

    s->wants_tunnel = true;
    if (head->upgrade.len == 0) {
        return;
    }
    s->protocol = mosn_pool_copy(s->own, head->upgrade);
    key =
        mosn_headers_find_name(&head->headers, MOSN_STR("Sec-WebSocket-Key"));
    if (key != NULL) {
        s->key = mosn_pool_copy(s->own, mosn_header_value(key));
    }
}


static size_t
http2_pack_pseudo(http2_stream_t *s, const mosn_message_t *head,
                  nghttp2_nv *nv)
{
    bool   tls = s->base.conn->transport != NULL;
    bool   extended = s->protocol.len > 0;
    size_t n = 0;

    nv[n++] = http2_nv(MOSN_STR(":method"),
                       extended ? MOSN_STR("CONNECT") : head->method);
    if (extended) {
        nv[n++] = http2_nv(MOSN_STR(":protocol"), s->protocol);
    }
    if (!s->wants_tunnel || extended) {
        nv[n++] = http2_nv(MOSN_STR(":scheme"),
                           tls ? MOSN_STR("https") : MOSN_STR("http"));
        nv[n++] = http2_nv(MOSN_STR(":path"), head->path);
    }
    nv[n++] = http2_nv(MOSN_STR(":authority"), head->authority);
    return n;
}


static void
http2_send_request(http2_stream_t *s, const mosn_message_t *head, bool end)
{
    http2_t    *mux = s->mux;
    nghttp2_nv *nv =
        mosn_pool_alloc(s->own, (head->headers.n + MAX_PSEUDO) * sizeof(*nv));
    nghttp2_data_provider body = { .source.ptr = s,
                                   .read_callback = http2_read_body };
    size_t                n;
    int32_t               id;

    if (head->upgrade.len > 0 || head->method_id == MOSN_METHOD_CONNECT) {
        http2_prepare_tunnel(s, head);
        end = false;
    }
    s->message->method_id = head->method_id;
    n = http2_pack_pseudo(s, head, nv);
    n += http2_pack(s, &head->headers, nv + n);
    if (head->content_length >= 0 && !s->wants_tunnel) {
        n += http2_pack_length(s, end ? 0 : head->content_length, nv + n);
    }
    if (head->te_trailers) {
        nv[n++] = http2_nv(MOSN_STR("te"), MOSN_STR("trailers"));
    }
    s->out_end = end;
    s->base.sent_end = end;
    id = nghttp2_submit_request(mux->session, NULL, nv, n, end ? NULL : &body,
                                s);
    if (id < 0) { /* no id is left, or it is going away */
        s->base.receiver->on_reset(&s->base, MOSN_REASON_UPSTREAM_REFUSED);
        mux_http2_stream_free(s);
        mux_http2_look_for_room(mux);
        return;
    }
    s->base.id = (uint64_t) id;
}


/* Of a client's connection: has it had as many requests as it may? */
static bool
http2_is_spent(const http2_t *mux)
{
    uint32_t max = mux->base.settings->max_requests;

    return max > 0 && mux->base.n_streams >= max;
}


static void
http2_send_head(mosn_stream_t *stream, const mosn_message_t *head, bool end)
{
    http2_stream_t *s = http2_stream(stream);
    http2_t        *mux = s->mux;

    s->head_sent = true;
    if (http2_is_server(mux)) {
        http2_send_response(s, head, end);
        if (MOSN_UNLIKELY(stream->conn->draining || http2_is_spent(mux))) {
            mux_http2_start_drain(mux);
        }
    } else {
        http2_send_request(s, head, end);
    }
    mux_http2_send_later(mux);
}


static bool
http2_send_interim(mosn_stream_t *stream, const mosn_message_t *head)
{
    http2_stream_t *s = http2_stream(stream);
    nghttp2_nv     *nv =
        mosn_pool_alloc(s->own, (head->headers.n + 1) * sizeof(*nv));
    size_t n = http2_pack_status(s, head->status, nv);

    n += http2_pack(s, &head->headers, nv + n);
    for (size_t i = 0; i < n; i++) { /* the next head takes their place */
        nv[i].flags &= (uint8_t) ~(NGHTTP2_NV_FLAG_NO_COPY_NAME
                                   | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
    }
    (void) nghttp2_submit_headers(s->mux->session, NGHTTP2_FLAG_NONE,
                                  (int32_t) stream->id, NULL, nv, n, NULL);
    mux_http2_send_later(s->mux);
    if (head->status == 100) {
        stream->expects = false;
        s->heard_ms = stream->conn->loop->now_ms;
    }
    return true;
}


void
mux_http2_answer(http2_stream_t *s, unsigned status)
{
    nghttp2_nv nv[2];
    size_t     n = http2_pack_status(s, status, nv);

    n += http2_pack_length(s, 0, nv + n);
    s->head_sent = true;
    (void) nghttp2_submit_response(s->mux->session, (int32_t) s->base.id, nv,
                                   n, NULL);
    mux_http2_send_later(s->mux);
}


/* --- bodies -------------------------------------------------------------- */

static void
http2_go_on(http2_stream_t *s)
{
    if (s->deferred) {
        s->deferred = false;
        s->sent_ms = s->base.conn->loop->now_ms;
        (void) nghttp2_session_resume_data(s->mux->session,
                                           (int32_t) s->base.id);
    }
    mux_http2_send_later(s->mux);
}


/* Everything is said: a server's stream is over, a tunnel when the other
 * direction has ended too. */
static void
http2_sent_all(http2_stream_t *s)
{
    s->out_end = true;
    s->base.sent_end = true;
    if (s->base.tunnel ? s->base.received_end : http2_is_server(s->mux)) {
        s->over = true;
    }
}


void
mux_http2_stop_sending(http2_stream_t *s)
{
    s->out_end = true;
    s->base.sent_end = true;
    http2_go_on(s);
}


static void
http2_send_data(mosn_stream_t *stream, const mosn_buf_t *data, bool end)
{
    http2_stream_t *s = http2_stream(stream);

    if (data != NULL && mosn_buf_len(data) > 0 && !s->out_end) {
        if (s->out.bytes == 0) {
            s->sent_ms = stream->conn->loop->now_ms; /* it waits from now */
        }
        mosn_chain_append(&s->out, data);
    }
    if (end) {
        http2_sent_all(s);
    }
    if (s->out.bytes > STREAM_HIGH) {
        s->blocked = stream->blocked = true;
    }
    http2_go_on(s);
}


static void
http2_send_trailers(mosn_stream_t *stream, const mosn_headers_t *trailers)
{
    http2_stream_t *s = http2_stream(stream);

    mosn_headers_init(&s->sent_trailers, s->own, trailers->n + 1);
    for (uint32_t i = 0; i < trailers->n; i++) {
        const mosn_header_t *h = &trailers->items[i];

        mosn_headers_add(
            &s->sent_trailers, h->id,
            mosn_pool_copy(s->own, (mosn_str_t){ h->name, h->name_len }),
            mosn_pool_copy(s->own, mosn_header_value(h)));
    }
    s->has_sent_trailers = s->sent_trailers.n > 0 && !s->out_end;
    http2_sent_all(s);
    http2_go_on(s);
}


/* --- the end ------------------------------------------------------------- */

static uint32_t
http2_code(mosn_reason_e reason)
{
    switch (reason) {
    case MOSN_REASON_NONE:
        return NGHTTP2_NO_ERROR;
    case MOSN_REASON_OVERFLOW:
    case MOSN_REASON_DRAINING:
    case MOSN_REASON_UPSTREAM_REFUSED:
        return NGHTTP2_REFUSED_STREAM;
    case MOSN_REASON_CLIENT_CLOSED:
    case MOSN_REASON_DEADLINE:
    case MOSN_REASON_UPSTREAM_CANCELLED:
    case MOSN_REASON_UPSTREAM_TIMEOUT:
        return NGHTTP2_CANCEL;
    default:
        return NGHTTP2_INTERNAL_ERROR;
    }
}


void
mux_http2_rst(http2_stream_t *s, uint32_t code)
{
    s->given = true;
    (void) nghttp2_submit_rst_stream(s->mux->session, NGHTTP2_FLAG_NONE,
                                     (int32_t) s->base.id, code);
    mux_http2_send_later(s->mux);
}


/* A tunnel whose end is on its way: then the rest of what the client says is
 * not wanted, as of a request (http2_on_frame_sent). */
static void
http2_linger(http2_stream_t *s)
{
    s->base.tunnel = false;
    if (nghttp2_session_get_stream_local_close(s->mux->session,
                                               (int32_t) s->base.id)
        == 1)
    {
        s->lingers = true;
        s->sent_ms = s->mux->base.conn->loop->now_ms;
    }
}


static void
http2_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    http2_stream_t *s = http2_stream(stream);
    http2_t        *mux = s->mux;

    s->over = true;
    if (http2_is_server(mux) && reason == MOSN_REASON_NONE && stream->tunnel
        && stream->sent_end)
    {
        http2_linger(s);
        return;
    }
    if (http2_is_server(mux) && s->head_sent) {
        mux_http2_send_now(mux); /* what there is of the answer is heard */
        if (mux->session == NULL) {
            return;
        }
    }
    mosn_chain_clear(&s->out);
    mosn_chain_clear(&s->early);
    if (stream->id == 0) { /* never sent */
        mux_http2_stream_free(s);
        mux_http2_look_for_room(mux);
        return;
    }
    if (!http2_is_server(mux)) {
        if (++mux->cancelled >= CANCELLED_MAX) {
            mux->going = true; /* before the host loses patience */
        }
        if (reason == MOSN_REASON_UPSTREAM_TIMEOUT && mux->ping_sent_ms == 0) {
            mux->doubted = true; /* the request, or the connection? */
            mux_http2_ping(mux);
        }
        mux_http2_look_for_room(mux);
    }
    mux_http2_rst(s, !http2_is_server(mux) ? NGHTTP2_CANCEL
                     : s->head_sent
                             && http2_code(reason) == NGHTTP2_REFUSED_STREAM
                         ? NGHTTP2_INTERNAL_ERROR
                         : http2_code(reason));
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
        s->heard_ms = stream->conn->loop->now_ms;
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
