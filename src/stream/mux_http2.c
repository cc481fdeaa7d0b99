/*
 * stream/mux_http2.c - HTTP/2 (RFC 9113) towards clients, on nghttp2.
 *
 * nghttp2 never sees the socket: what comes is given to it, what it wants to
 * send is taken from it when the connection takes more.  Bodies go past it by
 * reference, in both directions.
 *
 *   stream:  head -> body -> received            response -> sent
 *                 \--- reset by either side ---> closed, freed with its pool
 *
 * Flow control is tied to our marks: bytes of a stream are given back to its
 * sender when whoever receives them takes more, those of the connection at
 * once, so that one slow reader stops its own sender and no neighbour.
 */

#include "stream/stream.h"

#include "core/log.h"
#include "event/listener.h"
#include "os/clock.h"

#include <nghttp2/nghttp2.h>

#define PREFACE        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define MAX_STREAMS    128u
#define CONN_WINDOW    (1 << 20)
#define STREAM_HIGH    (64u * 1024) /* queued for a stream: its source waits */
#define STREAM_LOW     (16u * 1024)
#define FIELD_OVERHEAD 32u    /* RFC 9113, 6.5.2 */
#define DRAIN_MS       1000u  /* between the two GOAWAYs */

typedef struct http2_s        http2_t;
typedef struct http2_stream_s http2_stream_t;

struct http2_s {
    mosn_stream_conn_t base;
    nghttp2_session   *session;
    mosn_list_t        streams;
    uint32_t           n_streams;
    unsigned           depth; /* of calls into nghttp2 */
    mosn_task_t        send;
    mosn_timer_t       drain;
    mosn_buf_t        *feeding; /* what nghttp2 reads now */
    bool               dead;    /* closed during a call */
    bool               read_stopped;
    bool               draining;
};

struct http2_stream_s {
    mosn_stream_t  base;
    http2_t       *mux;
    mosn_list_t    link;
    mosn_message_t message;
    mosn_headers_t trailers;
    mosn_headers_t sent_trailers;
    mosn_chain_t   out; /* body that is not sent yet */
    size_t         header_bytes;
    size_t         held; /* received, not given back to the sender */
    uint8_t        paused;
    bool           in_trailers;
    bool           too_large;
    bool           out_end;
    bool           has_sent_trailers;
    bool           deferred; /* nghttp2 waits for more of `out` */
    bool           head_sent;
    bool           over; /* nobody above knows it any more */
    bool           blocked;
};

static const mosn_stream_ops_t http2_stream_ops;

static void http2_send(http2_t *mux);


static http2_t *
http2_mux(mosn_stream_conn_t *sc)
{
    return mosn_container_of(sc, http2_t, base);
}


static http2_stream_t *
http2_stream(mosn_stream_t *stream)
{
    return mosn_container_of(stream, http2_stream_t, base);
}


static void
http2_send_later(http2_t *mux)
{
    mosn_loop_post(mux->base.conn->loop, &mux->send);
}


/* --- streams ------------------------------------------------------------ */

static http2_stream_t *
http2_stream_create(http2_t *mux, int32_t id)
{
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_STREAM);
    http2_stream_t *s = mosn_pool_calloc(pool, sizeof(*s));

    s->mux = mux;
    s->base.ops = &http2_stream_ops;
    s->base.sc = &mux->base;
    s->base.conn = mux->base.conn;
    s->base.pool = pool;
    s->base.id = (uint64_t) id;
    s->base.reused = mux->base.n_streams > 0;
    mosn_message_init(&s->message, pool);
    s->message.version = MOSN_HTTP_2;
    mosn_list_append(&mux->streams, &s->link);
    mux->n_streams++;
    mux->base.n_streams++;
    mosn_conn_disarm_idle(mux->base.conn);
    return s;
}


static void
http2_stream_free(http2_stream_t *s)
{
    http2_t *mux = s->mux;

    mosn_list_unlink(&s->link);
    mosn_chain_clear(&s->out);
    mosn_loop_bury(mux->base.conn->loop, &(mosn_pool_t *){ s->base.pool });
    if (--mux->n_streams == 0 && !mux->base.conn->closed) {
        mosn_conn_arm_idle(mux->base.conn, mux->base.settings->idle_timeout_ms);
    }
}


