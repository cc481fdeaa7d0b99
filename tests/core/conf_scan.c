/* tests/core/conf_scan.c - what libconfig would misread. */

#include "tap.h"
#include "core/conf_scan.c"

static char why[256];


static void
fine(const char *text, const char *name)
{
    ok(mosn_conf_scan_text("t", text, why, sizeof(why)), "%s", name);
}


static void
wrong(const char *text, const char *part, const char *name)
{
    if (!ok(!mosn_conf_scan_text("t", text, why, sizeof(why))
                && strstr(why, part) != NULL,
            "%s", name))
    {
        printf("# \"%s\" in: %s\n", part, why);
    }
}


static void
long_comments(void)
{
    static char text[COMMENT_MAX + 32];

    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "a = 1;\n#", 8);
    wrong(text, "t:2: a comment of more than 65536 bytes in one line",
          "a comment without an end");
    text[7] = '/', text[8] = '/';
    wrong(text, "t:2: a comment of more", "of the other kind");
    text[COMMENT_MAX] = '\n', text[COMMENT_MAX + 1] = '#';
    fine(text, "one that is as long as may be");
}


int
main(void)
{
    static char text[200000];
    size_t      n = 0;

    fine("a = 1; b = 2147483647; c = -5; d = 0xFFFFFFFF; e = 1e12; f = 1.5;",
         "numbers that fit");
    fine("a = 4294967296L; b = 0x100000000LL;", "numbers that are told to be "
                                                "long");
    wrong("a = 1;\nb = 4294967296;", "t:2: 4294967296 is too large",
          "one that is not");
    wrong("a = 3000000000;", "3000000000L", "and what to write");
    wrong("a = 0x1ffffffff;", "0x1ffffffffL", "in hexadecimal");
    fine("a = \"4294967296\"; b9999999999 = 1; # 9999999999\n// "
         "9999999999\n/* 9999999999\n */ c-9999999999 = \"\\\"9999999999\";",
         "what is no number");
    wrong("/* a\nb\n*/ \"x\ny\"\n# z\nq = 9999999999",
          "t:6: ", "lines are counted through all of that");

    for (unsigned i = 0; i < MOSN_CONF_MAX_MEMBERS; i++) {
        n += (size_t) sprintf(text + n, "a%u = 1;\n", i);
    }
    fine(text, "so many settings");
    (void) sprintf(text + n, "b : 1;");
    wrong(text, "t:1025: more than 1024 settings in one group", "one more");
    long_comments();
    n = 0;
    for (unsigned i = 0; i < 3000; i++) {
        n += (size_t) sprintf(text + n, "%s{ a = { b = 1; }; c = 2; }",
                              i > 0 ? ", " : "l = ( ");
    }
    (void) sprintf(text + n, " );");
    fine(text, "groups of a list are no settings of one");
    ok(mosn_conf_scan_file("/nowhere/at/all", why, sizeof(why)),
       "a file that is not there is for others to tell");
    return done_testing();
}
