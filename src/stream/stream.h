/*
 * stream/stream.h - one request and its reply on a connection.
 *
 * A stream connection turns the bytes of a connection into streams.  The
 * interface has no direction: a server's stream receives a request and sends
 * a response, a client's the other way round, both with the same calls.
 *
 *    connection <-> stream connection <-> stream <-> its owner (the proxy)
 *                   mosn_stream_ops_t: owner calls down to send
 *          mosn_stream_receiver_ops_t: stream calls up with what came
 *
 * Life: a server's stream is over when its response has been sent, a
 * client's when its response has been received; what is left of the request
 * then is dropped.  A tunnel is over when both directions have ended.  After
 * that, and after a reset in either direction, neither side calls the other
 * again.  The memory stays valid until the turn of the loop ends.
 */

#ifndef MOSN_STREAM_STREAM_H
#define MOSN_STREAM_STREAM_H

#include "core/reason.h"
#include "event/conn.h"
#include "proto/message.h"

typedef struct mosn_stream_s              mosn_stream_t;
typedef struct mosn_stream_conn_s         mosn_stream_conn_t;
typedef struct mosn_stream_ops_s          mosn_stream_ops_t;
typedef struct mosn_stream_receiver_ops_s mosn_stream_receiver_ops_t;
typedef struct mosn_stream_protocol_ops_s mosn_stream_protocol_ops_t;
typedef struct mosn_filter_s              mosn_filter_t;

/* Down: sending, and control of what is received. */
struct mosn_stream_ops_s {
    /* `end`: nothing follows. */
    void (*send_head)(mosn_stream_t *stream, const mosn_message_t *head,
                      bool end);

    /* An interim response (1xx other than 101); the head is still to come. */
    bool (*send_interim)(mosn_stream_t *stream, const mosn_message_t *head);

    /* Borrows `data`; NULL with `end`: the end alone. */
    void (*send_data)(mosn_stream_t *stream, const mosn_buf_t *data, bool end);

    /* Ends what is sent. */
    void (*send_trailers)(mosn_stream_t        *stream,
                          const mosn_headers_t *trailers);

    /* Gives the stream up; the peer can tell that it is not whole. */
    void (*reset)(mosn_stream_t *stream, mosn_reason_e reason);

    /* Receive nothing for now; pairs. */
    void (*pause)(mosn_stream_t *stream);
    void (*resume)(mosn_stream_t *stream);
};

/* Up: what has come. */
struct mosn_stream_receiver_ops_s {
    /* The head is the owner's to read and change until the stream is over. */
    void (*on_head)(mosn_stream_t *stream, mosn_message_t *head, bool end);
    void (*on_interim)(mosn_stream_t *stream, mosn_message_t *head);
    /* `data` is borrowed, and NULL when `end` comes alone. */
    void (*on_data)(mosn_stream_t *stream, const mosn_buf_t *data, bool end);
    void (*on_trailers)(mosn_stream_t *stream, mosn_headers_t *trailers);
    /* The stream is over: the peer or the connection ended it. */
    void (*on_reset)(mosn_stream_t *stream, mosn_reason_e reason);
    /* Was blocked, takes more again. */
    void (*on_drained)(mosn_stream_t *stream);

    /* What filters ask of the owner of a request; see stream/filter.h. */
    void (*on_reply)(mosn_stream_t *stream, unsigned status, mosn_str_t body);
    void (*on_filter_resume)(mosn_stream_t *stream, mosn_filter_t *filter);
};

struct mosn_stream_s {
    const mosn_stream_ops_t          *ops;
    const mosn_stream_receiver_ops_t *receiver;
    void                             *owner; /* the receiver's, set with it */
    mosn_stream_conn_t               *sc;
    mosn_conn_t                      *conn;
    mosn_pool_t                      *pool; /* of the request; ends with it */
    uint64_t                          id;   /* of the protocol, or a count */
    uint64_t first_byte; /* where in its connection's output it begins */
    bool     received_end;
    bool     sent_end;
    bool     tunnel;  /* bytes in both directions from now on */
    bool     reused;  /* not the first one of its connection */
    bool     blocked; /* of many on its connection, this one takes no more */
    bool     expects; /* a 100 (Continue) before it sends its body */
};

/* To a client that expects it, by us: nobody else will, or has for so long
 * (RFC 9110, 10.1.1). */
void mosn_stream_say_continue(mosn_stream_t *stream);

/* True when so much is queued that its source should pause. */
static inline bool
mosn_stream_is_blocked(const mosn_stream_t *stream)
{
    return stream->blocked || stream->conn->blocked;
}


/* Has nothing of it left yet?  Then the peer cannot have acted on it. */
static inline bool
mosn_stream_is_unsent(const mosn_stream_t *stream)
{
    return stream->conn->bytes_out <= stream->first_byte;
}


/* What HTTP/2 leaves to the two ends (RFC 9113, 6.5 and 6.7). */
typedef struct {
    int64_t  max_concurrent_streams; /* that the peer may open, or we */
    size_t   initial_stream_window;
    size_t   initial_connection_window;
    size_t   max_frame_bytes;
    int64_t  max_reset_rate; /* streams a peer may give up in a second */
    uint32_t settings_timeout_ms;
    uint32_t keepalive_interval_ms; /* 0: no PING */
    uint32_t keepalive_timeout_ms;
} mosn_http2_conf_t;

extern const mosn_conf_block_t mosn_http2_block;

