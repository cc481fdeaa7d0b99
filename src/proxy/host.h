/*
 * proxy/host.h - one host of a cluster, as this process sees it.
 *
 * What all processes know of it lies in cells of the shared memory: health
 * is what checks have found, ejection what requests have.  A host is counted
 * by the set that it is in and by the requests that it has; one that left
 * its set finishes those.
 */

#ifndef MOSN_PROXY_HOST_H
#define MOSN_PROXY_HOST_H

#include "stream/pool.h"

typedef struct mosn_host_s            mosn_host_t;
typedef struct mosn_cluster_s         mosn_cluster_t;
typedef struct mosn_cluster_version_s mosn_cluster_version_t;

enum { MOSN_HOST_ENABLED, MOSN_HOST_DRAIN, MOSN_HOST_DISABLED };

typedef struct {
    mosn_address_t    address;
    mosn_str_t        name; /* "host:port" that is, or was, resolved */
    int64_t           weight;
    int64_t           priority;
    mosn_str_t        zone;
    int               state;
    mosn_conf_pairs_t metadata;
    mosn_str_t        resolved; /* by which answers: for each name its
                                   priority, weight and question */
} mosn_host_conf_t;

typedef MOSN_CONF_LIST(mosn_host_conf_t) mosn_host_list_t;

typedef struct {
    mosn_host_list_t hosts;
} mosn_hosts_conf_t;

/* Cells, from the first slot of its counters on. */
typedef enum {
    MOSN_HOST_CELL_HEALTH,        /* 0: not known, or a mosn_health_e */
    MOSN_HOST_CELL_EJECTED_UNTIL, /* milliseconds, monotonic; 0: it is not */
    MOSN_HOST_CELL_EJECTIONS,     /* in a row */
    MOSN_HOST_CELL_ERRORS,        /* in a row, answers */
    MOSN_HOST_CELL_LOCAL_ERRORS,  /* in a row, no answer was had */
    MOSN_HOST_CELLS_FOUND,        /* those above are what was found of it */
    MOSN_HOST_CELL_SINCE = MOSN_HOST_CELLS_FOUND, /* it is in use, ms */
    MOSN_HOST_CELL_GENERATION,                    /* that had it last */
    MOSN_HOST_CELLS,
} mosn_host_cell_e;

typedef enum {
    MOSN_HEALTH_UNKNOWN,
    MOSN_HEALTH_GOOD,
    MOSN_HEALTH_BAD,
    MOSN_HEALTH_AWAITED, /* it came to others: its first check decides */
} mosn_health_e;

struct mosn_host_s {
    uint32_t                refs;
    mosn_pool_t            *memory;
    mosn_cluster_version_t *version;
    const mosn_host_conf_t *conf; /* of the set; NULL: it left */
    mosn_address_t          address;
    mosn_str_t              name;   /* its address */
    uint64_t                id;     /* of its name, for cookies */
    uint32_t                weight; /* at this moment */
    uint32_t                metrics;
    uint32_t                n_active; /* requests of this worker */
    bool                    is_new;   /* of this set */
    bool                    seen;     /* looked at */
    bool                    usable;   /* when last looked at */
    bool                    awaited; /* its first check, when last looked at */
    bool                    fresh;   /* when it was adopted */
    bool                    checked; /* by a checker (health.c) */
    bool                    judged;  /* with these counts, last */
    uint64_t                judged_all;
    uint64_t                judged_bad;
    bool                    started;       /* its pool is */
    bool                    left;          /* its set, while it was in use */
    uint64_t                since_ms;      /* it is in use; for a slow start */
    uint64_t                lost_ms;       /* seen not to be usable, last */
    uint64_t                latency_ns;    /* moving peak average */
    uint64_t                latency_at_ns; /* when it was taken */
    _Atomic uint64_t        cells[MOSN_HOST_CELLS]; /* without slots */
    mosn_stream_pool_t      pool;                   /* of this worker */
    mosn_stream_pool_t     *high; /* mosn_host_pool() makes it; or NULL */
};

/* With one reference. */
mosn_host_t *mosn_host_create(const mosn_host_conf_t *conf,
                              mosn_cluster_version_t *version);

