/* tests/proxy/match.c - what a route asks of a request. */

#include "tap.h"
#include "cases.h"
#include "proxy/match.c"

static mosn_pool_t *pool;


static mosn_match_t *
build(const char *text, mosn_match_conf_t **conf_r, const char *mistake)
{
    mosn_conf_t       *reader = mosn_conf_create(pool);
    mosn_match_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    mosn_match_t      *match = NULL;

    if (mosn_conf_read_text(reader, "text", text, &mosn_match_block, conf)
        == MOSN_OK)
    {
        match = mosn_match_build(reader, pool, conf);
    }
    if (mistake != NULL || mosn_conf_n_errors(reader) > 0) {
        const char *is = mosn_conf_n_errors(reader) > 0
                             ? mosn_conf_error_text(reader, 0)
                             : "";

        if (!ok(mistake != NULL && strstr(is, mistake) != NULL, "%s", text)) {
            printf("# %s\n", is);
        }
    }
    mosn_conf_destroy(&reader);
    *conf_r = conf;
    return match;
}


static void
run(case_t *c)
{
    mosn_match_conf_t *conf;
    mosn_match_t *match = build(c->conf[0] == '-' ? "" : c->conf, &conf, NULL);
    mosn_match_input_t once = c->input;
    mosn_miss_t        miss = mosn_match_check(match, conf, &once, true);
    const char        *is =
        miss.what == MOSN_MISS_NONE ? "yes" : mosn_miss_names[miss.what];
    mosn_route_key_e how;
    mosn_str_t       key = mosn_match_path(pool, conf, &how);

    if (!ok(strcmp(is, c->expected) == 0, "%u: %s | %s", c->line, c->conf,
            c->text))
    {
        printf("# is %s, expected %s\n", is, c->expected);
    }
    /* The index must not hide what matches. */
    if (miss.what == MOSN_MISS_NONE
        && (how == MOSN_ROUTE_WHOLE
                ? !mosn_str_equal(key, c->input.path)
                : !mosn_str_has_prefix(c->input.path, key)
                      || (how == MOSN_ROUTE_PARTS
                          && c->input.path.len > key.len
                          && c->input.path.at[key.len] != '/')))
    {
        ok(false, "%u: its key \"%.*s\" is no beginning of the path", c->line,
           MOSN_STR_ARG(key));
    }
}


static void
refused(const char *text, const char *mistake)
{
    mosn_match_conf_t *conf;

    (void) build(text, &conf, mistake);
}


int
main(void)
{
    unsigned n;

    pool = mosn_pool_create(MOSN_POOL_CONF);
    n = cases_run("tests/cases/match.txt", pool, run);
    ok(n > 200, "%u cases", n);

    refused("service_regex = \"(\";", "is no regular expression");
    refused("path_regex = \"(\";", "is no regular expression");
    refused("headers = ( { name = \"a\"; exact = \"\"; regex = \"b\"; } );",
            "at most one of `exact`");
    refused("headers = ( { name = \"a\"; regex = \"[\"; } );",
            "is no regular expression");
    refused("headers = ( { name = \"a\"; exact = \"x\"; present = false; } );",
            "has no value");
    refused("query = ( { name = \"a\"; ignore_case = true; } );",
            "is for `exact`");
    refused("cookies = ( { name = \"a\"; range = { from = 2; to = 1; }; } );",
            "no number is from 2 to 1");
    refused("path = \"/\"; service = \"a\";", "name either that or the path");
    refused("path = \"/\"; prefix = \"/\";", "at most one of `path`");
    refused("service = \"a\"; service_regex = \"a\";", "has both");
    refused("source_addresses = [\"10.0.0.0/33\"];", "is no address");
    refused("source_addresses = [\"x\"];", "is no address");
    refused("path_prefix = \"api\";", "must start with \"/\"");
    refused("template = \"users/{id}\";", "must start with \"/\"");
    refused("template = \"/users/{id\";", "without its \"}\"");
    refused("template = \"/users/x{id}\";", "whole segment");
    refused("template = \"/a/{*x}/b\";", "stands at the end");
    refused("template = \"/{a}/{a}\";", "two holes of one name");
    refused("template = \"/{}\";", "letters, digits");
    refused("percent = 101.0;", "percent");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
