/*
 * stream/mux_http1.c - HTTP/1 streams, the receiving half and the life of
 * exchanges.  See mux_http1.h for the states.
 */

#include "stream/mux_http1.h"
#include "core/log.h"
#include "event/listener.h"
#include "os/clock.h"
#include "proto/websocket.h"

#define MAX_INTERIMS     16
#define DRAIN_IDLE_MS    200u
#define REFUSED_LINE_MAX 1024u
#define REST_MAX         65536u

static mux_http1_t *
http1_mux(mosn_stream_conn_t *sc)
{
    return mosn_container_of(sc, mux_http1_t, base);
}


static bool
http1_is_server(const mux_http1_t *mux)
{
    return mux->base.server != NULL;
}


/* --- streams ------------------------------------------------------------ */

static mux_http1_stream_t *
http1_stream_create(mux_http1_t *mux, mosn_pool_t *pool)
{
    mux_http1_stream_t *s = mosn_pool_alloc(pool, sizeof(*s));

    memset(s, 0, sizeof(*s));
    s->base.ops = &mux_http1_stream_ops;
    s->base.sc = &mux->base;
    s->base.conn = mux->base.conn;
    s->base.pool = pool;
    s->base.reused = mux->base.n_streams > 0;
    s->base.id = ++mux->base.n_streams;
    s->mux = mux;
    s->version = MOSN_HTTP_11;
    mosn_message_init(&s->message, pool);
    mux->stream = s;
    return s;
}


/* Takes the stream off its connection; a server's memory goes with it. */
static void
http1_stream_detach(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;

    mux->stream = NULL;
    while (s->paused > 0) { /* nobody will resume it */
        s->paused--;
        mosn_conn_resume_read(mux->base.conn);
    }
    if (http1_is_server(mux)) {
        mosn_loop_bury(mux->base.conn->loop, &(mosn_pool_t *){ s->base.pool });
    }
}


static mosn_http1_limits_t
http1_limits(const mux_http1_t *mux)
{
    const mosn_stream_settings_t *settings = mux->base.settings;

    return (mosn_http1_limits_t){
        .max_header_bytes = settings->max_header_bytes,
        .max_uri_bytes = settings->max_uri_bytes,
        .max_headers = settings->max_headers,
    };
}


/* --- the end of an exchange --------------------------------------------- */

static void
http1_read_on(mux_http1_t *mux)
{
    if (mux->read_stopped) {
        mux->read_stopped = false;
        mosn_conn_resume_read(mux->base.conn);
    }
    if (mosn_buf_len(&mux->base.conn->in) > 0 || mux->base.conn->eof) {
        mosn_conn_run_again(mux->base.conn);
    }
}


/* What comes will not be read any more. */
static void
http1_close_server(mux_http1_t *mux, mosn_reason_e reason, bool linger)
{
    mux->state = MUX_HTTP1_CLOSING;
    mosn_conn_close_flushed(mux->base.conn, reason, linger);
}


bool
mux_http1_has_little_left(const mux_http1_stream_t *s)
{
    const mosn_http1_body_t *body = &s->mux->body;

    return body->kind == MOSN_HTTP1_LENGTH && body->left <= REST_MAX;
}


/* The exchange before is over. */
static void
http1_next_head(mux_http1_t *mux)
{
    mux->state = MUX_HTTP1_HEAD;
    mux->head_begun = false;
    mosn_conn_arm_idle(mux->base.conn, mux->base.settings->idle_timeout_ms);
    http1_read_on(mux);
}


static void
http1_server_over(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;
    bool                received = s->base.received_end;
    bool                tunnel = s->base.tunnel;
    bool                more = mosn_buf_len(&conn->in) > 0;
    bool kept = !mux->last && !conn->eof && mux_http1_has_little_left(s);

    http1_stream_detach(mux);
    if (tunnel) {
        http1_close_server(mux, MOSN_REASON_NONE, false);
    } else if (!received && kept) { /* as we have said */
        mux->state = MUX_HTTP1_REST;
        mosn_conn_arm_idle(conn, mux->base.settings->body_timeout_ms);
        http1_read_on(mux);
    } else if (!received) {
        http1_close_server(mux, MOSN_REASON_NONE, true);
    } else if (mux->last || (conn->eof && !more)) {
        /* Who did not ask for the close may be about to send. */
        http1_close_server(mux, MOSN_REASON_NONE,
                           mux->framing.keep_alive || more);
    } else {
        http1_next_head(mux);
    }
}


