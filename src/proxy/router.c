/* proxy/router.c - find the virtual host and the route of a request. */

#include "proxy/router.h"

#include "core/log.h"
#include "core/rand.h"
#include "os/file.h"
#include "proto/rpc.h"
#include "proxy/format.h"
#include "proxy/path_template.h"

#include <errno.h>

#define NAME_MAX_LEN 255 /* of a host */
#define BODY_MAX     (1u << 20)


/* --- finding ------------------------------------------------------------ */

static mosn_virtual_host_t *
router_find_suffix(const mosn_routes_t *table, mosn_str_t name)
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
router_find_prefix(const mosn_routes_t *table, mosn_str_t name)
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


/* In small letters, and without the dot of the root, "example.com.:80": it is
 * the same host. */
static mosn_str_t
router_spell_name(char *to, mosn_str_t name)
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '.' && i > 0
            && (i + 1 == name.len || name.at[i + 1] == ':')) {
            continue;
        }
        to[n++] = (char) mosn_lower((uint8_t) name.at[i]);
    }
    return (mosn_str_t){ to, n };
}


mosn_virtual_host_t *
mosn_virtual_host_search(const mosn_routes_t *table, mosn_str_t authority)
{
    char                 lower[NAME_MAX_LEN];
    mosn_str_t           name;
    mosn_virtual_host_t *found = NULL;

    if (authority.len > NAME_MAX_LEN || authority.len == 0) {
        return table->fallback;
    }
    name = router_spell_name(lower, authority);
    found = mosn_map_find(&table->exact, name);
    if (found != NULL) {
        return found;
    }
    name = router_strip_port(name);
    found = mosn_map_find(&table->exact, name);
    if (found == NULL && table->suffixes.n > 0) {
        found = router_find_suffix(table, name);
    }
    if (found == NULL && table->prefixes.n > 0) {
        found = router_find_prefix(table, name);
    }
    return found != NULL ? found : table->fallback;
}


const mosn_route_t *
mosn_route_find(const mosn_routes_t *routes, mosn_match_input_t *in)
{
    const mosn_virtual_host_t *host =
        mosn_virtual_host_find(routes, in->request->authority);
    mosn_route_walk_t walk;

    if (MOSN_UNLIKELY(host == NULL)) {
        return NULL;
    }
    for (uint32_t rank = mosn_route_walk(&walk, &host->index, in->path);
         rank != MOSN_ROUTE_NONE; rank = mosn_route_walk_next(&walk))
    {
        const mosn_route_t *route = &host->routes[rank];

        if (MOSN_LIKELY(route->match == NULL)
            || mosn_match_check(route->match, &route->conf->match, in, false)
                       .what
                   == MOSN_MISS_NONE)
        {
            return route;
        }
    }
    return NULL;
}


static mosn_cluster_t *
router_find_cluster(const mosn_generation_t *generation,
                    const mosn_header_t     *name)
{
    mosn_cluster_t *c = name != NULL ? mosn_map_find(&generation->clusters,
                                                     mosn_header_value(name))
                                     : NULL;

    return c != NULL && !c->removed ? c : NULL;
}


/* --- acting ---------------------------------------------------------------
 */

mosn_cluster_t *
mosn_route_pick_cluster(const mosn_route_t       *route,
                        const mosn_generation_t  *generation,
                        mosn_message_t           *request,
                        const mosn_conf_pairs_t **subset_r)
{
    const mosn_forward_conf_t *conf = route->conf->route;
    const mosn_header_t       *h;
    uint32_t                   at;

    *subset_r = conf->subset.n > 0 ? &conf->subset : NULL;
    if (MOSN_LIKELY(route->cluster != NULL)) {
        return route->cluster;
    }
    if (conf->cluster_header.at != NULL) {
        mosn_message_need_headers(request);
        h = mosn_headers_find_name(&request->headers, conf->cluster_header);
        return router_find_cluster(generation, h);
    }
    at = mosn_rand_below(route->split_total);
    for (size_t i = 0;; i++) {
        const mosn_split_conf_t *split = &conf->clusters.items[i];

        if (at < (uint32_t) split->weight) {
            if (split->subset.n > 0) {
                *subset_r = &split->subset;
            }
            return route->split[i];
        }
        at -= (uint32_t) split->weight;
    }
}


