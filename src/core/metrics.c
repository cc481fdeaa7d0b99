/*
 * core/metrics.c - the shared directory and the rows.
 *
 * Layout: header, directory, then MOSN_METRICS_ROWS rows of MAX_SLOTS
 * counters, then one of cells.  Untouched pages cost nothing.  A spin lock
 * with the owner's process id guards the directory, so that a lock whose owner
 * was killed can be taken over.  It grows until it is full; then instances of
 * passing sets that nobody has asked for in a minute give their slots away.
 */

#include "core/metrics.h"
#include "core/log.h"
#include "os/clock.h"
#include "os/shm.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAGIC         0x344d4e53u /* version of this file in it */
#define MAX_INSTANCES 65536u
#define INDEX_SIZE    (MAX_INSTANCES * 2)
#define MAX_SLOTS     (1u << 20)
#define ROWS          (MOSN_METRICS_ROWS + 1) /* the last: cells */
#define SPILL_SLOTS   256u /* what nobody reads when all is full */
#define LABEL_MAX     100
#define NAME_MAX_LEN  20
#define FORGET_S      60u
#define FULL_S        5u

typedef struct {
    char     set[NAME_MAX_LEN];
    char     label[LABEL_MAX];
    uint32_t first;
    uint32_t n_slots;
    uint32_t seen_s; /* when it was asked for last; 0: it stays */
} metrics_entry_t;

typedef struct {
    uint32_t         magic;
    uint64_t         layout; /* of the sets of who has made it */
    _Atomic pid_t    lock;
    _Atomic uint32_t folds; /* odd while a row is being folded */
    _Atomic uint32_t n_entries;
    _Atomic uint64_t used[MOSN_METRICS_ROWS / 64]; /* rows that are in use */
    uint32_t         n_slots;
    uint32_t         index[INDEX_SIZE]; /* entry + 1 */
    metrics_entry_t  entries[MAX_INSTANCES];
} metrics_header_t;

static const uint64_t metrics_bounds_us[MOSN_HISTOGRAM_BUCKETS - 1] = {
    250,    500,    1000,   2500,    5000,    10000,   25000,    50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
};

/* One segment a host: it is handed on by reloads and upgrades. */
static mosn_shm_t        metrics_shm = { .fd = -1 };
static metrics_header_t *metrics_header;
static uint32_t          metrics_full_s; /* not to be looked through before */
static uint64_t          metrics_nowhere[SPILL_SLOTS * 64];

static uint64_t metrics_layout;

/* Before mosn_metrics_open() (unit tests, mosn -t) counts go nowhere. */
uint64_t *mosn_metrics_row = metrics_nowhere;


static size_t
metrics_header_size(void)
{
    return (sizeof(metrics_header_t) + 4095) & ~(size_t) 4095;
}


static uint64_t *
metrics_row_at(unsigned row)
{
    return (uint64_t *) (void *) ((char *) metrics_shm.bytes
                                  + metrics_header_size())
           + (size_t) row * MAX_SLOTS;
}


void
mosn_metrics_describe(const mosn_metric_set_t *const *sets)
{
    uint64_t layout = 0;

    for (; *sets != NULL; sets++) {
        layout = layout * 31 + mosn_str_hash(mosn_str((*sets)->name));
        for (size_t f = 0; f < (*sets)->n_fields; f++) {
            const mosn_metric_field_t *field = &(*sets)->fields[f];

            layout = layout * 31 + mosn_str_hash(mosn_str(field->name));
            layout = layout * 31 + (uint64_t) field->kind;
        }
    }
    metrics_layout = layout;
}


mosn_rc_e
mosn_metrics_open(int fd)
{
    size_t size =
        metrics_header_size() + (size_t) ROWS * MAX_SLOTS * sizeof(uint64_t);

    if (fd == -1 ? mosn_shm_create(&metrics_shm, "mosn metrics", size) == -1
                 : mosn_shm_open(&metrics_shm, fd) == -1)
    {
        mosn_log_alert(errno, "cannot map shared memory for metrics");
        return MOSN_ERROR;
    }
    metrics_header = metrics_shm.bytes;
    if (fd == -1) {
        metrics_header->magic = MAGIC;
        metrics_header->layout = metrics_layout;
        metrics_header->n_slots = SPILL_SLOTS;
    } else if (metrics_shm.size != size || metrics_header->magic != MAGIC
               || metrics_header->layout != metrics_layout)
    {
        /* It stays open, for who may come back to it. */
        mosn_log_warn(0, "the counters of before have another layout: "
                         "counting from 0");
        (void) munmap(metrics_shm.bytes, metrics_shm.size);
        return mosn_metrics_open(-1);
    }
    mosn_metrics_use_row(0);
    return MOSN_OK;
}


