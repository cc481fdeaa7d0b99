/*
 * stream/mux_rpc.c - one stream layer for all protocols of calls.
 *
 * A frame is cut off the connection's input when it is whole and stays in
 * the block that it was read into; what is passed on is copied once, with
 * another id, or by reference when it is long.
 */

#include "stream/mux_rpc.h"
#include "core/log.h"
#include "event/listener.h"
#include "stream/pool.h"
#include "stream/transcode.h"

#define SLOTS_FIRST   16u
#define DRAIN_IDLE_MS 500u
#define IN_FLIGHT_OF  4u /* frames of the longest kind that may be held */


static mux_rpc_t *
rpc_mux(mosn_stream_conn_t *sc)
{
    return mosn_container_of(sc, mux_rpc_t, base);
}


size_t
mux_rpc_most_held(const mux_rpc_t *mux)
{
    return mux->base.settings->rpc->max_frame_bytes * IN_FLIGHT_OF;
}


/* --- streams ------------------------------------------------------------- */

static void
rpc_let_go(void *block)
{
    mosn_block_unref(block);
}


/* The block that a frame lies in; a large one is not kept for a small frame,
 * which gets one of its own. */
static mosn_block_t *
rpc_keep(const mosn_conn_t *conn, size_t len, const uint8_t **bytes)
{
    mosn_block_t *block = conn->in.block;

    if (block->size > MOSN_BLOCK_LARGE && len < block->size / 2) {
        block = mosn_block_create(len);
        memcpy(block->bytes, *bytes, len);
        *bytes = block->bytes;
        return block;
    }
    return mosn_block_ref(block);
}


/* What was received: a frame that lies in a block. */
static void
rpc_message_init(mux_rpc_stream_t *s, const mosn_rpc_frame_t *frame,
                 const uint8_t *bytes)
{
    mosn_block_t   *block = rpc_keep(s->mux->base.conn, frame->len, &bytes);
    mosn_message_t *m = &s->message;

    memset(m, 0, sizeof(*m));
    memset(&s->rpc, 0, sizeof(s->rpc));
    m->version = MOSN_HTTP_11;
    m->content_length = (int64_t) mosn_rpc_body_len(frame);
    m->headers.pool = s->base.pool;
    m->rpc = &s->rpc;
    s->rpc.codec = s->mux->codec;
    s->rpc.frame = *frame;
    s->rpc.bytes = bytes;
    s->rpc.block = block;
    mosn_pool_on_destroy(s->base.pool, rpc_let_go, block);
}


static mux_rpc_stream_t *
rpc_stream_create(mux_rpc_t *mux, mosn_pool_t *pool)
{
    mux_rpc_stream_t *s = mosn_pool_alloc(pool, sizeof(*s));

    memset(s, 0, offsetof(mux_rpc_stream_t, message));
    s->base.ops = &mux_rpc_stream_ops;
    s->base.sc = &mux->base;
    s->base.conn = mux->base.conn;
    s->base.pool = pool;
    s->base.reused = mux->base.n_streams > 0;
    s->base.id = ++mux->base.n_streams;
    s->base.first_byte = UINT64_MAX;
    s->mux = mux;
    mosn_list_append(&mux->streams, &s->link);
    mux->base.n_active++;
    return s;
}


static void
rpc_read_on(mux_rpc_t *mux)
{
    if (mux->read_stopped) {
        mux->read_stopped = false;
        mosn_conn_resume_read(mux->base.conn);
        mosn_conn_run_again(mux->base.conn);
    }
}


/* Has it used up its ids?  An old one might still be answered. */
static bool
rpc_is_worn(const mux_rpc_t *mux)
{
    return mux->codec->id_bytes < 8
           && mux->next_id > UINT64_MAX >> (64 - 8 * mux->codec->id_bytes);
}


/* Part of a frame is there: whatever else happens, the rest has until then. */
static void
rpc_keep_frame_timer(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    uint64_t     now_ms = conn->loop->now_ms;

    if (mux->frame_begun && !conn->closed) {
        mosn_conn_arm_idle(conn, mux->frame_due_ms > now_ms
                                     ? (uint32_t) (mux->frame_due_ms - now_ms)
                                     : 1);
    }
}


