/* os/socket.c - sockets, always close-on-exec and non-blocking. */

#include "os/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORIGINAL_DST 80 /* of the kernel's netfilter_ipv4.h and _ipv6.h */
#define SPARES       4
#define STREAM_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)


static int
socket_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}


static int
socket_close_keeping_errno(int fd)
{
    int saved = errno;

    (void) close(fd);
    errno = saved;
    return -1;
}


/* A unix socket file that nobody listens on stays behind after a crash and
 * would make bind() fail; one that answers is somebody else's. */
static int
socket_remove_stale(const mosn_address_t *address)
{
    struct stat st;
    int         fd;

    if (stat(address->un.sun_path, &st) == -1 || !S_ISSOCK(st.st_mode)) {
        return 0;
    }

    fd = socket(AF_UNIX, STREAM_FLAGS, 0);
    if (fd == -1) {
        return -1;
    }
    if (connect(fd, &address->sa, address->len) == 0 || errno == EAGAIN) {
        errno = EADDRINUSE;
        return socket_close_keeping_errno(fd);
    }
    (void) close(fd);
    return unlink(address->un.sun_path);
}


int
mosn_socket_bind(const mosn_address_t *address, bool reuseport)
{
    int  family = address->sa.sa_family;
    bool inet = family != AF_UNIX;
    int  fd;

    if (!inet && socket_remove_stale(address) == -1) {
        return -1;
    }

    fd = socket(family, STREAM_FLAGS, 0);
    if (fd == -1) {
        return -1;
    }

    /* What is set on the listening socket its connections inherit, so that
     * accept() needs no call more. */
    if (inet
        && (socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1) == -1
            || socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1) == -1
            || (reuseport && socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1) == -1)
            || (family == AF_INET6
                && socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) == -1)))
    {
        return socket_close_keeping_errno(fd);
    }

    if (bind(fd, &address->sa, address->len) == -1) {
        return socket_close_keeping_errno(fd);
    }
    return fd;
}


int
mosn_socket_open(int fd, int backlog)
{
    return listen(fd, backlog);
}


int
mosn_socket_listen(const mosn_address_t *address, int backlog, bool reuseport)
{
    int fd = mosn_socket_bind(address, reuseport);

    if (fd != -1 && listen(fd, backlog) == -1) {
        return socket_close_keeping_errno(fd);
    }
    return fd;
}


/* A program for the kernel that picks one of the group by chance. */
int
mosn_socket_steer(int fd, unsigned n)
{
    struct sock_filter code[] = {
        { BPF_LD | BPF_W | BPF_ABS, 0, 0,
          (uint32_t) (SKF_AD_OFF + SKF_AD_RANDOM) },
        { BPF_ALU | BPF_MOD | BPF_K, 0, 0, n },
        { BPF_RET | BPF_A, 0, 0, 0 },
    };
    struct sock_fprog program = { MOSN_COUNT(code), code };

    if (n > 0) {
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
                          sizeof(program));
    }
    return socket_set(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, 0) == -1
                   && errno != ENOENT
               ? -1
               : 0;
}


int
mosn_socket_queued(int fd)
{
    struct tcp_info info;
    socklen_t       len = sizeof(info);

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1) {
        return -1;
    }
    return (int) info.tcpi_unacked; /* of a listening socket: its queue */
}


bool
mosn_socket_sent(int fd, uint64_t *acked_r, uint64_t *unacked_r)
{
    struct tcp_info info = { 0 };
    socklen_t       len = sizeof(info);
    int             queued = 0;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1
        || ioctl(fd, SIOCOUTQ, &queued) == -1)
    {
        return false;
    }
    *acked_r = info.tcpi_bytes_acked;
    *unacked_r = (uint64_t) queued;
    return true;
}


static int
socket_get(int fd, int name)
{
    int       value = 0;
    socklen_t len = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) == -1 ? -1 : value;
}


bool
mosn_socket_name(int fd, mosn_address_t *address_r)
{
    socklen_t len = sizeof(address_r->un);

    if (socket_get(fd, SO_ACCEPTCONN) != 1
        || socket_get(fd, SO_TYPE) != SOCK_STREAM)
    {
        return false;
    }
    memset(address_r, 0, sizeof(*address_r));
    if (getsockname(fd, &address_r->sa, &len) == -1) {
        return false;
    }
    address_r->len = len;
    return true;
}


/* For a connection that came by itself the kernel tells the address that it
 * came to, or nothing. */