static void
http1_client_over(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;
    bool                tunnel = s->base.tunnel;
    bool                clean = s->base.sent_end && !tunnel && !mux->last
                 && mux->framing.keep_alive && !conn->eof
                 && mosn_buf_len(&conn->in) == 0;

    http1_stream_detach(mux);
    if (tunnel) { /* the client's last bytes are still queued */
        mux->state = MUX_HTTP1_CLOSING;
        mosn_conn_close_flushed(conn, MOSN_REASON_NONE, false);
        return;
    }
    if (!clean) {
        mux->state = MUX_HTTP1_CLOSING;
        mosn_conn_close(conn, MOSN_REASON_NONE);
        return;
    }
    mux->state = MUX_HTTP1_HEAD;
    mux->base.room = 1;
    mux->base.client->on_available(mux->base.owner, &mux->base);
}


void
mux_http1_sent(mux_http1_stream_t *s)
{
    s->base.sent_end = true;
    if (s->base.tunnel && !s->base.received_end) {
        return;
    }
    if (http1_is_server(s->mux)) {
        http1_server_over(s->mux);
    } else if (s->base.tunnel) {
        http1_client_over(s->mux);
    }
}


void
mux_http1_start_tunnel(mux_http1_stream_t *s)
{
    mux_http1_t *mux = s->mux;

    s->base.tunnel = true;
    s->base.received_end = s->base.sent_end = false;
    mux->state = MUX_HTTP1_TUNNEL;
    mosn_conn_disarm_idle(mux->base.conn);
    http1_read_on(mux);
}


void
mux_http1_fail(mux_http1_t *mux, mosn_reason_e reason)
{
    mosn_conn_t *conn = mux->base.conn;
    bool         until_close = false, begun = false;

    mux->state = MUX_HTTP1_CLOSING;
    if (mux->stream != NULL) {
        until_close = mux->stream->out.kind == MOSN_HTTP1_UNTIL_CLOSE;
        begun = mux->stream->head_sent;
        http1_stream_detach(mux);
    }
    if (!http1_is_server(mux) || !begun) {
        mosn_conn_close(conn, reason);
    } else if (until_close) {
        mosn_conn_abort(conn, reason); /* a FIN would make it look whole */
    } else {
        mosn_conn_close_flushed(conn, reason, false);
    }
}


/* --- refusing ----------------------------------------------------------- */

static void
http1_write_refusal(mosn_conn_t *conn, unsigned status)
{
    char       text[320];
    mosn_str_t phrase = mosn_status_phrase(status);
    int        n = snprintf(text, sizeof(text),
                            "HTTP/1.1 %u %.*s\r\n"
                                   "Date: %s\r\n"
                                   "Content-Type: text/plain\r\n"
                                   "Content-Length: %zu\r\n"
                                   "Connection: close\r\n\r\n%.*s\n",
                            status, MOSN_STR_ARG(phrase), mosn_clock_http_date(),
                            phrase.len + 1, MOSN_STR_ARG(phrase));

    mosn_conn_write(conn, text, (size_t) n);
}


/* The first line that lies in the buffer, as far as it has come. */
static mosn_str_t
http1_first_line(const mosn_conn_t *conn)
{
    mosn_str_t line = { (const char *) conn->in.pos, mosn_buf_len(&conn->in) };
    size_t     n = 0;

    if (line.len > REFUSED_LINE_MAX) {
        line.len = REFUSED_LINE_MAX;
    }
    while (n < line.len && line.at[n] != '\r' && line.at[n] != '\n') {
        n++;
    }
    line.len = n;
    return line;
}


/* The request cannot be read on: it is answered unless it was already, and
 * the connection ends. */
