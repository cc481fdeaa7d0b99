/*
 * stream/mux_http1.h - what the two files of the HTTP/1 stream connection
 * share; private to them and their tests.
 *
 * One request at a time.  While one is under way, what else has come waits
 * in the buffer (pipelining); a connection is used again when both
 * directions of an exchange have ended cleanly.
 *
 * What is left of a body when all of the answer is sent, REST, is read away
 * when it is little.
 *
 *            head            body             all of it
 *   HEAD ----------> BODY ----------> WAIT <-----------+
 *    ^  \___________________________/ |  \             |
 *    |      no body                   |   101, CONNECT |
 *    +------ exchange over -----------+        \       |
 *                                               TUNNEL |
 *   any state: closed when the exchange cannot end cleanly
 */

#ifndef MOSN_STREAM_MUX_HTTP1_H
#define MOSN_STREAM_MUX_HTTP1_H

#include "proto/http1.h"
#include "stream/stream.h"

typedef enum {
    MUX_HTTP1_HEAD,   /* waiting for a head, or reading it */
    MUX_HTTP1_BODY,   /* reading a body */
    MUX_HTTP1_WAIT,   /* all received; the other direction is under way */
    MUX_HTTP1_REST,   /* of a body whose answer is sent: reading it away */
    MUX_HTTP1_TUNNEL, /* bytes */
    MUX_HTTP1_CLOSING,
} mux_http1_state_e;

typedef struct mux_http1_s        mux_http1_t;
typedef struct mux_http1_stream_s mux_http1_stream_t;

struct mux_http1_s {
    mosn_stream_conn_t   base;
    mux_http1_state_e    state;
    mux_http1_stream_t  *stream; /* the one under way, or NULL */
    mosn_http1_scan_t    scan;
    mosn_http1_body_t    body; /* of what is received */
    mosn_http1_framing_t framing;
    mosn_conn_pace_t     pace;         /* of one who takes its last answer */
    bool                 head_begun;   /* bytes of a head have come */
    bool                 read_stopped; /* we paused the connection */
    bool                 last; /* no further exchange on this connection */
};

struct mux_http1_stream_s {
    mosn_stream_t    base;
    mux_http1_t     *mux;
    mosn_message_t   message; /* received */
    mosn_headers_t   trailers;
    mosn_block_t    *trailers_block; /* where they stand; one reference */
    mosn_http1_out_t out;
    uint64_t         out_left; /* of a body with a length */
    mosn_method_e    method;   /* of the request, for the response's body */
    mosn_version_e   version;  /* of the request */
    mosn_str_t       offered;  /* protocol that a client asked to change to */
    mosn_str_t       key;      /* of a WebSocket, when it is ours */
    bool             head_sent;
    bool             bodyless; /* what we send has no body */
    uint8_t          paused;
    uint8_t          interims;
};

extern const mosn_stream_ops_t mux_http1_stream_ops;

/* Is what is left of the body worth reading, to keep the connection? */
bool mux_http1_has_little_left(const mux_http1_stream_t *stream);

/* mux_http1.c: the exchange is over in the direction we send. */
void mux_http1_sent(mux_http1_stream_t *stream);

/* From now on the stream carries bytes in both directions. */
void mux_http1_start_tunnel(mux_http1_stream_t *stream);

/* Ends the stream without telling its owner, and the connection. */
void mux_http1_fail(mux_http1_t *mux, mosn_reason_e reason);

#endif
