/* stream/mux_rpc_send.c - frames that go out, with the ids of their side. */

#include "stream/mux_rpc.h"
#include "core/log.h"
#include "stream/transcode.h"

#define DEAF_MS    1000u
#define DEAF_TIMES 4u /* as much as may be held */

static mux_rpc_stream_t *
rpc_stream(mosn_stream_t *stream)
{
    return mosn_container_of(stream, mux_rpc_stream_t, base);
}


static void
rpc_put_id(const mosn_rpc_codec_t *codec, uint8_t *head, uint64_t id)
{
    if (codec->id_bytes == 8) {
        mosn_put_u64(head + codec->id_at, id);
    } else {
        mosn_put_u32(head + codec->id_at, (uint32_t) id);
    }
}


/* The head that came, with another id. */
static size_t
rpc_put_same_head(mux_rpc_stream_t *s, uint64_t id, uint8_t **out_r)
{
    const mosn_rpc_t       *rpc = s->head->rpc;
    const mosn_rpc_frame_t *f = &rpc->frame;
    size_t                  n = f->head_len;
    uint8_t                *out = *out_r = mosn_conn_reserve(
                       s->base.conn, f->len < MOSN_BUF_COPY_MAX ? f->len + MOSN_RPC_SLACK
                                                                : n + MOSN_RPC_SLACK);

    if (rpc->codec->renumber != NULL) {
        return rpc->codec->renumber(rpc, id, out);
    }
    memcpy(out, rpc->bytes, n);
    rpc_put_id(rpc->codec, out, id);
    return n;
}


/* The head that goes: the one that came, or a new one.  False: there can be
 * none. */
static bool
rpc_put_head(mux_rpc_stream_t *s, uint64_t id, uint8_t tail[MOSN_RPC_SLACK])
{
    const mosn_message_t   *m = s->head;
    const mosn_rpc_t       *rpc = m->rpc;
    const mosn_rpc_frame_t *f = &rpc->frame;
    const mosn_rpc_codec_t *codec = rpc->codec;
    size_t                  n;
    uint8_t                *out;

    if (s->body.bytes == mosn_rpc_body_len(f) && mosn_rpc_is_untouched(m)) {
        n = rpc_put_same_head(s, id, &out);
    } else {
        n = codec->encode != NULL
                ? codec->encode(rpc, &m->headers, id, s->body.bytes, NULL)
                : 0;
        if (n == 0) {
            return false;
        }
        out = mosn_conn_reserve(s->base.conn, n);
        n = codec->encode(rpc, &m->headers, id, s->body.bytes, out);
        if (codec->encodes_body) {
            mosn_chain_clear(&s->body);
        }
    }
    if (f->tail_len > 0) {
        codec->seal(f, out, n, &s->body, tail);
    }
    mosn_conn_commit(s->base.conn, n);
    return true;
}


/* A whole frame, whose body may come in one piece.  False: it cannot be
 * written. */
static bool
rpc_put_frame(mux_rpc_stream_t *s, uint64_t id, const mosn_buf_t *piece)
{
    mosn_conn_t *conn = s->base.conn;
    uint8_t      tail[MOSN_RPC_SLACK], *out;

    if (MOSN_LIKELY(piece != NULL)) {
        mosn_conn_commit(conn, rpc_put_same_head(s, id, &out));
        mosn_conn_write_buf(conn, piece);
        return true;
    }
    if (!rpc_put_head(s, id, tail)) {
        return false;
    }
    for (mosn_buf_t *b = s->body.head; b != NULL; b = b->next) {
        mosn_conn_write_buf(conn, b);
    }
    if (s->head->rpc->frame.tail_len > 0) {
        mosn_conn_write(conn, tail, s->head->rpc->frame.tail_len);
    }
    return true;
}


/* Towards hosts go requests, towards clients responses. */
static bool
rpc_is_right_way(const mux_rpc_t *mux, const mosn_message_t *m)
{
    mosn_rpc_kind_e kind = m->rpc->frame.kind;

    return mux_rpc_is_server(mux)
               ? kind == MOSN_RPC_RESPONSE || kind == MOSN_RPC_HEARTBEAT_ACK
               : kind == MOSN_RPC_REQUEST || kind == MOSN_RPC_ONEWAY
                     || kind == MOSN_RPC_HEARTBEAT;
}


/* Is it a frame that this side can read? */
static bool
rpc_is_ours(const mux_rpc_t *mux, const mosn_message_t *m)
{
    return m->rpc != NULL
           && (m->rpc->codec == mux->codec
               || strcmp(m->rpc->codec->family, mux->codec->family) == 0);
}