static mosn_str_t
router_query(mosn_str_t path)
{
    const char *query = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;

    return query != NULL
               ? (mosn_str_t){ query, path.len - (size_t) (query - path.at) }
               : (mosn_str_t){ path.at + path.len, 0 };
}


/* What `match` has matched of it. */
static size_t
router_matched(const mosn_match_conf_t *m, mosn_str_t path)
{
    mosn_str_t from = m->path.at != NULL          ? m->path
                      : m->prefix.at != NULL      ? m->prefix
                      : m->path_prefix.at != NULL ? m->path_prefix
                                                  : MOSN_STR("");

    path.len -= router_query(path).len;
    if (m->path_prefix.at != NULL && from.len > 0
        && from.at[from.len - 1] == '/' && path.len < from.len)
    {
        from.len--; /* "/api" is of "/api/", too */
    }
    return mosn_str_has_prefix(path, from) ? from.len : 0;
}


/* The path without its query, filled into `by` when the route has a
 * template. */
static mosn_str_t
router_fill(const mosn_match_conf_t *m, mosn_str_t path, mosn_str_t by,
            mosn_pool_t *pool)
{
    mosn_template_values_t values;

    if (m->template.at == NULL
        || !mosn_template_is_match(m->template, path, &values))
    {
        return by;
    }
    return mosn_template_fill(m->template, by, &values, pool);
}


/* Between two parts there is one slash: "/new" and "x", "/new/" and "/x". */
static mosn_str_t
router_join(const mosn_match_conf_t *m, mosn_str_t to, mosn_str_t rest,
            mosn_pool_t *pool)
{
    bool has = rest.len > 0 && rest.at[0] == '/';
    bool ends = to.len > 0 && to.at[to.len - 1] == '/';

    if (m->path_prefix.at != NULL && has && ends) {
        to.len--;
    }
    return mosn_pool_printf(pool, "%.*s%s%.*s", MOSN_STR_ARG(to),
                            m->path_prefix.at != NULL && !has && !ends
                                    && rest.len > 0 && rest.at[0] != '?'
                                ? "/"
                                : "",
                            MOSN_STR_ARG(rest));
}


mosn_str_t
mosn_route_rewrite_path(const mosn_route_t *route, mosn_str_t path,
                        mosn_pool_t *pool)
{
    const mosn_forward_conf_t *f = route->conf->route;
    const mosn_match_conf_t   *m = &route->conf->match;
    mosn_str_t                 query, to;

    if (MOSN_LIKELY(f->prefix_rewrite.at == NULL && f->path_rewrite.at == NULL
                    && f->regex_rewrite == NULL))
    {
        return path;
    }
    if (f->prefix_rewrite.at != NULL) {
        size_t n = router_matched(m, path);

        to = router_join(m, f->prefix_rewrite,
                         (mosn_str_t){ path.at + n, path.len - n }, pool);
        return to.len > 0 && to.at[0] == '/'
                   ? to
                   : mosn_pool_printf(pool, "/%.*s", MOSN_STR_ARG(to));
    }
    query = router_query(path);
    path.len -= query.len;
    to = f->path_rewrite.at != NULL
             ? router_fill(m, path, f->path_rewrite, pool)
             : mosn_regex_replace(f->regex_rewrite->compiled, path,
                                  f->regex_rewrite->substitution, pool);
    if (to.at == NULL) {
        return to;
    }
    return mosn_pool_printf(pool, "%s%.*s%.*s",
                            to.len > 0 && to.at[0] == '/' ? "" : "/",
                            MOSN_STR_ARG(to), MOSN_STR_ARG(query));
}


