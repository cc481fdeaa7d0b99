/* tests/host_edit.c - hosts are added, removed and set. */

#include "tap.h"
#include "../src/host_edit.c"

static mosn_pool_t     *pool;
static mosn_host_list_t hosts;


static const char *
edit(const char *verb, const char *address, const char *rest)
{
    const char *why = mosn_hosts_edit(pool, &hosts, mosn_str(verb),
                                      mosn_str(address), mosn_str(rest));

    return why != NULL ? why : "";
}


/* The same of a list that is then as it was. */
static const char *
refuse(const char *verb, const char *address, const char *rest)
{
    mosn_host_list_t was = hosts;
    mosn_host_conf_t first =
        hosts.n > 0 ? hosts.items[0] : (mosn_host_conf_t){ .weight = 0 };
    const char *why = edit(verb, address, rest);

    hosts = was;
    if (hosts.n > 0) {
        hosts.items[0] = first;
    }
    return why;
}


static void
is_text(const char *got, const char *expected, const char *name)
{
    is_str(mosn_str(got), expected, name);
}


static void
check_adding(void)
{
    is_text(edit("add", "10.0.0.1:80", ""), "", "one is added");
    is_num(hosts.items[0].weight, 1, "with a weight");
    is_num(hosts.items[0].state, MOSN_HOST_ENABLED, "it is enabled");
    is_text(edit("add", "10.0.0.1:81",
                 "weight=7 priority=2 state=drain zone=z version=v2"),
            "", "another one, with settings");
    is_num((long long) hosts.n, 2, "there are two");
    is_num(hosts.items[1].weight, 7, "weight");
    is_num(hosts.items[1].priority, 2, "priority");
    is_num(hosts.items[1].state, MOSN_HOST_DRAIN, "state");
    is_str(hosts.items[1].zone, "z", "zone");
    is_num((long long) hosts.items[1].metadata.n, 1, "the rest is metadata");
    is_str(hosts.items[1].metadata.items[0].value, "v2", "of any name");
    is_text(refuse("add", "10.0.0.1:81", ""),
            "the cluster has that host already", "twice is too often");
    is_text(refuse("add", "nowhere", ""),
            "expected an address like 10.0.0.1:80", "no address");
}


static void
check_setting(void)
{
    is_text(edit("set", "10.0.0.1:81", "version=v3 stage=a=b weight=9"), "",
            "settings change");
    is_num(hosts.items[1].weight, 9, "weight");
    is_num(hosts.items[1].priority, 2, "what is not named stays");
    is_num((long long) hosts.items[1].metadata.n, 2, "metadata grows");
    is_str(hosts.items[1].metadata.items[0].value, "v3", "or changes");
    is_str(hosts.items[1].metadata.items[1].value, "a=b", "as it is written");
    is_text(refuse("set", "10.0.0.9:1", ""), "the cluster has no such host",
            "of a stranger");
}


static void
check_wrong(void)
{
    static const char *const cases[][2] = {
        { "weight=0", "weight is a number from 1 to 10000" },
        { "weight=10001", "weight is a number from 1 to 10000" },
        { "weight=x", "weight is a number from 1 to 10000" },
        { "priority=8", "priority is a number from 0 to 7" },
        { "state=off", "state is enabled, drain or disabled" },
        { "wieght=5", "unknown setting; did you mean \"weight\"?" },
        { "priorty=5", "unknown setting; did you mean \"priority\"?" },
        { "stat=drain", "unknown setting; did you mean \"state\"?" },
        { "persist=yes", "`persist` is no metadata: mosnctl takes --persist, "
                         "the admin address ?persist" },
        { "weight", "expected NAME=VALUE" },
        { "=5", "expected NAME=VALUE" },
        { "a=b weight=", "weight is a number from 1 to 10000" },
    };

    for (size_t i = 0; i < MOSN_COUNT(cases); i++) {
        is_text(refuse("set", "10.0.0.1:80", cases[i][0]), cases[i][1],
                cases[i][0]);
    }
    is_text(refuse("set", "10.0.0.1:80", "stat=on"), "",
            "near to `state`, but not its value");
    is_text(refuse("move", "10.0.0.1:80", ""), "expected add, set or remove",
            "another verb");
}


static void
check_removing(void)
{
    is_text(refuse("remove", "10.0.0.1:80", "state=drain"),
            "a host that is removed has no settings", "nor is it drained");
    is_text(edit("remove", "10.0.0.1:80", ""), "", "the first one goes");
    is_num((long long) hosts.n, 1, "one is left");
    is_num(hosts.items[0].weight, 9, "the other one");
    is_text(refuse("remove", "10.0.0.1:81", ""),
            "it is the last host; disable it instead", "which stays");
}


int
main(void)
{
    pool = mosn_pool_create(MOSN_POOL_CONF);
    check_adding();
    check_setting();
    check_wrong();
    check_removing();
    mosn_pool_destroy(&pool);
    return done_testing();
}
