/* tests/proxy/cluster.c - building clusters, and what is wrong with them. */

#include "tap.h"
#include "proxy/cluster.c"

static mosn_generation_t *generation;


/* The first mistake, or "". */
static const char *
build(const char *text)
{
    static char          mistake[512];
    mosn_conf_t         *reader = mosn_conf_create(generation->pool);
    mosn_cluster_conf_t *conf =
        mosn_pool_calloc(generation->pool, sizeof(*conf));

    if (mosn_conf_read_text(reader, "text", text, &mosn_cluster_block, conf)
        == MOSN_OK)
    {
        mosn_cluster_build(reader, generation, conf);
    }
    (void) snprintf(
        mistake, sizeof(mistake), "%s",
        mosn_conf_n_errors(reader) > 0 ? mosn_conf_error_text(reader, 0) : "");
    mosn_conf_destroy(&reader);
    return mistake;
}


static void
refused(const char *text, const char *part, const char *name)
{
    const char *mistake = build(text);

    if (!ok(strstr(mistake, part) != NULL, "%s", name)) {
        printf("# %s\n", mistake);
    }
}


int
main(void)
{
    mosn_loop_t     loop;
    mosn_cluster_t *c;
    mosn_conf_t    *reader;
    mosn_str_t      wanted = MOSN_STR("frist");

    generation = mosn_generation_create(1);
    is_str(mosn_str(build("name = \"first\"; hosts = ( { address = "
                          "\"127.0.0.1:1\"; } );")),
           "", "one host");
    is_str(mosn_str(build("name = \"two\"; lb = \"weighted_round_robin\"; "
                          "hosts = ( { address = \"127.0.0.1:1\"; weight = 3; "
                          "}, { address = \"127.0.0.1:2\"; } );")),
           "", "two hosts");
    refused("name = \"two\"; hosts = ( { address = \"127.0.0.1:1\"; } );",
            "already", "a name twice");
    refused("name = \"x\"; hosts = ( );", "at least one host", "no host");
    refused("name = \"y\"; hosts = ( { address = \"127.0.0.1:1\"; }, "
            "{ address = \"127.0.0.1:1\"; } );",
            "has a host 127.0.0.1:1 already", "a host twice");
    refused("name = \"z\"; lb = \"rr\"; hosts = ( { address = "
            "\"127.0.0.1:1\"; } );",
            "there are: ", "an unknown balancer: the known ones are told");

    reader = mosn_conf_create(generation->pool);
    ok(mosn_cluster_resolve(reader, generation, &wanted) == NULL
           && strstr(mosn_conf_error_text(reader, 0), "did you mean \"first\"")
                  != NULL,
       "the nearest name is told");
    wanted = MOSN_STR("first");
    c = mosn_cluster_resolve(reader, generation, &wanted);
    ok(c != NULL
           && mosn_cluster_pick(c, &(mosn_pick_t){ .avoid = c->hosts[0] })
                  == c->hosts[0],
       "the only host is picked even when it is to be avoided");
    mosn_conf_destroy(&reader);

    mosn_generation_unref(generation);
    generation = mosn_generation_create(2);
    is_str(mosn_str(build("name = \"w\"; lb = \"weighted_round_robin\"; "
                          "hosts = ( { address = \"127.0.0.1:1\"; weight = 3; "
                          "}, { address = \"127.0.0.1:2\"; } );")),
           "", "again");
    (void) mosn_loop_init(&loop);
    mosn_clusters_start(generation, &loop);
    c = mosn_map_find(&generation->clusters, MOSN_STR("w"));
    {
        int first = 0;

        for (int i = 0; i < 40; i++) {
            first += mosn_cluster_pick(c, NULL) == c->hosts[0];
        }
        is_num(first, 30, "three of four by weight");
    }
    mosn_clusters_stop(generation);
    ok(c->hosts[0]->pool.closed && c->hosts[1]->pool.closed,
       "pools of a stopped cluster are closed");
    mosn_loop_fini(&loop);
    mosn_generation_unref(generation);
    mosn_pool_release_cache();
    return done_testing();
}
