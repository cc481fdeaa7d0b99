/*
 * proxy/request.h - one request from end to end.
 *
 * Pairs a downstream stream with an upstream one, and knows no protocol.
 * The memory is the downstream stream's pool: a request is over when its
 * stream is, and is freed with it when the turn ends.
 *
 *   received --filters--> routed --> waiting for a stream --> forwarding
 *       \                    \              | failed              |
 *        +---- replied <------+--------- retry? <-- upstream reset+
 *
 * Until the first byte of an answer went to the client a failure becomes an
 * answer of ours; after it, the answer is cut so that the client can tell.
 */

#ifndef MOSN_PROXY_REQUEST_H
#define MOSN_PROXY_REQUEST_H

#include "core/log_file.h"
#include "event/listener.h"
#include "proxy/router.h"
#include "stream/filter.h"

typedef struct mosn_request_s    mosn_request_t;
typedef struct mosn_proxy_conf_s mosn_proxy_conf_t;
typedef struct mosn_hedge_s      mosn_hedge_t;

#define MOSN_REQUEST_TRIED   4 /* hosts that are remembered */
#define MOSN_REQUEST_COOKIES 4 /* that a hash makes */

typedef struct {
    const mosn_hash_conf_t *of;
    mosn_str_t              value;
    mosn_str_t              line; /* of Set-Cookie */
} mosn_made_cookie_t;


typedef struct {
    mosn_str_t            path;
    mosn_str_t            format;
    mosn_log_file_t      *file;     /* built */
    struct mosn_format_s *compiled; /* built */
} mosn_access_log_conf_t;

enum { MOSN_FORWARDED_OFF, MOSN_FORWARDED_APPEND, MOSN_FORWARDED_SET };
enum { MOSN_VOUCH_OFF, MOSN_VOUCH_KEEP, MOSN_VOUCH_SET };
enum {
    MOSN_CLIENT_CERT_OFF,
    MOSN_CLIENT_CERT_DROP,
    MOSN_CLIENT_CERT_APPEND,
    MOSN_CLIENT_CERT_SET,
};

/* The settings of a "proxy" filter. */
struct mosn_proxy_conf_s {
    mosn_str_t          downstream_protocol;
    mosn_str_t          routes;
    uint32_t            idle_timeout_ms;
    uint32_t            header_timeout_ms;
    uint32_t            body_timeout_ms;
    uint32_t            tunnel_idle_timeout_ms;
    size_t              max_header_bytes;
    int64_t             max_headers;
    size_t              max_uri_bytes;
    size_t              max_body_bytes;
    int64_t             max_requests_per_connection;
    mosn_strs_t         upgrades;
    bool                allow_connect;
    int                 forwarded_for;
    int                 forwarded_proto;
    int                 request_id;
    int                 forwarded_client_cert;
    bool                match_server_name;
    bool                normalize_path;
    bool                merge_slashes;
    mosn_http2_conf_t   http2;
    mosn_rpc_conf_t     rpc;
    mosn_conf_modules_t stream_filters;
    mosn_conf_modules_t fallback;
    MOSN_CONF_LIST(mosn_access_log_conf_t) access_log;

    /* Built. */
    mosn_generation_t                *generation;
    mosn_live_t                      *live; /* or NULL */
    mosn_route_table_t               *table;
    mosn_cluster_t                   *heartbeats; /* what they are about */
    const mosn_stream_protocol_ops_t *protocol;   /* NULL: auto */
    mosn_stream_settings_t            settings;
};

/* What the requests of one downstream connection share. */
typedef struct {
    const mosn_proxy_conf_t *conf;
    mosn_conn_t             *conn;
    mosn_stream_conn_t      *sc;      /* NULL: the protocol is not yet known */
    bool                     begun;   /* ... but bytes have come */
    uint32_t                 metrics; /* of the listener */
    mosn_str_t               peer;    /* address without port; made once */
    mosn_live_t             *live; /* of settings that came later; or NULL */
} mosn_proxy_conn_t;

struct mosn_request_s {
    mosn_proxy_conn_t       *pc;
    const mosn_proxy_conf_t *conf;
    mosn_loop_t             *loop;
    mosn_pool_t             *pool;
    mosn_stream_t           *down; /* NULL when it is over */
    mosn_stream_t           *up;   /* NULL when there is none */
    mosn_message_t          *head;
    mosn_message_t          *response; /* NULL before it came */
    mosn_message_t          *call;     /* what came, when `head` is HTTP
                                          that was made of it; or NULL */
    mosn_str_t path;                   /* as the client asked for */
    mosn_str_t spelled;                /* ... and as routes see it */
    mosn_str_t authority;
    mosn_str_t type;    /* of its body, before filters */
    mosn_str_t refused; /* first line of what was no request */

