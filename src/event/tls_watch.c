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

/* What was read for others, or by others for us. */
typedef struct file_s file_t;

struct file_s {
    file_t *next;
    char   *path;
    char   *bytes;
    size_t  n;
};

static mosn_list_t watches = { &watches, &watches };

static struct {
    file_t *first;
    bool    keep;
} files;


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


/* --- files that come with a change ----------------------------------------
 */

static void
files_add(mosn_str_t path, const char *bytes, size_t n)
{
    file_t *f = mosn_alloc(sizeof(*f));

    f->path = strndup(path.at, path.len);
    f->bytes = mosn_alloc(n + 1);
    memcpy(f->bytes, bytes, n);
    f->n = n;
    f->next = files.first;
    files.first = f;
}


static const file_t *
files_find(const char *path)
{
    for (const file_t *f = files.first; f != NULL; f = f->next) {
        if (f->path != NULL && strcmp(f->path, path) == 0) {
            return f;
        }
    }
    return NULL;
}


/* A file as that of one thing: others that are made of it, too, may still
 * have what was in it before. */
static char *
watch_key(const mosn_tls_watch_t *w, int i)
{
    char *key;

    if (asprintf(&key, "%d|%.*s|%.*s|%.*s", i, MOSN_STR_ARG(w->paths[0]),
                 MOSN_STR_ARG(w->paths[1]), MOSN_STR_ARG(w->paths[2]))
        == -1)
    {
        abort(); /* no memory */
    }
    return key;
}


/* What was given of it: as that thing's, or at all. */
static const file_t *
watch_find(const mosn_tls_watch_t *w, int i)
{
    char         *key = watch_key(w, i);
    const file_t *f = files_find(key);

    free(key);
    return f != NULL ? f : files_find(w->paths[i].at);
}


/* As mosn_file_read(). */
static char *
watch_read(const mosn_tls_watch_t *w, int i, size_t *n)
{
    const char   *path = w->paths[i].at;
    const file_t *f = files.keep ? NULL : watch_find(w, i);
    char         *bytes;

    if (f != NULL) {
        bytes = mosn_alloc(f->n + 1);
        memcpy(bytes, f->bytes, f->n);
        *n = f->n;
        return bytes;
    }
    bytes = mosn_file_read(path, FILE_MAX, n);
    if (bytes != NULL && files.keep) {
        files_add(mosn_str(path), bytes, *n);
    }
    return bytes;
}


void
mosn_tls_files_keep(void)
{
    mosn_tls_files_drop();
    files.keep = true;
}


