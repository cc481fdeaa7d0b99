/*
 * core/conf.c - libconfig trees into structs.
 *
 * The reader remembers which setting filled which member (by address), so
 * that a later stage names file, line and path of a mistake by pointing at
 * the member.
 */

#include "core/conf.h"
#include "core/conf_scan.h"
#include "core/module.h"

#include <errno.h>
#include <libconfig.h>
#include <stdarg.h>
#include <sys/stat.h>

#define MAX_ERRORS 200

typedef struct {
    const void       *member;
    config_setting_t *setting;
} conf_place_t;

struct mosn_conf_s {
    mosn_pool_t  *pool;
    config_t      tree;
    const char   *name; /* of the file or text given */
    conf_place_t *places;
    size_t        n_places;
    size_t        places_mask;
    char        **errors;
    size_t        n_errors;
    bool          is_read; /* without an error */
};

static void conf_read_group(mosn_conf_t *c, config_setting_t *group,
                            const mosn_directive_t *rows,
                            const mosn_directive_t *more, void *conf);


mosn_conf_t *
mosn_conf_create(mosn_pool_t *pool)
{
    mosn_conf_t *c = mosn_calloc(sizeof(*c));

    c->pool = pool;
    config_init(&c->tree);
    c->places_mask = 1023;
    c->places = mosn_calloc((c->places_mask + 1) * sizeof(*c->places));
    c->errors = mosn_calloc(MAX_ERRORS * sizeof(*c->errors));
    return c;
}


void
mosn_conf_destroy(mosn_conf_t **reader)
{
    mosn_conf_t *c = *reader;

    *reader = NULL;
    for (size_t i = 0; i < c->n_errors; i++) {
        free(c->errors[i]);
    }
    free(c->errors);
    free(c->places);
    config_destroy(&c->tree);
    free(c);
}


/* --- places ------------------------------------------------------------ */

static conf_place_t *
conf_place(const mosn_conf_t *c, const void *member)
{
    size_t i =
        ((uintptr_t) member * 0x9e3779b97f4a7c15u >> 20) & c->places_mask;

    while (c->places[i].member != NULL && c->places[i].member != member) {
        i = (i + 1) & c->places_mask;
    }
    return &c->places[i];
}


static void
conf_remember(mosn_conf_t *c, const void *member, config_setting_t *setting)
{
    conf_place_t *place;

    if (c->n_places >= c->places_mask / 2) {
        conf_place_t *old = c->places;
        size_t        n = c->places_mask + 1;

        c->places_mask = n * 4 - 1;
        c->places = mosn_calloc(n * 4 * sizeof(*c->places));
        for (size_t i = 0; i < n; i++) {
            if (old[i].member != NULL) {
                *conf_place(c, old[i].member) = old[i];
            }
        }
        free(old);
    }

    place = conf_place(c, member);
    if (place->member == NULL) {
        c->n_places++;
    }
    place->member = member;
    place->setting = setting;
}


/* --- errors ------------------------------------------------------------ */

static size_t
conf_format_path(const config_setting_t *setting, char *out, size_t room)
{
    const config_setting_t *parent = config_setting_parent(setting);
    const char             *name = config_setting_name(setting);
    size_t                  n;

    if (parent == NULL) {
        out[0] = '\0';
        return 0;
    }

    n = conf_format_path(parent, out, room);
    if (n >= room) {
        return n;
    }
    if (name == NULL) {
        return n
               + (size_t) snprintf(out + n, room - n, "[%d]",
                                   config_setting_index(setting));
    }
    return n
           + (size_t) snprintf(out + n, room - n, "%s%s", n > 0 ? "." : "",
                               name);
}


/* "FILE:LINE"; a text that nobody has written has a title instead, with its
 * name in quotes, and lines that nobody would find. */
static const char *
conf_where(const mosn_conf_t *c, const config_setting_t *setting, char *out,
           size_t room)
{
    const char *file = setting ? config_setting_source_file(setting) : NULL;
    size_t      n = c->name != NULL ? strlen(c->name) : 0;

    if (file == NULL && n > 0 && c->name[n - 1] == '"') {
        (void) snprintf(out, room, "%s", c->name);
    } else {
        (void) snprintf(out, room, "%s:%u", file ? file : c->name,
                        setting ? config_setting_source_line(setting) : 0);
    }
    return out;
}


