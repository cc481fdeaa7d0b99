/* tests/proxy/router_conf.c - what a route table may not say. */

#include "tap.h"
#include "proxy/router_conf.c"


static void
refused(const char *route, const char *part)
{
    mosn_pool_t             *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t             *reader = mosn_conf_create(pool);
    mosn_route_table_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    char                     text[512];
    const char              *mistake;

    (void) snprintf(text, sizeof(text),
                    "name = \"t\"; virtual_hosts = ( { name = \"v\"; domains "
                    "= [\"*\"]; routes = ( { %s } ); } );",
                    route);
    (void) mosn_conf_read_text(reader, "text", text, &mosn_route_table_block,
                               conf);
    mistake =
        mosn_conf_n_errors(reader) > 0 ? mosn_conf_error_text(reader, 0) : "";
    if (!ok(*part == '\0' ? *mistake == '\0' : strstr(mistake, part) != NULL,
            "%s", route))
    {
        printf("# %s\n", mistake);
    }
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
}


int
main(void)
{
    refused("respond = { status = 204; };", "");
    refused("redirect = { path = \"/x\"; status = 308; };", "");
    refused("redirect = { };", "redirects to itself");
    refused("redirect = { path = \"/x\"; status = 304; };",
            "must be 301, 302, 303, 307 or 308");
    refused("redirect = { path = \"/x\"; prefix_rewrite = \"/y\"; };",
            "at most one of `path`, `prefix_rewrite`");
    refused("respond = { status = 1000; };", "status");
    refused("match = { prefx = \"/\"; }; respond = { };",
            "did you mean \"prefix\"");
    refused("match = { prefix = \"/\"; path = \"/\"; }; respond = { };",
            "at most one of `path`, `prefix`");
    return done_testing();
}
