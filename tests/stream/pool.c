/* tests/stream/pool.c - connections kept, waited for, refused. */

#include "gate.h"
#include "stream/pool.c"

typedef struct {
    mosn_stream_wait_t wait;
    mosn_stream_t     *stream;
    mosn_reason_e      reason;
} asker_t;

static mosn_stream_pool_t *pool;
static mosn_pool_t        *memory;
static unsigned            heads;


static void
got_stream(mosn_stream_wait_t *wait, mosn_stream_t *stream)
{
    mosn_container_of(wait, asker_t, wait)->stream = stream;
}


static void
got_failure(mosn_stream_wait_t *wait, mosn_reason_e reason)
{
    mosn_container_of(wait, asker_t, wait)->reason = reason;
}


static void
on_head(mosn_stream_t *stream, mosn_message_t *head, bool end)
{
    (void) stream;
    (void) head;
    heads += end;
}


static void
on_reset(mosn_stream_t *stream, mosn_reason_e reason)
{
    ((asker_t *) stream->owner)->reason = reason;
}


static const mosn_stream_receiver_ops_t receiver = { .on_head = on_head,
                                                     .on_reset = on_reset };


static void
get(asker_t *asker)
{
    *asker = (asker_t){ .wait = { .pool = memory,
                                  .on_stream = got_stream,
                                  .on_failed = got_failure } };
    mosn_stream_pool_get(pool, &asker->wait);
}


/* A GET on the stream, answered by the origin. */
static void
exchange(asker_t *asker, int origin, const char *answer)
{
    mosn_message_t *request = mosn_pool_alloc(memory, sizeof(*request));

    mosn_message_init(request, memory);
    request->method = MOSN_STR("GET");
    request->method_id = MOSN_METHOD_GET;
    request->authority = MOSN_STR("a");
    request->path = MOSN_STR("/");
    asker->stream->owner = asker;
    asker->stream->receiver = &receiver;
    asker->stream->ops->send_head(asker->stream, request, true);
    (void) gate_hear(origin);
    gate_say(origin, answer);
}


#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

int
main(void)
{
    asker_t                 a, b, c;
    int                     origin;
    mosn_stream_pool_conf_t closed_conf;

    gate_open("{ type = \"proxy\"; routes = \"main\"; }",
              "{ route = { cluster = \"c\"; }; }",
              "circuit_breaker = { max_connections = 1; max_pending = 2; }; "
              "max_requests_per_connection = 3; idle_timeout = \"40ms\";");
    memory = mosn_pool_create(MOSN_POOL_STREAM);
    pool = &((mosn_cluster_t *) mosn_map_find(&gate_generation->clusters,
                                              MOSN_STR("c")))
                ->hosts[0]
                ->pool;

    get(&a);
    ok(a.stream == NULL && pool->n_pending == 1, "no connection: one waits");
    origin = gate_accept();
    ok(a.stream != NULL && !a.stream->reused, "the connection is there");
    get(&b);
    get(&c);
    ok(b.stream == NULL && pool->n_connections == 1, "no more than one");
    {
        asker_t d;

        get(&d);
        is_num(d.reason, MOSN_REASON_OVERFLOW, "a third may not wait");
    }
    mosn_stream_pool_cancel(&b.wait);
    is_num(pool->n_pending, 1, "one went away");

    exchange(&a, origin, NO_CONTENT);
    ok(heads == 1 && c.stream != NULL && c.stream->reused,
       "who waits longest gets the connection when it is free");
    exchange(&c, origin, NO_CONTENT);
    ok(!mosn_list_is_empty(&pool->ready), "then it is idle");

    get(&a);
    ok(a.stream != NULL, "an idle one is handed out at once");
    exchange(&a, origin, NO_CONTENT);
    has(gate_hear(origin), "(end)", "closed after three requests");
    (void) close(origin);

    get(&a);
    origin = gate_accept();
    exchange(&a, origin, NO_CONTENT);
    has(gate_await(origin), "(end)", "closed when idle for long");
    (void) close(origin);
    is_num(pool->n_connections, 0, "none is left");

    get(&a);
    origin = gate_accept();
    exchange(&a, origin, NO_CONTENT);
    (void) close(origin);
    gate_turns(3);
    get(&b);
    ok(b.stream == NULL && pool->n_connecting == 1,
       "one that its peer closed is not handed out");
    origin = gate_accept();
    ok(b.stream != NULL, "a new one is");
    b.stream->owner = &b;
    b.stream->receiver = &receiver;
    (void) close(origin);
    gate_turns(3);
    is_num(b.reason, MOSN_REASON_UPSTREAM_CLOSED, "its end ends the stream");

    gate_origin_close();
    gate_remove("origin");
    get(&a);
    gate_turns(3);
    is_num(a.reason, MOSN_REASON_UPSTREAM_CONNECT_FAILED, "nobody there");

    closed_conf = *pool->conf;
    mosn_stream_pool_close(pool);
    ok(pool->closed && closed_conf.max_pending == 2, "closed");
    mosn_pool_destroy(&memory);
    gate_close();
    return done_testing();
}