    mosn_routes_t      *routes; /* that `route` is of; NULL: no route yet */
    const mosn_route_t *route;
    const mosn_conf_pairs_t *subset; /* of the hosts; or NULL */
    mosn_cluster_t          *cluster;
    mosn_cluster_version_t  *version; /* of it, counted; or NULL */
    mosn_host_t             *host;    /* counted; or NULL */
    mosn_stream_wait_t       wait;
    mosn_timer_t             timer;
    mosn_timer_t             backoff;    /* before the next attempt */
    uint32_t                 timeout_ms; /* for the answer to begin; 0: none */
    uint32_t                 idle_ms;    /* for a pause; 0: as timeout_ms */
    uint64_t taken_up; /* by the peers, when a limit was reached */
    uint64_t taken_down;
    uint64_t answer_by_ms; /* 0: not counted yet */
    uint64_t try_by_ms;    /* of this attempt; 0: none */
    uint64_t deadline_ms;  /* of the client; 0: none */
    uint64_t up_conn_id;

    mosn_filter_t *filters;
    uint16_t       n_filters;
    uint16_t       filter_at; /* the one that runs, or is waited for */

    /* Body: all of it so far while the request may be sent again, else what
     * no upstream has taken yet. */
    mosn_chain_t held;

    bool    grpc           : 1;
    bool    waiting        : 1; /* for a stream */
    bool    named_host     : 1; /* the authority is that of the host */
    bool    replayable     : 1; /* `held` is the whole body so far */
    bool    received_all   : 1; /* of the request */
    bool    has_trailers   : 1;
    bool    forwarded_all  : 1; /* of the request */
    bool    responded      : 1; /* a head went to the client */
    bool    informed       : 1; /* ... or an interim one of a host */
    bool    filter_paused  : 1;
    bool    filter_replied : 1;
    bool    in_response    : 1; /* filters run on the way back */
    bool    down_paused    : 1;
    bool    up_paused      : 1;
    bool    tunnel         : 1;
    bool    counted        : 1; /* against the limits of the cluster */
    bool    host_counted   : 1; /* against what the host has to do */
    bool    changes        : 1; /* a filter changes bodies */
    bool    heartbeat      : 1; /* on its way to a host */
    bool    carried        : 1; /* whole, inside HTTP */
    bool    retrying       : 1; /* counted as one that is sent again */
    bool    high           : 1; /* of high priority */
    bool    queued         : 1; /* until the cluster has room */
    bool    preflight      : 1; /* of CORS */
    bool    edits          : 1; /* something of its answer is edited */
    bool    repeated       : 1; /* though it may have been executed */
    bool    over           : 1;
    uint8_t attempts;
    uint8_t refusals;

    const mosn_host_t *tried[MOSN_REQUEST_TRIED];
    mosn_list_t        queue; /* of its cluster */
    mosn_mirror_t     *mirrors;
    mosn_hedge_t      *hedge;                         /* or NULL */
    mosn_str_t         origin;                        /* of CORS, as it came */
    mosn_made_cookie_t cookies[MOSN_REQUEST_COOKIES]; /* for the client */
    unsigned           n_cookies;
    mosn_str_t         sticky_cookie; /* the same; or empty */
    uint64_t           sticky_id;     /* of the host that a cookie names; 0 */

    mosn_headers_t *trailers;
    mosn_headers_t *held_trailers; /* of the response, by a filter; or NULL */
    mosn_message_t *held_response; /* while its filters pause */
    bool            held_response_end;
    mosn_chain_t    held_answer; /* its data meanwhile */
    bool            held_end;    /* with that it ends */

    uint64_t      id; /* of the stream */
    mosn_reason_e reason;
    unsigned      status; /* told the client; 0: nothing was */
    uint64_t      started_ns;
    uint64_t      forwarded_ns;   /* handed to an upstream stream; 0: never */
    uint64_t      answered_ns;    /* head of the response; 0: none */
    uint64_t      bytes_received; /* of bodies */
    uint64_t      bytes_sent;
};

/* The owner of a proxy's server streams: mosn_stream_server_ops_t. */
extern const mosn_stream_server_ops_t mosn_request_server_ops;

/* --- proxy/filter_chain.c ------------------------------------------------ */

/* Makes the filters that the proxy is configured with. */
void mosn_filters_create(mosn_request_t *request);

/* Run the filters from request->filter_at on.  NEXT: through.  PAUSE: one of
 * them resumes.  END: the request is over. */
mosn_verdict_e mosn_filters_on_request(mosn_request_t *request);
mosn_verdict_e mosn_filters_on_response(mosn_request_t *request,
                                        mosn_message_t *response);

/* False: the request is over. */
bool mosn_filters_on_request_data(mosn_request_t   *request,
                                  const mosn_buf_t *data, bool end);
bool mosn_filters_on_response_data(mosn_request_t   *request,
                                   const mosn_buf_t *data, bool end);

/* Let filters change the bytes; false: the request is over. */
bool mosn_filters_change_request(mosn_request_t *request, mosn_chain_t *body,
                                 bool end);
