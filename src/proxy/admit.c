/* proxy/admit.c - what of a request is let in, before anybody sees it. */

#include "proto/path.h"
#include "proxy/request.h"

void
mosn_request_spell_path(const mosn_proxy_conf_t *conf, mosn_message_t *head,
                        mosn_pool_t *pool)
{
    if (conf->normalize_path) {
        head->path =
            mosn_path_normalize(head->path, conf->merge_slashes, pool);
    }
}


/* Upgrades that are not on the list are not passed on; HTTP goes on, where
 * there is more to the request.  False: there is not. */
static bool
admit_upgrade(mosn_request_t *r)
{
    const mosn_strs_t *allowed = &r->conf->upgrades;
    mosn_message_t    *m = r->head;

    for (size_t i = 0; i < allowed->n; i++) {
        if (mosn_str_equal_nocase(allowed->items[i], m->upgrade)) {
            return true;
        }
    }
    m->upgrade = MOSN_STR_NULL;
    return !m->upgrade_only;
}


mosn_str_t
mosn_request_vouched_host(const mosn_request_t *r)
{
    mosn_str_t  host = r->authority;
    const char *colon;

    if (!r->conf->match_server_name || host.len == 0 || host.at[0] == '[') {
        return MOSN_STR_NULL;
    }
    colon = memrchr(host.at, ':', host.len);
    if (colon != NULL) {
        host.len = (size_t) (colon - host.at);
    }
    if (host.len > 0 && host.at[host.len - 1] == '.') {
        host.len--;
    }
    return host;
}


static bool
admit_host(const mosn_request_t *r)
{
    mosn_str_t host = mosn_request_vouched_host(r);

    return host.at == NULL || mosn_tls_covers(r->pc->conn, host);
}


mosn_reason_e
mosn_request_check(mosn_request_t *r)
{
    mosn_message_t *head = r->head;
    size_t          max = r->conf->max_body_bytes;

    if (r->pc->conn->tls != NULL && !admit_host(r)) {
        return MOSN_REASON_MISDIRECTED;
    }
    if (max > 0 && mosn_message_body_len(head) > max) {
        return MOSN_REASON_BODY_TOO_LARGE;
    }
    if ((head->method_id == MOSN_METHOD_CONNECT && !r->conf->allow_connect)
        || (head->upgrade.len > 0 && !admit_upgrade(r)))
    {
        return MOSN_REASON_METHOD_NOT_ALLOWED;
    }
    return MOSN_REASON_NONE;
}
