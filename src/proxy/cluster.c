/* proxy/cluster.c - build clusters, replace what is in them. */

#include "proxy/cluster.h"

#include "event/tls_watch.h"
#include "os/clock.h"
#include "proto/rpc.h"
#include "proxy/lb.h"
#include "proxy/original.h"
#include "stream/protocol.h"

#include <xxhash.h>

#define MAX_RESPONSE_HEADERS 256

mosn_str_t mosn_cluster_zone = MOSN_STR_INIT("");

/* Of this worker, for clusters that come later; NULL: not in a worker. */
static mosn_loop_t *cluster_loop;
static uint64_t     cluster_generation; /* of the master */


/* --- versions ------------------------------------------------------------ */

static const mosn_module_t *
cluster_find_lb(mosn_conf_t *reader, const mosn_cluster_conf_t *conf)
{
    const mosn_module_t *module = mosn_module_find(MOSN_LB, conf->lb);

    if (module == NULL) {
        char names[256];

        mosn_module_names(MOSN_LB, names, sizeof(names));
        mosn_conf_error(
            reader, &conf->lb, conf, "there is no %s \"%.*s\"; there are: %s",
            mosn_module_kind_name(MOSN_LB), MOSN_STR_ARG(conf->lb), names);
    }
    return module;
}


static const mosn_stream_protocol_ops_t *
cluster_find_protocol(mosn_conf_t *reader, const mosn_cluster_conf_t *conf)
{
    const mosn_stream_protocol_ops_t *protocol =
        mosn_protocol_find(conf->protocol);

    if (protocol == NULL) {
        char names[256];

        mosn_protocol_names(names, sizeof(names));
        mosn_conf_error(reader, &conf->protocol, conf,
                        "there is no protocol \"%.*s\"; there are: %s",
                        MOSN_STR_ARG(conf->protocol), names);
    } else if (protocol->connect == NULL) {
        mosn_conf_error(reader, &conf->protocol, conf,
                        "\"%.*s\" is spoken with clients only",
                        MOSN_STR_ARG(conf->protocol));
    }
    return protocol;
}


static void
version_build_health(mosn_conf_t *reader, const mosn_cluster_conf_t *conf,
                     const mosn_stream_protocol_ops_t *protocol)
{
    mosn_health_conf_t *h = conf->health_check;

    if (h == NULL || protocol == NULL) {
        return;
    }
    if ((h->type == MOSN_HEALTH_HTTP && protocol->rpc != NULL)
        || (h->type == MOSN_HEALTH_GRPC
            && !mosn_str_equal(protocol->alpn, MOSN_STR("h2")))
        || (h->type == MOSN_HEALTH_HEARTBEAT
            && (protocol->rpc == NULL || protocol->rpc->heartbeat == NULL)))
    {
        mosn_conf_error(reader, &h->type, h,
                        "hosts with protocol \"%.*s\" cannot be asked so",
                        MOSN_STR_ARG(conf->protocol));
    }
    if (h->event_log.at != NULL) {
        h->log = mosn_log_file_get(h->event_log);
        if (h->log == NULL) {
            mosn_conf_error(reader, &h->event_log, h, MOSN_LOG_FILE_NONE);
        }
    }
}


static void
pool_conf_limit(mosn_stream_pool_conf_t   *conf,
                const mosn_breaker_conf_t *breaker)
{
    conf->max_connections = (uint32_t) breaker->max_connections;
    conf->max_pending = (uint32_t) breaker->max_pending;
}


/* The limits of the settings that are in force hold for all hosts, also for
 * those whose connections are of older ones. */
static void
version_limit(mosn_cluster_version_t *v, const mosn_cluster_conf_t *conf,
              uint32_t metrics)
{
    v->pool_conf.metrics = metrics;
    pool_conf_limit(&v->pool_conf, &conf->circuit_breaker);
    v->limits_high = conf->circuit_breaker_high != NULL;
    if (v->limits_high) {
        v->pool_conf_high = v->pool_conf;
        pool_conf_limit(&v->pool_conf_high, conf->circuit_breaker_high);
    }
}


