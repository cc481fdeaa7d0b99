/* tests/event/chain.c - the closest chain. */

#include "tap.h"
#include "event/chain.c"

static mosn_str_t names_a[] = { MOSN_STR_INIT("a.test") };
static mosn_str_t names_w[] = { MOSN_STR_INIT("*.test"),
                                MOSN_STR_INIT("*.b.test") };
static mosn_str_t h2[] = { MOSN_STR_INIT("h2") };

static mosn_chain_conf_t chains[] = {
    { .match = { .transport_protocol = MOSN_TRANSPORT_RAW } },
    { .match = { .server_names = { names_w, 2 } } },
    { .match = { .server_names = { names_a, 1 } } },
    { .match = { .server_names = { names_a, 1 },
                 .application_protocols = { h2, 1 } } },
    { .match = { .transport_protocol = MOSN_TRANSPORT_TLS } },
};


static long long
chosen(bool tls, const char *name, const char *alpn)
{
    mosn_chains_conf_t       all = { chains, MOSN_COUNT(chains) };
    mosn_client_hello_t      hello = { tls, mosn_str(name), mosn_str(alpn) };
    const mosn_chain_conf_t *chain = mosn_chains_choose(&all, &hello);

    return chain == NULL ? -1 : chain - chains;
}


static void
check_names(void)
{
    mosn_pool_t       *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t       *reader = mosn_conf_create(pool);
    mosn_chains_conf_t all = { chains, 3 };

    chains[1].name = MOSN_STR("b");
    ok(mosn_chains_find(&all, MOSN_STR("0")) == &chains[0], "by its place");
    ok(mosn_chains_find(&all, MOSN_STR("b")) == &chains[1], "by its name");
    ok(mosn_chains_find(&all, MOSN_STR("1")) == NULL, "not by both");
    ok(mosn_chains_find(&all, MOSN_STR("3")) == NULL, "nobody");
    ok(mosn_chains_find(&all, MOSN_STR("")) == NULL, "nor without a name");
    mosn_chains_check_names(reader, &all);
    is_num((long long) mosn_conf_n_errors(reader), 0, "all are different");
    chains[1].name = MOSN_STR("2");
    mosn_chains_check_names(reader, &all);
    is_num((long long) mosn_conf_n_errors(reader), 1, "two of one name");
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
}


int
main(void)
{
    mosn_chain_conf_t  one = { 0 };
    mosn_chains_conf_t single = { &one, 1 };

    is_num(chosen(false, "", ""), 0, "plain text");
    is_num(chosen(true, "x.test", ""), 1, "a wildcard");
    is_num(chosen(true, "a.test", ""), 2, "an exact name is closer");
    is_num(chosen(true, "a.test", "\x02h2"), 3, "and with its protocol");
    is_num(chosen(true, "a.b.test", "\x02h2"), 1, "the wildcard again");
    is_num(chosen(true, "other", ""), 4, "TLS for anybody else");
    is_num(chosen(true, "", ""), 4, "and for nobody");
    chains[4].match.transport_protocol = MOSN_TRANSPORT_RAW;
    is_num(chosen(true, "other", ""), -1, "no chain at all");
    ok(!mosn_chains_inspect(&single), "one for all needs no look");
    one.match.server_names = (mosn_strs_t){ names_a, 1 };
    ok(mosn_chains_inspect(&single), "one with a match does");
    check_names();
    return done_testing();
}
