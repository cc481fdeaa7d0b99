/* stream/stream.c - what every stream connection of a client needs. */

#include "stream/stream.h"


static mosn_verdict_e
client_on_read(mosn_net_filter_t *filter, mosn_conn_t *conn)
{
    mosn_stream_conn_t *sc = filter->state;

    (void) conn;
    return sc->ops->on_read(sc);
}


static void
client_on_event(mosn_net_filter_t *filter, mosn_conn_t *conn,
                mosn_conn_event_e event)
{
    mosn_stream_conn_t *sc = filter->state;

    (void) conn;
    sc->ops->on_event(sc, event);
}


static const mosn_net_filter_ops_t client_filter = {
    .on_read = client_on_read,
    .on_event = client_on_event,
    .terminal = true,
};


void
mosn_stream_say_continue(mosn_stream_t *stream)
{
    mosn_message_t *m = mosn_pool_calloc(stream->pool, sizeof(*m));

    m->version = MOSN_HTTP_11;
    m->status = 100;
    m->headers.pool = stream->pool;
    if (stream->ops->send_interim != NULL) {
        (void) stream->ops->send_interim(stream, m);
    }
}


void
mosn_stream_client_attach(mosn_stream_conn_t *sc)
{
    sc->conn->hears_out = true;
    (void) mosn_conn_add_filter(sc->conn, &client_filter, NULL, sc);
}
