/* tests/proxy/router.c - virtual hosts, rewrites, locations. */

#include "tap.h"
#include "cases.h"
#include "proxy/explain.h"
#include "proxy/request_parts.h"
#include "proxy/router.c"

static mosn_generation_t *generation;


static mosn_route_table_t *
build(const char *text)
{
    mosn_conf_t             *reader;
    mosn_route_table_conf_t *conf;

    generation = mosn_generation_create(1);
    reader = mosn_conf_create(generation->pool);
    conf = mosn_pool_calloc(generation->pool, sizeof(*conf));
    if (mosn_conf_read_text(reader, "text", text, &mosn_route_table_block,
                            conf)
        == MOSN_OK)
    {
        mosn_route_table_build(reader, generation, conf);
    }
    mosn_conf_print_errors(reader, stdout);
    is_num((long long) mosn_conf_n_errors(reader), 0, "builds");
    mosn_conf_destroy(&reader);
    return mosn_map_find(&generation->route_tables, MOSN_STR("t"));
}


static const mosn_route_t *
find(const mosn_route_table_t *t, const char *host, const char *path)
{
    mosn_message_t m = { .authority = mosn_str(host), .path = mosn_str(path) };

    mosn_match_input_t in;

    mosn_match_input(&in, &m, NULL);
    return mosn_route_find(t->current, &in);
}


static void
finds(const mosn_route_table_t *t, const char *host, const char *path,
      const char *expected)
{
    const mosn_route_t *r = find(t, host, path);

    is_str(r != NULL ? r->name : MOSN_STR("none"), expected, host);
}


/* --- actions --------------------------------------------------------------
 */

static mosn_cluster_t cluster_c = { .name = MOSN_STR_INIT("c") };
static mosn_cluster_t cluster_d = { .name = MOSN_STR_INIT("d") };


/* One route in a table, with clusters "c" and "d" around it. */
static mosn_route_table_t *
build_route(const char *route, const char *mistake)
{
    mosn_conf_t             *reader;
    mosn_route_table_conf_t *conf;
    char                     text[4096];

    generation = mosn_generation_create(1);
    (void) mosn_map_add(&generation->clusters, cluster_c.name, &cluster_c);
    (void) mosn_map_add(&generation->clusters, cluster_d.name, &cluster_d);
    (void) snprintf(text, sizeof(text),
                    "name = \"t\"; virtual_hosts = ( { name = \"v\"; domains "
                    "= [\"*\"]; routes = ( { %s } ); } );",
                    route);
    reader = mosn_conf_create(generation->pool);
    conf = mosn_pool_calloc(generation->pool, sizeof(*conf));
    if (mosn_conf_read_text(reader, "text", text, &mosn_route_table_block,
                            conf)
        == MOSN_OK)
    {
        mosn_route_table_build(reader, generation, conf);
    }
    if (mistake != NULL || mosn_conf_n_errors(reader) > 0) {
        const char *is = mosn_conf_n_errors(reader) > 0
                             ? mosn_conf_error_text(reader, 0)
                             : "";

        if (!ok(mistake != NULL && strstr(is, mistake) != NULL, "%s", route)) {
            printf("# %s\n", is);
        }
    }
    mosn_conf_destroy(&reader);
    return mosn_map_find(&generation->route_tables, MOSN_STR("t"));
}


/* All values of a header, "a,b"; empty: it is not there. */
static mosn_str_t
values(const mosn_headers_t *headers, mosn_str_t name)
{
    static char text[512];
    size_t      n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (!h->removed
            && mosn_str_equal_nocase((mosn_str_t){ h->name, h->name_len },
                                     name))
        {
            n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s",
                                   n > 0 ? "," : "", (int) h->value_len,
                                   h->value);
        }
    }
    return (mosn_str_t){ text, n };
}


