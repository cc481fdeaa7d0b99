/* tests/core/log_file.c - buffered lines, reopened files, lost lines. */

#include "tap.h"
#include "core/log_file.c"


static size_t
size_of(const char *path)
{
    size_t n = 0;
    char  *text = mosn_file_read(path, 1 << 20, &n);

    free(text);
    return text == NULL ? 0 : n;
}


static void
write_line(mosn_log_file_t *file, const char *line)
{
    size_t n = strlen(line);

    memcpy(mosn_log_file_reserve(file, n), line, n);
    mosn_log_file_commit(file, n);
}


int
main(void)
{
    char             dir[] = "/tmp/mosn-test-XXXXXX", path[64], moved[64];
    mosn_log_file_t *file, *full;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    (void) snprintf(path, sizeof(path), "%s/log", dir);
    (void) snprintf(moved, sizeof(moved), "%s/moved", dir);
    file = mosn_log_file_get(mosn_str(path));
    ok(file == mosn_log_file_get(mosn_str(path)), "one file per path");
    ok(mosn_log_files_open() == MOSN_OK, "open");
    ok(mosn_log_file_get(MOSN_STR("/tmp/another")) == NULL,
       "when they are open no other is added");
    log_files_sealed = false;
    write_line(file, "one\n");
    is_num((long long) size_of(path), 0, "lines are gathered");
    mosn_log_files_flush();
    is_num((long long) size_of(path), 4, "and flushed");

    write_line(file, "two\n");
    (void) rename(path, moved);
    mosn_log_files_reopen();
    is_num((long long) size_of(moved), 8, "what was gathered goes to the old");
    write_line(file, "three\n");
    mosn_log_files_flush();
    is_num((long long) size_of(path), 6, "the next goes to the new");

    for (int i = 0; i < 20000; i++) {
        write_line(file, "0123456789\n");
    }
    ok(size_of(path) > 100000, "a full buffer flushes itself");

    (void) mosn_log_open("/dev/null", MOSN_LOG_INFO);
    full = mosn_log_file_get(MOSN_STR("/dev/full"));
    ok(mosn_log_files_open() == MOSN_OK, "a full disk opens");
    write_line(full, "lost\n");
    mosn_log_files_flush();
    is_num((long long) full->lost, 5, "and loses lines, counted");
    log_files_sealed = false;
    (void) mosn_log_file_get(MOSN_STR("/nowhere/log"));
    ok(mosn_log_files_open() == MOSN_ERROR, "no directory");
    (void) unlink(path);
    (void) unlink(moved);
    (void) rmdir(dir);
    return done_testing();
}