static mosn_str_t
router_redirect_path(const mosn_route_t *route, mosn_str_t path,
                     mosn_pool_t *pool)
{
    const mosn_redirect_conf_t *r = route->conf->redirect;
    const mosn_match_conf_t    *m = &route->conf->match;
    mosn_str_t                  query = router_query(path);

    path.len -= query.len;
    if (r->path.at != NULL) {
        return router_fill(m, path, r->path, pool);
    }
    if (r->prefix_rewrite.at != NULL) {
        size_t n = router_matched(m, path);

        path = router_join(m, r->prefix_rewrite,
                           (mosn_str_t){ path.at + n, path.len - n }, pool);
    } else if (r->regex_rewrite != NULL) {
        path = mosn_regex_replace(r->regex_rewrite->compiled, path,
                                  r->regex_rewrite->substitution, pool);
        if (path.at == NULL) {
            return path;
        }
    }
    if (r->strip_query) {
        query.len = 0;
    }
    return mosn_pool_printf(pool, "%.*s%.*s", MOSN_STR_ARG(path),
                            MOSN_STR_ARG(query));
}


/* What a client wrote must not become another host: "//evil", "/\\evil",
 * ".evil" behind the name of ours. */
static mosn_str_t
router_one_slash(mosn_str_t path, mosn_pool_t *pool)
{
    while (path.len > 0 && (path.at[0] == '/' || path.at[0] == '\\')) {
        path.at++;
        path.len--;
    }
    return mosn_pool_printf(pool, "/%.*s", MOSN_STR_ARG(path));
}


mosn_str_t
mosn_route_location(const mosn_route_t *route, const mosn_message_t *request,
                    mosn_pool_t *pool)
{
    const mosn_redirect_conf_t *r = route->conf->redirect;
    bool       whole = r->host.at != NULL || r->scheme != 0 || r->port != 0;
    mosn_str_t path = router_redirect_path(route, request->path, pool);
    mosn_str_t host = r->host.at != NULL ? r->host : request->authority;
    mosn_str_t scheme = r->scheme == 1   ? MOSN_STR("http")
                        : r->scheme == 2 ? MOSN_STR("https")
                                         : request->scheme;

    if (path.at == NULL) {
        return path;
    }
    if (whole || r->path.at == NULL
        || (route->conf->match.template.at != NULL && r->path.len > 0
            && r->path.at[0] == '/'))
    {
        path = router_one_slash(path, pool);
    }
    if (!whole || host.len == 0) { /* an HTTP/1.0 client names no host */
        return path;
    }
    if (r->port != 0 || (r->host.at == NULL && r->scheme != 0)) {
        host = router_strip_port(host); /* the other scheme's default */
    }
    if (r->port != 0) {
        host = mosn_pool_printf(pool, "%.*s:%u", MOSN_STR_ARG(host),
                                (unsigned) r->port);
    }
    return mosn_pool_printf(pool, "%.*s://%.*s%.*s", MOSN_STR_ARG(scheme),
                            MOSN_STR_ARG(host), MOSN_STR_ARG(path));
}


/* --- building ----------------------------------------------------------- */

/* Hosts are found by keys that a selector has, and by no others. */
static bool
router_has_subset(const mosn_cluster_conf_t *cluster,
                  const mosn_conf_pairs_t   *subset)
{
    return subset->n == 0 || cluster->subset_fallback != MOSN_SUBSET_NONE
           || mosn_subset_has_selector(cluster, subset);
}


static void
router_check_subset(mosn_conf_t *reader, const mosn_cluster_t *cluster,
                    const mosn_conf_pairs_t *subset, const void *group)
{
    if (cluster != NULL && cluster->conf != NULL
        && !router_has_subset(cluster->conf, subset))
    {
        mosn_conf_error(reader, subset, group,
                        "cluster \"%.*s\" has no selector of these keys "
                        "(`subset_selectors`): each request would be answered "
                        "503",
                        MOSN_STR_ARG(cluster->name));
    }
}