static void
http1_refuse(mux_http1_t *mux, mosn_reason_e reason, const char *text)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;
    unsigned            status = mosn_reasons[reason].status;
    bool                begun = s != NULL && s->head_sent;
    bool until_close = begun && s->out.kind == MOSN_HTTP1_UNTIL_CLOSE;

    mosn_log_info(0, "conn %llu: %s: %s, answering %u",
                  (unsigned long long) conn->id, mosn_reasons[reason].name.at,
                  text, status);
    mux->state = MUX_HTTP1_CLOSING;
    if (s != NULL && s->base.receiver != NULL) {
        s->base.receiver->on_reset(&s->base, reason);
    } else {
        mux->base.server->on_refused(mux->base.owner, &mux->base, reason,
                                     status, http1_first_line(conn));
    }
    if (mux->stream != NULL) {
        http1_stream_detach(mux);
    }
    if (until_close) {
        mosn_conn_abort(conn, reason); /* a FIN would make it look whole */
        return;
    }
    if (begun) {
        mosn_conn_close_flushed(conn, reason, false);
        return;
    }
    http1_write_refusal(conn, status);
    http1_close_server(mux, reason, true);
}


/* Something of the peer's is wrong, on either side. */
static void
http1_broken(mux_http1_t *mux, mosn_reason_e reason, const char *text)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;

    if (http1_is_server(mux)) {
        http1_refuse(mux, reason, text);
        return;
    }
    mosn_log_info(0, "upstream conn %llu: %s: %s",
                  (unsigned long long) conn->id, mosn_reasons[reason].name.at,
                  text);
    mux->state = MUX_HTTP1_CLOSING;
    if (s != NULL) {
        http1_stream_detach(mux);
        s->base.receiver->on_reset(&s->base, reason);
    }
    mosn_conn_close(conn, reason);
}


/* --- receiving ---------------------------------------------------------- */

static void
http1_received_end(mux_http1_t *mux)
{
    mux->state = MUX_HTTP1_WAIT;
    if (http1_is_server(mux)) {
        mosn_conn_disarm_idle(mux->base.conn);
    } else {
        http1_client_over(mux);
    }
}


/* Hands a piece up.  False: the stream is gone. */
static bool
http1_deliver(mux_http1_t *mux, const mosn_buf_t *data, bool end)
{
    mux_http1_stream_t *s = mux->stream;

    s->base.received_end = end;
    s->base.receiver->on_data(&s->base, data, end);
    return mux->stream == s;
}


static void
http1_read_body(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;
    mosn_http1_limits_t limits = http1_limits(mux);
    mosn_http1_error_t  error;
    mosn_buf_t          data;
    mosn_rc_e           rc;
    bool                end;

    while (s->paused == 0 && mux->state == MUX_HTTP1_BODY) {
        s->base.expects &= mosn_buf_len(&conn->in) == 0;
        rc = mosn_http1_read_body(&mux->body, &limits, &conn->in, &data,
                                  &s->trailers, &error);
        switch (rc) {
        case MOSN_OK:
            end = mux->body.kind == MOSN_HTTP1_LENGTH && mux->body.left == 0;
            if (!http1_deliver(mux, &data, end)) {
                return;
            }
            if (end) {
                http1_received_end(mux);
                return;
            }
            break;
        case MOSN_DONE:
            s->base.received_end = true;
            if (s->trailers.n > 0) { /* the owner may keep them */
                s->trailers_block = mosn_block_ref(conn->in.block);
            }
            if (s->trailers.n > 0 && s->base.receiver->on_trailers) {
                s->base.receiver->on_trailers(&s->base, &s->trailers);
            } else {
                s->base.receiver->on_data(&s->base, NULL, true);
            }
            if (mux->stream == s) {
                http1_received_end(mux);
            }
            return;
        case MOSN_ERROR:
            http1_broken(mux,
                         http1_is_server(mux)
                             ? error.reason
                             : MOSN_REASON_UPSTREAM_BAD_RESPONSE,
                         error.text);
            return;
        default: /* AGAIN */
            if (http1_is_server(mux)) {
                mosn_conn_arm_idle(conn, mux->base.settings->body_timeout_ms);
            }
            return;
        }
    }
}


