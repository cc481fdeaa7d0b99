/*
 * proxy/heartbeat.c - heartbeats of clients, where they are about the hosts.
 *
 *   health  answered by what is known of the hosts of the cluster: would one
 *           of them get requests?
 *   pass    goes to one of them; its answer answers those that come soon
 *           after
 *
 * A service asks its mesh, a mesh another mesh, that one its service: so a
 * heartbeat says something about the far end, and costs it little.
 */

#include "proxy/request.h"

#include "proto/rpc.h"


static bool
heartbeat_is_well(const mosn_cluster_t *cluster, uint64_t now)
{
    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        if (mosn_host_why_not(cluster->hosts[i], now) == NULL) {
            return true;
        }
    }
    return cluster->originals != NULL;
}


mosn_cluster_t *
mosn_heartbeat_take(mosn_request_t *r, unsigned *status_r)
{
    const mosn_rpc_conf_t *conf = &r->conf->rpc;
    mosn_cluster_t        *cluster = r->conf->heartbeats;
    uint64_t               now = r->loop->now_ms;

    if (conf->heartbeat == MOSN_HEARTBEAT_HEALTH) {
        *status_r = heartbeat_is_well(cluster, now) ? 200 : 503;
        return NULL;
    }
    if (cluster->beat_ms != 0
        && now - cluster->beat_ms < conf->heartbeat_cache_ms) {
        *status_r = cluster->beats_well ? 200 : 503;
        return NULL;
    }
    r->heartbeat = true;
    return cluster;
}


void
mosn_heartbeat_note(const mosn_request_t *r)
{
    if (r->reason != MOSN_REASON_CLIENT_CLOSED) {
        r->cluster->beat_ms = r->loop->now_ms;
        r->cluster->beats_well = r->status == 200;
    }
}
