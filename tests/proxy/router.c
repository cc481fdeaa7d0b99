/* tests/proxy/router.c - virtual hosts, rewrites, locations. */

#include "tap.h"
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

    return mosn_route_find(t, &m, NULL);
}


static void
finds(const mosn_route_table_t *t, const char *host, const char *path,
      const char *expected)
{
    const mosn_route_t *r = find(t, host, path);

    is_str(r != NULL ? r->name : MOSN_STR("none"), expected, host);
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
    return done_testing();
}