static void
conf_verror(mosn_conf_t *c, const config_setting_t *setting, const char *key,
            const char *fmt, va_list args)
{
    char   path[512] = "";
    char   text[1024];
    char   line[2048], where[512];
    size_t n = setting ? conf_format_path(setting, path, sizeof(path)) : 0;

    if (c->n_errors == MAX_ERRORS) {
        return;
    }
    if (key != NULL && n < sizeof(path)) {
        (void) snprintf(path + n, sizeof(path) - n, "%s%s", n > 0 ? "." : "",
                        key);
    }

    (void) vsnprintf(text, sizeof(text), fmt, args);
    (void) snprintf(line, sizeof(line), "%s: %s%s%s",
                    conf_where(c, setting, where, sizeof(where)), path,
                    path[0] != '\0' ? ": " : "", text);
    c->errors[c->n_errors++] = strdup(line);
}


/* An error at `setting`, or at its missing member `key`. */
static void MOSN_PRINTF(4, 5)
    conf_fail(mosn_conf_t *c, const config_setting_t *setting, const char *key,
              const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    conf_verror(c, setting, key, fmt, args);
    va_end(args);
}


static config_setting_t *
conf_find_place(const mosn_conf_t *c, const void *member, const void *group)
{
    config_setting_t *setting = conf_place(c, member)->setting;

    return setting != NULL || group == NULL ? setting
                                            : conf_place(c, group)->setting;
}


void
mosn_conf_error(mosn_conf_t *reader, const void *member, const void *group,
                const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    conf_verror(reader, conf_find_place(reader, member, group), NULL, fmt,
                args);
    va_end(args);
}


bool
mosn_conf_is_set(const mosn_conf_t *reader, const void *member)
{
    return conf_place(reader, member)->setting != NULL;
}


const char *
mosn_conf_where(mosn_conf_t *reader, const void *member)
{
    char where[512];

    return mosn_pool_strdup(
        reader->pool, conf_where(reader, conf_place(reader, member)->setting,
                                 where, sizeof(where)));
}


bool
mosn_conf_is_read(const mosn_conf_t *reader)
{
    return reader->is_read;
}


size_t
mosn_conf_n_errors(const mosn_conf_t *reader)
{
    return reader->n_errors;
}


const char *
mosn_conf_error_text(const mosn_conf_t *reader, size_t i)
{
    return reader->errors[i];
}


void
mosn_conf_print_errors(const mosn_conf_t *reader, FILE *out)
{
    for (size_t i = 0; i < reader->n_errors; i++) {
        (void) fprintf(out, "%s\n", reader->errors[i]);
    }
    if (reader->n_errors == MAX_ERRORS) {
        (void) fprintf(out, "%s: more than %d errors, the rest is not shown\n",
                       reader->name, MAX_ERRORS);
    }
}


/* --- scalars ----------------------------------------------------------- */

/* What stands there, for "expected ..., found ...". */
static const char *
conf_describe(const config_setting_t *s, char *out, size_t room)
{
    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        (void) snprintf(out, room, "the number %lld",
                        config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_FLOAT:
        (void) snprintf(out, room, "the number %g",
                        config_setting_get_float(s));
        break;
    case CONFIG_TYPE_STRING:
        (void) snprintf(out, room, "\"%.80s\"", config_setting_get_string(s));
        break;
    case CONFIG_TYPE_BOOL:
        (void) snprintf(out, room, "%s",
                        config_setting_get_bool(s) ? "true" : "false");
        break;
    case CONFIG_TYPE_GROUP:
        (void) snprintf(out, room, "a group { }");
        break;
    case CONFIG_TYPE_ARRAY:
        (void) snprintf(out, room, "an array [ ]");
        break;
    default:
        (void) snprintf(out, room, "a list ( )");
        break;
    }
    return out;
}


static void
conf_expected(mosn_conf_t *c, const config_setting_t *s, const char *what)
{
    char found[128];

    conf_fail(c, s, NULL, "expected %s, found %s", what,
              conf_describe(s, found, sizeof(found)));
}


static bool
conf_is_int(const config_setting_t *s)
{
    int type = config_setting_type(s);

    return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
}