/* The same for a route that is there, of a cluster that would be so. */
static bool
route_has_selectors(const mosn_route_t *route, mosn_str_t name,
                    const mosn_cluster_conf_t *cluster)
{
    const mosn_forward_conf_t *f = route->conf->route;

    if (f == NULL) {
        return true;
    }
    for (size_t i = 0; i < f->clusters.n; i++) {
        if (mosn_str_equal(f->clusters.items[i].name, name)
            && !router_has_subset(cluster, &f->clusters.items[i].subset))
        {
            return false;
        }
    }
    return !mosn_str_equal(f->cluster, name)
           || router_has_subset(cluster, &f->subset);
}


static void
router_build_split(mosn_conf_t *reader, const mosn_generation_t *generation,
                   mosn_pool_t *pool, mosn_route_t *route)
{
    const mosn_forward_conf_t *conf = route->conf->route;

    route->split =
        mosn_pool_calloc(pool, conf->clusters.n * sizeof(*route->split));
    for (size_t i = 0; i < conf->clusters.n; i++) {
        route->split[i] = mosn_cluster_resolve(reader, generation,
                                               &conf->clusters.items[i].name);
        router_check_subset(reader, route->split[i],
                            &conf->clusters.items[i].subset,
                            &conf->clusters.items[i]);
        route->split_total += (uint32_t) conf->clusters.items[i].weight;
    }
    if (route->split_total == 0) {
        mosn_conf_error(reader, &conf->clusters, conf,
                        "all weights are 0: no request could be sent");
    }
}


static void
router_build_rewrite(mosn_conf_t *reader, mosn_pool_t *pool,
                     mosn_rewrite_conf_t *r)
{
    char why[192];

    if (r == NULL || r->regex.at == NULL || r->substitution.at == NULL) {
        return;
    }
    mosn_conf_check_word(reader, &r->substitution, r);
    r->compiled = mosn_regex_build(reader, pool, r->regex, &r->regex, r);
    if (r->compiled != NULL
        && !mosn_regex_can_replace(r->compiled, r->substitution, why,
                                   sizeof(why)))
    {
        mosn_conf_error(reader, &r->substitution, r, "%s", why);
    }
}


/* A path that has holes to be filled. */
static void
router_check_fill(mosn_conf_t *reader, const mosn_route_t *route,
                  const mosn_str_t *by, const void *group)
{
    const mosn_match_conf_t *m = &route->conf->match;
    const char              *why = NULL;

    if (by->at != NULL && m->template.at != NULL
        && mosn_template_check(m->template) == NULL)
    {
        why = mosn_template_check_fill(m->template, *by);
    }
    if (why != NULL) {
        mosn_conf_error(reader, by, group, "%s", why);
    }
}


/* What is put in the place of what the path has been found by. */
static void
router_check_prefix(mosn_conf_t *reader, const mosn_route_t *route,
                    const mosn_str_t *by, const void *group)
{
    const mosn_match_conf_t *m = &route->conf->match;

    mosn_conf_check_word(reader, by, group);
    if (by->at != NULL && (m->path_regex.at != NULL || m->template.at != NULL))
    {
        mosn_conf_error(reader, by, group,
                        "needs a `match` by `prefix`, `path_prefix` or "
                        "`path`; %s",
                        m->template.at != NULL
                            ? "a `template` goes with `path_rewrite`"
                            : "an expression goes with `regex_rewrite`");
    }
}


/* Of a redirect. */
static void
router_check_host(mosn_conf_t *reader, const mosn_redirect_conf_t *conf)
{
    mosn_conf_check_word(reader, &conf->path, conf);
    mosn_conf_check_word(reader, &conf->host, conf);
    if (conf->host.at != NULL
        && memchr(conf->host.at, '/', conf->host.len) != NULL)
    {
        mosn_conf_error(reader, &conf->host, conf,
                        "is a name, with a port or without; there are "
                        "`scheme` and `path` beside it");
    }
}