/* How many more requests the host gets; tells the pool when it asks. */
static void
rpc_look_for_room(mux_rpc_t *mux)
{
    mosn_stream_conn_t *sc = &mux->base;
    uint32_t            most = (uint32_t) sc->settings->rpc->max_in_flight;
    uint32_t            before = sc->room;

    if (sc->conn->closed) {
        sc->room = 0;
        return;
    }
    mux->going |= rpc_is_worn(mux);
    if (mux->going) {
        sc->room = 0;
        if (sc->n_active == 0) {
            mosn_conn_close_flushed(sc->conn, MOSN_REASON_NONE, false);
        }
        return;
    }
    sc->room =
        most > sc->n_active && !sc->conn->blocked ? most - sc->n_active : 0;
    if (sc->announced && sc->room > 0 && (before == 0 || sc->n_active == 0)) {
        sc->client->on_available(sc->owner, sc);
        rpc_keep_frame_timer(mux); /* it may have said that this one rests */
    }
}


/* Is there nothing left to say on a connection that somebody else reads, or
 * on which nothing more will come? */
static void
rpc_look_done(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    if (mux->base.n_active > 0 || conn->n_feeders > 0) {
        return;
    }
    if (mux->moved) {
        mosn_conn_close_flushed(conn, MOSN_REASON_NONE, false);
    } else if (conn->eof) {
        mosn_conn_close_flushed(conn, MOSN_REASON_CLIENT_CLOSED, false);
    }
}


void
mux_rpc_stream_release(mux_rpc_stream_t *s)
{
    mux_rpc_t   *mux = s->mux;
    mosn_conn_t *conn = mux->base.conn;

    s->over = true;
    mosn_list_unlink(&s->link);
    mosn_chain_clear(&s->body);
    mux->base.n_active--;
    if (!mux_rpc_is_server(mux)) {
        mux->slots[s->wire_id & mux->mask] = NULL;
        rpc_look_for_room(mux);
        return;
    }
    mux->held_bytes -= s->rpc.frame.len;
    mosn_loop_bury(conn->loop, &(mosn_pool_t *){ s->base.pool });
    if (conn->closed) {
        return;
    }
    if (mux->base.n_active == 0) {
        if (!mux->frame_begun) {
            mosn_conn_arm_idle(conn, mux->base.settings->idle_timeout_ms);
        }
        rpc_look_done(mux);
    }
    if (!conn->blocked) {
        rpc_read_on(mux);
    }
}


/* --- receiving ----------------------------------------------------------- */

/* The response of a call that came inside HTTP, or was HTTP, goes back so.
 * Who hears the head may give the stream to another. */
static void
rpc_deliver_http(mux_rpc_stream_t *s)
{
    mosn_chain_t    body = { 0 };
    mosn_message_t *m =
        s->wrapped ? mosn_transcode_wrap(&s->message, s->base.pool, &body)
                   : mosn_transcode_to_http(&s->message, s->base.pool, &body);

    if (m == NULL) {
        mosn_log_info(0, "a response of %.*s cannot be said in HTTP",
                      MOSN_STR_ARG(s->mux->codec->protocol));
        s->base.receiver->on_reset(&s->base,
                                   MOSN_REASON_UPSTREAM_BAD_RESPONSE);
        return;
    }
    m->said = &s->rpc;
    s->base.receiver->on_head(&s->base, m, body.bytes == 0);
    for (mosn_buf_t *b = body.head; b != NULL; b = b->next) {
        s->base.receiver->on_data(&s->base, b, b->next == NULL);
    }
    mosn_chain_clear(&body);
}


/* A whole message goes up; `s` may be over after that. */
static void
rpc_deliver(mux_rpc_stream_t *s)
{
    const mosn_rpc_frame_t *f = &s->rpc.frame;
    size_t                  n = mosn_rpc_body_len(f);
    uint8_t   *body = (uint8_t *) (uintptr_t) s->rpc.bytes + f->head_len;
    mosn_buf_t data = {
        .pos = body, .last = body + n, .end = body + n, .block = s->rpc.block
    };

    s->base.received_end = true;
    if (s->wrapped || s->plain) {
        rpc_deliver_http(s);
        return;
    }
    s->base.receiver->on_head(&s->base, &s->message, n == 0);
    if (n > 0 && !(mux_rpc_is_server(s->mux) && s->over)) {
        s->base.receiver->on_data(&s->base, &data, true);
    }
}


