/* tests/proto/path.c - other spellings of a path. */

#include "tap.h"
#include "proto/path.c"

static mosn_pool_t *pool;


static void
is_path(const char *from, const char *to, bool merge)
{
    char name[128];

    (void) snprintf(name, sizeof(name), "%s is %s", from, to);
    is_str(mosn_path_normalize(mosn_str(from), merge, pool), to, name);
}


int
main(void)
{
    const char *same[] = { "/",          "/a/b",   "/a/b/",  "/a%2Fb",
                           "/a?b=/../c", "/a%20b", "/a%",    "/a%4",
                           "/a%zz",      "*",      "",       "/a.b/c..",
                           "/...",       "/..a",   "//a//b", "/%00",
                           "/a%3fb",     "/a?%61" };

    pool = mosn_pool_create(MOSN_POOL_CONF);
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        is_path(same[i], same[i], false);
    }
    is_path("/%61dmin", "/admin", false);
    is_path("/a%2db%2E%5f%7e", "/a-b._~", false);
    is_path("/x/../admin", "/admin", false);
    is_path("/x/%2e%2E/admin?q=../y", "/admin?q=../y", false);
    is_path("/../../a", "/a", false);
    is_path("/a/./b/.", "/a/b/", false);
    is_path("/a/b/..", "/a/", false);
    is_path("/a/b/../", "/a/", false);
    is_path("/..", "/", false);
    is_path("/.", "/", false);
    is_path("/a//../b", "/a/b", false);
    is_path("//a///b//", "/a/b/", true);
    is_path("/a//b?c//d", "/a/b?c//d", true);
    is_path("/a/.//../b", "/b", true);
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
