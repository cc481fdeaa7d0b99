/* tests/proxy/host_group.c - subsets, priorities, zones, panic. */

#include "hosts.h"
#include "proxy/host_group.c"


static void
priorities(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "hosts = ( { address = \"10.0.0.1:1\"; }, { address = "
        "\"10.0.0.2:1\"; }, { address = \"10.0.0.3:1\"; }, { address = "
        "\"10.0.0.4:1\"; priority = 1; }, { address = \"10.0.0.5:1\"; "
        "priority = 1; } );");
    unsigned all[] = { 1, 1, 1, 0, 0 };
    unsigned two[] = { 47, 47, 0, 3, 3 };  /* 2/3 * 1.4 = 93 % */
    unsigned one[] = { 46, 0, 0, 27, 27 }; /* 1/3 * 1.4 = 46 % */
    unsigned none[] = { 0, 0, 0, 1, 1 };
    unsigned last[] = { 0, 0, 0, 0, 1 };
    unsigned bad[] = { 1, 1, 1, 0, 0 };

    hosts_shares(c, 30000, all, "the first level takes all");
    hosts_set_bad(c, 2, true);
    hosts_shares(c, 30000, two, "a third is bad: seven per cent spill");
    hosts_set_bad(c, 1, true);
    hosts_shares(c, 30000, one, "two thirds are bad");
    hosts_set_bad(c, 0, true);
    hosts_shares(c, 30000, none, "all are: the next level");
    hosts_set_bad(c, 3, true);
    hosts_shares(c, 30000, last, "what is left of it");
    hosts_set_bad(c, 4, true);
    hosts_shares(c, 30000, bad, "nobody is well: the first level, all of it");
    hosts_end();
}


/* Hosts that have come and are not checked yet make nobody fail over. */
static void
unchecked(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "panic_percent = 50.0; hosts = ( { address = \"10.0.0.1:1\"; }, { "
        "address = \"10.0.0.2:1\"; }, { address = \"10.0.0.3:1\"; }, { "
        "address = \"10.0.0.4:1\"; priority = 1; } );");
    unsigned one[] = { 1, 0, 0, 0 }, two[] = { 1, 1, 0, 0 };
    unsigned next[] = { 0, 0, 0, 1 }, all[] = { 1, 1, 1, 0 };

    hosts_set_health(c, 1, MOSN_HEALTH_AWAITED);
    hosts_set_health(c, 2, MOSN_HEALTH_AWAITED);
    hosts_shares(c, 30000, one, "two of three are not checked yet");
    hosts_set_bad(c, 1, false);
    hosts_shares(c, 30000, two, "one is");
    hosts_set_health(c, 0, MOSN_HEALTH_AWAITED);
    hosts_set_health(c, 1, MOSN_HEALTH_AWAITED);
    hosts_shares(c, 30000, next, "none of the first level");
    hosts_set_health(c, 3, MOSN_HEALTH_AWAITED);
    hosts_shares(c, 30000, all, "nor of the second: as if all were well");
    hosts_end();
}


/* Of five hosts one is not well, and the last one of some priority. */
static void
panic_of_most(unsigned priority, const unsigned *shares, const char *name)
{
    char            text[512];
    mosn_cluster_t *c;

    (void) snprintf(text, sizeof(text),
                    "panic_percent = 90.0; hosts = ( { address = "
                    "\"10.0.0.1:1\"; }, { address = \"10.0.0.2:1\"; }, { "
                    "address = \"10.0.0.3:1\"; }, { address = "
                    "\"10.0.0.4:1\"; }, { address = \"10.0.0.5:1\"; priority "
                    "= %u; } );",
                    priority);
    c = hosts_cluster(text);
    hosts_set_bad(c, 2, true);
    hosts_shares(c, 30000, shares, name);
    hosts_end();
}


