/* tests/os/file.c - whole files. */

#include "tap.h"
#include "os/file.c"


int
main(void)
{
    char   dir[] = "/tmp/mosn-test-XXXXXX", path[64];
    char  *text;
    size_t n;
    int    fd;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }
    (void) snprintf(path, sizeof(path), "%s/f", dir);
    ok(mosn_file_read(path, 100, &n) == NULL && errno == ENOENT, "no file");
    is_num(mosn_file_replace(path, "hello", 5), 0, "replace");
    text = mosn_file_read(path, 100, &n);
    is_str((mosn_str_t){ text, n }, "hello", "read");
    free(text);
    ok(mosn_file_read(path, 4, &n) == NULL && errno == EFBIG, "too large");
    fd = mosn_file_open_log(path);
    ok(fd != -1 && write(fd, "more", 4) == 4, "a log appends");
    (void) close(fd);
    text = mosn_file_read(path, 100, &n);
    is_str((mosn_str_t){ text, n }, "hellomore", "to what is there");
    free(text);
    is_num(mosn_file_replace("/nowhere/at/all", "x", 1), -1, "no directory");
    (void) unlink(path);
    (void) rmdir(dir);
    return done_testing();
}
