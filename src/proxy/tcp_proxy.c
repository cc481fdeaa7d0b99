/*
 * proxy/tcp_proxy.c - the "tcp_proxy" network filter: a connection to a
 * host for each connection of a client, and bytes between them.
 *
 * Either side may end its direction while the other goes on (half-close).
 * What is read from one side is queued on the other; when that is blocked,
 * reading pauses.  Once a direction runs at full buffers it is spliced.
 */

#include "core/log.h"
#include "event/listener.h"
#include "event/transfer.h"
#include "proxy/original.h"
#include "proxy/request.h"

#define MAX_ATTEMPTS 3
#define BULK_READS   4 /* full reads in a row before splicing */
#define NAMES_MS     20u
#define STUCK_MAX    10u

typedef struct {
    mosn_str_t         cluster;
    uint32_t           idle_timeout_ms;
    bool               splice;
    mosn_generation_t *generation; /* built, as what follows */
    mosn_live_t       *live;
    mosn_cluster_t    *target;
} tcp_proxy_conf_t;

typedef struct {
    unsigned        full_reads;
    bool            paused; /* its source, by us */
    mosn_transfer_t transfer;
} tcp_direction_t;

/* In a pool of its own: either connection may be the last. */
typedef struct {
    mosn_pool_t            *pool;
    mosn_loop_t            *loop;
    const tcp_proxy_conf_t *conf;
    mosn_conn_t            *down; /* NULL when it is closed */
    mosn_conn_t            *up;   /* NULL before and after */
    mosn_host_t            *host; /* NULL: not of the cluster any more */
    mosn_address_t          up_address;
    unsigned                attempts;
    const mosn_host_t      *tried[MAX_ATTEMPTS];
    bool                    connected;
    uint64_t                moved_before; /* spliced, when last idle */
    uint64_t                taken_down;   /* the same, by the peers */
    uint64_t                taken_up;
    tcp_direction_t         to_up;
    tcp_direction_t         to_down;
    mosn_timer_t            names;   /* of the cluster: looked at again */
    bool                    leaving; /* for another process */
    unsigned                stuck;   /* times in a row that, leaving, ... */
    size_t                  unsent;  /* ... there was so much still */
} tcp_proxy_t;

static void tcp_connect(tcp_proxy_t *tcp);

static const mosn_directive_t tcp_proxy_directives[] = {
    MOSN_STRING_REQUIRED(tcp_proxy_conf_t, cluster,
                         "Name of the cluster to connect to."),
    MOSN_DURATION(tcp_proxy_conf_t, idle_timeout, 1, 604800000, 3600000,
                  "Both connections are closed when nothing moved in "
                  "either direction for this long."),
    MOSN_BOOL(tcp_proxy_conf_t, splice, true,
              "Move bulk inside the kernel, by splice(2)."),
    MOSN_DIRECTIVES_END
};


static void
tcp_proxy_build(mosn_conf_t *reader, mosn_generation_t *generation, void *conf,
                mosn_str_t listener MOSN_UNUSED)
{
    tcp_proxy_conf_t *t = conf;

    t->generation = generation;
    t->live = generation->live;
    if (t->cluster.at != NULL) {
        t->target = mosn_cluster_resolve(reader, generation, &t->cluster);
    }
}


static bool
tcp_proxy_names(const void *conf, mosn_str_t cluster)
{
    return mosn_str_equal(((const tcp_proxy_conf_t *) conf)->cluster, cluster);
}


static void
tcp_use_host(tcp_proxy_t *tcp, mosn_host_t *host)
{
    if (tcp->host != NULL) {
        mosn_host_unref(tcp->host);
    }
    tcp->host = host != NULL ? mosn_host_ref(host) : NULL;
}


static void
tcp_release(tcp_proxy_t *tcp)
{
    if (tcp->down == NULL && tcp->up == NULL) {
        tcp_use_host(tcp, NULL);
        mosn_live_unref(tcp->conf->live);
        mosn_loop_bury(tcp->loop, &(mosn_pool_t *){ tcp->pool });
    }
}


/* --- bytes -------------------------------------------------------------- */

static tcp_direction_t *
tcp_direction(tcp_proxy_t *tcp, const mosn_conn_t *from)
{
    return from == tcp->down ? &tcp->to_up : &tcp->to_down;
}


