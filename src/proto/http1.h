/*
 * proto/http1.h - HTTP/1.0 and 1.1 on the wire (RFC 9112).
 *
 * Pure functions of bytes.  A head goes through three stations:
 *
 *   http1_scan.c   every byte of it against the grammar and the limits,
 *                  cut into a start line and header lines;
 *   http1_head.c   the start line and the lines that frame the message
 *                  through http-parser, then what they mean together;
 *   http1_body.c   bodies, chunk lines and trailers.
 *
 * What is forwarded is what the scan has seen, and its framing is always
 * written by http1_write.c.  Whatever is ambiguous is refused.
 */

#ifndef MOSN_PROTO_HTTP1_H
#define MOSN_PROTO_HTTP1_H

#include "core/rc.h"
#include "core/reason.h"
#include "proto/message.h"

typedef struct {
    size_t   max_header_bytes; /* of the whole head, start line included */
    size_t   max_uri_bytes;
    uint32_t max_headers;
} mosn_http1_limits_t;

/* Why a head or body was refused. */
typedef struct {
    mosn_reason_e reason;
    const char   *text; /* for the log: "bare CR in a header line" */
} mosn_http1_error_t;

/* --- heads -------------------------------------------------------------- */

/* A head in reading; zero it before each message. */
typedef struct {
    size_t seen; /* bytes that were looked at and held no end */
} mosn_http1_scan_t;

/* What a head says of its connection and its body. */
typedef struct {
    bool     keep_alive;
    bool     chunked;
    uint32_t head_bytes;
} mosn_http1_framing_t;

/* Cuts one head off the front of `in`.  OK: `message` and `framing_r` are
 * filled, the message holds the block of `in`.  AGAIN: come back with more;
 * nothing is consumed.  ERROR: `error_r` says why. */
mosn_rc_e mosn_http1_read_request(mosn_http1_scan_t         *scan,
                                  const mosn_http1_limits_t *limits,
                                  mosn_buf_t *in, mosn_message_t *message,
                                  mosn_http1_framing_t *framing_r,
                                  mosn_http1_error_t   *error_r);

/* The same for a response. */
mosn_rc_e mosn_http1_read_response(mosn_http1_scan_t         *scan,
                                   const mosn_http1_limits_t *limits,
                                   mosn_buf_t *in, mosn_message_t *message,
                                   mosn_http1_framing_t *framing_r,
                                   mosn_http1_error_t   *error_r);

/* --- bodies ------------------------------------------------------------- */

typedef enum {
    MOSN_HTTP1_NO_BODY,
    MOSN_HTTP1_LENGTH,
    MOSN_HTTP1_CHUNKED,
    MOSN_HTTP1_UNTIL_CLOSE,
} mosn_http1_body_e;

typedef struct {
    mosn_http1_body_e kind;
    uint8_t           state;           /* of a chunked one */
    uint8_t           digits;          /* of the chunk size read */
    uint16_t          line_bytes;      /* of the chunk line read */
    uint32_t          extension_bytes; /* of all chunk lines */
    uint64_t          left;            /* of the body, or of the chunk */
} mosn_http1_body_t;

void mosn_http1_body_init(mosn_http1_body_t *body, mosn_http1_body_e kind,
                          uint64_t length);

/* Consumes from `in`.  OK: `data_r` is a piece of the body, in place.
 * DONE: the body has ended; trailers are in `trailers` when there are any.
 * AGAIN: come back with more.  ERROR: `error_r` says why. */
mosn_rc_e mosn_http1_read_body(mosn_http1_body_t         *body,
                               const mosn_http1_limits_t *limits,
                               mosn_buf_t *in, mosn_buf_t *data_r,
                               mosn_headers_t     *trailers,
                               mosn_http1_error_t *error_r);

/* --- writing ------------------------------------------------------------ */

/* How the body of a message that we write is framed. */
typedef struct {
    mosn_http1_body_e kind;
    mosn_version_e    to_version; /* of the peer */
    bool              close;      /* say so */
} mosn_http1_out_t;

/* No head is longer than this many bytes. */
size_t mosn_http1_head_bound(const mosn_message_t *message);

/* Write a head at `out`, which has room for the bound; return its end. */
uint8_t *mosn_http1_write_request(uint8_t *out, const mosn_message_t *message,
                                  const mosn_http1_out_t *how);
uint8_t *mosn_http1_write_response(uint8_t *out, const mosn_message_t *message,
                                   const mosn_http1_out_t *how);

#define MOSN_HTTP1_CHUNK_LINE_MAX 18

/* "1f\r\n". */
uint8_t *mosn_http1_write_chunk_line(uint8_t *out, uint64_t n);

/* The last chunk and the trailers, which may be NULL. */
size_t   mosn_http1_last_chunk_bound(const mosn_headers_t *trailers);
uint8_t *mosn_http1_write_last_chunk(uint8_t              *out,
                                     const mosn_headers_t *trailers);

/* --- for the files of this codec ---------------------------------------- */

/* The parts of a start line. */
typedef struct {
    mosn_str_t line;   /* whole, with CRLF */
    mosn_str_t first;  /* method, or version */
    mosn_str_t second; /* target, or status */
    mosn_str_t third;  /* version, or reason phrase */
} mosn_http1_start_t;

/* Scans a start line at `*at`; moves `*at` behind it. */
mosn_rc_e mosn_http1_scan_request_line(const uint8_t **at, const uint8_t *end,
                                       const mosn_http1_limits_t *limits,
                                       mosn_http1_start_t        *start_r,
                                       mosn_http1_error_t        *error_r);
mosn_rc_e mosn_http1_scan_status_line(const uint8_t **at, const uint8_t *end,
                                      mosn_http1_start_t *start_r,
                                      mosn_http1_error_t *error_r);

/* Scans header lines and the empty line behind them into `headers`. */
mosn_rc_e mosn_http1_scan_headers(const uint8_t **at, const uint8_t *end,
                                  const mosn_http1_limits_t *limits,
                                  mosn_headers_t            *headers,
                                  mosn_http1_error_t        *error_r);

static inline mosn_rc_e
mosn_http1_refuse(mosn_http1_error_t *error, mosn_reason_e reason,
                  const char *text)
{
    error->reason = reason;
    error->text = text;
    return MOSN_ERROR;
}


#endif
