/* tests/proxy/cluster_conf.c - settings of clusters that make no sense. */

#include "tap.h"
#include "proxy/cluster_conf.c"

static mosn_pool_t *pool;

#define HOST "hosts = ( { address = \"127.0.0.1:1\"; } );"
#define NAME "hosts = ( { name = \"a.example:1\"; } );"


/* `mistake` NULL: there is none. */
static void
reads(const char *text, const char *mistake)
{
    mosn_conf_t         *reader = mosn_conf_create(pool);
    mosn_cluster_conf_t *conf = mosn_pool_calloc(pool, sizeof(*conf));
    char                 whole[1000];
    const char          *is = "";

    (void) snprintf(whole, sizeof(whole), "%s%s",
                    strstr(text, "name = \"c") == text ? "" : "name = \"c\"; ",
                    text);
    (void) mosn_conf_read_text(reader, "text", whole, &mosn_cluster_block,
                               conf);
    if (mosn_conf_n_errors(reader) > 0) {
        is = mosn_conf_error_text(reader, 0);
    }
    if (!ok(mistake == NULL ? *is == '\0' : strstr(is, mistake) != NULL,
            "%s: %.200s", mistake == NULL ? "fine" : "refused", text))
    {
        printf("# %s\n", is);
    }
    mosn_conf_destroy(&reader);
}


int
main(void)
{
    static const char *const alone[] = { HOST, "outlier_detection = { };",
                                         "health_check = { };",
                                         "sticky = { };",
                                         "subset_selectors = ( [\"v\"] );" };
    char                     text[400], name[300];

    pool = mosn_pool_create(MOSN_POOL_CONF);
    reads(HOST, NULL);
    reads("", "hosts is missing");
    reads("hosts = ( { } );", "needs `address` or `name`");
    reads("discovery = \"strict_dns\"; " NAME, NULL);
    reads("discovery = \"logical_dns\"; " NAME, NULL);
    reads("discovery = \"strict_dns\"; hosts = ( { name = \"_a._tcp.b\"; } );",
          NULL);
    reads("discovery = \"strict_dns\"; hosts = ( { name = \"[::1]:1\"; } );",
          NULL);
    reads("discovery = \"strict_dns\"; " HOST, "needs a `name`");
    reads(NAME, "without `discovery` names are not resolved");
    reads("discovery = \"strict_dns\"; hosts = ( { name = \"a:1\"; address = "
          "\"127.0.0.1:1\"; } );",
          "needs a `name`");
    reads("discovery = \"strict_dns\"; hosts = ( { name = \"a\"; } );",
          "expected \"name:port\"");
    reads("discovery = \"strict_dns\"; hosts = ( { name = \"a:0\"; } );",
          "expected \"name:port\"");
    reads("discovery = \"strict_dns\"; hosts = ( { name = \"a:65536\"; } );",
          "expected \"name:port\"");
    reads("discovery = \"strict_dns\"; hosts = ( { name = \":80\"; } );",
          "expected \"name:port\"");

    reads("discovery = \"original_dst\";", NULL);
    reads("name = \"c d\"; discovery = \"original_dst\";", "no blanks");
    for (size_t i = 0; i < MOSN_COUNT(alone); i++) {
        (void) snprintf(text, sizeof(text), "discovery = \"original_dst\"; %s",
                        alone[i]);
        reads(text, "does not go with");
    }

    reads("subset_fallback = \"default\"; " HOST, "needs `default_subset`");
    reads("health_check = { statuses = [\"20x\"]; }; " HOST,
          "expected a status");
    reads("health_check = { statuses = [\"299-200\"]; }; " HOST,
          "expected a status");
    reads("health_check = { statuses = [\"2000\"]; }; " HOST,
          "expected a status");
    reads("health_check = { statuses = [\"200-299\", \"404\"]; }; " HOST,
          NULL);
    reads("name = \"c d\"; " HOST, "no blanks");
    memset(name, 'c', sizeof(name));
    name[255] = '\0';
    (void) snprintf(text, sizeof(text), "name = \"%s\"; " HOST, name);
    reads(text, NULL);
    name[255] = 'c';
    name[256] = '\0';
    (void) snprintf(text, sizeof(text), "name = \"%s\"; " HOST, name);
    reads(text, "at most 255 bytes");
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
