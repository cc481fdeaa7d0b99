/* tests/stream/mux_http1_send.c - what leaves over an HTTP/1 connection. */

#include "http1_side.h"
#include "stream/mux_http1_send.c"


/* Sends a request to the server side; its stream waits for an answer. */
static void
ask(const char *text)
{
    side_open(true);
    gate_say(side_peer, text);
    (void) heard();
}


int
main(void)
{
    mosn_headers_t trailers;

    side_begin();

    ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 200, 4), false);
    side_data("ab", false);
    side_data("cd", true);
    has(gate_hear(side_peer), "Content-Length: 4\r\n\r\nabcd",
        "a body of known length");

    ask("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 200, -1), false);
    side_data("ab", false);
    mosn_headers_init(&trailers, side_stream->pool, 1);
    mosn_headers_add(&trailers, MOSN_HEADER_OTHER, MOSN_STR("x"),
                     MOSN_STR("y"));
    side_stream->ops->send_trailers(side_stream, &trailers);
    has(gate_hear(side_peer), "\r\n\r\n2\r\nab\r\n0\r\nx: y\r\n\r\n",
        "chunks and trailers");

    ask("GET / HTTP/1.0\r\n\r\n");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 200, -1), false);
    side_data("ab", true);
    has(gate_hear(side_peer), "\r\n\r\nab(end)",
        "to HTTP/1.0 the end of the connection is the end");

    ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 200, 4), false);
    side_data("abcd", true);
    {
        const char *text = gate_hear(side_peer);

        has(text, "Content-Length: 4\r\n", "HEAD: the length");
        ok(strstr(text, "abcd") == NULL, "and no body");
    }

    ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 200, 9), false);
    side_data("half", false);
    side_stream->ops->reset(side_stream, MOSN_REASON_UPSTREAM_CLOSED);
    has(gate_hear(side_peer), "(", "a cut answer closes the connection");

    ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 204, 0), true);
    has(gate_hear(side_peer), "Connection: close\r\n\r\n(end)",
        "who says close is told so and closed");

    ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: "
        "websocket\r\n\r\n");
    {
        mosn_message_t *m = side_head(side_stream->pool, 101, 0);

        m->upgrade = MOSN_STR("websocket");
        m->tunnel = true;
        side_stream->ops->send_head(side_stream, m, false);
        has(gate_hear(side_peer), "Upgrade: websocket\r\n", "a tunnel");
        gate_say(side_peer, "bytes");
        is_str(heard(), "bytes;", "bytes come");
        side_data("back", false);
        is_str(mosn_str(gate_hear(side_peer)), "back", "and go");
    }
    return side_end();
}