/* The bounds as the operator would write the values. */
static bool
conf_is_in_range(mosn_conf_t *c, const config_setting_t *s,
                 const mosn_directive_t *row, int64_t value)
{
    char low[32], high[32];

    if (value >= row->min && value <= row->max) {
        return true;
    }
    if (row->type == MOSN_TYPE_DURATION) {
        (void) mosn_conf_format_duration((uint64_t) row->min, low);
        (void) mosn_conf_format_duration((uint64_t) row->max, high);
    } else if (row->type == MOSN_TYPE_SIZE) {
        (void) mosn_conf_format_size((uint64_t) row->min, low);
        (void) mosn_conf_format_size((uint64_t) row->max, high);
    } else {
        (void) snprintf(low, sizeof(low), "%lld", (long long) row->min);
        (void) snprintf(high, sizeof(high), "%lld", (long long) row->max);
    }
    conf_fail(c, s, NULL, "out of range: must be %s to %s", low, high);
    return false; /* the default stays: others may count on the bounds */
}


static void
conf_read_int(mosn_conf_t *c, config_setting_t *s, const mosn_directive_t *row,
              int64_t *value)
{
    const char *text = config_setting_get_string(s);

    if (row->type == MOSN_TYPE_AUTO_INT && text != NULL
        && strcmp(text, "auto") == 0)
    {
        *value = -1;
        return;
    }
    if (!conf_is_int(s)) {
        conf_expected(c, s,
                      row->type == MOSN_TYPE_INT ? "a whole number"
                                                 : "\"auto\" or a number");
        return;
    }
    if (conf_is_in_range(c, s, row, config_setting_get_int64(s))) {
        *value = config_setting_get_int64(s);
    }
}


static void
conf_read_size(mosn_conf_t *c, config_setting_t *s,
               const mosn_directive_t *row, size_t *value)
{
    const char *text = config_setting_get_string(s);
    uint64_t    bytes = 0;

    if (conf_is_int(s) && config_setting_get_int64(s) >= 0) {
        bytes = (uint64_t) config_setting_get_int64(s);
    } else if (text == NULL || !mosn_conf_parse_size(text, &bytes)) {
        conf_expected(c, s, "a size like 4096, \"64k\" or \"1m\"");
        return;
    }
    if (conf_is_in_range(c, s, row, (int64_t) bytes)) {
        *value = (size_t) bytes;
    }
}


static void
conf_read_duration(mosn_conf_t *c, config_setting_t *s,
                   const mosn_directive_t *row, uint32_t *value)
{
    const char *text = config_setting_get_string(s);
    uint64_t    ms = 0; /* which needs no unit */

    if (!(conf_is_int(s) && config_setting_get_int64(s) == 0)
        && (text == NULL || !mosn_conf_parse_duration(text, &ms)))
    {
        conf_expected(c, s, "a duration like \"250ms\", \"30s\" or \"5m\"");
        return;
    }
    if (conf_is_in_range(c, s, row, (int64_t) ms)) {
        *value = (uint32_t) ms;
    }
}


static void
conf_read_float(mosn_conf_t *c, config_setting_t *s,
                const mosn_directive_t *row, double *value)
{
    if (conf_is_int(s)) {
        *value = (double) config_setting_get_int64(s);
    } else if (config_setting_type(s) == CONFIG_TYPE_FLOAT) {
        *value = config_setting_get_float(s);
    } else {
        conf_expected(c, s, "a number");
        return;
    }
    if (*value < (double) row->min || *value > (double) row->max) {
        conf_fail(c, s, NULL, "out of range: must be %lld to %lld",
                  (long long) row->min, (long long) row->max);
    }
}


static void
conf_read_enum(mosn_conf_t *c, config_setting_t *s,
               const mosn_directive_t *row, int *value)
{
    const char *text = config_setting_get_string(s);
    char        all[512] = "one of";
    size_t      n = strlen(all);

    for (int i = 0; row->names[i] != NULL; i++) {
        if (text != NULL && strcmp(text, row->names[i]) == 0) {
            *value = i;
            return;
        }
        n += (size_t) snprintf(all + n, sizeof(all) - n, "%s \"%s\"",
                               i == 0 ? "" : ",", row->names[i]);
    }
    conf_expected(c, s, all);
}


