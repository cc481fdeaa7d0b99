/* tests/stream/mux_http2.c - whose bytes these are, and how often we look. */

#include "tap.h"
#include "stream/mux_http2.c"


int
main(void)
{
    const uint8_t         *preface = (const uint8_t *) PREFACE;
    mosn_http2_conf_t      conf = { .settings_timeout_ms = 10000 };
    mosn_stream_settings_t settings = { .http2 = &conf };
    mosn_conn_t            conn = { .send_timeout_ms = 60000 };

    ok(http2_probe(preface, 3) == MOSN_AGAIN, "the start of the preface");
    ok(http2_probe(preface, 24) == MOSN_OK, "all of it");
    ok(http2_probe((const uint8_t *) "GET / H", 7) == MOSN_DECLINED,
       "HTTP/1 is not ours");

    is_num(http2_guard_ms(&settings, &conn), 1000, "a look each second");
    settings.header_timeout_ms = 400;
    is_num(http2_guard_ms(&settings, &conn), 100, "or as a limit needs it");
    conf.keepalive_timeout_ms = 1;
    is_num(http2_guard_ms(&settings, &conn), 10, "within reason");
    return done_testing();
}
