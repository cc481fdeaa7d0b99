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
    { "time_seconds", MOSN_HISTOGRAM, "Time." },
    { "more", MOSN_COUNTER, "More." },
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


int
main(void)
{
    uint32_t a, b, w;
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
    mosn_metric_observe_us(a + 2, 100);
    mosn_metric_observe_us(a + 2, 251);
    mosn_metric_observe_us(a + 2, 1000000000);
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

    w = mosn_metrics_instance(&wide, MOSN_STR("a"));
    ok(w != a, "a later program's set is wider: new slots");
    is_num((long long) mosn_metrics_read(w), 6, "with the old values");
    mosn_metrics_close();
    return done_testing();
}