/* Its owner is told, once, unless it is done with it. */
static void
http2_stream_end(http2_stream_t *s, mosn_reason_e reason)
{
    if (!s->over) {
        s->over = true;
        if (s->base.receiver != NULL) {
            s->base.receiver->on_reset(&s->base, reason);
        }
    }
}


/* --- a request that is none --------------------------------------------- */

static void
http2_refuse(http2_stream_t *s, mosn_reason_e reason)
{
    http2_t    *mux = s->mux;
    unsigned    status = mosn_reasons[reason].status;
    char        text[4];
    nghttp2_nv  nv[] = {
        { (uint8_t *) (uintptr_t) ":status", (uint8_t *) text, 7, 3, 0 },
        { (uint8_t *) (uintptr_t) "content-length",
           (uint8_t *) (uintptr_t) "0", 14, 1, 0 },
    };
    mosn_str_t line = s->message.path;

    (void) snprintf(text, sizeof(text), "%03u", status % 1000);
    s->over = true;
    mux->base.server->on_refused(mux->base.owner, &mux->base, reason, status,
                                 line);
    (void) nghttp2_submit_response(mux->session, (int32_t) s->base.id, nv, 2,
                                   NULL);
}


/* --- heads that come ----------------------------------------------------- */

static mosn_str_t
http2_copy(http2_stream_t *s, const uint8_t *at, size_t n)
{
    return mosn_pool_copy(s->base.pool, (mosn_str_t){ (const char *) at, n });
}


static void
http2_take_pseudo(http2_stream_t *s, mosn_str_t name, mosn_str_t value)
{
    mosn_message_t *m = &s->message;

    if (mosn_str_equal(name, MOSN_STR(":method"))) {
        m->method = value;
        m->method_id = mosn_method_find(value);
    } else if (mosn_str_equal(name, MOSN_STR(":path"))) {
        m->path = value;
    } else if (mosn_str_equal(name, MOSN_STR(":authority"))) {
        m->authority = value;
    } else if (mosn_str_equal(name, MOSN_STR(":scheme"))) {
        m->scheme = value;
    }
}


static void
http2_take_field(http2_stream_t *s, mosn_str_t name, mosn_str_t value)
{
    mosn_message_t *m = &s->message;
    mosn_header_e   id = mosn_header_find_id(name.at, name.len);

    switch (id) {
    case MOSN_HEADER_TE: /* trailers, or nghttp2 had refused it */
        m->te_trailers = true;
        return;
    case MOSN_HEADER_EXPECT:
        m->expect_continue =
            mosn_str_equal_nocase(value, MOSN_STR("100-continue"));
        return;
    case MOSN_HEADER_CONTENT_LENGTH:
        m->content_length = strtoll(value.at, NULL, 10); /* checked: digits */
        return;
    case MOSN_HEADER_HOST:
        if (m->authority.len == 0) {
            m->authority = value;
        }
        return;
    default:
        mosn_headers_add(&m->headers, id, name, value);
        return;
    }
}


static int
http2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                const uint8_t *name, size_t name_len, const uint8_t *value,
                size_t value_len, uint8_t flags, void *arg)
{
    http2_stream_t *s =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    http2_t   *mux = arg;
    mosn_str_t n, v;

    (void) flags;
    if (s == NULL || s->over) {
        return 0;
    }
    s->header_bytes += name_len + value_len + FIELD_OVERHEAD;
    if (s->header_bytes > mux->base.settings->max_header_bytes
        || s->message.headers.n >= mux->base.settings->max_headers)
    {
        s->too_large = true; /* read on, keep nothing */
        return 0;
    }
    n = http2_copy(s, name, name_len);
    v = http2_copy(s, value, value_len);
    if (s->in_trailers) {
        mosn_headers_add(&s->trailers, mosn_header_find_id(n.at, n.len), n, v);
    } else if (name_len > 0 && name[0] == ':') {
        http2_take_pseudo(s, n, v);
    } else {
        http2_take_field(s, n, v);
    }
    return 0;
}