static mosn_cluster_version_t *
version_build(mosn_conf_t *reader, mosn_pool_t *pool,
              const mosn_cluster_conf_t *conf)
{
    mosn_cluster_version_t           *v = mosn_pool_calloc(pool, sizeof(*v));
    const mosn_stream_protocol_ops_t *protocol =
        cluster_find_protocol(reader, conf);
    mosn_str_t alpn = protocol != NULL ? protocol->alpn : MOSN_STR_NULL;

    v->refs = 1;
    v->conf = conf;
    version_build_health(reader, conf, protocol);
    v->lb = cluster_find_lb(reader, conf);
    v->by_latency =
        v->lb != NULL && ((const mosn_lb_ops_t *) v->lb->ops)->by_latency;
    v->edits = mosn_edits_build(reader, pool, conf->headers, NULL);
    v->pool_conf = (mosn_stream_pool_conf_t){
        .protocol = protocol,
        .tls = conf->tls != NULL
                   ? mosn_tls_client_build(reader, pool, conf->tls, alpn)
                   : NULL,
        .settings = { .idle_timeout_ms = conf->idle_timeout_ms,
                      .max_header_bytes = conf->max_header_bytes,
                      .max_headers = MAX_RESPONSE_HEADERS,
                      .max_requests =
                          (uint32_t) conf->max_requests_per_connection,
                      .http2 = &conf->http2,
                      .rpc = &conf->rpc },
        .connect_timeout_ms = conf->connect_timeout_ms,
        .idle_timeout_ms = conf->idle_timeout_ms,
    };
    version_limit(v, conf, 0);
    return v;
}


/* --- hosts --------------------------------------------------------------- */

static bool
hosts_check(mosn_conf_t *reader, mosn_pool_t *pool,
            const mosn_hosts_conf_t *conf)
{
    mosn_map_t seen;
    bool       fine = true;

    mosn_map_init(&seen, pool);
    for (size_t i = 0; i < conf->hosts.n; i++) {
        const mosn_host_conf_t *h = &conf->hosts.items[i];
        char                    text[MOSN_ADDRESS_TEXT];
        mosn_str_t              name;

        if (h->address.len == 0) {
            continue; /* a mistake that is told already, or a name */
        }
        (void) mosn_address_format(&h->address.sa, h->address.len, text);
        name = mosn_pool_copy(pool, mosn_str(text));
        if (!mosn_map_add(&seen, name, text)) {
            mosn_conf_error(reader, &h->address, h,
                            "the cluster has a host %s already", text);
            fine = false;
        }
    }
    return fine;
}


static const mosn_host_conf_t *
hosts_find_name(const mosn_hosts_conf_t *conf, mosn_str_t name)
{
    for (size_t i = 0; name.at != NULL && i < conf->hosts.n; i++) {
        if (mosn_str_equal(conf->hosts.items[i].name, name)) {
            return &conf->hosts.items[i];
        }
    }
    return NULL;
}


/* Has each name become a host? */
static bool
hosts_have_names(const mosn_hosts_conf_t *hosts, const mosn_hosts_conf_t *conf)
{
    for (size_t i = 0; i < conf->hosts.n; i++) {
        if (hosts_find_name(hosts, conf->hosts.items[i].name) == NULL) {
            return false;
        }
    }
    return true;
}


/* What the settings say of a name holds for all that it has become; SRV
 * records tell themselves who comes first. */
static void
host_take_conf(mosn_host_conf_t *host, const mosn_host_conf_t *name,
               mosn_pool_t *pool)
{
    mosn_host_conf_t was = *host;

    *host = *name;
    host->address = was.address;
    host->resolved = mosn_pool_copy(pool, was.resolved);
    if (memrchr(name->name.at, ':', name->name.len) == NULL) {
        host->weight = was.weight;
        host->priority = was.priority;
    }
}