static void
rpc_on_request(mux_rpc_t *mux, const mosn_rpc_frame_t *frame,
               const uint8_t *bytes)
{
    mux_rpc_stream_t *s =
        rpc_stream_create(mux, mosn_pool_create(MOSN_POOL_STREAM));
    const char *why = NULL;

    rpc_message_init(s, frame, bytes);
    mux->held_bytes += frame->len;
    if (frame->kind != MOSN_RPC_HEARTBEAT) {
        mux->called_ms = mux->base.conn->loop->now_ms;
    }
    if (mux->codec->read != NULL && mux->codec->read(&s->rpc, &why) != MOSN_OK)
    {
        mosn_log_info(0, "conn %llu: %.*s: %s",
                      (unsigned long long) mux->base.conn->id,
                      MOSN_STR_ARG(mux->codec->protocol), why);
        mux_rpc_put_failure(mux, frame, bytes, MOSN_REASON_BAD_REQUEST, 400,
                            mosn_str(why));
        mux_rpc_stream_release(s);
        mux->base.server->on_refused(mux->base.owner, &mux->base,
                                     MOSN_REASON_BAD_REQUEST, 400,
                                     mux->codec->protocol);
        return;
    }
    s->message.method = s->rpc.method;
    s->message.path = mosn_rpc_path(&s->rpc, s->base.pool);
    mux->base.server->on_stream(mux->base.owner, &s->base);
    rpc_deliver(s);
}


static mux_rpc_stream_t *
rpc_find(const mux_rpc_t *mux, uint64_t id)
{
    mux_rpc_stream_t *s = mux->slots[id & mux->mask];

    return s != NULL && s->wire_id == id ? s : NULL;
}


/* A heartbeat is answered as one, a call as a call. */
static bool
rpc_is_answer(const mux_rpc_stream_t *s, const mosn_rpc_frame_t *frame)
{
    return s->base.sent_end
           && mosn_rpc_is_heartbeat(s->head->rpc)
                  == (frame->kind == MOSN_RPC_HEARTBEAT_ACK);
}


static void
rpc_on_response(mux_rpc_t *mux, const mosn_rpc_frame_t *frame,
                const uint8_t *bytes)
{
    mux_rpc_stream_t *s = rpc_find(mux, frame->id);

    if (s == NULL || !rpc_is_answer(s, frame)) { /* given up, or a lie */
        if (mux->base.client->on_count != NULL) {
            mux->base.client->on_count(mux->base.owner, MOSN_UPSTREAM_STRAYS);
        }
        return;
    }
    rpc_message_init(s, frame, bytes);
    s->message.status = mux->codec->http_status != NULL
                            ? mux->codec->http_status(&s->rpc)
                            : 200;
    mux_rpc_stream_release(s);
    rpc_deliver(s);
}


static void
rpc_acknowledge(mux_rpc_t *mux, const mosn_rpc_frame_t *frame,
                const uint8_t *bytes)
{
    mux_rpc_put_failure(mux, frame, bytes, MOSN_REASON_NONE, 200,
                        MOSN_STR(""));
}


/* What a host says. */
static void
rpc_client_on_frame(mux_rpc_t *mux, const mosn_rpc_frame_t *frame,
                    const uint8_t *bytes)
{
    switch (frame->kind) {
    case MOSN_RPC_HEARTBEAT_ACK:
        if (mux_rpc_on_ack(mux, frame->id)) {
            break;
        }
        rpc_on_response(mux, frame, bytes);
        break;
    case MOSN_RPC_RESPONSE:
        rpc_on_response(mux, frame, bytes);
        break;
    case MOSN_RPC_HEARTBEAT:
        rpc_acknowledge(mux, frame, bytes);
        break;
    case MOSN_RPC_GOAWAY:
        mux->going = true;
        rpc_look_for_room(mux);
        break;
    case MOSN_RPC_REQUEST: /* we serve nobody there */
        mux_rpc_put_failure(mux, frame, bytes, MOSN_REASON_NO_ROUTE, 404,
                            MOSN_STR("no route towards clients"));
        break;
    case MOSN_RPC_ONEWAY:
    case MOSN_RPC_IGNORED:
        break;
    }
}


