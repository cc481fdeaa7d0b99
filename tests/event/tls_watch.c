/* tests/event/tls_watch.c - files that change, and who hears of it. */

#include "tap.h"
#include "event/tls_watch.c"

typedef struct {
    mosn_tls_watch_t watch;
    char             has[64]; /* all of its files */
} thing_t;

static char dir[] = "/tmp/mosn-test-XXXXXX";


static mosn_str_t
path(mosn_pool_t *pool, const char *name)
{
    return mosn_pool_printf(pool, "%s/%s", dir, name);
}


static void
put(const char *name, const char *text)
{
    char  to[100];
    FILE *out;

    (void) snprintf(to, sizeof(to), "%s/%s", dir, name);
    (void) unlink(to);
    out = fopen(to, "w");
    if (out != NULL) {
        (void) fputs(text, out);
        (void) fclose(out);
    }
}


static const char *
refuse(mosn_tls_watch_t *watch, const mosn_tls_bytes_t *bytes)
{
    (void) watch;
    return bytes->n[0] > 0 && bytes->at[0][0] == '!' ? "it begins with !"
                                                     : NULL;
}


static const char *
change(mosn_tls_watch_t *watch, const mosn_tls_bytes_t *bytes)
{
    thing_t *t = mosn_container_of(watch, thing_t, watch);
    size_t   n = 0;

    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        if (bytes->at[i] != NULL) {
            n += (size_t) snprintf(t->has + n, sizeof(t->has) - n, "%.*s|",
                                   (int) bytes->n[i], bytes->at[i]);
        }
    }
    t->has[n] = '\0';
    return NULL;
}


static void
describe(const mosn_tls_watch_t *watch, char *text, size_t room)
{
    (void) watch;
    (void) snprintf(text, room, "fine");
}

static const mosn_tls_watch_ops_t ops = {
    .what = "thing", .refuse = refuse, .change = change, .describe = describe
};
static const mosn_tls_watch_ops_t other_ops = {
    .what = "other", .refuse = refuse, .change = change, .describe = describe
};


static void
start(thing_t *t, const mosn_tls_watch_ops_t *of)
{
    mosn_tls_bytes_t bytes;

    is_num(mosn_tls_watch_read(&t->watch, &bytes), -1, "its files are read");
    (void) change(&t->watch, &bytes);
    mosn_tls_watch_start(&t->watch, of, &bytes);
}


/* What this process has found, as if another one had. */
static int
look(void)
{
    static uint64_t now = 1000;

    return mosn_tls_watch_look(now += 1000, 1000);
}


/* The next image of a process: it starts with what was in force, though the
 * files are others by now, and finds that out at its first look. */
static void
check_way_back(thing_t *a)
{
    int              fd = memfd_create("test", MFD_CLOEXEC);
    thing_t          next = { 0 };
    struct stat      st;
    mosn_tls_bytes_t bytes;
    char            *all;

    memcpy(next.watch.paths, a->watch.paths, sizeof(next.watch.paths));
    ok(mosn_tls_watch_write(fd) && fstat(fd, &st) == 0, "all is written down");
    all = mosn_alloc((size_t) st.st_size + 1);
    ok(pread(fd, all, (size_t) st.st_size, 0) == st.st_size, "and read");
    (void) close(fd);
    mosn_tls_watch_end(&a->watch);
    put("x", "later");
    mosn_tls_files_give((mosn_str_t){ all, (size_t) st.st_size });
    free(all);
    is_num(mosn_tls_watch_read(&next.watch, &bytes), -1, "it is all there");
    (void) change(&next.watch, &bytes);
    is_str(mosn_str(next.has), "better|new|", "as it was in force");
    mosn_tls_watch_start(&next.watch, &ops, &bytes);
    mosn_tls_files_drop();
    fd = look();
    ok(fd != -1, "a look finds that the files are others");
    (void) close(fd);
    is_str(mosn_str(next.has), "later|new|", "and takes them");
    mosn_tls_watch_end(&next.watch);
    put("x", "better");
    is_num(mosn_tls_watch_read(&a->watch, &bytes), -1, "back");
    (void) change(&a->watch, &bytes);
    mosn_tls_watch_start(&a->watch, &ops, &bytes);
}