int
mosn_metrics_fd(void)
{
    return metrics_shm.fd;
}


void
mosn_metrics_close(void)
{
    if (metrics_header != NULL) {
        mosn_shm_close(&metrics_shm);
        metrics_shm.fd = -1;
        metrics_header = NULL;
    }
    mosn_metrics_row = metrics_nowhere;
}


void
mosn_metrics_use_row(unsigned row)
{
    if (metrics_header != NULL) {
        mosn_metrics_row = metrics_row_at(row);
        atomic_fetch_or(&metrics_header->used[row / 64],
                        (uint64_t) 1 << row % 64);
    }
}


static void
metrics_lock(void)
{
    pid_t    self = getpid(), owner = 0;
    unsigned spins = 0;

    while (!atomic_compare_exchange_weak(&metrics_header->lock, &owner, self))
    {
        if (owner == self) {
            return; /* left behind by a process of the same id */
        }
        if (owner != 0 && ++spins > 100 && kill(owner, 0) == -1
            && errno == ESRCH) {
            if (atomic_compare_exchange_strong(&metrics_header->lock, &owner,
                                               self)) {
                return;
            }
        }
        owner = 0;
        (void) sched_yield();
    }
}


static void
metrics_unlock(void)
{
    atomic_store(&metrics_header->lock, 0);
}


static uint64_t
metrics_hash(const char *set, mosn_str_t label)
{
    return mosn_str_hash(label) ^ mosn_str_hash(mosn_str(set));
}


static uint32_t
metrics_now_s(void)
{
    return (uint32_t) (mosn_clock_ns() / 1000000000) + 1;
}


static void
metrics_name(metrics_entry_t *entry, const mosn_metric_set_t *set,
             mosn_str_t label)
{
    memcpy(entry->label, label.at, label.len);
    entry->label[label.len] = '\0';
    entry->seen_s = set->passing ? metrics_now_s() : 0;
    (void) snprintf(entry->set, sizeof(entry->set), "%s", set->name);
}


static void
metrics_list(uint32_t entry)
{
    metrics_entry_t *e = &metrics_header->entries[entry];
    uint64_t         i = metrics_hash(e->set, mosn_str(e->label));

    while (metrics_header->index[i % INDEX_SIZE] != 0) {
        i++;
    }
    metrics_header->index[i % INDEX_SIZE] = entry + 1;
}


/* Those behind it that would be found no more move up. */
static void
metrics_unlist(uint32_t entry)
{
    uint32_t        *index = metrics_header->index;
    metrics_entry_t *e = &metrics_header->entries[entry];
    uint64_t i = metrics_hash(e->set, mosn_str(e->label)) % INDEX_SIZE, home;

    while (index[i] != entry + 1) {
        i = (i + 1) % INDEX_SIZE;
    }
    index[i] = 0;
    for (uint64_t k = (i + 1) % INDEX_SIZE; index[k] != 0;
         k = (k + 1) % INDEX_SIZE)
    {
        e = &metrics_header->entries[index[k] - 1];
        home = metrics_hash(e->set, mosn_str(e->label)) % INDEX_SIZE;
        if ((k - home) % INDEX_SIZE >= (k - i) % INDEX_SIZE) {
            index[i] = index[k];
            index[k] = 0;
            i = k;
        }
    }
}


static uint32_t
metrics_width(const mosn_metric_field_t *field)
{
    return field->kind == MOSN_HISTOGRAM ? MOSN_HISTOGRAM_SLOTS : 1;
}


/* Somebody will count down in it yet. */
static bool
metrics_is_held(const metrics_entry_t *entry, const mosn_metric_set_t *set)
{
    uint32_t slot = entry->first;

    for (size_t f = 0; f < set->n_fields; f++) {
        if (set->fields[f].kind == MOSN_GAUGE && mosn_metrics_sum(slot) != 0) {
            return true;
        }
        slot += metrics_width(&set->fields[f]);
    }
    return false;
}


