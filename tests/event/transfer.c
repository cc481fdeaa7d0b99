/* tests/event/transfer.c - bytes from one socket to another by splice. */

#include "tap.h"
#include "event/transfer.c"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static mosn_loop_t loop;
static unsigned    ends;


static void
on_event(mosn_net_filter_t *f, mosn_conn_t *c, mosn_conn_event_e event)
{
    (void) f;
    (void) c;
    ends += event == MOSN_CONN_CLOSED;
}


static mosn_verdict_e
on_read(mosn_net_filter_t *f, mosn_conn_t *c)
{
    (void) f;
    (void) c;
    return MOSN_NEXT;
}


static const mosn_net_filter_ops_t filter = { .on_read = on_read,
                                              .on_event = on_event };


static mosn_conn_t *
open_pair(int *peer)
{
    static const mosn_inet_t nobody = { .sa.sa_family = AF_UNIX };
    int                      fds[2];
    mosn_conn_t             *conn;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == -1) {
        abort();
    }
    *peer = fds[1];
    conn = mosn_conn_create(&loop, fds[0], &nobody);
    (void) mosn_conn_add_filter(conn, &filter, NULL, NULL);
    return conn;
}


int
main(void)
{
    mosn_transfer_t t = { 0 };
    mosn_conn_t    *from, *to;
    int             in, out;
    static char     bytes[65536], got[65536];
    size_t          sent = 0, received = 0;
    uint64_t        sum_in = 0, sum_out = 0;

    if (mosn_loop_init(&loop) != MOSN_OK) {
        abort();
    }
    from = open_pair(&in);
    to = open_pair(&out);
    ok(mosn_transfer_start(&t, from, to), "it starts between plain sockets");
    ok(t.running && from->drawn_by == &t && to->fed_by == &t,
       "both connections know");
    ok(!mosn_transfer_start(&t, from, to), "not twice");

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char) (i * 7 + i / 251);
    }
    for (int i = 0; i < 2000 && received < 40 * sizeof(bytes); i++) {
        if (sent < 40 * sizeof(bytes)) {
            size_t  at = sent % sizeof(bytes);
            ssize_t n = write(in, bytes + at, sizeof(bytes) - at);

            for (ssize_t k = 0; k < n; k++) {
                sum_in = sum_in * 31 + (uint8_t) bytes[at + (size_t) k];
            }
            sent += n > 0 ? (size_t) n : 0;
        }
        mosn_loop_turn(&loop, 0);
        for (ssize_t n; (n = read(out, got, sizeof(got))) > 0;) {
            for (ssize_t k = 0; k < n; k++) {
                sum_out = sum_out * 31 + (uint8_t) got[k];
            }
            received += (size_t) n;
        }
    }
    is_num((long long) received, (long long) (40 * sizeof(bytes)),
           "all bytes go through");
    ok(sum_in == sum_out, "in their order");
    is_num((long long) t.moved, (long long) received, "and are counted");
    is_num((long long) t.in_pipe, 0, "none stays in the pipe");

    for (int i = 0; i < 1000 && t.running; i++) {
        (void) !write(in, "x", 1);
        mosn_loop_turn(&loop, 0);
    }
    ok(!t.running && from->drawn_by == NULL, "a trickle ends it");

    mosn_conn_close(from, MOSN_REASON_NONE);
    mosn_conn_close(to, MOSN_REASON_NONE);
    is_num(ends, 2, "both are closed");
    mosn_loop_turn(&loop, 0);
    (void) close(in);
    (void) close(out);
    mosn_loop_fini(&loop);
    mosn_pool_release_cache();
    mosn_buf_release_cache();
    return done_testing();
}