/* What a client says. */
static void
rpc_server_on_frame(mux_rpc_t *mux, const mosn_rpc_frame_t *frame,
                    const uint8_t *bytes)
{
    switch (frame->kind) {
    case MOSN_RPC_REQUEST:
    case MOSN_RPC_ONEWAY:
        rpc_on_request(mux, frame, bytes);
        break;
    case MOSN_RPC_HEARTBEAT:
        if (mux->base.settings->rpc->heartbeat == MOSN_HEARTBEAT_ANSWER) {
            rpc_acknowledge(mux, frame, bytes);
        } else {
            rpc_on_request(mux, frame, bytes);
        }
        break;
    default: /* we asked for nothing */
        break;
    }
}


/* Nothing that follows can be trusted. */
static void
rpc_broken(mux_rpc_t *mux, mosn_reason_e reason, const char *why)
{
    mosn_stream_conn_t *sc = &mux->base;
    mosn_conn_t        *conn = sc->conn;

    if (!mux_rpc_is_server(mux)) {
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&conn->peer.sa, sizeof(sa_family_t), text);
        mosn_log_warn(0, "upstream %s, conn %llu: %.*s: %s", text,
                      (unsigned long long) conn->id,
                      MOSN_STR_ARG(mux->codec->protocol), why);
        mosn_conn_close(conn, MOSN_REASON_UPSTREAM_BAD_RESPONSE);
        return;
    }
    mosn_log_info(0, "conn %llu: %.*s: %s", (unsigned long long) conn->id,
                  MOSN_STR_ARG(mux->codec->protocol), why);
    sc->server->on_refused(sc->owner, sc, reason, mosn_reasons[reason].status,
                           mux->codec->protocol);
    conn->in.pos = conn->in.last;
    mosn_conn_close_flushed(conn, reason, true);
}


/* One whole frame.  False: the connection ends. */
static bool
rpc_on_frame(mux_rpc_t *mux, const mosn_rpc_frame_t *frame,
             const uint8_t *bytes)
{
    if (frame->tail_len > 0 && !mux->codec->verify(frame, bytes)) {
        if (mux_rpc_is_server(mux)) {
            mux_rpc_put_failure(mux, frame, bytes, MOSN_REASON_BAD_REQUEST,
                                400, MOSN_STR("checksum"));
        }
        rpc_broken(mux, MOSN_REASON_BAD_REQUEST, "the checksum is wrong");
        return false;
    }
    if (mux_rpc_is_server(mux)) {
        rpc_server_on_frame(mux, frame, bytes);
    } else {
        rpc_client_on_frame(mux, frame, bytes);
    }
    return !mux->base.conn->closed;
}


/* A client may have so much under way, and so much of it here. */
static bool
rpc_is_full(const mux_rpc_t *mux)
{
    const mosn_rpc_conf_t *conf = mux->base.settings->rpc;

    return mux->base.n_active >= (uint32_t) conf->max_in_flight
           || mux->held_bytes >= mux_rpc_most_held(mux)
           || mux->base.conn->blocked;
}


/* Part of a frame is there; the rest has so long. */
static void
rpc_await_rest(mux_rpc_t *mux)
{
    const mosn_stream_settings_t *settings = mux->base.settings;

    if (!mux_rpc_is_server(mux)) {
        if (!mux->frame_begun) { /* for all of it, however it trickles */
            mux->frame_begun = true;
            mux->frame_due_ms =
                mux->base.conn->loop->now_ms + settings->rpc->frame_timeout_ms;
            rpc_keep_frame_timer(mux);
        }
        return;
    }
    if (!mux->frame_begun) {
        mux->frame_begun = true;
        mosn_conn_arm_idle(mux->base.conn, settings->header_timeout_ms);
    } else if (mosn_buf_len(&mux->base.conn->in) > MOSN_RPC_OWN_MAX) {
        mosn_conn_arm_idle(mux->base.conn, settings->body_timeout_ms);
    }
}


static void
rpc_on_eof(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    if (!mux_rpc_is_server(mux)) {
        mosn_conn_close(conn, MOSN_REASON_UPSTREAM_CLOSED);
    } else {
        rpc_look_done(mux); /* it still gets its answers */
    }
}


static void rpc_on_drain(mux_rpc_t *mux);