/* Those whose names the settings have. */
static mosn_hosts_conf_t
hosts_of_names(const mosn_cluster_conf_t *conf, mosn_pool_t *pool,
               const mosn_hosts_conf_t *hosts)
{
    mosn_hosts_conf_t mine = { 0 };

    mine.hosts.items = mosn_pool_calloc(pool, (hosts->hosts.n + 1)
                                                  * sizeof(mosn_host_conf_t));
    for (size_t i = 0; i < hosts->hosts.n; i++) {
        const mosn_host_conf_t *name =
            hosts_find_name(&conf->hosts, hosts->hosts.items[i].name);

        if (name != NULL) {
            mine.hosts.items[mine.hosts.n] = hosts->hosts.items[i];
            host_take_conf(&mine.hosts.items[mine.hosts.n++], name, pool);
        }
    }
    return mine;
}


/* In memory of the new set. */
static void
host_copy_conf(mosn_host_conf_t *to, const mosn_host_conf_t *from,
               mosn_pool_t *pool)
{
    *to = *from;
    to->name = to->resolved = MOSN_STR_NULL;
    to->zone = mosn_pool_copy(pool, from->zone);
    to->metadata.items = mosn_pool_calloc(
        pool, from->metadata.n * sizeof(*to->metadata.items) + 1);
    for (size_t i = 0; i < from->metadata.n; i++) {
        to->metadata.items[i].name =
            mosn_pool_copy(pool, from->metadata.items[i].name);
        to->metadata.items[i].value =
            mosn_pool_copy(pool, from->metadata.items[i].value);
    }
}


/* What hosts of names were, when the settings have other names by now. */
static mosn_hosts_conf_t
hosts_without_names(mosn_pool_t *pool, const mosn_hosts_conf_t *hosts)
{
    mosn_hosts_conf_t mine = { 0 };

    mine.hosts.items = mosn_pool_calloc(pool, (hosts->hosts.n + 1)
                                                  * sizeof(mosn_host_conf_t));
    for (; mine.hosts.n < hosts->hosts.n; mine.hosts.n++) {
        host_copy_conf(&mine.hosts.items[mine.hosts.n],
                       &hosts->hosts.items[mine.hosts.n], pool);
    }
    return mine;
}


/* All that connections are made of, in one number: the settings without
 * those that only decide who gets a request. */
static uint64_t
version_key(mosn_cluster_version_t *v)
{
    mosn_cluster_conf_t *c;
    char                *text;

    if (v->key != 0) {
        return v->key;
    }
    c = mosn_calloc(sizeof(*c));
    c->name = v->conf->name;
    c->protocol = v->conf->protocol;
    c->connect_timeout_ms = v->conf->connect_timeout_ms;
    c->idle_timeout_ms = v->conf->idle_timeout_ms;
    c->max_requests_per_connection = v->conf->max_requests_per_connection;
    c->max_header_bytes = v->conf->max_header_bytes;
    c->http2 = v->conf->http2;
    c->rpc = v->conf->rpc;
    c->tls = v->conf->tls;
    text = mosn_conf_text(&mosn_cluster_block, c);
    v->key = text != NULL ? XXH64(text, strlen(text), 0) | 1 : 0;
    free(text);
    free(c);
    return v->key;
}


static mosn_host_t *
cluster_find_host(const mosn_cluster_t *c, const mosn_map_t *by_name,
                  const mosn_host_conf_t *conf)
{
    char         text[MOSN_ADDRESS_TEXT];
    mosn_host_t *host;

    (void) mosn_address_format(&conf->address.sa, conf->address.len, text);
    host = mosn_map_find(by_name, mosn_str(text));
    return host != NULL
                   && (host->version == c->version
                       || version_key(host->version)
                              == version_key(c->version))
               ? host
               : NULL;
}


/* In the master, when hosts were adopted: who has come to others gets
 * requests when a check of it was good.  Where all are fresh nobody waits. */
static void
cluster_await(mosn_cluster_t *c)
{
    uint32_t n_fresh = 0;

    for (uint32_t i = 0; i < c->n_hosts; i++) {
        n_fresh += c->hosts[i]->fresh;
    }
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        mosn_host_t *host = c->hosts[i];

        if (host->fresh && n_fresh < c->n_hosts
            && c->conf->health_check != NULL) {
            atomic_store(mosn_host_cell(host, MOSN_HOST_CELL_HEALTH),
                         MOSN_HEALTH_AWAITED);
        }
        host->fresh = false;
    }
}


