/*
 * stream/mux_http1_send.c - HTTP/1 streams, the sending half: which framing
 * a message gets, and its bytes into the connection's output.
 */

#include "core/log.h"
#include "proto/websocket.h"
#include "stream/mux_http1.h"

static mux_http1_stream_t *
http1_stream(mosn_stream_t *stream)
{
    return mosn_container_of(stream, mux_http1_stream_t, base);
}


/* A message without a known length is sent in chunks; to an HTTP/1.0 client,
 * which knows none, until the connection closes. */
static void
http1_choose_framing(mux_http1_stream_t *s, mosn_message_t *head, bool end)
{
    bool server = s->mux->base.server != NULL;
    bool bodyless = server && mosn_status_is_bodyless(head->status, s->method);

    if (s->base.tunnel) {
        s->out.kind = MOSN_HTTP1_NO_BODY;
    } else if (bodyless) {
        /* To HEAD, and in 304, a length says what GET would have got. */
        bool says = head->content_length >= 0 && head->status != 204
                    && head->status >= 200;

        s->out.kind = says ? MOSN_HTTP1_LENGTH : MOSN_HTTP1_NO_BODY;
        s->out_left = 0;
        s->bodyless = true;
        return;
    } else if (end) {
        /* Nothing to say when a method without a body has none. */
        bool silent = !server && head->content_length < 0
                      && s->method != MOSN_METHOD_POST
                      && s->method != MOSN_METHOD_PUT;

        s->out.kind = silent ? MOSN_HTTP1_NO_BODY : MOSN_HTTP1_LENGTH;
        head->content_length = 0;
    } else if (head->content_length >= 0) {
        s->out.kind = MOSN_HTTP1_LENGTH;
    } else if (!server || s->version >= MOSN_HTTP_11) {
        s->out.kind = MOSN_HTTP1_CHUNKED;
    } else {
        s->out.kind = MOSN_HTTP1_UNTIL_CLOSE;
    }
    s->out_left =
        s->out.kind == MOSN_HTTP1_LENGTH ? (uint64_t) head->content_length : 0;
}


/* Must this response be the last of its connection, and say so? */
static bool
http1_is_last(mux_http1_stream_t *s, const mosn_message_t *head)
{
    mux_http1_t *mux = s->mux;
    uint32_t     max = mux->base.settings->max_requests;

    if (mux->last || !mux->framing.keep_alive || mux->base.conn->draining
        || (mux->base.conn->eof && mosn_buf_len(&mux->base.conn->in) == 0)
        || s->out.kind == MOSN_HTTP1_UNTIL_CLOSE
        || (max > 0 && mux->base.n_streams >= max))
    {
        return true;
    }
    /* What is behind a refused CONNECT may be meant for the tunnel. */
    if (s->method == MOSN_METHOD_CONNECT) {
        return true;
    }
    /* An early answer: much of a body is not waited for, that of a refusal not
     * at all, and nobody knows whether one that was asked about comes. */
    return !s->base.received_end
           && (head->status >= 300 || s->base.expects
               || (head->content_length >= 0
                   && !mux_http1_has_little_left(s)));
}


/* A WebSocket that was asked for over HTTP/2 comes without a key. */
static void
http1_add_key(mux_http1_stream_t *s, mosn_message_t *m)
{
    mosn_str_t name = MOSN_STR("Sec-WebSocket-Key");
    char      *key;

    if (!mosn_str_equal_nocase(m->upgrade, MOSN_STR("websocket"))
        || mosn_headers_find_name(&m->headers, name) != NULL)
    {
        return;
    }
    key = mosn_pool_alloc(s->base.pool, MOSN_WEBSOCKET_KEY + 1);
    mosn_websocket_key(key);
    s->key = mosn_str(key);
    mosn_headers_add(&m->headers, MOSN_HEADER_OTHER, name, s->key);
}


static void
http1_send_head(mosn_stream_t *stream, const mosn_message_t *head, bool end)
{
    mux_http1_stream_t *s = http1_stream(stream);
    mosn_conn_t        *conn = stream->conn;
    mosn_message_t      m = *head; /* its length may be ours */
    bool                server = s->mux->base.server != NULL;
    uint8_t            *out;

    if (server) {
        stream->tunnel = head->tunnel;
    } else {
        s->method = head->method_id;
        s->offered = head->upgrade;
        if (head->upgrade_only) {
            http1_add_key(s, &m);
        }
    }
    http1_choose_framing(s, &m, end);
    s->head_sent = true;
    stream->first_byte = conn->bytes_out + conn->out.bytes;

    out = mosn_conn_reserve(conn, mosn_http1_head_bound(&m));
    if (server) {
        s->out.to_version = s->version;
        s->out.close = !stream->tunnel && http1_is_last(s, &m);
        s->mux->last |= s->out.close;
        mosn_conn_commit(
            conn,
            (size_t) (mosn_http1_write_response(out, &m, &s->out) - out));
    } else {
        mosn_conn_commit(
            conn, (size_t) (mosn_http1_write_request(out, &m, &s->out) - out));
    }

    if (stream->tunnel) {
        mux_http1_start_tunnel(s);
    } else if (end) {
        mux_http1_sent(s);
    }
}


