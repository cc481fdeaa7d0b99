/*
 * core/reason.h - why a connection or a stream ended: one table.
 *
 * The access log, the error log, the metrics and the trace name an end by
 * the same word; the status is what a client is told when nothing was
 * answered yet.
 */

#ifndef MOSN_CORE_REASON_H
#define MOSN_CORE_REASON_H

#include "core/metrics.h"

#define MOSN_REASONS(X)                                                       \
    X(NONE, "-", 0, "ended well")                                             \
    /* what the client did */                                                 \
    X(CLIENT_CLOSED, "client_closed", 499, "the client closed")               \
    X(BAD_REQUEST, "bad_request", 400, "the request is malformed")            \
    X(URI_TOO_LONG, "uri_too_long", 414, "the target is too long")            \
    X(HEADERS_TOO_LARGE, "headers_too_large", 431,                            \
      "the header section is too large")                                      \
    X(MISDIRECTED, "misdirected", 421,                                        \
      "this connection is not for that name")                                 \
    X(BODY_TOO_LARGE, "body_too_large", 413, "the body is too large")         \
    X(HEADER_TIMEOUT, "header_timeout", 408,                                  \
      "the header section did not arrive in time")                            \
    X(BODY_TIMEOUT, "body_timeout", 408, "the body did not arrive in time")   \
    X(UNKNOWN_METHOD, "unknown_method", 501, "the method is not known")       \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405,                          \
      "the method is not allowed here")                                       \
    X(UNKNOWN_CODING, "unknown_coding", 501,                                  \
      "the transfer coding is not known")                                     \
    X(BAD_VERSION, "bad_version", 505, "the HTTP version is not supported")   \
    X(BAD_EXPECTATION, "bad_expectation", 417,                                \
      "the expectation cannot be met")                                        \
    X(IDLE_TIMEOUT, "idle_timeout", 0, "nothing moved for too long")          \
    X(SEND_TIMEOUT, "send_timeout", 0, "the peer did not read for too long")  \
    X(HANDSHAKE_TIMEOUT, "handshake_timeout", 0,                              \
      "the connection was not set up in time")                                \
    X(KEEPALIVE_TIMEOUT, "keepalive_timeout", 502,                            \
      "the peer did not answer a PING")                                       \
    X(HANDSHAKE_LIMIT, "handshake_limit", 0, "too many TLS handshakes")       \
    X(TLS_HANDSHAKE, "tls_handshake", 0, "the TLS handshake failed")          \
    /* what this proxy decided */                                             \
    X(NO_FILTER_CHAIN, "no_filter_chain", 0, "no filter chain matches")       \
    X(NO_ROUTE, "no_route", 404, "no route matches")                          \
    X(NO_CLUSTER, "no_cluster", 503, "there is no such cluster")              \
    X(NO_HOST, "no_host", 503, "the cluster has no usable host")              \
    X(OVERFLOW, "overflow", 503, "a limit of the cluster is reached")         \
    X(DEADLINE, "deadline", 504, "the deadline of the client has passed")     \
    X(CONNECTION_LIMIT, "connection_limit", 503, "too many connections")      \
    X(FILTER, "filter", 500, "a filter answered")                             \
    X(DRAINING, "draining", 503, "this process is going away")                \
    X(INTERNAL, "internal", 500, "an error of the proxy")                     \
    /* what the upstream did */                                               \
    X(UPSTREAM_CONNECT_FAILED, "upstream_connect_failed", 502,                \
      "cannot connect to the upstream")                                       \
    X(UPSTREAM_CONNECT_TIMEOUT, "upstream_connect_timeout", 504,              \
      "the upstream did not accept in time")                                  \
    X(UPSTREAM_TLS, "upstream_tls", 502,                                      \
      "the TLS handshake with the upstream failed")                           \
    X(UPSTREAM_CLOSED, "upstream_closed", 502,                                \
      "the upstream closed before its answer")                                \
    X(UPSTREAM_RESET, "upstream_reset", 502,                                  \
      "the upstream reset the connection")                                    \
    X(UPSTREAM_REFUSED, "upstream_refused", 503,                              \
      "the upstream refused the request unprocessed")                         \
    X(UPSTREAM_CANCELLED, "upstream_cancelled", 502,                          \
      "the upstream gave the request up")                                     \
    X(UPSTREAM_BAD_RESPONSE, "upstream_bad_response", 502,                    \
      "the answer of the upstream is malformed")                              \
    X(UPSTREAM_TRUNCATED, "upstream_truncated", 502,                          \
      "the upstream closed in the middle of its answer")                      \
    X(UPSTREAM_TIMEOUT, "upstream_timeout", 504,                              \
      "the upstream did not answer in time")

#define MOSN_REASON_ENUM(id, name, status, text) MOSN_REASON_##id,

typedef enum {
    MOSN_REASONS(MOSN_REASON_ENUM) MOSN_REASON_COUNT
} mosn_reason_e;

typedef struct {
    mosn_str_t  name;
    unsigned    status; /* 0: nothing is answered */
    const char *text;
} mosn_reason_info_t;

extern const mosn_reason_info_t mosn_reasons[MOSN_REASON_COUNT];

/* How often each has been the end of a request. */
extern const mosn_metric_set_t mosn_reason_metrics;

/* Finds the slots; before the processes fork. */
void mosn_reasons_register(void);
void mosn_reason_count(mosn_reason_e reason);

#endif