static void
conf_read_string(mosn_conf_t *c, config_setting_t *s, mosn_str_t *value)
{
    const char *text = config_setting_get_string(s);

    if (text == NULL) {
        conf_expected(c, s, "a string");
        return;
    }
    *value = mosn_pool_copy(c->pool, mosn_str(text));
}


static void
conf_read_address(mosn_conf_t *c, config_setting_t *s, mosn_address_t *value)
{
    const char *text = config_setting_get_string(s);

    if (text == NULL || !mosn_address_parse(text, strlen(text), value)) {
        conf_expected(c, s,
                      "an address like \"127.0.0.1:80\", \"[::1]:80\" or "
                      "\"unix:/path\"");
    }
}


static void
conf_read_strings(mosn_conf_t *c, config_setting_t *s, mosn_strs_t *value)
{
    int n = config_setting_length(s);

    if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
        conf_expected(c, s, "an array of strings like [\"a\", \"b\"]");
        return;
    }

    value->n = (size_t) n;
    value->items = mosn_pool_calloc(c->pool, value->n * sizeof(*value->items));
    for (int i = 0; i < n; i++) {
        config_setting_t *item = config_setting_get_elem(s, (unsigned) i);

        conf_read_string(c, item, &value->items[i]);
        conf_remember(c, &value->items[i], item);
    }
}


static void
conf_read_string_lists(mosn_conf_t *c, config_setting_t *s,
                       mosn_str_lists_t *value)
{
    int n = config_setting_length(s);

    if (!config_setting_is_list(s)) {
        conf_expected(c, s,
                      "a list of arrays like ( [\"a\"], [\"b\", \"c\"] )");
        return;
    }
    value->n = (size_t) n;
    value->items = mosn_pool_calloc(c->pool, value->n * sizeof(*value->items));
    for (int i = 0; i < n; i++) {
        conf_read_strings(c, config_setting_get_elem(s, (unsigned) i),
                          &value->items[i]);
    }
}


/* --- groups ------------------------------------------------------------ */

static void
conf_read_block(mosn_conf_t *c, config_setting_t *s,
                const mosn_conf_block_t *block, void *conf)
{
    size_t before = c->n_errors;

    if (s != NULL && !config_setting_is_group(s)) {
        conf_expected(c, s, "a group { }");
        return;
    }
    if (s != NULL) {
        conf_remember(c, conf, s);
    }
    conf_read_group(c, s, block->directives, NULL, conf);
    if (block->check != NULL && c->n_errors == before) {
        block->check(c, conf);
    }
}


static void
conf_read_list(mosn_conf_t *c, config_setting_t *s,
               const mosn_conf_block_t *block, void *list)
{
    mosn_conf_modules_t out = { 0 }; /* all lists look alike */
    int                 n = config_setting_length(s);
    char               *items;

    if (!config_setting_is_list(s)) {
        conf_expected(c, s, "a list of groups ( { }, { } )");
        return;
    }

    items = mosn_pool_calloc(c->pool, (size_t) n * block->size);
    out.items = (void *) items;
    out.n = (size_t) n;
    memcpy(list, &out, sizeof(out));

    for (int i = 0; i < n; i++) {
        conf_read_block(c, config_setting_get_elem(s, (unsigned) i), block,
                        items + (size_t) i * block->size);
    }
}


static const mosn_directive_t conf_type_row[] = {
    { .name = "type", .type = MOSN_TYPE_END },
};


static void
conf_read_module(mosn_conf_t *c, config_setting_t *s, int kind,
                 mosn_conf_module_t *item)
{
    const char              *type = NULL;
    const mosn_module_ops_t *ops;
    size_t                   before = c->n_errors;

    if (!config_setting_is_group(s)) {
        conf_expected(c, s, "a group { type = \"...\"; }");
        return;
    }
    if (config_setting_lookup_string(s, "type", &type) != CONFIG_TRUE) {
        conf_fail(c, s, "type", "missing: the name of a %s",
                  mosn_module_kind_name((mosn_module_kind_e) kind));
        return;
    }

    item->module = mosn_module_find((mosn_module_kind_e) kind, mosn_str(type));
    if (item->module == NULL) {
        char names[512];

        mosn_module_names((mosn_module_kind_e) kind, names, sizeof(names));
        conf_fail(c, config_setting_get_member(s, "type"), NULL,
                  "there is no %s \"%s\"; there are: %s",
                  mosn_module_kind_name((mosn_module_kind_e) kind), type,
                  names);
        return;
    }

    ops = item->module->ops;
    item->conf = mosn_pool_calloc(c->pool, ops->conf_size + 1);
    conf_remember(c, item->conf, s);
    conf_read_group(c, s, ops->directives, conf_type_row, item->conf);
    if (ops->check != NULL && c->n_errors == before) {
        ops->check(c, item->conf);
    }
}


