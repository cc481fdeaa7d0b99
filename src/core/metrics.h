/*
 * core/metrics.h - counters in shared memory.
 *
 * A set is a table of fields ("downstream": connections, requests ...); an
 * instance is a set with a label value ("listener" = "edge").  Instances are
 * found by name in the shared directory, so counters continue over reloads
 * and crashes.  A label that is too long is cut, and told apart by its hash.
 * Every process adds to a row of its own without atomics; the reader sums the
 * rows.  When a process has ended, the master folds its row into row 0; its
 * gauges go with it.
 */

#ifndef MOSN_CORE_METRICS_H
#define MOSN_CORE_METRICS_H

#include "core/rc.h"
#include "core/str.h"

#include <stdatomic.h>
#include <stdio.h>

#define MOSN_METRICS_ROWS 256

typedef enum {
    MOSN_COUNTER,
    MOSN_GAUGE,
    MOSN_HISTOGRAM, /* of microseconds; takes MOSN_HISTOGRAM_SLOTS slots */
} mosn_metric_e;

#define MOSN_HISTOGRAM_BUCKETS 17
#define MOSN_HISTOGRAM_SLOTS   (MOSN_HISTOGRAM_BUCKETS + 1)

typedef struct {
    const char   *name;
    mosn_metric_e kind;
    const char   *help;
} mosn_metric_field_t;

typedef struct {
    const char                *name;  /* "downstream" */
    const char                *label; /* "listener"; "" for a lone one */
    const mosn_metric_field_t *fields;
    size_t                     n_fields;
    size_t                     n_slots; /* with histograms counted in full */
    bool passing; /* its instances come and go: one that nobody asks for in a
                     minute may lose its slots to another when all are used */
} mosn_metric_set_t;

/* This process's row. */
extern uint64_t *mosn_metrics_row;

/* What will be counted: counters of a program that counts something else are
 * left alone.  Before the segment is opened. */
void mosn_metrics_describe(const mosn_metric_set_t *const *sets);

/* Creates the segment, or maps an inherited one when `fd` is not -1; the
 * descriptor is in mosn_metrics_fd(). */
mosn_rc_e mosn_metrics_open(int fd);
int       mosn_metrics_fd(void);
void      mosn_metrics_close(void);

/* From now on this process counts into `row`. */
void mosn_metrics_use_row(unsigned row);

/* The process that used `row` has ended. */
void mosn_metrics_fold(unsigned row, const mosn_metric_set_t *const *sets);

/* First slot of an instance, made when there is none.  When the directory is
 * full every further instance shares one slot range that nobody reads. */
uint32_t mosn_metrics_instance(const mosn_metric_set_t *set, mosn_str_t label);

/* Somebody uses it still; of one that is not there nothing happens. */
void mosn_metrics_touch(const mosn_metric_set_t *set, mosn_str_t label);

/* Sum of a slot over all rows. */
uint64_t mosn_metrics_read(uint32_t slot);

/* The same over the rows of processes that live, for gauges: cheap enough for
 * a request. */
uint64_t mosn_metrics_sum(uint32_t slot);

/* May this process count one more into a gauge that all of them together keep
 * below `max`?  0: no.  Else how many more it may without asking again for a
 * moment: of what is left, all of them get a sixteenth together, which is
 * the most by which they can go too far within that moment. */
uint64_t mosn_metrics_share(uint32_t slot, uint64_t max);

/* A word that all processes share, beside each slot: what is known of what
 * the slot counts, and no count.  Of an instance that got no slots it is
 * nobody's. */
_Atomic uint64_t *mosn_metrics_cell(uint32_t slot);

/* Everything as OpenMetrics text; `sets` is NULL-ended. */
void mosn_metrics_print(const mosn_metric_set_t *const *sets, FILE *out);

/* "name{label} value" lines for people. */
void mosn_metrics_print_plain(const mosn_metric_set_t *const *sets, FILE *out);

static inline void
mosn_metric_add(uint32_t slot, uint64_t n)
{
    mosn_metrics_row[slot] += n;
}


static inline void
mosn_metric_inc(uint32_t slot)
{
    mosn_metrics_row[slot]++;
}


static inline void
mosn_metric_dec(uint32_t slot)
{
    mosn_metrics_row[slot]--;
}


/* What a duration adds to a histogram; the same for several of them. */
typedef struct {
    uint64_t us;
    uint32_t bucket;
} mosn_observation_t;

mosn_observation_t mosn_metrics_observation(uint64_t us);

/* `slot` is the first one of a histogram. */
static inline void
mosn_metric_observe(uint32_t slot, mosn_observation_t o)
{
    mosn_metrics_row[slot + o.bucket]++;
    mosn_metrics_row[slot + MOSN_HISTOGRAM_BUCKETS] += o.us;
}


#endif
