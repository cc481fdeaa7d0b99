/*
 * stream/mux_http2.h - what the two files of the HTTP/2 stream connection
 * share; private to them and their tests.
 */

#ifndef MOSN_STREAM_MUX_HTTP2_H
#define MOSN_STREAM_MUX_HTTP2_H

#include "stream/stream.h"

#include <nghttp2/nghttp2.h>

typedef struct http2_s        http2_t;
typedef struct http2_stream_s http2_stream_t;

struct http2_s {
    mosn_stream_conn_t base;
    nghttp2_session   *session;
    mosn_list_t        streams;
    uint32_t           n_streams;
    unsigned           depth; /* of calls into nghttp2 */
    mosn_task_t        send;
    mosn_timer_t       drain;
    mosn_buf_t        *feeding; /* what nghttp2 reads now */
    bool               dead;    /* closed during a call */
    bool               read_stopped;
    bool               draining;
    uint32_t           patience; /* what is left of it; see http2_charge() */
    uint64_t           charged_ms;
    bool               given_up;
};

struct http2_stream_s {
    mosn_stream_t  base;
    http2_t       *mux;
    mosn_list_t    link;
    mosn_message_t message;
    mosn_headers_t trailers;
    mosn_headers_t sent_trailers;
    mosn_chain_t   out; /* body that is not sent yet */
    size_t         header_bytes;
    size_t         held; /* received, not given back to the sender */
    uint8_t        paused;
    bool           in_trailers;
    bool           too_large;
    bool           out_end;
    bool           has_sent_trailers;
    bool           deferred; /* nghttp2 waits for more of `out` */
    bool           head_sent;
    bool           over; /* nobody above knows it any more */
    bool           blocked;
};

extern const mosn_stream_ops_t mux_http2_stream_ops;

/* nghttp2 asks for the bytes of a DATA frame. */
int mux_http2_send_body(nghttp2_session *session, nghttp2_frame *frame,
                        const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *arg);

/* What nghttp2 wants to send leaves before this turn of the loop ends. */
void mux_http2_send_later(http2_t *mux);

#endif
