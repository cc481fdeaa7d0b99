/*
 * core/conf_man.c - the directive tables as a manual page.
 *
 * The text of the tables is Markdown light; what is special to roff, or is
 * a mark of Markdown, is written so that it comes out as it stands.
 */

#include "core/conf.h"
#include "core/module.h"


/* A backquote begins and ends bold. */
static void
man_text(const char *text, FILE *out)
{
    bool bold = false, line_start = true;

    for (; *text != '\0'; text++) {
        switch (*text) {
        case '`':
            bold = !bold;
            (void) fputs(bold ? "\\fB" : "\\fR", out);
            break;
        case '\\':
            (void) fputs("\\e", out);
            break;
        case '-':
            (void) fputs("\\-", out);
            break;
        case '.':
        case '\'':
            (void) fputs(line_start ? "\\&" : "", out);
            (void) fputc(*text, out);
            break;
        default:
            (void) fputc(*text, out);
            break;
        }
        line_start = *text == '\n';
    }
}


static void
man_default(const mosn_directive_t *row, FILE *out)
{
    char text[32];

    if (row->required) {
        (void) fputs("; required", out);
        return;
    }
    switch (row->type) {
    case MOSN_TYPE_BOOL:
        (void) fprintf(out, "; default %s", row->def != 0 ? "true" : "false");
        break;
    case MOSN_TYPE_INT:
        (void) fprintf(out, "; default %lld", (long long) row->def);
        break;
    case MOSN_TYPE_AUTO_INT:
        (void) fputs("; default \"auto\"", out);
        break;
    case MOSN_TYPE_SIZE:
        (void) fprintf(out, "; default \"%s\"",
                       mosn_conf_format_size((uint64_t) row->def, text));
        break;
    case MOSN_TYPE_DURATION:
        (void) fprintf(out, "; default \"%s\"",
                       mosn_conf_format_duration((uint64_t) row->def, text));
        break;
    case MOSN_TYPE_ENUM:
        (void) fprintf(out, "; default \"%s\"", row->names[row->def]);
        break;
    default:
        if (row->def_text != NULL) {
            (void) fputs("; default \"", out);
            man_text(row->def_text, out);
            (void) fputc('"', out);
        }
        break;
    }
}


static void
man_rows(const mosn_directive_t *rows, FILE *out)
{
    for (; rows != NULL && rows->type != MOSN_TYPE_END; rows++) {
        (void) fprintf(out, ".TP\n.B %s\n(", rows->name);
        mosn_conf_print_type(rows, out);
        man_default(rows, out);
        (void) fputs(")\n", out);
        man_text(rows->doc, out);
        (void) fputc('\n', out);
    }
}


/* The groups inside of `rows`; `path` is where they stand. */
static void
man_groups(const mosn_directive_t *rows, const char *path, FILE *out)
{
    for (; rows != NULL && rows->type != MOSN_TYPE_END; rows++) {
        char sub[256];

        if (rows->block == NULL) {
            continue;
        }
        (void) snprintf(sub, sizeof(sub), "%s%s%s%s", path,
                        path[0] != '\0' ? "." : "", rows->name,
                        rows->type == MOSN_TYPE_LIST ? "[]" : "");
        (void) fprintf(out, ".SS %s\n", sub);
        man_text(rows->block->doc, out);
        (void) fputc('\n', out);
        man_rows(rows->block->directives, out);
        man_groups(rows->block->directives, sub, out);
    }
}


void
mosn_conf_print_man(const mosn_conf_block_t *block, FILE *out)
{
    (void) fputs(
        ".TH MOSN.CONF 5 \"\" \"mosn\" \"File formats\"\n"
        ".SH NAME\nmosn.conf \\- configuration of mosn\n"
        ".SH DESCRIPTION\n"
        "The file is a libconfig tree: settings are\n.IB name \" = \" value "
        ";\n"
        "groups stand in braces, lists of groups in parentheses, arrays in\n"
        "brackets; \"@include\" takes another file in.\n"
        "An unknown or repeated setting, a wrong type, a value out of range\n"
        "and a name that refers to nothing are errors;\n.B mosn \\-t\n"
        "tells them all, with their place.\n.PP\n",
        out);
    man_text(block->doc, out);
    (void) fputs("\n.SH SETTINGS\n", out);
    man_rows(block->directives, out);
    man_groups(block->directives, "", out);
    (void) fputs(".SH MODULES\n", out);
    for (size_t i = 0; mosn_module_at(i) != NULL; i++) {
        const mosn_module_t     *module = mosn_module_at(i);
        const mosn_module_ops_t *ops = module->ops;

        if (ops->doc == NULL) {
            continue; /* nothing that an operator names */
        }
        (void) fprintf(out, ".SS %s \"%s\"\n",
                       mosn_module_kind_name(module->kind), module->name);
        man_text(ops->doc, out);
        (void) fputc('\n', out);
        man_rows(ops->directives, out);
        man_groups(ops->directives, module->name, out);
    }
    (void) fputs(".SH SEE ALSO\n.BR mosn (8),\n.BR mosnctl (8)\n", out);
}
