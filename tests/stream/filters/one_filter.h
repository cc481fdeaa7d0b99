/* one_filter.h - a stream filter by itself: its settings, a request, and
 * what it replied. */

#ifndef ONE_FILTER_H
#define ONE_FILTER_H

#include "tap.h"
#include "core/conf.h"
#include "stream/filter.h"

static mosn_loop_t    one_loop;
static mosn_conn_t    one_conn;
static mosn_stream_t  one_stream;
static mosn_filter_t  one_filter;
static mosn_message_t one_head;
static unsigned       one_replied, one_resumed;


static void
one_on_reply(mosn_stream_t *stream, unsigned status, mosn_str_t body)
{
    (void) stream;
    (void) body;
    one_replied = status;
}


static void
one_on_resume(mosn_stream_t *stream, mosn_filter_t *filter)
{
    (void) stream;
    (void) filter;
    one_resumed++;
}


static const mosn_stream_receiver_ops_t one_receiver = {
    .on_reply = one_on_reply,
    .on_filter_resume = one_on_resume,
};


/* Makes the filter with `text` as its settings; the number of mistakes. */
static size_t
one_make(const mosn_filter_ops_t *ops, const char *text)
{
    mosn_pool_t      *pool = one_stream.pool;
    mosn_conf_block_t block = { .doc = ops->doc,
                                .size = ops->conf_size,
                                .directives = ops->directives,
                                .check = ops->check };
    void             *conf;
    mosn_conf_t      *reader;
    size_t            n;

    if (pool == NULL) {
        pool = mosn_pool_create(MOSN_POOL_CONF);
        if (mosn_loop_init(&one_loop) != MOSN_OK) {
            abort();
        }
    }
    conf = mosn_pool_calloc(pool, ops->conf_size);
    reader = mosn_conf_create(pool);
    (void) mosn_conf_read_text(reader, "text", text, &block, conf);
    n = mosn_conf_n_errors(reader);
    mosn_conf_destroy(&reader);

    one_conn.loop = &one_loop;
    one_stream = (mosn_stream_t){ .receiver = &one_receiver,
                                  .conn = &one_conn,
                                  .pool = pool };
    one_filter =
        (mosn_filter_t){ .ops = ops, .conf = conf, .stream = &one_stream };
    one_replied = one_resumed = 0;
    mosn_message_init(&one_head, pool);
    return n;
}


static int
one_end(void)
{
    mosn_pool_destroy(&one_stream.pool);
    mosn_loop_fini(&one_loop);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}


#endif