static void
conf_read_modules(mosn_conf_t *c, config_setting_t *s, int kind,
                  mosn_conf_modules_t *list)
{
    int n = config_setting_length(s);

    if (!config_setting_is_list(s)) {
        conf_expected(c, s, "a list of groups ( { type = \"...\"; } )");
        return;
    }
    list->n = (size_t) n;
    list->items = mosn_pool_calloc(c->pool, list->n * sizeof(*list->items));
    for (int i = 0; i < n; i++) {
        conf_read_module(c, config_setting_get_elem(s, (unsigned) i), kind,
                         &list->items[i]);
    }
}


/* `( ["name", "value"], ... )`, for names that libconfig cannot write. */
static void
conf_read_pair(mosn_conf_t *c, config_setting_t *s, mosn_conf_pair_t *pair)
{
    if (!config_setting_is_aggregate(s) || config_setting_is_group(s)
        || config_setting_length(s) != 2)
    {
        conf_expected(c, s, "a name and a value [\"name\", \"value\"]");
        return;
    }
    conf_read_string(c, config_setting_get_elem(s, 0), &pair->name);
    conf_read_string(c, config_setting_get_elem(s, 1), &pair->value);
}


static void
conf_read_map(mosn_conf_t *c, config_setting_t *s, mosn_conf_pairs_t *list)
{
    int n = config_setting_length(s);

    if (!config_setting_is_group(s) && !config_setting_is_list(s)) {
        conf_expected(c, s, "a group of strings { name = \"value\"; }");
        return;
    }
    list->n = (size_t) n;
    list->items = mosn_pool_calloc(c->pool, list->n * sizeof(*list->items));
    for (int i = 0; i < n; i++) {
        config_setting_t *item = config_setting_get_elem(s, (unsigned) i);
        const char       *name = config_setting_name(item);

        if (name == NULL) {
            conf_read_pair(c, item, &list->items[i]);
            continue;
        }
        list->items[i].name = mosn_pool_copy(c->pool, mosn_str(name));
        conf_read_string(c, item, &list->items[i].value);
    }
}


/* --- rows -------------------------------------------------------------- */

static void
conf_set_default_strings(mosn_conf_t *c, const char *text, mosn_strs_t *value)
{
    mosn_str_t list = mosn_str(text), member;
    mosn_str_t rest = list;

    while (mosn_str_next_member(&rest, &member)) {
        value->n++;
    }
    value->items = mosn_pool_calloc(c->pool, value->n * sizeof(*value->items));
    for (size_t i = 0; mosn_str_next_member(&list, &member); i++) {
        value->items[i] = mosn_pool_copy(c->pool, member);
    }
}


static void
conf_set_default(mosn_conf_t *c, const mosn_directive_t *row, void *at)
{
    switch (row->type) {
    case MOSN_TYPE_BOOL:
        *(bool *) at = row->def != 0;
        break;
    case MOSN_TYPE_INT:
    case MOSN_TYPE_AUTO_INT:
        *(int64_t *) at = row->def;
        break;
    case MOSN_TYPE_SIZE:
        *(size_t *) at = (size_t) row->def;
        break;
    case MOSN_TYPE_DURATION:
        *(uint32_t *) at = (uint32_t) row->def;
        break;
    case MOSN_TYPE_ENUM:
        *(int *) at = (int) row->def;
        break;
    case MOSN_TYPE_FLOAT:
        *(double *) at = row->def_text ? strtod(row->def_text, NULL) : 0;
        break;
    case MOSN_TYPE_STRING:
        *(mosn_str_t *) at = mosn_str(row->def_text);
        break;
    case MOSN_TYPE_ADDRESS:
        if (row->def_text != NULL) {
            (void) mosn_address_parse(row->def_text, strlen(row->def_text),
                                      at);
        }
        break;
    case MOSN_TYPE_STRINGS:
        if (row->def_text != NULL) {
            conf_set_default_strings(c, row->def_text, at);
        }
        break;
    case MOSN_TYPE_GROUP:
        conf_read_group(c, NULL, row->block->directives, NULL, at);
        break;
    default:
        break; /* empty: the struct is zeroed */
    }
}


