/*
 * core/conf_print.c - the directive tables read backwards: structs as
 * libconfig text, and the tables themselves as the reference.
 */

#include "core/conf.h"
#include "core/module.h"

#include <ctype.h>

static void print_rows(const mosn_directive_t *rows, const void *conf,
                       int depth, FILE *out);


static void
print_indent(int depth, FILE *out)
{
    (void) fprintf(out, "%*s", depth * 2, "");
}


static void
print_string(mosn_str_t s, FILE *out)
{
    (void) fputc('"', out);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t) s.at[i];

        if (c == '"' || c == '\\') {
            (void) fprintf(out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            (void) fprintf(out, "\\x%02x", c);
        } else {
            (void) fputc(c, out);
        }
    }
    (void) fputc('"', out);
}


/* libconfig cuts numbers without an L to 32 bits. */
static void
print_int(int64_t value, FILE *out)
{
    (void) fprintf(out, "%lld%s", (long long) value,
                   value == (int32_t) value ? "" : "L");
}


static void
print_strings(const mosn_strs_t *list, FILE *out)
{
    (void) fputc('[', out);
    for (size_t i = 0; i < list->n; i++) {
        if (i > 0) {
            (void) fputs(", ", out);
        }
        print_string(list->items[i], out);
    }
    (void) fputc(']', out);
}


static void
print_group(const mosn_directive_t *rows, const char *type, const void *conf,
            int depth, FILE *out)
{
    (void) fputs("{\n", out);
    if (type != NULL) {
        print_indent(depth + 1, out);
        (void) fprintf(out, "type = \"%s\";\n", type);
    }
    if (rows != NULL) {
        print_rows(rows, conf, depth + 1, out);
    }
    print_indent(depth, out);
    (void) fputc('}', out);
}


static void
print_list(const mosn_directive_t *row, const void *at, int depth, FILE *out)
{
    mosn_conf_modules_t list; /* all lists look alike */

    memcpy(&list, at, sizeof(list));
    (void) fputs("( ", out);
    for (size_t i = 0; i < list.n; i++) {
        if (i > 0) {
            (void) fputs(", ", out);
        }
        if (row->type == MOSN_TYPE_MODULES) {
            const mosn_module_t     *module = list.items[i].module;
            const mosn_module_ops_t *ops = module->ops;

            print_group(ops->directives, module->name, list.items[i].conf,
                        depth, out);
        } else {
            print_group(row->block->directives, NULL,
                        (const char *) (void *) list.items
                            + i * row->block->size,
                        depth, out);
        }
    }
    (void) fputs(" )", out);
}


/* Can libconfig have it for the name of a setting? */
static bool
print_is_name(mosn_str_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char) name.at[i];

        if (!(isalpha(c) || c == '*'
              || (i > 0 && (isdigit(c) || c == '_' || c == '-'))))
        {
            return false;
        }
    }
    return name.len > 0;
}


/* `{ name = "value"; }`, or with names of all kinds
 * `( ["name", "value"] )`. */
static void
print_map(const mosn_conf_pairs_t *list, FILE *out)
{
    bool names = true;

    for (size_t i = 0; i < list->n; i++) {
        names &= print_is_name(list->items[i].name);
    }
    (void) fputs(names ? "{ " : "( ", out);
    for (size_t i = 0; i < list->n; i++) {
        const mosn_conf_pair_t *pair = &list->items[i];

        if (names) {
            (void) fprintf(out, "%.*s = ", MOSN_STR_ARG(pair->name));
            print_string(pair->value, out);
            (void) fputs("; ", out);
            continue;
        }
        (void) fputs(i > 0 ? ", [" : "[", out);
        print_string(pair->name, out);
        (void) fputs(", ", out);
        print_string(pair->value, out);
        (void) fputc(']', out);
    }
    (void) fputs(names ? "}" : " )", out);
}


/* No more digits than it takes to read the same number again. */
static void
print_float(double value, FILE *out)
{
    char text[40];

    for (int digits = 6; digits <= 17; digits++) {
        double again;

        (void) snprintf(text, sizeof(text), "%#.*g", digits, value);
        again = strtod(text, NULL);
        if (memcmp(&again, &value, sizeof(value)) == 0) {
            break;
        }
    }
    (void) fputs(text, out);
}


static void
print_string_lists(const mosn_str_lists_t *lists, FILE *out)
{
    (void) fputs("( ", out);
    for (size_t i = 0; i < lists->n; i++) {
        (void) fputs(i > 0 ? ", " : "", out);
        print_strings(&lists->items[i], out);
    }
    (void) fputs(" )", out);
}


/* Not set, and without a default: nothing to print. */
static bool
print_is_absent(const mosn_directive_t *row, const void *at)
{
    switch (row->type) {
    case MOSN_TYPE_STRING:
        return ((const mosn_str_t *) at)->at == NULL;
    case MOSN_TYPE_ADDRESS:
        return ((const mosn_address_t *) at)->len == 0;
    case MOSN_TYPE_OPT_GROUP:
        return *(void *const *) at == NULL;
    case MOSN_TYPE_STRINGS:
    case MOSN_TYPE_STRING_LISTS:
    case MOSN_TYPE_LIST:
    case MOSN_TYPE_MODULES:
    case MOSN_TYPE_MAP:
        return ((const mosn_strs_t *) at)->n == 0;
    default:
        return false;
    }
}


