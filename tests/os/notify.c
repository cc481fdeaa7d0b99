/* tests/os/notify.c - what the service manager hears. */

#include "tap.h"
#include "os/notify.c"

static int manager;


static mosn_str_t
heard(void)
{
    static char text[1024];
    ssize_t     n = recv(manager, text, sizeof(text), MSG_DONTWAIT);

    return (mosn_str_t){ text, n > 0 ? (size_t) n : 0 };
}


int
main(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char               dir[] = "/tmp/mosn-notify-XXXXXX", text[160];
    mosn_str_t         said;

    (void) unsetenv("NOTIFY_SOCKET");
    mosn_notify("READY=1"); /* to nobody */

    (void) !mkdtemp(dir);
    (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    ok(bind(manager, (struct sockaddr *) &address, sizeof(address)) == 0,
       "a manager listens");
    (void) setenv("NOTIFY_SOCKET", address.sun_path, 1);
    mosn_notify("READY=1\nSTATUS=%d workers", 3);
    is_str(heard(), "READY=1\nSTATUS=3 workers", "it hears");
    mosn_notify_reloading("Reloading");
    said = heard();
    ok(mosn_str_has_prefix(said, MOSN_STR("RELOADING=1\nMONOTONIC_USEC=")),
       "a reload comes with its time");
    (void) close(manager);
    (void) unlink(address.sun_path);
    (void) rmdir(dir);
    mosn_notify("READY=1"); /* gone: nobody's worry */

    address.sun_path[0] = '\0';
    (void) snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
                    "mosn-test-%d", (int) getpid());
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    (void) bind(manager, (struct sockaddr *) &address,
                (socklen_t) (offsetof(struct sockaddr_un, sun_path) + 1
                             + strlen(address.sun_path + 1)));
    (void) snprintf(text, sizeof(text), "@%s", address.sun_path + 1);
    (void) setenv("NOTIFY_SOCKET", text, 1);
    mosn_notify("STOPPING=1");
    is_str(heard(), "STOPPING=1", "an abstract address");
    (void) close(manager);

    is_num((long long) mosn_notify_watchdog_ms(), 0, "no watchdog");
    (void) setenv("WATCHDOG_USEC", "10000000", 1);
    is_num((long long) mosn_notify_watchdog_ms(), 5000,
           "twice as often as it wants");
    (void) setenv("WATCHDOG_PID", "1", 1);
    is_num((long long) mosn_notify_watchdog_ms(), 0, "meant for another");

    (void) setenv("LISTEN_FDS", "2", 1);
    (void) setenv("LISTEN_PID", "1", 1);
    is_num(mosn_notify_take_fds(), 0, "descriptors for another");
    (void) setenv("LISTEN_FDS", "2", 1);
    (void) snprintf(text, sizeof(text), "%d", (int) getpid());
    (void) setenv("LISTEN_PID", text, 1);
    is_num(mosn_notify_take_fds(), 2, "two descriptors");
    is_num(mosn_notify_take_fds(), 0, "taken once");
    return done_testing();
}
