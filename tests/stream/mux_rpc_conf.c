/* tests/stream/mux_rpc_conf.c - settings of calls. */

#include "tap.h"
#include "stream/mux_rpc_conf.c"


/* What is wrong with it; "": nothing. */
static const char *
mistake(const mosn_conf_block_t *block, const char *text,
        mosn_rpc_conf_t *conf)
{
    static char  said[1000];
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t *reader = mosn_conf_create(pool);
    char        *errors;

    memset(conf, 0, sizeof(*conf));
    (void) mosn_conf_read_text(reader, "rpc", text, block, conf);
    errors = mosn_conf_errors_text(reader);
    (void) snprintf(said, sizeof(said), "%s", errors);
    free(errors);
    conf->heartbeat_cluster.at = NULL; /* goes with the pool */
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
    return said;
}


static void
refused(const mosn_conf_block_t *block, const char *text, const char *why)
{
    mosn_rpc_conf_t conf;
    const char     *said = mistake(block, text, &conf);

    if (!ok(strstr(said, why) != NULL, "refused: %s", text)) {
        printf("# %s\n", said);
    }
}


int
main(void)
{
    mosn_rpc_conf_t conf;

    ok(mistake(&mosn_rpc_server_block, "", &conf)[0] == '\0', "of clients");
    is_num((long long) conf.max_frame_bytes, 16 << 20, "16 MB a frame");
    is_num((long long) conf.max_in_flight, 1024, "1024 under way");
    is_num(conf.heartbeat, MOSN_HEARTBEAT_ANSWER, "heartbeats are answered");
    ok(!conf.goaway, "no goodbye");
    ok(mistake(&mosn_rpc_server_block,
               "heartbeat = \"pass\"; heartbeat_cluster = \"c\"; "
               "heartbeat_cache = \"2s\";",
               &conf)[0]
           == '\0',
       "passed on");
    is_num(conf.heartbeat, MOSN_HEARTBEAT_PASS, "to hosts");
    is_num(conf.heartbeat_cache_ms, 2000, "with a cache");
    refused(&mosn_rpc_server_block, "heartbeat = \"health\";",
            "if and only if there is a `heartbeat_cluster`");
    refused(&mosn_rpc_server_block, "heartbeat_cluster = \"c\";",
            "if and only if there is a `heartbeat_cluster`");
    refused(&mosn_rpc_server_block, "max_in_flight = 0;", "max_in_flight");
    refused(&mosn_rpc_server_block, "max_frame_bytes = \"1\";",
            "max_frame_bytes");
    refused(&mosn_rpc_server_block, "heartbeat_misses = 3;",
            "heartbeat_misses");

    ok(mistake(&mosn_rpc_client_block, "", &conf)[0] == '\0', "of hosts");
    is_num(conf.heartbeat_interval_ms, 15000, "asked after 15 s");
    is_num(conf.heartbeat_timeout_ms, 1000, "for a second");
    is_num((long long) conf.heartbeat_misses, 3, "three times");
    is_num(conf.frame_timeout_ms, 10000, "frames have ten");
    refused(&mosn_rpc_client_block, "heartbeat_misses = 0;",
            "heartbeat_misses");
    refused(&mosn_rpc_client_block, "goaway = true;", "goaway");
    return done_testing();
}
