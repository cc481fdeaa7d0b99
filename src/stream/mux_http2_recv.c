/*
 * stream/mux_http2_recv.c - what nghttp2 makes of the peer's frames: heads,
 * data, trailers, ends, and how much misbehaviour is enough.
 *
 * Flow control is tied to our marks: bytes of a stream are given back to its
 * sender when whoever receives them takes more, those of the connection at
 * once, so that one slow reader stops its own sender and no neighbour.
 */

#include "stream/mux_http2.h"

#include "core/log.h"
#include "proto/websocket.h"

#define FIELD_OVERHEAD 32u /* RFC 9113, 6.5.2 */
#define PATIENCE_MAX   1000u
#define PATIENCE_PER_S 100u
#define MAX_INTERIMS   32u
#define WORTH          1024u /* bytes of body that pay for a frame */


static http2_stream_t *
http2_find(nghttp2_session *session, int32_t id)
{
    return id == 0 ? NULL : nghttp2_session_get_stream_user_data(session, id);
}


/* --- misbehaviour -------------------------------------------------------- */

static void
http2_refund(http2_t *mux, uint32_t n)
{
    mux->patience =
        n > PATIENCE_MAX - mux->patience ? PATIENCE_MAX : mux->patience + n;
}


/* The budgets fill with time. */
static void
http2_fill(http2_t *mux)
{
    uint64_t now = mux->base.conn->loop->now_ms;
    uint64_t rate = (uint64_t) mux->base.settings->http2->max_reset_rate;
    uint64_t ms = now - mux->charged_ms;
    uint64_t resets = mux->resets + ms * rate / 1000;

    if (ms * PATIENCE_PER_S < 1000 || ms * rate < 1000) {
        return; /* not one of them yet */
    }
    mux->charged_ms = now;
    ms = ms < 3600000 ? ms : 3600000;
    http2_refund(mux, (uint32_t) (ms * PATIENCE_PER_S / 1000));
    mux->resets =
        (uint32_t) (resets < rate * RESETS_BURST ? resets
                                                 : rate * RESETS_BURST);
}


/* Frames that cost us something and the peer nothing are paid from one
 * budget, which honest work fills too; streams that it gives up, or makes us
 * reset, from another one.  When one is gone the connection ends. */
static void
http2_charge(http2_t *mux, uint32_t *budget)
{
    mosn_conn_t *conn = mux->base.conn;

    http2_fill(mux);
    if (*budget > 0) {
        (*budget)--;
        return;
    }
    if (!mux->given_up) {
        mux->given_up = mux->told = true;
        mosn_log_info(0, "conn %llu: HTTP/2: too much misbehaviour",
                      (unsigned long long) conn->id);
        mosn_reason_count(http2_is_server(mux)
                              ? MOSN_REASON_BAD_REQUEST
                              : MOSN_REASON_UPSTREAM_BAD_RESPONSE);
        (void) nghttp2_session_terminate_session(mux->session,
                                                 NGHTTP2_ENHANCE_YOUR_CALM);
    }
}


static int
http2_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd,
                     void *arg)
{
    http2_t *mux = arg;

    (void) session;
    switch (hd->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
        break; /* when it is there */
    case NGHTTP2_RST_STREAM:
        if (http2_is_server(mux)) { /* a host may refuse what we ask */
            http2_charge(mux, &mux->resets);
        }
        break;
    default:
        http2_charge(mux, &mux->patience);
        break;
    }
    if (hd->type != NGHTTP2_CONTINUATION) {
        mux->head_begun_ms = 0; /* whatever became of the one before */
    }
    return 0;
}


static int
http2_on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame,
                       int error, void *arg)
{
    http2_stream_t *s = http2_find(session, frame->hd.stream_id);
    http2_t        *mux = arg;

    if (frame->hd.type == NGHTTP2_HEADERS) {
        mux->head_begun_ms = 0;
    }
    if (s != NULL) {
        s->malformed = true;
    }
    if (mux->told) {
        return 0;
    }
    mux->told = true; /* the first one is enough to know him by */
    mosn_log_info(0, "conn %llu: HTTP/2: stream %d: %s",
                  (unsigned long long) mux->base.conn->id, frame->hd.stream_id,
                  nghttp2_strerror(error));
    return 0;
}