static void
router_build_forward(mosn_conf_t *reader, const mosn_generation_t *generation,
                     mosn_pool_t *pool, mosn_route_t *route)
{
    mosn_forward_conf_t *conf = route->conf->route;

    if (conf->cluster.at != NULL) {
        route->cluster =
            mosn_cluster_resolve(reader, generation, &conf->cluster);
        router_check_subset(reader, route->cluster, &conf->subset, conf);
    } else if (conf->clusters.n > 0) {
        router_build_split(reader, generation, pool, route);
    }
    if (conf->retry != NULL) {
        mosn_retry_build(reader, pool, conf->retry);
    }
    route->retry =
        conf->retry != NULL ? conf->retry : route->host->conf->retry;
    mosn_mirrors_build(reader, generation, &conf->mirror);
    router_build_rewrite(reader, pool, conf->regex_rewrite);
    router_build_rewrite(reader, pool, conf->host_regex_rewrite);
    route->rewrites =
        conf->prefix_rewrite.at != NULL || conf->path_rewrite.at != NULL
        || conf->regex_rewrite != NULL || conf->host_rewrite.at != NULL
        || conf->host_regex_rewrite != NULL;
    router_check_fill(reader, route, &conf->path_rewrite, conf);
    router_check_prefix(reader, route, &conf->prefix_rewrite, conf);
    mosn_conf_check_word(reader, &conf->path_rewrite, conf);
    mosn_conf_check_word(reader, &conf->host_rewrite, conf);
    if (conf->path_rewrite.at != NULL
        && (conf->path_rewrite.len == 0 || conf->path_rewrite.at[0] != '/'))
    {
        mosn_conf_error(reader, &conf->path_rewrite, conf,
                        "must start with \"/\"");
    }
    if (conf->host_rewrite.at != NULL) {
        route->host_rewrite =
            mosn_format_compile(reader, pool, conf->host_rewrite,
                                MOSN_FORMAT_VALUE, &conf->host_rewrite, conf);
    }
}


static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}


/* MOSN_STR_NULL: it is none. */
static mosn_str_t
hex_read(mosn_pool_t *pool, mosn_str_t hex)
{
    char *bytes = mosn_pool_alloc(pool, hex.len / 2 + 1);

    for (size_t i = 0; i + 1 < hex.len; i += 2) {
        int high = hex_digit(hex.at[i]), low = hex_digit(hex.at[i + 1]);

        if (high == -1 || low == -1) {
            return MOSN_STR_NULL;
        }
        bytes[i / 2] = (char) (high << 4 | low);
    }
    return hex.len % 2 == 0 ? (mosn_str_t){ bytes, hex.len / 2 }
                            : MOSN_STR_NULL;
}


static void
router_build_respond(mosn_conf_t *reader, mosn_pool_t *pool,
                     mosn_route_t *route)
{
    mosn_respond_conf_t *conf = route->conf->respond;
    char                *text;
    size_t               n;

    if (!mosn_header_is_valid(MOSN_STR("Content-Type"), conf->content_type)) {
        mosn_conf_error(reader, &conf->content_type, conf,
                        "cannot be sent as a header");
    }
    route->body = conf->body;
    if (conf->body_bytes.at != NULL) {
        route->body = conf->loaded = hex_read(pool, conf->body_bytes);
        if (route->body.at == NULL) {
            mosn_conf_error(reader, &conf->body_bytes, conf,
                            "is no even number of hexadecimal digits");
        }
        return;
    }
    if (conf->body_file.at == NULL) {
        return;
    }
    if (conf->body.len > 0) {
        mosn_conf_error(reader, &conf->body_file, conf,
                        "has both `body` and `body_file`");
    }
    text = mosn_file_read(conf->body_file.at, BODY_MAX, &n);
    if (text == NULL) {
        mosn_conf_error(reader, &conf->body_file, conf, "cannot read %s: %s",
                        conf->body_file.at,
                        errno == EFBIG ? "it is over 1 MiB" : strerror(errno));
        return;
    }
    route->body = mosn_pool_copy(pool, (mosn_str_t){ text, n });
    conf->loaded = route->body;
    free(text);
}


