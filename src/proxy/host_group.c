/* proxy/host_group.c - subsets, priorities, zones; then a balancer. */

#include "proxy/host_group.h"

#include "core/rand.h"
#include "os/clock.h"
#include "proxy/cluster.h"
#include "proxy/lb.h"

#include <math.h>
#include <xxhash.h>

#define LOOK_MS        100u
#define OVERPROVISION  140u /* a level of 72 % well hosts takes everything */
#define KEY_MAX        1024u
#define WEIGHT_UNIT    100u /* of `weight`, for slow starts */
#define SLOW_START_MIN 10u  /* per cent of its weight at the very beginning */


/* --- subsets ------------------------------------------------------------- */

typedef struct {
    char   text[KEY_MAX];
    size_t n;
} group_key_t;


static mosn_str_t
group_metadata(const mosn_conf_pairs_t *pairs, mosn_str_t name)
{
    for (size_t i = 0; i < pairs->n; i++) {
        if (mosn_str_equal(pairs->items[i].name, name)) {
            return pairs->items[i].value;
        }
    }
    return MOSN_STR_NULL;
}


/* False: there is no room for it. */
static bool
group_key_add(group_key_t *key, mosn_str_t name, mosn_str_t value)
{
    if (key->n + name.len + value.len + 2 > sizeof(key->text)) {
        return false;
    }
    memcpy(key->text + key->n, name.at, name.len);
    key->text[key->n + name.len] = '\0';
    key->n += name.len + 1;
    if (value.len > 0) {
        memcpy(key->text + key->n, value.at, value.len);
    }
    key->text[key->n + value.len] = '\0';
    key->n += value.len + 1;
    return true;
}


/* Names in their order. */
static bool
group_key_of(group_key_t *key, const mosn_conf_pairs_t *pairs)
{
    mosn_str_t last = MOSN_STR_NULL;

    key->n = 0;
    for (size_t done = 0; done < pairs->n; done++) {
        const mosn_conf_pair_t *next = NULL;

        for (size_t i = 0; i < pairs->n; i++) {
            const mosn_conf_pair_t *p = &pairs->items[i];

            if ((last.at == NULL || strcmp(p->name.at, last.at) > 0)
                && (next == NULL || strcmp(p->name.at, next->name.at) < 0))
            {
                next = p;
            }
        }
        if (next == NULL) {
            break;
        }
        last = next->name;
        if (!group_key_add(key, next->name, next->value)) {
            return false;
        }
    }
    return true;
}


/* What a host has of a selector; false: it lacks something. */
static bool
group_key_select(group_key_t *key, const mosn_strs_t *selector,
                 const mosn_conf_pairs_t *metadata, mosn_pool_t *pool)
{
    mosn_conf_pairs_t pairs = { NULL, selector->n };

    pairs.items =
        mosn_pool_calloc(pool, selector->n * sizeof(*pairs.items) + 1);
    for (size_t i = 0; i < selector->n; i++) {
        pairs.items[i].name = selector->items[i];
        pairs.items[i].value = group_metadata(metadata, selector->items[i]);
        if (pairs.items[i].value.at == NULL) {
            return false;
        }
    }
    return group_key_of(key, &pairs);
}


/* --- building ------------------------------------------------------------ */

static void
group_build_levels(mosn_host_group_t *group, mosn_pool_t *pool)
{
    uint32_t n = 1;

    for (uint32_t i = 0; i < group->n_hosts; i++) {
        uint32_t level = (uint32_t) group->hosts[i]->conf->priority;

        n = level >= n ? level + 1 : n;
    }
    group->n_levels = n;
    group->levels = mosn_pool_calloc(pool, n * sizeof(*group->levels));
    for (uint32_t i = 0; i < n; i++) {
        group->levels[i].all = mosn_pool_alloc(
            pool, (group->n_hosts + 1) * sizeof(mosn_host_t *));
    }
    for (uint32_t i = 0; i < group->n_hosts; i++) {
        mosn_host_t       *host = group->hosts[i];
        mosn_host_level_t *level = &group->levels[host->conf->priority];

        if (host->conf->state == MOSN_HOST_ENABLED) {
            level->all[level->n_all++] = host;
        }
    }
}