/* --- fields that come ---------------------------------------------------- */

static void
http2_take_pseudo(http2_stream_t *s, mosn_str_t name, mosn_str_t value)
{
    mosn_message_t *m = s->message;

    switch (name.at[1]) { /* nghttp2 lets no other through */
    case 'm':
        m->method = value;
        m->method_id = mosn_method_find(value);
        break;
    case 'p':
        if (name.at[2] == 'a') {
            m->path = value;
        } else {
            s->protocol = value;
        }
        break;
    case 'a':
        m->authority = value;
        break;
    case 's':
        if (name.at[2] == 't') {
            m->status = (unsigned) strtoul(value.at, NULL, 10);
        } else {
            m->scheme = value;
        }
        break;
    default:
        break;
    }
}


static void
http2_take_field(http2_stream_t *s, mosn_header_e id, mosn_str_t name,
                 mosn_str_t value)
{
    mosn_message_t *m = s->message;

    switch (id) {
    case MOSN_HEADER_TE: /* trailers, or nghttp2 had refused it */
        m->te_trailers = true;
        return;
    case MOSN_HEADER_EXPECT:
        m->expect_continue =
            mosn_str_equal_nocase(value, MOSN_STR("100-continue"));
        s->bad_expectation = !m->expect_continue;
        mosn_headers_add(&m->headers, id, name, value);
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
    http2_stream_t *s = http2_find(session, frame->hd.stream_id);
    http2_t        *mux = arg;
    mosn_str_t      n, v;
    mosn_header_e   id;

    (void) flags;
    if (s == NULL || s->over) {
        return 0;
    }
    s->header_bytes += name_len + value_len + FIELD_OVERHEAD;
    if (s->header_bytes > 4 * mux->base.settings->max_header_bytes) {
        s->malformed = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* no 431 for a bomb */
    }
    if (s->header_bytes > mux->base.settings->max_header_bytes
        || s->message->headers.n >= mux->base.settings->max_headers)
    {
        s->too_large = true; /* read on, keep nothing */
        return 0;
    }
    v = mosn_pool_copy(s->base.pool,
                       (mosn_str_t){ (const char *) value, value_len });
    n = (mosn_str_t){ (const char *) name, name_len };
    if (name_len > 0 && name[0] == ':') {
        http2_take_pseudo(s, n, v);
        return 0;
    }
    id = mosn_header_find_id(n.at, n.len);
    n = id != MOSN_HEADER_OTHER ? mosn_header_name(id)
                                : mosn_pool_copy(s->base.pool, n);
    if (s->got_head) {
        if (mosn_header_may_trail(id)) {
            mosn_headers_add(&s->trailers, id, n, v);
        }
    } else {
        http2_take_field(s, id, n, v);
    }
    return 0;
}


static int
http2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
                       void *arg)
{
    http2_t        *mux = arg;
    int32_t         id = frame->hd.stream_id;
    http2_stream_t *s = http2_find(session, id);

    if (frame->hd.type != NGHTTP2_HEADERS) {
        return 0;
    }
    mux->head_begun_ms = mux->base.conn->loop->now_ms;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        s = mux_http2_stream_create(mux, id, NULL);
        (void) nghttp2_session_set_stream_user_data(session, id, s);
        if (mux->base.n_active
            > (uint32_t) mux->base.settings->http2->max_concurrent_streams)
        {
            s->over = true; /* our settings are not acknowledged yet */
            mux_http2_rst(s, NGHTTP2_REFUSED_STREAM);
        }
    } else if (s != NULL) {
        s->header_bytes = 0;
        if (s->got_head) {
            mosn_headers_init(&s->trailers, s->base.pool, 4);
        }
    }
    return 0;
}


/* --- requests ------------------------------------------------------------ */

/* A request that is none. */
static void
http2_refuse(http2_stream_t *s, mosn_reason_e reason)
{
    http2_t *mux = s->mux;
    unsigned status = mosn_reasons[reason].status;

    s->over = true;
    mux->base.server->on_refused(mux->base.owner, &mux->base, reason, status,
                                 s->message->path);
    mux_http2_answer(s, status);
}


