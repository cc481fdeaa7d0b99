/*
 * core/directive.h - settings as tables.
 *
 * One row describes one setting: its name, type, bounds, default and a
 * sentence.  Parsing, bounds, unknown-key errors, `mosn -T` and the
 * reference all come of the rows.  The member of the struct has the name of
 * the setting, durations with `_ms` behind it.
 */

#ifndef MOSN_CORE_DIRECTIVE_H
#define MOSN_CORE_DIRECTIVE_H

#include "core/pool.h"
#include "os/address.h"

typedef struct mosn_conf_s       mosn_conf_t;
typedef struct mosn_conf_block_s mosn_conf_block_t;
typedef struct mosn_directive_s  mosn_directive_t;
typedef struct mosn_module_s     mosn_module_t;

typedef enum {
    MOSN_TYPE_END,
    MOSN_TYPE_BOOL,         /* bool */
    MOSN_TYPE_INT,          /* int64_t */
    MOSN_TYPE_AUTO_INT,     /* int64_t; "auto" is -1 */
    MOSN_TYPE_FLOAT,        /* double */
    MOSN_TYPE_SIZE,         /* size_t; 4096, "64k", "1m" */
    MOSN_TYPE_DURATION,     /* uint32_t milliseconds; "250ms", "30s", "5m" */
    MOSN_TYPE_STRING,       /* mosn_str_t, NUL behind it */
    MOSN_TYPE_ENUM,         /* int: index of a name */
    MOSN_TYPE_ADDRESS,      /* mosn_address_t */
    MOSN_TYPE_STRINGS,      /* mosn_strs_t; ["a", "b"] */
    MOSN_TYPE_STRING_LISTS, /* mosn_str_lists_t; ( ["a"], ["b", "c"] ) */
    MOSN_TYPE_GROUP,        /* T: always there, filled with defaults */
    MOSN_TYPE_OPT_GROUP,    /* T *: NULL when not set */
    MOSN_TYPE_LIST,         /* MOSN_CONF_LIST(T) of groups */
    MOSN_TYPE_MODULES,      /* MOSN_CONF_LIST(mosn_conf_module_t) */
    MOSN_TYPE_MAP,          /* MOSN_CONF_LIST(mosn_conf_pair_t) */
} mosn_type_e;

#define MOSN_CONF_LIST(T)                                                     \
    struct {                                                                  \
        T     *items;                                                         \
        size_t n;                                                             \
    }

typedef MOSN_CONF_LIST(mosn_str_t) mosn_strs_t;
typedef MOSN_CONF_LIST(mosn_strs_t) mosn_str_lists_t;

typedef struct {
    const mosn_module_t *module;
    void                *conf; /* the module's struct */
} mosn_conf_module_t;

typedef struct {
    mosn_str_t name;
    mosn_str_t value;
} mosn_conf_pair_t;

typedef MOSN_CONF_LIST(mosn_conf_module_t) mosn_conf_modules_t;
typedef MOSN_CONF_LIST(mosn_conf_pair_t) mosn_conf_pairs_t;

/* A group of settings and the struct that holds them. */
struct mosn_conf_block_s {
    const char             *doc;
    size_t                  size;
    const mosn_directive_t *directives;
    /* What needs more than one setting; may be NULL. */
    void (*check)(mosn_conf_t *reader, void *conf);
};

struct mosn_directive_s {
    const char              *name;
    mosn_type_e              type;
    bool                     required;
    size_t                   offset;
    int64_t                  min;
    int64_t                  max;
    int64_t                  def;
    const char              *def_text; /* strings, addresses, floats */
    const char              *doc;
    const char *const       *names; /* ENUM, NULL-ended */
    const mosn_conf_block_t *block; /* GROUP, OPT_GROUP, LIST */
    int                      kind;  /* MODULES: mosn_module_kind_e */
    /* Acts at once: what is read after it depends on it.  Tells a mistake
     * with mosn_conf_error().  NULL: nothing to do. */
    void (*on_read)(mosn_conf_t *reader, const void *member);
};

#define MOSN_ROW(T, member, setting, kind, ...)                               \
    {                                                                         \
        .name = setting, .type = MOSN_TYPE_##kind,                            \
        .offset = offsetof(T, member), __VA_ARGS__                            \
    }

