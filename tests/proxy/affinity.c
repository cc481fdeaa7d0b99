/* tests/proxy/affinity.c - what of a request leads to the same host. */

#include "hosts.h"

#include "proxy/affinity.c"

static const mosn_directive_t forward_directives[] = {
    MOSN_LIST(mosn_forward_conf_t, hash, &mosn_hash_block, ""),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t forward_block = {
    .doc = "",
    .size = sizeof(mosn_forward_conf_t),
    .directives = forward_directives,
};

static mosn_route_conf_t   route_conf;
static mosn_forward_conf_t forward;
static mosn_route_t        route = { .conf = &route_conf };
static mosn_conn_t         conn;
static mosn_proxy_conn_t   pc = { .conn = &conn };
static mosn_message_t      head;
static mosn_request_t      r;


/* A request of "NAME: VALUE" lines, by a client of that address. */
static void
request(mosn_cluster_t *c, const char *path, const char *peer,
        const char *lines)
{
    char *text = mosn_pool_strdup(r.pool, lines), *line;

    r = (mosn_request_t){ .pool = r.pool,
                          .pc = &pc,
                          .head = &head,
                          .path = mosn_str(path),
                          .cluster = c,
                          .route = &route };
    pc.peer = mosn_str(peer);
    mosn_message_init(&head, r.pool);
    while ((line = strsep(&text, "\n")) != NULL && *line != '\0') {
        char      *value = strstr(line, ": ");
        mosn_str_t name = { line, (size_t) (value - line) };

        mosn_headers_add(&head.headers, mosn_header_find_id(name.at, name.len),
                         name, mosn_str(value + 2));
    }
}


static mosn_pick_t
asks(const char *hash)
{
    mosn_conf_t *reader = mosn_conf_create(r.pool);
    mosn_pick_t  how = { 0 };
    char         text[300];

    forward = (mosn_forward_conf_t){ 0 };
    (void) snprintf(text, sizeof(text), "hash = ( %s );", hash);
    if (mosn_conf_read_text(reader, "text", text, &forward_block, &forward)
        != MOSN_OK)
    {
        printf("# %s\n", mosn_conf_error_text(reader, 0));
    }
    mosn_conf_destroy(&reader);
    route_conf.route = &forward;
    mosn_affinity_ask(&r, &how);
    return how;
}


static void
check_hashes(mosn_cluster_t *c)
{
    static const char *const rows[] = {
        "{ header = \"x-user\"; }",
        "{ cookie = \"user\"; }",
        "{ query = \"user\"; }",
        "{ source = true; }",
    };
    mosn_pick_t a, b;

    for (size_t i = 0; i < MOSN_COUNT(rows); i++) {
        request(c, "/p?x=1&user=a", "10.0.0.1",
                "X-User: a\nCookie: o=1; user=a\n");
        a = asks(rows[i]);
        b = asks(rows[i]);
        ok(a.has_hash && a.hash == b.hash, "%s: the same again", rows[i]);
        request(c, "/p?user=b", "10.0.0.2", "x-user: b\nCookie: user=b\n");
        b = asks(rows[i]);
        ok(b.has_hash && a.hash != b.hash, "another is another");
        request(c, "/user=b", "", "Cookie: users=b\n");
        ok(!asks(rows[i]).has_hash, "and none is none");
    }

    request(c, "/?user=q", "10.0.0.1", "x-user: a\n");
    a = asks("{ header = \"x-user\"; terminal = true; }, { source = true; }");
    b = asks("{ header = \"x-user\"; }");
    ok(a.hash == b.hash, "terminal: the rest is left aside");
    a = asks("{ header = \"x-user\"; }, { source = true; }");
    ok(a.hash != b.hash, "else it counts, too");
    b = asks("{ source = true; }, { header = \"x-user\"; }");
    ok(a.hash != b.hash, "in order");
}


static void
check_made(mosn_cluster_t *c)
{
    mosn_pick_t a, b;

    request(c, "/", "10.0.0.1", "");
    ok(!asks("{ cookie = \"user\"; }").has_hash, "without ttl none is made");
    a = asks("{ cookie = \"user\"; ttl = \"1500ms\"; path = \"/x\"; }");
    ok(a.has_hash && r.n_cookies == 1, "with it one is");
    ok(strstr(r.cookies[0].line.at, "; Path=/x; Max-Age=2; HttpOnly") != NULL
           && mosn_str_has_prefix(r.cookies[0].line, MOSN_STR("user=")),
       "the client is given it: %.*s", MOSN_STR_ARG(r.cookies[0].line));
    mosn_affinity_ask(&r, &(mosn_pick_t){ 0 });
    b = (mosn_pick_t){ 0 };
    mosn_affinity_ask(&r, &b);
    ok(a.hash == b.hash && r.n_cookies == 1, "the same for each attempt");
}


static void
check_sticky(mosn_cluster_t *c)
{
    char line[100];

    request(c, "/", "10.0.0.1", "");
    ok(!asks("").has_sticky, "a new client has no host");
    mosn_affinity_note(&r, c->hosts[1]);
    (void) snprintf(line, sizeof(line), "Cookie: %.*s\n",
                    (int) strcspn(r.sticky_cookie.at, ";"),
                    r.sticky_cookie.at);
    ok(mosn_str_has_prefix(r.sticky_cookie, MOSN_STR("to=")),
       "it is given the one that it got: %.*s", MOSN_STR_ARG(r.sticky_cookie));
    request(c, "/", "10.0.0.1", line);
    ok(asks("").has_sticky && asks("").sticky == c->hosts[1]->id,
       "which it shows again");
    mosn_affinity_note(&r, c->hosts[1]);
    is_num((long long) r.sticky_cookie.len, 0, "and is not told twice");
    mosn_affinity_note(&r, c->hosts[0]);
    ok(r.sticky_cookie.len > 0, "but of another");
    request(c, "/", "10.0.0.1", "Cookie: to=xyz\n");
    ok(!asks("").has_sticky, "what is none of ours is none");
    request(c, "/", "10.0.0.1", "Cookie: to=00000000000000001\n");
    ok(!asks("").has_sticky, "nor one that is too long");
}


int
main(void)
{
    mosn_cluster_t *c =
        hosts_cluster("sticky = { cookie = \"to\"; }; hosts = ( { address = "
                      "\"10.0.0.1:1\"; }, { address = \"10.0.0.2:1\"; } );");

    r.pool = mosn_pool_create(MOSN_POOL_CONF);
    check_hashes(c);
    check_made(c);
    check_sticky(c);
    mosn_pool_destroy(&r.pool);
    hosts_end();
    return hosts_done();
}
