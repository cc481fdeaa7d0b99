/* hash_keys.h - what balancers by hash have in common. */

#ifndef HASH_KEYS_H
#define HASH_KEYS_H

#include "hosts.h"

#define N_KEYS 20000

#define MANY_KEYS 200000 /* so many that chance is not seen */

static unsigned key_at[MANY_KEYS];


static unsigned
key_pick_but(mosn_cluster_t *c, unsigned key, mosn_host_t *avoid)
{
    mosn_pick_t how = { .hash = (key + 1) * 0x9e3779b97f4a7c15u,
                        .has_hash = true,
                        .avoid = avoid };

    return hosts_number(c, mosn_cluster_pick(c, &how));
}


static unsigned
key_pick(mosn_cluster_t *c, unsigned key)
{
    return key_pick_but(c, key, NULL);
}


/* Of hosts of three weights, one leaves. */
static void
hash_weighty(const char *lb, int64_t heavy, unsigned who)
{
    char            text[1024];
    unsigned        moved = 0, lost = 0;
    mosn_cluster_t *c;

    (void) snprintf(text, sizeof(text),
                    "lb = \"%s\"; table_size = 131072; hosts = ( { address = "
                    "\"10.0.0.1:1\"; }, { address = \"10.0.0.2:1\"; weight = "
                    "2; }, { address = \"10.0.0.3:1\"; weight = %lld; } );",
                    lb, (long long) heavy);
    c = hosts_cluster(text);
    for (unsigned i = 0; i < N_KEYS; i++) {
        key_at[i] = key_pick(c, i);
        lost += key_at[i] == who;
    }
    hosts_set_bad(c, who, true);
    for (unsigned i = 0; i < N_KEYS; i++) {
        moved += key_pick(c, i) != key_at[i];
    }
    ok(moved == lost,
       "of weights 1, 2 and %lld number %u leaves: %u keys "
       "move, it had %u",
       (long long) heavy, who, moved, lost);
    hosts_end();
}


/* The file's hosts without number `without`, or all of them. */
static mosn_cluster_t *
hash_equal(const char *lb, unsigned n, unsigned without)
{
    char   text[8192];
    size_t len = (size_t) snprintf(
        text, sizeof(text),
        "lb = \"%s\"; ring_points = 16384; table_size = 1048576; hosts = (",
        lb);

    for (unsigned i = 0; i < n; i++) {
        if (i != without) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "%s{ address = \"10.0.0.1:%u\"; }",
                                     text[len - 1] == '(' ? " " : ", ", i + 1);
        }
    }
    (void) snprintf(text + len, sizeof(text) - len, " );");
    return hosts_cluster(text);
}


/* Each of n hosts, one after the other, is taken out of the cluster: a key
 * moves once, when its own host goes, which makes 1/n of them each time, as
 * near as shares are to what hosts weigh. */
static void
hash_without(const char *lb, unsigned n)
{
    unsigned moved = 0, most = 0, strays = 0;

    for (unsigned who = 0; who < n; who++) {
        mosn_cluster_t *c = hash_equal(lb, n, n);
        unsigned        before = moved;

        for (unsigned i = 0; i < MANY_KEYS; i++) {
            key_at[i] = key_pick(c, i);
        }
        hosts_end();
        c = hash_equal(lb, n, who);
        for (unsigned i = 0; i < MANY_KEYS; i++) {
            unsigned at = key_pick(c, i);

            at += at >= who;
            moved += at != key_at[i];
            strays += at != key_at[i] && key_at[i] != who;
        }
        hosts_end();
        most = moved - before > most ? moved - before : most;
    }
    is_num(strays, 0, "of hosts that stay no key goes away");
    is_num(moved, MANY_KEYS, "each key moves when its host goes");
    ok(most < MANY_KEYS / n * 1.02,
       "one of %u taken out: %u of %u keys move, %u at most", n, moved / n,
       MANY_KEYS, most);
}


/* With n hosts and one fewer. */
static void
hash_keys(const char *lb, unsigned n)
{
    char            text[8192], hosts[4096];
    unsigned        moved = 0, wrong = 0, lost = 0, shares[64];
    static unsigned second[N_KEYS];
    mosn_cluster_t *c;

    (void) snprintf(text, sizeof(text), "lb = \"%s\"; table_size = 131072; %s",
                    lb, hosts_equal(hosts, sizeof(hosts), n));
    c = hosts_cluster(text);
    for (unsigned i = 0; i < 64; i++) {
        shares[i] = 1;
    }
    hosts_shares(c, 100000, shares, "equal hosts have equal shares");
    for (unsigned i = 0; i < N_KEYS; i++) {
        key_at[i] = key_pick(c, i);
        wrong += key_pick(c, i) != key_at[i];
        lost += key_at[i] == 3;
        second[i] = key_pick_but(c, i, c->hosts[3]);
    }
    is_num(wrong, 0, "a key has its host");
    hosts_set_bad(c, 3, true);
    for (unsigned i = 0; i < N_KEYS; i++) {
        moved += key_pick(c, i) != key_at[i];
        wrong += key_pick(c, i) != second[i];
    }
    is_num(wrong, 0, "who avoids a host goes where all go when it fails");
    ok(moved == lost,
       "one of %u hosts fails: %u of %u keys move, just what it had", n, moved,
       N_KEYS);
    hosts_set_bad(c, 3, false);
    for (unsigned i = 0; i < N_KEYS; i++) {
        wrong += key_pick(c, i) != key_at[i];
    }
    is_num(wrong, 0, "it comes back, and so do they");
    hosts_end();

    (void) snprintf(text, sizeof(text),
                    "lb = \"%s\"; table_size = 131072; hosts = ( { address = "
                    "\"10.0.0.1:1\"; weight = 5; }, { address = "
                    "\"10.0.0.2:1\"; weight = 3; }, { address = "
                    "\"10.0.0.3:1\"; weight = 2; } );",
                    lb);
    c = hosts_cluster(text);
    shares[0] = 5;
    shares[1] = 3;
    shares[2] = 2;
    hosts_shares(c, 100000, shares, "shares by weight");
    {
        mosn_pick_t how = { .hash = 77, .has_hash = true };

        how.avoid = mosn_cluster_pick(c, &how);
        ok(mosn_cluster_pick(c, &how) != how.avoid, "one is avoided");
    }
    hosts_end();
    hash_without(lb, n);
    hash_weighty(lb, 5, 2);
    hash_weighty(lb, 5, 0);
    hash_weighty(lb, 10000, 2); /* within a moment */
}


#endif
