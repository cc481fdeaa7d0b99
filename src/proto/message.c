/* proto/message.c - methods, statuses and heads. */

#include "proto/message.h"

#define HEADERS_ROOM 28


static void
message_let_go(void *object)
{
    mosn_message_t *message = object;

    if (message->block != NULL) {
        mosn_block_unref(message->block);
        message->block = NULL;
    }
}


static void
message_start(mosn_message_t *message, mosn_pool_t *pool)
{
    memset(message, 0, sizeof(*message));
    message->version = MOSN_HTTP_11;
    message->content_length = -1;
    mosn_headers_init(&message->headers, pool, HEADERS_ROOM);
}


void
mosn_message_init(mosn_message_t *message, mosn_pool_t *pool)
{
    message_start(message, pool);
    mosn_pool_on_destroy(pool, message_let_go, message);
}


void
mosn_message_reset(mosn_message_t *message)
{
    message_let_go(message);
    message_start(message, message->headers.pool);
}


mosn_method_e
mosn_method_find(mosn_str_t name)
{
    static const struct {
        mosn_str_t    name;
        mosn_method_e id;
    } methods[] = {
        { MOSN_STR_INIT("GET"), MOSN_METHOD_GET },
        { MOSN_STR_INIT("POST"), MOSN_METHOD_POST },
        { MOSN_STR_INIT("HEAD"), MOSN_METHOD_HEAD },
        { MOSN_STR_INIT("PUT"), MOSN_METHOD_PUT },
        { MOSN_STR_INIT("DELETE"), MOSN_METHOD_DELETE },
        { MOSN_STR_INIT("OPTIONS"), MOSN_METHOD_OPTIONS },
        { MOSN_STR_INIT("TRACE"), MOSN_METHOD_TRACE },
        { MOSN_STR_INIT("CONNECT"), MOSN_METHOD_CONNECT },
    };

    for (size_t i = 0; i < MOSN_COUNT(methods); i++) {
        if (mosn_str_equal(methods[i].name, name)) {
            return methods[i].id;
        }
    }
    return MOSN_METHOD_OTHER;
}


bool
mosn_method_is_idempotent(mosn_method_e method)
{
    return method != MOSN_METHOD_OTHER && method != MOSN_METHOD_POST
           && method != MOSN_METHOD_CONNECT;
}


mosn_str_t
mosn_status_phrase(unsigned status)
{
    static const struct {
        unsigned   status;
        mosn_str_t phrase;
    } phrases[] = {
        { 200, MOSN_STR_INIT("OK") },
        { 100, MOSN_STR_INIT("Continue") },
        { 101, MOSN_STR_INIT("Switching Protocols") },
        { 201, MOSN_STR_INIT("Created") },
        { 202, MOSN_STR_INIT("Accepted") },
        { 204, MOSN_STR_INIT("No Content") },
        { 206, MOSN_STR_INIT("Partial Content") },
        { 301, MOSN_STR_INIT("Moved Permanently") },
        { 302, MOSN_STR_INIT("Found") },
        { 303, MOSN_STR_INIT("See Other") },
        { 304, MOSN_STR_INIT("Not Modified") },
        { 307, MOSN_STR_INIT("Temporary Redirect") },
        { 308, MOSN_STR_INIT("Permanent Redirect") },
        { 400, MOSN_STR_INIT("Bad Request") },
        { 401, MOSN_STR_INIT("Unauthorized") },
        { 403, MOSN_STR_INIT("Forbidden") },
        { 404, MOSN_STR_INIT("Not Found") },
        { 405, MOSN_STR_INIT("Method Not Allowed") },
        { 408, MOSN_STR_INIT("Request Timeout") },
        { 409, MOSN_STR_INIT("Conflict") },
        { 410, MOSN_STR_INIT("Gone") },
        { 411, MOSN_STR_INIT("Length Required") },
        { 413, MOSN_STR_INIT("Content Too Large") },
        { 414, MOSN_STR_INIT("URI Too Long") },
        { 417, MOSN_STR_INIT("Expectation Failed") },
        { 421, MOSN_STR_INIT("Misdirected Request") },
        { 429, MOSN_STR_INIT("Too Many Requests") },
        { 431, MOSN_STR_INIT("Request Header Fields Too Large") },
        { 500, MOSN_STR_INIT("Internal Server Error") },
        { 501, MOSN_STR_INIT("Not Implemented") },
        { 502, MOSN_STR_INIT("Bad Gateway") },
        { 503, MOSN_STR_INIT("Service Unavailable") },
        { 504, MOSN_STR_INIT("Gateway Timeout") },
        { 505, MOSN_STR_INIT("HTTP Version Not Supported") },
    };

    for (size_t i = 0; i < MOSN_COUNT(phrases); i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return MOSN_STR("");
}