/* One line for all of them: HTTP/1 knows no other form (RFC 9113, 8.2.3). */
static void
http2_join_cookies(http2_stream_t *s)
{
    mosn_headers_t *headers = &s->message->headers;
    mosn_str_t      all = MOSN_STR_NULL;
    unsigned        n = 0;
    size_t          len = 0;
    char           *to;

    if (!mosn_headers_has(headers, MOSN_HEADER_COOKIE)) {
        return;
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        if (headers->items[i].id == MOSN_HEADER_COOKIE) {
            len += headers->items[i].value_len + 2;
            n++;
        }
    }
    if (n < 2) {
        return;
    }
    all.at = to = mosn_pool_alloc(s->base.pool, len);
    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (h->id == MOSN_HEADER_COOKIE) {
            to = mempcpy(to, h->value, h->value_len);
            to = mempcpy(to, "; ", 2);
        }
    }
    all.len = len - 2;
    mosn_headers_set(headers, MOSN_HEADER_COOKIE, MOSN_STR("cookie"), all);
}


/* What nghttp2 lets pass and HTTP/1 could misread. */
static bool
http2_is_sound(const mosn_message_t *m)
{
    if (m->authority.len == 0
        || memchr(m->authority.at, '@', m->authority.len)) {
        return false;
    }
    if (m->method_id == MOSN_METHOD_CONNECT) {
        return memchr(m->authority.at, ':', m->authority.len) != NULL;
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


/* An extended CONNECT is an Upgrade to everybody above (RFC 8441, 5). */
static void
http2_take_connect(http2_stream_t *s)
{
    mosn_message_t *m = s->message;

    s->wants_tunnel = true;
    if (s->protocol.len > 0) {
        m->method = MOSN_STR("GET");
        m->method_id = MOSN_METHOD_GET;
        m->upgrade = s->protocol;
        m->upgrade_only = true;
    }
}


static void
http2_on_request(http2_stream_t *s, bool end)
{
    http2_t        *mux = s->mux;
    mosn_message_t *m = s->message;

    s->got_head = true;
    s->base.received_end = end;
    if (s->over) {
        return;
    }
    if (m->method_id == MOSN_METHOD_CONNECT
        && mux->base.settings->takes_tunnels) {
        http2_take_connect(s);
    }
    if (s->too_large) {
        http2_refuse(s, MOSN_REASON_HEADERS_TOO_LARGE);
    } else if (m->path.len > mux->base.settings->max_uri_bytes) {
        http2_refuse(s, MOSN_REASON_URI_TOO_LONG);
    } else if (m->method_id == MOSN_METHOD_CONNECT && !s->wants_tunnel) {
        http2_refuse(s, MOSN_REASON_METHOD_NOT_ALLOWED);
    } else if (s->bad_expectation) {
        http2_refuse(s, MOSN_REASON_BAD_EXPECTATION);
    } else if (!http2_is_sound(m) || (s->wants_tunnel && end)) {
        http2_refuse(s, MOSN_REASON_BAD_REQUEST);
    } else {
        http2_join_cookies(s);
        s->base.expects = m->expect_continue && !end;
        mux->base.server->on_stream(mux->base.owner, &s->base);
        s->base.receiver->on_head(&s->base, m, end || s->wants_tunnel);
    }
}


/* --- responses ----------------------------------------------------------- */

/* Whoever upgraded over HTTP/1 wants to see that his key was read. */
static void
http2_agree_on_tunnel(http2_stream_t *s)
{
    mosn_message_t *m = s->message;

    s->base.tunnel = true;
    m->tunnel = true;
    if (s->protocol.len == 0) {
        return; /* CONNECT */
    }
    m->status = 101;
    m->upgrade = mosn_pool_copy(s->base.pool, s->protocol);
    if (s->key.len > 0) {
        char *accept =
            mosn_pool_alloc(s->base.pool, MOSN_WEBSOCKET_ACCEPT + 1);

        mosn_websocket_accept(s->key, accept);
        mosn_headers_add(&m->headers, MOSN_HEADER_OTHER,
                         MOSN_STR("Sec-WebSocket-Accept"), mosn_str(accept));
    }
}


/* The response is whole: what is left of the request is not wanted. */
static void
http2_response_done(http2_stream_t *s)
{
    s->over = true;
    if (!s->base.sent_end) {
        mux_http2_rst(s, NGHTTP2_NO_ERROR);
    }
}


static void
http2_bad_response(http2_stream_t *s)
{
    mux_http2_rst(s, NGHTTP2_PROTOCOL_ERROR);
    mux_http2_stream_end(s, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
}


static void
http2_on_response(http2_stream_t *s, bool end)
{
    mosn_message_t *m = s->message;

    if (s->over) {
        return;
    }
    if (s->too_large || m->status < 100 || m->status > 599) {
        http2_bad_response(s);
        return;
    }
    if (m->status < 200) {
        if (++s->interims > MAX_INTERIMS) {
            http2_bad_response(s);
            return;
        }
        s->base.receiver->on_interim(&s->base, m);
        mosn_message_reset(m);
        m->version = MOSN_HTTP_2;
        return;
    }
    s->got_head = true;
    s->base.received_end = end;
    if (s->wants_tunnel && m->status / 100 == 2 && !end) {
        http2_agree_on_tunnel(s);
    } else if (s->wants_tunnel) { /* an answer like any other */
        mux_http2_stop_sending(s);
    }
    if (end) {
        http2_response_done(s);
    }
    s->base.receiver->on_head(&s->base, m, end);
}


/* --- bodies and ends ----------------------------------------------------- */

static void
http2_on_received_all(http2_stream_t *s)
{
    s->base.received_end = true;
    if (s->over) {
        return;
    }
    if (http2_is_server(s->mux) ? s->base.tunnel && s->base.sent_end
                                : !s->base.tunnel || s->base.sent_end)
    {
        if (s->base.tunnel) {
            s->over = true;
        } else {
            http2_response_done(s);
        }
    }
}


/* The next connection to it need not ask. */
static void
http2_learn(const http2_t *mux)
{
    uint32_t most = nghttp2_session_get_remote_settings(
        mux->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    if (mux->base.learned != NULL) {
        *mux->base.learned = most;
    }
}


/* The host takes fewer streams than we have begun: those that nghttp2 has not
 * sent would wait for others to end.  Another connection may have them. */
static void
http2_give_back(http2_t *mux)
{
    uint32_t     most;
    mosn_list_t *link, *next;

    if (http2_is_server(mux) || mux->dead) {
        return;
    }
    most = nghttp2_session_get_remote_settings(
        mux->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    for (link = mux->streams.next;
         link != &mux->streams && mux->base.n_active > most; link = next)
    {
        http2_stream_t *s = mosn_container_of(link, http2_stream_t, link);

        next = link->next;
        if (!s->over && s->base.id != 0 && s->base.first_byte == UINT64_MAX) {
            mux_http2_rst(s, NGHTTP2_CANCEL);
            mux_http2_stream_end(s, MOSN_REASON_UPSTREAM_REFUSED);
        }
    }
}


static void
http2_bad_trailers(http2_stream_t *s)
{
    mux_http2_rst(s, NGHTTP2_PROTOCOL_ERROR);
    mux_http2_stream_end(s, http2_is_server(s->mux)
                                ? MOSN_REASON_HEADERS_TOO_LARGE
                                : MOSN_REASON_UPSTREAM_BAD_RESPONSE);
}


static int
http2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    http2_stream_t *s = http2_find(session, frame->hd.stream_id);
    http2_t        *mux = arg;
    bool            end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool            was_over;

    switch (frame->hd.type) {
    case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
            mux->settings_sent_ms = 0;
        } else {
            http2_learn(mux);
            mux_http2_look_for_room(mux);
            http2_give_back(mux);
        }
        return 0;
    case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
            mux->ping_sent_ms = 0;
            if (mux->doubted) {
                mux->doubted = false;
                mux_http2_look_for_room(mux);
            }
        }
        return 0;
    case NGHTTP2_GOAWAY:
        mux->going = true;
        mux_http2_look_for_room(mux);
        return 0;
    case NGHTTP2_HEADERS:
        mux->head_begun_ms = 0;
        break;
    case NGHTTP2_DATA:
        if (frame->hd.length - frame->data.padlen >= WORTH) {
            http2_refund(mux, 1); /* who sends much may ping much */
        } else if (frame->hd.length == frame->data.padlen && !end) {
            http2_charge(mux, &mux->patience);
        }
        break;
    default:
        return 0;
    }
    if (s == NULL) {
        return 0;
    }
    s->heard_ms = mux->base.conn->loop->now_ms;
    if (frame->hd.type == NGHTTP2_HEADERS && !s->got_head) {
        if (http2_is_server(mux)) {
            http2_on_request(s, end);
        } else {
            http2_on_response(s, end);
        }
        return 0;
    }
    if (!end) {
        return 0;
    }
    if (s->too_large && !s->over) { /* trailers */
        http2_bad_trailers(s);
        return 0;
    }
    was_over = s->over;
    http2_on_received_all(s);
    if (was_over || s->no_body || (s->wants_tunnel && !s->base.tunnel)) {
        return 0;
    }
    if (frame->hd.type == NGHTTP2_HEADERS && !s->base.tunnel) {
        s->base.receiver->on_trailers(&s->base, &s->trailers);
    } else {
        s->base.receiver->on_data(&s->base, NULL, true);
    }
    return 0;
}


static int
http2_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
              const uint8_t *bytes, size_t n, void *arg)
{
    http2_t        *mux = arg;
    http2_stream_t *s = http2_find(session, id);
    mosn_buf_t      data =
        mosn_buf_slice(mux->feeding, (uint8_t *) (uintptr_t) bytes, n);

    (void) flags;
    (void) nghttp2_session_consume_connection(session, n);
    if (s != NULL && s->lingers) {
        return 0; /* no more than the window lets in */
    }
    if (s == NULL || s->over || s->no_body) {
        (void) nghttp2_session_consume_stream(session, id, n);
        return 0;
    }
    s->heard_ms = mux->base.conn->loop->now_ms;
    s->base.expects = false;
    s->held += n;
    if (s->wants_tunnel && !s->base.tunnel) {
        mosn_chain_append_ref(&s->early, &data); /* the window bounds it */
        return 0;
    }
    if (n > 0) {
        s->base.receiver->on_data(&s->base, &data, false);
    }
    if (s->paused == 0 && s->held > 0) {
        (void) nghttp2_session_consume_stream(session, id, s->held);
        s->held = 0;
    }
    return 0;
}


void
mux_http2_deliver_early(http2_stream_t *s)
{
    while (s->early.head != NULL && !s->over) {
        mosn_buf_t *b = s->early.head;

        s->base.receiver->on_data(&s->base, b, false);
        mosn_chain_consume(&s->early, mosn_buf_len(b));
    }
    if (!s->over && s->base.received_end) {
        s->base.receiver->on_data(&s->base, NULL, true);
    }
    if (!s->over && s->paused == 0 && s->held > 0) {
        (void) nghttp2_session_consume_stream(s->mux->session,
                                              (int32_t) s->base.id, s->held);
        s->held = 0;
    }
}


static mosn_reason_e
http2_close_reason(const http2_stream_t *s, uint32_t code)
{
    if (http2_is_server(s->mux)) {
        return s->malformed ? MOSN_REASON_BAD_REQUEST
                            : MOSN_REASON_CLIENT_CLOSED;
    }
    if (s->malformed) {
        return MOSN_REASON_UPSTREAM_BAD_RESPONSE;
    }
    switch (code) {
    case NGHTTP2_NO_ERROR: /* it has said all, and wants no more: 8.1 */
        return s->base.received_end ? MOSN_REASON_NONE
                                    : MOSN_REASON_UPSTREAM_RESET;
    case NGHTTP2_REFUSED_STREAM:
        return MOSN_REASON_UPSTREAM_REFUSED;
    case NGHTTP2_CANCEL:
        return MOSN_REASON_UPSTREAM_CANCELLED;
    default:
        return MOSN_REASON_UPSTREAM_RESET;
    }
}


static int
http2_on_stream_close(nghttp2_session *session, int32_t id, uint32_t code,
                      void *arg)
{
    http2_stream_t *s = http2_find(session, id);
    http2_t        *mux = arg;

    if (s == NULL) {
        return 0;
    }
    if (code == NGHTTP2_REFUSED_STREAM && !http2_is_server(mux)) {
        mux->base.n_streams--; /* it was none */
    }
    if (code == NGHTTP2_NO_ERROR) {
        http2_refund(mux, 1); /* honest work */
    }
    (void) nghttp2_session_set_stream_user_data(session, id, NULL);
    mux_http2_stream_end(s, http2_close_reason(s, code));
    mux_http2_stream_free(s);
    if (!http2_is_server(mux)) {
        mux_http2_look_for_room(mux);
    }
    return 0;
}


/* --- what leaves --------------------------------------------------------- */

static int
http2_before_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
                        void *arg)
{
    http2_stream_t *s = http2_find(session, frame->hd.stream_id);
    mosn_conn_t    *conn = ((http2_t *) arg)->base.conn;

    if (frame->hd.type == NGHTTP2_HEADERS && s != NULL
        && s->base.first_byte == UINT64_MAX)
    {
        s->base.first_byte = conn->bytes_out + conn->out.bytes;
    }
    return 0;
}


