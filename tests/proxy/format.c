/* tests/proxy/format.c - what variables are worth, and never more than fits.
 */

#include "tap.h"
#include "proxy/format.c"

static mosn_pool_t         *pool;
static mosn_listener_conf_t listener_conf = { .name = MOSN_STR_INIT("edge") };
static mosn_listener_t      listener = { .conf = &listener_conf };
static mosn_conn_t          conn = { .listener = &listener, .id = 7 };
static mosn_loop_t          loop = { .now_ns = 5000000 };
static mosn_proxy_conn_t    pc = { .conn = &conn,
                                   .peer = MOSN_STR_INIT("10.0.0.1") };
static mosn_message_t       head;
static mosn_message_t       response;
static mosn_request_t       r = { .pc = &pc, .loop = &loop, .head = &head };


static mosn_format_t *
compile(const char *text, mosn_format_e mode, const char *mistake)
{
    mosn_conf_t   *reader = mosn_conf_create(pool);
    mosn_format_t *format = mosn_format_compile(
        reader, pool, mosn_pool_copy(pool, mosn_str(text)), mode, NULL, NULL);
    const char *is = mosn_conf_n_errors(reader) > 0
                         ? mosn_conf_error_text(reader, 0)
                         : NULL;

    if (mistake != NULL) {
        ok(is != NULL && strstr(is, mistake) != NULL, "refused: %s", text);
    } else if (is != NULL) {
        ok(false, "%s: %s", text, is);
    }
    mosn_conf_destroy(&reader);
    return format;
}


static void
is_value(const char *text, mosn_format_e mode, const char *expected)
{
    char  out[300];
    char *end = mosn_format_write(compile(text, mode, NULL), &r, out,
                                  out + sizeof(out));

    is_str((mosn_str_t){ out, (size_t) (end - out) }, expected, text);
}


/* Each variable into each size: what is written is a beginning of what fits,
 * and not a byte behind it. */
static void
check_bounds(void)
{
    bool within = true, begins = true;

    for (size_t i = 0; i < MOSN_COUNT(format_vars); i++) {
        for (int mode = MOSN_FORMAT_LINE; mode <= MOSN_FORMAT_VALUE; mode++) {
            mosn_format_t *format;
            char           text[64], whole[200];
            size_t         n;

            (void) snprintf(text, sizeof(text), "<%%%s%%>",
                            format_vars[i].name);
            format = compile(text, (mosn_format_e) mode, NULL);
            n = (size_t) (mosn_format_write(format, &r, whole,
                                            whole + sizeof(whole))
                          - whole);
            for (size_t room = 0; room <= n; room++) {
                char *out = malloc(room + 1); /* the sanitizer watches */
                char *end = mosn_format_write(format, &r, out, out + room);

                within &= end >= out && end <= out + room;
                begins &= room == 0 || out[0] == '<';
                free(out);
            }
        }
    }
    ok(within, "never behind the end");
    ok(begins, "from the beginning on");
}


static void
check_values(void)
{
    is_value("%request_method% %request_path%?", MOSN_FORMAT_LINE,
             "GET /a\\x0Ab?");
    is_value("%request_method% %request_path%", MOSN_FORMAT_JSON,
             "GET /a\\u000ab");
    is_value("%request_path%", MOSN_FORMAT_VALUE, "/ab");
    is_value("%request_header_x-thing%", MOSN_FORMAT_VALUE, "one");
    is_value("%request_header_X-THING%", MOSN_FORMAT_VALUE, "one");
    is_value("%request_header_none%|", MOSN_FORMAT_LINE, "-|");
    is_value("%response_header_etag%", MOSN_FORMAT_LINE, "\\x22x\\x22");
    is_value("%response_code% %response_flag%", MOSN_FORMAT_LINE,
             "503 overflow");
    is_value("%listener% %connection_id% %attempts%", MOSN_FORMAT_LINE,
             "edge 7 2");
    is_value("%upstream_host% %upstream_cluster% %upstream_connection_id%",
             MOSN_FORMAT_LINE, "- - -");
    is_value("%tls_version%%client_cert_subject%", MOSN_FORMAT_LINE, "--");
    is_value("%duration%", MOSN_FORMAT_LINE, "1.500");
    is_value("100 %%", MOSN_FORMAT_LINE, "100 %");
}


int
main(void)
{
    mosn_str_t value;

    pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_message_init(&head, pool);
    mosn_message_init(&response, pool);
    head.method = MOSN_STR("GET");
    head.scheme = MOSN_STR("http");
    head.version = MOSN_HTTP_11;
    r.path = r.spelled = MOSN_STR("/a\nb");
    mosn_headers_add(&head.headers, MOSN_HEADER_OTHER, MOSN_STR("X-Thing"),
                     MOSN_STR("one"));
    mosn_headers_add(&response.headers, MOSN_HEADER_ETAG, MOSN_STR("ETag"),
                     MOSN_STR("\"x\""));
    r.response = &response;
    r.status = 503;
    r.reason = MOSN_REASON_OVERFLOW;
    r.attempts = 2;
    r.started_ns = 3500000;

    check_values();
    check_bounds();
    (void) compile("%duratoin%", MOSN_FORMAT_LINE, "did you mean %duration%");
    (void) compile("%zzzzzzzzzzzz%", MOSN_FORMAT_LINE, "there is no variable");
    (void) compile("%request_header_%", MOSN_FORMAT_LINE,
                   "there is no variable");
    (void) compile("half %", MOSN_FORMAT_LINE, "without its end");

    value = mosn_format_value(
        compile("  %request_header_none% x ", MOSN_FORMAT_VALUE, NULL), &r,
        pool);
    is_str(value, "x", "a value has no blanks around it, and no dash");
    is_str(mosn_variable_value(&r, MOSN_STR("request_header_x-thing")), "one",
           "one variable by its name");
    is_str(mosn_variable_value(&r, MOSN_STR("upstream_host")), "",
           "what is not there is empty");
    is_str(mosn_variable_value(&r, MOSN_STR("nothing")), "",
           "as what does not exist");
    ok(mosn_format_has_variable(MOSN_STR("request_header_a"))
           && !mosn_format_has_variable(MOSN_STR("request_header_")),
       "names are known");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