/* A direction that fills whole large blocks is bulk: the kernel moves it. */
static void
tcp_consider_splice(tcp_proxy_t *tcp, mosn_conn_t *from, mosn_conn_t *to,
                    size_t n)
{
    tcp_direction_t *direction = tcp_direction(tcp, from);

    if (!tcp->conf->splice) {
        return;
    }
    direction->full_reads =
        n >= MOSN_BLOCK_LARGE / 2 ? direction->full_reads + 1 : 0;
    if (direction->full_reads >= BULK_READS
        && mosn_transfer_start(&direction->transfer, from, to))
    {
        direction->full_reads = 0;
    }
}


static void
tcp_move(tcp_proxy_t *tcp, mosn_conn_t *from, mosn_conn_t *to)
{
    size_t n = mosn_buf_len(&from->in);

    if (n > 0) {
        mosn_conn_write_buf(to, &from->in);
        from->in.pos = from->in.last;
        mosn_conn_arm_idle(tcp->down, tcp->conf->idle_timeout_ms);
        if (to->blocked && !tcp_direction(tcp, from)->paused) {
            tcp_direction(tcp, from)->paused = true;
            mosn_conn_pause_read(from);
        }
        tcp_consider_splice(tcp, from, to, n);
    }

    if (from->eof) {
        if (to->eof) {
            mosn_conn_close_flushed(to, MOSN_REASON_NONE, false);
            mosn_conn_close_flushed(from, MOSN_REASON_NONE, false);
        } else {
            mosn_conn_shutdown(to);
        }
    }
}


/* `to` takes more again: its source may go on. */
static void
tcp_drained(tcp_proxy_t *tcp, mosn_conn_t *from)
{
    tcp_direction_t *direction = tcp_direction(tcp, from);

    if (direction->paused && !tcp->leaving) {
        direction->paused = false;
        mosn_conn_resume_read(from);
    }
}


/* --- upstream ----------------------------------------------------------- */

static mosn_verdict_e
tcp_up_on_read(mosn_net_filter_t *filter, mosn_conn_t *up)
{
    tcp_proxy_t *tcp = filter->state;

    if (tcp->down != NULL) {
        tcp_move(tcp, up, tcp->down);
    }
    return up->closed ? MOSN_END : MOSN_NEXT;
}


static void
tcp_count(const tcp_proxy_t *tcp, uint32_t slot, bool up)
{
    uint32_t cluster = tcp->conf->target->metrics + slot;

    if (up) {
        mosn_metric_inc(cluster);
    } else {
        mosn_metric_dec(cluster);
    }
    if (tcp->host == NULL) {
        return; /* adopted, and its host is no longer of the cluster */
    }
    if (up) {
        mosn_metric_inc(tcp->host->metrics + slot);
    } else {
        mosn_metric_dec(tcp->host->metrics + slot);
    }
}


/* It could not be connected to. */
static void
tcp_blame(const tcp_proxy_t *tcp)
{
    mosn_outlier_note(tcp->conf->target, tcp->host, MOSN_OUTCOME_LOCAL_ERROR,
                      tcp->loop->now_ms);
}


static void
tcp_up_connected(tcp_proxy_t *tcp)
{
    tcp->connected = true;
    mosn_outlier_note(tcp->conf->target, tcp->host, MOSN_OUTCOME_ANSWER,
                      tcp->loop->now_ms);
    mosn_conn_resume_read(tcp->down);
    if (mosn_buf_len(&tcp->down->in) > 0 || tcp->down->eof) {
        mosn_conn_run_again(tcp->down);
    }
}