/* A response that is sent before its request has come: the rest of that is
 * not wanted (RFC 9113, 8.1).  That is said a moment later: clients forget an
 * answer that comes together with the reset. */
static int
http2_on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
                    void *arg)
{
    http2_stream_t *s = http2_find(session, frame->hd.stream_id);
    http2_t        *mux = arg;

    switch (frame->hd.type) {
    case NGHTTP2_RST_STREAM:
        if (http2_is_server(mux) && (s == NULL || !s->given)) {
            http2_charge(
                mux,
                &mux->resets); /* nghttp2 did, for what the peer has sent */
        }
        break;
    case NGHTTP2_GOAWAY:
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR && !mux->told) {
            mux->told = true;
            mosn_log_info(0, "conn %llu: HTTP/2: GOAWAY: %s",
                          (unsigned long long) mux->base.conn->id,
                          nghttp2_http2_strerror(frame->goaway.error_code));
        }
        break;
    case NGHTTP2_DATA:
        http2_refund(mux, 2); /* it may open two windows for that */
        break;
    default:
        break;
    }
    if (s != NULL && http2_is_server(mux) && !s->base.received_end
        && (frame->hd.type == NGHTTP2_DATA
            || frame->hd.type == NGHTTP2_HEADERS)
        && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !s->base.tunnel)
    {
        s->lingers = true;
        s->sent_ms = mux->base.conn->loop->now_ms;
    }
    return 0;
}


