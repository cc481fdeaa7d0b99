/*
 * master_sockets.c - listening sockets, by address and slot.
 *
 * One SO_REUSEPORT socket per worker and address; a unix socket, which the
 * kernel does not spread, and one that was handed to us are shared by all.
 * Sockets outlive configurations: what an address is called, and what is done
 * with its connections, is the workers' business.
 *
 * The kernel numbers the sockets of an address in the order in which they
 * were opened, and moves the last one to the place of one that is closed.
 * So they are opened from slot 0 up and closed from the highest slot down,
 * the master being the last who holds them: then number and slot are the
 * same, and a group can be steered to its first n.
 */

#include "core/log.h"
#include "master_parts.h"
#include "os/notify.h"
#include "os/socket.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINGER_MS     1000u /* for who has begun to connect */
#define BIND_TRIES    15
#define BIND_AGAIN_US 100000u

#define master (&mosn_master)


static bool
socket_is_unix(const mosn_address_t *address)
{
    return address->sa.sa_family == AF_UNIX;
}


static master_socket_t *
socket_find(const mosn_address_t *address, unsigned slot)
{
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);

        if ((s->single || s->slot == slot)
            && mosn_address_equal(&s->address, address)) {
            return s;
        }
    }
    return NULL;
}


master_socket_t *
master_socket_add(const mosn_address_t *address, unsigned slot, int fd,
                  bool single)
{
    master_socket_t *s = mosn_calloc(sizeof(*s));

    s->address = *address;
    s->slot = slot;
    s->fd = fd;
    s->single = single;
    mosn_list_append(&master->sockets, &s->link);
    return s;
}


void
master_sockets_adopt(const mosn_inherit_t *state)
{
    for (size_t i = 0; i < state->sockets.n; i++) {
        const mosn_inherit_socket_t *s = &state->sockets.items[i];

        master_socket_add(&s->address, (unsigned) s->slot, (int) s->fd,
                          s->single)
            ->handed = s->handed;
    }
}


static void
socket_close(master_socket_t *s)
{
    (void) close(s->fd);
    mosn_list_unlink(&s->link);
    free(s);
}


/* With SO_REUSEPORT a second mosn would get in beside the first and take half
 * of its clients.  Without it the address must be free. */
static bool
socket_is_free(const mosn_address_t *address)
{
    uint16_t port;
    int      fd;

    if (socket_is_unix(address)) {
        return true; /* bind() says */
    }
    port = mosn_address_port(&address->sa);
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);

        if (!socket_is_unix(&s->address)
            && mosn_address_port(&s->address.sa) == port) {
            return true; /* ours has it, on another address */
        }
    }
    fd = mosn_socket_bind(address, false);
    if (fd != -1) {
        (void) close(fd);
    }
    return fd != -1;
}


/* The children of a master that was killed may still be closing theirs. */
static int
socket_bind_patiently(const mosn_address_t *address, bool alone)
{
    for (int i = 0;; i++) {
        int fd = alone && !socket_is_free(address)
                     ? -1
                     : mosn_socket_bind(address, true);

        if (fd != -1 || errno != EADDRINUSE || !master->patient
            || i == BIND_TRIES) {
            return fd;
        }
        (void) usleep(BIND_AGAIN_US);
    }
}


static mosn_rc_e
socket_bind(const mosn_address_t *address, mosn_str_t name, unsigned slot)
{
    bool single = socket_is_unix(address);
    int  fd;

    if (socket_find(address, slot) != NULL) {
        return MOSN_OK;
    }
    fd = socket_bind_patiently(address, socket_find(address, 0) == NULL);
    if (fd == -1) {
        char text[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&address->sa, address->len, text);
        mosn_log_err(errno, "listener \"%.*s\": cannot listen on %s",
                     MOSN_STR_ARG(name), text);
        return MOSN_ERROR;
    }
    if (single) {
        (void) chmod(address->un.sun_path, 0666); /* clients of any user */
    }
    master_socket_add(address, slot, fd, single)->fresh = true;
    return MOSN_OK;
}


