/* resources.c - take changes of clusters, hosts and route tables. */

#include "resources.h"

#include "event/tls_watch.h"
#include "os/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_BYTES (MOSN_RESOURCE_MAX + (16u << 20)) /* with its files */


/* --- applying -------------------------------------------------------------
 */

/* "there is no cluster \"x\"" */
static char *
resource_complain(const char *what, mosn_str_t name)
{
    char *text = NULL;

    if (asprintf(&text, "%s \"%.*s\"\n", what, MOSN_STR_ARG(name)) == -1) {
        return NULL;
    }
    return text;
}


/* What errors are said of: the text is of mosn's making. */
static const char *
resource_title(mosn_pool_t *pool, const char *kind, mosn_str_t name)
{
    return mosn_pool_printf(pool, "%s \"%.*s\"", kind, MOSN_STR_ARG(name)).at;
}


static bool
apply_hosts(mosn_conf_t *reader, mosn_cluster_t *cluster, mosn_pool_t *pool,
            const char *text, bool others_stay)
{
    mosn_hosts_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

    return mosn_conf_read_text(reader,
                               resource_title(pool, "cluster", cluster->name),
                               text, &mosn_hosts_block, conf)
               == MOSN_OK
           && mosn_cluster_set_hosts(reader, cluster, pool, conf, others_stay);
}


static bool
apply_cluster(mosn_conf_t *reader, mosn_generation_t *generation,
              mosn_pool_t *pool, mosn_str_t name, const char *text)
{
    mosn_cluster_t      *cluster = mosn_map_find(&generation->clusters, name);
    mosn_cluster_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

    if (mosn_conf_read_text(reader, resource_title(pool, "cluster", name),
                            text, &mosn_cluster_block, conf)
        != MOSN_OK)
    {
        return false;
    }
    if (cluster == NULL) {
        cluster = mosn_cluster_add(generation, name);
        mosn_cluster_register(cluster);
    }
    return mosn_cluster_replace(reader, cluster, pool, conf);
}


static bool
apply_routes(mosn_conf_t *reader, const mosn_generation_t *generation,
             mosn_pool_t *pool, mosn_str_t name, const char *text)
{
    mosn_route_table_t *table = mosn_map_find(&generation->route_tables, name);
    mosn_route_table_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    mosn_routes_t           *routes;

    if (mosn_conf_read_text(reader, resource_title(pool, "routes", name), text,
                            &mosn_route_table_block, conf)
        != MOSN_OK)
    {
        return false;
    }
    routes = mosn_routes_build(reader, generation, pool, conf);
    if (mosn_conf_n_errors(reader) > 0) {
        return false;
    }
    mosn_routes_unref(table->current);
    table->current = routes;
    return true;
}


/* The chain that is named, or the listener's own; NULL: told. */
static mosn_chain_conf_t *
find_chain(mosn_conf_t *reader, const mosn_listener_conf_t *l,
           const mosn_chain_filters_t *c)
{
    mosn_chain_conf_t *chain = mosn_chains_find(&l->filter_chains, c->name);

    if (chain == NULL) {
        mosn_conf_error(reader, &c->name, c,
                        "listener \"%.*s\" has no filter chain \"%.*s\"",
                        MOSN_STR_ARG(l->name), MOSN_STR_ARG(c->name));
    }
    return chain;
}


/* Reads and builds filters, which live in `pool` as all of `live`.  NULL: they
 * are not for this listener, or wrong. */
