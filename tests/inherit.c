/* tests/inherit.c - the state of the master survives being text. */

#include "tap.h"
#include "../src/inherit.c"

int
main(void)
{
    mosn_pool_t          *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_inherit_socket_t sockets[2] = {
        { .slot = 0, .fd = 7 }, { .slot = 1, .fd = 8, .single = true }
    };
    mosn_inherit_child_t  child = { .pid = 123,
                                    .row = 5,
                                    .channel = 11,
                                    .slot = 1,
                                    .generation = 9,
                                    .started_ms = 40000000000ll };
    mosn_inherit_post_t   post = { .slot = -1,
                                   .restarts = 2,
                                   .how = MOSN_STR_INIT("a \"b\"\n") };
    mosn_str_t            env = MOSN_STR("A=b \\ \"c\"\n\x01");
    mosn_inherit_t        s = { .format = MOSN_INHERIT_FORMAT,
                                .generation = 9,
                                .started_ms = 40000000000ll,
                                .conf_fd = 14,
                                .conf_path = MOSN_STR_INIT(""),
                                .program = MOSN_STR_INIT("/p"),
                                .control_path = MOSN_STR_INIT(""),
                                .pid_file = MOSN_STR_INIT(""),
                                .error_log = MOSN_STR_INIT("stderr"),
                                .client_fd = -1,
                                .control_fd = 12,
                                .wish = 2 };
    const mosn_inherit_t *r;
    const char           *why;
    int                   fd;

    (void) mosn_address_parse("127.0.0.1:80", 12, &sockets[0].address);
    (void) mosn_address_parse("unix:/x", 7, &sockets[1].address);
    s.sockets.items = sockets;
    s.sockets.n = 2;
    s.children.items = &child;
    s.children.n = 1;
    s.posts.items = &post;
    s.posts.n = 1;
    s.environment.items = &env;
    s.environment.n = 1;

    fd = mosn_inherit_write(&s);
    ok(fd >= 0, "written");
    r = mosn_inherit_read(fd, pool, &why);
    ok(r != NULL, "read: %s", why != NULL ? why : "fine");
    if (r == NULL) {
        return done_testing();
    }
    is_num(r->generation, 9, "a number");
    is_num(r->started_ms, 40000000000ll, "a large one");
    ok(r->wish == 2 && !r->upgrade, "flags");
    is_num(r->conf_fd, 14, "a descriptor");
    is_str(r->environment.items[0], "A=b \\ \"c\"\n\x01",
           "an environment, whatever is in it");
    is_num((long long) r->sockets.n, 2, "sockets");
    ok(mosn_address_equal(&r->sockets.items[1].address, &sockets[1].address)
           && r->sockets.items[1].single,
       "a unix socket");
    is_num(r->children.items[0].started_ms, 40000000000ll, "a child");
    is_str(r->posts.items[0].how, "a \"b\"\n", "how one ended");
    ok(mosn_inherit_has_fd(r, 7) && mosn_inherit_has_fd(r, 11)
           && mosn_inherit_has_fd(r, 12) && !mosn_inherit_has_fd(r, 13),
       "its descriptors are known");

    (void) !ftruncate(fd, 20);
    ok(mosn_inherit_read(fd, pool, &why) == NULL && why != NULL,
       "half of it is refused: %s", why);
    ok(mosn_inherit_read(-1, pool, &why) == NULL && why != NULL,
       "none of it is refused: %s", why);
    (void) close(fd);
    s.format = MOSN_INHERIT_FORMAT + 1;
    fd = mosn_inherit_write(&s);
    ok(mosn_inherit_read(fd, pool, &why) == NULL
           && strstr(why, "format") != NULL,
       "another format is refused");
    (void) close(fd);

    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
