/*
 * event/net_filter.h - what stands on a connection: filters and observers.
 *
 * Read filters see the bytes that arrived, in `conn->in`, in the order of
 * the configuration; the last one is the terminal one (the proxy, a TCP
 * proxy, a stream connection), which consumes them.  Write filters see what
 * is about to be sent.  Listener filters see a connection first, before its
 * filter chain is chosen.
 */

#ifndef MOSN_EVENT_NET_FILTER_H
#define MOSN_EVENT_NET_FILTER_H

#include "core/buf.h"
#include "core/conf.h"
#include "core/generation.h"
#include "core/list.h"
#include "core/module.h"
#include "core/rc.h"
#include "core/reason.h"

typedef struct mosn_conn_s              mosn_conn_t;
typedef struct mosn_net_filter_s        mosn_net_filter_t;
typedef struct mosn_net_filter_ops_s    mosn_net_filter_ops_t;
typedef struct mosn_conn_observer_s     mosn_conn_observer_t;
typedef struct mosn_listener_observer_s mosn_listener_observer_t;
typedef struct mosn_listener_s          mosn_listener_t;

typedef enum {
    MOSN_CONN_CONNECTED, /* a connect has succeeded */
    MOSN_CONN_CLOSED,    /* conn->reason says why; the last event */
    MOSN_CONN_DRAINED,   /* output fell below the low mark again */
    MOSN_CONN_IDLE,      /* the timer of mosn_conn_arm_idle() fired */
    MOSN_CONN_DRAIN,     /* this process goes away: finish what is begun */
    MOSN_CONN_CUT,       /* it is closed now: last words, if any */
} mosn_conn_event_e;

struct mosn_net_filter_ops_s {
    MOSN_MODULE_FIELDS

    /* Once per generation: finds what the settings name.  Mistakes go to
     * mosn_conf_error().  May be NULL. */
    void (*build)(mosn_conf_t *reader, mosn_generation_t *generation,
                  void *conf, mosn_str_t listener);

    /* Do these settings name that cluster, built or not?  NULL: they name
     * none. */
    bool (*names)(const void *conf, mosn_str_t cluster);

    /* A new connection; filter->state is for the filter to set.  ERROR
     * closes it.  May be NULL. */
    mosn_rc_e (*on_open)(mosn_net_filter_t *filter, mosn_conn_t *conn);

    /* Bytes in conn->in, or conn->eof.  NEXT: the next filter may look.
     * PAUSE: not before mosn_conn_resume_filters().  END: closed.  A filter
     * that stands alone consumes by moving conn->in.pos. */
    mosn_verdict_e (*on_read)(mosn_net_filter_t *filter, mosn_conn_t *conn);

    /* What is about to be sent, to look at or to rewrite.  May be NULL. */
    void (*on_write)(mosn_net_filter_t *filter, mosn_conn_t *conn,
                     mosn_chain_t *out);

    /* May be NULL. */
    void (*on_event)(mosn_net_filter_t *filter, mosn_conn_t *conn,
                     mosn_conn_event_e event);

    /* Which connections of another generation it goes on with: the protocol
     * it speaks, "auto" for any, and behind a "+" the filter that it falls
     * back to.  NULL: with all that a filter of its name has had. */
    void (*tell)(const void *conf, char *text, size_t room);

    /* What a terminal filter's protocol says to a connection over the
     * limit, before it is closed; empty: nothing. */
    mosn_str_t refusal;

    bool terminal; /* consumes; must be the last of its chain */
};

struct mosn_net_filter_s {
    const mosn_net_filter_ops_t *ops;
    const void                  *conf;
    void                        *state;
    mosn_net_filter_t           *next;
};

/* Observes, never decides.  Embedded by whoever wants to know. */
struct mosn_conn_observer_s {
    mosn_list_t link;
    void (*on_event)(mosn_conn_observer_t *observer, mosn_conn_t *conn,
                     mosn_conn_event_e event);
};

typedef enum {
    MOSN_LISTENER_ACCEPTED, /* `conn` is new, its filters are not yet open */
    MOSN_LISTENER_REFUSED,  /* over a limit; no `conn` */
    MOSN_LISTENER_STOPPED,
} mosn_listener_event_e;

struct mosn_listener_observer_s {
    mosn_list_t link;
    void (*on_event)(mosn_listener_observer_t *observer,
                     mosn_listener_t *listener, mosn_listener_event_e event,
                     mosn_conn_t *conn);
};

#endif