static mosn_listener_filters_t *
build_filters(mosn_conf_t *reader, mosn_generation_t *generation,
              mosn_pool_t *pool, mosn_live_t *live,
              const mosn_listener_conf_t *l, const char *text)
{
    mosn_listener_filters_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

    if (mosn_conf_read_text(reader, resource_title(pool, "listener", l->name),
                            text, &mosn_listener_filters_block, conf)
        != MOSN_OK)
    {
        return NULL;
    }
    if (l->filter_chains.n > 0 && conf->filters.n > 0) {
        mosn_conf_error(
            reader, &conf->filters, conf,
            "listener \"%.*s\" has filter_chains: each has its own",
            MOSN_STR_ARG(l->name));
        return NULL;
    }
    generation->live = live;
    mosn_settings_build_filters(reader, generation, conf->name,
                                &conf->filters);
    for (size_t i = 0; i < conf->filter_chains.n; i++) {
        const mosn_chain_filters_t *c = &conf->filter_chains.items[i];

        if (find_chain(reader, l, c) != NULL) {
            mosn_settings_build_filters(reader, generation, conf->name,
                                        &c->filters);
        }
    }
    generation->live = NULL;
    return mosn_conf_n_errors(reader) == 0 ? conf : NULL;
}


static void
let_filters_go(void *chain)
{
    mosn_live_unref(((mosn_chain_conf_t *) chain)->live);
}


static void
chain_take_filters(mosn_generation_t *generation, mosn_chain_conf_t *chain,
                   const mosn_conf_modules_t *filters, mosn_live_t *live)
{
    if (chain->live == NULL) {
        mosn_pool_on_destroy(generation->pool, let_filters_go, chain);
    }
    chain->filters = *filters;
    mosn_live_unref(chain->live);
    chain->live = mosn_live_ref(live);
}


static bool
apply_filters(mosn_conf_t *reader, mosn_generation_t *generation,
              mosn_pool_t *pool, mosn_listener_conf_t *l, const char *text)
{
    mosn_live_t             *live = mosn_live_create(pool);
    mosn_listener_filters_t *conf =
        build_filters(reader, generation, pool, live, l, text);

    if (conf == NULL) {
        return false;
    }
    if (conf->filter_chains.n == 0) {
        l->filters = conf->filters;
        chain_take_filters(generation, &l->own, &l->filters, live);
    }
    for (size_t i = 0; i < conf->filter_chains.n; i++) {
        const mosn_chain_filters_t *c = &conf->filter_chains.items[i];

        chain_take_filters(generation, find_chain(reader, l, c), &c->filters,
                           live);
    }
    mosn_live_unref(live);
    return true;
}


/* The listener that has filters which name it, or NULL. */
static const mosn_listener_conf_t *
resource_listener(const mosn_generation_t *generation, mosn_str_t cluster)
{
    const mosn_map_t *listeners = &generation->listeners;

    for (size_t i = 0; i <= listeners->mask; i++) {
        const mosn_listener_conf_t *l = listeners->entries[i].value;

        for (size_t k = 0; l != NULL && k < l->chains.n; k++) {
            if (mosn_filters_name(&l->chains.items[k].filters, cluster)) {
                return l;
            }
        }
    }
    return NULL;
}


/* Where a route stands that names it, or NULL. */
static const char *
resource_route(const mosn_generation_t *generation,
               const mosn_cluster_t    *cluster)
{
    const mosn_map_t *tables = &generation->route_tables;

    for (size_t i = 0; i <= tables->mask; i++) {
        const mosn_route_table_t *t = tables->entries[i].value;
        const char               *where =
            t != NULL ? mosn_routes_name_cluster(t->current, cluster) : NULL;

        if (where != NULL) {
            return where;
        }
    }
    return NULL;
}


static bool
filters_conf_name(const mosn_listener_filters_t *f, mosn_str_t cluster)
{
    for (size_t i = 0; i < f->filter_chains.n; i++) {
        if (mosn_filters_name(&f->filter_chains.items[i].filters, cluster)) {
            return true;
        }
    }
    return mosn_filters_name(&f->filters, cluster);
}


bool
mosn_resources_name(const mosn_resources_conf_t *all, mosn_str_t cluster)
{
    for (size_t i = 0; i < all->routes.n; i++) {
        if (mosn_route_table_names(&all->routes.items[i], cluster)) {
            return true;
        }
    }
    for (size_t i = 0; i < all->listeners.n; i++) {
        if (filters_conf_name(&all->listeners.items[i], cluster)) {
            return true;
        }
    }
    return false;
}