static mosn_host_group_t *
groups_get(mosn_host_groups_t *groups, const group_key_t *key)
{
    mosn_str_t         text = { key->text, key->n };
    mosn_host_group_t *group = mosn_map_find(&groups->by_key, text);

    if (group == NULL) {
        group = mosn_pool_calloc(groups->pool, sizeof(*group));
        group->key = mosn_pool_copy(groups->pool, text);
        group->hosts = mosn_pool_alloc(
            groups->pool, groups->cluster->n_hosts * sizeof(*group->hosts));
        (void) mosn_map_add(&groups->by_key, group->key, group);
        groups->subsets[groups->n_subsets++] = group;
    }
    return group;
}


static void
groups_build_subsets(mosn_host_groups_t *groups)
{
    mosn_cluster_t         *c = groups->cluster;
    const mosn_str_lists_t *selectors = &c->conf->subset_selectors;
    group_key_t             key;

    groups->subsets = mosn_pool_calloc(
        groups->pool,
        c->n_hosts * selectors->n * sizeof(mosn_host_group_t *) + 1);
    for (size_t s = 0; s < selectors->n; s++) {
        for (uint32_t i = 0; i < c->n_hosts; i++) {
            if (group_key_select(&key, &selectors->items[s],
                                 &c->hosts[i]->conf->metadata, groups->pool))
            {
                mosn_host_group_t *group = groups_get(groups, &key);

                /* A selector that stands there twice. */
                if (group->n_hosts == 0
                    || group->hosts[group->n_hosts - 1] != c->hosts[i]) {
                    group->hosts[group->n_hosts++] = c->hosts[i];
                }
            }
        }
    }
    for (uint32_t i = 0; i < groups->n_subsets; i++) {
        group_build_levels(groups->subsets[i], groups->pool);
    }
}


void
mosn_host_groups_build(mosn_host_groups_t *groups, mosn_cluster_t *cluster,
                       mosn_pool_t *pool)
{
    mosn_host_groups_free(groups);
    memset(groups, 0, sizeof(*groups));
    groups->cluster = cluster;
    groups->pool = pool;
    groups->whole.hosts = cluster->hosts;
    groups->whole.n_hosts = cluster->n_hosts;
    mosn_map_init(&groups->by_key, pool);
    group_build_levels(&groups->whole, pool);
    groups_build_subsets(groups);
}


void
mosn_host_groups_free(mosn_host_groups_t *groups)
{
    if (groups->states != NULL) {
        mosn_pool_destroy(&groups->states);
    }
}


void
mosn_host_groups_clear(mosn_host_groups_t *groups, mosn_cluster_t *cluster)
{
    static mosn_map_entry_t      nothing;
    static const mosn_host_set_t nobody;

    mosn_host_groups_free(groups);
    *groups = (mosn_host_groups_t){
        .cluster = cluster,
        .whole.simple = &nobody,
        .by_key.entries = &nothing,
        .built = true,
    };
}


/* --- looking ------------------------------------------------------------- */

static void
set_build(mosn_host_groups_t *groups, mosn_host_set_t *set)
{
    const mosn_lb_ops_t *lb = groups->cluster->version->lb->ops;

    if (set->n > 1) {
        set->state = mosn_pool_calloc(groups->states, lb->state_size + 1);
        if (lb->init != NULL) {
            lb->init(set->state, set, groups->cluster->conf, groups->states);
        }
    }
}


static bool
level_is_local(const mosn_host_t *host)
{
    return mosn_cluster_zone.len > 0
           && mosn_str_equal(host->conf->zone, mosn_cluster_zone);
}


/* Whom a level has to offer; in a panic, everybody. */
static void
level_fill(mosn_host_groups_t *groups, mosn_host_level_t *level)
{
    size_t   room = (level->n_all + 1) * sizeof(mosn_host_t *);
    uint32_t known = 0;

    level->usable = level->local = (mosn_host_set_t){ 0 };
    level->usable.hosts = mosn_pool_alloc(groups->states, room);
    level->usable.all = level->all;
    level->usable.n_all = level->n_all;
    level->local.hosts = mosn_pool_alloc(groups->states, room);
    level->local.all = mosn_pool_alloc(groups->states, room);
    for (uint32_t i = 0; i < level->n_all; i++) {
        mosn_host_t *host = level->all[i];
        bool         local = level_is_local(host);

        if (local) {
            level->local.all[level->local.n_all++] = host;
            known += !host->awaited;
        }
        if (host->usable || level->panic) {
            level->usable.hosts[level->usable.n++] = host;
            if (local) {
                level->local.hosts[level->local.n++] = host;
            }
        }
    }
    level->local_load = 0;
    if (groups->cluster->conf->prefer_zone && known > 0) {
        uint32_t load = level->local.n * OVERPROVISION / known;

        level->local_load = load > 100 ? 100 : load;
    }
    set_build(groups, &level->usable);
    if (level->local_load > 0) {
        set_build(groups, &level->local);
    }
}