static void
print_value(const mosn_directive_t *row, const void *at, int depth, FILE *out)
{
    char text[MOSN_ADDRESS_TEXT];

    switch (row->type) {
    case MOSN_TYPE_BOOL:
        (void) fputs(*(const bool *) at ? "true" : "false", out);
        break;
    case MOSN_TYPE_AUTO_INT:
        if (*(const int64_t *) at == -1) {
            (void) fputs("\"auto\"", out);
            break;
        } /* fall through */
    case MOSN_TYPE_INT:
        print_int(*(const int64_t *) at, out);
        break;
    case MOSN_TYPE_FLOAT:
        print_float(*(const double *) at, out);
        break;
    case MOSN_TYPE_SIZE:
        (void) fprintf(out, "\"%s\"",
                       mosn_conf_format_size(*(const size_t *) at, text));
        break;
    case MOSN_TYPE_DURATION:
        (void) fprintf(
            out, "\"%s\"",
            mosn_conf_format_duration(*(const uint32_t *) at, text));
        break;
    case MOSN_TYPE_STRING:
        print_string(*(const mosn_str_t *) at, out);
        break;
    case MOSN_TYPE_ENUM:
        (void) fprintf(out, "\"%s\"", row->names[*(const int *) at]);
        break;
    case MOSN_TYPE_ADDRESS: {
        const mosn_address_t *a = at;

        (void) mosn_address_format(&a->sa, a->len, text);
        (void) fprintf(out, "\"%s\"", text);
        break;
    }
    case MOSN_TYPE_STRINGS:
        print_strings(at, out);
        break;
    case MOSN_TYPE_STRING_LISTS:
        print_string_lists(at, out);
        break;
    case MOSN_TYPE_GROUP:
        print_group(row->block->directives, NULL, at, depth, out);
        break;
    case MOSN_TYPE_OPT_GROUP:
        print_group(row->block->directives, NULL, *(void *const *) at, depth,
                    out);
        break;
    case MOSN_TYPE_LIST:
    case MOSN_TYPE_MODULES:
        print_list(row, at, depth, out);
        break;
    case MOSN_TYPE_MAP:
        print_map(at, out);
        break;
    case MOSN_TYPE_END:
        break;
    }
}


static void
print_rows(const mosn_directive_t *rows, const void *conf, int depth,
           FILE *out)
{
    for (; rows->type != MOSN_TYPE_END; rows++) {
        const void *at = (const char *) conf + rows->offset;

        if (print_is_absent(rows, at)) {
            continue;
        }
        print_indent(depth, out);
        (void) fprintf(out, "%s = ", rows->name);
        print_value(rows, at, depth, out);
        (void) fputs(";\n", out);
    }
}


void
mosn_conf_print(const mosn_conf_block_t *block, const void *conf, FILE *out)
{
    print_rows(block->directives, conf, 0, out);
}


char *
mosn_conf_text(const mosn_conf_block_t *block, const void *conf)
{
    char  *text = NULL;
    size_t n = 0;
    FILE  *out = open_memstream(&text, &n);

    if (out != NULL) {
        mosn_conf_print(block, conf, out);
        (void) fclose(out);
    }
    return text;
}


char *
mosn_conf_errors_text(const mosn_conf_t *reader)
{
    char  *text = NULL;
    size_t n = 0;
    FILE  *out = open_memstream(&text, &n);

    if (out != NULL) {
        mosn_conf_print_errors(reader, out);
        (void) fclose(out);
    }
    return text;
}


/* --- the reference ------------------------------------------------------ */

void
mosn_conf_print_type(const mosn_directive_t *row, FILE *out)
{
    static const char *const names[] = {
        [MOSN_TYPE_BOOL] = "true or false",
        [MOSN_TYPE_INT] = "number",
        [MOSN_TYPE_AUTO_INT] = "\"auto\" or number",
        [MOSN_TYPE_FLOAT] = "number",
        [MOSN_TYPE_SIZE] = "size",
        [MOSN_TYPE_DURATION] = "duration",
        [MOSN_TYPE_STRING] = "string",
        [MOSN_TYPE_ADDRESS] = "address",
        [MOSN_TYPE_STRINGS] = "array of strings",
        [MOSN_TYPE_STRING_LISTS] = "list of arrays of strings",
        [MOSN_TYPE_GROUP] = "group",
        [MOSN_TYPE_OPT_GROUP] = "group",
        [MOSN_TYPE_LIST] = "list of groups",
        [MOSN_TYPE_MODULES] = "list of groups with a `type`",
        [MOSN_TYPE_MAP] = "group of strings",
    };

    if (row->type == MOSN_TYPE_ENUM) {
        for (int i = 0; row->names[i] != NULL; i++) {
            (void) fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", row->names[i]);
        }
        return;
    }
    (void) fputs(names[row->type], out);
}