/* Calls back for each address of the settings, with its backlog. */
static mosn_rc_e
socket_each_listener(mosn_rc_e (*each)(const mosn_address_t *, mosn_str_t,
                                       unsigned slot))
{
    const mosn_settings_t *s = master->settings;

    for (unsigned slot = 0; slot < master->n_workers; slot++) {
        for (size_t i = 0; i < s->listeners.n; i++) {
            const mosn_listener_conf_t *l = &s->listeners.items[i];

            if (each(&l->address, l->name, slot) != MOSN_OK) {
                return MOSN_ERROR;
            }
        }
    }
    return s->admin == NULL ? MOSN_OK
                            : each(&s->admin->address, MOSN_STR("admin"), 0);
}


mosn_rc_e
master_sockets_bind(void)
{
    return socket_each_listener(socket_bind);
}


static int
socket_backlog(const mosn_address_t *address)
{
    const mosn_settings_t *s = master->settings;

    for (size_t i = 0; i < s->listeners.n; i++) {
        if (mosn_address_equal(&s->listeners.items[i].address, address)) {
            return (int) s->listeners.items[i].backlog;
        }
    }
    return 64;
}


/* How many sockets an address has, of those that `counts` says. */
static unsigned
socket_count(const mosn_address_t *address,
             bool (*counts)(const master_socket_t *))
{
    unsigned n = 0;

    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);

        n += mosn_address_equal(&s->address, address) && counts(s);
    }
    return n;
}


static bool
socket_is_old(const master_socket_t *s)
{
    return !s->fresh;
}


static bool
socket_is_wanted(const master_socket_t *s)
{
    return s->wanted;
}


mosn_rc_e
master_sockets_open(void)
{
    unsigned old_workers =
        master->state != NULL ? (unsigned) master->state->n_workers : 0;

    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);
        unsigned         old;

        if (!s->fresh) {
            continue;
        }
        old = socket_count(&s->address, socket_is_old);
        if (old > 0 && !s->single) {
            (void) mosn_socket_steer(
                socket_find(&s->address, 0)->fd,
                old_workers > 0 && old > old_workers ? old_workers : old);
        }
        if (mosn_socket_open(s->fd, socket_backlog(&s->address)) == -1) {
            mosn_log_err(errno, "cannot listen");
            return MOSN_ERROR;
        }
    }
    return MOSN_OK;
}


void
master_sockets_of_slot(unsigned slot, int *fds)
{
    const mosn_settings_t *s = master->settings;

    for (size_t i = 0; i < s->listeners.n; i++) {
        master_socket_t *found =
            socket_find(&s->listeners.items[i].address, slot);

        fds[i] = found->fd;
    }
}


void
master_sockets_let_go(const int *keep, size_t n)
{
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        int  fd = mosn_container_of(link, master_socket_t, link)->fd;
        bool kept = false;

        for (size_t i = 0; i < n; i++) {
            kept |= keep[i] == fd;
        }
        if (!kept) {
            (void) close(fd);
        }
    }
}


/* --- what is not wanted ------------------------------------------------- */

static mosn_rc_e
socket_want(const mosn_address_t *address, mosn_str_t name, unsigned slot)
{
    master_socket_t *s = socket_find(address, slot);

    (void) name;
    if (s != NULL) {
        s->wanted = true;
    }
    return MOSN_OK;
}


static void
socket_mark_wanted(void)
{
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        mosn_container_of(link, master_socket_t, link)->wanted = false;
    }
    (void) socket_each_listener(socket_want);
}


/* The one of the highest slot that nobody wants; `any`: also when others of
 * its address are wanted. */
static master_socket_t *
socket_find_unwanted(bool any)
{
    master_socket_t *found = NULL;

    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);

        if (s->wanted || (found != NULL && found->slot > s->slot)) {
            continue;
        }
        if (any || !socket_find(&s->address, 0)->wanted) {
            found = s;
        }
    }
    return found;
}


/* Groups with sockets that are not wanted any more are steered to those that
 * are; true when there is one. */
