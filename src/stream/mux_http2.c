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

#include "stream/mux_http2.h"

#include "core/log.h"
#include "event/listener.h"

#define PREFACE        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define MAX_STREAMS    128u
#define CONN_WINDOW    (1 << 20)
#define FIELD_OVERHEAD 32u /* RFC 9113, 6.5.2 */
#define PATIENCE_MAX   1000u
#define PATIENCE_PER_S 100u
#define DRAIN_MS       1000u /* between the two GOAWAYs */

static void http2_send(http2_t *mux);


static http2_t *
http2_mux(mosn_stream_conn_t *sc)
{
    return mosn_container_of(sc, http2_t, base);
}


void
mux_http2_send_later(http2_t *mux)
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
    s->base.ops = &mux_http2_stream_ops;
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
        mosn_conn_arm_idle(mux->base.conn,
                           mux->base.settings->idle_timeout_ms);
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
    http2_t   *mux = s->mux;
    unsigned   status = mosn_reasons[reason].status;
    char       text[4];
    nghttp2_nv nv[] = {
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


/* --- misbehaviour -------------------------------------------------------- */

/* Frames that cost us something and the peer nothing, and streams that it
 * makes us reset, are paid from a budget that fills slowly; when it is gone
 * the connection ends. */
static void
http2_charge(http2_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    uint64_t     now = conn->loop->now_ms;
    uint64_t     more = (now - mux->charged_ms) * PATIENCE_PER_S / 1000;

    if (more > 0) {
        mux->charged_ms = now;
        mux->patience = more > PATIENCE_MAX - mux->patience
                            ? PATIENCE_MAX
                            : mux->patience + (uint32_t) more;
    }
    if (mux->patience > 0) {
        mux->patience--;
        return;
    }
    if (!mux->given_up) {
        mux->given_up = true;
        mosn_log_info(0, "conn %llu: HTTP/2: too much misbehaviour",
                      (unsigned long long) conn->id);
        mosn_reason_count(MOSN_REASON_BAD_REQUEST);
        (void) nghttp2_session_terminate_session(mux->session,
                                                 NGHTTP2_ENHANCE_YOUR_CALM);
    }
}


static int
http2_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd,
                     void *arg)
{
    (void) session;
    switch (hd->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_WINDOW_UPDATE: /* a download takes many */
        break;
    case NGHTTP2_DATA:
        if (hd->length == 0 && (hd->flags & NGHTTP2_FLAG_END_STREAM) == 0) {
            http2_charge(arg);
        }
        break;
    default:
        http2_charge(arg);
        break;
    }
    return 0;
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
    if (m->authority.len == 0
        || memchr(m->authority.at, '@', m->authority.len)) {
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
        mosn_buf_t data =
            mosn_buf_slice(mux->feeding, (uint8_t *) (uintptr_t) bytes, n);

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

    if (frame->hd.type == NGHTTP2_RST_STREAM
        && frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
    {
        http2_charge(arg);
    }
    if (s != NULL && !s->base.received_end
        && (frame->hd.type == NGHTTP2_DATA
            || frame->hd.type == NGHTTP2_HEADERS)
        && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
    {
        (void) nghttp2_submit_rst_stream(
            session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
    }
    return 0;
}


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


/* nghttp2 has stopped working: the last frame is ours. */
static void
http2_give_up(http2_t *mux, uint32_t code)
{
    mosn_conn_t *conn = mux->base.conn;
    int32_t      last = nghttp2_session_get_last_proc_stream_id(mux->session);
    uint8_t      goaway[17] = { 0, 0, 8, NGHTTP2_GOAWAY };

    for (int i = 0; i < 4; i++) {
        goaway[9 + i] = (uint8_t) ((uint32_t) last >> (24 - 8 * i));
        goaway[13 + i] = (uint8_t) (code >> (24 - 8 * i));
    }
    mosn_conn_write(conn, goaway, sizeof(goaway));
    mosn_conn_close_flushed(conn, MOSN_REASON_BAD_REQUEST, true);
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
            http2_give_up(mux, got == NGHTTP2_ERR_FLOODED
                                   ? NGHTTP2_ENHANCE_YOUR_CALM
                                   : NGHTTP2_PROTOCOL_ERROR);
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


/* Sources that wait because of the connection, not of their own stream. */
static void
http2_tell_drained(http2_t *mux)
{
    mosn_list_t *link, *next;

    if (mux->session == NULL || mux->base.conn->blocked) {
        return; /* it will be told again */
    }
    mux->depth++;
    for (link = mux->streams.next; link != &mux->streams; link = next) {
        http2_stream_t *s = mosn_container_of(link, http2_stream_t, link);

        next = link->next;
        if (!s->over && !s->blocked && s->base.receiver != NULL) {
            s->base.receiver->on_drained(&s->base);
        }
    }
    (void) http2_leave(mux);
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
        http2_tell_drained(mux);
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
    nghttp2_session_callbacks_set_on_begin_frame_callback(
        callbacks, http2_on_begin_frame);
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
                                                     mux_http2_send_body);
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
    mux->patience = PATIENCE_MAX;
    mux->charged_ms = conn->loop->now_ms;
    mux->session = http2_new_session(mux);
    (void) nghttp2_submit_settings(mux->session, NGHTTP2_FLAG_NONE, entries,
                                   MOSN_COUNT(entries));
    (void) nghttp2_session_set_local_window_size(
        mux->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
    mosn_conn_arm_idle(conn, settings->idle_timeout_ms);
    mux_http2_send_later(mux);
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