static mosn_verdict_e
rpc_on_read(mosn_stream_conn_t *sc)
{
    mux_rpc_t   *mux = rpc_mux(sc);
    mosn_conn_t *conn = sc->conn;
    size_t       max = sc->settings->rpc->max_frame_bytes, n;
    bool         more = false;

    mux->heard_ms = conn->loop->now_ms;
    while ((n = mosn_buf_len(&conn->in)) > 0) {
        mosn_rpc_frame_t frame = { 0 };
        const uint8_t   *bytes = conn->in.pos;
        const char      *why = "malformed";
        mosn_rc_e        rc;

        if (mux_rpc_is_server(mux) && rpc_is_full(mux)) {
            if (!mux->read_stopped) {
                mux->read_stopped = true;
                mosn_conn_pause_read(conn);
            }
            return MOSN_NEXT;
        }
        rc = mux->codec->look(bytes, n, &frame, &why);
        if (rc == MOSN_OK && frame.len > max) {
            if (mux_rpc_is_server(mux)) {
                mux_rpc_put_failure(mux, &frame, bytes,
                                    MOSN_REASON_BODY_TOO_LARGE, 413,
                                    MOSN_STR("the frame is too long"));
            }
            rpc_broken(mux, MOSN_REASON_BODY_TOO_LARGE,
                       "a frame is longer than max_frame_bytes");
            return MOSN_END;
        }
        if (rc == MOSN_AGAIN || (rc == MOSN_OK && frame.len > n)) {
            more = true;
            break;
        }
        if (rc != MOSN_OK) {
            rpc_broken(mux, MOSN_REASON_BAD_REQUEST, why);
            return MOSN_END;
        }
        if (mux->frame_begun) {
            mux->frame_begun = false;
            if (!mux_rpc_is_server(mux)) {
                mosn_conn_arm_idle(conn, sc->settings->idle_timeout_ms);
            }
        }
        conn->in.pos += frame.len;
        if (!rpc_on_frame(mux, &frame, bytes)) {
            return MOSN_END;
        }
        if (MOSN_UNLIKELY(conn->draining) && frame.len > MOSN_MOVE_MAX_BYTES) {
            rpc_on_drain(mux); /* there may be no better moment */
        }
    }

    if (more) {
        rpc_await_rest(mux);
    } else if (mux_rpc_is_server(mux)) {
        mosn_conn_arm_idle(conn, sc->settings->idle_timeout_ms);
    }
    if (conn->eof) {
        rpc_on_eof(mux);
    }
    return conn->closed ? MOSN_END : MOSN_NEXT;
}


/* --- events -------------------------------------------------------------- */

static void
rpc_on_connected(mux_rpc_t *mux)
{
    mosn_stream_conn_t *sc = &mux->base;

    if (mux_rpc_is_server(mux)) {
        return;
    }
    mux->heard_ms = sc->conn->loop->now_ms;
    mux_rpc_start_beats(mux);
    rpc_look_for_room(mux);
    sc->client->on_connected(sc->owner, sc);
}


static void
rpc_on_idle(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    if (!mux_rpc_is_server(mux)) {
        if (mux->frame_begun) {
            rpc_broken(mux, MOSN_REASON_UPSTREAM_BAD_RESPONSE,
                       "a frame is not complete in time");
        } else if (mux->base.n_active == 0) {
            mosn_conn_close(conn, MOSN_REASON_IDLE_TIMEOUT);
        }
    } else if (mux->frame_begun && !mux->read_stopped) {
        rpc_broken(mux, MOSN_REASON_BODY_TIMEOUT,
                   "a frame is not complete in time");
    } else if (mux->base.n_active == 0 && conn->n_feeders == 0) {
        mosn_conn_close_flushed(conn, MOSN_REASON_IDLE_TIMEOUT, false);
    } else {
        mosn_conn_arm_idle(conn, mux->base.settings->idle_timeout_ms);
    }
}


/* Nobody takes it over: it is told, where there is a word for that, and has
 * a moment for what may be on its way.  A DRAIN comes again until then. */
static void
rpc_say_bye(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    uint64_t     now = conn->loop->now_ms;
    uint8_t      out[MOSN_RPC_OWN_MAX];

    if (mux->bye_ms == 0) {
        mux->bye_ms = now;
        if (mux->base.settings->rpc->goaway && mux->codec->goaway != NULL) {
            mosn_conn_write(conn, out,
                            mux->codec->goaway(mux_rpc_next_id(mux), out));
        }
    }
    if (mux->base.n_active == 0 && conn->n_feeders == 0
        && mosn_buf_len(&conn->in) == 0 && now - mux->bye_ms >= DRAIN_IDLE_MS
        && now - mux->called_ms >= DRAIN_IDLE_MS)
    {
        mosn_conn_close_flushed(conn, MOSN_REASON_DRAINING, false);
    }
}


