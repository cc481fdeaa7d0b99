/* tests/core/metrics.c - instances, rows, folds. */

#include "tap.h"
#include "core/metrics.c"

static const mosn_metric_field_t fields[] = {
    { "count", MOSN_COUNTER, "Count." },
    { "active", MOSN_GAUGE, "Active." },
    { "time_seconds", MOSN_HISTOGRAM, "Time." },
};

static const mosn_metric_set_t set = {
    .name = "test",
    .label = "name",
    .fields = fields,
    .n_fields = 3,
    .n_slots = 2 + MOSN_HISTOGRAM_SLOTS,
};

static const mosn_metric_field_t wide_fields[] = {
    { "count", MOSN_COUNTER, "Count." },
    { "active", MOSN_GAUGE, "Active." },
    { "more", MOSN_COUNTER, "More." },
    { "time_seconds", MOSN_HISTOGRAM, "Time." },
};

/* The set of a later program. */
static const mosn_metric_set_t wide = {
    .name = "test",
    .label = "name",
    .fields = wide_fields,
    .n_fields = 4,
    .n_slots = 3 + MOSN_HISTOGRAM_SLOTS,
};

static const mosn_metric_set_t *const sets[] = { &set, NULL };
static const mosn_metric_set_t *const later_sets[] = { &wide, NULL };

#define PASSING_SLOTS 64u

static const mosn_metric_set_t passing = {
    .name = "passing",
    .label = "name",
    .fields = fields,
    .n_fields = MOSN_COUNT(fields),
    .n_slots = PASSING_SLOTS,
    .passing = true,
};


static uint32_t
passing_slot(uint32_t i)
{
    char label[20];

    (void) snprintf(label, sizeof(label), "n%u", i);
    return mosn_metrics_instance(&passing, mosn_str(label));
}


/* A full directory gives away what nobody has asked for lately, and nothing
 * else. */
static void
check_passing(void)
{
    uint32_t n = 0, lasting, slots[MAX_SLOTS / PASSING_SLOTS], kept = 0, k;

    ok(mosn_metrics_open(-1) == MOSN_OK, "open another");
    lasting = mosn_metrics_instance(&set, MOSN_STR("stays"));
    while (n < MOSN_COUNT(slots) && (slots[n] = passing_slot(n)) != 0) {
        mosn_metric_inc(slots[n]);
        n++;
    }
    ok(n > 10000, "many fit: %u", n);
    is_num(passing_slot(n), 0, "and no more: all were asked for just now");
    for (k = 0; k < n; k += 3) {
        metrics_entry_t *entry = &metrics_header->entries[k + 1];

        entry->seen_s = metrics_now_s() - FORGET_S;
    }
    metrics_full_s = 0;
    for (k = 0; k < n / 3; k++) {
        uint32_t slot = passing_slot(n + k);

        if (slot == 0 || mosn_metrics_read(slot) != 0) {
            break;
        }
    }
    is_num(k, n / 3, "others take the place of a third, and begin at 0");
    for (k = 0; k < n; k++) {
        if (k % 3 != 0) {
            kept += passing_slot(k) == slots[k]
                    && mosn_metrics_read(slots[k]) == 1;
        }
    }
    is_num(kept, n - (n + 2) / 3, "the rest is found where it was");
    is_num(mosn_metrics_instance(&set, MOSN_STR("stays")), lasting,
           "what is not passing stays");
    mosn_metrics_close();
}


static void
check_long_labels(void)
{
    char     a[300], b[300];
    uint32_t slot;

    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    b[sizeof(b) - 1] = 'y';
    ok(mosn_metrics_open(-1) == MOSN_OK, "open a third");
    slot = mosn_metrics_instance(&set, (mosn_str_t){ a, sizeof(a) });
    is_num(mosn_metrics_instance(&set, (mosn_str_t){ a, sizeof(a) }), slot,
           "a long label is found again");
    ok(mosn_metrics_instance(&set, (mosn_str_t){ b, sizeof(b) }) != slot,
       "and is not another one that begins alike");
    mosn_metrics_close();
}


/* Names are the operator's: whatever is in them, a line is one line of the
 * format. */
static void
check_labels(void)
{
    static const mosn_metric_set_t two = {
        .name = "pair",
        .label = "cluster,host",
        .fields = fields,
        .n_fields = 1,
        .n_slots = 1,
    };
    static const mosn_metric_set_t *const both[] = { &set, &two, NULL };

    char  *text = NULL;
    size_t n = 0;
    FILE  *out;

    ok(mosn_metrics_open(-1) == MOSN_OK, "open a fourth");
    (void) mosn_metrics_instance(&set, MOSN_STR("a\"b\\c"));
    (void) mosn_metrics_instance(&two, MOSN_STR("a,b,10.0.0.1:80"));
    out = open_memstream(&text, &n);
    mosn_metrics_print(both, out);
    (void) fclose(out);
    ok(strstr(text, "mosn_test_count_total{name=\"a\\\"b\\\\c\"} 0\n") != NULL,
       "quotes and backslashes are escaped");
    ok(strstr(text, "mosn_pair_count_total{cluster=\"a,b\",host=\"10.0.0.1:80"
                    "\"} 0\n")
           != NULL,
       "a cluster may have a comma");
    free(text);
    mosn_metrics_close();
}


/* Counters go on in a program that counts the same; what one with other
 * fields would take for something else, it leaves alone. */