void
mosn_tls_files_drop(void)
{
    files.keep = false;
    while (files.first != NULL) {
        file_t *f = files.first;

        files.first = f->next;
        OPENSSL_cleanse(f->bytes, f->n);
        free(f->bytes);
        free(f->path);
        free(f);
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
        if (!files.keep && watch_find(w, i) != NULL) {
            /* The file may be another one already: the next look tells. */
            w->idents[i] = (mosn_tls_ident_t){ 0 };
        }
        bytes->at[i] = watch_read(w, i, &bytes->n[i]);
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
mosn_tls_watch_start(mosn_tls_watch_t *w, const mosn_tls_watch_ops_t *ops,
                     mosn_tls_bytes_t *bytes)
{
    w->ops = ops;
    w->used = *bytes;
    memset(bytes, 0, sizeof(*bytes));
    mosn_list_append(&watches, &w->link);
}


void
mosn_tls_watch_end(mosn_tls_watch_t *w)
{
    mosn_list_unlink(&w->link);
    mosn_tls_bytes_free(&w->used);
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


void
mosn_tls_watch_retire(const mosn_tls_ctx_t *ctx)
{
    for (mosn_list_t *link = watches.next, *next; link != &watches;
         link = next) {
        next = link->next;
        if (watch_of(link)->ctx == ctx) {
            mosn_tls_watch_end(watch_of(link));
        }
    }
}


/* --- changes --------------------------------------------------------------
 */

/* `bytes` are its own from then on, if that is done. */
static bool
watch_change(mosn_tls_watch_t *w, mosn_tls_bytes_t *bytes)
{
    const char *why = w->ops->change(w, bytes);

    if (why != NULL) {
        mosn_log_alert(0, "the %s in %s was checked and fails: %s",
                       w->ops->what, w->paths[0].at, why);
        return false;
    }
    mosn_tls_bytes_free(&w->used);
    w->used = *bytes;
    memset(bytes, 0, sizeof(*bytes));
    w->changes++;
    w->why[0] = '\0';
    return true;
}


static bool
watch_uses(const mosn_tls_watch_t *w, const mosn_tls_bytes_t *bytes)
{
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        if (bytes->n[i] != w->used.n[i]
            || (bytes->n[i] > 0
                && memcmp(bytes->at[i], w->used.at[i], bytes->n[i]) != 0))
        {
            return false;
        }
    }
    return true;
}


/* True: it was changed.  Files that do not fit each other may be in the middle
 * of being written: that is told when it stays so. */
static bool
watch_check(mosn_tls_watch_t *w)
{
    bool             again = w->failing;
    const char      *why = NULL;
    mosn_tls_bytes_t bytes;
    char             text[700];
    int              bad;

    if (!watch_look(w) && !again) {
        return false;
    }
    w->failing = false;
    bad = mosn_tls_watch_read(w, &bytes);
    if (bad == -1 && watch_uses(w, &bytes)) {
        w->why[0] = '\0';
        mosn_tls_bytes_free(&bytes);
        return false;
    }
    if (bad == -1 && (why = w->ops->refuse(w, &bytes)) == NULL
        && watch_change(w, &bytes))
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
    mosn_tls_bytes_free(&bytes);
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

/* Of each file the lengths of its path and of its bytes, then those. */
static bool
file_put(int fd, const void *at, size_t n)
{
    return n == 0 || write(fd, at, n) == (ssize_t) n;
}


static bool
file_write(int fd, mosn_str_t path, const char *bytes, size_t n)
{
    uint32_t lengths[2] = { (uint32_t) path.len, (uint32_t) n };

    return file_put(fd, lengths, sizeof(lengths))
           && file_put(fd, path.at, path.len) && file_put(fd, bytes, n);
}


bool
mosn_tls_files_write(int fd)
{
    bool good = true;

    for (const file_t *f = files.first; f != NULL && good; f = f->next) {
        good = file_write(fd, mosn_str(f->path), f->bytes, f->n);
    }
    return good;
}


/* `n` of what is left, or NULL. */
static const char *
file_cut(mosn_str_t *rest, size_t n)
{
    const char *at = rest->at;

    if (n > rest->len) {
        return NULL;
    }
    rest->at += n;
    rest->len -= n;
    return at;
}


void
mosn_tls_files_give(mosn_str_t written)
{
    const char *head;

    mosn_tls_files_drop();
    while ((head = file_cut(&written, 2 * sizeof(uint32_t))) != NULL) {
        uint32_t    lengths[2];
        const char *path, *bytes;

        memcpy(lengths, head, sizeof(lengths));
        path = file_cut(&written, lengths[0]);
        bytes = path != NULL ? file_cut(&written, lengths[1]) : NULL;
        if (bytes == NULL) {
            return;
        }
        files_add((mosn_str_t){ path, lengths[0] }, bytes, lengths[1]);
    }
}


/* Those that it is made of now. */
static bool
watch_write(int fd, const mosn_tls_watch_t *w)
{
    bool good = true;

    for (int i = 0; i < MOSN_TLS_FILES && good; i++) {
        char *key = watch_key(w, i);

        good = w->used.at[i] == NULL
               || file_write(fd, mosn_str(key), w->used.at[i], w->used.n[i]);
        free(key);
    }
    return good;
}


bool
mosn_tls_watch_write(int fd)
{
    bool good = true;

    for (mosn_list_t *link = watches.next; link != &watches && good;
         link = link->next)
    {
        good = watch_write(fd, watch_of(link));
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
        if (!watch_check(watch_of(link))) {
            continue;
        }
        if (fd == -1) {
            fd = memfd_create("mosn certificates", MFD_CLOEXEC);
        }
        if (fd == -1 || !watch_write(fd, watch_of(link))) {
            mosn_log_alert(errno, "cannot pass a %s on",
                           watch_of(link)->ops->what);
        }
    }
    return fd;
}


/* Were all of its files given? */
static bool
watch_is_given(const mosn_tls_watch_t *w)
{
    for (int i = 0; i < MOSN_TLS_FILES; i++) {
        if (w->paths[i].at != NULL && watch_find(w, i) == NULL) {
            return false;
        }
    }
    return true;
}


void
mosn_tls_watch_take(int fd)
{
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
    mosn_tls_files_give((mosn_str_t){ all, (size_t) st.st_size });
    (void) munmap(all, (size_t) st.st_size);
    for (mosn_list_t *link = watches.next; link != &watches; link = link->next)
    {
        if (watch_is_given(watch_of(link))
            && mosn_tls_watch_read(watch_of(link), &bytes) == -1)
        {
            (void) watch_change(watch_of(link), &bytes);
            mosn_tls_bytes_free(&bytes);
        }
    }
    mosn_tls_files_drop();
}