/* The same host, with other connections: what was counted of it goes on.
 * `was`: or NULL. */
void mosn_host_succeed(mosn_host_t *host, const mosn_host_t *was);

/* The first slot of the counters of a host; 0: there is no room.  Those of
 * one that is not touched for a minute may be given away. */
uint32_t mosn_host_slots(mosn_str_t cluster, mosn_str_t name);
void     mosn_host_touch(mosn_str_t cluster, mosn_str_t name);

/* In the master, of a host that `generation` has.  Unless generation `before`
 * had it, too, it is a fresh one: what was found of it then is forgotten. */
void mosn_host_adopt(mosn_host_t *host, uint64_t before, uint64_t generation);

/* In the master, of one that is used: a host that was not enabled before
 * comes into use now, for a slow start. */
void mosn_host_note_use(mosn_host_t *host);

/* In the master: no generation has it any more. */
void mosn_host_disown(mosn_host_t *host);

/* What was found of it is forgotten. */
void mosn_host_forget(mosn_host_t *host);

void mosn_host_start(mosn_host_t *host, mosn_loop_t *loop);

mosn_stream_pool_t *mosn_host_pool_high(mosn_host_t *host);

/* The pool for requests with a priority: its own where the high one has
 * limits of its own. */
static inline mosn_stream_pool_t *
mosn_host_pool(mosn_host_t *host, bool high)
{
    return MOSN_LIKELY(!high) ? &host->pool : mosn_host_pool_high(host);
}


/* Idle connections close, busy ones when they are done. */
void mosn_host_close(mosn_host_t *host);

/* Who waits for a connection to it goes elsewhere. */
void mosn_host_turn_away(mosn_host_t *host);

static inline bool
mosn_host_is_idle(const mosn_host_t *host)
{
    return host->pool.n_connections == 0 && host->pool.n_pending == 0
           && (host->high == NULL
               || (host->high->n_connections == 0
                   && host->high->n_pending == 0));
}


static inline mosn_host_t *
mosn_host_ref(mosn_host_t *host)
{
    host->refs++;
    return host;
}


void mosn_host_free(mosn_host_t *host);

static inline void
mosn_host_unref(mosn_host_t *host)
{
    if (--host->refs == 0) {
        mosn_host_free(host);
    }
}


/* A request more, or less, is under way to it. */
static inline void
mosn_host_count(mosn_host_t *host, int by)
{
    host->n_active += (uint32_t) by;
    mosn_metric_add(host->metrics + MOSN_UPSTREAM_REQUESTS_ACTIVE,
                    (uint64_t) by);
}


/* It is of no set any more: finishes what it has. */
void mosn_host_leave(mosn_host_t *host);

/* Of one for which there was no room each process has its own. */
static inline _Atomic uint64_t *
mosn_host_cell(mosn_host_t *host, mosn_host_cell_e cell)
{
    return host->metrics != 0 ? mosn_metrics_cell(host->metrics + cell)
                              : &host->cells[cell];
}


/* No check of it, which there will be, has an answer yet. */
static inline bool
mosn_host_is_awaited(mosn_host_t *host)
{
    return atomic_load_explicit(mosn_host_cell(host, MOSN_HOST_CELL_HEALTH),
                                memory_order_relaxed)
           == MOSN_HEALTH_AWAITED;
}


/* In the process that checks hosts: its connections to them are no clients'
 * (mosn_stream_pool_t). */
extern bool mosn_host_probes;

/* Why it gets no requests; NULL: it does. */
const char *mosn_host_why_not(mosn_host_t *host, uint64_t now_ms);

/* The same, but for what an operator has said: is it not well? */
const char *mosn_host_ailment(mosn_host_t *host, uint64_t now_ms);

/* What it is measured by: an attempt took so long, or ended without an
 * answer. */
void mosn_host_note_latency(mosn_host_t *host, uint64_t now_ns,
                            uint64_t took_ns);

/* The average, less as it gets older. */
uint64_t mosn_host_latency_ns(const mosn_host_t *host, uint64_t now_ns);

#endif
