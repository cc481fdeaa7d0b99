/* proxy/reply.c - answers of our own. */

#include "os/clock.h"
#include "proto/rpc.h"
#include "proxy/grpc.h"
#include "proxy/request_parts.h"


static void
reply_set_cookie(mosn_message_t *m, mosn_str_t line)
{
    mosn_headers_add(&m->headers, MOSN_HEADER_SET_COOKIE,
                     MOSN_STR("Set-Cookie"), line);
}


static void
reply_set_cookies(const mosn_request_t *r, mosn_message_t *m)
{
    if (r->n_cookies > 0 || r->sticky_cookie.len > 0) {
        mosn_message_need_headers(m);
    }
    for (unsigned i = 0; i < r->n_cookies; i++) {
        reply_set_cookie(m, r->cookies[i].line);
    }
    if (r->sticky_cookie.len > 0) {
        reply_set_cookie(m, r->sticky_cookie);
    }
}


void
mosn_request_edit_response(mosn_request_t *r, mosn_message_t *m)
{
    r->status = m->status; /* for edits that name it */
    if (!m->ours) {
        reply_set_cookies(r, m);
    }
    if (r->route->cors != NULL && m->rpc == NULL) {
        mosn_cors_answer(r->route->cors, r->origin, m, r->preflight);
    }
    if (r->version != NULL) {
        mosn_edits_on_response(r->version->edits, r, m);
    }
    mosn_edits_on_response(r->route->edits, r, m);
    mosn_edits_on_response(r->route->host->edits, r, m);
}


/* Of a request that has come to no route, those of its virtual host. */
static void
reply_edit_for_host(mosn_request_t *r, mosn_message_t *m)
{
    const mosn_routes_t *routes =
        r->routes != NULL ? r->routes : r->conf->table->current;
    const mosn_virtual_host_t *host =
        mosn_virtual_host_find(routes, r->head->authority);

    if (host != NULL) {
        mosn_edits_on_response(host->edits, r, m);
    }
}


void
mosn_request_reply(mosn_request_t *r, unsigned status, mosn_str_t type,
                   mosn_str_t body, mosn_str_t location)
{
    mosn_message_t *m = mosn_pool_alloc(r->pool, sizeof(*m));
    mosn_stream_t  *down = r->down;
    bool            bare =
        body.len == 0 || mosn_status_is_bodyless(status, r->head->method_id);

    mosn_request_drop_upstream(r, r->reason);
    mosn_message_init(m, r->pool);
    m->status = status;
    m->ours = true;
    m->reason = r->reason;
    m->content_length = (int64_t) body.len;
    mosn_headers_add(
        &m->headers, MOSN_HEADER_DATE, MOSN_STR("Date"),
        mosn_pool_copy(r->pool, mosn_str(mosn_clock_http_date())));
    if (body.len > 0) {
        mosn_headers_add(&m->headers, MOSN_HEADER_CONTENT_TYPE,
                         MOSN_STR("Content-Type"), type);
    }
    if (location.len > 0) {
        mosn_headers_add(&m->headers, MOSN_HEADER_LOCATION,
                         MOSN_STR("Location"), location);
    }

    r->status = status;
    if (r->route != NULL) {
        mosn_request_edit_response(r, m);
    } else {
        reply_edit_for_host(r, m);
    }
    if (r->grpc && status >= 400) {
        mosn_grpc_answer(m, r->pool, r->reason, r->type, body);
        r->status = m->status;
        bare = true;
    }
    r->responded = true;
    r->response = m;
    r->answered_ns = r->loop->now_ns;
    down->ops->send_head(down, m, bare);
    if (!bare && !r->over) {
        mosn_buf_t data;

        mosn_buf_open(&data, body.len);
        memcpy(data.pos, body.at, body.len);
        data.last += body.len;
        r->bytes_sent += body.len;
        down->ops->send_data(down, &data, true);
        mosn_buf_close(&data);
    }
    mosn_request_finish(r);
}


/* "Bad Gateway\n" */
void
mosn_request_reply_status(mosn_request_t *r, unsigned status)
{
    mosn_str_t phrase = mosn_status_phrase(status);

    mosn_request_reply(
        r, status, MOSN_STR("text/plain"),
        mosn_pool_printf(r->pool, "%.*s\n", MOSN_STR_ARG(phrase)),
        MOSN_STR_NULL);
}


void
mosn_request_fail(mosn_request_t *r, mosn_reason_e reason)
{
    r->reason = reason;
    mosn_request_log_failure(r, reason);
    if (r->responded) {
        mosn_stream_t *down = r->down;

        mosn_request_finish(r);
        down->ops->reset(down, reason);
        return;
    }
    mosn_request_reply_status(r, mosn_reasons[reason].status);
}
