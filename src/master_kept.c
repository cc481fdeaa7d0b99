/* master_kept.c - the `runtime_file`: changes that outlive reloads. */

#include "master_parts.h"
#include "os/file.h"

#include <errno.h>
#include <stdio.h>

#define master (&mosn_master)


static void
print_each(FILE *out, const char *name, const mosn_conf_block_t *block,
           const void *items, size_t n)
{
    if (n == 0) {
        return;
    }
    (void) fprintf(out, "%s = (\n", name);
    for (size_t i = 0; i < n; i++) {
        (void) fputs("{\n", out);
        mosn_conf_print(block, (const char *) items + i * block->size, out);
        (void) fprintf(out, "}%s\n", i + 1 < n ? "," : "");
    }
    (void) fputs(");\n", out);
}


static char *
kept_text(const mosn_resources_conf_t *all)
{
    char  *text = NULL;
    size_t n;
    FILE  *out = open_memstream(&text, &n);

    if (out == NULL) {
        return NULL;
    }
    (void) fputs("# Written by mosn: changes at run time that are to stay.\n",
                 out);
    print_each(out, "routes", &mosn_route_table_block, all->routes.items,
               all->routes.n);
    print_each(out, "clusters", &mosn_cluster_block, all->clusters.items,
               all->clusters.n);
    print_each(out, "listeners", &mosn_listener_filters_block,
               all->listeners.items, all->listeners.n);
    (void) fclose(out);
    return text;
}


bool
master_kept_is_of_file(mosn_str_t cluster)
{
    const mosn_settings_t *s = master->settings;

    for (size_t i = 0; i < s->own.n; i++) {
        if (mosn_str_equal(s->own.items[i], cluster)) {
            return true;
        }
    }
    return false;
}


bool
master_kept_names(mosn_str_t cluster)
{
    const char                  *path = master->settings->runtime_file.at;
    mosn_pool_t                 *pool = mosn_pool_create(MOSN_POOL_CONF);
    const mosn_resources_conf_t *all =
        path != NULL ? mosn_settings_read_runtime(pool, path) : NULL;
    bool found = all != NULL && mosn_resources_name(all, cluster);

    mosn_pool_destroy(&pool);
    return found;
}


static const mosn_cluster_conf_t *
find_cluster(const mosn_cluster_conf_t *items, size_t n, mosn_str_t name)
{
    for (size_t i = 0; i < n; i++) {
        if (mosn_str_equal(items[i].name, name)) {
            return &items[i];
        }
    }
    return NULL;
}


/* The cluster with other hosts.  What else of it was changed and not kept is
 * not kept by that. */
static void
keep_hosts(mosn_resources_conf_t *all, const mosn_settings_t *now,
           const master_part_t *part)
{
    const mosn_settings_t     *read = master->settings;
    const mosn_cluster_conf_t *of;
    mosn_cluster_conf_t        c;

    of = find_cluster(all->clusters.items, all->clusters.n, part->name);
    if (of == NULL) {
        of = find_cluster(read->clusters.items, read->clusters.n, part->name);
    }
    if (of == NULL) {
        of = find_cluster(now->clusters.items, now->clusters.n, part->name);
    }
    if (of != NULL) {
        c = *of;
        c.hosts = *(const mosn_hosts_conf_t *) part->conf;
        mosn_resources_keep_cluster(all, part->name, &c);
    }
}


/* What stays needs the clusters that it names; those in `changed` have been
 * looked at. */
static void
keep_named(mosn_resources_conf_t *all, const mosn_settings_t *now,
           const mosn_map_t *changed)
{
    for (size_t i = 0; i < now->clusters.n; i++) {
        const mosn_cluster_conf_t *c = &now->clusters.items[i];

        if (!master_kept_is_of_file(c->name)
            && mosn_map_find(changed, c->name) == NULL
            && mosn_resources_name(all, c->name))
        {
            mosn_resources_keep_cluster(all, c->name, c);
        }
    }
}


static void
keep_parts(mosn_resources_conf_t *all, const master_part_t *parts, size_t n,
           mosn_pool_t *pool)
{
    mosn_settings_t now = *master->settings;
    mosn_map_t      changed;

    mosn_map_init(&changed, pool);
    mosn_resources_refresh(&now, master->generation, pool);
    mosn_resources_make_room(all, n + now.clusters.n, pool);
    for (size_t i = 0; i < n; i++) {
        const master_part_t *p = &parts[i];

        switch (p->kind) {
        case MOSN_RESOURCE_ROUTES:
            mosn_resources_keep_routes(all, p->name, p->conf);
            break;
        case MOSN_RESOURCE_FILTERS:
            mosn_resources_keep_filters(all, &now, p->conf, pool);
            break;
        case MOSN_RESOURCE_HOSTS:
            keep_hosts(all, &now, p);
            (void) mosn_map_add(&changed, p->name, master);
            break;
        case MOSN_RESOURCE_CLUSTER:
        case MOSN_RESOURCE_REMOVE:
            mosn_resources_keep_cluster(all, p->name, p->conf);
            (void) mosn_map_add(&changed, p->name, master);
            break;
        case MOSN_RESOURCE_NAMES: /* are told to workers, not by people */
        case MOSN_RESOURCE_KINDS:
            break;
        }
    }
    keep_named(all, &now, &changed);
}


/* Is it what was read at the start, but for its hosts? */
static bool
cluster_is_as_read(mosn_str_t name)
{
    const mosn_settings_t *s = master->settings;
    const mosn_cluster_t  *c =
        mosn_map_find(&master->generation->clusters, name);

    return c != NULL
           && c->conf == find_cluster(s->clusters.items, s->clusters.n, name);
}


/* Its tests may expect what is not to be any more, and what is kept may need
 * what is not; hosts alone are nobody's need. */
static bool
kept_is_doubtful(const master_part_t *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].kind != MOSN_RESOURCE_HOSTS
            || !cluster_is_as_read(parts[i].name)) {
            return true;
        }
    }
    return master->settings->tests.n > 0;
}


static char *
kept_try(const char *text)
{
    char *wrong = mosn_settings_try_runtime(master->conf_path, text);
    char *why = NULL;

    if (wrong != NULL
        && asprintf(&why,
                    "not done, for it could not be kept: the configuration "
                    "would not be usable with it:\n%s",
                    wrong)
               == -1)
    {
        return wrong;
    }
    free(wrong);
    return why;
}


char *
master_kept_prepare(const master_part_t *parts, size_t n, char **text_r)
{
    const char            *path = master->settings->runtime_file.at;
    mosn_pool_t           *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_resources_conf_t *all = mosn_settings_read_runtime(pool, path);
    char                  *why = NULL;

    if (all == NULL) {
        if (asprintf(&why,
                     "not done, for it could not be kept: %s is there "
                     "and cannot be read\n",
                     path)
            == -1)
        {
            why = NULL;
        }
    } else {
        keep_parts(all, parts, n, pool);
        *text_r = kept_text(all);
        if (*text_r == NULL) {
            why = strdup("not done: there is no memory\n");
        } else if (kept_is_doubtful(parts, n)) {
            why = kept_try(*text_r);
        }
    }
    mosn_pool_destroy(&pool);
    return why;
}


char *
master_kept_write(const char *text)
{
    const char *path = master->settings->runtime_file.at;
    char       *why;

    if (mosn_file_replace(path, text, strlen(text)) == 0) {
        return NULL;
    }
    return asprintf(&why, "done, but not kept: cannot write %s: %s\n", path,
                    strerror(errno))
                   == -1
               ? NULL
               : why;
}
