/* tests/core/conf_man.c - what roff must not misread. */

#include "tap.h"
#include "core/conf_man.c"

static const char *const levels[] = { "low", "high", NULL };

typedef struct {
    int64_t    number;
    mosn_str_t text;
    int        level;
} thing_t;

static const mosn_directive_t rows[] = {
    MOSN_INT(thing_t, number, 0, 9, 3, ".A number\nof `a-b`."),
    MOSN_STRING(thing_t, text, "a\\b", "A text."),
    MOSN_ENUM(thing_t, level, levels, 1, "A level."), MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t block = { .doc = "A thing.",
                                         .size = sizeof(thing_t),
                                         .directives = rows };


int
main(void)
{
    char  *text = NULL;
    size_t n;
    FILE  *out = open_memstream(&text, &n);

    mosn_conf_print_man(&block, out);
    (void) fclose(out);
    ok(strncmp(text, ".TH MOSN.CONF 5", 15) == 0, "a manual page");
    ok(strstr(text, "\n\\&.A number\nof \\fBa\\-b\\fR.\n") != NULL,
       "dots, dashes and bold");
    ok(strstr(text, "default \"a\\eb\"") != NULL, "backslashes");
    ok(strstr(text, "default \"high\"") != NULL, "a default by name");
    ok(strstr(text, ".SS network filter \"proxy\"") != NULL
           || strstr(text, "\"proxy\"") != NULL,
       "modules");
    free(text);
    mosn_pool_release_cache();
    return done_testing();
}