#define MOSN_BOOL(T, member, default_, doc_)                                  \
    MOSN_ROW(T, member, #member, BOOL, .def = (default_), .doc = (doc_))
#define MOSN_INT(T, member, min_, max_, default_, doc_)                       \
    MOSN_ROW(T, member, #member, INT, .min = (min_), .max = (max_),           \
             .def = (default_), .doc = (doc_))
#define MOSN_AUTO_INT(T, member, min_, max_, doc_)                            \
    MOSN_ROW(T, member, #member, AUTO_INT, .min = (min_), .max = (max_),      \
             .def = -1, .doc = (doc_))
/* Bounds are whole numbers. */
#define MOSN_FLOAT(T, member, min_, max_, default_, doc_)                     \
    MOSN_ROW(T, member, #member, FLOAT, .min = (min_), .max = (max_),         \
             .def_text = (default_), .doc = (doc_))
#define MOSN_SIZE(T, member, min_, max_, default_, doc_)                      \
    MOSN_ROW(T, member, #member, SIZE, .min = (min_), .max = (max_),          \
             .def = (default_), .doc = (doc_))
/* `name` is the setting, the member is `name_ms`; all in milliseconds. */
#define MOSN_DURATION(T, name_, min_, max_, default_, doc_)                   \
    MOSN_ROW(T, name_##_ms, #name_, DURATION, .min = (min_), .max = (max_),   \
             .def = (default_), .doc = (doc_))
#define MOSN_STRING(T, member, default_, doc_)                                \
    MOSN_ROW(T, member, #member, STRING, .def_text = (default_), .doc = (doc_))
#define MOSN_STRING_REQUIRED(T, member, doc_)                                 \
    MOSN_ROW(T, member, #member, STRING, .required = true, .doc = (doc_))
#define MOSN_ENUM(T, member, names_, default_, doc_)                          \
    MOSN_ROW(T, member, #member, ENUM, .names = (names_), .def = (default_),  \
             .doc = (doc_))
#define MOSN_ADDRESS(T, member, default_, doc_)                               \
    MOSN_ROW(T, member, #member, ADDRESS, .def_text = (default_),             \
             .doc = (doc_))
#define MOSN_ADDRESS_REQUIRED(T, member, doc_)                                \
    MOSN_ROW(T, member, #member, ADDRESS, .required = true, .doc = (doc_))
#define MOSN_STRINGS(T, member, doc_)                                         \
    MOSN_ROW(T, member, #member, STRINGS, .doc = (doc_))
/* Comma-separated default. */
#define MOSN_STRINGS_DEFAULT(T, member, default_, doc_)                       \
    MOSN_ROW(T, member, #member, STRINGS, .def_text = (default_),             \
             .doc = (doc_))
#define MOSN_STRINGS_REQUIRED(T, member, doc_)                                \
    MOSN_ROW(T, member, #member, STRINGS, .required = true, .doc = (doc_))
#define MOSN_STRING_LISTS(T, member, doc_)                                    \
    MOSN_ROW(T, member, #member, STRING_LISTS, .doc = (doc_))
/* `on_read_` is called with the member when it has been read. */
#define MOSN_STRINGS_ACTING(T, member, on_read_, doc_)                        \
    MOSN_ROW(T, member, #member, STRINGS, .on_read = (on_read_), .doc = (doc_))
#define MOSN_GROUP(T, member, block_, doc_)                                   \
    MOSN_ROW(T, member, #member, GROUP, .block = (block_), .doc = (doc_))
#define MOSN_OPT_GROUP(T, member, block_, doc_)                               \
    MOSN_ROW(T, member, #member, OPT_GROUP, .block = (block_), .doc = (doc_))
#define MOSN_LIST(T, member, block_, doc_)                                    \
    MOSN_ROW(T, member, #member, LIST, .block = (block_), .doc = (doc_))
#define MOSN_LIST_REQUIRED(T, member, block_, doc_)                           \
    MOSN_ROW(T, member, #member, LIST, .block = (block_), .required = true,   \
             .doc = (doc_))
#define MOSN_MODULES(T, member, kind_, doc_)                                  \
    MOSN_ROW(T, member, #member, MODULES, .kind = (kind_), .doc = (doc_))
#define MOSN_MAP(T, member, doc_)                                             \
    MOSN_ROW(T, member, #member, MAP, .doc = (doc_))

#define MOSN_DIRECTIVES_END                                                   \
    {                                                                         \
        .type = MOSN_TYPE_END                                                 \
    }

#endif