static void
panic(void)
{
    mosn_cluster_t *c =
        hosts_cluster("panic_percent = 50.0; hosts = ( { address = "
                      "\"10.0.0.1:1\"; }, { address = \"10.0.0.2:1\"; }, { "
                      "address = \"10.0.0.3:1\"; }, { address = "
                      "\"10.0.0.4:1\"; state = \"disabled\"; }, { address = "
                      "\"10.0.0.5:1\"; state = \"drain\"; } );");
    unsigned well[] = { 1, 1, 1, 0, 0 }, two[] = { 1, 1, 0, 0, 0 };

    hosts_shares(c, 30000, well, "disabled and draining ones get nothing");
    hosts_set_bad(c, 2, true);
    hosts_shares(c, 30000, two, "over the threshold: who is well");
    hosts_set_bad(c, 1, true);
    hosts_shares(c, 30000, well, "below it: all, but who was disabled");
    ok(c->groups.whole.levels[0].panic, "a panic");
    hosts_set_bad(c, 1, false);
    hosts_shares(c, 30000, two, "over it again");
    hosts_end();

    panic_of_most(0, (unsigned[]){ 1, 1, 1, 1, 1 },
                  "who is well could take all, but are too few");
    panic_of_most(1, (unsigned[]){ 1, 1, 0, 1, 0 },
                  "with another priority nobody panics who can take all");
}


static void
zones(void)
{
    mosn_cluster_t *c;
    unsigned        ours[] = { 1, 1, 0, 0 };
    unsigned        half[] = { 70 + 10, 0, 10, 10 };
    unsigned        rest[] = { 0, 0, 1, 1 };

    mosn_cluster_zone = MOSN_STR("a");
    c = hosts_cluster("hosts = ( { address = \"10.0.0.1:1\"; zone = \"a\"; }, "
                      "{ address = \"10.0.0.2:1\"; zone = \"a\"; }, { address "
                      "= \"10.0.0.3:1\"; zone = \"b\"; }, { address = "
                      "\"10.0.0.4:1\"; } );");
    hosts_shares(c, 30000, ours, "our zone takes all");
    hosts_set_bad(c, 1, true);
    hosts_shares(c, 30000, half, "half of it: 70 per cent, the rest is all's");
    hosts_set_bad(c, 0, true);
    hosts_shares(c, 30000, rest, "nobody of it: the others");
    hosts_end();
    c = hosts_cluster("prefer_zone = false; hosts = ( { address = "
                      "\"10.0.0.1:1\"; zone = \"a\"; }, { address = "
                      "\"10.0.0.2:1\"; zone = \"b\"; } );");
    hosts_shares(c, 30000, (unsigned[]){ 1, 1 }, "not when it is not wanted");
    hosts_end();
    mosn_cluster_zone = MOSN_STR("");
}


static mosn_pick_t
subset(mosn_conf_pairs_t *pairs, const char *a, const char *av, const char *b,
       const char *bv)
{
    pairs->n = b != NULL ? 2 : 1;
    pairs->items =
        mosn_pool_calloc(hosts_generation->pool, 2 * sizeof(*pairs->items));
    pairs->items[0] = (mosn_conf_pair_t){ mosn_str(a), mosn_str(av) };
    pairs->items[1] = (mosn_conf_pair_t){ mosn_str(b), mosn_str(bv) };
    return (mosn_pick_t){ .subset = pairs };
}


static const char subset_hosts[] =
    "subset_selectors = ( [\"v\"], [\"v\", \"stage\"] ); %s hosts = ( { "
    "address = \"10.0.0.1:1\"; metadata = { v = \"1\"; stage = \"prod\"; }; "
    "}, { address = \"10.0.0.2:1\"; metadata = { v = \"1\"; stage = "
    "\"test\"; }; }, { address = \"10.0.0.3:1\"; metadata = { v = \"2\"; "
    "stage = \"prod\"; }; }, { address = \"10.0.0.4:1\"; } );";


/* Which hosts 1000 picks fall on: "013". */
static const char *
falls(mosn_cluster_t *c, mosn_pick_t how)
{
    static char text[16];
    bool        seen[8] = { false };
    size_t      n = 0;

    for (int i = 0; i < 1000; i++) {
        mosn_host_t *host = mosn_cluster_pick(c, &how);

        if (host == NULL) {
            return "none";
        }
        seen[hosts_number(c, host)] = true;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (seen[i]) {
            text[n++] = (char) ('0' + i);
        }
    }
    text[n] = '\0';
    return text;
}