/* It goes to whoever comes after us, with what is under way if need be. */
static void
rpc_on_drain(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    bool         rests = mux->base.n_active == 0 && conn->n_feeders == 0
                 && mosn_buf_len(&conn->in) == 0;
    mosn_rc_e rc;

    if (mux->moved || !mux_rpc_is_server(mux)) {
        return;
    }
    if (conn->transport != NULL) { /* TLS cannot move */
        rpc_say_bye(mux);
        return;
    }
    rc = rests ? mosn_listener_give(conn, NULL, NULL)
               : mosn_listener_move(conn);
    if (rc == MOSN_OK && rests) {
        mosn_conn_close(conn, MOSN_REASON_NONE);
    } else if (rc == MOSN_OK) {
        mux->moved = true;
    } else if (rc == MOSN_DECLINED) {
        rpc_say_bye(mux);
    } /* else it comes again */
}


/* Who has waited in vain hears so. */
static void
rpc_on_cut(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    for (mosn_list_t *link = mux->streams.next;
         mux_rpc_is_server(mux) && link != &mux->streams; link = link->next)
    {
        mux_rpc_stream_t *s = mosn_container_of(link, mux_rpc_stream_t, link);

        mux_rpc_put_failure(
            mux, &s->rpc.frame, s->rpc.bytes, MOSN_REASON_DRAINING,
            mosn_reasons[MOSN_REASON_DRAINING].status, MOSN_STR(""));
    }
    mosn_conn_flush(conn);
}


/* The connection is closed: so are they. */
static void
rpc_end_streams(mux_rpc_t *mux)
{
    mosn_reason_e reason = mux->base.conn->reason;

    if (reason == MOSN_REASON_NONE) {
        reason = mux_rpc_is_server(mux) ? MOSN_REASON_CLIENT_CLOSED
                                        : MOSN_REASON_UPSTREAM_CLOSED;
    }
    while (!mosn_list_is_empty(&mux->streams)) {
        mux_rpc_stream_t *s =
            mosn_container_of(mux->streams.next, mux_rpc_stream_t, link);

        mux_rpc_stream_release(s);
        if (s->base.receiver != NULL) {
            s->base.receiver->on_reset(&s->base, reason);
        }
    }
}


static void
rpc_on_closed(mux_rpc_t *mux)
{
    mosn_stream_conn_t *sc = &mux->base;

    mosn_timer_disarm(sc->conn->loop, &mux->beat);
    mux->going = true;
    sc->room = 0;
    rpc_end_streams(mux);
    if (!mux_rpc_is_server(mux)) {
        sc->client->on_closed(sc->owner, sc, sc->conn->reason);
    }
}


/* Whoever was held back goes on; any of them may end others. */
static void
rpc_on_drained(mux_rpc_t *mux)
{
    mosn_list_t waiting;

    mosn_list_init(&waiting);
    mosn_list_take_all(&waiting, &mux->streams);
    while (!mosn_list_is_empty(&waiting)) {
        mux_rpc_stream_t *s =
            mosn_container_of(waiting.next, mux_rpc_stream_t, link);

        mosn_list_unlink(&s->link);
        mosn_list_append(&mux->streams, &s->link);
        if (s->base.receiver != NULL && !s->base.sent_end) {
            s->base.receiver->on_drained(&s->base);
        }
        if (mux->base.conn->closed) { /* the rest has to hear of that */
            mosn_list_take_all(&mux->streams, &waiting);
            rpc_end_streams(mux);
            return;
        }
    }
    if (mux_rpc_is_server(mux)) {
        rpc_read_on(mux);
        rpc_look_done(mux);
    } else {
        rpc_look_for_room(mux);
    }
}


static void
rpc_on_event(mosn_stream_conn_t *sc, mosn_conn_event_e event)
{
    mux_rpc_t *mux = rpc_mux(sc);

    switch (event) {
    case MOSN_CONN_CONNECTED:
        rpc_on_connected(mux);
        break;
    case MOSN_CONN_DRAINED:
        rpc_on_drained(mux);
        break;
    case MOSN_CONN_IDLE:
        rpc_on_idle(mux);
        break;
    case MOSN_CONN_DRAIN:
        rpc_on_drain(mux);
        break;
    case MOSN_CONN_CUT:
        rpc_on_cut(mux);
        break;
    case MOSN_CONN_CLOSED:
        rpc_on_closed(mux);
        break;
    }
}


