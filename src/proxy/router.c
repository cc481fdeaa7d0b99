/* proxy/router.c - find the virtual host and the route of a request. */

#include "proxy/router.h"
#include "core/log.h"
#include "core/rand.h"

#define NAME_MAX_LEN 255 /* of a host */


/* --- finding ------------------------------------------------------------ */

static mosn_virtual_host_t *
router_find_suffix(const mosn_route_table_t *table, mosn_str_t name)
{
    for (size_t i = 1; i < name.len; i++) { /* longest first */
        if (name.at[i] == '.') {
            mosn_virtual_host_t *found = mosn_map_find(
                &table->suffixes, (mosn_str_t){ name.at + i, name.len - i });

            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}


static mosn_virtual_host_t *
router_find_prefix(const mosn_route_table_t *table, mosn_str_t name)
{
    for (size_t i = name.len; i-- > 1;) {
        if (name.at[i] == '.') {
            mosn_virtual_host_t *found = mosn_map_find(
                &table->prefixes, (mosn_str_t){ name.at, i + 1 });

            if (found != NULL) {
                return found;
            }
        }
    }
    return NULL;
}


/* Without ":port"; a v6 address keeps its brackets. */
static mosn_str_t
router_strip_port(mosn_str_t authority)
{
    size_t i = authority.len;

    while (i > 0 && authority.at[i - 1] >= '0' && authority.at[i - 1] <= '9') {
        i--;
    }
    if (i > 0 && authority.at[i - 1] == ':') {
        authority.len = i - 1;
    }
    return authority;
}


static mosn_virtual_host_t *
router_find_virtual_host(const mosn_route_table_t *table, mosn_str_t authority)
{
    char                 lower[NAME_MAX_LEN];
    mosn_str_t           name = { lower, authority.len };
    mosn_virtual_host_t *found = NULL;

    if (table->exact.n + table->suffixes.n + table->prefixes.n == 0
        || authority.len > NAME_MAX_LEN || authority.len == 0)
    {
        return table->fallback;
    }
    for (size_t i = 0; i < authority.len; i++) {
        lower[i] = (char) mosn_lower((uint8_t) authority.at[i]);
    }

    found = mosn_map_find(&table->exact, name);
    if (found != NULL) {
        return found;
    }
    name = router_strip_port(name);
    if (name.len > 0 && name.at[name.len - 1] == '.') {
        name.len--; /* the root: "example.com." is the same host */
    }
    found = mosn_map_find(&table->exact, name);
    if (found == NULL && table->suffixes.n > 0) {
        found = router_find_suffix(table, name);
    }
    if (found == NULL && table->prefixes.n > 0) {
        found = router_find_prefix(table, name);
    }
    return found != NULL ? found : table->fallback;
}


static mosn_str_t
router_strip_query(mosn_str_t path)
{
    const char *query = memchr(path.at, '?', path.len);

    if (query != NULL) {
        path.len = (size_t) (query - path.at);
    }
    return path;
}


/* What a route wants besides host and path. */
static inline bool
router_is_right(const mosn_route_t *route, mosn_message_t *request,
                const mosn_conn_t *client)
{
    return MOSN_LIKELY(route->match == NULL)
           || mosn_match_is_right(route->match, request, client);
}


static bool
router_is_path_right(const mosn_match_conf_t *m, mosn_str_t path)
{
    if (m->path.at != NULL) {
        return mosn_str_equal(m->path, path);
    }
    return m->prefix.len == 0
           || (m->prefix.len <= path.len
               && memcmp(m->prefix.at, path.at, m->prefix.len) == 0);
}


/* The index tells the first route by path; who is not right for it goes down
 * the list. */
static const mosn_route_t *
router_find_next(const mosn_virtual_host_t *host, uint32_t rank,
                 mosn_str_t path, mosn_message_t *request,
                 const mosn_conn_t *client)
{
    for (; rank < host->n_routes; rank++) {
        const mosn_route_t *route = &host->routes[rank];

        if (router_is_path_right(&route->conf->match, path)
            && router_is_right(route, request, client))
        {
            return route;
        }
    }
    return NULL;
}


const mosn_route_t *
mosn_route_find(const mosn_route_table_t *table, mosn_message_t *request,
                const mosn_conn_t *client)
{
    const mosn_virtual_host_t *host =
        router_find_virtual_host(table, request->authority);
    mosn_str_t path = request->path.len > 0 ? request->path : MOSN_STR("");
    uint32_t   rank;

    if (host == NULL) {
        return NULL;
    }
    if (request->rpc == NULL) { /* a call has no query */
        path = router_strip_query(path);
    }
    rank = mosn_route_index_find(&host->index, path);
    if (rank == MOSN_ROUTE_NONE) {
        return NULL;
    }
    if (!router_is_right(&host->routes[rank], request, client)) {
        return router_find_next(host, rank + 1, path, request, client);
    }
    return &host->routes[rank];
}


mosn_cluster_t *
mosn_route_pick_cluster(const mosn_route_t *route)
{
    uint32_t at;

    if (route->cluster != NULL) {
        return route->cluster;
    }
    at = mosn_rand_below(route->split_total);
    for (size_t i = 0;; i++) {
        uint32_t weight =
            (uint32_t) route->conf->route->clusters.items[i].weight;

        if (at < weight) {
            return route->split[i];
        }
        at -= weight;
    }
}


mosn_str_t
mosn_route_rewrite_path(const mosn_route_t *route, mosn_str_t path,
                        mosn_pool_t *pool)
{
    mosn_str_t to = route->conf->route->prefix_rewrite;
    mosn_str_t from = route->conf->match.path.at != NULL
                          ? route->conf->match.path
                          : route->conf->match.prefix;

    if (to.at == NULL || !mosn_str_has_prefix(path, from)) {
        return path;
    }
    return mosn_pool_printf(pool, "%.*s%.*s", MOSN_STR_ARG(to),
                            (int) (path.len - from.len), path.at + from.len);
}


mosn_str_t
mosn_route_location(const mosn_route_t *route, const mosn_message_t *request,
                    mosn_pool_t *pool)
{
    const mosn_redirect_conf_t *r = route->conf->redirect;
    mosn_str_t path = request->path, rest = MOSN_STR(""), prefix;
    mosn_str_t host = r->host.at != NULL ? r->host : request->authority;
    mosn_str_t scheme = r->scheme == 1   ? MOSN_STR("http")
                        : r->scheme == 2 ? MOSN_STR("https")
                                         : request->scheme;

    if (r->path.at != NULL) {
        path = r->path;
    } else if (r->prefix_rewrite.at != NULL) {
        prefix = route->conf->match.prefix.at != NULL
                     ? route->conf->match.prefix
                     : route->conf->match.path;
        rest = (mosn_str_t){ path.at + prefix.len, path.len - prefix.len };
        path = r->prefix_rewrite;
    }
    if (r->host.at == NULL && r->scheme == 0) {
        return mosn_pool_printf(pool, "%.*s%.*s", MOSN_STR_ARG(path),
                                MOSN_STR_ARG(rest)); /* same origin */
    }
    if (r->host.at == NULL && r->scheme != 0) {
        host = router_strip_port(host); /* the other scheme's default */
    }
    return mosn_pool_printf(pool, "%.*s://%.*s%.*s%.*s", MOSN_STR_ARG(scheme),
                            MOSN_STR_ARG(host), MOSN_STR_ARG(path),
                            MOSN_STR_ARG(rest));
}


/* --- building ----------------------------------------------------------- */

static void
router_build_split(mosn_conf_t *reader, mosn_generation_t *generation,
                   mosn_route_t *route)
{
    const mosn_forward_conf_t *conf = route->conf->route;

    route->split = mosn_pool_calloc(generation->pool,
                                    conf->clusters.n * sizeof(*route->split));
    for (size_t i = 0; i < conf->clusters.n; i++) {
        route->split[i] = mosn_cluster_resolve(reader, generation,
                                               &conf->clusters.items[i].name);
        route->split_total += (uint32_t) conf->clusters.items[i].weight;
    }
    if (route->split_total == 0) {
        mosn_conf_error(reader, &conf->clusters, conf,
                        "all weights are 0: no request could be sent");
    }
}


static void
router_build_forward(mosn_conf_t *reader, mosn_generation_t *generation,
                     mosn_route_t *route)
{
    const mosn_forward_conf_t *conf = route->conf->route;

    if ((conf->cluster.at != NULL) == (conf->clusters.n > 0)) {
        mosn_conf_error(reader, conf, NULL,
                        "needs either `cluster` or `clusters`");
    } else if (conf->cluster.at != NULL) {
        route->cluster =
            mosn_cluster_resolve(reader, generation, &conf->cluster);
    } else {
        router_build_split(reader, generation, route);
    }
}


static void
router_index_route(mosn_conf_t *reader, mosn_generation_t *generation,
                   mosn_virtual_host_t *host, const mosn_route_conf_t *conf,
                   uint32_t rank)
{
    bool       exact;
    mosn_str_t path = mosn_match_path(generation->pool, &conf->match, &exact);
    uint32_t   earlier = exact
                             ? mosn_route_index_find(&host->index, path)
                             : mosn_route_index_find_prefix(&host->index, path);

    if (path.len > 0 && path.at[0] != '/'
        && !mosn_str_equal(path, MOSN_STR("*"))) {
        mosn_conf_error(reader,
                        exact ? &conf->match.path : &conf->match.prefix, conf,
                        "must start with \"/\", or it never matches");
        return;
    }
    if (earlier != MOSN_ROUTE_NONE && mosn_conf_is_read(reader)
        && host->routes[earlier].match == NULL)
    {
        mosn_conf_error(reader, conf, NULL,
                        "never matches: routes[%u] of the virtual host, at "
                        "%s, takes all of it; move this one before it",
                        earlier,
                        mosn_conf_where(reader, host->routes[earlier].conf));
        return;
    }
    if (exact) {
        mosn_route_index_add_exact(&host->index, path, rank);
    } else {
        mosn_route_index_add_prefix(&host->index, path, rank);
    }
}


static void
router_build_route(mosn_conf_t *reader, mosn_generation_t *generation,
                   mosn_virtual_host_t *host, const mosn_route_conf_t *conf,
                   uint32_t rank)
{
    mosn_route_t *route = &host->routes[rank];
    int           actions = (conf->route != NULL) + (conf->respond != NULL)
                  + (conf->redirect != NULL);

    route->conf = conf;
    route->name = conf->name.at != NULL
                      ? conf->name
                      : mosn_pool_printf(generation->pool, "%.*s[%u]",
                                         MOSN_STR_ARG(host->name), rank);
    if (actions != 1) {
        mosn_conf_error(reader, conf, NULL,
                        "needs exactly one of `route`, `respond` and "
                        "`redirect`");
    } else if (conf->route != NULL) {
        router_build_forward(reader, generation, route);
    }
    route->match = mosn_match_build(reader, generation->pool, &conf->match);
    router_index_route(reader, generation, host, conf, rank);
}


static void
router_add_domain(mosn_conf_t *reader, mosn_generation_t *generation,
                  mosn_route_table_t *table, mosn_virtual_host_t *host,
                  const mosn_str_t *domain)
{
    mosn_str_t name = mosn_pool_copy(generation->pool, *domain);
    char      *text = (char *) (uintptr_t) name.at;
    bool       added = true;

    for (size_t i = 0; i < name.len; i++) {
        text[i] = (char) mosn_lower((uint8_t) text[i]);
    }
    if (mosn_str_equal(name, MOSN_STR("*"))) {
        added = table->fallback == NULL;
        table->fallback = host;
    } else if (mosn_str_has_prefix(name, MOSN_STR("*."))) {
        added = mosn_map_add(&table->suffixes,
                             (mosn_str_t){ name.at + 1, name.len - 1 }, host);
    } else if (name.len > 2 && name.at[name.len - 1] == '*'
               && name.at[name.len - 2] == '.')
    {
        added = mosn_map_add(&table->prefixes,
                             (mosn_str_t){ name.at, name.len - 1 }, host);
    } else if (name.len == 0 || memchr(name.at, '*', name.len) != NULL) {
        mosn_conf_error(reader, domain, NULL,
                        "expected a host name, \"*.suffix\", \"prefix.*\" "
                        "or \"*\", found \"%.*s\"",
                        MOSN_STR_ARG(*domain));
    } else {
        added = mosn_map_add(&table->exact, name, host);
    }
    if (!added) {
        mosn_conf_error(reader, domain, NULL,
                        "another virtual host of the table has \"%.*s\" "
                        "already",
                        MOSN_STR_ARG(*domain));
    }
}


static void
router_build_virtual_host(mosn_conf_t *reader, mosn_generation_t *generation,
                          mosn_route_table_t             *table,
                          const mosn_virtual_host_conf_t *conf)
{
    mosn_virtual_host_t *host =
        mosn_pool_calloc(generation->pool, sizeof(*host));

    host->name = conf->name;
    host->n_routes = (uint32_t) conf->routes.n;
    host->routes = mosn_pool_calloc(generation->pool,
                                    host->n_routes * sizeof(*host->routes));
    mosn_route_index_init(&host->index, generation->pool);
    for (uint32_t i = 0; i < host->n_routes; i++) {
        router_build_route(reader, generation, host, &conf->routes.items[i],
                           i);
    }
    for (size_t i = 0; i < conf->domains.n; i++) {
        router_add_domain(reader, generation, table, host,
                          &conf->domains.items[i]);
    }
}


void
mosn_route_table_build(mosn_conf_t *reader, mosn_generation_t *generation,
                       const mosn_route_table_conf_t *conf)
{
    mosn_route_table_t *table =
        mosn_pool_calloc(generation->pool, sizeof(*table));

    table->name = conf->name;
    mosn_map_init(&table->exact, generation->pool);
    mosn_map_init(&table->suffixes, generation->pool);
    mosn_map_init(&table->prefixes, generation->pool);
    if (conf->name.at != NULL
        && !mosn_map_add(&generation->route_tables, conf->name, table))
    {
        mosn_conf_error(reader, &conf->name, conf,
                        "there is a route table \"%.*s\" already",
                        MOSN_STR_ARG(conf->name));
    }
    for (size_t i = 0; i < conf->virtual_hosts.n; i++) {
        router_build_virtual_host(reader, generation, table,
                                  &conf->virtual_hosts.items[i]);
    }
}