static void
falls_on(mosn_cluster_t *c, const char *expected, const char *a,
         const char *av, const char *b, const char *bv)
{
    mosn_conf_pairs_t pairs;
    mosn_pick_t       how = subset(&pairs, a, av, b, bv);
    char              name[128];

    (void) snprintf(name, sizeof(name), "%s=%s %s=%s", a, av, b ? b : "",
                    bv ? bv : "");
    is_str(mosn_str(falls(c, how)), expected, name);
}


static void
subsets(void)
{
    char            text[2048];
    mosn_cluster_t *c;

    (void) snprintf(text, sizeof(text), subset_hosts, "");
    c = hosts_cluster(text);
    is_str(mosn_str(falls(c, (mosn_pick_t){ 0 })), "0123", "no subset: all");
    falls_on(c, "01", "v", "1", NULL, NULL);
    falls_on(c, "2", "v", "2", NULL, NULL);
    falls_on(c, "none", "v", "3", NULL, NULL);
    falls_on(c, "0", "v", "1", "stage", "prod");
    falls_on(c, "0", "stage", "prod", "v", "1");
    falls_on(c, "none", "v", "2", "stage", "test");
    falls_on(c, "none", "stage", "prod", NULL, NULL);
    falls_on(c, "none", "x", "1", NULL, NULL);
    hosts_set_bad(c, 0, true);
    falls_on(c, "1", "v", "1", NULL, NULL);
    hosts_set_bad(c, 1, true);
    falls_on(c, "01", "v", "1", NULL, NULL);
    hosts_end();
    (void) snprintf(text, sizeof(text), subset_hosts,
                    "subset_fallback = \"any\";");
    c = hosts_cluster(text);
    falls_on(c, "0123", "v", "3", NULL, NULL);
    falls_on(c, "2", "v", "2", NULL, NULL);
    hosts_end();
    (void) snprintf(text, sizeof(text), subset_hosts,
                    "subset_fallback = \"default\"; default_subset = { stage "
                    "= \"prod\"; v = \"2\"; };");
    c = hosts_cluster(text);
    falls_on(c, "2", "v", "3", NULL, NULL);
    falls_on(c, "01", "v", "1", NULL, NULL);
    hosts_end();
}


static void
slow_start(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "lb = \"weighted_round_robin\"; slow_start = \"10s\"; hosts = ( { "
        "address = \"10.0.0.1:1\"; }, { address = \"10.0.0.2:1\"; } );");
    unsigned even[] = { 1, 1 }, half[] = { 2, 1 }, tenth[] = { 10, 1 };

    hosts_shares(c, 10000, even, "who was there from the beginning is warm");
    hosts_set_bad(c, 1, true);
    (void) mosn_cluster_pick(c, NULL);
    hosts_set_bad(c, 1, false);
    hosts_shares(c, 10000, tenth, "who comes back begins with a tenth");
    hosts_loop.now_ms += 5000;
    hosts_shares(c, 10000, half, "half of the time: half of the weight");
    hosts_loop.now_ms += 5000;
    hosts_shares(c, 10000, even, "then it has all of it");

    /* The others have noticed long ago, or it was gone unseen. */
    hosts_set_bad(c, 1, true);
    (void) mosn_cluster_pick(c, NULL);
    hosts_loop.now_ms += 1000;
    atomic_store(mosn_host_cell(c->hosts[1], MOSN_HOST_CELL_SINCE),
                 hosts_loop.now_ms);
    hosts_loop.now_ms += 5000;
    hosts_set_bad(c, 1, false);
    hosts_shares(c, 10000, half, "who was idle goes by what others saw");
    hosts_loop.now_ms += 5000;
    hosts_shares(c, 10000, even, "as long as they do");
    atomic_store(mosn_host_cell(c->hosts[1], MOSN_HOST_CELL_EJECTED_UNTIL),
                 hosts_loop.now_ms + 1000);
    hosts_loop.now_ms += 6000;
    hosts_shares(c, 10000, half, "it was left out meanwhile");
    hosts_end();
}


