/* tests/os/socket.c - descriptors over a channel, sockets on an address. */

#include "tap.h"
#include "os/socket.c"


static void
test_messages(void)
{
    int    pair[2], pipe_fds[2], got[2];
    size_t n_fds = 2;
    char   text[16];

    ok(mosn_socket_pair(pair) == 0 && pipe(pipe_fds) == 0, "a channel");
    ok(mosn_socket_send_message(pair[0], "hello", 5, pipe_fds, 2) == 0,
       "send with two descriptors");
    is_num(mosn_socket_recv_message(pair[1], text, sizeof(text), got, &n_fds),
           5, "received");
    is_num((long long) n_fds, 2, "with both");
    ok(write(got[1], "x", 1) == 1 && read(pipe_fds[0], text, 1) == 1,
       "and they work");
    (void) close(got[0]);
    (void) close(got[1]);

    n_fds = 1;
    (void) mosn_socket_send_message(pair[0], "too long for it", 15, NULL, 0);
    ok(mosn_socket_recv_message(pair[1], text, 3, got, &n_fds) == -1
           && errno == EMSGSIZE,
       "a message that does not fit is refused");
    ok(mosn_socket_recv_message(pair[1], text, 3, got, &n_fds) == -1
           && errno == EAGAIN,
       "nothing there");
    (void) close(pair[0]);
    is_num(mosn_socket_recv_message(pair[1], text, 3, got, &n_fds), 0,
           "the end");
    (void) close(pair[1]);
    (void) close(pipe_fds[0]);
    (void) close(pipe_fds[1]);
}


static void
test_sent(int client, int server)
{
    uint64_t before, acked, unacked, all;
    char     byte;
    int      pair[2];

    ok(mosn_socket_sent(client, &before, &unacked) && unacked == 0,
       "nothing is on its way");
    (void) write(client, "12345", 5);
    (void) recv(server, &byte, 1, MSG_WAITALL);
    for (int i = 0; i < 1000; i++) { /* until it is acknowledged */
        (void) mosn_socket_sent(client, &acked, &unacked);
        if (unacked == 0) {
            break;
        }
        (void) usleep(1000);
    }
    is_num((long long) (acked - before), 5, "what was sent is acknowledged");
    all = 0;
    for (ssize_t n; (n = write(client, test_sent, 64)) > 0;) {
        all += (uint64_t) n; /* until nobody takes it */
    }
    (void) mosn_socket_sent(client, &before, &unacked);
    is_num((long long) (before - acked + unacked), (long long) all,
           "it is acknowledged or it is not");
    ok(unacked > 0, "what the peer has no room for is not");
    ok(mosn_socket_pair(pair) == 0
           && !mosn_socket_sent(pair[0], &acked, &unacked),
       "only TCP tells");
    (void) close(pair[0]);
    (void) close(pair[1]);
}


int
main(void)
{
    mosn_address_t a;
    mosn_inet_t    peer;
    socklen_t      len = sizeof(a.inet);
    int            one, two, client, server;

    test_messages();
    (void) mosn_address_parse("127.0.0.1:0", 11, &a);
    one = mosn_socket_listen(&a, 5, true);
    ok(one != -1, "listen");
    (void) getsockname(one, &a.sa, &len);
    two = mosn_socket_listen(&a, 5, true);
    ok(two != -1, "a second one on the same address");
    (void) close(two);
    client = mosn_socket_connect(&a);
    ok(client != -1 && (errno == 0 || errno == EINPROGRESS), "connect");
    do {
        server = mosn_socket_accept(one, &peer);
    } while (server == -1 && errno == EAGAIN);
    ok(server != -1 && peer.sa.sa_family == AF_INET, "accept");
    is_num(mosn_socket_error(client), 0, "it is open");
    test_sent(client, server);
    (void) close(client);
    (void) close(server);
    (void) close(one);
    client = mosn_socket_connect(&a);
    if (client != -1) {
        (void) usleep(1000);
        is_num(mosn_socket_error(client), ECONNREFUSED, "nobody listens");
        (void) close(client);
    } else {
        is_num(errno, ECONNREFUSED, "nobody listens");
    }
    return done_testing();
}