static void
http1_let_trailers_go(void *object)
{
    mux_http1_stream_t *s = object;

    if (s->trailers_block != NULL) {
        mosn_block_unref(s->trailers_block);
    }
}


static void
http1_start_body(mux_http1_t *mux, mosn_http1_body_e kind, int64_t length)
{
    mosn_http1_body_init(&mux->body, kind, length > 0 ? (uint64_t) length : 0);
    if (kind == MOSN_HTTP1_CHUNKED) {
        mosn_headers_init(&mux->stream->trailers, mux->stream->base.pool, 4);
        mosn_pool_on_destroy(mux->stream->base.pool, http1_let_trailers_go,
                             mux->stream);
    }
    mux->state = MUX_HTTP1_BODY;
}


/* A whole request head is there. */
static void
http1_on_request(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_message_t     *m = &s->message;
    bool has_body = mux->framing.chunked || m->content_length > 0;

    s->method = m->method_id;
    s->version = m->version;
    mux->last |= !mux->framing.keep_alive;
    s->base.received_end = !has_body;
    if (has_body) {
        http1_start_body(
            mux, mux->framing.chunked ? MOSN_HTTP1_CHUNKED : MOSN_HTTP1_LENGTH,
            m->content_length);
        m->upgrade = MOSN_STR_NULL; /* not together with a body */
        s->base.expects = m->expect_continue;
        if (mosn_buf_len(&mux->base.conn->in) == 0) {
            mosn_conn_arm_idle(mux->base.conn,
                               mux->base.settings->body_timeout_ms);
        }
    } else {
        mux->state = MUX_HTTP1_WAIT;
        mosn_conn_disarm_idle(mux->base.conn);
    }

    mux->base.server->on_stream(mux->base.owner, &s->base);
    s->base.receiver->on_head(&s->base, m, !has_body);
}


/* Did the host read the key that we have made up? */
static bool
http1_is_key_accepted(const mux_http1_stream_t *s)
{
    char                 accept[MOSN_WEBSOCKET_ACCEPT + 1];
    const mosn_header_t *h = mosn_headers_find_name(
        &s->message.headers, MOSN_STR("Sec-WebSocket-Accept"));

    if (s->key.len == 0) {
        return true; /* for the client to check */
    }
    mosn_websocket_accept(s->key, accept);
    return h != NULL && mosn_str_equal(mosn_header_value(h), mosn_str(accept));
}


/* The protocol that the answer changes to must be the one we offered. */
static bool
http1_is_tunnel_answer(const mux_http1_stream_t *s)
{
    const mosn_message_t *m = &s->message;

    return (m->status == 101 && m->upgrade.len > 0
            && mosn_str_equal_nocase(m->upgrade, s->offered)
            && http1_is_key_accepted(s))
           || (s->method == MOSN_METHOD_CONNECT && m->status / 100 == 2);
}


static void
http1_on_interim(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;

    if (++s->interims > MAX_INTERIMS) {
        http1_broken(mux, MOSN_REASON_UPSTREAM_BAD_RESPONSE,
                     "too many interim responses");
        return;
    }
    if (s->base.receiver->on_interim != NULL) {
        s->base.receiver->on_interim(&s->base, &s->message);
    }
    if (mux->stream == s) {
        mosn_message_reset(&s->message);
    }
}


static void
http1_on_response(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_message_t     *m = &s->message;
    bool                end = false;

    if (http1_is_tunnel_answer(s)) {
        m->tunnel = true;
        mux_http1_start_tunnel(s);
    } else if (m->status == 101) {
        http1_broken(mux, MOSN_REASON_UPSTREAM_BAD_RESPONSE,
                     "101 that was not asked for");
        return;
    } else if (m->status < 200) {
        http1_on_interim(mux);
        return;
    } else if (mosn_status_is_bodyless(m->status, s->method)) {
        end = true;
    } else if (mux->framing.chunked) {
        http1_start_body(mux, MOSN_HTTP1_CHUNKED, 0);
    } else if (m->content_length >= 0) {
        end = m->content_length == 0;
        http1_start_body(mux, MOSN_HTTP1_LENGTH, m->content_length);
    } else {
        mux->last = true;
        http1_start_body(mux, MOSN_HTTP1_UNTIL_CLOSE, 0);
    }

    s->base.received_end = end;
    s->base.receiver->on_head(&s->base, m, end);
    if (end && mux->stream == s) {
        http1_received_end(mux);
    }
}


