/*
 * core/module.h - what is replaceable, and how it is found.
 *
 * A module is one file with one MOSN_MODULE line.  `configure` collects the
 * lines into objs/modules.c; there is no central switch, and the order means
 * nothing.  The ops table of every kind begins with MOSN_MODULE_FIELDS.
 */

#ifndef MOSN_CORE_MODULE_H
#define MOSN_CORE_MODULE_H

#include "core/directive.h"

typedef enum {
    MOSN_LISTENER_FILTER, /* event/net_filter.h */
    MOSN_NET_FILTER,      /* event/net_filter.h */
    MOSN_STREAM_FILTER,   /* stream/filter.h */
    MOSN_STREAM_PROTOCOL, /* stream/stream.h */
    MOSN_RPC_CODEC,       /* proto/rpc.h */
    MOSN_LB,              /* proxy/lb.h */
} mosn_module_kind_e;

/* The settings of a module: its own struct, read from the group that names
 * it by `type`. */
#define MOSN_MODULE_FIELDS                                                    \
    size_t                  conf_size;                                        \
    const mosn_directive_t *directives; /* NULL: it has no settings */        \
    const char             *doc;                                              \
    /* More than one setting can tell: mosn_conf_error() for each */          \
    /* mistake.  May be NULL. */                                              \
    void (*check)(mosn_conf_t * reader, void *conf);

typedef struct {
    MOSN_MODULE_FIELDS
} mosn_module_ops_t;

struct mosn_module_s {
    mosn_module_kind_e kind;
    const char        *name;
    const void        *ops;
};

#define MOSN_MODULE(kind, name, ops)                                          \
    extern const mosn_module_t mosn_module_##kind##_##name;                   \
    const mosn_module_t mosn_module_##kind##_##name = { kind, #name, ops }

/* All modules of this build, NULL-ended; generated. */
extern const mosn_module_t *const mosn_modules[];

/* The `i`th of all modules, those of this build first; NULL: no more. */
const mosn_module_t *mosn_module_at(size_t i);

/* NULL when there is none of that name. */
const mosn_module_t *mosn_module_find(mosn_module_kind_e kind,
                                      mosn_str_t         name);

/* The names of a kind, "a, b, c", for messages and the reference. */
void mosn_module_names(mosn_module_kind_e kind, char *out, size_t room);

/* What a kind is called: "net filter". */
const char *mosn_module_kind_name(mosn_module_kind_e kind);

#endif