static int
http2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
                       void *arg)
{
    http2_t        *mux = arg;
    http2_stream_t *s;

    if (frame->hd.type != NGHTTP2_HEADERS) {
        return 0;
    }
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        s = http2_stream_create(mux, frame->hd.stream_id);
        (void) nghttp2_session_set_stream_user_data(session,
                                                    frame->hd.stream_id, s);
        return 0;
    }
    s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (s != NULL) {
        s->in_trailers = true;
        s->header_bytes = 0;
        mosn_headers_init(&s->trailers, s->base.pool, 4);
    }
    return 0;
}


/* One line for all of them: HTTP/1 knows no other form (RFC 9113, 8.2.3). */
static void
http2_join_cookies(http2_stream_t *s)
{
    mosn_headers_t *headers = &s->message.headers;
    mosn_str_t      all = MOSN_STR_NULL;
    unsigned        n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        mosn_header_t *h = &headers->items[i];

        if (h->id != MOSN_HEADER_COOKIE || h->removed) {
            continue;
        }
        all = n++ == 0 ? mosn_header_value(h)
                       : mosn_pool_printf(s->base.pool, "%.*s; %.*s",
                                          MOSN_STR_ARG(all),
                                          (int) h->value_len, h->value);
    }
    if (n > 1) {
        mosn_headers_set(headers, MOSN_HEADER_COOKIE, MOSN_STR("cookie"), all);
    }
}


/* What nghttp2 lets pass and HTTP/1 could misread. */
static bool
http2_is_sound(const mosn_message_t *m)
{
    if (m->authority.len == 0 || memchr(m->authority.at, '@', m->authority.len))
    {
        return false;
    }
    if (m->path.len == 0 || memchr(m->path.at, '#', m->path.len)
        || (m->path.at[0] != '/'
            && !(m->method_id == MOSN_METHOD_OPTIONS && m->path.len == 1
                 && m->path.at[0] == '*')))
    {
        return false;
    }
    for (size_t i = 0; i < m->path.len; i++) {
        if ((uint8_t) m->path.at[i] <= ' ' || m->path.at[i] == 0x7f) {
            return false;
        }
    }
    return true;
}


static void
http2_on_request(http2_stream_t *s, bool end)
{
    http2_t        *mux = s->mux;
    mosn_message_t *m = &s->message;

    s->base.received_end = end;
    if (s->too_large) {
        http2_refuse(s, MOSN_REASON_HEADERS_TOO_LARGE);
    } else if (m->path.len > mux->base.settings->max_uri_bytes) {
        http2_refuse(s, MOSN_REASON_URI_TOO_LONG);
    } else if (m->method_id == MOSN_METHOD_CONNECT) {
        http2_refuse(s, MOSN_REASON_METHOD_NOT_ALLOWED);
    } else if (!http2_is_sound(m)) {
        http2_refuse(s, MOSN_REASON_BAD_REQUEST);
    } else {
        if (end && m->content_length < 0) {
            m->content_length = 0;
        }
        http2_join_cookies(s);
        mux->base.server->on_stream(mux->base.owner, &s->base);
        s->base.receiver->on_head(&s->base, m, end);
    }
}


static void
http2_on_data_end(http2_stream_t *s)
{
    s->base.received_end = true;
    if (!s->over) {
        s->base.receiver->on_data(&s->base, NULL, true);
    }
}


static int
http2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    http2_stream_t *s = frame->hd.stream_id == 0
                            ? NULL
                            : nghttp2_session_get_stream_user_data(
                                  session, frame->hd.stream_id);
    bool            end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

    (void) arg;
    if (s == NULL) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && !s->in_trailers) {
        http2_on_request(s, end);
    } else if (frame->hd.type == NGHTTP2_HEADERS) {
        s->base.received_end = true;
        if (!s->over) {
            s->base.receiver->on_trailers(&s->base, &s->trailers);
        }
    } else if (frame->hd.type == NGHTTP2_DATA && end) {
        http2_on_data_end(s);
    }
    return 0;
}