static void
http1_read_head(mux_http1_t *mux)
{
    mosn_conn_t        *conn = mux->base.conn;
    mux_http1_stream_t *s = mux->stream;
    mosn_http1_limits_t limits = http1_limits(mux);
    mosn_http1_error_t  error;
    mosn_rc_e           rc;

    if (s == NULL) {
        s = http1_stream_create(mux, mosn_pool_create(MOSN_POOL_STREAM));
    }
    rc = http1_is_server(mux)
             ? mosn_http1_read_request(&mux->scan, &limits, &conn->in,
                                       &s->message, &mux->framing, &error)
             : mosn_http1_read_response(&mux->scan, &limits, &conn->in,
                                        &s->message, &mux->framing, &error);
    if (rc == MOSN_OK) {
        if (http1_is_server(mux)) {
            http1_on_request(mux);
        } else {
            http1_on_response(mux);
        }
    } else if (rc == MOSN_ERROR) {
        http1_broken(mux, error.reason, error.text);
    } else if (http1_is_server(mux) && !mux->head_begun) {
        /* The time is for the whole head, however it trickles. */
        mux->head_begun = true;
        mosn_conn_arm_idle(conn, mux->base.settings->header_timeout_ms);
    }
}


/* The peer sends no more. */
static void
http1_on_eof(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;

    switch (mux->state) {
    case MUX_HTTP1_WAIT:
        break; /* half closed: it still gets its answer */
    case MUX_HTTP1_TUNNEL:
        if (!s->base.received_end && http1_deliver(mux, NULL, true)
            && s->base.sent_end)
        {
            if (http1_is_server(mux)) {
                http1_server_over(mux);
            } else {
                http1_client_over(mux);
            }
        }
        break;
    case MUX_HTTP1_BODY:
        if (mux->body.kind == MOSN_HTTP1_UNTIL_CLOSE) {
            if (http1_deliver(mux, NULL, true)) {
                http1_received_end(mux);
            }
            break;
        }
        mosn_conn_close(conn, http1_is_server(mux)
                                  ? MOSN_REASON_CLIENT_CLOSED
                                  : MOSN_REASON_UPSTREAM_TRUNCATED);
        break;
    default:
        if (http1_is_server(mux)) { /* an answer may still be on its way */
            http1_close_server(mux, MOSN_REASON_CLIENT_CLOSED, false);
        } else {
            mosn_conn_close(conn, MOSN_REASON_UPSTREAM_CLOSED);
        }
        break;
    }
}


/* Between two requests: whoever comes after us goes on with it.  If nobody
 * does, a request may be on its way: a moment for it, then close. */
static void
http1_on_drain(mux_http1_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    switch (mosn_listener_give(conn, NULL, NULL)) {
    case MOSN_OK:
        mosn_conn_close(conn, MOSN_REASON_NONE);
        break;
    case MOSN_AGAIN:
        break;
    default:
        if (!mux->last) {
            mux->last = true;
            mosn_conn_arm_idle(conn, DRAIN_IDLE_MS);
        }
        break;
    }
}


static void
http1_read_away(mux_http1_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    size_t       n = mosn_buf_len(&conn->in);

    n = n < mux->body.left ? n : (size_t) mux->body.left;
    conn->in.pos += n;
    mux->body.left -= n;
    if (mux->body.left > 0) {
        mosn_conn_arm_idle(conn, mux->base.settings->body_timeout_ms);
        return;
    }
    http1_next_head(mux);
    if (conn->draining && mosn_buf_len(&conn->in) == 0) {
        http1_on_drain(mux);
    }
}


static void
http1_read_tunnel(mux_http1_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    mosn_buf_t   data =
        mosn_buf_slice(&conn->in, conn->in.pos, mosn_buf_len(&conn->in));

    conn->in.pos = conn->in.last;
    (void) http1_deliver(mux, &data, false);
}