/* What each level can take is asked of it; the first ones first. */
static void
group_share(mosn_host_groups_t *groups, mosn_host_group_t *group)
{
    uint32_t total = 0, left = 100, first = group->n_levels, n = 0;
    double   panic = groups->cluster->conf->panic_percent;

    for (uint32_t i = 0; i < group->n_levels; i++) {
        mosn_host_level_t *level = &group->levels[i];
        uint32_t           well = 0;

        level->n_usable = level->n_known = 0;
        for (uint32_t k = 0; k < level->n_all; k++) {
            level->n_usable += level->all[k]->usable;
            level->n_known += !level->all[k]->awaited;
        }
        if (level->n_known > 0) {
            well = level->n_usable * OVERPROVISION / level->n_known;
            well += well == 0 && level->n_usable > 0; /* one is not none */
        }
        if (level->n_all > 0) {
            first = first == group->n_levels ? i : first;
            n++;
        }
        level->load = well > 100 ? 100 : well;
        total += level->load;
    }
    for (uint32_t i = 0; i < group->n_levels; i++) {
        mosn_host_level_t *level = &group->levels[i];
        uint32_t           load =
            total > 0 && total < 100 ? level->load * 100 / total : level->load;

        level->panic = (total < 100 || n == 1) && level->n_all > 0
                       && level->n_usable * 100 < panic * level->n_known;
        level->load = load > left ? left : load;
        left -= level->load;
    }
    if (first < group->n_levels) {
        if (total == 0) { /* nobody is well: as if all were */
            group->levels[first].panic = true;
        }
        while (first < group->n_levels - 1 && total > 0
               && group->levels[first].load == 0)
        {
            first++;
        }
        group->levels[first].load += left;
    }
    group->fails_over = group->levels[0].load < 100;
    for (uint32_t i = 0; i < group->n_levels; i++) {
        level_fill(groups, &group->levels[i]);
    }
    group->simple = !group->fails_over && group->levels[0].local_load == 0
                        ? &group->levels[0].usable
                        : NULL;
}


static uint64_t
groups_now_ms(const mosn_host_groups_t *groups)
{
    return groups->cluster->loop != NULL ? groups->cluster->loop->now_ms
                                         : mosn_clock_ns() / 1000000;
}


/* True: its weight is not what it was. */
static bool
groups_weigh(const mosn_cluster_t *c, mosn_host_t *host, uint64_t now)
{
    uint64_t full = (uint64_t) host->conf->weight * WEIGHT_UNIT;
    uint64_t age = now - host->since_ms, was = host->weight;

    host->weight = (uint32_t) full;
    if (c->conf->slow_start_ms > 0 && host->since_ms > 0
        && age < c->conf->slow_start_ms)
    {
        uint64_t part = age * 100 / c->conf->slow_start_ms;

        part = part < SLOW_START_MIN ? SLOW_START_MIN : part;
        host->weight = (uint32_t) (full * part / 100);
    }
    return host->weight != was;
}


/* Who has seen first that a host is back tells all: its checker, or a worker
 * that had a connection; when it is not left out any more is known before. */
static void
groups_date(mosn_host_t *host, bool usable, uint64_t now)
{
    _Atomic uint64_t *cell = mosn_host_cell(host, MOSN_HOST_CELL_SINCE);
    uint64_t          since = atomic_load(cell);
    uint64_t          until =
        atomic_load(mosn_host_cell(host, MOSN_HOST_CELL_EJECTED_UNTIL));

    since = until <= now && until > since ? until : since;
    if (usable && !host->usable && host->seen && since <= host->lost_ms) {
        since = now;
        atomic_store(cell, now);
    } else if (!usable && host->usable) {
        host->lost_ms = now;
    }
    host->since_ms = since;
}