static void
router_index_route(mosn_conf_t *reader, mosn_pool_t *pool,
                   mosn_virtual_host_t *host, const mosn_route_conf_t *conf,
                   uint32_t rank)
{
    mosn_route_key_e key;
    mosn_str_t       path = mosn_match_path(pool, &conf->match, &key);
    uint32_t         earlier;

    if (path.at == NULL) {
        path = MOSN_STR("");
    }
    if (path.len > 0 && path.at[0] != '/'
        && !mosn_str_equal(path, MOSN_STR("*"))
        && conf->match.template.at == NULL)
    {
        mosn_conf_error(reader,
                        conf->match.path_regex.at != NULL
                            ? &conf->match.path_regex
                        : key == MOSN_ROUTE_WHOLE ? &conf->match.path
                                                  : &conf->match.prefix,
                        conf, "must start with \"/\", or it never matches");
        return;
    }
    earlier = mosn_route_index_find_sure(&host->index, path, key);
    if (earlier != MOSN_ROUTE_NONE && mosn_conf_is_read(reader)) {
        mosn_conf_error(reader, conf, NULL,
                        "never matches: routes[%u] of the virtual host, at "
                        "%s, takes all of it; move this one before it",
                        earlier,
                        mosn_conf_where(reader, host->routes[earlier].conf));
        return;
    }
    mosn_route_index_add(&host->index, path, key, rank,
                         host->routes[rank].match == NULL);
}


static void
router_build_route(mosn_conf_t *reader, const mosn_generation_t *generation,
                   mosn_pool_t *pool, mosn_virtual_host_t *host,
                   mosn_route_conf_t *conf, uint32_t rank)
{
    mosn_route_t *route = &host->routes[rank];
    int           actions = (conf->route != NULL) + (conf->respond != NULL)
                  + (conf->redirect != NULL);

    route->conf = conf;
    route->host = host;
    route->where = mosn_conf_where(reader, conf);
    route->name = conf->name.at != NULL
                      ? conf->name
                      : mosn_pool_printf(pool, "%.*s[%u]",
                                         MOSN_STR_ARG(host->name), rank);
    if (actions != 1) {
        mosn_conf_error(reader, conf, NULL,
                        "needs exactly one of `route`, `respond` and "
                        "`redirect`");
    } else if (conf->route != NULL) {
        router_build_forward(reader, generation, pool, route);
    } else if (conf->respond != NULL) {
        router_build_respond(reader, pool, route);
    } else {
        router_build_rewrite(reader, pool, conf->redirect->regex_rewrite);
        router_check_fill(reader, route, &conf->redirect->path,
                          conf->redirect);
        router_check_prefix(reader, route, &conf->redirect->prefix_rewrite,
                            conf->redirect);
        router_check_host(reader, conf->redirect);
    }
    mosn_cors_build(reader, pool, conf->cors);
    route->cors = conf->cors != NULL ? conf->cors : host->conf->cors;
    route->edits = mosn_edits_build(reader, pool, conf->headers, conf->query);
    route->match = mosn_match_build(reader, pool, &conf->match);
    for (size_t i = 0; i < conf->match.variables.n; i++) {
        const mosn_text_match_conf_t *v = &conf->match.variables.items[i];

        if (v->name.at != NULL && !mosn_format_has_variable(v->name)) {
            mosn_conf_error(reader, &v->name, v,
                            "there is no variable \"%.*s\"; see "
                            "conf/REFERENCE.md",
                            MOSN_STR_ARG(v->name));
        }
    }
    router_index_route(reader, pool, host, conf, rank);
}


