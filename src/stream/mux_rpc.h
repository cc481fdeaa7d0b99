/*
 * stream/mux_rpc.h - streams of protocols of calls, whatever their codec.
 *
 * A request and its response are one frame each and go up whole.  Towards a
 * host requests have ids of that connection; a client gets its own id back.
 *
 *   server:  request -> under way -> answered       one-way: never answered
 *   client:  open -> sent -> answered | reset       its id is not used again
 *
 * Nothing can be paused here: who reads slowly gets no more requests taken,
 * who takes requests slowly has no more room.
 *
 *   mux_rpc.c       connections, what is received
 *   mux_rpc_beat.c  heartbeats to hosts
 *   mux_rpc_send.c  frames that go
 *   mux_rpc_conf.c  settings
 */

#ifndef MOSN_STREAM_MUX_RPC_H
#define MOSN_STREAM_MUX_RPC_H

#include "proto/rpc.h"
#include "stream/stream.h"

typedef struct mux_rpc_s        mux_rpc_t;
typedef struct mux_rpc_stream_s mux_rpc_stream_t;

struct mux_rpc_s {
    mosn_stream_conn_t      base;
    const mosn_rpc_codec_t *codec;
    mosn_list_t             streams; /* under way */

    /* A server. */
    size_t   held_bytes; /* of requests under way */
    bool     read_stopped;
    bool     frame_begun;
    bool     moved; /* the heir reads; we answer what is under way */
    uint64_t taken; /* by the client, of too many answers */
    uint64_t taken_ms;

    uint64_t bye_ms; /* when it was said; 0: not yet */

    /* A client. */
    bool               going;   /* takes no more requests */
    bool               asked;   /* a heartbeat is not answered */
    bool               checked; /* ... and somebody wants to know */
    uint8_t            misses;
    mux_rpc_stream_t **slots; /* streams by id; a power of two */
    uint32_t           mask;
    uint64_t           next_id;
    uint64_t           beat_id;
    uint64_t           asked_bytes; /* had come when it was asked */
    mosn_conn_mark_t   asked_at;
    uint64_t           heard_ms;
    uint64_t           called_ms;    /* heard a call, no heartbeat */
    uint64_t           frame_due_ms; /* while one has begun */
    mosn_timer_t       beat;
};

struct mux_rpc_stream_s {
    mosn_stream_t         base;
    mux_rpc_t            *mux;
    mosn_list_t           link;
    uint64_t              wire_id; /* of a client; the slot it has */
    const mosn_message_t *head;    /* what is to be sent, until its end */
    mosn_chain_t          body;    /* of it */
    bool                  wrapped; /* it came inside HTTP, and goes so */
    bool                  plain;   /* it was HTTP, and will be */
    bool                  over;
    mosn_message_t        message; /* what was received */
    mosn_rpc_t            rpc;
};

static inline bool
mux_rpc_is_server(const mux_rpc_t *mux)
{
    return mux->base.server != NULL;
}


/* An id that no stream of this connection has ever had. */
static inline uint64_t
mux_rpc_next_id(mux_rpc_t *mux)
{
    return mux->next_id++;
}


/* Bytes of requests, or of answers that are not read, that a connection may
 * hold. */
size_t mux_rpc_most_held(const mux_rpc_t *mux);

/* The stream is over; a server's memory goes with it. */
void mux_rpc_stream_release(mux_rpc_stream_t *s);

/* --- mux_rpc_beat.c -------------------------------------------------------
 */

void mux_rpc_init_beats(mux_rpc_t *mux);

/* The connection is open. */
void mux_rpc_start_beats(mux_rpc_t *mux);

/* Was it the answer to the heartbeat that is out? */
bool mux_rpc_on_ack(mux_rpc_t *mux, uint64_t id);

/* Asks the host now; on_available() when it answers. */
void mux_rpc_check(mosn_stream_conn_t *sc);

/* --- mux_rpc_send.c -------------------------------------------------------
 */

extern const mosn_stream_ops_t mux_rpc_stream_ops;

/* What went wrong, in the words of the protocol; of a heartbeat, whether all
 * is well (200). */
void mux_rpc_put_failure(mux_rpc_t *mux, const mosn_rpc_frame_t *of,
                         const uint8_t *bytes, mosn_reason_e reason,
                         unsigned status, mosn_str_t text);

/* Fills a protocol that the rest of the house can use. */
void mosn_rpc_protocol_make(mosn_stream_protocol_ops_t *protocol_r,
                            const char *name, const mosn_rpc_codec_t *codec);

#endif
