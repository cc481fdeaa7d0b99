/*
 * proxy/retry.h - when a request that may have been seen is sent again.
 *
 * What provably reached nobody is repeated without being asked (see
 * proxy/repeat.c); this is for the rest: the operator says which ends of an
 * attempt, and which answers, are worth another one.
 */

#ifndef MOSN_PROXY_RETRY_H
#define MOSN_PROXY_RETRY_H

#include "core/conf.h"
#include "proto/message.h"
#include "proxy/cluster.h"

#define MOSN_RETRY_STATUSES 1000

typedef struct {
    mosn_strs_t on;
    mosn_strs_t statuses;
    mosn_strs_t grpc_statuses;
    mosn_strs_t rpc_statuses;
    int64_t     attempts;
    uint32_t    per_try_timeout_ms;
    uint32_t    backoff_ms;
    uint32_t    max_backoff_ms;
    bool        retry_after;
    uint32_t    max_retry_after_ms;
    bool        idempotent_only;

    /* Built. */
    uint32_t  conditions;
    uint32_t  grpc;    /* a bit for each */
    uint64_t *answers; /* a bit for each status; NULL: none */
    uint16_t *rpc;     /* rpc_statuses.n of them */
} mosn_retry_conf_t;

extern const mosn_conf_block_t mosn_retry_block;

void mosn_retry_build(mosn_conf_t *reader, mosn_pool_t *pool,
                      mosn_retry_conf_t *conf);

/* "503", "500-503"; of answers, which have from 200 to 599. */
bool mosn_retry_parse_range(mosn_str_t text, uint64_t *from_r, uint64_t *to_r);

/* An attempt ended without an answer. */
bool mosn_retry_wants_end(const mosn_retry_conf_t *conf, mosn_reason_e reason);

/* It was answered so. */
bool mosn_retry_wants_answer(const mosn_retry_conf_t *conf,
                             mosn_message_t          *answer);

/* Milliseconds before attempt number `attempt` (2 and up): a random part of
 * the back-off, or what the answer asks for; `answer` may be NULL.  -1: it
 * asks for more than is allowed, the answer goes to the client. */
int64_t mosn_retry_delay_ms(const mosn_retry_conf_t *conf, unsigned attempt,
                            const mosn_message_t *answer);

/* --- the budget of a cluster, of this worker ------------------------------
 */

/* A request has come: part of a retry is earned. */
void mosn_retry_earn(mosn_cluster_t *cluster, uint64_t now_ms);

/* False: nothing is left, or as many as may are under way. */
bool mosn_retry_spend(mosn_cluster_t *cluster, uint64_t now_ms, bool high);

/* One is under way, or not any more. */
void mosn_retry_count(const mosn_cluster_t *cluster, bool high, bool on);

#endif