/* Takes the slots of an instance that is not used any more; NULL: all are. */
static metrics_entry_t *
metrics_take_away(const mosn_metric_set_t *set)
{
    uint32_t n = atomic_load(&metrics_header->n_entries);
    uint32_t now = metrics_now_s();

    for (uint32_t k = 0; k < n; k++) {
        metrics_entry_t *entry = &metrics_header->entries[k];

        if (entry->seen_s == 0 || now - entry->seen_s < FORGET_S
            || strcmp(entry->set, set->name) != 0
            || entry->n_slots != set->n_slots || metrics_is_held(entry, set))
        {
            continue;
        }
        metrics_unlist(k);
        entry->set[0] = '\0'; /* whoever prints passes over it */
        for (unsigned row = 0; row < ROWS; row++) {
            uint64_t *slots = metrics_row_at(row) + entry->first;

            for (uint32_t s = 0; s < entry->n_slots; s++) {
                if (slots[s] != 0) { /* pages that are not there stay so */
                    slots[s] = 0;
                }
            }
        }
        return entry;
    }
    return NULL;
}


static uint32_t
metrics_add(const mosn_metric_set_t *set, mosn_str_t label)
{
    uint32_t         n = atomic_load(&metrics_header->n_entries);
    metrics_entry_t *entry = &metrics_header->entries[n];

    if (n == MAX_INSTANCES
        || metrics_header->n_slots + set->n_slots > MAX_SLOTS) {
        if (metrics_now_s() < metrics_full_s) {
            return 0;
        }
        entry = set->passing ? metrics_take_away(set) : NULL;
        if (entry == NULL) {
            metrics_full_s = metrics_now_s() + FULL_S;
            mosn_log_warn(0, "no room for metrics of %s \"%.*s\"", set->name,
                          MOSN_STR_ARG(label));
            return 0;
        }
        metrics_name(entry, set, label);
        metrics_list((uint32_t) (entry - metrics_header->entries));
        return entry->first;
    }

    metrics_name(entry, set, label);
    entry->first = metrics_header->n_slots;
    entry->n_slots = (uint32_t) set->n_slots;
    metrics_header->n_slots += entry->n_slots;
    metrics_list(n);
    atomic_store(&metrics_header->n_entries, n + 1);
    return entry->first;
}


/* One that is too long is cut, and still one of its own. */
static mosn_str_t
metrics_label(mosn_str_t label, char text[LABEL_MAX])
{
    if (label.len < LABEL_MAX) {
        return label;
    }
    (void) snprintf(text, LABEL_MAX, "%.*s~%016" PRIx64, LABEL_MAX - 18,
                    label.at, mosn_str_hash(label));
    return mosn_str(text);
}


/* Under the lock. */
static metrics_entry_t *
metrics_find(const mosn_metric_set_t *set, mosn_str_t label)
{
    for (uint64_t i = metrics_hash(set->name, label);
         metrics_header->index[i % INDEX_SIZE] != 0; i++)
    {
        metrics_entry_t *entry =
            &metrics_header
                 ->entries[metrics_header->index[i % INDEX_SIZE] - 1];

        if (strcmp(entry->set, set->name) == 0
            && mosn_str_equal(mosn_str(entry->label), label))
        {
            entry->seen_s = set->passing ? metrics_now_s() : 0;
            return entry;
        }
    }
    return NULL;
}


uint32_t
mosn_metrics_instance(const mosn_metric_set_t *set, mosn_str_t label)
{
    char             text[LABEL_MAX];
    metrics_entry_t *entry;
    uint32_t         first;

    if (metrics_header == NULL) {
        return 0;
    }
    label = metrics_label(label, text);
    metrics_lock();
    entry = metrics_find(set, label);
    first = entry != NULL ? entry->first : metrics_add(set, label);
    metrics_unlock();
    return first;
}


void
mosn_metrics_touch(const mosn_metric_set_t *set, mosn_str_t label)
{
    char text[LABEL_MAX];

    if (metrics_header != NULL) {
        label = metrics_label(label, text);
        metrics_lock();
        (void) metrics_find(set, label);
        metrics_unlock();
    }
}


/* Rows that are not in use are 0. */
uint64_t
mosn_metrics_sum(uint32_t slot)
{
    uint64_t sum = 0;

    if (metrics_header == NULL) {
        return mosn_metrics_row[slot];
    }
    for (unsigned i = 0; i < MOSN_METRICS_ROWS / 64; i++) {
        uint64_t rows = atomic_load_explicit(&metrics_header->used[i],
                                             memory_order_relaxed);

        for (; rows != 0; rows &= rows - 1) {
            sum += metrics_row_at(i * 64
                                  + (unsigned) __builtin_ctzll(rows))[slot];
        }
    }
    return sum;
}


