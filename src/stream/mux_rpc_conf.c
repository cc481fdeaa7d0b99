/* stream/mux_rpc_conf.c - the settings of protocols of calls. */

#include "core/conf.h"
#include "stream/stream.h"

#define COMMON_ROWS                                                           \
    MOSN_SIZE(mosn_rpc_conf_t, max_frame_bytes, 1024, 1 << 30, 16 << 20,      \
              "Longest frame.")

static const char *const heartbeat_names[] = { "answer", "health", "pass",
                                               NULL };

static const mosn_directive_t server_directives[] = {
    COMMON_ROWS,
    MOSN_INT(mosn_rpc_conf_t, max_in_flight, 1, 1000000, 1024,
             "Requests of one connection that may be under way; no more are "
             "read then."),
    MOSN_ENUM(mosn_rpc_conf_t, heartbeat, heartbeat_names,
              MOSN_HEARTBEAT_ANSWER,
              "Heartbeats of clients: `answer` them here, answer by the "
              "`health` of `heartbeat_cluster`, or `pass` them to it."),
    MOSN_STRING(mosn_rpc_conf_t, heartbeat_cluster, NULL,
                "The cluster that heartbeats are about."),
    MOSN_DURATION(mosn_rpc_conf_t, heartbeat_cache, 0, 3600000, 10000,
                  "So long the answer to a heartbeat that was passed on "
                  "answers those that come later."),
    MOSN_BOOL(mosn_rpc_conf_t, goaway, false,
              "Say goodbye before a connection is closed, where the protocol "
              "has a word for it; clients that do not know it close."),
    MOSN_DIRECTIVES_END
};

static void
server_check(mosn_conf_t *reader, void *conf)
{
    const mosn_rpc_conf_t *c = conf;

    if ((c->heartbeat != MOSN_HEARTBEAT_ANSWER)
        != (c->heartbeat_cluster.at != NULL))
    {
        mosn_conf_error(reader,
                        c->heartbeat_cluster.at != NULL
                            ? (const void *) &c->heartbeat_cluster
                            : &c->heartbeat,
                        c,
                        "`heartbeat` says \"health\" or \"pass\" if and "
                        "only if there is a `heartbeat_cluster`");
    }
}


const mosn_conf_block_t mosn_rpc_server_block = {
    .check = server_check,
    .doc = "Protocols of calls, towards clients.",
    .size = sizeof(mosn_rpc_conf_t),
    .directives = server_directives,
};

static const mosn_directive_t client_directives[] = {
    COMMON_ROWS,
    MOSN_INT(mosn_rpc_conf_t, max_in_flight, 1, 1000000, 1024,
             "Requests that may be under way on one connection; another one "
             "is opened then."),
    MOSN_DURATION(mosn_rpc_conf_t, heartbeat_interval, 0, 3600000, 15000,
                  "A host that says nothing for so long is asked for a sign "
                  "of life; 0: never."),
    MOSN_DURATION(mosn_rpc_conf_t, heartbeat_timeout, 1, 3600000, 1000,
                  "It has so long to answer; then it is asked again."),
    MOSN_DURATION(mosn_rpc_conf_t, frame_timeout, 1, 3600000, 10000,
                  "A frame of the host, once begun, is whole by then, or the "
                  "connection is closed: others wait behind it."),
    MOSN_INT(mosn_rpc_conf_t, heartbeat_misses, 1, 100, 3,
             "After so many without an answer the connection is closed and "
             "the host is left alone until it answers one."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_rpc_client_block = {
    .doc = "Protocols of calls, towards hosts.",
    .size = sizeof(mosn_rpc_conf_t),
    .directives = client_directives,
};
