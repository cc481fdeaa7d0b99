/*
 * core/module.h - what is replaceable, and how it is found.
 *
 * A module is one file with one MOSN_MODULE line.  `configure` collects the
 * lines into objs/modules.c; there is no central switch, and the order means
 * nothing.  The same file, built as a shared object, is loaded when the
 * configuration names it; it stays for the life of the process.  The ops table
 * of every kind begins with MOSN_MODULE_FIELDS.
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

#define MOSN_MODULE_OF(kind, name, ops)                                       \
    extern const mosn_module_t mosn_module_##kind##_##name;                   \
    const mosn_module_t mosn_module_##kind##_##name = { kind, #name, ops }

/* A shared object has one module.  It says what it was built against: any
 * change to what it sees of us is another number. */
#define MOSN_ABI       1
#define MOSN_ABI_MAGIC 0x6d6f736eu

typedef struct {
    uint32_t             magic;
    uint32_t             abi;
    const mosn_module_t *module;
} mosn_plugin_t;

#ifdef MOSN_SHARED /* cc -shared -fPIC -DMOSN_SHARED */
#define MOSN_MODULE(kind, name, ops)                                          \
    MOSN_MODULE_OF(kind, name, ops);                                          \
    extern const mosn_plugin_t mosn_plugin;                                   \
    const mosn_plugin_t        mosn_plugin = { MOSN_ABI_MAGIC, MOSN_ABI,      \
                                               &mosn_module_##kind##_##name }
#else
#define MOSN_MODULE(kind, name, ops) MOSN_MODULE_OF(kind, name, ops)
#endif

/* Loads a shared object, once.  False: it is none of ours; `why` says it. */
bool mosn_module_load(const char *path, char *why, size_t room);

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