static void
conf_read_opt_group(mosn_conf_t *c, config_setting_t *s,
                    const mosn_conf_block_t *block, void **at)
{
    *at = mosn_pool_calloc(c->pool, block->size);
    conf_read_block(c, s, block, *at);
}


static void
conf_read_setting(mosn_conf_t *c, config_setting_t *s,
                  const mosn_directive_t *row, void *at)
{
    conf_remember(c, at, s);

    switch (row->type) {
    case MOSN_TYPE_BOOL:
        if (config_setting_type(s) != CONFIG_TYPE_BOOL) {
            conf_expected(c, s, "true or false");
            break;
        }
        *(bool *) at = config_setting_get_bool(s) != 0;
        break;
    case MOSN_TYPE_INT:
    case MOSN_TYPE_AUTO_INT:
        conf_read_int(c, s, row, at);
        break;
    case MOSN_TYPE_FLOAT:
        conf_read_float(c, s, row, at);
        break;
    case MOSN_TYPE_SIZE:
        conf_read_size(c, s, row, at);
        break;
    case MOSN_TYPE_DURATION:
        conf_read_duration(c, s, row, at);
        break;
    case MOSN_TYPE_STRING:
        conf_read_string(c, s, at);
        break;
    case MOSN_TYPE_ENUM:
        conf_read_enum(c, s, row, at);
        break;
    case MOSN_TYPE_ADDRESS:
        conf_read_address(c, s, at);
        break;
    case MOSN_TYPE_STRINGS:
        conf_read_strings(c, s, at);
        break;
    case MOSN_TYPE_STRING_LISTS:
        conf_read_string_lists(c, s, at);
        break;
    case MOSN_TYPE_GROUP:
        conf_read_block(c, s, row->block, at);
        break;
    case MOSN_TYPE_OPT_GROUP:
        conf_read_opt_group(c, s, row->block, at);
        break;
    case MOSN_TYPE_LIST:
        conf_read_list(c, s, row->block, at);
        break;
    case MOSN_TYPE_MODULES:
        conf_read_modules(c, s, row->kind, at);
        break;
    case MOSN_TYPE_MAP:
        conf_read_map(c, s, at);
        break;
    case MOSN_TYPE_END:
        break;
    }
}


static const mosn_directive_t *
conf_find_row(const mosn_directive_t *rows, const char *name)
{
    for (; rows != NULL && rows->type != MOSN_TYPE_END; rows++) {
        if (strcmp(rows->name, name) == 0) {
            return rows;
        }
    }
    return NULL;
}


static void
conf_unknown_key(mosn_conf_t *c, const config_setting_t *s,
                 const mosn_directive_t *rows)
{
    mosn_str_t  name = mosn_str(config_setting_name(s));
    const char *nearest = NULL;
    unsigned    best = (unsigned) name.len / 3 + 2;

    for (; rows != NULL && rows->type != MOSN_TYPE_END; rows++) {
        unsigned distance = mosn_str_distance(name, mosn_str(rows->name));

        if (distance < best) {
            best = distance;
            nearest = rows->name;
        }
    }
    if (nearest != NULL) {
        conf_fail(c, s, NULL, "unknown setting; did you mean \"%s\"?",
                  nearest);
    } else {
        conf_fail(c, s, NULL, "unknown setting");
    }
}