static int
http2_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
              const uint8_t *bytes, size_t n, void *arg)
{
    http2_t        *mux = arg;
    http2_stream_t *s = nghttp2_session_get_stream_user_data(session, id);

    (void) flags;
    (void) nghttp2_session_consume_connection(session, n);
    if (s == NULL || s->over) {
        (void) nghttp2_session_consume_stream(session, id, n);
        return 0;
    }
    s->held += n;
    if (n > 0) {
        mosn_buf_t data = mosn_buf_slice(
            mux->feeding, (uint8_t *) (uintptr_t) bytes, n);

        s->base.receiver->on_data(&s->base, &data, false);
    }
    if (s->paused == 0 && s->held > 0) {
        (void) nghttp2_session_consume_stream(session, id, s->held);
        s->held = 0;
    }
    return 0;
}


static int
http2_on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
                      void *arg)
{
    http2_stream_t *s = nghttp2_session_get_stream_user_data(session, id);

    (void) arg;
    (void) code;
    if (s != NULL) {
        (void) nghttp2_session_set_stream_user_data(session, id, NULL);
        http2_stream_end(s, MOSN_REASON_CLIENT_CLOSED);
        http2_stream_free(s);
    }
    return 0;
}


/* A response that is sent before its request has come: the rest of that is
 * not wanted (RFC 9113, 8.1). */
static int
http2_on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    http2_stream_t *s = frame->hd.stream_id == 0
                            ? NULL
                            : nghttp2_session_get_stream_user_data(
                                  session, frame->hd.stream_id);

    (void) arg;
    if (s != NULL && !s->base.received_end
        && (frame->hd.type == NGHTTP2_DATA
            || frame->hd.type == NGHTTP2_HEADERS)
        && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
    {
        (void) nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
                                         frame->hd.stream_id,
                                         NGHTTP2_NO_ERROR);
    }
    return 0;
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
        nv[n++] = (nghttp2_nv){ (uint8_t *) name,
                                (uint8_t *) (uintptr_t) h->value, h->name_len,
                                h->value_len, NGHTTP2_NV_FLAG_NONE };
    }
    return n;
}


static int
http2_send_body(nghttp2_session *session, nghttp2_frame *frame,
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
    http2_stream_t       *s = http2_stream(stream);
    nghttp2_nv           *nv = mosn_pool_calloc(
        stream->pool, (head->headers.n + 2) * sizeof(*nv));
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
    if (head->content_length >= 0 && head->status != 204
        && head->status != 304 && !head->tunnel)
    {
        int len = snprintf(length, 24, "%lld", (long long) head->content_length);

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
    http2_send_later(s->mux);
}


static void
http2_send_interim(mosn_stream_t *stream, const mosn_message_t *head)
{
    http2_stream_t *s = http2_stream(stream);
    nghttp2_nv     *nv = mosn_pool_calloc(
        stream->pool, (head->headers.n + 1) * sizeof(*nv));
    char  *status = mosn_pool_alloc(stream->pool, 4);
    size_t n = 0;

    (void) snprintf(status, 4, "%03u", head->status % 1000);
    nv[n++] = (nghttp2_nv){ (uint8_t *) (uintptr_t) ":status",
                            (uint8_t *) status, 7, 3, NGHTTP2_NV_FLAG_NONE };
    n += http2_pack(s, &head->headers, nv + n);
    (void) nghttp2_submit_headers(s->mux->session, NGHTTP2_FLAG_NONE,
                                  (int32_t) stream->id, NULL, nv, n, NULL);
    http2_send_later(s->mux);
}


static void
http2_go_on(http2_stream_t *s)
{
    if (s->deferred) {
        s->deferred = false;
        (void) nghttp2_session_resume_data(s->mux->session,
                                           (int32_t) s->base.id);
    }
    http2_send_later(s->mux);
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
            mosn_pool_copy(stream->pool,
                           (mosn_str_t){ h->name, h->name_len }),
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
    http2_send_later(s->mux);
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
        (void) nghttp2_session_consume_stream(
            s->mux->session, (int32_t) stream->id, s->held);
        s->held = 0;
        http2_send_later(s->mux); /* the window */
    }
}


