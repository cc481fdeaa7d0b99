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
bool
mosn_request_check_upgrade(mosn_request_t *r)
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


/* A client may use a connection for another name only when its certificate
 * vouches for that too (RFC 9110, 7.4). */
bool
mosn_request_is_for_us(const mosn_request_t *r)
{
    mosn_str_t  host = r->authority;
    const char *colon;

    if (!r->conf->match_server_name || host.len == 0 || host.at[0] == '[') {
        return true;
    }
    colon = memrchr(host.at, ':', host.len);
    if (colon != NULL) {
        host.len = (size_t) (colon - host.at);
    }
    if (host.len > 0 && host.at[host.len - 1] == '.') {
        host.len--;
    }
    return mosn_tls_covers(r->pc->conn, host);
}