static void
cluster_use_hosts(mosn_cluster_t *c)
{
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        mosn_host_t *host = c->hosts[i];

        if (host->is_new) {
            host->metrics = mosn_host_slots(c->name, host->name);
        }
        if (host->is_new && c->loop == NULL) {
            /* The first that names become may be whom the generation before
             * knew by address. */
            mosn_host_adopt(host,
                            cluster_generation
                                - (mosn_cluster_is_named(c) && !c->resolved),
                            cluster_generation);
        } else if (host->is_new) {
            mosn_host_start(host, c->loop);
        }
        if (c->loop == NULL) {
            mosn_host_note_use(host);
        }
        host->is_new = false;
    }
    if (c->loop == NULL) {
        cluster_await(c);
    }
}


/* One that comes back later is a new one: the master sees to that, and the
 * process that checks. */
static void
cluster_forget(const mosn_cluster_t *c, mosn_host_t *host)
{
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        if (mosn_str_equal(c->hosts[i]->name, host->name)) {
            return; /* its address stays */
        }
    }
    if (c->loop == NULL) {
        mosn_host_disown(host);
    } else {
        mosn_host_forget(host);
    }
}


/* Who waits for a host that serves nobody any more. */
static void
cluster_turn_away(mosn_cluster_t *c)
{
    for (uint32_t i = 0; i < c->n_hosts && c->loop != NULL; i++) {
        if (c->hosts[i]->conf->state == MOSN_HOST_DISABLED
            && !c->hosts[i]->pool.probing)
        {
            mosn_host_turn_away(c->hosts[i]);
        }
    }
}


/* Hosts with an address that was there before stay who they are.  `use`:
 * they are put to work before the others leave, whose requests come to
 * them. */
static void
cluster_take_hosts(mosn_cluster_t *c, mosn_pool_t *pool,
                   const mosn_hosts_conf_t *conf, bool use)
{
    mosn_host_t **old = c->hosts;
    uint32_t      n_old = c->n_hosts;
    mosn_pool_t  *old_pool = c->hosts_pool;
    mosn_map_t    by_name;

    mosn_map_init(&by_name, pool);
    for (uint32_t i = 0; i < n_old; i++) {
        (void) mosn_map_add(&by_name, old[i]->name, old[i]);
        old[i]->conf = NULL;
        old[i]->is_new = false;
    }
    c->hosts =
        mosn_pool_calloc(pool, conf->hosts.n * sizeof(mosn_host_t *) + 1);
    c->n_hosts = 0;
    for (size_t i = 0; i < conf->hosts.n; i++) {
        const mosn_host_conf_t *h = &conf->hosts.items[i];
        mosn_host_t            *host;

        if (h->address.len == 0) {
            continue;
        }
        host = cluster_find_host(c, &by_name, h);
        if (host == NULL) {
            host = mosn_host_create(h, c->version);
            mosn_host_succeed(host, mosn_map_find(&by_name, host->name));
        }
        host->conf = h;
        version_limit(host->version, c->conf, c->metrics);
        c->hosts[c->n_hosts++] = host;
    }
    mosn_host_groups_build(&c->groups, c, pool);
    c->hosts_pool = pool;
    if (use) {
        cluster_use_hosts(c);
        cluster_turn_away(c);
    }
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i]->conf == NULL) {
            if (c->loop == NULL || old[i]->pool.probing) {
                cluster_forget(c, old[i]);
            }
            mosn_host_leave(old[i]);
        }
    }
    if (old_pool != NULL) {
        mosn_pool_destroy(&old_pool);
    }
}


/* --- building ------------------------------------------------------------ */

static void
cluster_drop_originals(mosn_cluster_t *c)
{
    mosn_originals_t *all = c->originals;

    c->originals = NULL;
    if (all != NULL) {
        mosn_originals_free(all);
    }
}


static void
cluster_free(void *object)
{
    mosn_cluster_t *c = object;

    cluster_drop_originals(c);
    mosn_host_groups_free(&c->groups);
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        c->hosts[i]->conf = NULL;
        mosn_host_unref(c->hosts[i]);
    }
    if (c->hosts_pool != NULL) {
        mosn_pool_destroy(&c->hosts_pool);
    }
    mosn_cluster_version_unref(c->version);
}