static bool
http1_send_interim(mosn_stream_t *stream, const mosn_message_t *head)
{
    mux_http1_stream_t *s = http1_stream(stream);
    mosn_http1_out_t    how = { .kind = MOSN_HTTP1_NO_BODY,
                                .to_version = MOSN_HTTP_11 };
    uint8_t            *out;

    if (s->version < MOSN_HTTP_11 || s->head_sent) {
        return false; /* 1.0 knows none (RFC 9110, 15.2) */
    }
    out = mosn_conn_reserve(stream->conn, mosn_http1_head_bound(head));
    mosn_conn_commit(
        stream->conn,
        (size_t) (mosn_http1_write_response(out, head, &how) - out));
    if (stream->expects && head->status == 100) {
        stream->expects = false;
        mosn_conn_arm_idle(stream->conn,
                           s->mux->base.settings->body_timeout_ms);
    }
    return true;
}


/* A body that does not fit what the head has announced must not look whole:
 * nothing more is sent and the connection ends. */
static bool
http1_fits_length(mux_http1_stream_t *s, size_t n, bool end)
{
    if (s->out.kind != MOSN_HTTP1_LENGTH || s->base.tunnel) {
        return true;
    }
    if (n <= s->out_left && (!end || n == s->out_left)) {
        s->out_left -= n;
        return true;
    }
    mosn_log_err(0,
                 "conn %llu: a body of another length than announced, "
                 "cutting it",
                 (unsigned long long) s->base.conn->id);
    return false;
}


/* Bytes behind the end of a message would be the next one's. */
static bool
http1_is_behind_end(const mux_http1_stream_t *s)
{
    if (!s->base.sent_end || s->base.tunnel) {
        return false;
    }
    mosn_log_err(0, "conn %llu: a body behind the end of its message",
                 (unsigned long long) s->base.conn->id);
    return true;
}


static void
http1_cut(mux_http1_stream_t *s)
{
    mux_http1_t *mux = s->mux;

    s->base.receiver->on_reset(&s->base, MOSN_REASON_INTERNAL);
    mux_http1_fail(mux, MOSN_REASON_INTERNAL);
}


static void
http1_send_piece(mux_http1_stream_t *s, const mosn_buf_t *data)
{
    mosn_conn_t *conn = s->base.conn;
    size_t       n = mosn_buf_len(data);

    if (s->out.kind != MOSN_HTTP1_CHUNKED || s->base.tunnel) {
        mosn_conn_write_buf(conn, data);
        return;
    }
    if (n > 0) { /* an empty chunk would end the body */
        uint8_t *out = mosn_conn_reserve(conn, MOSN_HTTP1_CHUNK_LINE_MAX);

        mosn_conn_commit(conn,
                         (size_t) (mosn_http1_write_chunk_line(out, n) - out));
        mosn_conn_write_buf(conn, data);
        mosn_conn_write(conn, "\r\n", 2);
    }
}


static void
http1_send_end(mux_http1_stream_t *s, const mosn_headers_t *trailers)
{
    mosn_conn_t *conn = s->base.conn;

    if (s->base.tunnel) {
        mosn_conn_shutdown(conn);
    } else if (s->out.kind == MOSN_HTTP1_CHUNKED) {
        uint8_t *out =
            mosn_conn_reserve(conn, mosn_http1_last_chunk_bound(trailers));

        mosn_conn_commit(
            conn, (size_t) (mosn_http1_write_last_chunk(out, trailers) - out));
    }
    mux_http1_sent(s);
}


static void
http1_send_data(mosn_stream_t *stream, const mosn_buf_t *data, bool end)
{
    mux_http1_stream_t *s = http1_stream(stream);
    size_t              n = data != NULL ? mosn_buf_len(data) : 0;

    if (s->bodyless && !stream->tunnel) {
        n = 0;
    }
    if (http1_is_behind_end(s) || !http1_fits_length(s, n, end)) {
        http1_cut(s);
        return;
    }
    if (n > 0) {
        http1_send_piece(s, data);
    }
    if (end) {
        http1_send_end(s, NULL);
    }
}


static void
http1_send_trailers(mosn_stream_t *stream, const mosn_headers_t *trailers)
{
    mux_http1_stream_t *s = http1_stream(stream);

    if (http1_is_behind_end(s) || !http1_fits_length(s, 0, true)) {
        http1_cut(s);
        return;
    }
    http1_send_end(s, trailers);
}


static void
http1_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    mux_http1_fail(http1_stream(stream)->mux, reason);
}


static void
http1_pause(mosn_stream_t *stream)
{
    http1_stream(stream)->paused++;
    mosn_conn_pause_read(stream->conn);
}


static void
http1_resume(mosn_stream_t *stream)
{
    mux_http1_stream_t *s = http1_stream(stream);
    mux_http1_t        *mux = s->mux;

    s->paused--;
    if (s->paused == 0 && mux->base.server != NULL
        && mux->state == MUX_HTTP1_BODY) { /* it was not looked at */
        mosn_conn_arm_idle(stream->conn, mux->base.settings->body_timeout_ms);
    }
    if (mosn_buf_len(&stream->conn->in) > 0 || stream->conn->eof) {
        mosn_conn_run_again(stream->conn);
    }
    mosn_conn_resume_read(stream->conn);
}


const mosn_stream_ops_t mux_http1_stream_ops = {
    .send_head = http1_send_head,
    .send_interim = http1_send_interim,
    .send_data = http1_send_data,
    .send_trailers = http1_send_trailers,
    .reset = http1_reset,
    .pause = http1_pause,
    .resume = http1_resume,
};