static void
router_add_domain(mosn_conf_t *reader, mosn_routes_t *routes,
                  mosn_virtual_host_t *host, const mosn_str_t *domain)
{
    mosn_str_t name = router_spell_name(
        mosn_pool_alloc(routes->pool, domain->len + 1), *domain);
    mosn_str_t bare = router_strip_port(name);
    bool       added = true;

    if (bare.len < name.len && memchr(bare.at, '*', bare.len) != NULL) {
        mosn_conf_error(reader, domain, NULL,
                        "\"%.*s\": a port goes with a whole name only",
                        MOSN_STR_ARG(*domain));
    } else if (mosn_str_equal(name, MOSN_STR("*"))) {
        added = routes->fallback == NULL;
        routes->fallback = host;
    } else if (mosn_str_has_prefix(name, MOSN_STR("*."))) {
        added = mosn_map_add(&routes->suffixes,
                             (mosn_str_t){ name.at + 1, name.len - 1 }, host);
    } else if (name.len > 2 && name.at[name.len - 1] == '*'
               && name.at[name.len - 2] == '.')
    {
        added = mosn_map_add(&routes->prefixes,
                             (mosn_str_t){ name.at, name.len - 1 }, host);
    } else if (name.len == 0 || memchr(name.at, '*', name.len) != NULL
               || memchr(name.at, '/', name.len) != NULL)
    {
        mosn_conf_error(reader, domain, NULL,
                        "expected a host name, \"*.suffix\", \"prefix.*\" "
                        "or \"*\", found \"%.*s\"",
                        MOSN_STR_ARG(*domain));
    } else {
        added = mosn_map_add(&routes->exact, name, host);
    }
    if (!added) {
        mosn_conf_error(reader, domain, NULL,
                        "another virtual host of the table has \"%.*s\" "
                        "already",
                        MOSN_STR_ARG(*domain));
    }
}


static void
router_build_virtual_host(mosn_conf_t              *reader,
                          const mosn_generation_t  *generation,
                          mosn_routes_t            *routes,
                          mosn_virtual_host_conf_t *conf)
{
    mosn_pool_t         *pool = routes->pool;
    mosn_virtual_host_t *host = mosn_pool_calloc(pool, sizeof(*host));

    routes->hosts[routes->n_hosts++] = host;
    host->conf = conf;
    host->name = conf->name;
    host->n_routes = (uint32_t) conf->routes.n;
    host->routes =
        mosn_pool_calloc(pool, host->n_routes * sizeof(*host->routes) + 1);
    host->edits = mosn_edits_build(reader, pool, conf->headers, conf->query);
    mosn_cors_build(reader, pool, conf->cors);
    if (conf->retry != NULL) {
        mosn_retry_build(reader, pool, conf->retry);
    }
    mosn_route_index_init(&host->index, pool, host->n_routes);
    for (uint32_t i = 0; i < host->n_routes; i++) {
        router_build_route(reader, generation, pool, host,
                           &conf->routes.items[i], i);
    }
    if (conf->domains.n == 0) {
        mosn_conf_error(reader, &conf->domains, conf,
                        "must have at least one; \"*\" is for all names");
    }
    for (size_t i = 0; i < conf->domains.n; i++) {
        router_add_domain(reader, routes, host, &conf->domains.items[i]);
    }
}


