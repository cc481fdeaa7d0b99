/* proxy/retry.c - conditions, delays and the budget of retries. */

#include "proxy/retry.h"

#include "core/rand.h"
#include "proto/rpc.h"

#include <time.h>

#define WINDOW_S 10u   /* a budget is saved up for so long */
#define TOKEN    1000u /* thousandths */

enum {
    RETRY_CONNECT_FAILURE = 1 << 0,
    RETRY_RESET = 1 << 1,
    RETRY_REFUSED_STREAM = 1 << 2,
    RETRY_TIMEOUT = 1 << 3,
    RETRY_GATEWAY_ERROR = 1 << 4,
    RETRY_5XX = 1 << 5,
    RETRY_RETRIABLE_4XX = 1 << 6,
};

static const char *const retry_conditions[] = {
    "connect_failure", "reset", "refused_stream", "timeout",
    "gateway_error",   "5xx",   "retriable_4xx",
};

/* RFC-less, but settled: grpc/doc/statuscodes.md. */
static const char *const retry_grpc[] = {
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
};

static const mosn_directive_t retry_directives[] = {
    MOSN_STRINGS(mosn_retry_conf_t, on,
                 "Ends of an attempt: `connect_failure`, `reset` (no answer, "
                 "or the connection was lost before it), `refused_stream`, "
                 "`timeout` (of `per_try_timeout`), `gateway_error` (502, "
                 "503, 504), `5xx` (those and all of the above), "
                 "`retriable_4xx` (409)."),
    MOSN_STRINGS(mosn_retry_conf_t, statuses,
                 "Answers with one of these: [\"429\", \"500-503\"]."),
    MOSN_STRINGS(mosn_retry_conf_t, grpc_statuses,
                 "gRPC answers without a message and with one of these: "
                 "[\"unavailable\", \"14\"]."),
    MOSN_STRINGS(mosn_retry_conf_t, rpc_statuses,
                 "Answers of Bolt, Dubbo and others with one of these "
                 "numbers of theirs."),
    MOSN_INT(mosn_retry_conf_t, attempts, 1, 10, 2,
             "In all, with the first one; a stream that the host has refused "
             "(HTTP/2, REFUSED_STREAM) is none."),
    MOSN_DURATION(mosn_retry_conf_t, per_try_timeout, 0, 86400000, 0,
                  "An attempt whose answer has not begun in this time is "
                  "given up; 0: the `timeout` of the route is all there is."),
    MOSN_DURATION(mosn_retry_conf_t, backoff, 0, 60000, 25,
                  "A random wait up to this before the second attempt, up "
                  "to twice that before the third, and so on."),
    MOSN_DURATION(mosn_retry_conf_t, max_backoff, 0, 600000, 250,
                  "But never longer."),
    MOSN_BOOL(mosn_retry_conf_t, retry_after, true,
              "An answer's Retry-After takes the place of the back-off."),
    MOSN_DURATION(mosn_retry_conf_t, max_retry_after, 0, 600000, 1000,
                  "An answer that asks for more goes to the client."),
    MOSN_BOOL(mosn_retry_conf_t, idempotent_only, false,
              "Only methods that may be repeated (RFC 9110, 9.2.2), and "
              "calls, of which none says so."),
    MOSN_DIRECTIVES_END
};


static void
retry_check(mosn_conf_t *reader, void *conf)
{
    const mosn_retry_conf_t *c = conf;

    if (c->on.n + c->statuses.n + c->grpc_statuses.n + c->rpc_statuses.n == 0)
    {
        mosn_conf_error(reader, c, NULL,
                        "never retries: needs one of `on`, `statuses`, "
                        "`grpc_statuses` and `rpc_statuses`");
    }
    for (size_t i = 0; i < c->on.n; i++) {
        if (c->per_try_timeout_ms == 0
            && mosn_str_equal(c->on.items[i], MOSN_STR("timeout")))
        {
            mosn_conf_error(reader, &c->on, c,
                            "\"timeout\" needs a `per_try_timeout`: when the "
                            "`timeout` of the route is over, all is");
        }
    }
}