static mosn_str_t
see(mosn_request_t *r, mosn_str_t what)
{
    static char              text[512];
    const mosn_conf_pairs_t *subset;
    mosn_cluster_t          *c;

    if (mosn_str_equal(what, MOSN_STR("path"))) {
        return r->head->path;
    }
    if (mosn_str_equal(what, MOSN_STR("host"))) {
        return r->head->authority;
    }
    if (mosn_str_equal(what, MOSN_STR("location"))) {
        return mosn_route_location(r->route, r->head, r->pool);
    }
    c = r->route->conf->route != NULL
            ? mosn_route_pick_cluster(r->route, generation, r->head, &subset)
            : NULL;
    if (mosn_str_equal(what, MOSN_STR("cluster"))) {
        return c != NULL ? c->name : MOSN_STR("none");
    }
    if (mosn_str_equal(what, MOSN_STR("subset"))) {
        (void) snprintf(text, sizeof(text), "%.*s:%.*s",
                        MOSN_STR_ARG(subset->items[0].name),
                        MOSN_STR_ARG(subset->items[0].value));
        return mosn_str(text);
    }
    return values(&r->head->headers, what);
}


static void
act(case_t *c)
{
    mosn_route_table_t *t = build_route(c->conf, NULL);
    mosn_request_t      r = { .head = &c->message,
                              .pool = generation->pool,
                              .path = c->message.path,
                              .spelled = c->message.path,
                              .authority = c->message.authority };
    char               *rest = mosn_pool_strdup(generation->pool, c->expected);
    char               *piece;

    r.route = mosn_route_find(t->current, &c->input);
    if (!ok(r.route != NULL, "%u: %s", c->line, c->conf)) {
        return;
    }
    if (r.route->conf->route != NULL
        && strstr(c->expected, "cluster=") == NULL) {
        ok(mosn_request_rewrite(&r), "%u: is rewritten", c->line);
        mosn_edits_on_request(r.route->edits, &r, r.head);
    }
    while ((piece = strsep(&rest, " ")) != NULL) {
        char *equal = strchr(piece, '=');

        if (equal == NULL) {
            is_str(see(&r, mosn_str(piece + 1)), "", c->expected);
            continue;
        }
        *equal = '\0';
        is_str(see(&r, mosn_str(piece)), equal + 1, c->conf);
    }
    mosn_generation_unref(generation);
}


static void
refused(const char *route, const char *mistake)
{
    (void) build_route(route, mistake);
    mosn_generation_unref(generation);
}


static void
test_actions(void)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    unsigned     n = cases_run("tests/cases/actions.txt", pool, act);

    ok(n > 60, "%u cases", n);
    refused("route = { };", "exactly one of `cluster`");
    refused("route = { cluster = \"c\"; cluster_header = \"x\"; };",
            "exactly one of `cluster`");
    refused("route = { cluster = \"x\"; };", "there is no cluster \"x\"");
    refused("route = { clusters = ( { name = \"c\"; weight = 0; } ); };",
            "all weights are 0");
    refused("route = { cluster = \"c\"; prefix_rewrite = \"/\"; path_rewrite "
            "= \"/\"; };",
            "at most one of `prefix_rewrite`");
    refused("route = { cluster = \"c\"; path_rewrite = \"x\"; };",
            "must start with");
    refused("route = { cluster = \"c\"; regex_rewrite = { regex = \"(\"; "
            "substitution = \"\"; }; };",
            "is no regular expression");
    refused("route = { cluster = \"c\"; regex_rewrite = { regex = \"a\"; "
            "substitution = \"${\"; }; };",
            "substitution");
    refused("route = { cluster = \"c\"; host_rewrite = \"%nothing%\"; };",
            "there is no variable");
    refused("route = { cluster = \"c\"; host_rewrite = \"a\"; "
            "host_regex_rewrite = { regex = \"a\"; substitution = \"\"; }; };",
            "has both");
    refused("match = { template = \"/{a}\"; }; route = { cluster = \"c\"; "
            "path_rewrite = \"/{b}\"; };",
            "names a hole");
    refused("match = { template = \"/{a}\"; }; redirect = { path = "
            "\"/{b}\"; };",
            "names a hole");
    refused("respond = { }; headers = { response_set = { connection = \"x\"; "
            "}; };",
            "frames the message");
    refused("respond = { body_file = \"/no/such/file\"; };", "cannot read");
    refused("match = { variables = ( { name = \"x\"; } ); }; respond = { };",
            "there is no variable");
    refused("redirect = { };", "redirects to itself");
    mosn_pool_destroy(&pool);
}