static bool
groups_have_changed(mosn_host_groups_t *groups, uint64_t now)
{
    mosn_cluster_t *c = groups->cluster;
    bool            changed = !groups->built;

    for (uint32_t i = 0; i < c->n_hosts; i++) {
        mosn_host_t *host = c->hosts[i];
        bool         usable = mosn_host_why_not(host, now) == NULL;

        groups_date(host, usable, now);
        host->seen = true;
        changed |= host->awaited != mosn_host_is_awaited(host);
        host->awaited = mosn_host_is_awaited(host);
        changed |= groups_weigh(c, host, now);
        changed |= usable != host->usable;
        host->usable = usable;
    }
    return changed;
}


void
mosn_host_groups_look(mosn_host_groups_t *groups)
{
    uint64_t now = groups_now_ms(groups);

    groups->cell = mosn_metrics_cell(groups->cluster->metrics);
    groups->epoch = atomic_load_explicit(groups->cell, memory_order_acquire);
    groups->look_at_ms = now + LOOK_MS;
    groups->stale = false;
    if (!groups_have_changed(groups, now)) {
        return;
    }
    mosn_host_groups_free(groups);
    groups->states = mosn_pool_create(MOSN_POOL_CONN);
    groups->built = true;
    group_share(groups, &groups->whole);
    for (uint32_t i = 0; i < groups->n_subsets; i++) {
        group_share(groups, groups->subsets[i]);
    }
}


void
mosn_cluster_touch(const mosn_cluster_t *cluster)
{
    atomic_fetch_add(mosn_metrics_cell(cluster->metrics), 1);
}


/* --- picking ------------------------------------------------------------- */

static mosn_host_group_t *
groups_exact(const mosn_host_groups_t *groups, const mosn_conf_pairs_t *subset)
{
    group_key_t key;

    return group_key_of(&key, subset) ? mosn_map_find(
               &groups->by_key, (mosn_str_t){ key.text, key.n })
                                      : NULL;
}


mosn_host_group_t *
mosn_host_groups_find(mosn_host_groups_t      *groups,
                      const mosn_conf_pairs_t *subset)
{
    const mosn_cluster_conf_t *conf = groups->cluster->conf;
    mosn_host_group_t         *group;

    if (subset == NULL || subset->n == 0) {
        return &groups->whole;
    }
    group = groups_exact(groups, subset);
    if (group != NULL || conf->subset_fallback == MOSN_SUBSET_NONE) {
        return group;
    }
    if (conf->subset_fallback == MOSN_SUBSET_ANY) {
        return &groups->whole;
    }
    return groups_exact(groups, &conf->default_subset);
}


bool
mosn_host_groups_has(const mosn_host_groups_t *groups,
                     const mosn_conf_pairs_t  *subset)
{
    return groups_exact(groups, subset) != NULL;
}


enum { ROLL_LEVEL = 1, ROLL_ZONE = 2 };

/* Of a hundred; the same for requests of one hash, but one roll says nothing
 * of another. */
static uint32_t
pick_roll(const mosn_pick_t *how, uint64_t of)
{
    uint64_t mixed = (how->hash ^ of) * 0x9e3779b97f4a7c15u;

    return how->has_hash ? (uint32_t) ((mixed ^ mixed >> 29) >> 8) % 100
                         : mosn_rand_below(100);
}


static mosn_host_level_t *
pick_level(mosn_host_group_t *group, const mosn_pick_t *how)
{
    uint32_t roll, i;

    if (MOSN_LIKELY(!group->fails_over)) {
        return &group->levels[0];
    }
    roll = pick_roll(how, ROLL_LEVEL);
    for (i = 0; i + 1 < group->n_levels && roll >= group->levels[i].load; i++)
    {
        roll -= group->levels[i].load;
    }
    return &group->levels[i];
}


static MOSN_NOINLINE const mosn_host_set_t *
pick_set(mosn_host_group_t *group, const mosn_pick_t *how)
{
    mosn_host_level_t *level = pick_level(group, how);

    if (level->local_load > 0 && level->local.n > 0
        && (level->local_load == 100
            || pick_roll(how, ROLL_ZONE) < level->local_load)
        && !(level->local.n == 1 && level->local.hosts[0] == how->avoid))
    {
        return &level->local;
    }
    return &level->usable;
}