static void
reference_bounds(const mosn_directive_t *row, FILE *out)
{
    char low[32], high[32];

    switch (row->type) {
    case MOSN_TYPE_INT:
    case MOSN_TYPE_AUTO_INT:
    case MOSN_TYPE_FLOAT:
        (void) fprintf(out, ", %lld to %lld", (long long) row->min,
                       (long long) row->max);
        break;
    case MOSN_TYPE_SIZE:
        (void) fprintf(out, ", %s to %s",
                       mosn_conf_format_size((uint64_t) row->min, low),
                       mosn_conf_format_size((uint64_t) row->max, high));
        break;
    case MOSN_TYPE_DURATION:
        (void) fprintf(out, ", %s to %s",
                       mosn_conf_format_duration((uint64_t) row->min, low),
                       mosn_conf_format_duration((uint64_t) row->max, high));
        break;
    default:
        break;
    }
}


static void
reference_default(const mosn_directive_t *row, FILE *out)
{
    char text[32];

    if (row->required) {
        (void) fputs("**required**", out);
        return;
    }
    switch (row->type) {
    case MOSN_TYPE_BOOL:
        (void) fprintf(out, "`%s`", row->def != 0 ? "true" : "false");
        break;
    case MOSN_TYPE_INT:
        (void) fprintf(out, "`%lld`", (long long) row->def);
        break;
    case MOSN_TYPE_AUTO_INT:
        (void) fputs("`\"auto\"`", out);
        break;
    case MOSN_TYPE_SIZE:
        (void) fprintf(out, "`\"%s\"`",
                       mosn_conf_format_size((uint64_t) row->def, text));
        break;
    case MOSN_TYPE_DURATION:
        (void) fprintf(out, "`\"%s\"`",
                       mosn_conf_format_duration((uint64_t) row->def, text));
        break;
    case MOSN_TYPE_ENUM:
        (void) fprintf(out, "`\"%s\"`", row->names[row->def]);
        break;
    case MOSN_TYPE_STRINGS:
        (void) fprintf(out, row->def_text ? "`[%s]`" : "%s",
                       row->def_text ? row->def_text : "none");
        break;
    case MOSN_TYPE_FLOAT:
        (void) fprintf(out, "`%s`", row->def_text);
        break;
    case MOSN_TYPE_GROUP:
        (void) fputs("its defaults", out);
        break;
    default:
        (void) fprintf(out, row->def_text ? "`\"%s\"`" : "%s",
                       row->def_text ? row->def_text : "none");
        break;
    }
}


static void
reference_table(const mosn_directive_t *rows, FILE *out)
{
    if (rows == NULL || rows->type == MOSN_TYPE_END) {
        (void) fputs("No settings.\n\n", out);
        return;
    }

    (void) fputs("| setting | type | default | meaning |\n"
                 "| --- | --- | --- | --- |\n",
                 out);
    for (; rows->type != MOSN_TYPE_END; rows++) {
        (void) fprintf(out, "| `%s` | ", rows->name);
        mosn_conf_print_type(rows, out);
        reference_bounds(rows, out);
        (void) fputs(" | ", out);
        reference_default(rows, out);
        (void) fprintf(out, " | %s |\n", rows->doc);
    }
    (void) fputc('\n', out);
}


static void
reference_block(const mosn_conf_block_t *block, const char *path, FILE *out)
{
    (void) fprintf(out, "## %s\n\n%s\n\n", path, block->doc);
    reference_table(block->directives, out);

    for (const mosn_directive_t *row = block->directives;
         row->type != MOSN_TYPE_END; row++)
    {
        char sub[256];

        if (row->block == NULL) {
            continue;
        }
        (void) snprintf(sub, sizeof(sub), "%s%s%s%s",
                        block->doc && strchr(path, ' ') ? "" : path,
                        strchr(path, ' ') ? "" : ".", row->name,
                        row->type == MOSN_TYPE_LIST ? "[]" : "");
        reference_block(row->block, sub, out);
    }
}


void
mosn_conf_print_reference(const mosn_conf_block_t *block, FILE *out)
{
    reference_block(block, "Top level", out);

    for (size_t i = 0; mosn_module_at(i) != NULL; i++) {
        const mosn_module_t     *module = mosn_module_at(i);
        const mosn_module_ops_t *ops = module->ops;

        if (ops->doc == NULL) {
            continue; /* nothing that an operator names */
        }
        (void) fprintf(out, "## %s \"%s\"\n\n%s\n\n",
                       mosn_module_kind_name(module->kind), module->name,
                       ops->doc);
        reference_table(ops->directives, out);
        for (const mosn_directive_t *row = ops->directives;
             row != NULL && row->type != MOSN_TYPE_END; row++)
        {
            if (row->block != NULL) {
                char sub[256];

                (void) snprintf(sub, sizeof(sub), "%s.%s%s", module->name,
                                row->name,
                                row->type == MOSN_TYPE_LIST ? "[]" : "");
                reference_block(row->block, sub, out);
            }
        }
    }
}
