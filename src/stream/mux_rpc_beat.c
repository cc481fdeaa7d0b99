/*
 * stream/mux_rpc_beat.c - is the host alive?
 *
 * It is while anything comes from it, or while it takes what stands before
 * the question.  After `heartbeat_interval` of silence it is asked; when it
 * misses an answer it is asked again at once, until `heartbeat_misses` are
 * reached and the connection is given up.
 */

#include "stream/mux_rpc.h"
#include "core/log.h"
#include "stream/pool.h"


static void
beat_ask(mux_rpc_t *mux)
{
    mosn_conn_t *conn = mux->base.conn;
    uint8_t      out[MOSN_RPC_OWN_MAX];

    mux->beat_id = mux_rpc_next_id(mux);
    mux->asked = true;
    mux->asked_bytes = conn->bytes_in;
    mosn_conn_write(conn, out, mux->codec->heartbeat(mux->beat_id, out));
    mosn_conn_set_mark(conn, &mux->asked_at);
    mosn_timer_arm(conn->loop, &mux->beat,
                   mux->base.settings->rpc->heartbeat_timeout_ms);
}


/* The question was not answered in time. */
static void
beat_missed(mux_rpc_t *mux)
{
    const mosn_rpc_conf_t *conf = mux->base.settings->rpc;

    if (mosn_conn_nears_mark(mux->base.conn, &mux->asked_at)) {
        mosn_timer_arm(mux->base.conn->loop, &mux->beat,
                       conf->heartbeat_timeout_ms);
        return;
    }
    if (mux->base.client->on_count != NULL) {
        mux->base.client->on_count(mux->base.owner,
                                   MOSN_UPSTREAM_HEARTBEATS_MISSED);
    }
    mux->misses++;
    mosn_log_info(0,
                  "conn %llu: the host has not answered heartbeat %u of %lld "
                  "within %u ms",
                  (unsigned long long) mux->base.conn->id, mux->misses,
                  (long long) conf->heartbeat_misses,
                  conf->heartbeat_timeout_ms);
    if (mux->misses >= conf->heartbeat_misses) {
        mosn_conn_close(mux->base.conn, MOSN_REASON_KEEPALIVE_TIMEOUT);
        return;
    }
    beat_ask(mux);
}


static void
beat_fired(mosn_timer_t *timer)
{
    mux_rpc_t             *mux = mosn_container_of(timer, mux_rpc_t, beat);
    const mosn_rpc_conf_t *conf = mux->base.settings->rpc;
    mosn_conn_t           *conn = mux->base.conn;
    uint64_t               silent_ms = conn->loop->now_ms - mux->heard_ms;

    if (mux->asked && (mux->checked || conn->bytes_in == mux->asked_bytes)) {
        beat_missed(mux);
        return;
    }
    mux->asked = false;
    mux->misses = 0;
    if (conf->heartbeat_interval_ms == 0) {
        return;
    }
    if (silent_ms >= conf->heartbeat_interval_ms) {
        beat_ask(mux);
    } else {
        mosn_timer_arm(conn->loop, &mux->beat,
                       conf->heartbeat_interval_ms - silent_ms);
    }
}


void
mux_rpc_init_beats(mux_rpc_t *mux)
{
    mosn_timer_init(&mux->beat, beat_fired);
}


static bool
beat_is_on(const mux_rpc_t *mux)
{
    return mux->codec->heartbeat != NULL
           && mux->base.settings->rpc->heartbeat_interval_ms > 0;
}


void
mux_rpc_start_beats(mux_rpc_t *mux)
{
    if (beat_is_on(mux)) {
        mosn_timer_arm(mux->base.conn->loop, &mux->beat,
                       mux->base.settings->rpc->heartbeat_interval_ms);
    }
}


bool
mux_rpc_on_ack(mux_rpc_t *mux, uint64_t id)
{
    mosn_stream_conn_t *sc = &mux->base;

    if (!mux->asked || id != mux->beat_id) {
        return false;
    }
    mux->asked = false;
    mux->misses = 0;
    if (mux->checked) {
        mux->checked = false;
        sc->client->on_available(sc->owner, sc);
    }
    return true;
}


void
mux_rpc_check(mosn_stream_conn_t *sc)
{
    mux_rpc_t *mux = mosn_container_of(sc, mux_rpc_t, base);

    if (!beat_is_on(mux)) {
        sc->client->on_available(sc->owner, sc);
        return;
    }
    mux->checked = true;
    beat_ask(mux);
}
