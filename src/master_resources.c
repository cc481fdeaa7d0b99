/*
 * master_resources.c - changes at run time: what mosnctl and the admin
 * address ask for.
 *
 *   host add|set|remove CLUSTER ADDRESS [weight=N] [state=S] ...
 *   apply FILE        clusters and route tables of a file
 *   remove CLUSTER
 *
 * With "persist" in front they go into the `runtime_file`, too, and outlive
 * reloads.  A process that cannot take a change at once gets it later, in
 * order.
 */

#include "core/log.h"
#include "event/tls_watch.h"
#include "host_edit.h"
#include "master_parts.h"
#include "os/file.h"
#include "os/socket.h"
#include "resources.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define master (&mosn_master)

#define AGAIN_MS    10u
#define PENDING_MAX 100000u /* changes that wait for one process */

/* One change on its way to several processes. */
typedef struct {
    mosn_list_t link;
    int         fd;
    uint32_t    number;
} change_t;

/* What some process has not taken yet, oldest first. */
static mosn_list_t changes = { &changes, &changes };
static uint32_t    n_changes;

/* What names have become while this generation was not sure to serve. */
static mosn_list_t early = { &early, &early };


/* --- to the children ------------------------------------------------------
 */

static bool
change_send(master_child_t *c, const change_t *change)
{
    mosn_note_t note = { .version = MOSN_NOTE_VERSION,
                         .type = MOSN_NOTE_RESOURCE,
                         .value = (int32_t) change->number };

    return mosn_socket_send_message(c->channel, &note, sizeof(note),
                                    &change->fd, 1)
               == 0
           || (errno != EAGAIN && errno != ENOBUFS && errno != ETOOMANYREFS);
}


/* Only those of this generation know what the change is about. */
static bool
child_takes(const master_child_t *c)
{
    return c->post != NULL && c->channel != -1 && c->ends_ms == 0;
}


/* Those of before have requests that may go where its names lead now. */
static bool
child_drains(const master_child_t *c)
{
    return (c->post == NULL || c->ends_ms != 0) && c->channel != -1
           && !c->is_control;
}


/* Once, to those that drain: for them it is no change of settings. */
static void
change_tell_old(int fd)
{
    for (mosn_list_t *l = master->children.next; l != &master->children;
         l = l->next)
    {
        master_child_t *c = mosn_container_of(l, master_child_t, link);
        mosn_note_t     note = { .version = MOSN_NOTE_VERSION,
                                 .type = MOSN_NOTE_RESOLVED };

        if (child_drains(c)) {
            (void) mosn_socket_send_message(c->channel, &note, sizeof(note),
                                            &fd, 1);
        }
    }
}


/* Those who may have to go on, if this generation does not come to serve, are
 * told when it does. */
static void
change_tell_names(const master_part_t *part)
{
    change_t *change = mosn_calloc(sizeof(*change));

    change->fd = mosn_resource_open();
    mosn_list_append(&early, &change->link);
    if (change->fd != -1) {
        (void) mosn_resource_pack(change->fd, MOSN_RESOURCE_NAMES, part->name,
                                  part->text);
    }
    if (master->phase != MASTER_STAGING) {
        master_resources_commit();
    }
}


void
master_resources_commit(void)
{
    while (!mosn_list_is_empty(&early)) {
        change_t *change = mosn_container_of(early.next, change_t, link);

        if (change->fd != -1) {
            change_tell_old(change->fd);
            (void) close(change->fd);
        }
        mosn_list_unlink(&change->link);
        free(change);
    }
}


/* Gives each child what it has not got; true: all have all. */
static bool
changes_flush(void)
{
    bool all = true;

    for (mosn_list_t *l = master->children.next; l != &master->children;
         l = l->next)
    {
        master_child_t *c = mosn_container_of(l, master_child_t, link);

        if (!child_takes(c)) {
            continue;
        }
        for (mosn_list_t *k = changes.next; k != &changes; k = k->next) {
            const change_t *change = mosn_container_of(k, change_t, link);

            if (change->number <= c->changes) {
                continue;
            }
            if (!change_send(c, change)) {
                all = false;
                break;
            }
            c->changes = change->number;
        }
    }
    return all;
}