static mosn_cluster_t *
cluster_create(mosn_generation_t *generation, mosn_str_t name)
{
    mosn_cluster_t *c = mosn_pool_calloc(generation->pool, sizeof(*c));

    c->name = name;
    mosn_list_init(&c->queues[false]);
    mosn_list_init(&c->queues[true]);
    return c;
}


void
mosn_cluster_build(mosn_conf_t *reader, mosn_generation_t *generation,
                   mosn_cluster_conf_t *conf)
{
    mosn_cluster_t *c = cluster_create(generation, conf->name);
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_CONN);

    if (conf->name.at != NULL
        && !mosn_map_add(&generation->clusters, conf->name, c))
    {
        mosn_conf_error(reader, &conf->name, conf,
                        "there is a cluster \"%.*s\" already",
                        MOSN_STR_ARG(conf->name));
    }
    if (conf->hosts.hosts.n == 0
        && mosn_conf_is_set(reader, &conf->hosts.hosts)) {
        mosn_conf_error(reader, &conf->hosts.hosts, conf,
                        "must have at least one host");
    }
    c->version = version_build(reader, generation->pool, conf);
    c->conf = conf;
    if (conf->discovery == MOSN_DISCOVERY_ORIGINAL_DST) {
        c->originals = mosn_originals_create(c);
    }
    (void) hosts_check(reader, pool, &conf->hosts);
    cluster_take_hosts(c, pool, &conf->hosts, false);
    mosn_pool_on_destroy(generation->pool, cluster_free, c);
}


static const mosn_cluster_conf_t cluster_none = {
    .lb = MOSN_STR_INIT("random"),
};


/* It is not there: of one that never comes again as little as can be is kept,
 * for a control plane may name new ones all day. */
static void
cluster_be_none(mosn_cluster_t *c)
{
    static mosn_cluster_version_t none = { .refs = 1, .conf = &cluster_none };

    none.lb = mosn_module_find(MOSN_LB, cluster_none.lb);
    c->version = mosn_cluster_version_ref(&none);
    c->conf = &cluster_none;
    c->removed = true;
    mosn_host_groups_clear(&c->groups, c);
}


mosn_cluster_t *
mosn_cluster_add(mosn_generation_t *generation, mosn_str_t name)
{
    mosn_cluster_t *c =
        cluster_create(generation, mosn_pool_copy(generation->pool, name));

    cluster_be_none(c);
    c->loop = cluster_loop;
    (void) mosn_map_add(&generation->clusters, c->name, c);
    mosn_pool_on_destroy(generation->pool, cluster_free, c);
    return c;
}


/* Until names are resolved again, what they were; none of them was there
 * before: the hosts that were. */
static mosn_hosts_conf_t
cluster_keep_hosts(const mosn_cluster_t *c, mosn_pool_t *pool)
{
    mosn_hosts_conf_t was = { 0 }, mine;

    was.hosts.n = c->n_hosts;
    was.hosts.items =
        mosn_pool_calloc(pool, c->n_hosts * sizeof(mosn_host_conf_t) + 1);
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        was.hosts.items[i] = *c->hosts[i]->conf;
        was.hosts.items[i].address = c->hosts[i]->address;
    }
    mine = hosts_of_names(c->conf, pool, &was);
    return mine.hosts.n > 0 ? mine : hosts_without_names(pool, &was);
}


/* With the hosts of names that these do not have. */
static mosn_hosts_conf_t
hosts_with_others(const mosn_cluster_t *c, mosn_pool_t *pool,
                  const mosn_hosts_conf_t *hosts)
{
    mosn_hosts_conf_t all = { 0 };

    all.hosts.items = mosn_pool_calloc(pool, (hosts->hosts.n + c->n_hosts + 1)
                                                 * sizeof(mosn_host_conf_t));
    for (size_t i = 0; i < hosts->hosts.n; i++) {
        all.hosts.items[all.hosts.n++] = hosts->hosts.items[i];
    }
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        mosn_host_conf_t *host = &all.hosts.items[all.hosts.n];

        *host = *c->hosts[i]->conf;
        host->address = c->hosts[i]->address;
        all.hosts.n += hosts_find_name(hosts, host->name) == NULL;
    }
    return all;
}