int
main(void)
{
    mosn_pool_t     *pool;
    thing_t          a = { 0 }, twin, one = { 0 };
    mosn_tls_bytes_t bytes;
    int              fd;

    if (mkdtemp(dir) == NULL) {
        abort();
    }
    pool = mosn_pool_create(MOSN_POOL_CONF);
    put("x", "X");
    put("y", "Y");
    put("z", "Z");
    a.watch.paths[0] = path(pool, "x");
    a.watch.paths[1] = path(pool, "y");
    twin = a;
    one.watch.paths[0] = path(pool, "z");
    start(&a, &ops);
    start(&one, &other_ops);
    start(&twin, &ops);
    ok(mosn_tls_watch_next(NULL, &ops) == &a.watch
           && mosn_tls_watch_next(&a.watch, &ops) == &twin.watch
           && mosn_tls_watch_next(&twin.watch, &ops) == NULL,
       "those of a kind, in order");
    is_num(look(), -1, "nothing has changed");

    put("y", "new");
    is_num(mosn_tls_watch_look(2500, 1000), -1, "not yet looked");
    fd = look();
    ok(fd != -1, "a change");
    is_str(mosn_str(a.has), "X|new|", "all of its files");
    is_str(mosn_str(one.has), "Z|", "others are what they were");
    is_num(a.watch.changes, 1, "counted");

    /* Another process: what is made of the same files takes it, wherever in
     * the list it stands. */
    a.has[0] = twin.has[0] = one.has[0] = '\0';
    is_num(mosn_tls_watch_read(&a.watch, &bytes), -1, "they are read");
    mosn_tls_watch_end(&a.watch);
    mosn_tls_watch_start(&a.watch, &ops, &bytes);
    mosn_tls_watch_take(fd);
    is_str(mosn_str(a.has), "X|new|", "passed on");
    is_str(mosn_str(twin.has), "X|new|", "to each of these files");
    is_str(mosn_str(one.has), "", "and no other");

    put("x", "!");
    is_num(look(), -1, "one that does not hold");
    ok(a.watch.failing && a.watch.why[0] != '\0', "may be half written");
    is_num(look(), -1, "is looked at again");
    is_str(mosn_str(a.watch.why), "it begins with !", "and says why");
    is_str(mosn_str(a.has), "X|new|", "the old stays");
    put("x", "better");
    fd = look();
    ok(fd != -1 && a.watch.why[0] == '\0', "until it holds");
    is_str(mosn_str(a.has), "better|new|", "then it is taken");
    (void) close(fd);

    /* Written again as it was, or as it was before it was found to be bad. */
    put("x", "better");
    a.has[0] = '\0';
    is_num(look(), -1, "the same again is no change");
    is_str(mosn_str(a.has), "", "and not taken");

    check_way_back(&a);
    (void) close(look()); /* the twin's */

    put("z", "");
    fd = look();
    ok(fd != -1, "an empty one");
    is_str(mosn_str(one.has), "|", "is one, too");
    a.has[0] = '\0';
    mosn_tls_watch_take(fd);
    is_str(mosn_str(a.has), "", "of which others hear nothing");

    (void) unlink(path(pool, "z").at);
    is_num(look(), -1, "one that is gone");
    is_num(mosn_tls_watch_read(&one.watch, &bytes), 0, "cannot be read");
    mosn_tls_watch_end(&a.watch);
    mosn_tls_watch_end(&one.watch);
    mosn_tls_watch_end(&twin.watch);
    ok(mosn_tls_watch_next(NULL, &ops) == NULL, "nobody is left");
    (void) unlink(path(pool, "x").at);
    (void) unlink(path(pool, "y").at);
    (void) rmdir(dir);
    mosn_pool_destroy(&pool);
    return done_testing();
}