/* A frame that goes on as it came, its body in one piece: what most are. */
static bool
rpc_is_as_it_came(const mux_rpc_stream_t *s, const mosn_buf_t *body)
{
    const mosn_message_t *m = s->head;

    return s->body.head == NULL && rpc_is_ours(s->mux, m)
           && m->rpc->frame.tail_len == 0
           && mosn_buf_len(body) == mosn_rpc_body_len(&m->rpc->frame)
           && m->rpc->frame.len <= s->mux->base.settings->rpc->max_frame_bytes
           && mosn_rpc_is_untouched(m);
}


/* What came inside HTTP is taken out, and HTTP is made a call where the
 * protocol knows how.  False: the message is no frame of this side. */
static bool
rpc_make_ours(mux_rpc_stream_t *s)
{
    mux_rpc_t      *mux = s->mux;
    mosn_message_t *m = NULL;
    const char     *why = "another protocol";

    if (rpc_is_ours(mux, s->head)) {
        return true;
    }
    if (mosn_transcode_is_carried(s->head)) {
        m = mosn_transcode_unwrap(mux->codec, s->base.pool, &s->body, &why);
        s->wrapped = true;
        if (m != NULL && !mux_rpc_is_server(mux)
            && !mosn_transcode_is_honest(s->head, m, s->base.pool))
        {
            why = "the path is not that of the call";
            m = NULL;
        }
    } else if (s->head->rpc == NULL && !s->head->ours
               && mux->codec->from_http != NULL
               && (s->head->status < 400
                   || mux->codec->body_from_http != NULL))
    {
        m = mosn_transcode_from_http(mux->codec, s->base.pool, s->head,
                                     &s->body, &why);
        s->plain = true;
    }
    if (m != NULL && rpc_is_right_way(mux, m)) {
        s->head = m;
        return true;
    }
    if (!s->head->ours) {
        mosn_log_info(0, "conn %llu: cannot pass a message on as %.*s: %s",
                      (unsigned long long) s->base.conn->id,
                      MOSN_STR_ARG(mux->codec->protocol), why);
    }
    return false;
}


void
mux_rpc_put_failure(mux_rpc_t *mux, const mosn_rpc_frame_t *of,
                    const uint8_t *bytes, mosn_reason_e reason,
                    unsigned status, mosn_str_t text)
{
    const mosn_rpc_codec_t *codec = mux->codec;
    uint8_t                 out[MOSN_RPC_OWN_MAX];
    size_t                  n = 0;

    if (of->kind == MOSN_RPC_HEARTBEAT && codec->ack != NULL) {
        n = codec->ack(of, bytes, status == 200, out);
    } else if (of->kind == MOSN_RPC_REQUEST && codec->reply != NULL) {
        n = codec->reply(of, bytes, reason, status, text, out);
    }
    mosn_conn_write(mux->base.conn, out, n);
}


/* Its answers cannot be held back: a client that has asked for more than it
 * reads is given up when it has read nothing for a while, or far too little.
 */
static bool
rpc_is_deaf(mux_rpc_t *mux)
{
    const mosn_conn_t *conn = mux->base.conn;

    if (mosn_conn_is_taking(conn, &mux->taken)) {
        mux->taken_ms = conn->loop->now_ms;
    }
    return conn->loop->now_ms - mux->taken_ms >= DEAF_MS
           || conn->out.bytes / DEAF_TIMES > mux_rpc_most_held(mux);
}


/* What the client gets that asked for it: a frame of a host, or words of
 * ours.  Then it is over. */
static void
rpc_answer(mux_rpc_stream_t *s, const mosn_buf_t *piece)
{
    const mosn_message_t *m = s->head;
    mosn_conn_t          *conn = s->base.conn;

    if (s->rpc.frame.kind == MOSN_RPC_ONEWAY) {
        return;
    }
    if (rpc_make_ours(s)) {
        if (!rpc_put_frame(s, s->rpc.frame.id, piece)) {
            mux_rpc_put_failure(s->mux, &s->rpc.frame, s->rpc.bytes,
                                MOSN_REASON_INTERNAL, 500, MOSN_STR(""));
        }
    } else {
        mosn_buf_t *b = s->body.head;
        mosn_str_t  text = { b != NULL ? (const char *) b->pos : "",
                            b != NULL ? mosn_buf_len(b) : 0 };
        bool carried = mosn_transcode_is_carried(m); /* and broken */

        mux_rpc_put_failure(s->mux, &s->rpc.frame, s->rpc.bytes,
                            carried ? MOSN_REASON_UPSTREAM_BAD_RESPONSE
                                    : m->reason,
                            carried ? 502 : m->status, text);
    }
    if (conn->out.bytes > mux_rpc_most_held(s->mux) && !conn->writable
        && rpc_is_deaf(s->mux))
    {
        mosn_conn_abort(conn, MOSN_REASON_SEND_TIMEOUT);
    }
}


