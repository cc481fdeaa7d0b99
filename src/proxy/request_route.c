/* proxy/request_route.c - which route a request takes, and what that does. */

#include "proto/rpc.h"
#include "proxy/format.h"
#include "proxy/grpc.h"
#include "proxy/request_parts.h"


bool
mosn_request_rewrite(mosn_request_t *r)
{
    const mosn_forward_conf_t *conf = r->route->conf->route;

    if (r->head->path.len > 0) { /* CONNECT has none */
        r->head->path =
            mosn_route_rewrite_path(r->route, r->head->path, r->pool);
        if (r->head->path.at == NULL) {
            return false;
        }
    }
    if (r->route->host_rewrite != NULL) {
        mosn_str_t host =
            mosn_format_value(r->route->host_rewrite, r, r->pool);

        r->head->authority = host.len > 0 ? host : r->head->authority;
    } else if (conf->host_regex_rewrite != NULL) {
        mosn_str_t host = mosn_regex_replace(
            conf->host_regex_rewrite->compiled, r->head->authority,
            conf->host_regex_rewrite->substitution, r->pool);

        r->head->authority = host.len > 0 ? host : r->head->authority;
    }
    return true;
}


static void
request_to_cluster(mosn_request_t *r)
{
    const mosn_forward_conf_t *conf = r->route->conf->route;

    r->cluster = mosn_route_pick_cluster(r->route, r->conf->generation,
                                         r->head, &r->subset);
    if (r->cluster == NULL) {
        mosn_request_fail(r, MOSN_REASON_NO_CLUSTER);
        return;
    }
    r->version = mosn_cluster_version_ref(r->cluster->version);
    r->timeout_ms = conf->timeout_ms;
    r->idle_ms = conf->idle_timeout_ms;
    r->high = conf->priority == MOSN_PRIORITY_HIGH;
    if (r->grpc) {
        uint64_t ms = mosn_grpc_timeout_ms(r->head);

        r->deadline_ms = ms > 0 ? r->loop->now_ms + ms : 0;
    }
    if (r->route->rewrites && r->head->rpc == NULL && !mosn_request_rewrite(r))
    {
        mosn_request_fail(r, MOSN_REASON_URI_TOO_LONG);
        return;
    }
    r->edits = r->route->edits != NULL || r->route->host->edits != NULL
               || r->version->edits != NULL;
    mosn_edits_on_request(r->route->edits, r, r->head);
    mosn_edits_on_request(r->route->host->edits, r, r->head);
    mosn_edits_on_request(r->version->edits, r, r->head);
    if (r->head->rpc != NULL) {
        if (mosn_request_prepare_call(r)) {
            mosn_request_admit(r);
        } else {
            mosn_request_fail(r, MOSN_REASON_BAD_REQUEST);
        }
        return;
    }
    mosn_request_add_headers(r);
    if (r->head->expect_continue && !r->received_all
        && r->version->pool_conf.protocol->rpc != NULL)
    {
        mosn_stream_say_continue(r->down); /* hosts speak no HTTP */
    }
    mosn_request_admit(r);
}


static void
request_on_heartbeat(mosn_request_t *r)
{
    unsigned status;

    r->cluster = mosn_heartbeat_take(r, &status);
    if (r->cluster == NULL) {
        mosn_request_reply_status(r, status);
        return;
    }
    r->version = mosn_cluster_version_ref(r->cluster->version);
    r->timeout_ms = r->version->conf->rpc.heartbeat_timeout_ms;
    if (mosn_request_prepare_call(r)) {
        mosn_request_forward(r);
    } else {
        mosn_request_fail(r, MOSN_REASON_INTERNAL);
    }
}


const mosn_route_t *
mosn_request_find_preflight(mosn_request_t *r, mosn_match_input_t *in)
{
    mosn_str_t          method = r->head->method, wanted;
    const mosn_route_t *route;

    wanted = mosn_cors_method(r->head);
    if (wanted.len == 0) {
        return NULL;
    }
    r->head->method = wanted;
    route = mosn_route_find(r->routes, in);
    r->head->method = method;
    if (route == NULL || route->cors == NULL) {
        return NULL; /* an OPTIONS like others */
    }
    r->preflight = true;
    return route;
}


void
mosn_request_route(mosn_request_t *r)
{
    mosn_match_input_t         in;
    const mosn_respond_conf_t *respond;

    if (r->head->rpc != NULL && mosn_rpc_is_heartbeat(r->head->rpc)) {
        request_on_heartbeat(r);
        return;
    }
    if (r->n_filters > 0) { /* they may have made it one */
        r->grpc |= mosn_grpc_is(r->head);
    }
    mosn_match_input(&in, r->head, r->pc->conn);
    in.variable = mosn_variable_value;
    in.variables_of = r;
    r->routes = mosn_routes_ref(r->conf->table->current);
    if (r->head->method_id == MOSN_METHOD_OPTIONS) {
        r->route = mosn_request_find_preflight(r, &in);
    }
    if (r->route == NULL) {
        r->route = mosn_route_find(r->routes, &in);
    }
    if (r->route == NULL || !mosn_route_may_answer(r->route, r->head)) {
        mosn_request_fail(r, MOSN_REASON_NO_ROUTE);
        return;
    }
    if (r->route->cors != NULL && r->head->rpc == NULL) {
        r->origin = mosn_cors_origin(r->head); /* edits may take it off */
    }
    if (r->preflight) {
        mosn_request_reply(r, 204, MOSN_STR_NULL, MOSN_STR_NULL,
                           MOSN_STR_NULL);
        return;
    }
    if (r->route->conf->route != NULL) {
        request_to_cluster(r);
        return;
    }

    respond = r->route->conf->respond;
    if (respond != NULL) {
        mosn_request_reply(r, (unsigned) respond->status,
                           respond->content_type, r->route->body,
                           MOSN_STR_NULL);
    } else {
        mosn_str_t location = mosn_route_location(r->route, r->head, r->pool);

        if (location.at == NULL) {
            mosn_request_fail(r, MOSN_REASON_URI_TOO_LONG);
            return;
        }
        mosn_request_reply(r, (unsigned) r->route->conf->redirect->status,
                           MOSN_STR_NULL, MOSN_STR_NULL, location);
    }
}
