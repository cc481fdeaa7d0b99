/* proxy/host.c - hosts: life, health, latency. */

#include "proxy/host.h"

#include "core/log.h"
#include "os/clock.h"
#include "proxy/cluster.h"

#include <xxhash.h>

#define NOT_IN_USE       UINT64_MAX /* since when it is */
#define LABEL_MAX        512
#define LATENCY_DECAY_NS 10000000000.0 /* the past weighs 1/e after it */


bool mosn_host_probes;


static void
host_let_go(void *version)
{
    mosn_cluster_version_unref(version);
}


mosn_host_t *
mosn_host_create(const mosn_host_conf_t *conf, mosn_cluster_version_t *version)
{
    mosn_pool_t *memory = mosn_pool_create(MOSN_POOL_CONN);
    mosn_host_t *host = mosn_pool_calloc(memory, sizeof(*host));
    char         text[MOSN_ADDRESS_TEXT];

    (void) mosn_address_format(&conf->address.sa, conf->address.len, text);
    host->refs = 1;
    host->memory = memory;
    host->version = mosn_cluster_version_ref(version);
    mosn_pool_on_destroy(memory, host_let_go, version);
    host->conf = conf;
    host->address = conf->address;
    host->name = mosn_pool_copy(memory, mosn_str(text));
    host->id = XXH64(host->name.at, host->name.len, 0);
    host->weight = (uint32_t) conf->weight;
    host->is_new = true;
    return host;
}


void
mosn_host_succeed(mosn_host_t *host, const mosn_host_t *was)
{
    if (was != NULL) {
        host->judged = was->judged;
        host->judged_all = was->judged_all;
        host->judged_bad = was->judged_bad;
    }
}


static mosn_str_t
host_label(mosn_str_t cluster, mosn_str_t name, char text[LABEL_MAX])
{
    int n = snprintf(text, LABEL_MAX, "%.*s,%.*s", MOSN_STR_ARG(cluster),
                     MOSN_STR_ARG(name));

    return (mosn_str_t){ text, n < LABEL_MAX ? (size_t) n : LABEL_MAX - 1 };
}


uint32_t
mosn_host_slots(mosn_str_t cluster, mosn_str_t name)
{
    char text[LABEL_MAX];

    return mosn_metrics_instance(&mosn_host_metrics,
                                 host_label(cluster, name, text));
}


void
mosn_host_touch(mosn_str_t cluster, mosn_str_t name)
{
    char text[LABEL_MAX];

    mosn_metrics_touch(&mosn_host_metrics, host_label(cluster, name, text));
}


static void
host_on_pool_empty(mosn_stream_pool_t *pool)
{
    mosn_host_t *host = mosn_container_of(pool, mosn_host_t, pool);

    mosn_host_unref(host);
}


/* Beside the host, in its memory. */
typedef struct {
    mosn_stream_pool_t pool;
    mosn_host_t       *host;
} host_high_t;


static void
host_on_high_empty(mosn_stream_pool_t *pool)
{
    mosn_host_unref(mosn_container_of(pool, host_high_t, pool)->host);
}


mosn_stream_pool_t *
mosn_host_pool_high(mosn_host_t *host)
{
    host_high_t *h;

    if (!host->version->limits_high) {
        return &host->pool;
    }
    if (host->high == NULL) {
        h = mosn_pool_calloc(host->memory, sizeof(*h));
        h->host = host;
        mosn_stream_pool_init(&h->pool, host->pool.loop,
                              &host->version->pool_conf_high, &host->address,
                              host->metrics);
        h->pool.high = true;
        host->high = &h->pool;
    }
    return host->high;
}


void
mosn_host_close(mosn_host_t *host)
{
    mosn_stream_pool_t *high = host->high; /* the first may be the last */

    mosn_stream_pool_close(&host->pool);
    if (high != NULL) {
        mosn_stream_pool_close(high);
    }
}


void
mosn_host_turn_away(mosn_host_t *host)
{
    mosn_stream_pool_turn_away(&host->pool);
    if (host->high != NULL) {
        mosn_stream_pool_turn_away(host->high);
    }
}


void
mosn_host_forget(mosn_host_t *host)
{
    for (int cell = MOSN_HOST_CELL_HEALTH; cell < MOSN_HOST_CELLS_FOUND;
         cell++) {
        atomic_store(mosn_host_cell(host, (mosn_host_cell_e) cell), 0);
    }
}