/* `more`: names that the caller has read himself. */
static void
conf_read_group(mosn_conf_t *c, config_setting_t *group,
                const mosn_directive_t *rows, const mosn_directive_t *more,
                void *conf)
{
    int n = group ? config_setting_length(group) : 0;

    for (const mosn_directive_t *row = rows;
         row != NULL && row->type != MOSN_TYPE_END; row++)
    {
        conf_set_default(c, row, (char *) conf + row->offset);
    }

    for (const mosn_directive_t *row = rows;
         row != NULL && row->type != MOSN_TYPE_END && n > 0; row++)
    {
        config_setting_t *s = row->on_read != NULL
                                  ? config_setting_get_member(group, row->name)
                                  : NULL;

        if (s != NULL) { /* the others may depend on it */
            conf_read_setting(c, s, row, (char *) conf + row->offset);
            row->on_read(c, (char *) conf + row->offset);
        }
    }
    for (int i = 0; i < n; i++) {
        config_setting_t *s = config_setting_get_elem(group, (unsigned) i);
        const char       *name = config_setting_name(s);
        const mosn_directive_t *row = conf_find_row(rows, name);

        if (row != NULL && row->on_read != NULL) {
            continue;
        }
        if (row != NULL) {
            conf_read_setting(c, s, row, (char *) conf + row->offset);
        } else if (more == NULL || strcmp(more->name, name) != 0) {
            conf_unknown_key(c, s, rows);
        }
    }

    for (const mosn_directive_t *row = rows;
         row != NULL && row->type != MOSN_TYPE_END; row++)
    {
        if (row->required && group != NULL
            && config_setting_get_member(group, row->name) == NULL)
        {
            conf_fail(c, group, row->name, "missing: %s", row->doc);
        }
    }
}


/* --- entry ------------------------------------------------------------- */

static mosn_rc_e
conf_read_tree(mosn_conf_t *c, int parsed, const mosn_conf_block_t *block,
               void *conf)
{
    memset(conf, 0, block->size);

    if (parsed != CONFIG_TRUE) {
        const char *file = config_error_file(&c->tree);
        char        line[1024];

        if (config_error_type(&c->tree) == CONFIG_ERR_FILE_IO) {
            (void) snprintf(line, sizeof(line), "%s: cannot read: %s", c->name,
                            strerror(errno));
        } else {
            (void) snprintf(line, sizeof(line), "%s:%d: %s",
                            file ? file : c->name, config_error_line(&c->tree),
                            config_error_text(&c->tree));
        }
        c->errors[c->n_errors++] = strdup(line);
        return MOSN_ERROR;
    }

    conf_read_block(c, config_root_setting(&c->tree), block, conf);
    c->is_read = c->n_errors == 0;
    return c->is_read ? MOSN_OK : MOSN_ERROR;
}


/* What libconfig would read and should not. */
static bool
conf_scan(mosn_conf_t *c, const char *path, const char *text)
{
    char why[1024];

    if (path != NULL ? mosn_conf_scan_file(path, why, sizeof(why))
                     : mosn_conf_scan_text(c->name, text, why, sizeof(why)))
    {
        return true;
    }
    c->errors[c->n_errors++] = strdup(why);
    return false;
}


mosn_rc_e
mosn_conf_read_file(mosn_conf_t *reader, const char *path,
                    const mosn_conf_block_t *block, void *conf)
{
    const char *slash = strrchr(path, '/');
    struct stat st;

    reader->name = mosn_pool_strdup(reader->pool, path);

    /* @include is relative to the file that the operator named. */
    if (slash != NULL) {
        mosn_str_t dir = { path, slash == path ? 1 : (size_t) (slash - path) };

        config_set_include_dir(&reader->tree,
                               mosn_pool_copy(reader->pool, dir).at);
    }
    errno = 0;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        char line[1024];

        (void) snprintf(line, sizeof(line), "%s: cannot read: %s", path,
                        strerror(EISDIR));
        reader->errors[reader->n_errors++] = strdup(line);
        return MOSN_ERROR;
    }
    return conf_scan(reader, path, NULL) ? conf_read_tree(
               reader, config_read_file(&reader->tree, path), block, conf)
                                         : MOSN_ERROR;
}


mosn_rc_e
mosn_conf_read_text(mosn_conf_t *reader, const char *name, const char *text,
                    const mosn_conf_block_t *block, void *conf)
{
    reader->name = mosn_pool_strdup(reader->pool, name);
    return conf_scan(reader, NULL, text) ? conf_read_tree(
               reader, config_read_string(&reader->tree, text), block, conf)
                                         : MOSN_ERROR;
}