bool
mosn_cluster_set_hosts(mosn_conf_t *reader, mosn_cluster_t *c,
                       mosn_pool_t *pool, const mosn_hosts_conf_t *hosts,
                       bool others_stay)
{
    if (c->originals != NULL && hosts->hosts.n > 0) {
        mosn_conf_error(reader, &hosts->hosts, hosts,
                        "the hosts of \"%.*s\" are where its clients were "
                        "going",
                        MOSN_STR_ARG(c->name));
        return false;
    }
    cluster_drop_originals(c);
    for (size_t i = 0; !mosn_cluster_is_named(c) && i < hosts->hosts.n; i++) {
        if (hosts->hosts.items[i].name.at != NULL) {
            mosn_conf_error(reader, &hosts->hosts.items[i].name,
                            &hosts->hosts.items[i],
                            "the cluster has no `discovery` for names");
            return false;
        }
    }
    if (!hosts_check(reader, pool, hosts)) {
        return false;
    }
    if (mosn_cluster_is_named(c)) {
        mosn_hosts_conf_t mine;

        if (hosts->hosts.n == 0) {
            mine = cluster_keep_hosts(c, pool);
        } else {
            mosn_hosts_conf_t all =
                others_stay ? hosts_with_others(c, pool, hosts) : *hosts;

            mine = hosts_of_names(c->conf, pool, &all);
        }
        if (mine.hosts.n == 0 && hosts->hosts.n > 0) {
            mosn_conf_error(reader, &hosts->hosts, hosts,
                            "\"%.*s\" has other names by now",
                            MOSN_STR_ARG(c->name));
            return false;
        }
        cluster_take_hosts(c, pool, &mine, true);
        c->resolved = true;
        if (hosts_have_names(&mine, &c->conf->hosts)) {
            c->names_by_ms = 0;
        }
    } else {
        cluster_take_hosts(c, pool, hosts, true);
    }
    return true;
}


void
mosn_cluster_carry_hosts(mosn_cluster_t *c, const char *text)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_CONN);
    mosn_conf_t       *reader = mosn_conf_create(pool);
    mosn_hosts_conf_t *hosts = mosn_pool_calloc(pool, sizeof(*hosts)), mine;

    if (mosn_conf_read_text(reader, "hosts", text, &mosn_hosts_block, hosts)
            == MOSN_OK
        && hosts_check(reader, pool, hosts))
    {
        mine = hosts_of_names(c->conf, pool, hosts);
        c->resolved = mine.hosts.n > 0;
        if (mine.hosts.n == 0) {
            mine = hosts_without_names(pool, hosts);
        }
        cluster_take_hosts(c, pool, &mine, false);
        pool = NULL;
        c->resolved &= hosts_have_names(&mine, &c->conf->hosts);
    }
    mosn_conf_destroy(&reader);
    if (pool != NULL) {
        mosn_pool_destroy(&pool);
    }
}


void
mosn_cluster_check(mosn_conf_t *reader, mosn_pool_t *pool,
                   mosn_cluster_conf_t *conf)
{
    (void) version_build(reader, pool, conf);
    (void) hosts_check(reader, pool, &conf->hosts);
}