static void
tcp_up_closed(tcp_proxy_t *tcp, mosn_conn_t *up)
{
    mosn_conn_t *down = tcp->down;

    tcp->up = NULL;
    tcp->leaving = false;
    tcp_count(tcp, MOSN_UPSTREAM_ACTIVE, false);
    if (down == NULL) {
        tcp_release(tcp);
        return;
    }
    if (!tcp->connected) {
        tcp_count(tcp,
                  up->reason == MOSN_REASON_UPSTREAM_CONNECT_TIMEOUT
                      ? MOSN_UPSTREAM_CONNECT_TIMEOUT
                      : MOSN_UPSTREAM_CONNECT_FAILED,
                  true);
        tcp_blame(tcp);
        mosn_log_warn(0, "upstream %.*s: %s", MOSN_STR_ARG(tcp->host->name),
                      mosn_reasons[up->reason].text);
        tcp_connect(tcp);
        return;
    }
    tcp_drained(tcp, down);
    if (up->reason == MOSN_REASON_NONE) {
        mosn_conn_close_flushed(down, MOSN_REASON_NONE, false);
    } else {
        mosn_conn_abort(down, up->reason); /* cut, and not to look whole */
    }
}


static void
tcp_up_on_event(mosn_net_filter_t *filter, mosn_conn_t *up,
                mosn_conn_event_e event)
{
    tcp_proxy_t *tcp = filter->state;

    switch (event) {
    case MOSN_CONN_CONNECTED:
        if (tcp->down != NULL) {
            tcp_up_connected(tcp);
        }
        break;
    case MOSN_CONN_CLOSED:
        tcp_up_closed(tcp, up);
        break;
    case MOSN_CONN_DRAINED:
        if (tcp->down != NULL) {
            tcp_drained(tcp, tcp->down);
        }
        break;
    default:
        break;
    }
}


static const mosn_net_filter_ops_t tcp_up_filter = {
    .on_read = tcp_up_on_read,
    .on_event = tcp_up_on_event,
    .terminal = true,
};


static mosn_host_t *
tcp_pick(const tcp_proxy_t *tcp)
{
    mosn_cluster_t *cluster = tcp->conf->target;

    return cluster->originals != NULL
               ? mosn_original_pick(cluster, tcp->down)
               : mosn_cluster_pick(
                   cluster, &(mosn_pick_t){ .avoid = tcp->host,
                                            .tried = tcp->tried,
                                            .n_tried = tcp->attempts,
                                            .now_ns = tcp->loop->now_ns });
}


static void
tcp_connect(tcp_proxy_t *tcp)
{
    mosn_cluster_t *cluster = tcp->conf->target;
    mosn_reason_e   reason = MOSN_REASON_UPSTREAM_CONNECT_FAILED;
    mosn_host_t    *host;

    while (tcp->attempts < MAX_ATTEMPTS
           && (tcp->attempts == 0 || cluster->n_hosts > 1))
    {
        host = tcp_pick(tcp);
        if (host == NULL && mosn_cluster_awaits_names(cluster)) {
            mosn_timer_arm(tcp->loop, &tcp->names, NAMES_MS);
            return;
        }
        if (host == NULL) {
            reason = tcp->attempts == 0 ? MOSN_REASON_NO_HOST : reason;
            break;
        }
        if (mosn_stream_pool_is_full(&host->pool)) {
            mosn_metric_inc(cluster->metrics + MOSN_UPSTREAM_PENDING_OVERFLOW);
            reason = MOSN_REASON_OVERFLOW;
            break;
        }
        tcp->tried[tcp->attempts++] = host;
        tcp_use_host(tcp, host);
        tcp->up_address = host->address;
        tcp->up = mosn_conn_connect(tcp->down->loop, &host->address,
                                    cluster->conf->connect_timeout_ms);
        if (tcp->up != NULL) {
            tcp_count(tcp, MOSN_UPSTREAM_CONNECTIONS, true);
            tcp_count(tcp, MOSN_UPSTREAM_ACTIVE, true);
            (void) mosn_conn_add_filter(tcp->up, &tcp_up_filter, NULL, tcp);
            if (host->version->pool_conf.tls != NULL
                && mosn_tls_connect(tcp->up, host->version->pool_conf.tls,
                                    &host->pool.tls_memory)
                       != MOSN_OK)
            {
                mosn_conn_close(tcp->up, MOSN_REASON_INTERNAL);
            }
            return;
        }
        tcp_count(tcp, MOSN_UPSTREAM_CONNECT_FAILED, true);
        tcp_blame(tcp);
        mosn_log_warn(0, "cannot connect to upstream %.*s",
                      MOSN_STR_ARG(host->name));
    }
    mosn_reason_count(reason);
    mosn_conn_abort(tcp->down, reason);
}