/* --- the first that matches -----------------------------------------------
 */

static const char *
random_match(char out[256])
{
    static const char *const paths[] = { "/",   "/a", "/a/", "/a/b",
                                         "/ab", "/b", "" };
    static const char *const rests[] = {
        "",
        "",
        "",
        "methods = [\"GET\"];",
        "methods = [\"PUT\", \"POST\"];",
        "headers = ( { name = \"x\"; exact = \"1\"; } );",
        "headers = ( { name = \"y\"; invert = true; } );",
        "query = ( { name = \"q\"; } );",
        "percent = 50.0;",
        "cookies = ( { name = \"c\"; prefix = \"1\"; } );"
    };
    static const char *const regexes[] = { "^/a",    "^/a.*b$", "b",
                                           "^/[ab]", "^/a|b$",  "^/ab?" };
    static const char *const templates[] = { "/{x}", "/a/{x}", "/{x}/b",
                                             "/a/{*r}" };
    const char              *rest = rests[mosn_rand_below(MOSN_COUNT(rests))];
    const char              *path = paths[mosn_rand_below(MOSN_COUNT(paths))];

    switch (mosn_rand_below(5)) {
    case 0:
        (void) snprintf(out, 256, "path = \"%s\"; %s",
                        path[0] != '\0' ? path : "/", rest);
        break;
    case 1:
        (void) snprintf(out, 256, "path_prefix = \"%s\"; %s",
                        path[0] != '\0' ? path : "/", rest);
        break;
    case 2:
        (void) snprintf(out, 256, "path_regex = \"%s\"; %s",
                        regexes[mosn_rand_below(MOSN_COUNT(regexes))], rest);
        break;
    case 3:
        (void) snprintf(out, 256, "template = \"%s\"; %s",
                        templates[mosn_rand_below(MOSN_COUNT(templates))],
                        rest);
        break;
    default:
        (void) snprintf(out, 256, "prefix = \"%s\"; %s", path, rest);
        break;
    }
    return out;
}


/* Routes that nothing reaches are mistakes: such tables are drawn again. */
static mosn_route_table_t *
random_table(void)
{
    for (;;) {
        char                     text[8192], match[256];
        size_t                   n = 0;
        mosn_conf_t             *reader;
        mosn_route_table_conf_t *conf;

        n += (size_t) snprintf(text, sizeof(text),
                               "name = \"t\"; virtual_hosts = ( { name = "
                               "\"v\"; domains = [\"*\"]; routes = ( ");
        for (uint32_t i = 0, end = 1 + mosn_rand_below(8); i < end; i++) {
            n += (size_t) snprintf(text + n, sizeof(text) - n,
                                   "%s{ match = { %s }; respond = { }; }",
                                   i > 0 ? ", " : "", random_match(match));
        }
        (void) snprintf(text + n, sizeof(text) - n, " ); } );");
        generation = mosn_generation_create(1);
        reader = mosn_conf_create(generation->pool);
        conf = mosn_pool_calloc(generation->pool, sizeof(*conf));
        if (mosn_conf_read_text(reader, "text", text, &mosn_route_table_block,
                                conf)
            == MOSN_OK)
        {
            mosn_route_table_build(reader, generation, conf);
        }
        if (mosn_conf_n_errors(reader) == 0) {
            mosn_conf_destroy(&reader);
            return mosn_map_find(&generation->route_tables, MOSN_STR("t"));
        }
        mosn_conf_destroy(&reader);
        mosn_generation_unref(generation);
    }
}


static const mosn_route_t *
find_by_list(const mosn_virtual_host_t *host, mosn_match_input_t *in)
{
    for (uint32_t i = 0; i < host->n_routes; i++) {
        if (mosn_match_check(host->routes[i].match,
                             &host->routes[i].conf->match, in, true)
                .what
            == MOSN_MISS_NONE)
        {
            return &host->routes[i];
        }
    }
    return NULL;
}


