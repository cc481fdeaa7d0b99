/*
 * stream/mux_http2.h - what the files of the HTTP/2 stream connection share;
 * private to them and their tests.
 *
 *   mux_http2.c       the connection, towards clients and towards hosts
 *   mux_http2_recv.c  what nghttp2 tells: heads, data, ends, misbehaviour
 *   mux_http2_send.c  heads, bodies and trailers that go
 *   mux_http2_ids.c   frames for streams that are no more
 *
 *   stream:  head -> body -> received            sent, the other direction
 *                 \--- reset by either side ---> closed, freed by nghttp2's
 *                                                on_stream_close
 */

#ifndef MOSN_STREAM_MUX_HTTP2_H
#define MOSN_STREAM_MUX_HTTP2_H

#include "stream/mux_http2_ids.h"
#include "stream/stream.h"

#include <nghttp2/nghttp2.h>

#define RESETS_BURST 10u /* seconds of the rate that may come at once */

typedef struct http2_s        http2_t;
typedef struct http2_stream_s http2_stream_t;

struct http2_s {
    mosn_stream_conn_t base;
    nghttp2_session   *session;
    mosn_list_t        streams;
    unsigned           depth; /* of calls into nghttp2 */
    mosn_task_t        send;
    mosn_timer_t       drain;
    mosn_timer_t       guard;    /* looks at everything that waits */
    uint32_t           guard_ms; /* how often */
    mosn_buf_t        *feeding;  /* what nghttp2 reads now */
    bool               dead;     /* closed during a call */
    bool               read_stopped;
    bool               draining;
    bool               said_last; /* the second GOAWAY */
    bool               going;     /* the peer takes no more streams */
    bool               given_up;
    mux_http2_ids_t    ids;      /* of a server */
    uint32_t           patience; /* what is left of it */
    uint32_t         resets; /* that it may still cause; only time fills it */
    uint32_t         cancelled; /* streams that we gave up at this host */
    bool             doubted;   /* no new streams before it answers a PING */
    bool             told;      /* why it ends stands in the log */
    uint64_t         charged_ms;
    uint64_t         settings_sent_ms; /* and not acknowledged; 0: they are */
    uint64_t         head_begun_ms;    /* and not complete; 0: none */
    uint64_t         heard_ms;         /* when the peer said something */
    uint64_t         ping_sent_ms;     /* and not answered; 0: none */
    mosn_conn_mark_t ping_at;
};

struct http2_stream_s {
    mosn_stream_t   base;
    http2_t        *mux;
    mosn_list_t     link;
    mosn_pool_t    *own; /* this; base.pool may end before nghttp2 is done */
    mosn_message_t *message; /* what is received; in base.pool */
    mosn_headers_t  trailers;
    mosn_headers_t  sent_trailers;
    mosn_str_t      protocol; /* of an extended CONNECT (RFC 8441) */
    mosn_str_t      key;      /* Sec-WebSocket-Key of who upgrades */
    mosn_chain_t    out;      /* body that is not sent yet */
    mosn_chain_t    early;    /* came before the tunnel was agreed on */
    size_t          header_bytes;
    size_t          held;     /* received, not given back to the sender */
    uint64_t        heard_ms; /* when something came, and was sent */
    uint64_t        sent_ms;
    uint8_t         paused;
    uint8_t         interims;
    bool            got_head;
    bool            too_large;
    bool            malformed;
    bool            bad_expectation;
    bool            wants_tunnel;
    bool            no_body; /* of a tunnel that was refused: nobody's bytes */
    bool            out_end;
    bool            has_sent_trailers;
    bool            deferred; /* nghttp2 waits for more of `out` */
    bool            head_sent;
    bool            over;    /* nobody above knows it any more */
    bool            given;   /* RST is on its way, by our decision */
    bool            lingers; /* answered before its request has come */
    bool            blocked;
};

static inline bool
http2_is_server(const http2_t *mux)
{
    return mux->base.server != NULL;
}


/* --- mux_http2.c --------------------------------------------------------- */

http2_stream_t *mux_http2_stream_create(http2_t *mux, int32_t id,
                                        mosn_pool_t *pool);
void            mux_http2_stream_free(http2_stream_t *s);

/* Its owner is told, once, unless it is done with it. */
void mux_http2_stream_end(http2_stream_t *s, mosn_reason_e reason);

/* How many streams the peer takes now; tells the pool when it asks. */
void mux_http2_look_for_room(http2_t *mux);

/* Asks the peer for a sign of life; the connection ends without one. */
void mux_http2_ping(http2_t *mux);

/* GOAWAY, and a moment later the last stream that is answered. */
void mux_http2_start_drain(http2_t *mux);

/* What nghttp2 wants to send goes into the connection's output now. */
void mux_http2_send_now(http2_t *mux);

/* What nghttp2 wants to send leaves before this turn of the loop ends. */
void mux_http2_send_later(http2_t *mux);

/* --- mux_http2_recv.c ---------------------------------------------------- */

void mux_http2_set_callbacks(nghttp2_session_callbacks *callbacks);

/* What came before the tunnel was agreed on. */
void mux_http2_deliver_early(http2_stream_t *s);

/* --- mux_http2_send.c ---------------------------------------------------- */

extern const mosn_stream_ops_t mux_http2_stream_ops;

/* nghttp2 asks for the bytes of a DATA frame. */
int mux_http2_send_body(nghttp2_session *session, nghttp2_frame *frame,
                        const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *arg);

/* A status, and nothing else. */
void mux_http2_answer(http2_stream_t *s, unsigned status);

/* No body follows what was sent. */
void mux_http2_stop_sending(http2_stream_t *s);

/* Gives a stream up; nghttp2 closes it when the frame is sent. */
void mux_http2_rst(http2_stream_t *s, uint32_t code);

#endif
