/* proxy/original.c - hosts that are where a client was going. */

#include "proxy/original.h"

#include "core/log.h"
#include "core/rand.h"

#include <xxhash.h>

#define BUCKETS  256u
#define MAX      16384u /* hosts of a cluster, in each worker */
#define SWEEP_MS 5000u
#define FULL_MS  1000u

/* In the memory of its host. */
typedef struct {
    mosn_list_t  link; /* of its bucket */
    mosn_host_t *host;
} original_t;

struct mosn_originals_s {
    mosn_cluster_t *cluster;
    uint32_t        metrics;
    uint32_t        n;
    uint64_t        seed;    /* addresses are the clients' choice */
    uint64_t        full_ms; /* it was, and is not looked at before */
    mosn_timer_t    sweep;
    mosn_list_t     buckets[BUCKETS];
};

static const mosn_host_conf_t original_conf = { .weight = 1 };


static void
original_remove(mosn_originals_t *all, original_t *o)
{
    mosn_list_unlink(&o->link);
    all->n--;
    mosn_host_leave(o->host);
}


/* Those that nobody uses leave; `every`: the others, too. */
static void
originals_sweep(mosn_originals_t *all, bool every)
{
    for (uint32_t i = 0; i < BUCKETS; i++) {
        mosn_list_t *link, *next;

        for (link = all->buckets[i].next; link != &all->buckets[i];
             link = next) {
            original_t *o = mosn_container_of(link, original_t, link);

            next = link->next;
            if (every || (o->host->refs == 1 && mosn_host_is_idle(o->host))) {
                original_remove(all, o);
            }
        }
    }
}


static void
originals_on_time(mosn_timer_t *timer)
{
    mosn_originals_t *all = mosn_container_of(timer, mosn_originals_t, sweep);

    originals_sweep(all, false);
    if (all->n > 0) {
        mosn_timer_arm(all->cluster->loop, timer, SWEEP_MS);
    }
}


mosn_originals_t *
mosn_originals_create(mosn_cluster_t *cluster)
{
    mosn_originals_t *all = mosn_calloc(sizeof(*all));

    all->cluster = cluster;
    all->seed = mosn_rand_u64();
    mosn_timer_init(&all->sweep, originals_on_time);
    for (uint32_t i = 0; i < BUCKETS; i++) {
        mosn_list_init(&all->buckets[i]);
    }
    return all;
}


void
mosn_originals_free(mosn_originals_t *all)
{
    originals_sweep(all, true);
    if (mosn_timer_is_armed(&all->sweep)) {
        mosn_timer_disarm(all->cluster->loop, &all->sweep);
    }
    free(all);
}


void
mosn_originals_register(mosn_cluster_t *cluster)
{
    cluster->originals->metrics =
        mosn_host_slots(cluster->name, MOSN_STR("original_dst"));
}


static mosn_host_t *
original_add(mosn_originals_t *all, const mosn_address_t *address,
             uint64_t hash)
{
    mosn_host_conf_t conf = original_conf;
    mosn_host_t     *host;
    original_t      *o;

    if (all->n >= MAX && all->cluster->loop->now_ms >= all->full_ms) {
        originals_sweep(all, false);
        all->full_ms = all->cluster->loop->now_ms + FULL_MS;
        if (all->n >= MAX) {
            mosn_log_warn(0, "cluster \"%.*s\" has %u hosts in use: no more",
                          MOSN_STR_ARG(all->cluster->name), all->n);
        }
    }
    if (all->n >= MAX) {
        return NULL;
    }
    conf.address = *address;
    host = mosn_host_create(&conf, all->cluster->version);
    host->conf = &original_conf;
    host->metrics = all->metrics;
    mosn_host_start(host, all->cluster->loop);
    host->is_new = false;
    o = mosn_pool_alloc(host->memory, sizeof(*o));
    o->host = host;
    mosn_list_append(&all->buckets[hash % BUCKETS], &o->link);
    if (all->n++ == 0) {
        mosn_timer_arm(all->cluster->loop, &all->sweep, SWEEP_MS);
    }
    return host;
}


mosn_host_t *
mosn_original_find(mosn_cluster_t *cluster, const mosn_address_t *address)
{
    mosn_originals_t *all = cluster->originals;
    uint64_t          hash = XXH64(&address->sa, address->len, all->seed);
    mosn_list_t      *bucket = &all->buckets[hash % BUCKETS];

    for (mosn_list_t *link = bucket->next; link != bucket; link = link->next) {
        original_t *o = mosn_container_of(link, original_t, link);

        if (mosn_address_equal(&o->host->address, address)) {
            return o->host;
        }
    }
    return original_add(all, address, hash);
}


mosn_host_t *
mosn_original_pick(mosn_cluster_t *cluster, mosn_conn_t *client)
{
    const mosn_address_t *address = mosn_conn_destination(client);

    return address != NULL ? mosn_original_find(cluster, address) : NULL;
}


void
mosn_originals_close(mosn_cluster_t *cluster)
{
    mosn_originals_t *all = cluster->originals;

    for (uint32_t i = 0; i < BUCKETS; i++) {
        mosn_list_t *bucket = &all->buckets[i];

        for (mosn_list_t *link = bucket->next; link != bucket;
             link = link->next) {
            mosn_host_close(mosn_container_of(link, original_t, link)->host);
        }
    }
}