static char *
apply_remove(const mosn_generation_t *generation, mosn_cluster_t *cluster)
{
    const mosn_listener_conf_t *l =
        resource_listener(generation, cluster->name);
    const char *where = resource_route(generation, cluster);
    char       *why = NULL;
    int         n = 0;

    if (where != NULL) {
        n = asprintf(&why, "a route (%s) names cluster \"%.*s\"\n", where,
                     MOSN_STR_ARG(cluster->name));
    } else if (l != NULL) {
        n = asprintf(&why,
                     "a filter of listener \"%.*s\" names cluster \"%.*s\"\n",
                     MOSN_STR_ARG(l->name), MOSN_STR_ARG(cluster->name));
    }
    if (where != NULL || l != NULL) {
        return n == -1 ? NULL : why;
    }
    mosn_cluster_remove(cluster);
    return NULL;
}


/* Reads and builds it, and throws it away. */
char *
mosn_resource_check(mosn_generation_t *generation, mosn_resource_e kind,
                    mosn_str_t name, const char *text)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t *reader = mosn_conf_create(pool);
    char        *why = NULL;

    if (kind == MOSN_RESOURCE_CLUSTER) {
        mosn_cluster_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

        if (mosn_conf_read_text(reader, resource_title(pool, "cluster", name),
                                text, &mosn_cluster_block, conf)
            == MOSN_OK)
        {
            mosn_cluster_check(reader, pool, conf);
        }
    } else if (kind == MOSN_RESOURCE_FILTERS) {
        const mosn_listener_conf_t *l =
            mosn_map_find(&generation->listeners, name);

        if (l != NULL) {
            (void) build_filters(reader, generation, pool,
                                 mosn_live_create(pool), l, text);
        } else {
            why = resource_complain("there is no listener", name);
        }
    } else if (mosn_map_find(&generation->route_tables, name) == NULL) {
        why = resource_complain("there is no route table", name);
    } else {
        mosn_route_table_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));

        if (mosn_conf_read_text(reader, resource_title(pool, "routes", name),
                                text, &mosn_route_table_block, conf)
            == MOSN_OK)
        {
            (void) mosn_routes_build(reader, generation, pool, conf);
        }
    }
    if (mosn_conf_n_errors(reader) > 0) {
        why = mosn_conf_errors_text(reader);
    }
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
    return why;
}


char *
mosn_resource_apply(mosn_generation_t *generation, mosn_resource_e kind,
                    mosn_str_t name, const char *text)
{
    mosn_cluster_t *cluster = mosn_map_find(&generation->clusters, name);
    mosn_pool_t    *pool;
    mosn_conf_t    *reader;
    bool            done = false;
    char           *why = NULL;

    mosn_listener_conf_t *listener = NULL;

    if ((kind == MOSN_RESOURCE_HOSTS || kind == MOSN_RESOURCE_NAMES
         || kind == MOSN_RESOURCE_REMOVE)
        && (cluster == NULL || cluster->removed))
    {
        return resource_complain("there is no cluster", name);
    }
    if (kind == MOSN_RESOURCE_ROUTES
        && mosn_map_find(&generation->route_tables, name) == NULL)
    {
        return resource_complain("there is no route table", name);
    }
    if (kind == MOSN_RESOURCE_CLUSTER && cluster == NULL
        && generation->clusters.n >= MOSN_MAX_CLUSTERS)
    {
        return resource_complain("too many clusters to add", name);
    }
    if (kind == MOSN_RESOURCE_REMOVE) {
        return apply_remove(generation, cluster);
    }
    if (kind == MOSN_RESOURCE_FILTERS) {
        listener = mosn_map_find(&generation->listeners, name);
        if (listener == NULL) {
            return resource_complain("there is no listener", name);
        }
    }
    pool = mosn_pool_create(kind == MOSN_RESOURCE_HOSTS ? MOSN_POOL_CONN
                                                        : MOSN_POOL_CONF);
    reader = mosn_conf_create(pool);
    if (kind == MOSN_RESOURCE_HOSTS || kind == MOSN_RESOURCE_NAMES) {
        done = apply_hosts(reader, cluster, pool, text,
                           kind == MOSN_RESOURCE_NAMES);
    } else if (kind == MOSN_RESOURCE_CLUSTER) {
        done = apply_cluster(reader, generation, pool, name, text);
    } else if (kind == MOSN_RESOURCE_FILTERS) {
        done = apply_filters(reader, generation, pool, listener, text);
    } else {
        done = apply_routes(reader, generation, pool, name, text);
    }
    if (!done) {
        why = mosn_conf_errors_text(reader);
    }
    mosn_conf_destroy(&reader);
    if (!done) {
        mosn_pool_destroy(&pool);
    }
    return why;
}