bool
mosn_cluster_replace(mosn_conf_t *reader, mosn_cluster_t *c, mosn_pool_t *pool,
                     mosn_cluster_conf_t *conf)
{
    size_t                  before = mosn_conf_n_errors(reader);
    mosn_cluster_version_t *v = version_build(reader, pool, conf);
    mosn_originals_t       *originals = c->originals;
    mosn_cluster_version_t *was = c->version;
    mosn_pool_t            *hosts_pool;

    if (!hosts_check(reader, pool, &conf->hosts)
        || mosn_conf_n_errors(reader) > before)
    {
        return false;
    }
    v->pool = pool;
    version_limit(v, conf, c->metrics);
    c->version = v;
    c->conf = conf;
    c->names_by_ms = 0;
    c->room = 0;
    c->removed = false;
    c->originals = NULL;
    if (conf->discovery == MOSN_DISCOVERY_ORIGINAL_DST) {
        c->originals = mosn_originals_create(c);
        mosn_originals_register(c);
    }
    hosts_pool = mosn_pool_create(MOSN_POOL_CONN);
    if (mosn_cluster_is_named(c)) {
        mosn_hosts_conf_t kept = cluster_keep_hosts(c, hosts_pool);

        cluster_take_hosts(c, hosts_pool, &kept, true);
        if (c->loop != NULL && !hosts_have_names(&kept, &conf->hosts)) {
            c->names_by_ms = c->loop->now_ms + MOSN_NAMES_MS;
        }
    } else {
        cluster_take_hosts(c, hosts_pool, &conf->hosts, true);
    }
    mosn_cluster_version_unref(
        was); /* its settings name the hosts of before */
    if (originals != NULL) {
        mosn_originals_free(originals);
    }
    return true;
}


void
mosn_cluster_remove(mosn_cluster_t *c)
{
    static const mosn_hosts_conf_t none;

    mosn_cluster_version_t *was = c->version;

    cluster_drop_originals(c);
    cluster_take_hosts(c, mosn_pool_create(MOSN_POOL_CONN), &none, true);
    c->resolved = false;
    c->names_by_ms = 0;
    if (was->pool_conf.tls != NULL) { /* its pool may be the generation's */
        mosn_tls_watch_retire(was->pool_conf.tls);
    }
    cluster_be_none(c);
    c->hosts = NULL;
    mosn_pool_destroy(&c->hosts_pool);
    mosn_cluster_version_unref(was);
}


void
mosn_cluster_register(mosn_cluster_t *c)
{
    c->metrics = mosn_metrics_instance(&mosn_cluster_metrics, c->name);
    version_limit(c->version, c->conf, c->metrics);
    if (c->originals != NULL) {
        mosn_originals_register(c);
    }
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        c->hosts[i]->metrics = mosn_host_slots(c->name, c->hosts[i]->name);
        c->hosts[i]->is_new = c->loop == NULL;
    }
}


void
mosn_clusters_adopt(const mosn_generation_t *generation, bool back)
{
    const mosn_map_t *clusters = &generation->clusters;

    cluster_generation = generation->number;
    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        for (uint32_t k = 0; c != NULL && k < c->n_hosts; k++) {
            uint64_t had = atomic_load(
                mosn_host_cell(c->hosts[k], MOSN_HOST_CELL_GENERATION));

            mosn_host_adopt(c->hosts[k], back ? had : cluster_generation - 1,
                            cluster_generation);
            mosn_host_note_use(c->hosts[k]);
        }
        if (c != NULL) {
            cluster_await(c);
        }
    }
}


void
mosn_clusters_touch(const mosn_generation_t *generation)
{
    const mosn_map_t *clusters = &generation->clusters;

    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        if (c != NULL && !c->removed && c->metrics != 0) {
            mosn_metrics_touch(&mosn_cluster_metrics, c->name);
        }
        for (uint32_t k = 0; c != NULL && k < c->n_hosts; k++) {
            if (c->hosts[k]->metrics != 0) {
                mosn_host_touch(c->name, c->hosts[k]->name);
            }
        }
        if (c != NULL && c->originals != NULL) {
            mosn_host_touch(c->name, MOSN_STR("original_dst"));
        }
    }
}


void
mosn_clusters_start(mosn_generation_t *generation, mosn_loop_t *loop)
{
    const mosn_map_t *clusters = &generation->clusters;

    cluster_loop = loop;
    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        for (uint32_t k = 0; c != NULL && k < c->n_hosts; k++) {
            mosn_host_start(c->hosts[k], loop);
            c->hosts[k]->is_new = false;
        }
        if (c != NULL) {
            c->loop = loop;
        }
    }
}


void
mosn_clusters_stop(mosn_generation_t *generation)
{
    const mosn_map_t *clusters = &generation->clusters;

    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        for (uint32_t k = 0; c != NULL && k < c->n_hosts; k++) {
            mosn_host_close(c->hosts[k]);
        }
        if (c != NULL && c->originals != NULL) {
            mosn_originals_close(c);
        }
    }
}


