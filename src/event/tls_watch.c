/* event/tls_watch.c - looks at files, and passes changes on. */

#include "event/tls_watch.h"

#include "core/log.h"
#include "os/file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (16u << 20)

static mosn_list_t watches = { &watches, &watches };


static mosn_tls_watch_t *
watch_of(mosn_list_t *link)
{
    return mosn_container_of(link, mosn_tls_watch_t, link);
}


void
mosn_tls_bytes_free(mosn_tls_bytes_t *bytes)
{
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        if (bytes->at[i] != NULL) {
            OPENSSL_cleanse(bytes->at[i], bytes->n[i]);
            free(bytes->at[i]);
            bytes->at[i] = NULL;
        }
    }
}


static mosn_tls_ident_t
watch_ident(mosn_str_t path)
{
    struct stat st;

    if (path.at == NULL || stat(path.at, &st) == -1) {
        return (mosn_tls_ident_t){ 0 };
    }
    return (mosn_tls_ident_t){ st.st_dev, st.st_ino, (uint64_t) st.st_size,
                               (uint64_t) st.st_mtim.tv_sec * 1000000000u
                                   + (uint64_t) st.st_mtim.tv_nsec };
}


/* True when a file is another one than at the last look. */
static bool
watch_look(mosn_tls_watch_t *w)
{
    bool changed = false;

    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        mosn_tls_ident_t now = watch_ident(w->paths[i]);

        changed |= memcmp(&now, &w->idents[i], sizeof(now)) != 0;
        w->idents[i] = now;
    }
    return changed;
}


int
mosn_tls_watch_read(mosn_tls_watch_t *w, mosn_tls_bytes_t *bytes)
{
    memset(bytes, 0, sizeof(*bytes));
    (void) watch_look(w);
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        if (w->paths[i].at == NULL) {
            continue;
        }
        bytes->at[i] = mosn_file_read(w->paths[i].at, FILE_MAX, &bytes->n[i]);
        if (bytes->at[i] == NULL) {
            int error = errno;

            mosn_tls_bytes_free(bytes);
            errno = error;
            return i;
        }
    }
    return -1;
}


void
mosn_tls_watch_start(mosn_tls_watch_t *w, const mosn_tls_watch_ops_t *ops)
{
    w->ops = ops;
    mosn_list_append(&watches, &w->link);
}


void
mosn_tls_watch_end(mosn_tls_watch_t *w)
{
    mosn_list_unlink(&w->link);
}


mosn_tls_watch_t *
mosn_tls_watch_next(mosn_tls_watch_t *w, const mosn_tls_watch_ops_t *ops)
{
    mosn_list_t *link = w == NULL ? watches.next : w->link.next;

    while (link != &watches && watch_of(link)->ops != ops) {
        link = link->next;
    }
    return link != &watches ? watch_of(link) : NULL;
}


/* --- changes --------------------------------------------------------------
 */

static bool
watch_change(mosn_tls_watch_t *w, const mosn_tls_bytes_t *bytes)
{
    const char *why = w->ops->change(w, bytes);

    if (why != NULL) {
        mosn_log_alert(0, "the %s in %s was checked and fails: %s",
                       w->ops->what, w->paths[0].at, why);
        return false;
    }
    w->changes++;
    w->why[0] = '\0';
    return true;
}


/* True: it was changed, `bytes` is what to.  Files that do not fit each other
 * may be in the middle of being written: that is told when it stays so. */
static bool
watch_check(mosn_tls_watch_t *w, mosn_tls_bytes_t *bytes)
{
    bool        again = w->failing;
    const char *why = NULL;
    char        text[700];
    int         bad;

    memset(bytes, 0, sizeof(*bytes));
    if (!watch_look(w) && !again) {
        return false;
    }
    w->failing = false;
    bad = mosn_tls_watch_read(w, bytes);
    if (bad == -1 && (why = w->ops->refuse(w, bytes)) == NULL
        && watch_change(w, bytes))
    {
        w->ops->describe(w, text, sizeof(text));
        mosn_log_notice("the %s in %s was changed: %s", w->ops->what,
                        w->paths[0].at, text);
        return true;
    }
    if (bad != -1) {
        (void) snprintf(w->why, sizeof(w->why), "cannot read %.*s: %s",
                        MOSN_STR_ARG(w->paths[bad]), strerror(errno));
    } else if (why != NULL) {
        (void) snprintf(w->why, sizeof(w->why), "%s", why);
    }
    mosn_tls_bytes_free(bytes);
    if (again) {
        mosn_log_warn(0, "the %s in %s stays as it was: %s", w->ops->what,
                      w->paths[0].at, w->why);
    } else {
        w->failing = true;
    }
    return false;
}


