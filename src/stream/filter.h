/*
 * stream/filter.h - filters on requests and responses, whatever the protocol.
 *
 * A filter is one file in stream/filters with a MOSN_MODULE line.  Filters
 * of a request run in the order of the configuration; on the way back in the
 * reverse order.  A verdict says one thing:
 *
 *    NEXT     go on
 *    PAUSE    wait; mosn_filter_resume() exactly once, later
 *    END      I replied with mosn_stream_reply()
 *
 * The route is looked up behind the filters of the request: what they change
 * of its head decides.
 */

#ifndef MOSN_STREAM_FILTER_H
#define MOSN_STREAM_FILTER_H

#include "core/module.h"
#include "stream/stream.h"

typedef struct {
    MOSN_MODULE_FIELDS

    /* Any of them may be NULL.  Heads may be changed.  Data is borrowed; of
     * the verdicts only NEXT and END are for data. */
    mosn_verdict_e (*on_request)(mosn_filter_t *filter, mosn_stream_t *stream,
                                 mosn_message_t *request);
    mosn_verdict_e (*on_request_data)(mosn_filter_t    *filter,
                                      mosn_stream_t    *stream,
                                      const mosn_buf_t *data, bool end);
    mosn_verdict_e (*on_response)(mosn_filter_t *filter, mosn_stream_t *stream,
                                  mosn_message_t *response);
    mosn_verdict_e (*on_response_data)(mosn_filter_t    *filter,
                                       mosn_stream_t    *stream,
                                       const mosn_buf_t *data, bool end);

    /* Change a body: what is in `body` goes on, and what is put there in its
     * place; who does that makes the length of the head unknown.  Called
     * behind the ones above, with an empty chain when the end comes alone. */
    void (*change_request)(mosn_filter_t *filter, mosn_stream_t *stream,
                           mosn_chain_t *body, bool end);
    void (*change_response)(mosn_filter_t *filter, mosn_stream_t *stream,
                            mosn_chain_t *body, bool end);

    /* Trailers: `body` goes before them, and instead when `trailers->n` is
     * made 0. */
    void (*on_response_trailers)(mosn_filter_t *filter, mosn_stream_t *stream,
                                 mosn_headers_t *trailers, mosn_chain_t *body);

    /* The request is over, however it ended; disarm what is armed. */
    void (*on_end)(mosn_filter_t *filter, mosn_stream_t *stream);
} mosn_filter_ops_t;

struct mosn_filter_s {
    const mosn_filter_ops_t *ops;
    const void              *conf;
    void                    *state; /* the filter's own; starts as NULL */
    mosn_stream_t           *stream;
};

/* Bytes of body that the head announces; 0 when it does not say. */
static inline uint64_t
mosn_message_body_len(const mosn_message_t *message)
{
    return message->content_length > 0 ? (uint64_t) message->content_length
                                       : 0;
}


/* Answers the request here; only from a filter of it, which then says END.
 * `body` may be empty: then the status's name is sent. */
static inline void
mosn_stream_reply_with(mosn_stream_t *stream, unsigned status, mosn_str_t body)
{
    stream->receiver->on_reply(stream, status, body);
}


static inline void
mosn_stream_reply(mosn_stream_t *stream, unsigned status)
{
    mosn_stream_reply_with(stream, status, MOSN_STR_NULL);
}


/* The filter that said PAUSE says NEXT now. */
static inline void
mosn_filter_resume(mosn_filter_t *filter)
{
    filter->stream->receiver->on_filter_resume(filter->stream, filter);
}


#endif