static const mosn_stream_ops_t http2_stream_ops = {
    .send_head = http2_send_head,
    .send_interim = http2_send_interim,
    .send_data = http2_send_data,
    .send_trailers = http2_send_trailers,
    .reset = http2_reset,
    .pause = http2_pause,
    .resume = http2_resume,
};


/* --- the connection ------------------------------------------------------ */

static void
http2_free(http2_t *mux)
{
    while (!mosn_list_is_empty(&mux->streams)) {
        http2_stream_t *s =
            mosn_container_of(mux->streams.next, http2_stream_t, link);

        (void) nghttp2_session_set_stream_user_data(
            mux->session, (int32_t) s->base.id, NULL);
        http2_stream_end(s, mux->base.conn->reason);
        http2_stream_free(s);
    }
    nghttp2_session_del(mux->session);
    mux->session = NULL;
}


/* Leaves a call into nghttp2; what was closed meanwhile is freed now. */
static bool
http2_leave(http2_t *mux)
{
    mux->depth--;
    if (mux->dead && mux->depth == 0 && mux->session != NULL) {
        http2_free(mux);
    }
    return !mux->dead;
}


static void
http2_send(http2_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    if (mux->session == NULL || mux->depth > 0) {
        return;
    }
    mux->depth++;
    while (!conn->closed && !conn->blocked) {
        const uint8_t *bytes;
        ssize_t        n = nghttp2_session_mem_send(mux->session, &bytes);

        if (n <= 0) {
            break;
        }
        mosn_conn_write(conn, bytes, (size_t) n);
    }
    if (http2_leave(mux) && nghttp2_session_want_read(mux->session) == 0
        && nghttp2_session_want_write(mux->session) == 0)
    {
        mosn_conn_close_flushed(conn, MOSN_REASON_NONE, true);
    }
}


static void
http2_send_task(mosn_task_t *task)
{
    http2_send(mosn_container_of(task, http2_t, send));
}


static mosn_verdict_e
http2_on_read(mosn_stream_conn_t *sc)
{
    http2_t     *mux = http2_mux(sc);
    mosn_conn_t *conn = sc->conn;
    size_t       n = mosn_buf_len(&conn->in);

    if (mux->session == NULL) {
        return MOSN_END;
    }
    if (n > 0) {
        ssize_t got;

        mux->depth++;
        mux->feeding = &conn->in;
        got = nghttp2_session_mem_recv(mux->session, conn->in.pos, n);
        if (!http2_leave(mux)) {
            return MOSN_END;
        }
        conn->in.pos = conn->in.last;
        if (got < 0) {
            mosn_log_info(0, "conn %llu: HTTP/2: %s",
                          (unsigned long long) conn->id,
                          nghttp2_strerror((int) got));
            mosn_conn_close_flushed(conn, MOSN_REASON_BAD_REQUEST, true);
            return MOSN_END;
        }
        http2_send(mux);
    }
    if (conn->closed) {
        return MOSN_END;
    }
    if (conn->eof) {
        mosn_conn_close(conn, MOSN_REASON_CLIENT_CLOSED);
        return MOSN_END;
    }
    if (conn->blocked && !mux->read_stopped) {
        mux->read_stopped = true; /* he reads nothing: enough */
        mosn_conn_pause_read(conn);
    }
    return MOSN_NEXT;
}


/* The second GOAWAY: what came before the first one was seen is served. */
static void
http2_drain_fired(mosn_timer_t *timer)
{
    http2_t *mux = mosn_container_of(timer, http2_t, drain);

    if (mux->session != NULL) {
        (void) nghttp2_submit_goaway(
            mux->session, NGHTTP2_FLAG_NONE,
            nghttp2_session_get_last_proc_stream_id(mux->session),
            NGHTTP2_NO_ERROR, NULL, 0);
        http2_send(mux);
        if (mux->session != NULL && mux->n_streams == 0) {
            mosn_conn_close_flushed(mux->base.conn, MOSN_REASON_NONE, true);
        } else {
            mosn_timer_arm(mux->base.conn->loop, &mux->drain, DRAIN_MS / 10);
        }
    }
}