bool
mosn_socket_original(int fd, mosn_address_t *address_r)
{
    mosn_address_t local = { .len = sizeof(local.inet) };
    int            level;

    memset(address_r, 0, sizeof(*address_r));
    if (getsockname(fd, &local.sa, &local.len) == -1
        || local.sa.sa_family == AF_UNIX)
    {
        return false;
    }
    address_r->len = local.len;
    level = local.sa.sa_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    return getsockopt(fd, level, ORIGINAL_DST, &address_r->sa, &address_r->len)
               == 0
           && !mosn_address_equal(address_r, &local);
}


bool
mosn_socket_encrypt(int fd)
{
    return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0;
}


bool
mosn_socket_can_encrypt(void)
{
    int  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can;

    if (fd == -1) {
        return false;
    }
    /* It is found before it is seen that nothing is connected. */
    can = mosn_socket_encrypt(fd) || errno == ENOTCONN;
    (void) close(fd);
    return can;
}


void
mosn_socket_prepare(int fd)
{
    (void) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void) socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* not for unix */
}


bool
mosn_socket_is_shared(int fd)
{
    return socket_get(fd, SO_REUSEPORT) == 1;
}


int
mosn_socket_connect(const mosn_address_t *address)
{
    int fd = socket(address->sa.sa_family, STREAM_FLAGS, 0);

    if (fd == -1) {
        return -1;
    }

    if (address->sa.sa_family != AF_UNIX) {
        (void) socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    }

    if (connect(fd, &address->sa, address->len) == 0) {
        errno = 0;
        return fd;
    }

    return errno == EINPROGRESS ? fd : socket_close_keeping_errno(fd);
}


int
mosn_socket_error(int fd)
{
    int       error = 0;
    socklen_t len = sizeof(error);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ? errno
                                                                    : error;
}


int
mosn_socket_accept(int listen_fd, mosn_inet_t *peer_r)
{
    socklen_t len = sizeof(*peer_r);
    int       fd =
        accept4(listen_fd, &peer_r->sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd != -1 && len < sizeof(peer_r->sa)) {
        peer_r->sa.sa_family = AF_UNIX; /* unnamed */
    }
    return fd;
}


void
mosn_socket_abort_on_close(int fd)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}


int
mosn_socket_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
                      0, fds);
}


int
mosn_socket_stream_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                      fds);
}


typedef union {
    struct cmsghdr align;
    char           bytes[CMSG_SPACE(MOSN_SOCKET_MAX_FDS * sizeof(int))];
} socket_control_t;


int
mosn_socket_send_message(int fd, const void *bytes, size_t n, const int *fds,
                         size_t n_fds)
{
    socket_control_t control;
    struct iovec     iov = { .iov_base = (void *) (uintptr_t) bytes,
                             .iov_len = n };
    struct msghdr    msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (n_fds > MOSN_SOCKET_MAX_FDS) {
        errno = EINVAL;
        return -1;
    }

    if (n_fds > 0) {
        struct cmsghdr *header;

        memset(&control, 0, sizeof(control));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        header = CMSG_FIRSTHDR(&msg);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
    }

    return sendmsg(fd, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0;
}


/* A process that has all the descriptors that it may could not take one more:
 * the message would come without.  So some are kept for that. */
static int      spare_fds[SPARES];
static unsigned n_spares;


void
mosn_socket_keep_spares(void)
{
    while (n_spares < SPARES) {
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd == -1) {
            break;
        }
        spare_fds[n_spares++] = fd;
    }
}


static void
socket_free_spares(void)
{
    while (n_spares > 0) {
        (void) close(spare_fds[--n_spares]);
    }
}


static ssize_t
socket_recvmsg(int fd, struct msghdr *msg)
{
    ssize_t n;
    int     error;

    socket_free_spares();
    n = recvmsg(fd, msg, MSG_CMSG_CLOEXEC);
    error = errno;
    mosn_socket_keep_spares();
    errno = error;
    return n;
}


ssize_t
mosn_socket_recv_message(int fd, void *bytes, size_t n, int *fds,
                         size_t *n_fds)
{
    socket_control_t control;
    struct iovec     iov = { .iov_base = bytes, .iov_len = n };
    struct msghdr    msg = { .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes) };
    size_t           room = *n_fds;
    ssize_t          received = socket_recvmsg(fd, &msg);
    bool             whole = (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;

    *n_fds = 0;
    if (received == -1) {
        return -1;
    }

    for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h != NULL;
         h = CMSG_NXTHDR(&msg, h))
    {
        size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            int passed;

            memcpy(&passed, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
            if (whole && *n_fds < room) {
                fds[(*n_fds)++] = passed;
            } else {
                (void) close(passed);
            }
        }
    }

    if (!whole) {
        errno = EMSGSIZE;
        return -1;
    }
    return received;
}