/* --- from the master to its children ---------------------------------------
 */

/* Behind it the paths, with a NUL each, and the bytes. */
typedef struct {
    uint32_t n_path[MOSN_TLS_FILES];
    uint32_t n[MOSN_TLS_FILES];
} record_t;


static bool
record_put(int fd, const void *at, size_t n)
{
    return n == 0 || write(fd, at, n) == (ssize_t) n;
}


static bool
record_write(int fd, const mosn_tls_watch_t *w, const mosn_tls_bytes_t *bytes)
{
    record_t record;
    bool     good;

    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        record.n_path[i] = (uint32_t) w->paths[i].len;
        record.n[i] = (uint32_t) bytes->n[i];
    }
    good = record_put(fd, &record, sizeof(record));
    for (int i = 0; i < MOSN_TLS_FILES && good; i++) {
        good = record_put(fd, w->paths[i].at, w->paths[i].len)
               && record_put(fd, bytes->at[i], bytes->n[i]);
    }
    return good;
}


int
mosn_tls_watch_look(uint64_t now_ms, uint32_t every_ms)
{
    static uint64_t last_ms; /* of this process */
    int             fd = -1;

    if (every_ms == 0 || now_ms - last_ms < every_ms) {
        return -1;
    }
    last_ms = now_ms;
    for (mosn_list_t *link = watches.next; link != &watches; link = link->next)
    {
        mosn_tls_bytes_t bytes;

        if (!watch_check(watch_of(link), &bytes)) {
            continue;
        }
        if (fd == -1) {
            fd = memfd_create("mosn certificates", MFD_CLOEXEC);
        }
        if (fd == -1 || !record_write(fd, watch_of(link), &bytes)) {
            mosn_log_alert(errno, "cannot pass a %s on",
                           watch_of(link)->ops->what);
        }
        mosn_tls_bytes_free(&bytes);
    }
    return fd;
}


/* `n` of what is left, or NULL. */
static char *
record_cut(mosn_str_t *rest, size_t n)
{
    const char *at = rest->at;

    if (n > rest->len) {
        return NULL;
    }
    rest->at += n;
    rest->len -= n;
    return (char *) (uintptr_t) at;
}


/* The next record, borrowed of what is left; false: there is none. */
static bool
record_read(mosn_str_t *rest, mosn_str_t paths[MOSN_TLS_FILES],
            mosn_tls_bytes_t *bytes)
{
    const char *head = record_cut(rest, sizeof(record_t));
    record_t    record;

    if (head == NULL) {
        return false;
    }
    memcpy(&record, head, sizeof(record));
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        paths[i] = (mosn_str_t){ record_cut(rest, record.n_path[i]),
                                 record.n_path[i] };
        bytes->at[i] = record_cut(rest, record.n[i]);
        bytes->n[i] = record.n[i];
        if (paths[i].at == NULL || bytes->at[i] == NULL) {
            return false;
        }
        if (record.n[i] == 0) {
            bytes->at[i] = NULL;
        }
    }
    return true;
}


static bool
watch_is_of(const mosn_tls_watch_t *w, const mosn_str_t paths[MOSN_TLS_FILES])
{
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        if (!mosn_str_equal(w->paths[i], paths[i])) {
            return false;
        }
    }
    return true;
}


void
mosn_tls_watch_take(int fd)
{
    mosn_str_t       paths[MOSN_TLS_FILES], rest;
    mosn_tls_bytes_t bytes;
    struct stat      st;
    char            *all = MAP_FAILED;

    if (fstat(fd, &st) == 0 && st.st_size > 0) {
        all = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    (void) close(fd);
    if (all == MAP_FAILED) {
        mosn_log_alert(errno, "cannot read changed certificates");
        return;
    }
    rest = (mosn_str_t){ all, (size_t) st.st_size };
    while (record_read(&rest, paths, &bytes)) {
        for (mosn_list_t *link = watches.next; link != &watches;
             link = link->next) {
            if (watch_is_of(watch_of(link), paths)) {
                (void) watch_change(watch_of(link), &bytes);
            }
        }
    }
    (void) munmap(all, (size_t) st.st_size);
}