static void
changes_forget(void)
{
    while (!mosn_list_is_empty(&changes)) {
        change_t *change = mosn_container_of(changes.next, change_t, link);

        mosn_list_unlink(&change->link);
        (void) close(change->fd);
        free(change);
    }
    n_changes = 0;
}


bool
master_resources_flush(void)
{
    bool all = changes_flush();

    if (all) {
        changes_forget();
    }
    return all;
}


void
master_resources_fired(mosn_timer_t *timer)
{
    if (!master_resources_flush()) {
        mosn_timer_arm(&master->loop, timer, AGAIN_MS);
    }
}


void
master_resources_close(void)
{
    changes_forget();
    if (master->conf_fd != -1) { /* it tells how things were */
        (void) close(master->conf_fd);
        master->conf_fd = -1;
    }
}


/* `fd`: for the change, which takes it. */
static void
change_tell(int fd, const master_part_t *part, bool resolved)
{
    change_t *change = mosn_calloc(sizeof(*change));

    master->changes++;
    if (master->conf_fd != -1) {
        (void) close(master->conf_fd);
        master->conf_fd = -1;
    }
    change->number = master->changes;
    change->fd = fd;
    if (!mosn_resource_pack(fd, part->kind, part->name, part->text)) {
        (void) close(fd);
        free(change);
        return;
    }
    mosn_list_append(&changes, &change->link);
    n_changes++;
    if (resolved) {
        change_tell_names(part);
    }
    master_resources_fired(&master->resources);
}


void
master_print_config(FILE *out, bool whole)
{
    mosn_settings_t now = *master->settings;
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_CONF);

    mosn_resources_refresh(&now, master->generation, pool);
    if (whole) {
        mosn_resources_embed(&now, pool);
    }
    mosn_conf_print(&mosn_settings_block, &now, out);
    mosn_pool_destroy(&pool);
}


/* --- changes --------------------------------------------------------------
 */

static size_t
changes_max(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0
                   && limit.rlim_cur / 2 < PENDING_MAX
               ? (size_t) limit.rlim_cur / 2
               : PENDING_MAX;
}


/* Why changes cannot be made now, or not be kept; NULL: they can. */
static char *
change_refuse(size_t n, bool keep, bool resolved)
{
    if (master->phase != MASTER_SERVING && !resolved) {
        return strdup("a reload is under way; try again when it is over\n");
    }
    if (keep && master->settings->runtime_file.at == NULL) {
        return strdup("`runtime_file` is not set: there is no place to keep "
                      "it\n");
    }
    if (n_changes + n > changes_max()) { /* each has a descriptor */
        char *why;

        return asprintf(&why,
                        "too many changes at a time for the limit of "
                        "descriptors: %zu, and %u wait for a process that "
                        "does not take them; apply fewer, or raise the limit "
                        "(LimitNOFILE, ulimit -n)\n",
                        n, n_changes)
                       == -1
                   ? NULL
                   : why;
    }
    return NULL;
}


/* One change, everywhere.  NULL: done. */
static char *
part_make(const master_part_t *part, bool resolved)
{
    int   fd = mosn_resource_open();
    char *why;

    if (fd == -1) { /* none of them could be told */
        return asprintf(&why, "it could not be passed on: %s\n",
                        strerror(errno))
                       == -1
                   ? NULL
                   : why;
    }
    mosn_tls_files_keep();
    why = mosn_resource_apply(master->generation, part->kind, part->name,
                              part->text);
    if (why == NULL) {
        change_tell(fd, part, resolved);
    } else {
        (void) close(fd);
    }
    mosn_tls_files_drop();
    return why;
}


/* All of them, in order, and then into the file if asked for: what the
 * configuration would not be usable with is not begun. */
static char *
change_make(const master_part_t *parts, size_t n, bool keep)
{
    char    *why = change_refuse(n, keep, false), *text = NULL;
    uint32_t made = 0;

    if (why == NULL && keep) {
        why = master_kept_prepare(parts, n, &text);
    }
    for (size_t i = 0; i < n && why == NULL; i++) {
        why = part_make(&parts[i], false);
        made += why == NULL;
    }
    if (why == NULL && keep) {
        why = master_kept_write(text);
        made = why == NULL ? 0 : made;
    }
    free(text);
    master->unkept += made;
    return why;
}


