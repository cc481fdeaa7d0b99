/* tests/stream/mux_http1.c - what comes over an HTTP/1 connection. */

#include "http1_side.h"
#include "stream/mux_http1.c"


static void
test_server(void)
{
    side_open(true);
    gate_say(side_peer, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\n"
                        "Host: a\r\n\r\n");
    is_str(heard(), "GET /a end;", "the second request waits for the first");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 204, 0), true);
    is_str(heard(), "GET /b end;", "and comes when that is answered");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 204, 0), true);

    gate_say(side_peer, "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n");
    is_str(heard(), "POST /c;abc;trailers 1;", "chunks and trailers");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 204, 0), true);

    gate_say(side_peer, "POST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n"
                        "\r\nabc");
    is_str(heard(), "POST /d;abc;", "half of a body");
    side_stream->ops->pause(side_stream);
    gate_say(side_peer, "def");
    is_str(heard(), "", "the rest not while paused");
    side_stream->ops->resume(side_stream);
    is_str(heard(), "def end;", "and then");
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 204, 0), true);
    (void) gate_hear(side_peer);
    gate_say(side_peer, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n"
                        "\r\nabc");
    (void) heard();
    (void) close(side_peer);
    side_peer = -1;
    is_str(heard(), "reset client_closed;", "who goes away ends his request");

    side_open(true);
    gate_say(side_peer, "GET /a b HTTP/1.1\r\n\r\n");
    is_str(heard(), "refused 400 bad_request GET /a b HTTP/1.1;",
           "no request at all");
    has(gate_hear(side_peer), "Connection: close", "is answered and closed");

    side_open(true);
    gate_say(side_peer, "GET / HTTP/1.0\r\n\r\n");
    (void) heard();
    side_stream->ops->send_head(side_stream,
                                side_head(side_stream->pool, 204, 0), true);
    has(gate_hear(side_peer), "(end)", "HTTP/1.0 is closed after its answer");
}


static void
test_client(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_STREAM);

    side_open(false);
    side_stream = side_sc->ops->open(side_sc, pool);
    side_stream->receiver = &side_receiver;
    side_stream->ops->send_head(side_stream, side_head(pool, 0, 0), true);
    has(gate_hear(side_peer), "POST /p HTTP/1.1\r\n", "a request");
    gate_say(side_peer, "HTTP/1.1 103 Early Hints\r\n\r\n");
    is_str(heard(), "interim 103;", "an interim answer");
    gate_say(side_peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    is_str(heard(), "200;hi end;available;", "an answer");

    side_stream = side_sc->ops->open(side_sc, pool);
    side_stream->receiver = &side_receiver;
    ok(side_stream->reused, "the connection is used again");
    side_stream->ops->send_head(side_stream, side_head(pool, 0, 0), true);
    gate_say(side_peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                        "Content-Length: 3\r\n\r\nhi");
    is_str(heard(), "reset upstream_bad_response;closed;",
           "an ambiguous answer ends the connection");

    side_open(false);
    side_stream = side_sc->ops->open(side_sc, pool);
    side_stream->receiver = &side_receiver;
    side_stream->ops->send_head(side_stream, side_head(pool, 0, 0), true);
    gate_say(side_peer, "HTTP/1.1 200 OK\r\n\r\nrest");
    is_str(heard(), "200;rest;", "a body without a length");
    (void) gate_hear(side_peer);
    (void) close(side_peer);
    side_peer = -1;
    is_str(heard(), " end;closed;", "ends with the connection");
    mosn_pool_destroy(&pool);
}


int
main(void)
{
    side_begin();
    test_server();
    test_client();
    return side_end();
}