/* --- between processes ----------------------------------------------------
 */

int
mosn_resource_open(void)
{
    return memfd_create("mosn resource", MFD_CLOEXEC);
}


bool
mosn_resource_pack(int fd, mosn_resource_e kind, mosn_str_t name,
                   const char *text)
{
    if (dprintf(fd, "%d %.*s\n%s", (int) kind, MOSN_STR_ARG(name), text) < 0
        || write(fd, "", 1) != 1 || !mosn_tls_files_write(fd))
    {
        mosn_log_alert(errno, "cannot pass a resource on");
        return false;
    }
    return true;
}


bool
mosn_resource_take(mosn_generation_t *generation, int fd, bool must)
{
    bool   done = false;
    off_t  size = lseek(fd, 0, SEEK_END);
    size_t n;
    char  *text, *line, *why;

    if (size <= 0 || size > MAX_BYTES) {
        mosn_log_alert(0, "a resource of %lld bytes", (long long) size);
        (void) close(fd);
        return false;
    }
    text = mosn_alloc((size_t) size + 1);
    if (pread(fd, text, (size_t) size, 0) != size) {
        size = 0;
    }
    text[size] = '\0';
    (void) close(fd);
    n = strlen(text) + 1;
    if (n < (size_t) size) {
        mosn_tls_files_give((mosn_str_t){ text + n, (size_t) size - n });
    }
    line = strchr(text, '\n');
    if (line != NULL && line - text > 2) {
        mosn_str_t name = { text + 2, (size_t) (line - text) - 2 };

        why = mosn_resource_apply(
            generation, (mosn_resource_e) (text[0] - '0'), name, line + 1);
        done = why == NULL;
        if (why != NULL && must) {
            mosn_log_alert(0, "a resource that the master has taken: %s", why);
        }
        free(why);
    }
    mosn_tls_files_drop();
    explicit_bzero(text, (size_t) size);
    free(text);
    return done;
}


/* --- what there is ---------------------------------------------------------
 */

void
mosn_resource_copy_hosts(const mosn_cluster_t *cluster, mosn_pool_t *pool,
                         mosn_hosts_conf_t *hosts_r)
{
    hosts_r->hosts.n = 0;
    hosts_r->hosts.items = mosn_pool_calloc(
        pool, (cluster->n_hosts + 1) * sizeof(*hosts_r->hosts.items));
    for (uint32_t i = 0; i < cluster->n_hosts; i++) {
        hosts_r->hosts.items[hosts_r->hosts.n++] = *cluster->hosts[i]->conf;
    }
}


void
mosn_resource_list_hosts(const mosn_cluster_t *cluster, mosn_pool_t *pool,
                         mosn_hosts_conf_t *hosts_r)
{
    if (mosn_cluster_is_named(cluster)) { /* as they are written */
        hosts_r->hosts = cluster->conf->hosts.hosts;
    } else {
        mosn_resource_copy_hosts(cluster, pool, hosts_r);
    }
}