const mosn_conf_block_t mosn_retry_block = {
    .doc = "When a request is sent again, to another host where there is "
           "one, though a host may have seen it.  Only before the answer has "
           "begun to go to the client, within the `retry_budget` of the "
           "cluster, and with no more body than `replay_bytes`.",
    .size = sizeof(mosn_retry_conf_t),
    .directives = retry_directives,
    .check = retry_check,
};


/* --- building ------------------------------------------------------------ */

static bool
retry_find(const char *const *names, size_t n, mosn_str_t name, size_t *at_r)
{
    for (size_t i = 0; i < n; i++) {
        if (mosn_str_equal(mosn_str(names[i]), name)) {
            *at_r = i;
            return true;
        }
    }
    return false;
}


static void
retry_build_on(mosn_conf_t *reader, mosn_retry_conf_t *conf)
{
    for (size_t i = 0; i < conf->on.n; i++) {
        size_t at;

        if (retry_find(retry_conditions, MOSN_COUNT(retry_conditions),
                       conf->on.items[i], &at))
        {
            conf->conditions |= 1u << at;
        } else {
            mosn_conf_error(reader, &conf->on.items[i], conf,
                            "expected connect_failure, reset, "
                            "refused_stream, timeout, gateway_error, 5xx or "
                            "retriable_4xx, found \"%.*s\"",
                            MOSN_STR_ARG(conf->on.items[i]));
        }
    }
}


bool
mosn_retry_parse_range(mosn_str_t text, uint64_t *from_r, uint64_t *to_r)
{
    const char *dash = text.len > 0 ? memchr(text.at, '-', text.len) : NULL;
    mosn_str_t  from = text;

    if (dash != NULL) {
        from.len = (size_t) (dash - text.at);
        text = (mosn_str_t){ dash + 1, text.len - from.len - 1 };
    }
    return mosn_str_parse_u63(from, from_r) && mosn_str_parse_u63(text, to_r)
           && *from_r >= 200 && *from_r <= *to_r && *to_r <= 599;
}


static void
retry_build_statuses(mosn_conf_t *reader, mosn_pool_t *pool,
                     mosn_retry_conf_t *conf)
{
    if (conf->statuses.n > 0) {
        conf->answers =
            mosn_pool_calloc(pool, MOSN_RETRY_STATUSES / 64 * 8 + 8);
    }
    for (size_t i = 0; i < conf->statuses.n; i++) {
        uint64_t from, to;

        if (!mosn_retry_parse_range(conf->statuses.items[i], &from, &to)) {
            mosn_conf_error(reader, &conf->statuses.items[i], conf,
                            "expected a status like \"503\" or \"500-503\", "
                            "found \"%.*s\"",
                            MOSN_STR_ARG(conf->statuses.items[i]));
            continue;
        }
        for (; from <= to; from++) {
            conf->answers[from / 64] |= (uint64_t) 1 << from % 64;
        }
    }
}


static void
retry_build_grpc(mosn_conf_t *reader, mosn_retry_conf_t *conf)
{
    for (size_t i = 0; i < conf->grpc_statuses.n; i++) {
        mosn_str_t text = conf->grpc_statuses.items[i];
        uint64_t   number = 99;
        size_t     at;

        if (retry_find(retry_grpc, MOSN_COUNT(retry_grpc), text, &at)) {
            number = at;
        } else if (!mosn_str_parse_u63(text, &number)) {
            number = 99;
        }
        if (number == 0 || number >= MOSN_COUNT(retry_grpc)) {
            mosn_conf_error(reader, &conf->grpc_statuses.items[i], conf,
                            "expected a status like \"unavailable\" or "
                            "\"14\", found \"%.*s\"",
                            MOSN_STR_ARG(text));
            continue;
        }
        conf->grpc |= 1u << number;
    }
}


