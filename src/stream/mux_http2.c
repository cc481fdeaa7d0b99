/*
 * stream/mux_http2.c - HTTP/2 (RFC 9113) connections, towards clients and
 * towards hosts, on nghttp2.
 *
 * nghttp2 never sees the socket: what comes is given to it, what it wants to
 * send is taken from it when the connection takes more.  Bodies go past it by
 * reference, in both directions.  It has no clock: what waits is looked at
 * by a timer of ours.
 */

#include "stream/mux_http2.h"

#include "core/log.h"
#include "core/slab.h"
#include "event/listener.h"
#include "event/tls.h"

#define PREFACE  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define PATIENCE 1000u
#define DRAIN_MS 1000u /* between the two GOAWAYs */

#define HEAD_MAX       (4u << 20) /* above what any of our limits lets in */
#define LINGER_MS      300u /* for the rest of a request that is answered */
#define FIRST_ROOM     100u /* RFC 9113, 6.5.2: no fewer is recommended */
#define GUARD_MAX_MS   1000u
#define RESETS_NOLIMIT (UINT64_C(1) << 40) /* we count them */


static const mosn_directive_t http2_directives[] = {
    MOSN_INT(mosn_http2_conf_t, max_concurrent_streams, 1, 1000000, 128,
             "Streams at a time on one connection: of a client, or of ours "
             "to a host when it allows as many."),
    MOSN_SIZE(mosn_http2_conf_t, initial_stream_window, 65535, INT32_MAX,
              65535,
              "Bytes of a body that may be on their way to us and not yet "
              "passed on."),
    MOSN_SIZE(mosn_http2_conf_t, initial_connection_window, 65535, INT32_MAX,
              1 << 20, "The same of all streams together."),
    MOSN_SIZE(mosn_http2_conf_t, max_frame_bytes, 16384, 16777215, 16384,
              "Longest frame that the peer may send."),
    MOSN_INT(mosn_http2_conf_t, max_reset_rate, 1, 1000000, 100,
             "Streams that a client may give up in a second, on average; ten "
             "times as many at once.  More, and its connection ends."),
    MOSN_DURATION(mosn_http2_conf_t, settings_timeout, 1, 3600000, 10000,
                  "A peer that has not acknowledged our settings by then is "
                  "none."),
    MOSN_DURATION(mosn_http2_conf_t, keepalive_interval, 0, 86400000, 0,
                  "A peer that was silent so long gets a PING; 0: never."),
    MOSN_DURATION(mosn_http2_conf_t, keepalive_timeout, 1, 3600000, 10000,
                  "... and is given up when it does not answer in this "
                  "time."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_http2_block = {
    .doc = "What HTTP/2 leaves to its two ends.",
    .size = sizeof(mosn_http2_conf_t),
    .directives = http2_directives,
};


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


static void
http2_watch(http2_t *mux)
{
    if (!mosn_timer_is_armed(&mux->guard)) {
        mosn_timer_arm(mux->base.conn->loop, &mux->guard, mux->guard_ms);
    }
}


/* --- streams ------------------------------------------------------------ */

/* `pool`: of whoever sends a request; NULL: a request has come. */
http2_stream_t *
mux_http2_stream_create(http2_t *mux, int32_t id, mosn_pool_t *pool)
{
    mosn_pool_t    *own = mosn_pool_create(MOSN_POOL_STREAM);
    http2_stream_t *s = mosn_pool_calloc(own, sizeof(*s));

    s->own = own;
    s->mux = mux;
    s->base.ops = &mux_http2_stream_ops;
    s->base.sc = &mux->base;
    s->base.conn = mux->base.conn;
    s->base.pool = pool != NULL ? pool : own;
    s->base.id = (uint64_t) id;
    s->base.first_byte = UINT64_MAX;
    s->base.reused = mux->base.n_streams > 0;
    s->heard_ms = s->sent_ms = mux->base.conn->loop->now_ms;
    s->message = mosn_pool_alloc(s->base.pool, sizeof(*s->message));
    mosn_message_init(s->message, s->base.pool);
    s->message->version = MOSN_HTTP_2;
    mosn_list_append(&mux->streams, &s->link);
    mux->base.n_active++;
    mux->base.n_streams++;
    mosn_conn_disarm_idle(mux->base.conn);
    http2_watch(mux);
    return s;
}


void
mux_http2_stream_free(http2_stream_t *s)
{
    http2_t *mux = s->mux;

    mosn_list_unlink(&s->link);
    mosn_chain_clear(&s->out);
    mosn_chain_clear(&s->early);
    mosn_loop_bury(mux->base.conn->loop, &(mosn_pool_t *){ s->own });
    if (--mux->base.n_active == 0 && !mux->base.conn->closed) {
        mosn_conn_arm_idle(mux->base.conn,
                           mux->base.settings->idle_timeout_ms);
    }
}


void
mux_http2_stream_end(http2_stream_t *s, mosn_reason_e reason)
{
    if (!s->over) {
        s->over = true;
        if (s->base.receiver != NULL) {
            s->base.receiver->on_reset(&s->base, reason);
        }
    }
}


/* --- what a host takes --------------------------------------------------- */

void
mux_http2_look_for_room(http2_t *mux)
{
    mosn_stream_conn_t *sc = &mux->base;
    uint32_t            most, own;

    if (http2_is_server(mux)) {
        return;
    }
    if (mux->going || mux->dead || mux->doubted || sc->conn->closed
        || nghttp2_session_check_request_allowed(mux->session) == 0)
    {
        sc->room = 0;
        if (sc->n_active == 0) {
            mux_http2_send_later(mux); /* which closes */
        }
        return;
    }
    most = nghttp2_session_get_remote_settings(
        mux->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    own = (uint32_t) sc->settings->http2->max_concurrent_streams;
    most = most < own ? most : own;
    sc->room = most > sc->n_active ? most - sc->n_active : 0;
    if (!sc->conn->connecting) {
        sc->client->on_available(sc->owner, sc);
    }
}


static mosn_stream_t *
http2_open(mosn_stream_conn_t *sc, mosn_pool_t *pool)
{
    http2_t        *mux = http2_mux(sc);
    http2_stream_t *s = mux_http2_stream_create(mux, 0, pool);

    sc->room--;
    return &s->base;
}


/* --- the connection ------------------------------------------------------ */

/* Why the requests on a connection ended with it. */
static mosn_reason_e
http2_end_reason(const http2_stream_t *s, mosn_reason_e reason)
{
    bool closed =
        reason == MOSN_REASON_UPSTREAM_CLOSED || reason == MOSN_REASON_NONE;

    return !http2_is_server(s->mux) && closed
               ? s->got_head ? MOSN_REASON_UPSTREAM_TRUNCATED
                             : MOSN_REASON_UPSTREAM_CLOSED
               : reason;
}


static void
http2_free(http2_t *mux)
{
    while (!mosn_list_is_empty(&mux->streams)) {
        http2_stream_t *s =
            mosn_container_of(mux->streams.next, http2_stream_t, link);

        (void) nghttp2_session_set_stream_user_data(
            mux->session, (int32_t) s->base.id, NULL);
        mux_http2_stream_end(s, http2_end_reason(s, mux->base.conn->reason));
        mux_http2_stream_free(s);
    }
    nghttp2_session_del(mux->session);
    mux->session = NULL;
    if (!http2_is_server(mux)) {
        mux->base.client->on_closed(mux->base.owner, &mux->base,
                                    mux->base.conn->reason);
    }
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


void
mux_http2_send_now(http2_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    if (mux->session == NULL || mux->depth > 0 || conn->connecting) {
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
    if (http2_leave(mux)
        && ((nghttp2_session_want_read(mux->session) == 0
             && nghttp2_session_want_write(mux->session) == 0)
            || (mux->going && !http2_is_server(mux)
                && mux->base.n_active == 0)))
    {
        mosn_conn_close_flushed(conn, MOSN_REASON_NONE, http2_is_server(mux));
    }
}


static void
http2_send_task(mosn_task_t *task)
{
    mux_http2_send_now(mosn_container_of(task, http2_t, send));
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
    mosn_conn_close_flushed(conn,
                            http2_is_server(mux)
                                ? MOSN_REASON_BAD_REQUEST
                                : MOSN_REASON_UPSTREAM_BAD_RESPONSE,
                            true);
}


/* False: the connection is over. */
static bool
http2_feed(http2_t *mux, size_t n)
{
    mosn_conn_t *conn = mux->base.conn;
    uint32_t     error = NGHTTP2_NO_ERROR;
    ssize_t      got;

    if (http2_is_server(mux)) {
        n = mux_http2_ids_check(&mux->ids, conn->in.pos, n, &error);
    }
    mux->depth++;
    mux->feeding = &conn->in;
    mux->heard_ms = conn->loop->now_ms;
    got = nghttp2_session_mem_recv(mux->session, conn->in.pos, n);
    if (!http2_leave(mux)) {
        return false;
    }
    conn->in.pos = conn->in.last;
    if (got < 0) {
        mosn_log_info(0, "conn %llu: HTTP/2: %s",
                      (unsigned long long) conn->id,
                      nghttp2_strerror((int) got));
        http2_give_up(mux, got == NGHTTP2_ERR_FLOODED
                                   || got == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS
                               ? NGHTTP2_ENHANCE_YOUR_CALM
                               : NGHTTP2_PROTOCOL_ERROR);
        return false;
    }
    if (error != NGHTTP2_NO_ERROR) {
        mux->told = true;
        mosn_log_info(0,
                      "conn %llu: HTTP/2: a frame for a stream that is over "
                      "or was left out",
                      (unsigned long long) conn->id);
        (void) nghttp2_session_terminate_session(mux->session, error);
    }
    mux_http2_send_now(mux);
    return true;
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
    if (n > 0 && !http2_feed(mux, n)) {
        return MOSN_END;
    }
    if (conn->closed) {
        return MOSN_END;
    }
    if (conn->eof) {
        mosn_conn_close(conn, http2_is_server(mux)
                                  ? MOSN_REASON_CLIENT_CLOSED
                                  : MOSN_REASON_UPSTREAM_CLOSED);
        return MOSN_END;
    }
    /* Of two ends that are full one has to read on: the client. */
    if (conn->blocked && !mux->read_stopped && http2_is_server(mux)) {
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
        if (!mux->said_last) {
            mux->said_last = true;
            (void) nghttp2_submit_goaway(
                mux->session, NGHTTP2_FLAG_NONE,
                nghttp2_session_get_last_proc_stream_id(mux->session),
                NGHTTP2_NO_ERROR, NULL, 0);
        }
        mux_http2_send_now(mux);
        if (mux->session != NULL && mux->base.n_active == 0) {
            mosn_conn_close_flushed(mux->base.conn, MOSN_REASON_NONE, true);
        } else {
            mosn_timer_arm(mux->base.conn->loop, &mux->drain, DRAIN_MS / 10);
        }
    }
}


void
mux_http2_start_drain(http2_t *mux)
{
    if (mux->session == NULL || mux->draining) {
        return;
    }
    mux->draining = true;
    (void) nghttp2_submit_shutdown_notice(mux->session);
    mux_http2_send_later(mux);
    mosn_timer_arm(mux->base.conn->loop, &mux->drain, DRAIN_MS);
}


/* --- what waits ---------------------------------------------------------- */

static bool
http2_is_late(const http2_t *mux, uint64_t since_ms, uint32_t allowed_ms)
{
    return since_ms > 0 && allowed_ms > 0
           && mux->base.conn->loop->now_ms - since_ms >= allowed_ms;
}


static void
http2_guard_stream(http2_stream_t *s)
{
    const http2_t *mux = s->mux;
    bool sending = s->out.bytes > 0 && !s->deferred && !s->base.tunnel
                   && !mux->base.conn->blocked;
    bool receiving = http2_is_server(mux) && s->got_head
                     && !s->base.received_end && s->paused == 0 && s->held == 0
                     && !s->wants_tunnel && !s->head_sent
                     && !mux->read_stopped;

    if (s->lingers) {
        if (http2_is_late(mux, s->sent_ms, LINGER_MS)) {
            s->lingers = false;
            mux_http2_rst(s, NGHTTP2_NO_ERROR);
        }
        return;
    }
    if (s->over && !sending) {
        return;
    }
    if (sending
        && http2_is_late(mux, s->sent_ms, mux->base.conn->send_timeout_ms)) {
        mux_http2_rst(s, NGHTTP2_CANCEL); /* no window for so long */
        mux_http2_stream_end(s, http2_is_server(mux)
                                    ? MOSN_REASON_SEND_TIMEOUT
                                    : MOSN_REASON_UPSTREAM_TIMEOUT);
    } else if (receiving
               && http2_is_late(mux, s->heard_ms,
                                mux->base.settings->body_timeout_ms))
    {
        if (s->base.expects && !s->head_sent) {
            mosn_stream_say_continue(&s->base);
            return;
        }
        mux_http2_stream_end(s, MOSN_REASON_BODY_TIMEOUT);
        mux_http2_answer(s, mosn_reasons[MOSN_REASON_BODY_TIMEOUT].status);
    }
}


/* The peer has broken a time limit: GOAWAY, and the end. */
static void
http2_expire(http2_t *mux, uint32_t code, mosn_reason_e reason)
{
    mosn_log_info(0, "conn %llu: HTTP/2: %s",
                  (unsigned long long) mux->base.conn->id,
                  mosn_reasons[reason].text);
    mux->told = true;
    (void) nghttp2_session_terminate_session(mux->session, code);
    mux_http2_send_now(mux);
    mosn_conn_close_flushed(mux->base.conn, reason, false);
}


void
mux_http2_ping(http2_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;

    mux->ping_sent_ms = conn->loop->now_ms;
    mosn_conn_set_mark(conn, &mux->ping_at);
    (void) nghttp2_submit_ping(mux->session, NGHTTP2_FLAG_NONE, NULL);
}


/* It is not while anything comes, and is not asked for what we do not read,
 * or while it takes what stands before the PING. */
static bool
http2_is_silent(http2_t *mux)
{
    if (mux->ping_sent_ms == 0) {
        return false;
    }
    if (mux->heard_ms > mux->ping_sent_ms || mux->read_stopped
        || mosn_conn_nears_mark(mux->base.conn, &mux->ping_at))
    {
        mux->ping_sent_ms = mux->base.conn->loop->now_ms;
    }
    return http2_is_late(mux, mux->ping_sent_ms,
                         mux->base.settings->http2->keepalive_timeout_ms);
}


static void
http2_keep_alive(http2_t *mux)
{
    const mosn_http2_conf_t *conf = mux->base.settings->http2;

    if (mux->ping_sent_ms == 0
        && http2_is_late(mux, mux->heard_ms, conf->keepalive_interval_ms))
    {
        mux_http2_ping(mux);
    }
}


static void
http2_guard_fired(mosn_timer_t *timer)
{
    http2_t                 *mux = mosn_container_of(timer, http2_t, guard);
    const mosn_http2_conf_t *conf = mux->base.settings->http2;
    mosn_list_t             *link, *next;

    if (mux->session == NULL || mux->base.conn->closed) {
        return;
    }
    if (http2_is_late(mux, mux->settings_sent_ms, conf->settings_timeout_ms)) {
        http2_expire(mux, NGHTTP2_SETTINGS_TIMEOUT,
                     http2_is_server(mux) ? MOSN_REASON_HANDSHAKE_TIMEOUT
                                          : MOSN_REASON_UPSTREAM_TIMEOUT);
        return;
    }
    if (http2_is_late(mux, mux->head_begun_ms,
                      mux->base.settings->header_timeout_ms))
    {
        http2_expire(mux, NGHTTP2_ENHANCE_YOUR_CALM,
                     MOSN_REASON_HEADER_TIMEOUT);
        return;
    }
    if (http2_is_silent(mux)) {
        http2_expire(mux, NGHTTP2_NO_ERROR, MOSN_REASON_KEEPALIVE_TIMEOUT);
        return;
    }
    http2_keep_alive(mux);

    mux->depth++;
    for (link = mux->streams.next; link != &mux->streams; link = next) {
        next = link->next;
        http2_guard_stream(mosn_container_of(link, http2_stream_t, link));
    }
    if (!http2_leave(mux)) {
        return;
    }
    mux_http2_send_now(mux);
    if (mux->session != NULL
        && (mux->base.n_active > 0 || mux->settings_sent_ms > 0
            || mux->ping_sent_ms > 0 || conf->keepalive_interval_ms > 0))
    {
        http2_watch(mux);
    }
}


/* Often enough for the shortest limit. */
static uint32_t
http2_guard_ms(const mosn_stream_settings_t *settings, const mosn_conn_t *conn)
{
    const uint32_t limits[] = { settings->header_timeout_ms,
                                settings->body_timeout_ms,
                                settings->http2->settings_timeout_ms,
                                settings->http2->keepalive_interval_ms,
                                settings->http2->keepalive_timeout_ms,
                                conn->send_timeout_ms };
    uint32_t       ms = GUARD_MAX_MS;

    for (size_t i = 0; i < MOSN_COUNT(limits); i++) {
        if (limits[i] > 0 && limits[i] / 4 < ms) {
            ms = limits[i] / 4;
        }
    }
    return ms < 10 ? 10 : ms;
}


/* --- events -------------------------------------------------------------- */

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


/* Before the host has said what it takes: what the last connection heard. */
static uint32_t
http2_first_room(const http2_t *mux)
{
    const mosn_stream_conn_t *sc = &mux->base;
    uint32_t own = (uint32_t) sc->settings->http2->max_concurrent_streams;
    uint32_t known =
        sc->learned != NULL && *sc->learned > 0 ? *sc->learned : FIRST_ROOM;

    return own < known ? own : known;
}


/* What else would the host speak, if it did not agree to this? */
static void
http2_on_connected(http2_t *mux)
{
    mosn_stream_conn_t *sc = &mux->base;

    if (http2_is_server(mux)) {
        return;
    }
    if (sc->conn->transport != NULL
        && !mosn_str_equal(mosn_tls_alpn(sc->conn), MOSN_STR("h2")))
    {
        mosn_log_warn(0, "conn %llu: the host has not agreed to HTTP/2 (ALPN)",
                      (unsigned long long) sc->conn->id);
        mosn_conn_close(sc->conn, MOSN_REASON_UPSTREAM_TLS);
        return;
    }
    mux->settings_sent_ms = mux->heard_ms = sc->conn->loop->now_ms;
    http2_watch(mux);
    sc->room = http2_first_room(mux);
    sc->client->on_connected(sc->owner, sc);
    mux_http2_send_later(mux);
}


/* It could not be heard for a while. */
static void
http2_read_on(http2_t *mux)
{
    uint64_t now = mux->base.conn->loop->now_ms;

    mux->read_stopped = false;
    for (mosn_list_t *link = mux->streams.next; link != &mux->streams;
         link = link->next)
    {
        mosn_container_of(link, http2_stream_t, link)->heard_ms = now;
    }
    mosn_conn_resume_read(mux->base.conn);
}


static void
http2_on_event(mosn_stream_conn_t *sc, mosn_conn_event_e event)
{
    http2_t *mux = http2_mux(sc);

    switch (event) {
    case MOSN_CONN_CONNECTED:
        http2_on_connected(mux);
        break;
    case MOSN_CONN_CLOSED:
        mosn_task_cancel(&mux->send);
        mosn_timer_disarm(sc->conn->loop, &mux->drain);
        mosn_timer_disarm(sc->conn->loop, &mux->guard);
        sc->room = 0;
        mux->dead = true;
        if (mux->depth == 0 && mux->session != NULL) {
            http2_free(mux);
        }
        break;
    case MOSN_CONN_DRAINED:
        mux_http2_send_now(mux);
        http2_tell_drained(mux);
        if (mux->read_stopped && !sc->conn->blocked && !sc->conn->closed) {
            http2_read_on(mux);
        }
        break;
    case MOSN_CONN_IDLE:
        if (mux->base.n_active == 0 && mux->session != NULL) {
            (void) nghttp2_session_terminate_session(mux->session,
                                                     NGHTTP2_NO_ERROR);
            mux_http2_send_now(mux);
            mosn_conn_close_flushed(sc->conn, MOSN_REASON_IDLE_TIMEOUT, true);
        }
        break;
    case MOSN_CONN_CUT:
        break;
    case MOSN_CONN_DRAIN:
        mux_http2_start_drain(mux);
        break;
    default:
        break;
    }
}


static const mosn_stream_conn_ops_t http2_conn_ops = {
    .on_read = http2_on_read,
    .on_event = http2_on_event,
    .open = http2_open,
};


/* --- memory for nghttp2 ---------------------------------------------------
 */

static void *
http2_malloc(size_t n, void *arg)
{
    (void) arg;
    return mosn_slab_alloc(n);
}


static void
http2_mfree(void *p, void *arg)
{
    (void) arg;
    mosn_slab_free(p);
}


static void *
http2_calloc(size_t n, size_t size, void *arg)
{
    (void) arg;
    return mosn_slab_calloc(n * size); /* of its own structs */
}


static void *
http2_realloc(void *p, size_t n, void *arg)
{
    (void) arg;
    return mosn_slab_realloc(p, n);
}


static nghttp2_mem http2_mem = { NULL, http2_malloc, http2_mfree, http2_calloc,
                                 http2_realloc };


static nghttp2_session *
http2_new_session(http2_t *mux)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option            *option;
    nghttp2_session           *session;
    int                        rc;

    if (nghttp2_session_callbacks_new(&callbacks) != 0
        || nghttp2_option_new(&option) != 0)
    {
        abort(); /* no memory */
    }
    mux_http2_set_callbacks(callbacks);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, HEAD_MAX);
    nghttp2_option_set_stream_reset_rate_limit(option, RESETS_NOLIMIT, 1);
    for (unsigned type = 0xa; type <= 0xff; type++) {
        nghttp2_option_set_user_recv_extension_type(option, (uint8_t) type);
    }
    rc = http2_is_server(mux)
             ? nghttp2_session_server_new3(&session, callbacks, mux, option,
                                           &http2_mem)
             : nghttp2_session_client_new3(&session, callbacks, mux, option,
                                           &http2_mem);
    if (rc != 0) {
        abort();
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return session;
}


static void
http2_submit_settings(http2_t *mux)
{
    const mosn_stream_settings_t *settings = mux->base.settings;
    const mosn_http2_conf_t      *conf = settings->http2;
    nghttp2_settings_entry        entries[6];
    size_t                        n = 0;

    entries[n++] = (nghttp2_settings_entry){
        NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
        (uint32_t) conf->initial_stream_window,
    };
    entries[n++] = (nghttp2_settings_entry){
        NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
        (uint32_t) settings->max_header_bytes,
    };
    entries[n++] = (nghttp2_settings_entry){
        NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
        (uint32_t) conf->max_frame_bytes,
    };
    if (http2_is_server(mux)) {
        entries[n++] = (nghttp2_settings_entry){
            NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
            (uint32_t) conf->max_concurrent_streams,
        };
        entries[n++] = (nghttp2_settings_entry){
            NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL,
            settings->takes_tunnels,
        };
    } else {
        entries[n++] =
            (nghttp2_settings_entry){ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
    }
    (void) nghttp2_submit_settings(mux->session, NGHTTP2_FLAG_NONE, entries,
                                   n);
    (void) nghttp2_session_set_local_window_size(
        mux->session, NGHTTP2_FLAG_NONE, 0,
        (int32_t) conf->initial_connection_window);
}


static http2_t *
http2_create(mosn_conn_t *conn, const mosn_stream_settings_t *settings,
             const mosn_stream_server_ops_t *server,
             const mosn_stream_client_ops_t *client, void *owner)
{
    http2_t *mux = mosn_pool_calloc(conn->pool, sizeof(*mux));

    mux->base.ops = &http2_conn_ops;
    mux->base.conn = conn;
    mux->base.settings = settings;
    mux->base.server = server;
    mux->base.client = client;
    mux->base.owner = owner;
    mosn_list_init(&mux->base.link);
    mosn_list_init(&mux->streams);
    mosn_task_init(&mux->send, http2_send_task);
    mosn_timer_init(&mux->drain, http2_drain_fired);
    mosn_timer_init(&mux->guard, http2_guard_fired);
    mux->guard_ms = http2_guard_ms(settings, conn);
    mux->patience = PATIENCE;
    mux->resets = (uint32_t) settings->http2->max_reset_rate * RESETS_BURST;
    mux->charged_ms = conn->loop->now_ms;
    mux->session = http2_new_session(mux);
    http2_submit_settings(mux);
    return mux;
}


static mosn_stream_conn_t *
http2_serve(const mosn_stream_protocol_ops_t *protocol MOSN_UNUSED,
            mosn_conn_t *conn, const mosn_stream_settings_t *settings,
            const mosn_stream_server_ops_t *ops, void *owner)
{
    http2_t *mux = http2_create(conn, settings, ops, NULL, owner);

    mux->settings_sent_ms = mux->heard_ms = conn->loop->now_ms;
    mux_http2_ids_init(&mux->ids);
    http2_watch(mux);
    mosn_conn_arm_idle(conn, settings->idle_timeout_ms);
    mux_http2_send_later(mux);
    return &mux->base;
}


static mosn_stream_conn_t *
http2_connect(const mosn_stream_protocol_ops_t *protocol MOSN_UNUSED,
              mosn_conn_t *conn, const mosn_stream_settings_t *settings,
              const mosn_stream_client_ops_t *ops, void *owner)
{
    http2_t *mux = http2_create(conn, settings, NULL, ops, owner);

    mosn_stream_client_attach(&mux->base);
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
    .name = "http2",
    .probe = http2_probe,
    .serve = http2_serve,
    .connect = http2_connect,
    .protocol = MOSN_STR_INIT("HTTP/2"),
    .alpn = MOSN_STR_INIT("h2"),
    .multiplex = true,
};

MOSN_MODULE(MOSN_STREAM_PROTOCOL, http2, &http2_protocol);