/* Twice as many slots; old ids keep theirs, as they still differ. */
static void
rpc_grow_slots(mux_rpc_t *mux)
{
    uint32_t           n = (mux->mask + 1) * 2;
    mux_rpc_stream_t **slots = mosn_calloc(n * sizeof(*slots));

    for (uint32_t i = 0; i <= mux->mask; i++) {
        if (mux->slots[i] != NULL) {
            slots[mux->slots[i]->wire_id & (n - 1)] = mux->slots[i];
        }
    }
    free(mux->slots);
    mux->slots = slots;
    mux->mask = n - 1;
}


static mosn_stream_t *
rpc_open(mosn_stream_conn_t *sc, mosn_pool_t *pool)
{
    mux_rpc_t        *mux = rpc_mux(sc);
    mux_rpc_stream_t *s = rpc_stream_create(mux, pool);

    if (sc->n_active > mux->mask / 2) {
        rpc_grow_slots(mux);
    }
    do { /* a slow one keeps its place */
        s->wire_id = mux_rpc_next_id(mux);
    } while (mux->slots[s->wire_id & mux->mask] != NULL);
    mux->slots[s->wire_id & mux->mask] = s;
    mux->going |= rpc_is_worn(mux);
    sc->room = mux->going ? 0 : sc->room - 1;
    if (!mux->frame_begun) {
        mosn_conn_disarm_idle(sc->conn);
    }
    return &s->base;
}


static const mosn_stream_conn_ops_t rpc_conn_ops = {
    .on_read = rpc_on_read,
    .on_event = rpc_on_event,
    .open = rpc_open,
    .check = mux_rpc_check,
};


/* --- the protocol -------------------------------------------------------- */

static mux_rpc_t *
rpc_create(const mosn_stream_protocol_ops_t *protocol, mosn_conn_t *conn,
           const mosn_stream_settings_t *settings, void *owner)
{
    mux_rpc_t *mux = mosn_pool_calloc(conn->pool, sizeof(*mux));

    mux->base.ops = &rpc_conn_ops;
    mux->base.conn = conn;
    mux->base.settings = settings;
    mux->base.owner = owner;
    mux->codec = protocol->rpc;
    mux->next_id = 1;
    mosn_list_init(&mux->base.link);
    mosn_list_init(&mux->streams);
    mux_rpc_init_beats(mux);
    return mux;
}


static mosn_stream_conn_t *
rpc_serve(const mosn_stream_protocol_ops_t *protocol, mosn_conn_t *conn,
          const mosn_stream_settings_t   *settings,
          const mosn_stream_server_ops_t *ops, void *owner)
{
    mux_rpc_t *mux = rpc_create(protocol, conn, settings, owner);

    mux->base.server = ops;
    mosn_conn_arm_idle(conn, settings->idle_timeout_ms);
    return &mux->base;
}


static void
rpc_free_slots(void *mux)
{
    free(((mux_rpc_t *) mux)->slots);
}


static mosn_stream_conn_t *
rpc_connect(const mosn_stream_protocol_ops_t *protocol, mosn_conn_t *conn,
            const mosn_stream_settings_t   *settings,
            const mosn_stream_client_ops_t *ops, void *owner)
{
    mux_rpc_t *mux = rpc_create(protocol, conn, settings, owner);

    mux->base.client = ops;
    mux->slots = mosn_calloc(SLOTS_FIRST * sizeof(mosn_list_t *));
    mux->mask = SLOTS_FIRST - 1;
    mosn_pool_on_destroy(conn->pool, rpc_free_slots, mux);
    mosn_stream_client_attach(&mux->base);
    return &mux->base;
}


void
mosn_rpc_protocol_make(mosn_stream_protocol_ops_t *protocol, const char *name,
                       const mosn_rpc_codec_t *codec)
{
    *protocol = (mosn_stream_protocol_ops_t){
        .name = name,
        .probe = codec->probe,
        .serve = rpc_serve,
        .connect = rpc_connect,
        .protocol = codec->protocol,
        .multiplex = true,
        .rpc = codec,
    };
}