uint64_t
mosn_metrics_share(uint32_t slot, uint64_t max)
{
    uint64_t sum = mosn_metrics_sum(slot), left;
    unsigned n = 1;

    if (sum >= max) {
        return 0;
    }
    if (metrics_header != NULL) {
        n = 0;
        for (unsigned i = 0; i < MOSN_METRICS_ROWS / 64; i++) {
            n += (unsigned) __builtin_popcountll(atomic_load_explicit(
                &metrics_header->used[i], memory_order_relaxed));
        }
    }
    left = (max - sum) / (16 * (n > 0 ? n : 1));
    return left > 1 ? left : 1;
}


uint64_t
mosn_metrics_read(uint32_t slot)
{
    uint64_t sum;
    uint32_t before;

    if (metrics_header == NULL) {
        return 0;
    }
    do {
        before = atomic_load(&metrics_header->folds);
        sum = mosn_metrics_sum(slot);
    } while ((before & 1) != 0
             || before != atomic_load(&metrics_header->folds));
    return sum;
}


_Atomic uint64_t *
mosn_metrics_cell(uint32_t slot)
{
    static _Atomic uint64_t nowhere[SPILL_SLOTS];

    if (metrics_header == NULL || slot < SPILL_SLOTS) {
        return &nowhere[slot % SPILL_SLOTS];
    }
    return (_Atomic uint64_t *) metrics_row_at(MOSN_METRICS_ROWS) + slot;
}


static const mosn_metric_set_t *
metrics_find_set(const mosn_metric_set_t *const *sets, const char *name)
{
    for (; *sets != NULL; sets++) {
        if (strcmp((*sets)->name, name) == 0) {
            return *sets;
        }
    }
    return NULL;
}


void
mosn_metrics_fold(unsigned row, const mosn_metric_set_t *const *sets)
{
    uint64_t *from = metrics_row_at(row);
    uint64_t *to = metrics_row_at(0);
    uint32_t  n = atomic_load(&metrics_header->n_entries);

    atomic_fetch_add(&metrics_header->folds, 1);
    for (uint32_t i = 0; i < n; i++) {
        const metrics_entry_t   *entry = &metrics_header->entries[i];
        const mosn_metric_set_t *set = metrics_find_set(sets, entry->set);
        uint32_t                 slot = entry->first;

        for (size_t f = 0; set != NULL && f < set->n_fields; f++) {
            uint32_t width = metrics_width(&set->fields[f]);

            for (uint32_t k = 0; k < width; k++, slot++) {
                if (set->fields[f].kind != MOSN_GAUGE) {
                    to[slot] += from[slot];
                }
                from[slot] = 0;
            }
        }
    }
    atomic_fetch_and(&metrics_header->used[row / 64],
                     ~((uint64_t) 1 << row % 64));
    atomic_fetch_add(&metrics_header->folds, 1);
}


mosn_observation_t
mosn_metrics_observation(uint64_t us)
{
    const uint64_t *bounds = metrics_bounds_us;
    uint32_t        i = us > bounds[7] ? 8 : 0;

    i += us > bounds[i + 3] ? 4 : 0;
    i += us > bounds[i + 1] ? 2 : 0;
    i += us > bounds[i] ? 1 : 0;
    i += us > bounds[i] ? 1 : 0; /* more than the last */
    return (mosn_observation_t){ .us = us, .bucket = i };
}


/* --- print -------------------------------------------------------------- */

/* As the text format wants it (OpenMetrics, "escaped-string"). */
static void
metrics_print_value(const char *at, size_t n, FILE *out)
{
    for (; n > 0; at++, n--) {
        if (*at == '\\' || *at == '"') {
            (void) fputc('\\', out);
        }
        (void) fputc(*at, out);
    }
}


static void
metrics_print_label(const metrics_entry_t *entry, const mosn_metric_set_t *set,
                    const char *more, FILE *out)
{
    if (set->label[0] == '\0' && more[0] == '\0') {
        return;
    }
    (void) fputc('{', out);
    if (set->label[0] != '\0') {
        const char *label = set->label;
        const char *value = entry->label;
        const char *comma = strchr(label, ',');

        /* "cluster,host" has the value "api,10.0.0.1:80". */
        if (comma != NULL) {
            const char *split = strrchr(value, ',');

            (void) fprintf(out, "%.*s=\"", (int) (comma - label), label);
            metrics_print_value(value, split ? (size_t) (split - value) : 0,
                                out);
            (void) fputs("\",", out);
            label = comma + 1;
            value = split ? split + 1 : value;
        }
        (void) fprintf(out, "%s=\"", label);
        metrics_print_value(value, strlen(value), out);
        (void) fprintf(out, "\"%s", more[0] != '\0' ? "," : "");
    }
    (void) fprintf(out, "%s}", more);
}