/* A request that nobody answers has been sent: so it is answered. */
static void
rpc_answer_oneway(mux_rpc_stream_t *s)
{
    mosn_message_t *m = mosn_pool_calloc(s->base.pool, sizeof(*m));

    m->version = MOSN_HTTP_11;
    m->status = 200;
    mosn_headers_init(&m->headers, s->base.pool, 4);
    s->base.received_end = true;
    mux_rpc_stream_release(s);
    s->base.receiver->on_head(&s->base, m, true);
}


/* What the owner sends cannot be sent. */
static void
rpc_give_up(mux_rpc_stream_t *s, mosn_reason_e reason)
{
    if (mux_rpc_is_server(s->mux)) {
        mux_rpc_put_failure(s->mux, &s->rpc.frame, s->rpc.bytes, reason,
                            mosn_reasons[reason].status, MOSN_STR(""));
    }
    mux_rpc_stream_release(s);
    s->base.receiver->on_reset(&s->base, reason);
}


static void
rpc_send_request(mux_rpc_stream_t *s, const mosn_buf_t *piece)
{
    mosn_conn_t *conn = s->base.conn;

    s->base.first_byte = conn->bytes_out + conn->out.bytes;
    if (!rpc_make_ours(s)) {
        rpc_give_up(s, MOSN_REASON_BAD_REQUEST);
        return;
    }
    if (!rpc_put_frame(s, s->wire_id, piece)) {
        rpc_give_up(s, MOSN_REASON_HEADERS_TOO_LARGE);
        return;
    }
    mosn_chain_clear(&s->body);
    if (conn->blocked) {
        s->base.sc->room = 0; /* until it has drained */
    }
    if (s->head->rpc->frame.kind == MOSN_RPC_ONEWAY) {
        rpc_answer_oneway(s);
    }
}


/* With `piece` its body is that, and not in the chain. */
static void
rpc_send_all(mux_rpc_stream_t *s, const mosn_buf_t *piece)
{
    s->base.sent_end = true;
    if (mux_rpc_is_server(s->mux)) {
        rpc_answer(s, piece);
        if (!s->over) { /* who reads nothing is gone by now */
            mux_rpc_stream_release(s);
        }
    } else {
        rpc_send_request(s, piece);
    }
}


static void
rpc_send_head(mosn_stream_t *stream, const mosn_message_t *head, bool end)
{
    mux_rpc_stream_t *s = rpc_stream(stream);

    if (!s->over) {
        s->head = head;
        if (end) {
            rpc_send_all(s, NULL);
        }
    }
}


static void
rpc_send_data(mosn_stream_t *stream, const mosn_buf_t *data, bool end)
{
    mux_rpc_stream_t *s = rpc_stream(stream);

    if (s->over) {
        return;
    }
    if (MOSN_LIKELY(end && data != NULL && rpc_is_as_it_came(s, data))) {
        rpc_send_all(s, data);
        return;
    }
    if (data != NULL) {
        mosn_chain_append_ref(&s->body, data);
    }
    if (s->body.bytes > s->base.sc->settings->rpc->max_frame_bytes) {
        rpc_give_up(s, mux_rpc_is_server(s->mux)
                           ? MOSN_REASON_UPSTREAM_BAD_RESPONSE
                           : MOSN_REASON_BODY_TOO_LARGE);
        return;
    }
    if (end) {
        rpc_send_all(s, NULL);
    }
}


/* Calls have none: what came before is all. */
static void
rpc_send_trailers(mosn_stream_t *stream, const mosn_headers_t *trailers)
{
    (void) trailers;
    rpc_send_data(stream, NULL, true);
}


static void
rpc_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    mux_rpc_stream_t *s = rpc_stream(stream);

    if (s->over) {
        return;
    }
    if (mux_rpc_is_server(s->mux)) {
        mux_rpc_put_failure(s->mux, &s->rpc.frame, s->rpc.bytes, reason,
                            mosn_reasons[reason].status, MOSN_STR(""));
    }
    mux_rpc_stream_release(s);
}


/* It came whole: there is nothing to hold back. */
static void
rpc_pause(mosn_stream_t *stream)
{
    (void) stream;
}


const mosn_stream_ops_t mux_rpc_stream_ops = {
    .send_head = rpc_send_head,
    .send_data = rpc_send_data,
    .send_trailers = rpc_send_trailers,
    .reset = rpc_reset,
    .pause = rpc_pause,
    .resume = rpc_pause,
};