/* --- hosts ----------------------------------------------------------------
 */

static bool
take_keep(mosn_str_t *rest)
{
    mosn_str_t word = *rest;

    /* A cluster may be called so. */
    if (mosn_str_equal(mosn_str_next_word(&word), MOSN_STR("persist"))
        && word.len > 0)
    {
        *rest = word;
        return true;
    }
    return false;
}


static char *
change_host(mosn_str_t rest)
{
    bool       keep = take_keep(&rest);
    mosn_str_t verb = mosn_str_next_word(&rest),
               name = mosn_str_next_word(&rest);
    mosn_str_t        address = mosn_str_next_word(&rest);
    mosn_cluster_t   *c = mosn_map_find(&master->generation->clusters, name);
    mosn_pool_t      *pool;
    mosn_hosts_conf_t hosts = { 0 };
    const char       *why;
    char             *text, *wrong;

    if (c == NULL || c->removed) {
        return asprintf(&text, "there is no cluster \"%.*s\"\n",
                        MOSN_STR_ARG(name))
                       == -1
                   ? NULL
                   : text;
    }
    if (mosn_cluster_is_named(c)) {
        return strdup("the cluster has `discovery`: its hosts are what their "
                      "names resolve to\n");
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_resource_list_hosts(c, pool, &hosts);
    why = mosn_hosts_edit(pool, &hosts.hosts, verb, address, rest);
    if (why != NULL) {
        wrong = asprintf(&text, "%s\n", why) == -1 ? NULL : text;
    } else {
        text = mosn_conf_text(&mosn_hosts_block, &hosts);
        wrong = change_make(
            &(master_part_t){ MOSN_RESOURCE_HOSTS, c->name, &hosts, text }, 1,
            keep);
        free(text);
    }
    mosn_pool_destroy(&pool);
    return wrong;
}


/* --- files ----------------------------------------------------------------
 */

/* Children may not read what the master can: files are put into the text. */
static const char *
routes_embed(mosn_pool_t *pool, mosn_route_table_conf_t *table)
{
    for (size_t i = 0; i < table->virtual_hosts.n; i++) {
        mosn_virtual_host_conf_t *host = &table->virtual_hosts.items[i];

        for (size_t k = 0; k < host->routes.n; k++) {
            mosn_respond_conf_t *r = host->routes.items[k].respond;
            char                *text;
            size_t               n;

            if (r == NULL || r->body_file.at == NULL || r->body.at != NULL) {
                continue; /* both would be wrong, and are told */
            }
            text = mosn_file_read(r->body_file.at, 1 << 20, &n);
            if (text == NULL) {
                return mosn_pool_printf(pool,
                                        "`body_file`: cannot read %s: %s",
                                        r->body_file.at, strerror(errno))
                    .at;
            }
            r->loaded = mosn_pool_copy(pool, (mosn_str_t){ text, n });
            free(text);
            mosn_resource_embed(&host->routes.items[k], pool);
        }
    }
    return NULL;
}


/* All that a file has: clusters before the routes and filters that name
 * them.  NULL: `why`. */
static master_part_t *
parts_of(mosn_pool_t *pool, mosn_resources_conf_t *all, size_t *n_r,
         const char **why)
{
    master_part_t *parts = mosn_pool_calloc(
        pool, (all->clusters.n + all->routes.n + all->listeners.n + 1)
                  * sizeof(*parts));
    size_t n = 0;

    for (size_t i = 0; i < all->clusters.n; i++) {
        mosn_cluster_conf_t *c = &all->clusters.items[i];

        parts[n++] = (master_part_t){ MOSN_RESOURCE_CLUSTER, c->name, c,
                                      mosn_conf_text(&mosn_cluster_block, c) };
    }
    for (size_t i = 0; i < all->routes.n && *why == NULL; i++) {
        mosn_route_table_conf_t *t = &all->routes.items[i];

        *why = routes_embed(pool, t);
        parts[n++] =
            (master_part_t){ MOSN_RESOURCE_ROUTES, t->name, t,
                             mosn_conf_text(&mosn_route_table_block, t) };
    }
    for (size_t i = 0; i < all->listeners.n; i++) {
        const mosn_listener_filters_t *f = &all->listeners.items[i];

        parts[n++] =
            (master_part_t){ MOSN_RESOURCE_FILTERS, f->name, f,
                             mosn_conf_text(&mosn_listener_filters_block, f) };
    }
    *n_r = n;
    return parts;
}


static void
parts_free(master_part_t *parts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(parts[i].text);
    }
}