/* What protocols of calls leave to the two ends. */
typedef struct {
    size_t   max_frame_bytes;
    int64_t  max_in_flight;         /* requests of one connection */
    uint32_t heartbeat_interval_ms; /* of silence; 0: none are sent */
    uint32_t heartbeat_timeout_ms;
    uint32_t frame_timeout_ms; /* from its first byte, of a host */

    int64_t    heartbeat_misses; /* then the connection is given up */
    bool       goaway;           /* says so when it goes, where that exists */
    int        heartbeat;        /* of clients */
    uint32_t   heartbeat_cache_ms;
    mosn_str_t heartbeat_cluster;
} mosn_rpc_conf_t;

enum { MOSN_HEARTBEAT_ANSWER, MOSN_HEARTBEAT_HEALTH, MOSN_HEARTBEAT_PASS };

extern const mosn_conf_block_t mosn_rpc_server_block;
extern const mosn_conf_block_t mosn_rpc_client_block;

/* What a stream connection needs to know, whatever its protocol. */
typedef struct {
    uint32_t idle_timeout_ms;   /* between requests */
    uint32_t header_timeout_ms; /* for a whole head */
    uint32_t body_timeout_ms;   /* between two pieces of a body */
    size_t   max_header_bytes;
    size_t   max_uri_bytes;
    uint32_t max_headers;
    uint32_t max_requests;  /* of one connection; 0: no limit */
    bool     takes_tunnels; /* CONNECT or upgrades may be asked for */
    const mosn_http2_conf_t *http2;
    const mosn_rpc_conf_t   *rpc;
} mosn_stream_settings_t;

/* A server's owner: takes new streams. */
typedef struct {
    /* Sets stream->receiver and stream->owner. */
    void (*on_stream)(void *owner, mosn_stream_t *stream);
    /* A request so malformed that it is no stream; it is answered already.
     * `line`: how it began, as the peer wrote it; borrowed. */
    void (*on_refused)(void *owner, mosn_stream_conn_t *sc,
                       mosn_reason_e reason, unsigned status, mosn_str_t line);
} mosn_stream_server_ops_t;

/* A client's owner: the pool. */
typedef struct {
    void (*on_connected)(void *owner, mosn_stream_conn_t *sc);
    /* A stream has ended well, or the peer allows more: look at `room`. */
    void (*on_available)(void *owner, mosn_stream_conn_t *sc);
    /* Gone; its streams have been reset before. */
    void (*on_closed)(void *owner, mosn_stream_conn_t *sc,
                      mosn_reason_e reason);
    /* Something to count; `slot` as in stream/pool.h.  May be NULL. */
    void (*on_count)(void *owner, uint32_t slot);
} mosn_stream_client_ops_t;

typedef struct {
    /* For a terminal network filter that wraps a server. */
    mosn_verdict_e (*on_read)(mosn_stream_conn_t *sc);
    void (*on_event)(mosn_stream_conn_t *sc, mosn_conn_event_e event);
    /* A client's new stream; what it receives lives in `pool`.  Only while
     * there is room. */
    mosn_stream_t *(*open)(mosn_stream_conn_t *sc, mosn_pool_t *pool);
    /* A client asks its host whether it is well: then on_available(), else
     * it closes.  NULL: there is no way to ask. */
    void (*check)(mosn_stream_conn_t *sc);
} mosn_stream_conn_ops_t;

struct mosn_stream_conn_s {
    const mosn_stream_conn_ops_t   *ops;
    mosn_conn_t                    *conn;
    const mosn_stream_settings_t   *settings;
    void                           *owner;
    const mosn_stream_server_ops_t *server; /* one of the two */
    const mosn_stream_client_ops_t *client;
    uint64_t                        n_streams; /* in its life */
    uint32_t                        n_active;
    uint32_t                        room; /* streams a client may open now */
    uint32_t                       *learned; /* what hosts like this one take;
                                                 0: not known.  Or NULL. */
    bool        announced;                   /* for the owner of a client */
    bool        served;                      /* the same: it gets streams */
    mosn_list_t link;                        /* for the owner of a client */
};

/* A protocol with its mapping to streams: what a module provides. */
struct mosn_stream_protocol_ops_s {
    MOSN_MODULE_FIELDS

    const char *name; /* as in the configuration */

    /* Whose bytes are these?  Looks, consumes nothing.  OK: mine.  AGAIN:
     * too few to tell.  DECLINED: not mine. */
    mosn_rc_e (*probe)(const uint8_t *bytes, size_t n);

    /* Memory is the connection's. */
    mosn_stream_conn_t *(*serve)(const mosn_stream_protocol_ops_t *protocol,
                                 mosn_conn_t                      *conn,
                                 const mosn_stream_settings_t     *settings,
                                 const mosn_stream_server_ops_t   *ops,
                                 void                             *owner);
    mosn_stream_conn_t *(*connect)(const mosn_stream_protocol_ops_t *protocol,
                                   mosn_conn_t                      *conn,
                                   const mosn_stream_settings_t     *settings,
                                   const mosn_stream_client_ops_t   *ops,
                                   void                             *owner);

    mosn_str_t protocol;  /* "HTTP/1.1" */
    mosn_str_t alpn;      /* by which it is agreed on under TLS; or empty */
    bool       multiplex; /* many streams at a time on one connection */
    const struct mosn_rpc_codec_s *rpc; /* of a protocol of calls, or NULL */
};

/* For connect(): the stream connection becomes the only filter of its
 * connection. */
void mosn_stream_client_attach(mosn_stream_conn_t *sc);

#endif