static void
check_layout(void)
{
    uint32_t slot;
    int      first, second;

    mosn_metrics_describe(sets);
    ok(mosn_metrics_open(-1) == MOSN_OK, "a program");
    slot = mosn_metrics_instance(&set, MOSN_STR("a"));
    mosn_metric_add(slot, 5);
    first = dup(mosn_metrics_fd());
    second = dup(first);
    mosn_metrics_close();

    ok(mosn_metrics_open(first) == MOSN_OK, "the next one");
    slot = mosn_metrics_instance(&set, MOSN_STR("a"));
    is_num((long long) mosn_metrics_read(slot), 5, "goes on");
    mosn_metrics_close();

    mosn_metrics_describe(later_sets);
    ok(mosn_metrics_open(second) == MOSN_OK, "one with other fields");
    ok(mosn_metrics_fd() != second, "has counters of its own");
    slot = mosn_metrics_instance(&wide, MOSN_STR("a"));
    is_num((long long) mosn_metrics_read(slot), 0, "from 0");
    mosn_metrics_close();
    (void) close(second);
    mosn_metrics_describe(sets);
}


/* Against looking at one bound after the other. */
static void
check_buckets(void)
{
    static const uint64_t us[] = {
        0,      249,     250, 251,     999, 5000,    5001,      250001,
        500001, 2500000, 1e7, 1e7 + 1, 3e7, 3e7 + 1, UINT64_MAX
    };

    for (size_t i = 0; i < MOSN_COUNT(us); i++) {
        uint32_t bucket = 0;

        while (bucket < MOSN_HISTOGRAM_BUCKETS - 1
               && us[i] > metrics_bounds_us[bucket])
        {
            bucket++;
        }
        is_num(mosn_metrics_observation(us[i]).bucket, bucket,
               "the bucket of a duration");
    }
}


/* Two processes that fill a gauge as they are told never fill it too far,
 * and fill it. */
static void
check_shares(void)
{
    uint64_t room[3] = { 0 }, most = 100, sum = 0;
    uint32_t slot;
    bool     well = true, full = false;

    ok(mosn_metrics_open(-1) == MOSN_OK, "open a fourth");
    slot = mosn_metrics_instance(&set, MOSN_STR("shared")) + 1;
    mosn_metrics_use_row(1);
    mosn_metrics_use_row(2);
    for (unsigned i = 0; i < 400 && !full; i++) {
        unsigned row = 1 + i % 2;

        mosn_metrics_use_row(row);
        if (room[row] == 0) {
            room[row] = mosn_metrics_share(slot, most);
        }
        full = room[row] == 0;
        if (!full) {
            room[row]--;
            sum++;
            mosn_metric_inc(slot);
        }
        well &= sum <= most;
    }
    ok(well, "never too many");
    ok(full && sum == most, "and as many as there may be");
    mosn_metric_dec(slot);
    is_num((long long) mosn_metrics_share(slot, most), 1, "one more");
    is_num((long long) mosn_metrics_share(slot, most - 1), 0, "none");
    mosn_metrics_close();
}


int
main(void)
{
    uint32_t a, b;
    char    *text = NULL;
    size_t   n = 0;
    FILE    *out;

    is_num(mosn_metrics_instance(&set, MOSN_STR("x")), 0,
           "without shared memory counts go nowhere");
    mosn_metric_inc(0);
    ok(mosn_metrics_open(-1) == MOSN_OK, "open");
    a = mosn_metrics_instance(&set, MOSN_STR("a"));
    b = mosn_metrics_instance(&set, MOSN_STR("b"));
    ok(a != b, "instances are apart");
    is_num(mosn_metrics_instance(&set, MOSN_STR("a")), a, "found by name");

    mosn_metrics_use_row(1);
    mosn_metric_add(a, 5);
    mosn_metric_add(a + 1, 2);
    mosn_metrics_use_row(2);
    mosn_metric_inc(a);
    mosn_metric_observe(a + 2, mosn_metrics_observation(100));
    mosn_metric_observe(a + 2, mosn_metrics_observation(251));
    mosn_metric_observe(a + 2, mosn_metrics_observation(1000000000));
    is_num((long long) mosn_metrics_read(a), 6, "rows are summed");

    mosn_metrics_fold(1, sets);
    is_num((long long) mosn_metrics_read(a), 6, "a fold keeps counters");
    is_num((long long) mosn_metrics_read(a + 1), 0, "and drops gauges");

    out = open_memstream(&text, &n);
    mosn_metrics_print(sets, out);
    (void) fclose(out);
    ok(strstr(text, "# TYPE mosn_test_count counter\n") != NULL, "type");
    ok(strstr(text, "mosn_test_count_total{name=\"a\"} 6\n") != NULL,
       "counter");
    ok(strstr(text, "mosn_test_time_seconds_bucket{name=\"a\",le=\"0.00025\"} "
                    "1\n")
           != NULL,
       "bucket");
    ok(strstr(text, "mosn_test_time_seconds_bucket{name=\"a\",le=\"+Inf\"} "
                    "3\n")
           != NULL,
       "last bucket");
    ok(strstr(text, "mosn_test_time_seconds_sum{name=\"a\"} 1000.000351\n")
           != NULL,
       "sum");
    free(text);

    mosn_metrics_close();
    check_layout();
    check_buckets();
    check_shares();
    check_passing();
    check_long_labels();
    check_labels();
    return done_testing();
}
