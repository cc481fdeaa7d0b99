/* tests/proxy/original.c - hosts come when they are asked for, and go. */

#include "hosts.h"
#include "proxy/original.c"


static mosn_host_t *
find(mosn_cluster_t *c, unsigned n)
{
    mosn_address_t address;
    char           text[64];
    int len = snprintf(text, sizeof(text), "10.%u.%u.%u:80", n >> 16 & 255,
                       n >> 8 & 255, n & 255);

    if (!mosn_address_parse(text, (size_t) len, &address)) {
        abort();
    }
    return mosn_original_find(c, &address);
}


/* Some seconds later. */
static void
later(mosn_cluster_t *c)
{
    mosn_timer_disarm(&hosts_loop, &c->originals->sweep);
    originals_on_time(&c->originals->sweep);
}


int
main(void)
{
    mosn_cluster_t *c = hosts_cluster("discovery = \"original_dst\";");
    mosn_host_t    *one = find(c, 1), *two = find(c, 2);
    bool            all = true;

    ok(one != NULL && one != two, "an address is a host");
    ok(find(c, 1) == one && find(c, 2) == two, "the same one again");
    is_str(one->name, "10.0.0.1:80", "named as it is");
    is_num(c->originals->n, 2, "two of them");

    one->refs++; /* a request */
    later(c);
    is_num(c->originals->n, 1, "who is not used leaves after a while");
    ok(find(c, 1) == one, "who is stays");
    mosn_host_unref(one);
    later(c);
    is_num(c->originals->n, 0, "until it is not");
    ok(!mosn_timer_is_armed(&c->originals->sweep), "then nobody looks");

    for (unsigned i = 0; i < MAX; i++) {
        all &= find(c, i) != NULL;
    }
    ok(all, "so many hosts");
    ok(find(c, 5) != NULL, "they are found");
    hosts_loop.now_ms += FULL_MS;
    ok(find(c, MAX) != NULL, "one more takes the place of those at rest");
    is_num(c->originals->n, 1, "which have left");
    hosts_end();
    return hosts_done();
}