/* Its place may be another one's after a reload. */
static char *
part_check_kept(const master_part_t *part)
{
    const mosn_listener_conf_t *l =
        mosn_map_find(&master->generation->listeners, part->name);
    const mosn_listener_filters_t *f = part->conf;
    char                          *why = NULL;

    for (size_t i = 0; part->kind == MOSN_RESOURCE_FILTERS && l != NULL
                       && i < f->filter_chains.n && why == NULL;
         i++)
    {
        mosn_str_t               name = f->filter_chains.items[i].name;
        const mosn_chain_conf_t *c = mosn_chains_find(&l->filter_chains, name);

        if (c != NULL && c->name.len == 0
            && asprintf(&why,
                        "filter chain \"%.*s\" of listener \"%.*s\" has no "
                        "name but its place, which may change: it cannot be "
                        "kept\n",
                        MOSN_STR_ARG(name), MOSN_STR_ARG(part->name))
                   == -1)
        {
            return NULL;
        }
    }
    return why;
}


/* A generation in which clusters are as they would be, while what names them
 * is looked at.  It is gone with the pool. */
static mosn_generation_t
parts_probe(mosn_pool_t *pool, const master_part_t *parts, size_t n)
{
    const mosn_map_t *clusters = &master->generation->clusters;
    mosn_generation_t probe = *master->generation;

    probe.pool = pool;
    mosn_map_init(&probe.clusters, pool);
    for (size_t i = 0; i < n; i++) {
        const mosn_cluster_t *was = mosn_map_find(clusters, parts[i].name);
        mosn_cluster_t       *c;

        if (parts[i].kind != MOSN_RESOURCE_CLUSTER) {
            continue;
        }
        c = mosn_cluster_add(&probe, parts[i].name);
        if (was != NULL && !was->removed) {
            mosn_cluster_version_unref(c->version);
            c->version = mosn_cluster_version_ref(was->version);
        }
        c->conf = parts[i].conf;
        c->removed = false;
    }
    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        if (c != NULL) {
            (void) mosn_map_add(&probe.clusters, c->name, c);
        }
    }
    return probe;
}


static bool
parts_have(const master_part_t *parts, size_t n, mosn_resource_e kind,
           mosn_str_t name)
{
    for (size_t i = 0; i < n; i++) {
        if (parts[i].kind == kind && mosn_str_equal(parts[i].name, name)) {
            return true;
        }
    }
    return false;
}


/* Routes that stay as they are may ask a cluster for a subset. */
static char *
part_check_selectors(const master_part_t *parts, size_t n,
                     const master_part_t *cluster)
{
    const mosn_map_t *tables = &master->generation->route_tables;
    char             *why = NULL;

    for (size_t i = 0; i <= tables->mask && why == NULL; i++) {
        const mosn_route_table_t *t = tables->entries[i].value;
        const char               *where =
            t == NULL || parts_have(parts, n, MOSN_RESOURCE_ROUTES, t->name)
                              ? NULL
                              : mosn_routes_miss_selector(t->current, cluster->name,
                                                          cluster->conf);

        if (where != NULL
            && asprintf(&why,
                        "a route (%s) asks cluster \"%.*s\" for a subset by "
                        "keys of which it would have no selector "
                        "(`subset_selectors`)\n",
                        where, MOSN_STR_ARG(cluster->name))
                   == -1)
        {
            return NULL;
        }
    }
    return why;
}