static void
http2_start_drain(http2_t *mux)
{
    if (mux->session == NULL || mux->draining) {
        return;
    }
    mux->draining = true;
    (void) nghttp2_submit_shutdown_notice(mux->session);
    http2_send(mux);
    mosn_timer_arm(mux->base.conn->loop, &mux->drain, DRAIN_MS);
}


static void
http2_on_event(mosn_stream_conn_t *sc, mosn_conn_event_e event)
{
    http2_t *mux = http2_mux(sc);

    switch (event) {
    case MOSN_CONN_CLOSED:
        mosn_task_cancel(&mux->send);
        mosn_timer_disarm(sc->conn->loop, &mux->drain);
        mux->dead = true;
        if (mux->depth == 0 && mux->session != NULL) {
            http2_free(mux);
        }
        break;
    case MOSN_CONN_DRAINED:
        http2_send(mux);
        if (mux->read_stopped && !sc->conn->blocked && !sc->conn->closed) {
            mux->read_stopped = false;
            mosn_conn_resume_read(sc->conn);
        }
        break;
    case MOSN_CONN_IDLE:
        if (mux->n_streams == 0 && mux->session != NULL) {
            (void) nghttp2_session_terminate_session(mux->session,
                                                     NGHTTP2_NO_ERROR);
            http2_send(mux);
            mosn_conn_close_flushed(sc->conn, MOSN_REASON_IDLE_TIMEOUT, true);
        }
        break;
    case MOSN_CONN_DRAIN:
        http2_start_drain(mux);
        break;
    default:
        break;
    }
}


static const mosn_stream_conn_ops_t http2_conn_ops = {
    .on_read = http2_on_read,
    .on_event = http2_on_event,
};


static nghttp2_session *
http2_new_session(http2_t *mux)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option            *option;
    nghttp2_session           *session;

    if (nghttp2_session_callbacks_new(&callbacks) != 0
        || nghttp2_option_new(&option) != 0)
    {
        abort(); /* no memory */
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, http2_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks,
                                                     http2_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                         http2_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              http2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, http2_on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
                                                         http2_on_frame_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks,
                                                     http2_send_body);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    if (nghttp2_session_server_new2(&session, callbacks, mux, option) != 0) {
        abort();
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return session;
}


static mosn_stream_conn_t *
http2_serve(mosn_conn_t *conn, const mosn_stream_settings_t *settings,
            const mosn_stream_server_ops_t *ops, void *owner)
{
    http2_t               *mux = mosn_pool_calloc(conn->pool, sizeof(*mux));
    nghttp2_settings_entry entries[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, MAX_STREAMS },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
          (uint32_t) settings->max_header_bytes },
    };

    mux->base.ops = &http2_conn_ops;
    mux->base.conn = conn;
    mux->base.settings = settings;
    mux->base.server = ops;
    mux->base.owner = owner;
    mosn_list_init(&mux->base.link);
    mosn_list_init(&mux->streams);
    mosn_task_init(&mux->send, http2_send_task);
    mosn_timer_init(&mux->drain, http2_drain_fired);
    mux->session = http2_new_session(mux);
    (void) nghttp2_submit_settings(mux->session, NGHTTP2_FLAG_NONE, entries,
                                   MOSN_COUNT(entries));
    (void) nghttp2_session_set_local_window_size(
        mux->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
    mosn_conn_arm_idle(conn, settings->idle_timeout_ms);
    http2_send_later(mux);
    return &mux->base;
}


static mosn_rc_e
http2_probe(const uint8_t *bytes, size_t n)
{
    size_t all = sizeof(PREFACE) - 1;

    if (memcmp(bytes, PREFACE, n < all ? n : all) != 0) {
        return MOSN_DECLINED;
    }
    return n < all ? MOSN_AGAIN : MOSN_OK;
}


static const mosn_stream_protocol_ops_t http2_protocol = {
    .probe = http2_probe,
    .serve = http2_serve,
    .protocol = MOSN_STR_INIT("HTTP/2"),
    .multiplex = true,
};

MOSN_MODULE(MOSN_STREAM_PROTOCOL, http2, &http2_protocol);