static void
test_first(unsigned tables)
{
    static const char *const methods[] = { "GET", "PUT", "DELETE" };
    unsigned                 found = 0, requests = 0;
    bool                     same = true;

    for (unsigned i = 0; i < tables; i++) {
        mosn_route_table_t *t = random_table();

        for (int k = 0; k < 10; k++) {
            char            path[16] = "/";
            mosn_message_t *m = mosn_pool_calloc(generation->pool, sizeof(*m));
            mosn_match_input_t  in, again, third;
            const mosn_route_t *route;
            size_t              n = 1;

            for (uint32_t end = mosn_rand_below(6); n <= end; n++) {
                path[n] = "/ab"[mosn_rand_below(3)];
            }
            if (mosn_rand_below(3) == 0) {
                memcpy(path + n, "?q", 3);
                n += 2;
            }
            mosn_message_init(m, generation->pool);
            m->method = mosn_str(methods[mosn_rand_below(3)]);
            m->path = (mosn_str_t){ path, n };
            if (mosn_rand_below(2) == 0) {
                mosn_headers_add(&m->headers, MOSN_HEADER_OTHER, MOSN_STR("x"),
                                 MOSN_STR("1"));
            }
            if (mosn_rand_below(2) == 0) {
                mosn_headers_add(&m->headers, MOSN_HEADER_COOKIE,
                                 MOSN_STR("cookie"), MOSN_STR("c=12"));
            }
            mosn_match_input(&in, m, NULL);
            in.roll = mosn_rand_below(1000000);
            again = in;
            route = mosn_route_find(t->current, &in);
            third = again;
            same &= route == find_by_list(t->current->fallback, &again);
            same &= route
                    == mosn_explain_routes(t->current->fallback, &third, NULL);
            found += route != NULL;
            requests++;
        }
        mosn_generation_unref(generation);
    }
    ok(same,
       "%u requests to %u tables: the index finds what a list does, and "
       "what is explained",
       requests, tables);
    ok(found > requests / 4 && found < requests, "%u found one", found);
}


int
main(void)
{
    mosn_route_table_t *t = build(
        "name = \"t\"; virtual_hosts = ("
        "{ name = \"exact\"; domains = [\"A.example\", \"[::1]\"]; routes = "
        "( { respond = { }; } ); },"
        "{ name = \"port\"; domains = [\"a.example:81\"]; routes = "
        "( { respond = { }; } ); },"
        "{ name = \"suffix\"; domains = [\"*.example\"]; routes = "
        "( { name = \"named\"; respond = { }; } ); },"
        "{ name = \"prefix\"; domains = [\"www.*\"]; routes = "
        "( { respond = { }; } ); },"
        "{ name = \"rest\"; domains = [\"*\"]; routes = ("
        "{ match = { prefix = \"/old/\"; }; redirect = { prefix_rewrite = "
        "\"/new/\"; }; },"
        "{ match = { path = \"/go\"; }; redirect = { host = \"h\"; path = "
        "\"/p?q\"; scheme = \"https\"; }; } ); } );");
    const mosn_route_t *r;
    mosn_message_t      m = { .scheme = MOSN_STR_INIT("http"),
                              .authority = MOSN_STR_INIT("a:1"),
                              .path = MOSN_STR_INIT("/old/x?y=z") };
    char                long_host[400];

    finds(t, "a.EXAMPLE", "/", "exact[0]");
    finds(t, "a.example:80", "/", "exact[0]");
    finds(t, "a.example:81", "/", "port[0]");
    finds(t, "[::1]:80", "/", "exact[0]");
    finds(t, "x.example", "/", "named");
    finds(t, "example", "/", "none");
    finds(t, "www.other", "/", "prefix[0]");
    finds(t, "other", "/old/x", "rest[0]");
    finds(t, "", "/go?x", "rest[1]");
    finds(t, "other", "", "none");
    memset(long_host, 'a', sizeof(long_host) - 1);
    long_host[sizeof(long_host) - 1] = '\0';
    finds(t, long_host, "/go", "rest[1]");

    r = find(t, "other", "/old/x");
    is_str(mosn_route_location(r, &m, generation->pool), "/new/x?y=z",
           "prefix_rewrite keeps the rest");
    r = find(t, "other", "/go");
    is_str(mosn_route_location(r, &m, generation->pool), "https://h/p?q",
           "scheme, host and path");
    mosn_generation_unref(generation);
    test_actions();
    test_first(10000);
    mosn_pool_release_cache();
    return done_testing();
}