void
mosn_retry_build(mosn_conf_t *reader, mosn_pool_t *pool,
                 mosn_retry_conf_t *conf)
{
    retry_build_on(reader, conf);
    retry_build_statuses(reader, pool, conf);
    retry_build_grpc(reader, conf);
    conf->rpc = mosn_pool_calloc(pool, conf->rpc_statuses.n * 2 + 1);
    for (size_t i = 0; i < conf->rpc_statuses.n; i++) {
        uint64_t number;

        if (!mosn_str_parse_u63(conf->rpc_statuses.items[i], &number)
            || number > UINT16_MAX)
        {
            mosn_conf_error(reader, &conf->rpc_statuses.items[i], conf,
                            "expected a number, found \"%.*s\"",
                            MOSN_STR_ARG(conf->rpc_statuses.items[i]));
            continue;
        }
        conf->rpc[i] = (uint16_t) number;
    }
}


/* --- deciding ------------------------------------------------------------ */

bool
mosn_retry_wants_end(const mosn_retry_conf_t *c, mosn_reason_e reason)
{
    uint32_t which;

    switch (reason) {
    case MOSN_REASON_UPSTREAM_CONNECT_FAILED:
    case MOSN_REASON_UPSTREAM_CONNECT_TIMEOUT:
    case MOSN_REASON_UPSTREAM_TLS:
        which = RETRY_CONNECT_FAILURE | RETRY_5XX;
        break;
    case MOSN_REASON_UPSTREAM_REFUSED:
        which = RETRY_REFUSED_STREAM | RETRY_5XX;
        break;
    case MOSN_REASON_UPSTREAM_TIMEOUT:
        which = RETRY_TIMEOUT | RETRY_RESET | RETRY_5XX;
        break;
    case MOSN_REASON_UPSTREAM_CLOSED:
    case MOSN_REASON_UPSTREAM_RESET:
    case MOSN_REASON_UPSTREAM_CANCELLED:
    case MOSN_REASON_UPSTREAM_TRUNCATED:
    case MOSN_REASON_KEEPALIVE_TIMEOUT:
        which = RETRY_RESET | RETRY_5XX;
        break;
    case MOSN_REASON_UPSTREAM_BAD_RESPONSE:
        which = RETRY_GATEWAY_ERROR | RETRY_5XX;
        break;
    default:
        return false;
    }
    return (c->conditions & which) != 0;
}


static bool
retry_wants_status(const mosn_retry_conf_t *c, unsigned status)
{
    if (status >= 500 && (c->conditions & RETRY_5XX) != 0) {
        return true;
    }
    if (status >= 502 && status <= 504
        && (c->conditions & RETRY_GATEWAY_ERROR) != 0)
    {
        return true;
    }
    if (status == 409 && (c->conditions & RETRY_RETRIABLE_4XX) != 0) {
        return true;
    }
    return c->answers != NULL && status < MOSN_RETRY_STATUSES
           && (c->answers[status / 64] >> status % 64 & 1) != 0;
}


/* Trailers-only: the status stands in the head, and nothing follows. */
static bool
retry_wants_grpc(const mosn_retry_conf_t *c, const mosn_message_t *m)
{
    const mosn_header_t *h =
        mosn_headers_find(&m->headers, MOSN_HEADER_GRPC_STATUS);
    uint64_t status;

    return h != NULL && mosn_str_parse_u63(mosn_header_value(h), &status)
           && status < MOSN_COUNT(retry_grpc) && (c->grpc >> status & 1) != 0;
}


bool
mosn_retry_wants_answer(const mosn_retry_conf_t *c, mosn_message_t *m)
{
    const mosn_rpc_t *rpc = m->rpc != NULL ? m->rpc : m->said;

    if (rpc != NULL) {
        for (size_t i = 0; i < c->rpc_statuses.n; i++) {
            if (c->rpc[i] == rpc->frame.status) {
                return true;
            }
        }
    } else if (c->grpc != 0 && retry_wants_grpc(c, m)) {
        return true;
    }
    return retry_wants_status(c, m->status);
}