void
mosn_host_adopt(mosn_host_t *host, uint64_t before, uint64_t generation)
{
    _Atomic uint64_t *had = mosn_host_cell(host, MOSN_HOST_CELL_GENERATION);

    host->fresh = atomic_load(had) != before;
    if (host->fresh) {
        mosn_host_forget(host);
        atomic_store(mosn_host_cell(host, MOSN_HOST_CELL_SINCE),
                     mosn_clock_ns() / 1000000);
    }
    atomic_store(had, generation);
}


void
mosn_host_note_use(mosn_host_t *host)
{
    _Atomic uint64_t *since = mosn_host_cell(host, MOSN_HOST_CELL_SINCE);

    if (host->conf->state != MOSN_HOST_ENABLED) {
        atomic_store(since, NOT_IN_USE);
    } else if (atomic_load(since) == NOT_IN_USE) {
        atomic_store(since, mosn_clock_ns() / 1000000);
    }
}


void
mosn_host_disown(mosn_host_t *host)
{
    atomic_store(mosn_host_cell(host, MOSN_HOST_CELL_GENERATION), 0);
}


void
mosn_host_start(mosn_host_t *host, mosn_loop_t *loop)
{
    mosn_stream_pool_init(&host->pool, loop, &host->version->pool_conf,
                          &host->address, host->metrics);
    host->pool.probing = mosn_host_probes;
    host->started = true;
}


/* The pools have references until their last connections are closed. */
void
mosn_host_leave(mosn_host_t *host)
{
    mosn_stream_pool_t *high = host->high;

    host->conf = NULL;
    if (host->started) {
        host->left = true;
        host->pool.on_empty = host_on_pool_empty;
        if (high != NULL) {
            (void) mosn_host_ref(host);
            high->on_empty = host_on_high_empty;
        }
        mosn_host_close(host);
    } else {
        mosn_host_unref(host);
    }
}


void
mosn_host_free(mosn_host_t *host)
{
    mosn_pool_t *memory = host->memory;

    if (host->left) { /* somebody may be on the way out of its pool */
        mosn_loop_bury(host->pool.loop, &memory);
    } else {
        mosn_pool_destroy(&memory);
    }
}


const char *
mosn_host_why_not(mosn_host_t *host, uint64_t now_ms)
{
    if (host->conf == NULL) {
        return "removed";
    }
    if (host->conf->state != MOSN_HOST_ENABLED) {
        return host->conf->state == MOSN_HOST_DRAIN ? "draining" : "disabled";
    }
    return mosn_host_ailment(host, now_ms);
}


const char *
mosn_host_ailment(mosn_host_t *host, uint64_t now_ms)
{
    switch ((mosn_health_e) atomic_load_explicit(
        mosn_host_cell(host, MOSN_HOST_CELL_HEALTH), memory_order_relaxed))
    {
    case MOSN_HEALTH_BAD:
        return "unhealthy";
    case MOSN_HEALTH_AWAITED:
        return "unchecked";
    case MOSN_HEALTH_UNKNOWN:
    case MOSN_HEALTH_GOOD:
        break;
    }
    if (atomic_load_explicit(
            mosn_host_cell(host, MOSN_HOST_CELL_EJECTED_UNTIL),
            memory_order_relaxed)
        > now_ms)
    {
        return "ejected";
    }
    return host->started && mosn_stream_pool_is_down(&host->pool) ? "down"
                                                                  : NULL;
}


/* e^-x for x >= 0, well enough: (1 + x/256)^-256. */
static double
host_decay(double x)
{
    double d = 1 / (1 + x / 256);

    for (int i = 0; i < 8; i++) {
        d *= d;
    }
    return d;
}


uint64_t
mosn_host_latency_ns(const mosn_host_t *host, uint64_t now_ns)
{
    double age = (double) (now_ns - host->latency_at_ns) / LATENCY_DECAY_NS;

    return (uint64_t) ((double) host->latency_ns * host_decay(age));
}


/* A slow answer counts at once, faster ones little by little. */
void
mosn_host_note_latency(mosn_host_t *host, uint64_t now_ns, uint64_t took_ns)
{
    double old = (double) host->latency_ns;
    double weight =
        host_decay((double) (now_ns - host->latency_at_ns) / LATENCY_DECAY_NS);

    if (took_ns >= host->latency_ns) {
        host->latency_ns = took_ns;
    } else {
        weight = weight > 0.9 ? 0.9 : weight;
        host->latency_ns =
            (uint64_t) (old * weight + (double) took_ns * (1 - weight));
    }
    host->latency_at_ns = now_ns;
}