static void
http1_stop_reading(mux_http1_t *mux)
{
    if (!mux->read_stopped) {
        mux->read_stopped = true;
        mosn_conn_pause_read(mux->base.conn);
    }
}


static mosn_verdict_e
http1_on_read(mosn_stream_conn_t *sc)
{
    mux_http1_t *mux = http1_mux(sc);
    mosn_conn_t *conn = sc->conn;

    while (mosn_buf_len(&conn->in) > 0 && !conn->closed) {
        uint8_t          *before = conn->in.pos;
        mux_http1_state_e state = mux->state;

        if (mux->stream != NULL && mux->stream->paused > 0) {
            return MOSN_NEXT;
        }
        switch (state) {
        case MUX_HTTP1_HEAD:
            if (!http1_is_server(mux) && mux->stream == NULL) {
                http1_broken(mux, MOSN_REASON_UPSTREAM_BAD_RESPONSE,
                             "bytes that nobody has asked for");
                return MOSN_END;
            }
            if (http1_is_server(mux) && conn->blocked) {
                http1_stop_reading(mux); /* he reads no answers: enough */
                return MOSN_NEXT;
            }
            http1_read_head(mux);
            break;
        case MUX_HTTP1_BODY:
            http1_read_body(mux);
            break;
        case MUX_HTTP1_REST:
            http1_read_away(mux);
            break;
        case MUX_HTTP1_TUNNEL:
            http1_read_tunnel(mux);
            break;
        case MUX_HTTP1_WAIT: /* pipelined: later, and no more of it now */
            http1_stop_reading(mux);
            return MOSN_NEXT;
        case MUX_HTTP1_CLOSING:
            return MOSN_END;
        }
        if (mux->state == state && conn->in.pos == before) {
            break; /* more is needed */
        }
    }

    if (conn->eof && !conn->closed
        && (mux->stream == NULL || mux->stream->paused == 0))
    {
        http1_on_eof(mux);
    }
    return conn->closed ? MOSN_END : MOSN_NEXT;
}


/* --- events ------------------------------------------------------------- */

/* Who was not told to go on with it may wait for that. */
static void
http1_body_is_late(mux_http1_t *mux)
{
    if (mux->stream->base.expects && !mux->stream->head_sent) {
        mosn_stream_say_continue(&mux->stream->base);
    } else {
        http1_refuse(mux, MOSN_REASON_BODY_TIMEOUT,
                     "no more of the body came in time");
    }
}


static void
http1_on_idle(mux_http1_t *mux)
{
    switch (mux->state) {
    case MUX_HTTP1_HEAD:
        if (mux->head_begun) {
            http1_refuse(mux, MOSN_REASON_HEADER_TIMEOUT,
                         "the head is not complete in time");
        } else if (!mux->last
                   && mosn_conn_is_behind(mux->base.conn, &mux->pace)) {
            mosn_conn_arm_idle(mux->base.conn,
                               mux->base.settings->idle_timeout_ms);
        } else {
            /* After the last byte of the last answer. */
            http1_close_server(mux, MOSN_REASON_IDLE_TIMEOUT, false);
        }
        break;
    case MUX_HTTP1_BODY:
        if (http1_is_server(mux) && mux->stream->paused == 0) {
            http1_body_is_late(mux);
        }
        break;
    case MUX_HTTP1_REST:
        http1_close_server(mux, MOSN_REASON_BODY_TIMEOUT, false);
        break;
    default:
        break;
    }
}


static void
http1_on_closed(mux_http1_t *mux)
{
    mux_http1_stream_t *s = mux->stream;
    mosn_conn_t        *conn = mux->base.conn;
    mosn_reason_e       reason = conn->reason;

    mux->state = MUX_HTTP1_CLOSING;
    if (s != NULL) {
        s->paused = 0;
        http1_stream_detach(mux);
        if (s->base.receiver != NULL) {
            s->base.receiver->on_reset(&s->base, reason);
        }
    }
    if (!http1_is_server(mux)) {
        mux->base.room = 0;
        mux->base.client->on_closed(mux->base.owner, &mux->base, reason);
    }
}


