/* tests/core/log.c - one event, one line. */

#include "tap.h"
#include "core/log.c"


int
main(void)
{
    char   path[] = "/tmp/mosn-test-XXXXXX", out[64], long_text[4000];
    char  *text;
    size_t n;
    int    fd = mkstemp(path);

    (void) close(fd);
    ok(mosn_log_open(path, MOSN_LOG_INFO) == 0, "open");
    mosn_log_set_role("test");
    mosn_log_info(ENOENT, "cannot do %s", "it");
    mosn_log_debug("not this");
    mosn_log_info(0, "two\nlines");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    mosn_log_info(0, "%s", long_text);
    ok(mosn_log_open("/nowhere/log", MOSN_LOG_INFO) == -1,
       "a log that cannot be opened");
    mosn_log_err(0, "still here");

    text = mosn_file_read(path, 100000, &n);
    ok(strstr(text, "#test: cannot do it: No such file or directory\n"),
       "line with its cause");
    ok(strstr(text, "not this") == NULL, "the level holds");
    ok(strstr(text, "two\\x0Alines\n"), "control characters are escaped");
    ok(strstr(text, "[err]") && strstr(text, "still here\n"),
       "the log stays as it was");
    free(text);

    is_num((long long) mosn_log_escape((mosn_str_t){ "a\"\\\0z", 5 }, out,
                                       sizeof(out)),
           14, "escape");
    is_num((long long) mosn_log_escape(MOSN_STR("abc\n"), out, 6), 3,
           "never half an escape");
    (void) unlink(path);
    return done_testing();
}