/* Seconds, or a date (RFC 9110, 10.2.3); -1: neither. */
static int64_t
retry_parse_after(mosn_str_t text)
{
    struct tm tm = { 0 };
    uint64_t  seconds;
    char      copy[64];
    time_t    at;

    if (mosn_str_parse_u63(text, &seconds)) {
        return seconds > 1000000 ? 1000000000 : (int64_t) seconds * 1000;
    }
    if (text.len >= sizeof(copy)) {
        return -1;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    if (strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL) {
        return -1;
    }
    at = timegm(&tm);
    return at > time(NULL) ? (int64_t) (at - time(NULL)) * 1000 : 0;
}


int64_t
mosn_retry_delay_ms(const mosn_retry_conf_t *c, unsigned attempt,
                    const mosn_message_t *answer)
{
    const mosn_header_t *h =
        answer != NULL && c->retry_after
            ? mosn_headers_find_name(&answer->headers, MOSN_STR("retry-after"))
            : NULL;
    int64_t  after = h != NULL ? retry_parse_after(mosn_header_value(h)) : -1;
    uint64_t longest = (uint64_t) c->backoff_ms << (attempt - 2);

    if (after >= 0) {
        return after > (int64_t) c->max_retry_after_ms ? -1 : after;
    }
    longest = longest > c->max_backoff_ms ? c->max_backoff_ms : longest;
    return mosn_rand_below((uint32_t) longest + 1);
}


/* --- the budget -----------------------------------------------------------
 */

/* What is earned by time alone, a second at a time.  No more is kept than
 * the requests of the window have earned. */
static void
retry_earn_by_time(mosn_cluster_t *c, uint64_t now_ms)
{
    uint64_t second = now_ms / 1000 + 1, passed = second - c->retry_second;
    uint64_t by_time = (uint64_t) c->conf->retry_budget.min_per_second * TOKEN;
    uint64_t most;

    if (passed == 0) {
        return;
    }
    passed = passed > WINDOW_S ? WINDOW_S : passed;
    c->retry_second = second;
    c->retry_tokens += passed * by_time;
    /* A moving sum: of each second a tenth of it goes. */
    for (; passed > 0; passed--) {
        c->retry_window -= c->retry_window / WINDOW_S;
    }
    most = c->retry_window + by_time * WINDOW_S;
    c->retry_tokens = c->retry_tokens > most ? most : c->retry_tokens;
}


void
mosn_retry_earn(mosn_cluster_t *c, uint64_t now_ms)
{
    uint64_t part =
        (uint64_t) (c->conf->retry_budget.percent * TOKEN / 100 + 0.5);

    c->retry_tokens += part;
    c->retry_window += part;
    if (now_ms / 1000 + 1 != c->retry_second) {
        retry_earn_by_time(c, now_ms);
    }
}


/* Are so many under way already?  Each priority counts for itself. */
static bool
retry_is_at_limit(const mosn_cluster_t *c, bool high)
{
    const mosn_breaker_conf_t *breaker =
        high && c->conf->circuit_breaker_high != NULL
            ? c->conf->circuit_breaker_high
            : &c->conf->circuit_breaker;
    uint64_t max = (uint64_t) breaker->max_retries, n, n_high;

    if (max == 0 || c->metrics == 0) {
        return false;
    }
    n_high = mosn_metrics_sum(c->metrics + MOSN_UPSTREAM_RETRIES_HIGH);
    n = mosn_metrics_sum(c->metrics + MOSN_UPSTREAM_RETRIES_ACTIVE);
    return high ? n_high >= max : n >= max + n_high;
}


void
mosn_retry_count(const mosn_cluster_t *c, bool high, bool on)
{
    uint64_t by = on ? 1 : (uint64_t) -1;

    mosn_metric_add(c->metrics + MOSN_UPSTREAM_RETRIES_ACTIVE, by);
    if (high) {
        mosn_metric_add(c->metrics + MOSN_UPSTREAM_RETRIES_HIGH, by);
    }
}


bool
mosn_retry_spend(mosn_cluster_t *c, uint64_t now_ms, bool high)
{
    retry_earn_by_time(c, now_ms);
    if (c->retry_tokens < TOKEN || retry_is_at_limit(c, high)) {
        mosn_metric_inc(c->metrics + MOSN_UPSTREAM_RETRIES_REFUSED);
        return false;
    }
    c->retry_tokens -= TOKEN;
    return true;
}
