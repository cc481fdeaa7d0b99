/* tests/proxy/access_log.c - formats, and what peers put into lines. */

#include "tap.h"
#include "proxy/access_log.c"

#include <fcntl.h>
#include <unistd.h>

static mosn_pool_t *pool;
static char         path[] = "/tmp/mosn-access-XXXXXX";


static size_t
build(const char *format, mosn_access_log_conf_t *conf)
{
    mosn_conf_t *reader = mosn_conf_create(pool);
    char         text[512];
    size_t       n;

    (void) snprintf(text, sizeof(text), "path = \"%s\"; format = \"%s\";",
                    path, format);
    if (mosn_conf_read_text(reader, "text", text, &mosn_access_log_block, conf)
        == MOSN_OK)
    {
        mosn_access_log_build(reader, pool, conf);
    }
    n = mosn_conf_n_errors(reader);
    if (n > 0) {
        printf("# %s\n", mosn_conf_error_text(reader, 0));
    }
    mosn_conf_destroy(&reader);
    return n;
}


/* The line that a request makes. */
static const char *
line(const char *format, const mosn_request_t *r)
{
    static char            text[9000];
    mosn_access_log_conf_t conf = { 0 };
    ssize_t                n;
    int                    fd;

    if (build(format, &conf) != 0) {
        return "mistakes";
    }
    if (truncate(path, 0) == -1 || mosn_log_files_open() != MOSN_OK) {
        return "no file";
    }
    log_write_line(&conf, r);
    mosn_log_files_flush();
    fd = open(path, O_RDONLY);
    n = read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    (void) close(fd);
    return text;
}


int
main(void)
{
    static const mosn_listener_conf_t listener_conf = { .name = MOSN_STR_INIT(
                                                            "l") };
    static mosn_listener_t            listener = { .conf = &listener_conf };
    static mosn_conn_t                conn = { .listener = &listener };
    static mosn_loop_t                loop = { .now_ns = 5000000 };
    static mosn_proxy_conn_t          pc = { .conn = &conn,
                                             .peer = MOSN_STR_INIT("10.0.0.1") };
    mosn_message_t                    head;
    mosn_request_t                    r = { .pc = &pc,
                                            .loop = &loop,
                                            .head = &head,
                                            .path = MOSN_STR_INIT("/a\"b"),
                                            .spelled = MOSN_STR_INIT("/a\"b"),
                                            .status = 503,
                                            .reason = MOSN_REASON_OVERFLOW,
                                            .started_ns = 3500000 };
    mosn_access_log_conf_t            conf = { 0 };
    char                              quoted[128];

    (void) close(mkstemp(path));
    pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_message_init(&head, pool);
    head.method = MOSN_STR("GET");
    head.version = MOSN_HTTP_11;
    mosn_headers_add(&head.headers, MOSN_HEADER_USER_AGENT,
                     MOSN_STR("User-Agent"), MOSN_STR("x\n\x01\xff"));

    is_num((long long) build("%no_such%", &conf), 1, "an unknown variable");
    is_num((long long) build("half %", &conf), 1, "a % without its end");
    is_num((long long) build("plain", &conf), 1, "no variable at all");

    is_str(mosn_str(line("%response_code% %% %duration%", &r)),
           "503 % 1.500\n", "numbers and literals");
    is_str(mosn_str(line("%request_header_user-agent%", &r)),
           "x\\x0A\\x01\xff\n", "control bytes are escaped, UTF-8 is not");
    is_str(mosn_str(line("%request_header_nothing%", &r)), "-\n",
           "what is not there");
    (void) snprintf(quoted, sizeof(quoted), "%s", line("%request_path%", &r));
    is_str(mosn_str(quoted), "/a\\x22b\n", "a quote cannot end a field");
    ok(strstr(line("json", &r), "\"/a\\u0022b\"") != NULL, "JSON");
    ok(strstr(line("combined", &r), "10.0.0.1 - - [") != NULL, "combined");

    (void) unlink(path);
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