static bool
socket_steer(void)
{
    bool steered = false;

    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);
        unsigned         wanted, old;

        if (s->slot != 0 || s->single) {
            continue;
        }
        wanted = socket_count(&s->address, socket_is_wanted);
        old = socket_count(&s->address, socket_is_old);
        (void) mosn_socket_steer(s->fd, old > wanted ? wanted : 0);
        steered |= old > wanted;
    }
    return steered;
}


static void
socket_remove_file(const master_socket_t *s)
{
    if (socket_is_unix(&s->address) && !s->handed) {
        (void) unlink(s->address.un.sun_path);
    }
}


/* Closes the sockets that no worker serves any more, highest slots first. */
void
master_surplus_fired(mosn_timer_t *timer MOSN_UNUSED)
{
    master_socket_t *s;

    if (master->phase != MASTER_SERVING) {
        mosn_timer_arm(&master->loop, &master->surplus, LINGER_MS);
        return; /* they may be wanted again */
    }
    while ((s = socket_find_unwanted(true)) != NULL) {
        int n = mosn_socket_queued(s->fd);

        if (n > 0) {
            mosn_log_alert(0, "a socket is closed with %d connections in it",
                           n);
        }
        socket_close(s);
    }
    (void) socket_steer();
}


uint32_t
master_sockets_commit(void)
{
    master_socket_t *s;

    socket_mark_wanted();
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        mosn_container_of(link, master_socket_t, link)->fresh = false;
    }
    while ((s = socket_find_unwanted(false)) != NULL) {
        socket_remove_file(s);
        socket_close(s); /* this address is served no more */
    }
    if (!socket_steer()) {
        mosn_timer_disarm(&master->loop, &master->surplus);
        return 0;
    }
    mosn_timer_arm(&master->loop, &master->surplus, LINGER_MS * 3 / 2);
    return LINGER_MS;
}


void
master_sockets_restore(void)
{
    socket_mark_wanted();
    if (socket_steer()) {
        mosn_timer_arm(&master->loop, &master->surplus, LINGER_MS * 3 / 2);
    }
}


void
master_sockets_forget_fresh(void)
{
    for (;;) {
        master_socket_t *highest = NULL;

        for (mosn_list_t *link = master->sockets.next;
             link != &master->sockets; link = link->next)
        {
            master_socket_t *s =
                mosn_container_of(link, master_socket_t, link);

            if (s->fresh && (highest == NULL || s->slot > highest->slot)) {
                highest = s;
            }
        }
        if (highest == NULL) {
            return;
        }
        socket_remove_file(highest);
        socket_close(highest);
    }
}


/* So that nobody connects to a queue that nobody serves. */
void
master_sockets_close_all(void)
{
    for (mosn_list_t *link = master->sockets.next, *next;
         link != &master->sockets; link = next)
    {
        master_socket_t *s = mosn_container_of(link, master_socket_t, link);

        next = link->next;
        socket_close(s);
    }
}


void
master_sockets_remove_all(void)
{
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        socket_remove_file(mosn_container_of(link, master_socket_t, link));
    }
    master_sockets_close_all();
}


/* --- sockets that were handed to us ------------------------------------- */

void
master_sockets_activate(void)
{
    int n = mosn_notify_take_fds();

    for (int fd = MOSN_NOTIFY_FIRST_FD; fd < MOSN_NOTIFY_FIRST_FD + n; fd++) {
        mosn_address_t address;
        char           text[MOSN_ADDRESS_TEXT];

        if (!mosn_socket_name(fd, &address)) {
            mosn_log_warn(0,
                          "descriptor %d of the service manager is no "
                          "listening stream socket",
                          fd);
            (void) close(fd);
            continue;
        }
        (void) mosn_address_format(&address.sa, address.len, text);
        mosn_log_notice("%s is open already, by the service manager", text);
        mosn_socket_prepare(fd);
        (void) master_socket_add(&address, 0, fd, !mosn_socket_is_shared(fd));
    }
}