static void
tcp_look_for_names(mosn_timer_t *timer)
{
    tcp_connect(mosn_container_of(timer, tcp_proxy_t, names));
}


/* --- downstream --------------------------------------------------------- */

/* A connection that an older worker gave away, with its upstream. */
static void
tcp_adopt(tcp_proxy_t *tcp)
{
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };
    mosn_listener_t         *l = tcp->down->listener;
    mosn_cluster_t          *cluster = tcp->conf->target;
    int                      fd = l->adopted_fd;

    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        if (mosn_address_equal(&cluster->hosts[i]->address, &l->adopted_to)) {
            tcp_use_host(tcp, cluster->hosts[i]);
        }
    }
    if (cluster->originals != NULL) {
        tcp_use_host(tcp, mosn_original_find(cluster, &l->adopted_to));
    }
    l->adopted_fd = -1;
    tcp->up = mosn_conn_create(tcp->loop, fd, &nobody);
    if (tcp->up == NULL) {
        mosn_conn_abort(tcp->down, MOSN_REASON_INTERNAL);
        return;
    }
    tcp->connected = true;
    tcp->up_address = l->adopted_to;
    tcp_count(tcp, MOSN_UPSTREAM_ACTIVE, true);
    (void) mosn_conn_add_filter(tcp->up, &tcp_up_filter, NULL, tcp);
}


static size_t
tcp_unsent(const tcp_direction_t *direction, const mosn_conn_t *to)
{
    return to->out.bytes
           + (direction->transfer.running ? direction->transfer.in_pipe : 0);
}


static void
tcp_hold(tcp_proxy_t *tcp, mosn_conn_t *from, bool hold)
{
    tcp_direction_t *direction = tcp_direction(tcp, from);

    if (hold && !direction->paused) {
        direction->paused = true;
        mosn_conn_pause_read(from);
    } else if (!hold && direction->paused) {
        direction->paused = false;
        mosn_conn_resume_read(from);
    }
}


/* Who was held for leaving is read again; not who is because of what the
 * other side has not taken. */
static void
tcp_stay(tcp_proxy_t *tcp)
{
    if (tcp->leaving) {
        tcp->leaving = false;
        tcp_hold(tcp, tcp->down, tcp->up->blocked);
        tcp_hold(tcp, tcp->up, tcp->down->blocked);
    }
}


/* What was read has to be taken before both can go: nothing more is read
 * meanwhile.  A peer that takes nothing may do so because it is not read. */
static bool
tcp_waits(tcp_proxy_t *tcp)
{
    size_t to_up = tcp_unsent(&tcp->to_up, tcp->up);
    size_t to_down = tcp_unsent(&tcp->to_down, tcp->down);
    bool   moves = to_up + to_down < tcp->unsent;

    tcp->unsent = to_up + to_down;
    tcp->stuck = moves ? 0 : tcp->stuck + 1;
    if (to_up + to_down == 0) {
        return false;
    }
    tcp->leaving = true;
    tcp_hold(tcp, tcp->down, to_up > 0 || tcp->stuck < STUCK_MAX);
    tcp_hold(tcp, tcp->up, to_down > 0 || tcp->stuck < STUCK_MAX);
    return true;
}


/* Both connections go on in the process that comes after this one. */
static void
tcp_on_drain(tcp_proxy_t *tcp)
{
    mosn_transfer_t *transfers[] = { &tcp->to_up.transfer,
                                     &tcp->to_down.transfer };
    mosn_conn_t     *up = tcp->up, *down = tcp->down;

    if (!tcp->connected || up == NULL) {
        return;
    }
    if (!mosn_listener_may_give(down, up)) {
        tcp_stay(tcp);
        return;
    }
    if (tcp_waits(tcp)) {
        return; /* a DRAIN comes again */
    }
    for (size_t i = 0; i < MOSN_COUNT(transfers); i++) {
        if (transfers[i]->running) {
            mosn_transfer_stop(transfers[i]);
            mosn_conn_run_again(transfers[i]->from); /* if it stays */
        }
    }
    if (mosn_listener_give(down, up, &tcp->up_address) == MOSN_OK) {
        mosn_conn_close(up, MOSN_REASON_NONE);
        mosn_conn_close(down, MOSN_REASON_NONE);
        return;
    }
    tcp_stay(tcp);
}