bool mosn_filters_change_response(mosn_request_t *request, mosn_chain_t *body,
                                  bool end);
void mosn_filters_on_response_trailers(mosn_request_t *request,
                                       mosn_headers_t *trailers,
                                       mosn_chain_t   *body);

/* --- proxy/admit.c ------------------------------------------------------ */

/* The path of an HTTP request as routes and hosts are to see it. */
void mosn_request_spell_path(const mosn_proxy_conf_t *conf,
                             mosn_message_t *head, mosn_pool_t *pool);

/* What a head is refused for, before anybody sees it; MOSN_REASON_NONE: it is
 * let in.  An Upgrade that is not on the list is taken off. */
mosn_reason_e mosn_request_check(mosn_request_t *request);

/* The host that the certificate of a connection has to vouch for: a client
 * may use it for another name only then (RFC 9110, 7.4).  at NULL: any. */
mosn_str_t mosn_request_vouched_host(const mosn_request_t *request);

/* --- proxy/call.c -------------------------------------------------------- */

/* A call that has found its cluster: how long its caller waits, and HTTP
 * around it when the hosts speak that.  False: it cannot be put into HTTP. */
bool mosn_request_prepare_call(mosn_request_t *request);
void mosn_request_check_carried(const mosn_request_t *request,
                                mosn_message_t       *answer);

/* --- proxy/heartbeat.c --------------------------------------------------- */

/* A client's heartbeat: the cluster that it goes to, or NULL and the status
 * of its answer. */
mosn_cluster_t *mosn_heartbeat_take(mosn_request_t *request,
                                    unsigned       *status_r);

/* It was answered, or not. */
void mosn_heartbeat_note(const mosn_request_t *request);

/* --- proxy/outlier.c ----------------------------------------------------- */

typedef enum {
    MOSN_OUTCOME_ANSWER,      /* fine */
    MOSN_OUTCOME_ERROR,       /* 5xx */
    MOSN_OUTCOME_LOCAL_ERROR, /* no answer was had */
} mosn_outcome_e;

/* What a host did with an attempt: it may be left out for a while. */
void mosn_outlier_note(mosn_cluster_t *cluster, mosn_host_t *host,
                       mosn_outcome_e outcome, uint64_t now_ms);

/* Leaves it out, unless too many are; only with `outlier_detection`. */
void mosn_outlier_eject(mosn_cluster_t *cluster, mosn_host_t *host,
                        uint64_t now_ms, const char *why);

/* From now on errors are nobody's in this process. */
void mosn_outlier_end(void);

/* --- proxy/repeat.c ------------------------------------------------------ */

#define MOSN_REQUEST_MAX_ATTEMPTS 3
#define MOSN_REQUEST_MAX_REFUSALS 20 /* by hosts that are full, not broken */

typedef enum {
    MOSN_REPEAT_NOT,
    MOSN_REPEAT_SAFE,    /* it was provably not processed */
    MOSN_REPEAT_AT_RISK, /* the route wants it nevertheless */
} mosn_repeat_e;

/* Its upstream stream has ended so, without an answer. */
mosn_repeat_e mosn_request_may_repeat(const mosn_request_t *request,
                                      const mosn_stream_t  *up,
                                      mosn_reason_e         reason);

/* --- proxy/request_count.c ------------------------------------------------
 */

void mosn_request_count_end(const mosn_request_t *request);

static inline void
mosn_request_count_response(const mosn_request_t *request, unsigned status)
{
    unsigned slot = MOSN_UPSTREAM_STATUS_1XX + status / 100 - 1;

    mosn_metric_inc(request->host->metrics + slot);
    mosn_metric_inc(request->cluster->metrics + slot);
}


/* --- proxy/failure.c ---------------------------------------------------- */

/* A line of the error log; of many in one second, some and a count. */
void mosn_request_log_failure(const mosn_request_t *request,
                              mosn_reason_e         reason);

/* --- proxy/vouch.c ------------------------------------------------------ */

/* X-Forwarded-For, X-Forwarded-Proto and X-Request-Id, as configured. */
void mosn_request_add_headers(mosn_request_t *request);

/* The client's address without its port; made once a connection. */
mosn_str_t mosn_request_peer(mosn_proxy_conn_t *pc);

/* The filters of its listener were replaced: requests from now on go by the
 * new settings, but for what the connection began with, its protocol and the
 * limits and times of that. */
void mosn_proxy_take_settings(mosn_proxy_conn_t *pc);

/* "http" or "https". */
mosn_str_t mosn_request_scheme(const mosn_request_t *r, bool tls);

/* --- proxy/access_log.c ------------------------------------------------- */

extern const mosn_conf_block_t mosn_access_log_block;

/* Compiles the format and finds the file. */
void mosn_access_log_build(mosn_conf_t *reader, mosn_pool_t *pool,
                           mosn_access_log_conf_t *conf);

/* Writes the lines of a request that has ended. */
void mosn_access_log_write(const mosn_request_t *request);

#endif