static void
refresh_clusters(mosn_settings_t *s, const mosn_generation_t *generation,
                 mosn_pool_t *pool)
{
    const mosn_map_t    *clusters = &generation->clusters;
    mosn_cluster_conf_t *items =
        mosn_pool_calloc(pool, clusters->n * sizeof(*items) + 1);
    size_t     n = 0, before = s->clusters.n;
    mosn_map_t known;

    mosn_map_init(&known, pool);
    for (size_t k = 0; k < before; k++) {
        (void) mosn_map_add(&known, s->clusters.items[k].name, items);
    }
    /* Those of the file in its order, then those that came later. */
    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        if (c != NULL && !c->removed && mosn_map_find(&known, c->name) == NULL)
        {
            items[n++] = *c->conf;
        }
    }
    for (size_t k = 0; k < before; k++) {
        mosn_cluster_t *c = mosn_map_find(clusters, s->clusters.items[k].name);

        if (c != NULL && !c->removed) {
            items[n++] = *c->conf;
        }
    }
    for (size_t i = 0; i < n; i++) {
        mosn_resource_list_hosts(mosn_map_find(clusters, items[i].name), pool,
                                 &items[i].hosts);
    }
    s->clusters.items = items;
    s->clusters.n = n;
}


void
mosn_resources_refresh(mosn_settings_t         *settings,
                       const mosn_generation_t *generation, mosn_pool_t *pool)
{
    mosn_route_table_conf_t *routes =
        mosn_pool_calloc(pool, settings->routes.n * sizeof(*routes) + 1);

    refresh_clusters(settings, generation, pool);
    if (settings->routes.n > 0) {
        memcpy(routes, settings->routes.items,
               settings->routes.n * sizeof(*routes));
    }
    settings->routes.items = routes;
    for (size_t i = 0; i < settings->routes.n; i++) {
        const mosn_route_table_t *t = mosn_map_find(
            &generation->route_tables, settings->routes.items[i].name);

        if (t != NULL) {
            settings->routes.items[i] = *t->current->conf;
        }
    }
}


#define RESOURCES_COPY(list, pool)                                            \
    do {                                                                      \
        void *copy_ =                                                         \
            mosn_pool_alloc(pool, (list).n * sizeof(*(list).items) + 1);      \
                                                                              \
        if ((list).n > 0) {                                                   \
            memcpy(copy_, (list).items, (list).n * sizeof(*(list).items));    \
        }                                                                     \
        (list).items = copy_;                                                 \
    } while (0)


void
mosn_resource_embed(mosn_route_conf_t *route, mosn_pool_t *pool)
{
    static const char digits[] = "0123456789abcdef";

    mosn_respond_conf_t *r;
    char                *hex;

    if (route->respond == NULL || route->respond->loaded.at == NULL) {
        return;
    }
    r = mosn_pool_alloc(pool, sizeof(*r));
    *r = *route->respond;
    r->body_file = MOSN_STR_NULL;
    route->respond = r;
    if (memchr(r->loaded.at, '\0', r->loaded.len) == NULL) {
        r->body = r->loaded;
        return;
    }
    hex = mosn_pool_alloc(pool, r->loaded.len * 2 + 1);
    for (size_t i = 0; i < r->loaded.len; i++) {
        hex[2 * i] = digits[(uint8_t) r->loaded.at[i] >> 4];
        hex[2 * i + 1] = digits[(uint8_t) r->loaded.at[i] & 15];
    }
    hex[r->loaded.len * 2] = '\0';
    r->body_bytes = (mosn_str_t){ hex, r->loaded.len * 2 };
}


void
mosn_resources_embed(mosn_settings_t *s, mosn_pool_t *pool)
{
    for (size_t i = 0; i < s->routes.n; i++) {
        mosn_route_table_conf_t *table = &s->routes.items[i];

        RESOURCES_COPY(table->virtual_hosts, pool);
        for (size_t k = 0; k < table->virtual_hosts.n; k++) {
            mosn_virtual_host_conf_t *host = &table->virtual_hosts.items[k];

            RESOURCES_COPY(host->routes, pool);
            for (size_t m = 0; m < host->routes.n; m++) {
                mosn_resource_embed(&host->routes.items[m], pool);
            }
        }
    }
}