static void
metrics_print_histogram(const metrics_entry_t     *entry,
                        const mosn_metric_set_t   *set,
                        const mosn_metric_field_t *field, uint32_t slot,
                        FILE *out)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < MOSN_HISTOGRAM_BUCKETS; i++) {
        char le[40];

        count += mosn_metrics_read(slot + i);
        if (i < MOSN_HISTOGRAM_BUCKETS - 1) {
            (void) snprintf(le, sizeof(le), "le=\"%g\"",
                            (double) metrics_bounds_us[i] / 1e6);
        } else {
            (void) snprintf(le, sizeof(le), "le=\"+Inf\"");
        }
        (void) fprintf(out, "mosn_%s_%s_bucket", set->name, field->name);
        metrics_print_label(entry, set, le, out);
        (void) fprintf(out, " %" PRIu64 "\n", count);
    }
    (void) fprintf(out, "mosn_%s_%s_count", set->name, field->name);
    metrics_print_label(entry, set, "", out);
    (void) fprintf(out, " %" PRIu64 "\n", count);
    (void) fprintf(out, "mosn_%s_%s_sum", set->name, field->name);
    metrics_print_label(entry, set, "", out);
    (void) fprintf(out, " %.6f\n",
                   (double) mosn_metrics_read(slot + MOSN_HISTOGRAM_BUCKETS)
                       / 1e6);
}


static void
metrics_print_field(const mosn_metric_set_t *set, size_t f, uint32_t offset,
                    FILE *out)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };

    const mosn_metric_field_t *field = &set->fields[f];
    uint32_t                   n = atomic_load(&metrics_header->n_entries);

    (void) fprintf(out, "# TYPE mosn_%s_%s %s\n", set->name, field->name,
                   types[field->kind]);
    (void) fprintf(out, "# HELP mosn_%s_%s %s\n", set->name, field->name,
                   field->help);

    for (uint32_t i = 0; i < n; i++) {
        const metrics_entry_t *entry = &metrics_header->entries[i];

        if (strcmp(entry->set, set->name) != 0) {
            continue;
        }
        if (field->kind == MOSN_HISTOGRAM) {
            metrics_print_histogram(entry, set, field, entry->first + offset,
                                    out);
            continue;
        }
        (void) fprintf(out, "mosn_%s_%s%s", set->name, field->name,
                       field->kind == MOSN_COUNTER ? "_total" : "");
        metrics_print_label(entry, set, "", out);
        (void) fprintf(out, " %" PRIu64 "\n",
                       mosn_metrics_read(entry->first + offset));
    }
}


void
mosn_metrics_print(const mosn_metric_set_t *const *sets, FILE *out)
{
    for (; metrics_header != NULL && *sets != NULL; sets++) {
        uint32_t offset = 0;

        for (size_t f = 0; f < (*sets)->n_fields; f++) {
            metrics_print_field(*sets, f, offset, out);
            offset += metrics_width(&(*sets)->fields[f]);
        }
    }
    (void) fputs("# EOF\n", out);
}


static void
metrics_print_entry(const metrics_entry_t *entry, const mosn_metric_set_t *set,
                    FILE *out)
{
    uint32_t slot = entry->first;

    for (size_t f = 0; f < set->n_fields; f++) {
        const mosn_metric_field_t *field = &set->fields[f];
        uint64_t                   value = 0;
        uint32_t                   width = metrics_width(field);

        for (uint32_t k = 0; k < width && k < MOSN_HISTOGRAM_BUCKETS; k++) {
            value += mosn_metrics_read(slot + k);
        }
        (void) fprintf(out, "%s.%s%s%s%s: %" PRIu64 "\n", set->name,
                       entry->label, entry->label[0] != '\0' ? "." : "",
                       field->name,
                       field->kind == MOSN_HISTOGRAM ? ".count" : "", value);
        slot += width;
    }
}


void
mosn_metrics_print_plain(const mosn_metric_set_t *const *sets, FILE *out)
{
    for (; metrics_header != NULL && *sets != NULL; sets++) {
        uint32_t n = atomic_load(&metrics_header->n_entries);

        for (uint32_t i = 0; i < n; i++) {
            if (strcmp(metrics_header->entries[i].set, (*sets)->name) == 0) {
                metrics_print_entry(&metrics_header->entries[i], *sets, out);
            }
        }
    }
}
