/* tests/os/process.c - title, users, limits, confinement. */

#include "tap.h"
#include "os/process.c"
#include "os/file.h"

#include <sys/wait.h>


static void
test_confine(void)
{
    mosn_user_t nobody;
    int         status;
    pid_t       parent = getpid();

    if (fork() == 0) {
        int rc = mosn_process_confine(NULL, parent);

        _exit(rc == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1);
    }
    (void) wait(&status);
    is_num(status, 0, "no new privileges");
    if (fork() == 0) {
        _exit(mosn_process_confine(NULL, 1) == -1 && errno == ESRCH ? 0 : 1);
    }
    (void) wait(&status);
    is_num(status, 0, "a parent that has gone before is noticed");

    if (geteuid() != 0 || mosn_process_find_user("nobody", &nobody) == -1) {
        ok(true, "becoming a user # SKIP needs root");
        return;
    }
    if (fork() == 0) {
        _exit(mosn_process_confine(&nobody, parent) == 0
                      && getuid() == nobody.uid && getgid() == nobody.gid
                      && setuid(0) == -1
                  ? 0
                  : 1);
    }
    (void) wait(&status);
    is_num(status, 0, "a user for good");
}


int
main(int argc, char **argv)
{
    mosn_user_t user;
    char       *title;
    size_t      n;

    (void) setenv("LONG_ENOUGH_FOR_A_TITLE", "x", 1);
    mosn_process_init_title(argc, argv);
    mosn_process_set_title("mosn: test");
    ok(getenv("PATH") != NULL, "the environment is still there");
    title = argv[0];
    ok(strncmp(title, "mosn: test", strlen(title)) == 0, "title");
    ok(mosn_process_cpus() >= 1, "processors");
    ok(mosn_process_find_user("root", &user) == 0 && user.uid == 0, "root");
    is_num(mosn_process_find_user("no-such-user", &user), -1, "no such user");
    n = mosn_process_raise_fd_limit(64);
    ok(n >= 64, "limit of descriptors");
    test_confine();
    return done_testing();
}
