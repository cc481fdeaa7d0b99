/* tests/proxy/grpc.c - who speaks it, how long, and how errors are said. */

#include "tap.h"
#include "proxy/grpc.c"

static mosn_pool_t *pool;


static mosn_message_t *
request(const char *type, const char *timeout)
{
    mosn_message_t *m = mosn_pool_alloc(pool, sizeof(*m));

    mosn_message_init(m, pool);
    if (type != NULL) {
        mosn_headers_add(&m->headers, MOSN_HEADER_CONTENT_TYPE,
                         MOSN_STR("Content-Type"), mosn_str(type));
    }
    if (timeout != NULL) {
        mosn_headers_add(&m->headers, MOSN_HEADER_GRPC_TIMEOUT,
                         MOSN_STR("grpc-timeout"), mosn_str(timeout));
    }
    return m;
}


int
main(void)
{
    static const struct {
        const char *text;
        long long   ms;
    } timeouts[] = {
        { "5S", 5000 },
        { "250m", 250 },
        { "1M", 60000 },
        { "2H", 7200000 },
        { "1u", 1 },
        { "1001u", 2 },
        { "99999999n", 100 },
        { "0S", 1 },
        { "99999999H", 31622400000 },
        { "", 0 },
        { "S", 0 },
        { "5", 0 },
        { "5s", 0 },
        { "-5S", 0 },
        { "123456789S", 0 },
    };
    mosn_message_t *m;

    pool = mosn_pool_create(MOSN_POOL_STREAM);
    ok(mosn_grpc_is(request("application/grpc", NULL)), "gRPC");
    ok(mosn_grpc_is(request("application/grpc+proto", NULL)), "with a format");
    ok(mosn_grpc_is(request("application/grpc;x=y", NULL)), "a parameter");
    ok(!mosn_grpc_is(request("application/grpc-web", NULL)),
       "gRPC-Web is not");
    ok(!mosn_grpc_is(request("application/json", NULL)), "JSON is not");
    ok(!mosn_grpc_is(request(NULL, NULL)), "nothing is not");

    for (size_t i = 0; i < MOSN_COUNT(timeouts); i++) {
        is_num(
            (long long) mosn_grpc_timeout_ms(request(NULL, timeouts[i].text)),
            timeouts[i].ms, timeouts[i].text);
    }
    is_num((long long) mosn_grpc_timeout_ms(request(NULL, NULL)), 0,
           "no deadline");

    is_num(mosn_grpc_status(404, MOSN_REASON_NO_ROUTE), 12, "no such method");
    is_num(mosn_grpc_status(503, MOSN_REASON_NO_HOST), 14, "unavailable");
    is_num(mosn_grpc_status(504, MOSN_REASON_DEADLINE), 4, "too late");
    is_num(mosn_grpc_status(413, MOSN_REASON_BODY_TOO_LARGE), 8, "too large");
    is_num(mosn_grpc_status(418, MOSN_REASON_FILTER), 2, "unknown");

    m = request(NULL, NULL);
    m->status = 502;
    mosn_grpc_answer(m, pool, MOSN_REASON_UPSTREAM_RESET, MOSN_STR_NULL,
                     MOSN_STR("100% gone\n"));
    is_num(m->status, 200, "said in the head of a 200");
    is_str(mosn_header_value(
               mosn_headers_find(&m->headers, MOSN_HEADER_GRPC_STATUS)),
           "14", "grpc-status");
    is_str(mosn_header_value(
               mosn_headers_find_name(&m->headers, MOSN_STR("grpc-message"))),
           "100%25 gone", "grpc-message, encoded");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