static void
http1_on_event(mosn_stream_conn_t *sc, mosn_conn_event_e event)
{
    mux_http1_t *mux = http1_mux(sc);

    switch (event) {
    case MOSN_CONN_CONNECTED:
        if (!http1_is_server(mux)) { /* whose TLS is there since the start */
            sc->client->on_connected(sc->owner, sc);
        }
        break;
    case MOSN_CONN_DRAINED:
        if (mux->stream != NULL && mux->stream->base.receiver != NULL) {
            mux->stream->base.receiver->on_drained(&mux->stream->base);
        } else if (mux->state == MUX_HTTP1_HEAD) {
            http1_read_on(mux);
        }
        break;
    case MOSN_CONN_IDLE:
        http1_on_idle(mux);
        break;
    case MOSN_CONN_CUT:
        break;
    case MOSN_CONN_DRAIN:
        if (mux->state == MUX_HTTP1_HEAD && !mux->head_begun) {
            http1_on_drain(mux);
        }
        break;
    case MOSN_CONN_CLOSED:
        http1_on_closed(mux);
        break;
    }
}


static mosn_stream_t *
http1_open(mosn_stream_conn_t *sc, mosn_pool_t *pool)
{
    mux_http1_t *mux = http1_mux(sc);

    mosn_conn_disarm_idle(sc->conn);
    sc->room = 0;
    return &http1_stream_create(mux, pool)->base;
}


static const mosn_stream_conn_ops_t http1_conn_ops = {
    .on_read = http1_on_read,
    .on_event = http1_on_event,
    .open = http1_open,
};


static mux_http1_t *
http1_create(mosn_conn_t *conn, const mosn_stream_settings_t *settings,
             void *owner)
{
    mux_http1_t *mux = mosn_pool_calloc(conn->pool, sizeof(*mux));

    mux->base.ops = &http1_conn_ops;
    mux->base.conn = conn;
    mux->base.settings = settings;
    mux->base.owner = owner;
    mosn_list_init(&mux->base.link);
    return mux;
}


static mosn_stream_conn_t *
http1_serve(const mosn_stream_protocol_ops_t *protocol MOSN_UNUSED,
            mosn_conn_t *conn, const mosn_stream_settings_t *settings,
            const mosn_stream_server_ops_t *ops, void *owner)
{
    mux_http1_t *mux = http1_create(conn, settings, owner);

    mux->base.server = ops;
    mosn_conn_arm_idle(conn, settings->idle_timeout_ms);
    return &mux->base;
}


static mosn_stream_conn_t *
http1_connect(const mosn_stream_protocol_ops_t *protocol MOSN_UNUSED,
              mosn_conn_t *conn, const mosn_stream_settings_t *settings,
              const mosn_stream_client_ops_t *ops, void *owner)
{
    mux_http1_t *mux = http1_create(conn, settings, owner);

    mux->base.client = ops;
    mux->base.room = 1;
    mosn_stream_client_attach(&mux->base);
    return &mux->base;
}


/* An upper-case token and a blank: the start of a request. */
static mosn_rc_e
http1_probe(const uint8_t *bytes, size_t n)
{
    static const char http2[] = "PRI * HTTP/2.0"; /* RFC 9113, 3.4 */
    size_t            known = sizeof(http2) - 1;

    if (memcmp(bytes, http2, n < known ? n : known) == 0) {
        return n < known ? MOSN_AGAIN : MOSN_DECLINED;
    }
    for (size_t i = 0; i < n && i < 32; i++) {
        if (bytes[i] == ' ' && i > 0) {
            return MOSN_OK;
        }
        if ((bytes[i] < 'A' || bytes[i] > 'Z') && bytes[i] != '-'
            && bytes[i] != '_') {
            return MOSN_DECLINED;
        }
    }
    return n < 32 ? MOSN_AGAIN : MOSN_DECLINED;
}


static const mosn_stream_protocol_ops_t http1_protocol = {
    .name = "http1",
    .probe = http1_probe,
    .serve = http1_serve,
    .connect = http1_connect,
    .protocol = MOSN_STR_INIT("HTTP/1.1"),
    .alpn = MOSN_STR_INIT("http/1.1"),
};

MOSN_MODULE(MOSN_STREAM_PROTOCOL, http1, &http1_protocol);