static mosn_rc_e
tcp_on_open(mosn_net_filter_t *filter, mosn_conn_t *down)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONN);
    tcp_proxy_t *tcp = mosn_pool_calloc(pool, sizeof(*tcp));

    tcp->pool = pool;
    tcp->loop = down->loop;
    tcp->conf = filter->conf;
    mosn_timer_init(&tcp->names, tcp_look_for_names);
    (void) mosn_live_ref(tcp->conf->live);
    tcp->down = down;
    filter->state = tcp;
    mosn_conn_arm_idle(down, tcp->conf->idle_timeout_ms);
    if (down->listener->adopted_fd != -1) {
        tcp_adopt(tcp);
        return MOSN_OK;
    }
    mosn_conn_pause_read(down); /* until there is where to put it */
    tcp_connect(tcp);
    return MOSN_OK;
}


static mosn_verdict_e
tcp_on_read(mosn_net_filter_t *filter, mosn_conn_t *down)
{
    tcp_proxy_t *tcp = filter->state;

    if (tcp->connected && tcp->up != NULL) {
        tcp_move(tcp, down, tcp->up);
    }
    return down->closed ? MOSN_END : MOSN_NEXT;
}


/* Spliced bytes do not come by tcp_move(): ask the transfers.  And the peers
 * may still be taking what was moved. */
static void
tcp_on_idle(tcp_proxy_t *tcp)
{
    mosn_reason_e reason = MOSN_REASON_IDLE_TIMEOUT;
    uint64_t moved = tcp->to_up.transfer.moved + tcp->to_down.transfer.moved;

    bool down = mosn_conn_is_taking(tcp->down, &tcp->taken_down);
    bool up = tcp->up != NULL && mosn_conn_is_taking(tcp->up, &tcp->taken_up);

    if (moved != tcp->moved_before || down || up) {
        tcp->moved_before = moved;
        mosn_conn_arm_idle(tcp->down, tcp->conf->idle_timeout_ms);
        return;
    }
    mosn_reason_count(reason);
    if (mosn_conn_unsent(tcp->down) > 0) { /* or it would look whole */
        mosn_conn_abort(tcp->down, reason);
    } else {
        mosn_conn_close(tcp->down, reason);
    }
}


static void
tcp_on_closed(tcp_proxy_t *tcp, mosn_conn_t *down)
{
    mosn_conn_t *up = tcp->up;

    tcp->down = NULL;
    mosn_timer_disarm(tcp->loop, &tcp->names);
    if (up == NULL) {
        tcp_release(tcp);
        return;
    }
    if (tcp->connected && down->reason == MOSN_REASON_NONE) {
        mosn_conn_close_flushed(up, MOSN_REASON_NONE, false);
    } else {
        mosn_conn_abort(up, down->reason);
    }
}


static void
tcp_on_event(mosn_net_filter_t *filter, mosn_conn_t *down,
             mosn_conn_event_e event)
{
    tcp_proxy_t *tcp = filter->state;

    if (tcp == NULL) {
        return;
    }
    switch (event) {
    case MOSN_CONN_CLOSED:
        tcp_on_closed(tcp, down);
        break;
    case MOSN_CONN_DRAINED:
        if (tcp->up != NULL) {
            tcp_drained(tcp, tcp->up);
        }
        break;
    case MOSN_CONN_IDLE:
        tcp_on_idle(tcp);
        break;
    case MOSN_CONN_DRAIN:
        tcp_on_drain(tcp);
        break;
    default:
        break;
    }
}


static const mosn_net_filter_ops_t tcp_proxy_filter = {
    .conf_size = sizeof(tcp_proxy_conf_t),
    .directives = tcp_proxy_directives,
    .doc = "Passes bytes to a cluster, whatever they mean.  The last filter "
           "of its listener.",
    .build = tcp_proxy_build,
    .names = tcp_proxy_names,
    .on_open = tcp_on_open,
    .on_read = tcp_on_read,
    .on_event = tcp_on_event,
    .terminal = true,
};

MOSN_MODULE(MOSN_NET_FILTER, tcp_proxy, &tcp_proxy_filter);
