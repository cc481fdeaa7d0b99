/*
 * proxy/access_log.c - one line per request.
 */

#include "proxy/format.h"

#define LINE_MAX_BYTES 8192u

static const mosn_str_t log_combined = MOSN_STR_INIT(
    "%downstream_remote_host% - - [%time_local%] \"%request_line%\" "
    "%response_code% %bytes_sent% \"%request_header_referer%\" "
    "\"%request_header_user-agent%\"");

static const mosn_str_t log_json = MOSN_STR_INIT(
    "{\"time\":\"%start_time%\",\"listener\":\"%listener%\","
    "\"client\":\"%downstream_remote_address%\","
    "\"method\":\"%request_method%\",\"host\":\"%authority%\","
    "\"uri\":\"%request_uri%\",\"protocol\":\"%protocol%\","
    "\"status\":%response_code%,\"reason\":\"%response_flag%\","
    "\"bytes_received\":%bytes_received%,\"bytes_sent\":%bytes_sent%,"
    "\"duration_ms\":%duration%,\"route\":\"%route_name%\","
    "\"cluster\":\"%upstream_cluster%\",\"upstream\":\"%upstream_host%\","
    "\"attempts\":%attempts%,"
    "\"request_id\":\"%request_header_x-request-id%\","
    "\"user_agent\":\"%request_header_user-agent%\"}");


void
mosn_access_log_build(mosn_conf_t *reader, mosn_pool_t *pool,
                      mosn_access_log_conf_t *conf)
{
    bool       json = mosn_str_equal(conf->format, MOSN_STR("json"));
    mosn_str_t text = json ? log_json
                      : mosn_str_equal(conf->format, MOSN_STR("combined"))
                          ? log_combined
                          : conf->format;

    if (memchr(conf->format.at, '%', conf->format.len) == NULL && !json
        && !mosn_str_equal(conf->format, MOSN_STR("combined")))
    {
        mosn_conf_error(reader, &conf->format, conf,
                        "expected \"combined\", \"json\" or a text with "
                        "%%variables%%, found \"%.*s\"",
                        MOSN_STR_ARG(conf->format));
    }
    conf->compiled = mosn_format_compile(
        reader, pool, text, json ? MOSN_FORMAT_JSON : MOSN_FORMAT_LINE,
        &conf->format, conf);
    conf->file = mosn_log_file_get(conf->path);
    if (conf->file == NULL) {
        mosn_conf_error(reader, &conf->path, conf, MOSN_LOG_FILE_NONE);
    }
}


static void
log_write_line(const mosn_access_log_conf_t *conf, const mosn_request_t *r)
{
    char *line = mosn_log_file_reserve(conf->file, LINE_MAX_BYTES);
    char *end = line + LINE_MAX_BYTES - 1;
    char *out = mosn_format_write(conf->compiled, r, line, end);

    *out++ = '\n';
    mosn_log_file_commit(conf->file, (size_t) (out - line));
}


void
mosn_access_log_write(const mosn_request_t *r)
{
    for (size_t i = 0; i < r->conf->access_log.n; i++) {
        log_write_line(&r->conf->access_log.items[i], r);
    }
}


static const mosn_directive_t access_log_directives[] = {
    MOSN_STRING_REQUIRED(mosn_access_log_conf_t, path,
                         "The file; \"stdout\" for containers."),
    MOSN_STRING(mosn_access_log_conf_t, format, "combined",
                "\"combined\", \"json\", or a text with %variables%."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_access_log_block = {
    .doc = "A file that gets one line per request.",
    .size = sizeof(mosn_access_log_conf_t),
    .directives = access_log_directives,
};