static void
sticky(void)
{
    mosn_cluster_t *c =
        hosts_cluster("hosts = ( { address = \"10.0.0.1:1\"; }, { address = "
                      "\"10.0.0.2:1\"; state = \"drain\"; }, { address = "
                      "\"10.0.0.3:1\"; } );");
    mosn_pick_t third = { .sticky = c->hosts[2]->id, .has_sticky = true };
    mosn_pick_t drained = { .sticky = c->hosts[1]->id, .has_sticky = true };
    mosn_pick_t gone = { .sticky = 1, .has_sticky = true };

    is_str(mosn_str(falls(c, third)), "2", "always the same");
    is_str(mosn_str(falls(c, drained)), "1", "also one that drains");
    is_str(mosn_str(falls(c, gone)), "02", "one that is not there: any");
    hosts_set_bad(c, 2, true);
    is_str(mosn_str(falls(c, third)), "0", "one that is not well: another");
    hosts_end();
}


/* Which level and which zone a request goes to are two questions. */
static void
zone_behind(bool hashed)
{
    unsigned        behind = 0, local = 0;
    mosn_cluster_t *c;

    mosn_cluster_zone = MOSN_STR("z");
    c = hosts_cluster(
        "prefer_zone = true; hosts = ( { address = \"10.0.0.1:1\"; }, { "
        "address = \"10.0.0.2:1\"; }, { address = \"10.0.1.1:1\"; zone = "
        "\"z\"; priority = 1; }, { address = \"10.0.1.2:1\"; zone = \"z\"; "
        "priority = 1; }, { address = \"10.0.1.3:1\"; priority = 1; }, { "
        "address = \"10.0.1.4:1\"; priority = 1; } );");
    hosts_set_bad(c, 0, true);
    hosts_set_bad(c, 2, true);
    for (unsigned i = 0; i < 20000; i++) {
        mosn_pick_t how = { .hash = (i + 1) * 0x9e3779b97f4a7c15u,
                            .has_hash = hashed };
        unsigned    at = hosts_number(c, mosn_cluster_pick(c, &how));

        behind += at >= 2;
        local += at == 3;
    }
    ok(behind > 5500 && behind < 6500,
       "three in ten go to the second level: %u of 20000", behind);
    ok(local > behind * 76 / 100 && local < behind * 82 / 100,
       "70 %% of them stay in the zone, and their share of the rest: %u",
       local);
    mosn_cluster_zone = MOSN_STR_NULL;
    hosts_end();
}


static void
one_of_many(void)
{
    char            text[16384];
    unsigned        right = 0;
    mosn_cluster_t *c = hosts_cluster(hosts_equal(text, sizeof(text), 200));

    for (unsigned i = 0; i < 199; i++) {
        hosts_set_bad(c, i, true);
    }
    for (unsigned i = 0; i < 1000; i++) {
        right += hosts_number(c, mosn_cluster_pick(c, NULL)) == 199;
    }
    is_num(right, 1000, "one of 200 is well: it gets all");
    hosts_end();
}


/* Of those that have not had the request, as they weigh. */
static void
untried(void)
{
    mosn_cluster_t *c = hosts_cluster(
        "hosts = ( { address = \"10.0.0.1:1\"; }, { address = "
        "\"10.0.0.2:1\"; }, { address = \"10.0.0.3:1\"; weight = 3; }, { "
        "address = \"10.0.0.4:1\"; weight = 6; } );");
    const mosn_host_t *tried[] = { c->hosts[0], NULL };
    mosn_pick_t        how = { .tried = tried, .n_tried = 2 };
    unsigned           got[4] = { 0 };

    (void) mosn_cluster_pick(c, NULL);
    for (int i = 0; i < 20000; i++) {
        got[hosts_number(c,
                         pick_untried(&c->groups.whole, &how, c->hosts[0]))]++;
    }
    is_num(got[0], 0, "one that was tried is not");
    ok(got[1] > 1700 && got[1] < 2300 && got[2] > 5600 && got[2] < 6400
           && got[3] > 11600 && got[3] < 12400,
       "the others are as they weigh: %u, %u, %u", got[1], got[2], got[3]);
    hosts_end();
}


int
main(void)
{
    untried();
    priorities();
    unchecked();
    panic();
    zones();
    subsets();
    slow_start();
    sticky();
    zone_behind(false);
    zone_behind(true);
    one_of_many();
    return hosts_done();
}