static inline mosn_host_t *
pick_from(mosn_host_groups_t *groups, mosn_host_group_t *group,
          const mosn_pick_t *how)
{
    const mosn_host_set_t *set = MOSN_LIKELY(group->simple != NULL)
                                     ? group->simple
                                     : pick_set(group, how);
    const mosn_lb_ops_t   *lb;

    if (set->n <= 1) {
        return set->n == 1 ? set->hosts[0] : NULL;
    }
    lb = groups->cluster->version->lb->ops;
    return lb->pick(set->state, set, how);
}


static bool
pick_has_tried(const mosn_pick_t *how, const mosn_host_t *host)
{
    for (uint32_t i = 0; i < how->n_tried; i++) {
        if (how->tried[i] == host) {
            return true;
        }
    }
    return false;
}


/* The host of a cookie serves those whom it has served, also while it takes
 * no others. */
static MOSN_NOINLINE mosn_host_t *
pick_sticky(const mosn_host_group_t *group, const mosn_pick_t *how,
            uint64_t now)
{
    for (uint32_t i = 0; i < group->n_hosts; i++) {
        mosn_host_t *host = group->hosts[i];

        if (host->id == how->sticky && host != how->avoid
            && !pick_has_tried(how, host) && host->conf != NULL
            && host->conf->state != MOSN_HOST_DISABLED
            && (group->levels[host->conf->priority].panic
                || mosn_host_ailment(host, now) == NULL))
        {
            return host;
        }
    }
    return NULL;
}


/* It is down: since a moment ago? */
static MOSN_NOINLINE mosn_host_t *
pick_again(mosn_host_groups_t *groups, mosn_host_group_t *group,
           const mosn_pick_t *how, mosn_host_t *host)
{
    if (!host->usable) {
        return host; /* nor are the others */
    }
    mosn_host_groups_look(groups);
    return pick_from(groups, group, how);
}


/* Who weighs twice as much is there first twice as often: hosts are runners
 * with times that are spread exponentially. */
static double
pick_time(const mosn_host_t *host, uint64_t hash)
{
    uint64_t lot = XXH64(&host->id, sizeof(host->id), hash) >> 11;

    return -log(((double) lot + 1) / (double) (UINT64_C(1) << 53))
           / host->weight;
}


/* One that has not had the request yet, of the first priority that has such:
 * for a request with a hash always the same one.  Else `host`. */
static MOSN_NOINLINE mosn_host_t *
pick_untried(const mosn_host_group_t *group, const mosn_pick_t *how,
             mosn_host_t *host)
{
    mosn_host_t *best = NULL;
    double       least = 0;
    uint64_t     hash = how->has_hash ? how->hash : mosn_rand_u64();

    for (uint32_t k = 0; k < group->n_levels && best == NULL; k++) {
        const mosn_host_set_t *set = &group->levels[k].usable;

        for (uint32_t i = 0; i < set->n; i++) {
            mosn_host_t *other = set->hosts[i];
            double       time = pick_time(other, hash);

            if ((best == NULL || time < least) && !pick_has_tried(how, other)
                && !mosn_stream_pool_is_down(&other->pool))
            {
                best = other;
                least = time;
            }
        }
    }
    return best != NULL ? best : host;
}


mosn_host_t *
mosn_host_groups_pick(mosn_host_groups_t *groups, const mosn_pick_t *how)
{
    static const mosn_pick_t any;

    uint64_t           now = groups_now_ms(groups);
    mosn_host_group_t *group = &groups->whole;
    mosn_host_t       *host = NULL;

    if (MOSN_UNLIKELY(
            groups->stale || now >= groups->look_at_ms
            || atomic_load_explicit(groups->cell, memory_order_relaxed)
                   != groups->epoch))
    {
        mosn_host_groups_look(groups);
    }
    how = how != NULL ? how : &any;
    if (how->subset != NULL) {
        group = mosn_host_groups_find(groups, how->subset);
        if (group == NULL) {
            return NULL;
        }
    }
    if (how->has_sticky) {
        host = pick_sticky(group, how, now);
    }
    if (host == NULL) {
        host = pick_from(groups, group, how);
    }
    if (MOSN_UNLIKELY(how->n_tried > 0) && host != NULL
        && pick_has_tried(how, host))
    {
        host = pick_untried(group, how, host);
    }
    return MOSN_UNLIKELY(host != NULL && mosn_stream_pool_is_down(&host->pool))
               ? pick_again(groups, group, how, host)
               : host;
}
