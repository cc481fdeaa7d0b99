/* settings.c - the top of the configuration, and how it is built. */

#include "explain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/process.h"

#define MAX_WORKERS 64

static const mosn_directive_t error_log_directives[] = {
    MOSN_STRING(mosn_error_log_conf_t, path, "stderr",
                "The file, or \"stderr\"."),
    MOSN_ENUM(mosn_error_log_conf_t, level, mosn_log_level_names,
              MOSN_LOG_NOTICE, "The least important lines that are kept."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t error_log_block = {
    .doc = "Where mosn reports.",
    .size = sizeof(mosn_error_log_conf_t),
    .directives = error_log_directives,
};

static const mosn_directive_t admin_directives[] = {
    MOSN_ADDRESS_REQUIRED(mosn_admin_conf_t, address,
                          "Where it listens: keep it on loopback or a unix "
                          "socket."),
    MOSN_BOOL(mosn_admin_conf_t, allow_changes, false,
              "Whoever reaches it may change hosts, clusters and routes: PUT, "
              "POST and DELETE of /clusters/NAME/hosts/ADDRESS with settings "
              "in the query, POST of /apply; `persist` in the query: into "
              "the `runtime_file`, too."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t admin_block = {
    .doc = "The page for operators and scrapers: /stats, /metrics, /config, "
           "/healthz, /ready.",
    .size = sizeof(mosn_admin_conf_t),
    .directives = admin_directives,
};

/* Before what is read behind it names them. */
static void
settings_load_modules(mosn_conf_t *reader, const void *member)
{
    const mosn_strs_t *modules = member;

    for (size_t i = 0; i < modules->n; i++) {
        char why[256];

        if (!mosn_module_load(modules->items[i].at, why, sizeof(why))) {
            mosn_conf_error(reader, &modules->items[i], NULL,
                            "cannot be loaded: %s", why);
        }
    }
}


static const mosn_directive_t test_directives[] = {
    MOSN_STRING_REQUIRED(mosn_test_conf_t, name, "Its name."),
    MOSN_STRING(mosn_test_conf_t, listener, "",
                "The listener that is asked; else the first one with routes "
                "that such a client would come to: with TLS for an https "
                "URL, without for http."),
    MOSN_STRING(mosn_test_conf_t, request, NULL,
                "\"METHOD URL\": \"GET http://shop.example/x?y\"."),
    MOSN_STRING(mosn_test_conf_t, call, NULL,
                "\"SERVICE METHOD\" of a call, with version and group behind "
                "it."),
    MOSN_MAP(mosn_test_conf_t, headers, "Its headers."),
    MOSN_STRING(mosn_test_conf_t, source, NULL, "The client's address."),
    MOSN_STRING(mosn_test_conf_t, server_name, NULL,
                "The name that it asks TLS for; else the host of an https "
                "URL."),
    MOSN_STRINGS(mosn_test_conf_t, application_protocols,
                 "What it offers there (ALPN)."),
    MOSN_STRING(mosn_test_conf_t, route, NULL,
                "The route that it takes, by its name or as HOST[NUMBER]; "
                "\"none\": no route."),
    MOSN_STRING(mosn_test_conf_t, cluster, NULL,
                "The cluster that it goes to; of a split, one of them."),
    MOSN_STRING(mosn_test_conf_t, path, NULL, "What that sees for its path."),
    MOSN_STRING(mosn_test_conf_t, host, NULL, "And for its host."),
    MOSN_STRING(mosn_test_conf_t, location, NULL,
                "Where it is redirected to."),
    MOSN_INT(mosn_test_conf_t, status, 0, 599, 0,
             "The status of an answer that mosn gives; 0: does not matter."),
    MOSN_DIRECTIVES_END
};


static void
test_check(mosn_conf_t *reader, void *conf)
{
    const mosn_test_conf_t *t = conf;

    if ((t->request.at != NULL) == (t->call.at != NULL)) {
        mosn_conf_error(reader, t, NULL, "needs either `request` or `call`");
    }
    if (t->route.at == NULL && t->cluster.at == NULL && t->path.at == NULL
        && t->host.at == NULL && t->location.at == NULL && t->status == 0)
    {
        mosn_conf_error(reader, t, NULL,
                        "expects nothing: needs one of `route`, `cluster`, "
                        "`path`, `host`, `location` and `status`");
    }
}


static const mosn_conf_block_t test_block = {
    .doc = "A request and what is to become of it.  `mosn -t` and every "
           "reload look whether it does; where not, nothing is changed.  "
           "Routes that take only a `percent` are passed by.",
    .size = sizeof(mosn_test_conf_t),
    .directives = test_directives,
    .check = test_check,
};

static const mosn_directive_t settings_directives[] = {
    MOSN_STRINGS_ACTING(mosn_settings_t, modules, settings_load_modules,
                        "Shared objects with modules: protocols, filters, "
                        "balancers."),
    MOSN_AUTO_INT(mosn_settings_t, workers, 1, MAX_WORKERS,
                  "Worker processes; \"auto\": one per processor."),
    MOSN_INT(mosn_settings_t, worker_connections, 16, 10000000, 16384,
             "Client connections of one worker; one more is refused."),
    MOSN_STRING(mosn_settings_t, user, NULL,
                "Workers and the control process run as this user when mosn "
                "is started as root; else as \"mosn\" or \"nobody\"."),
    MOSN_STRING(mosn_settings_t, zone, "",
                "The zone that this mosn is in; clusters prefer their hosts "
                "there."),
    MOSN_STRING(mosn_settings_t, pid_file, NULL,
                "Gets the master's process id."),
    MOSN_STRING(mosn_settings_t, control_socket, NULL,
                "Unix socket that mosnctl talks to."),
    MOSN_STRING(mosn_settings_t, runtime_file, NULL,
                "Where changes at run time are kept that are to outlive a "
                "reload (`mosnctl --persist`); its clusters and route tables "
                "take the place of those of the same name here."),
    MOSN_GROUP(mosn_settings_t, error_log, &error_log_block,
               "Where mosn reports."),
    MOSN_DURATION(mosn_settings_t, drain_timeout, 0, 86400000, 30000,
                  "Requests under way get this long when mosn stops or "
                  "reloads."),
    MOSN_DURATION(mosn_settings_t, certificate_check_interval, 0, 3600000,
                  1000,
                  "How often the files of certificates and authorities are "
                  "looked at; what has changed and holds is used at once; "
                  "0: only at a reload."),
    MOSN_DURATION(mosn_settings_t, hang_timeout, 0, 3600000, 5000,
                  "A process that does nothing at all for this long is "
                  "aborted and replaced; 0: never, else at least 2s."),
    MOSN_DURATION(mosn_settings_t, start_timeout, 100, 3600000, 15000,
                  "A reload or an upgrade whose new processes are not ready "
                  "in this time has failed; the old ones go on."),
    MOSN_OPT_GROUP(mosn_settings_t, admin, &admin_block,
                   "The page for operators and scrapers."),
    MOSN_GROUP(mosn_settings_t, dns, &mosn_dns_block,
               "How names of hosts are resolved."),
    MOSN_LIST(mosn_settings_t, listeners, &mosn_listener_block,
              "Addresses that clients connect to."),
    MOSN_LIST(mosn_settings_t, routes, &mosn_route_table_block,
              "Route tables."),
    MOSN_LIST(mosn_settings_t, clusters, &mosn_cluster_block,
              "Groups of hosts."),
    MOSN_LIST(mosn_settings_t, tests, &test_block,
              "Requests and what is to become of them."),
    MOSN_DIRECTIVES_END
};


static void
settings_check(mosn_conf_t *reader, void *conf)
{
    mosn_settings_t *s = conf;

    if (s->listeners.n == 0) {
        mosn_conf_error(reader, &s->listeners, s,
                        "there are no `listeners`: nothing to do");
    }
    if (s->hang_timeout_ms > 0 && s->hang_timeout_ms < 2000) {
        mosn_conf_error(reader, &s->hang_timeout_ms, s,
                        "must be 0 or at least \"2s\": processes beat once "
                        "a second");
    }
}


const mosn_conf_block_t mosn_settings_block = {
    .doc = "Durations are strings with a unit (`\"250ms\"`, `\"30s\"`, "
           "`\"5m\"`, `\"1h\"`), or 0; sizes are numbers of bytes or strings "
           "(`\"64k\"`, `\"1m\"`), addresses are `\"ip:port\"`, "
           "`\"[v6]:port\"` or `\"unix:/path\"`.  A group of strings is "
           "`{ name = \"value\"; }`, or `( [\"name\", \"value\"] )` where "
           "names have other characters than letters, digits, `_` and `-`.",
    .size = sizeof(mosn_settings_t),
    .directives = settings_directives,
    .check = settings_check,
};

const mosn_metric_set_t *const mosn_metric_sets[] = {
    &mosn_listener_metrics,
    &mosn_cluster_metrics,
    &mosn_host_metrics,
    &mosn_reason_metrics,
    NULL,
};


void
mosn_settings_build_filters(mosn_conf_t *reader, mosn_generation_t *generation,
                            mosn_str_t                 listener,
                            const mosn_conf_modules_t *filters)
{
    for (size_t i = 0; i < filters->n; i++) {
        const mosn_net_filter_ops_t *ops;

        if (filters->items[i].module == NULL) {
            continue; /* a mistake that is told already */
        }
        ops = filters->items[i].module->ops;
        if (ops->build != NULL) {
            ops->build(reader, generation, filters->items[i].conf, listener);
        }
    }
}


static void
settings_build_listeners(mosn_conf_t *reader, mosn_generation_t *generation,
                         mosn_settings_t *s)
{
    for (size_t i = 0; i < s->listeners.n; i++) {
        mosn_listener_conf_t *l = &s->listeners.items[i];

        (void) mosn_map_add(&generation->listeners, l->name, l);
        for (size_t k = 0; k < i; k++) {
            const mosn_listener_conf_t *other = &s->listeners.items[k];

            if (mosn_str_equal(l->name, other->name)) {
                mosn_conf_error(reader, &l->name, l,
                                "there is a listener \"%.*s\" already",
                                MOSN_STR_ARG(l->name));
            }
            if (l->address.len > 0
                && mosn_address_equal(&l->address, &other->address)) {
                mosn_conf_error(reader, &l->address, l,
                                "listener \"%.*s\" has this address already",
                                MOSN_STR_ARG(other->name));
            }
        }
        mosn_settings_build_filters(reader, generation, l->name,
                                    &l->listener_filters);
        mosn_listener_make_chains(l);
        for (size_t k = 0; k < l->chains.n; k++) {
            mosn_chain_conf_t *chain = &l->chains.items[k];

            if (chain->tls != NULL) {
                chain->tls_ctx = mosn_tls_server_build(
                    reader, generation->pool, chain->tls);
            }
            mosn_settings_build_filters(reader, generation, l->name,
                                        &chain->filters);
        }
    }
}


static void
settings_check_rest(mosn_conf_t *reader, mosn_settings_t *s)
{
    mosn_user_t user;

    if (s->user.at != NULL && mosn_process_find_user(s->user.at, &user) == -1)
    {
        mosn_conf_error(reader, &s->user, s, "there is no user \"%s\" here",
                        s->user.at);
    }
    for (size_t i = 0; s->admin != NULL && i < s->listeners.n; i++) {
        if (s->admin->address.len > 0
            && mosn_address_equal(&s->admin->address,
                                  &s->listeners.items[i].address))
        {
            mosn_conf_error(reader, &s->admin->address, s->admin,
                            "listener \"%.*s\" has this address",
                            MOSN_STR_ARG(s->listeners.items[i].name));
        }
    }
}


static const mosn_directive_t resources_directives[] = {
    MOSN_LIST(mosn_resources_conf_t, routes, &mosn_route_table_block,
              "Route tables."),
    MOSN_LIST(mosn_resources_conf_t, clusters, &mosn_cluster_block,
              "Groups of hosts."),
    MOSN_LIST(mosn_resources_conf_t, listeners, &mosn_listener_filters_block,
              "The filters of listeners."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_resources_block = {
    .doc = "Resources that change at run time.",
    .size = sizeof(mosn_resources_conf_t),
    .directives = resources_directives,
};


mosn_resources_conf_t *
mosn_settings_read_runtime(mosn_pool_t *pool, const char *path)
{
    mosn_resources_conf_t *all = mosn_pool_calloc(pool, sizeof(*all));
    mosn_conf_t           *reader = mosn_conf_create(pool);

    if (access(path, F_OK) == 0
        && mosn_conf_read_file(reader, path, &mosn_resources_block, all)
               != MOSN_OK)
    {
        all = NULL;
    }
    mosn_conf_destroy(&reader);
    return all;
}


/* In place of what the runtime_file has, in a process that only tries it. */
static const char *settings_tried;


/* Who changes the configuration of these will wonder. */
static void
settings_tell_kept(const mosn_settings_t *s, const char *what, mosn_str_t name)
{
    if (settings_tried == NULL) {
        mosn_log_notice("%s \"%.*s\" is as %s has it, all of it: what the "
                        "configuration says is not in force",
                        what, MOSN_STR_ARG(name), s->runtime_file.at);
    }
}


/* One that is not there any more needs none. */
static void
settings_take_filters(mosn_settings_t *s, const mosn_listener_filters_t *f)
{
    for (size_t i = 0; i < s->listeners.n; i++) {
        mosn_listener_conf_t *l = &s->listeners.items[i];

        if (!mosn_str_equal(l->name, f->name)) {
            continue;
        }
        settings_tell_kept(s, "the list of filters of listener", f->name);
        if (l->filter_chains.n == 0 && f->filter_chains.n == 0) {
            l->filters = f->filters;
        }
        for (size_t k = 0; k < f->filter_chains.n; k++) {
            mosn_chain_conf_t *chain = mosn_chains_find(
                &l->filter_chains, f->filter_chains.items[k].name);

            if (chain != NULL) {
                chain->filters = f->filter_chains.items[k].filters;
            }
        }
    }
}


/* In place of one of the same name, or behind the others. */
#define SETTINGS_TAKE(s, list, item, what)                                    \
    do {                                                                      \
        size_t at_ = 0;                                                       \
                                                                              \
        while (at_ < (s)->list.n                                              \
               && !mosn_str_equal((s)->list.items[at_].name, (item).name))    \
        {                                                                     \
            at_++;                                                            \
        }                                                                     \
        if (at_ < (s)->list.n) {                                              \
            settings_tell_kept(s, what, (item).name);                         \
        }                                                                     \
        (s)->list.items[at_] = (item);                                        \
        (s)->list.n = at_ == (s)->list.n ? at_ + 1 : (s)->list.n;             \
    } while (0)


/* What was changed at run time and is to stay; mistakes of that file are
 * those of the configuration. */
static void
settings_take_runtime(mosn_conf_t *reader, mosn_pool_t *pool,
                      mosn_settings_t *s)
{
    mosn_resources_conf_t   *all = mosn_pool_calloc(pool, sizeof(*all));
    mosn_conf_t             *runtime;
    mosn_cluster_conf_t     *clusters;
    mosn_route_table_conf_t *routes;

    s->own.items =
        mosn_pool_calloc(pool, (s->clusters.n + 1) * sizeof(mosn_str_t));
    for (; s->own.n < s->clusters.n; s->own.n++) {
        s->own.items[s->own.n] = s->clusters.items[s->own.n].name;
    }
    if (s->runtime_file.at == NULL
        || (settings_tried == NULL && access(s->runtime_file.at, F_OK) == -1))
    {
        return;
    }
    runtime = mosn_conf_create(pool);
    if ((settings_tried != NULL
             ? mosn_conf_read_text(runtime, "runtime_file", settings_tried,
                                   &mosn_resources_block, all)
             : mosn_conf_read_file(runtime, s->runtime_file.at,
                                   &mosn_resources_block, all))
        != MOSN_OK)
    {
        mosn_conf_error(reader, &s->runtime_file, s, "%s",
                        mosn_conf_error_text(runtime, 0));
        mosn_conf_destroy(&runtime);
        return;
    }
    mosn_conf_destroy(&runtime);
    clusters = mosn_pool_calloc(
        pool, (s->clusters.n + all->clusters.n) * sizeof(*clusters) + 1);
    routes = mosn_pool_calloc(
        pool, (s->routes.n + all->routes.n) * sizeof(*routes) + 1);
    if (s->clusters.n > 0) {
        memcpy(clusters, s->clusters.items, s->clusters.n * sizeof(*clusters));
    }
    if (s->routes.n > 0) {
        memcpy(routes, s->routes.items, s->routes.n * sizeof(*routes));
    }
    s->clusters.items = clusters;
    s->routes.items = routes;
    for (size_t i = 0; i < all->clusters.n; i++) {
        SETTINGS_TAKE(s, clusters, all->clusters.items[i], "cluster");
    }
    for (size_t i = 0; i < all->routes.n; i++) {
        SETTINGS_TAKE(s, routes, all->routes.items[i], "route table");
    }
    for (size_t i = 0; i < all->listeners.n; i++) {
        settings_take_filters(s, &all->listeners.items[i]);
    }
}


/* From the file `name`, or, when there is one, from `text`. */
static mosn_generation_t *
settings_load(const char *name, const char *text, uint32_t number,
              mosn_settings_t **settings_r, char **errors_r)
{
    mosn_generation_t *generation = mosn_generation_create(number);
    mosn_conf_t       *reader = mosn_conf_create(generation->pool);
    mosn_settings_t   *s = mosn_pool_calloc(generation->pool, sizeof(*s));
    mosn_rc_e          rc;

    *errors_r = NULL;
    rc =
        text == NULL
            ? mosn_conf_read_file(reader, name, &mosn_settings_block, s)
            : mosn_conf_read_text(reader, name, text, &mosn_settings_block, s);

    /* Names are resolved even when single settings are wrong, so that all
     * mistakes are told at once; not when the tree is not there at all. */
    if (rc == MOSN_OK || mosn_conf_is_set(reader, s)) {
        mosn_cluster_zone = s->zone;
        if (text == NULL) { /* else it is in the text */
            settings_take_runtime(reader, generation->pool, s);
        }
        for (size_t i = 0; i < s->clusters.n; i++) {
            mosn_cluster_build(reader, generation, &s->clusters.items[i]);
        }
        for (size_t i = 0; i < s->routes.n; i++) {
            mosn_route_table_build(reader, generation, &s->routes.items[i]);
        }
        settings_build_listeners(reader, generation, s);
        settings_check_rest(reader, s);
        /* What was changed at run time need not be what they expect. */
        if (mosn_conf_n_errors(reader) == 0 && text == NULL) {
            mosn_settings_run_tests(reader, s, generation->pool);
        }
    }

    if (mosn_conf_n_errors(reader) > 0) {
        *errors_r = mosn_conf_errors_text(reader);
        mosn_generation_unref(generation);
        generation = NULL;
        s = NULL;
    }
    mosn_conf_destroy(&reader);
    *settings_r = s;
    return generation;
}


mosn_generation_t *
mosn_settings_load(const char *path, uint32_t number,
                   mosn_settings_t **settings_r, char **errors_r)
{
    return settings_load(path, NULL, number, settings_r, errors_r);
}


/* In the child. */
static MOSN_NORETURN void
settings_try(const char *path, const char *runtime, int words)
{
    mosn_settings_t *settings;
    char            *errors;

    settings_tried = runtime;
    if (mosn_settings_load(path, 0, &settings, &errors) == NULL) {
        (void) dprintf(words, "%s", errors);
        _exit(1);
    }
    _exit(0);
}


char *
mosn_settings_try_runtime(const char *path, const char *runtime)
{
    int    words[2];
    pid_t  pid;
    char  *text = NULL;
    size_t n = 0;
    FILE  *out;
    char   piece[4096];
    int    status = -1;

    if (pipe2(words, O_CLOEXEC) == -1) {
        return strdup("it could not be tried\n");
    }
    pid = fork();
    if (pid == 0) {
        settings_try(path, runtime, words[1]);
    }
    (void) close(words[1]);
    out = open_memstream(&text, &n);
    for (ssize_t got;
         out != NULL && (got = read(words[0], piece, sizeof(piece))) > 0;)
    {
        (void) fwrite(piece, 1, (size_t) got, out);
    }
    (void) close(words[0]);
    if (out != NULL) {
        (void) fclose(out);
    }
    while (pid > 0 && waitpid(pid, &status, 0) == -1 && errno == EINTR) {
    }
    if (n > 0) {
        return text;
    }
    free(text);
    return status == 0 ? NULL : strdup("it could not be tried\n");
}


mosn_generation_t *
mosn_settings_load_text(const char *name, const char *text, uint32_t number,
                        mosn_settings_t **settings_r, char **errors_r)
{
    return settings_load(name, text, number, settings_r, errors_r);
}


void
mosn_settings_register_metrics(mosn_generation_t *generation,
                               mosn_settings_t   *s)
{
    mosn_reasons_register();
    for (size_t i = 0; i < s->listeners.n; i++) {
        mosn_listener_conf_t *l = &s->listeners.items[i];

        l->metrics = mosn_metrics_instance(&mosn_listener_metrics, l->name);
    }
    for (size_t i = 0; i <= generation->clusters.mask; i++) {
        if (generation->clusters.entries[i].value != NULL) {
            mosn_cluster_register(generation->clusters.entries[i].value);
        }
    }
}


unsigned
mosn_settings_workers(const mosn_settings_t *s)
{
    unsigned n =
        s->workers == -1 ? mosn_process_cpus() : (unsigned) s->workers;

    return n > MAX_WORKERS ? MAX_WORKERS : n;
}