/* All of it, before any of it is done. */
static char *
parts_check(mosn_pool_t *pool, const master_part_t *parts, size_t n, bool keep)
{
    mosn_generation_t probe = parts_probe(pool, parts, n);
    char             *why = NULL;

    if (probe.clusters.n > MOSN_MAX_CLUSTERS) {
        return strdup("too many clusters to add\n");
    }
    for (size_t i = 0; i < n && why == NULL; i++) {
        if (strlen(parts[i].text) > MOSN_RESOURCE_MAX) {
            return strdup("a resource of more than 64 MB\n");
        }
        why = mosn_resource_check(&probe, parts[i].kind, parts[i].name,
                                  parts[i].text);
        if (why == NULL && parts[i].kind == MOSN_RESOURCE_CLUSTER) {
            why = part_check_selectors(parts, n, &parts[i]);
        }
        if (why == NULL && keep) {
            why = part_check_kept(&parts[i]);
        }
    }
    return why;
}


/* Two of one name: which is meant? */
static char *
parts_check_names(mosn_pool_t *pool, const master_part_t *parts, size_t n)
{
    mosn_map_t seen[MOSN_RESOURCE_KINDS];
    char      *why = NULL;

    for (size_t i = 0; i < MOSN_COUNT(seen); i++) {
        mosn_map_init(&seen[i], pool);
    }
    for (size_t i = 0; i < n; i++) {
        if (!mosn_map_add(&seen[parts[i].kind], parts[i].name, master)) {
            return asprintf(&why, "\"%.*s\" is there twice\n",
                            MOSN_STR_ARG(parts[i].name))
                           == -1
                       ? NULL
                       : why;
        }
    }
    return NULL;
}


static char *
apply_all(mosn_pool_t *pool, mosn_resources_conf_t *all, bool keep)
{
    const char    *wrong = NULL;
    size_t         n;
    master_part_t *parts = parts_of(pool, all, &n, &wrong);
    char          *why =
        wrong != NULL ? strdup(wrong) : parts_check_names(pool, parts, n);

    if (why == NULL) {
        why = change_refuse(n, keep, false);
    }
    if (why == NULL) {
        why = parts_check(pool, parts, n, keep);
    }
    if (why == NULL) {
        why = change_make(parts, n, keep);
    }
    parts_free(parts, n);
    return why;
}


/* A line that libconfig takes for an order to read another file, or bytes
 * that could hide one. */
static bool
text_includes(const char *text, size_t n)
{
    const char *at = text, *end = text + n;
    bool        found = memchr(text, '\0', n) != NULL;

    while (!found && at != NULL) {
        while (at < end && *at != '\n' && *at <= ' ') {
            at++;
        }
        found = end - at >= 8 && memcmp(at, "@include", 8) == 0;
        at = memchr(at, '\n', (size_t) (end - at));
        at = at != NULL ? at + 1 : NULL;
    }
    return found;
}


/* What came over the admin address has a right to no file. */
static bool
conf_names_files(const mosn_resources_conf_t *all)
{
    for (size_t i = 0; i < all->clusters.n; i++) {
        const mosn_tls_client_conf_t *tls = all->clusters.items[i].tls;

        if (tls != NULL
            && (tls->trusted_ca.at != NULL || tls->certificate != NULL)) {
            return true;
        }
    }
    for (size_t i = 0; i < all->routes.n; i++) {
        if (mosn_route_table_names_files(&all->routes.items[i])) {
            return true;
        }
    }
    return false;
}


/* From the admin address.  Read once: its owner could change it meanwhile. */
static char *
apply_posted(mosn_pool_t *pool, const char *path, bool keep)
{
    static const char not_yours[] =
        "`body_file`, `@include` and files of keys are for mosnctl: whoever "
        "reaches this address would read what the master can\n";

    size_t                 n;
    mosn_conf_t           *reader = mosn_conf_create(pool);
    mosn_resources_conf_t *all = mosn_pool_calloc(pool, sizeof(*all));
    char                  *text = mosn_file_read(path, 64u << 20, &n), *why;

    if (text == NULL) {
        why = strdup("what was posted cannot be read\n");
    } else if (text_includes(text, n)) {
        why = strdup(not_yours);
    } else if (mosn_conf_read_text(reader, "POST", text, &mosn_resources_block,
                                   all)
               != MOSN_OK)
    {
        why = mosn_conf_errors_text(reader);
    } else {
        why = conf_names_files(all) ? strdup(not_yours)
                                    : apply_all(pool, all, keep);
    }
    free(text);
    mosn_conf_destroy(&reader);
    return why;
}