mosn_routes_t *
mosn_routes_build(mosn_conf_t *reader, const mosn_generation_t *generation,
                  mosn_pool_t *pool, const mosn_route_table_conf_t *conf)
{
    mosn_routes_t *routes = mosn_pool_calloc(pool, sizeof(*routes));

    routes->refs = 1;
    routes->pool = pool;
    routes->conf = conf;
    mosn_map_init(&routes->exact, pool);
    mosn_map_init(&routes->suffixes, pool);
    mosn_map_init(&routes->prefixes, pool);
    routes->hosts = mosn_pool_calloc(
        pool, conf->virtual_hosts.n * sizeof(*routes->hosts) + 1);
    for (size_t i = 0; i < conf->virtual_hosts.n; i++) {
        router_build_virtual_host(reader, generation, routes,
                                  &conf->virtual_hosts.items[i]);
    }
    return routes;
}


static bool
route_names(const mosn_route_conf_t *conf, mosn_str_t cluster)
{
    const mosn_forward_conf_t *f = conf->route;

    if (f == NULL) {
        return false;
    }
    for (size_t i = 0; i < f->clusters.n; i++) {
        if (mosn_str_equal(f->clusters.items[i].name, cluster)) {
            return true;
        }
    }
    for (size_t i = 0; i < f->mirror.n; i++) {
        if (mosn_str_equal(f->mirror.items[i].cluster, cluster)) {
            return true;
        }
    }
    return mosn_str_equal(f->cluster, cluster);
}


bool
mosn_route_table_names(const mosn_route_table_conf_t *table,
                       mosn_str_t                     cluster)
{
    for (size_t i = 0; i < table->virtual_hosts.n; i++) {
        const mosn_virtual_host_conf_t *host = &table->virtual_hosts.items[i];

        for (size_t k = 0; k < host->routes.n; k++) {
            if (route_names(&host->routes.items[k], cluster)) {
                return true;
            }
        }
    }
    return false;
}


bool
mosn_route_table_names_files(const mosn_route_table_conf_t *table)
{
    for (size_t i = 0; i < table->virtual_hosts.n; i++) {
        const mosn_virtual_host_conf_t *host = &table->virtual_hosts.items[i];

        for (size_t k = 0; k < host->routes.n; k++) {
            const mosn_respond_conf_t *r = host->routes.items[k].respond;

            if (r != NULL && r->body_file.at != NULL) {
                return true;
            }
        }
    }
    return false;
}


const char *
mosn_routes_name_cluster(const mosn_routes_t  *routes,
                         const mosn_cluster_t *cluster)
{
    for (uint32_t i = 0; i < routes->n_hosts; i++) {
        const mosn_virtual_host_t *host = routes->hosts[i];

        for (uint32_t k = 0; k < host->n_routes; k++) {
            if (route_names(host->routes[k].conf, cluster->name)) {
                return host->routes[k].where;
            }
        }
    }
    return NULL;
}


const char *
mosn_routes_miss_selector(const mosn_routes_t *routes, mosn_str_t name,
                          const mosn_cluster_conf_t *cluster)
{
    for (uint32_t i = 0; i < routes->n_hosts; i++) {
        const mosn_virtual_host_t *host = routes->hosts[i];

        for (uint32_t k = 0; k < host->n_routes; k++) {
            if (!route_has_selectors(&host->routes[k], name, cluster)) {
                return host->routes[k].where;
            }
        }
    }
    return NULL;
}


static void
router_table_free(void *object)
{
    mosn_route_table_t *table = object;

    mosn_routes_unref(table->current);
}


void
mosn_route_table_build(mosn_conf_t *reader, mosn_generation_t *generation,
                       const mosn_route_table_conf_t *conf)
{
    mosn_route_table_t *table =
        mosn_pool_calloc(generation->pool, sizeof(*table));

    table->name = conf->name;
    table->current = mosn_routes_build(reader, generation,
                                       mosn_pool_create(MOSN_POOL_CONF), conf);
    mosn_pool_on_destroy(generation->pool, router_table_free, table);
    if (conf->name.at != NULL
        && !mosn_map_add(&generation->route_tables, conf->name, table))
    {
        mosn_conf_error(reader, &conf->name, conf,
                        "there is a route table \"%.*s\" already",
                        MOSN_STR_ARG(conf->name));
    }
}