#define RESOURCES_MAKE_ROOM(list, more, pool)                                 \
    do {                                                                      \
        void *items_ = mosn_pool_calloc(                                      \
            pool, ((list).n + (more)) * sizeof(*(list).items) + 1);           \
                                                                              \
        if ((list).n > 0) {                                                   \
            memcpy(items_, (list).items, (list).n * sizeof(*(list).items));   \
        }                                                                     \
        (list).items = items_;                                                \
    } while (0)


void
mosn_resources_make_room(mosn_resources_conf_t *all, size_t n,
                         mosn_pool_t *pool)
{
    RESOURCES_MAKE_ROOM(all->clusters, n, pool);
    RESOURCES_MAKE_ROOM(all->routes, n, pool);
    RESOURCES_MAKE_ROOM(all->listeners, n, pool);
}


/* Without those of that name. */
#define RESOURCES_DROP(list, wanted)                                          \
    do {                                                                      \
        size_t n_ = (list).n;                                                 \
                                                                              \
        (list).n = 0;                                                         \
        for (size_t i_ = 0; i_ < n_; i_++) {                                  \
            (list).items[(list).n] = (list).items[i_];                        \
            (list).n += !mosn_str_equal((list).items[i_].name, wanted);       \
        }                                                                     \
    } while (0)


void
mosn_resources_keep_cluster(mosn_resources_conf_t *all, mosn_str_t name,
                            const mosn_cluster_conf_t *cluster)
{
    RESOURCES_DROP(all->clusters, name);
    if (cluster != NULL) {
        all->clusters.items[all->clusters.n++] = *cluster;
    }
}


void
mosn_resources_keep_routes(mosn_resources_conf_t *all, mosn_str_t name,
                           const mosn_route_table_conf_t *table)
{
    RESOURCES_DROP(all->routes, name);
    if (table != NULL) {
        all->routes.items[all->routes.n++] = *table;
    }
}


static mosn_chain_filters_t *
keep_chain(mosn_listener_filters_t *f, mosn_str_t name)
{
    for (size_t i = 0; i < f->filter_chains.n; i++) {
        if (mosn_str_equal(f->filter_chains.items[i].name, name)) {
            return &f->filter_chains.items[i];
        }
    }
    return &f->filter_chains.items[f->filter_chains.n++];
}


void
mosn_resources_keep_filters(mosn_resources_conf_t         *all,
                            const mosn_settings_t         *now,
                            const mosn_listener_filters_t *filters,
                            mosn_pool_t                   *pool)
{
    mosn_listener_filters_t     was = { .name = filters->name }, *f;
    const mosn_listener_conf_t *l = NULL;

    for (size_t i = 0; i < now->listeners.n; i++) {
        if (mosn_str_equal(now->listeners.items[i].name, filters->name)) {
            l = &now->listeners.items[i];
        }
    }
    for (size_t i = 0; i < all->listeners.n; i++) {
        if (mosn_str_equal(all->listeners.items[i].name, filters->name)) {
            was = all->listeners.items[i];
        }
    }
    RESOURCES_DROP(all->listeners, filters->name);
    if (l == NULL) {
        return;
    }
    f = &all->listeners.items[all->listeners.n++];
    *f = (mosn_listener_filters_t){
        filters->name,
        filters->filter_chains.n == 0 ? filters->filters : l->filters,
        { 0 },
    };
    f->filter_chains.items = mosn_pool_calloc(
        pool, (was.filter_chains.n + filters->filter_chains.n + 1)
                  * sizeof(*f->filter_chains.items));
    for (size_t i = 0; i < was.filter_chains.n; i++) {
        if (mosn_chains_find(&l->filter_chains,
                             was.filter_chains.items[i].name)
            != NULL)
        {
            f->filter_chains.items[f->filter_chains.n++] =
                was.filter_chains.items[i];
        }
    }
    for (size_t i = 0; i < filters->filter_chains.n; i++) {
        const mosn_chain_filters_t *chain = &filters->filter_chains.items[i];

        *keep_chain(f, chain->name) = *chain;
    }
}