bool
mosn_cluster_awaits_names(const mosn_cluster_t *c)
{
    return mosn_cluster_is_named(c) && c->loop != NULL
           && c->loop->now_ms < c->names_by_ms;
}


bool
mosn_clusters_wait(const mosn_generation_t *generation)
{
    const mosn_map_t *clusters = &generation->clusters;

    for (size_t i = 0; i <= clusters->mask; i++) {
        const mosn_cluster_t *c = clusters->entries[i].value;

        if (c != NULL && mosn_cluster_is_named(c) && !c->resolved) {
            return true;
        }
    }
    return false;
}


mosn_cluster_t *
mosn_cluster_resolve(mosn_conf_t *reader, const mosn_generation_t *generation,
                     const mosn_str_t *member)
{
    mosn_cluster_t *cluster = mosn_map_find(&generation->clusters, *member);

    if (cluster != NULL && cluster->removed) {
        cluster = NULL;
    }
    if (cluster == NULL) {
        mosn_str_t near = mosn_map_nearest(&generation->clusters, *member);
        const mosn_cluster_t *meant =
            near.len > 0 ? mosn_map_find(&generation->clusters, near) : NULL;

        if (meant != NULL && meant->removed) {
            near = MOSN_STR_NULL;
        }

        if (near.at != NULL) {
            mosn_conf_error(reader, member, NULL,
                            "there is no cluster \"%.*s\"; did you mean "
                            "\"%.*s\"?",
                            MOSN_STR_ARG(*member), MOSN_STR_ARG(near));
        } else {
            mosn_conf_error(reader, member, NULL,
                            "there is no cluster \"%.*s\"",
                            MOSN_STR_ARG(*member));
        }
    }
    return cluster;
}


static void
cluster_print_host(mosn_host_t *host, uint64_t now_ms, FILE *out)
{
    const char *why = mosn_host_why_not(host, now_ms);

    (void) fprintf(out, "  %-24.*s %-9s weight %lld", MOSN_STR_ARG(host->name),
                   why != NULL ? why : "well", (long long) host->conf->weight);
    if (host->conf->priority > 0) {
        (void) fprintf(out, ", priority %lld",
                       (long long) host->conf->priority);
    }
    if (host->conf->zone.len > 0) {
        (void) fprintf(out, ", zone %.*s", MOSN_STR_ARG(host->conf->zone));
    }
    for (size_t i = 0; i < host->conf->metadata.n; i++) {
        const mosn_conf_pair_t *p = &host->conf->metadata.items[i];

        (void) fprintf(out, ", %.*s=%.*s", MOSN_STR_ARG(p->name),
                       MOSN_STR_ARG(p->value));
    }
    (void) fprintf(out, ", requests %llu, active %llu\n",
                   (unsigned long long) mosn_metrics_read(
                       host->metrics + MOSN_UPSTREAM_REQUESTS),
                   (unsigned long long) mosn_metrics_sum(
                       host->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE));
}


void
mosn_cluster_print(const mosn_cluster_t *c, FILE *out)
{
    uint64_t now_ms = mosn_clock_ns() / 1000000;

    (void) fprintf(out, "%.*s: %.*s, %.*s\n", MOSN_STR_ARG(c->name),
                   MOSN_STR_ARG(c->conf->protocol), MOSN_STR_ARG(c->conf->lb));
    for (uint32_t i = 0; i < c->n_hosts; i++) {
        cluster_print_host(c->hosts[i], now_ms, out);
    }
    if (c->originals != NULL) {
        (void) fputs("  original_dst: where a client was going\n", out);
    }
}


void
mosn_clusters_print(const mosn_generation_t *generation, FILE *out)
{
    const mosn_map_t *clusters = &generation->clusters;

    for (size_t i = 0; i <= clusters->mask; i++) {
        const mosn_cluster_t *c = clusters->entries[i].value;

        if (c != NULL && !c->removed) {
            mosn_cluster_print(c, out);
        }
    }
}