/* A head that nghttp2 cannot send must not look like one that is on its way.
 */
static int
http2_on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *frame,
                        int error, void *arg)
{
    http2_stream_t *s = http2_find(session, frame->hd.stream_id);
    http2_t        *mux = arg;

    if (error == NGHTTP2_ERR_STREAM_CLOSED
        || error == NGHTTP2_ERR_STREAM_CLOSING
        || error == NGHTTP2_ERR_SESSION_CLOSING)
    {
        return 0; /* it is over anyway */
    }
    if (frame->hd.type == NGHTTP2_HEADERS && s != NULL && !s->given
        && http2_is_server(mux))
    {
        mosn_log_warn(0, "conn %llu: HTTP/2: a head cannot be sent: %s",
                      (unsigned long long) mux->base.conn->id,
                      nghttp2_strerror(error));
        mux_http2_rst(s, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
}


/* Frames of unknown types are counted, and not read. */
static int
http2_on_extension(nghttp2_session *session, void **payload,
                   const nghttp2_frame_hd *hd, void *arg)
{
    (void) session;
    (void) payload;
    (void) hd;
    (void) arg;
    return NGHTTP2_ERR_CANCEL;
}


void
mux_http2_set_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, http2_on_begin_headers);
    nghttp2_session_callbacks_set_on_begin_frame_callback(
        callbacks, http2_on_begin_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
        callbacks, http2_on_invalid_frame);
    nghttp2_session_callbacks_set_unpack_extension_callback(
        callbacks, http2_on_extension);
    nghttp2_session_callbacks_set_on_header_callback(callbacks,
                                                     http2_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                         http2_on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                              http2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, http2_on_stream_close);
    nghttp2_session_callbacks_set_before_frame_send_callback(
        callbacks, http2_before_frame_sent);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
                                                         http2_on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(
        callbacks, http2_on_frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks,
                                                     mux_http2_send_body);
}
