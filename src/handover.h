/*
 * handover.h - connections go from an old worker to its heir.
 *
 * The master joins both with a socket pair.  The heir says which addresses
 * it serves; the elder gives it each connection that has come to rest, by
 * descriptor.  A connection whose address the heir does not serve stays, and
 * is closed in its own time.  When either side is gone the other goes on
 * alone.
 *
 *    heir   OFFER address, OFFER address ..., DONE
 *    elder  GIFT descriptor [and the one of its upstream] [unread bytes] ...
 *           BYTES key, bytes ... of a connection given while it was answered
 *           END key
 *
 * A connection with many requests under way need not come to rest: it moves
 * between two messages.  What its elder still answers it sends as BYTES; the
 * heir puts them on the wire between its own messages, when the elder says
 * that they end with a message.
 */

#ifndef MOSN_HANDOVER_H
#define MOSN_HANDOVER_H

#include "event/listener.h"

#define MOSN_HANDOVER_WORDS 96

/* Where the connections of a listener go. */
typedef struct {
    int32_t                      number; /* the heir's; -1: none */
    const mosn_net_filter_ops_t *ops;    /* what takes their bytes there */
    char                         speaks[MOSN_HANDOVER_WORDS];     /* "auto" */
    char                         falls_back[MOSN_HANDOVER_WORDS]; /* to that */
} mosn_heir_t;

typedef struct mosn_lane_s mosn_lane_t;

/* The elder's side. */
typedef struct {
    mosn_loop_t     *loop;
    mosn_lane_t     *lane; /* to the heir; NULL: there is none */
    bool             offered;
    bool             full; /* gifts wait for room in the socket */
    uint64_t         n_given;
    mosn_listener_t *listeners;
    size_t           n_listeners;
    mosn_heir_t     *theirs; /* of each listener */
    /* The heir is ready for gifts, or has room again; or there is none. */
    void (*on_ready)(void *owner);
    void *owner;
} mosn_bequest_t;

/* Takes `fd`.  Connections that are drained from now on ask to be given
 * away; see mosn_listener_give(). */
void mosn_bequest_start(mosn_bequest_t *bequest, mosn_loop_t *loop, int fd,
                        mosn_listener_t *listeners, size_t n,
                        void (*on_ready)(void *), void    *owner);
void mosn_bequest_end(mosn_bequest_t *bequest);

/* Has every heir heard of all that ended here?  Not before should we go. */
bool mosn_bequests_are_told(void);

/* The heir's side: takes `fd`; over when the elder is gone, or with
 * mosn_inherit_end() for all in `heirs`. */
void mosn_inherit_start(mosn_list_t *heirs, mosn_loop_t *loop, int fd,
                        mosn_listener_t *listeners, size_t n);
void mosn_inherit_end(mosn_list_t *heirs);

#endif
