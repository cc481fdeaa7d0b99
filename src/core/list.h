/*
 * core/list.h - doubly linked lists whose links are embedded.
 *
 * A head is a link of its own.  An unlinked link points at itself, so that
 * unlinking twice is harmless; in a debug build a link is poisoned when its
 * owner's memory goes.
 */

#ifndef MOSN_CORE_LIST_H
#define MOSN_CORE_LIST_H

#include "os/compiler.h"

typedef struct mosn_list_s mosn_list_t;

struct mosn_list_s {
    mosn_list_t *next;
    mosn_list_t *prev;
};

static inline void
mosn_list_init(mosn_list_t *list)
{
    list->next = list->prev = list;
}


static inline bool
mosn_list_is_empty(const mosn_list_t *list)
{
    return list->next == list;
}


static inline void
mosn_list_insert_before(mosn_list_t *at, mosn_list_t *link)
{
    link->prev = at->prev;
    link->next = at;
    at->prev->next = link;
    at->prev = link;
}


static inline void
mosn_list_append(mosn_list_t *head, mosn_list_t *link)
{
    mosn_list_insert_before(head, link);
}


static inline void
mosn_list_prepend(mosn_list_t *head, mosn_list_t *link)
{
    mosn_list_insert_before(head->next, link);
}


static inline void
mosn_list_unlink(mosn_list_t *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    mosn_list_init(link);
}


/* Moves everything in `from` behind what is in `to`. */
static inline void
mosn_list_take_all(mosn_list_t *to, mosn_list_t *from)
{
    if (mosn_list_is_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    mosn_list_init(from);
}


#endif