static char *
apply_file(mosn_pool_t *pool, const char *path, bool keep)
{
    mosn_conf_t           *reader = mosn_conf_create(pool);
    mosn_resources_conf_t *all = mosn_pool_calloc(pool, sizeof(*all));
    char *why = mosn_conf_read_file(reader, path, &mosn_resources_block, all)
                        == MOSN_OK
                    ? apply_all(pool, all, keep)
                    : mosn_conf_errors_text(reader);

    mosn_conf_destroy(&reader);
    return why;
}


static char *
change_apply(mosn_str_t rest)
{
    bool         keep = take_keep(&rest);
    char         path[4096];
    mosn_pool_t *pool;
    char        *why;
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%.*s", MOSN_STR_ARG(rest));
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* it could block us */
        return asprintf(&why, "%s is no regular file\n", path) == -1 ? NULL
                                                                     : why;
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    why = mosn_str_has_prefix(rest, MOSN_STR("/proc/"))
              ? apply_posted(pool, path, keep)
              : apply_file(pool, path, keep);
    mosn_pool_destroy(&pool);
    return why;
}


/* The control process of this generation has resolved names: also while a
 * reload waits for that. */
static char *
change_resolved(mosn_str_t rest)
{
    mosn_str_t      number = mosn_str_next_word(&rest);
    mosn_str_t      name = mosn_str_next_word(&rest);
    mosn_cluster_t *c = mosn_map_find(&master->generation->clusters, name);
    char            path[64];
    uint64_t        generation;
    size_t          n;
    char           *text, *why;

    if (!mosn_str_parse_u63(number, &generation)
        || generation != master->generation->number)
    {
        return strdup("that is of another generation\n");
    }
    if (c == NULL || c->removed || !mosn_cluster_is_named(c)) {
        return strdup("the cluster has no names any more\n");
    }
    (void) snprintf(path, sizeof(path), "%.*s", MOSN_STR_ARG(rest));
    text = mosn_file_read(path, 64u << 20, &n);
    if (text == NULL) {
        return strdup("cannot read what was resolved\n");
    }
    why = change_refuse(1, false, true);
    if (why == NULL) {
        why = part_make(
            &(master_part_t){ MOSN_RESOURCE_HOSTS, name, NULL, text }, true);
    }
    free(text);
    return why;
}


void
master_command_resolved(mosn_client_t client, mosn_str_t argument)
{
    char *why = change_resolved(argument);

    mosn_client_end(&client, why, "");
    free(why);
}


static char *
change_remove(mosn_str_t rest)
{
    bool          keep = take_keep(&rest);
    master_part_t part = { MOSN_RESOURCE_REMOVE, rest, NULL, (char[]){ "" } };

    if (keep && master_kept_is_of_file(rest)) {
        return strdup("the configuration has that cluster: take it out there "
                      "to have it gone for good\n");
    }
    if (keep && master_kept_names(rest)) {
        return strdup("the runtime_file has routes or filters that name that "
                      "cluster: a reload would need it\n");
    }
    return change_make(&part, 1, keep);
}


/* --- answers --------------------------------------------------------------
 */

static void
answer(mosn_client_t client, char *why)
{
    char text[96];

    (void) snprintf(text, sizeof(text),
                    client.json ? "{\"change\":%u}\n" : "change %u\n",
                    master->changes);
    mosn_client_end(&client, why, text);
    free(why);
}


void
master_command_host(mosn_client_t client, mosn_str_t argument)
{
    answer(client, change_host(argument));
}


void
master_command_apply(mosn_client_t client, mosn_str_t argument)
{
    answer(client, change_apply(argument));
}


void
master_command_remove(mosn_client_t client, mosn_str_t argument)
{
    answer(client, change_remove(argument));
}
