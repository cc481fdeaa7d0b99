/* inherit.c - the state of the master as text, there and back. */

#include "inherit.h"

#include "core/conf.h"
#include "core/log.h"
#include "os/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_NUMBER (1ll << 62)

#define NUMBER(T, member) MOSN_INT(T, member, -1, MAX_NUMBER, -1, "")

static const mosn_directive_t socket_directives[] = {
    MOSN_ADDRESS_REQUIRED(mosn_inherit_socket_t, address, ""),
    NUMBER(mosn_inherit_socket_t, slot),
    NUMBER(mosn_inherit_socket_t, fd),
    MOSN_BOOL(mosn_inherit_socket_t, single, false, ""),
    MOSN_BOOL(mosn_inherit_socket_t, handed, false, ""),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t socket_block = {
    .doc = "A listening socket.",
    .size = sizeof(mosn_inherit_socket_t),
    .directives = socket_directives,
};

static const mosn_directive_t child_directives[] = {
    NUMBER(mosn_inherit_child_t, pid),
    NUMBER(mosn_inherit_child_t, row),
    NUMBER(mosn_inherit_child_t, channel),
    MOSN_BOOL(mosn_inherit_child_t, is_control, false, ""),
    NUMBER(mosn_inherit_child_t, slot),
    NUMBER(mosn_inherit_child_t, generation),
    NUMBER(mosn_inherit_child_t, started_ms),
    NUMBER(mosn_inherit_child_t, ends_ms),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t child_block = {
    .doc = "A child.",
    .size = sizeof(mosn_inherit_child_t),
    .directives = child_directives,
};

static const mosn_directive_t post_directives[] = {
    NUMBER(mosn_inherit_post_t, slot), NUMBER(mosn_inherit_post_t, restarts),
    NUMBER(mosn_inherit_post_t, ended_ms),
    MOSN_STRING(mosn_inherit_post_t, how, "", ""), MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t post_block = {
    .doc = "A place that children fill.",
    .size = sizeof(mosn_inherit_post_t),
    .directives = post_directives,
};

static const mosn_directive_t resolved_directives[] = {
    MOSN_STRING(mosn_inherit_resolved_t, cluster, "", ""),
    MOSN_STRING(mosn_inherit_resolved_t, hosts, "", ""), MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t resolved_block = {
    .doc = "What the names of a cluster have become.",
    .size = sizeof(mosn_inherit_resolved_t),
    .directives = resolved_directives,
};

static const mosn_directive_t inherit_directives[] = {
    NUMBER(mosn_inherit_t, format),
    NUMBER(mosn_inherit_t, generation),
    NUMBER(mosn_inherit_t, n_workers),
    NUMBER(mosn_inherit_t, started_ms),
    NUMBER(mosn_inherit_t, reloads),
    MOSN_STRING(mosn_inherit_t, error_log, "stderr", ""),
    NUMBER(mosn_inherit_t, error_log_level),
    MOSN_BOOL(mosn_inherit_t, quiet, false, ""),
    MOSN_BOOL(mosn_inherit_t, upgrade, false, ""),
    MOSN_INT(mosn_inherit_t, wish, 0, 100, 0, ""),
    MOSN_BOOL(mosn_inherit_t, shedding, false, ""),
    MOSN_STRING(mosn_inherit_t, conf_path, "", ""),
    NUMBER(mosn_inherit_t, conf_fd),
    MOSN_STRING(mosn_inherit_t, program, "", ""),
    NUMBER(mosn_inherit_t, program_fd),
    NUMBER(mosn_inherit_t, metrics_fd),
    NUMBER(mosn_inherit_t, board_fd),
    NUMBER(mosn_inherit_t, tickets_fd),
    NUMBER(mosn_inherit_t, tls_fd),
    NUMBER(mosn_inherit_t, control_fd),
    MOSN_STRING(mosn_inherit_t, control_path, "", ""),
    MOSN_STRING(mosn_inherit_t, pid_file, "", ""),
    NUMBER(mosn_inherit_t, drain_timeout_ms),
    NUMBER(mosn_inherit_t, client_fd),
    MOSN_BOOL(mosn_inherit_t, client_json, false, ""),
    MOSN_STRINGS(mosn_inherit_t, log_files, ""),
    MOSN_STRINGS(mosn_inherit_t, own, ""),
    MOSN_INT(mosn_inherit_t, changes, 0, UINT32_MAX, 0, ""),
    MOSN_INT(mosn_inherit_t, unkept, 0, UINT32_MAX, 0, ""),
    MOSN_STRINGS(mosn_inherit_t, environment, ""),
    MOSN_LIST(mosn_inherit_t, sockets, &socket_block, ""),
    MOSN_LIST(mosn_inherit_t, children, &child_block, ""),
    MOSN_LIST(mosn_inherit_t, posts, &post_block, ""),
    MOSN_LIST(mosn_inherit_t, resolved, &resolved_block, ""),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t inherit_block = {
    .doc = "What the master owns.",
    .size = sizeof(mosn_inherit_t),
    .directives = inherit_directives,
};


int
mosn_inherit_fill(const char *name, void (*write)(FILE *out, const void *),
                  const void *arg)
{
    int   fd = memfd_create(name, MFD_CLOEXEC), copy;
    FILE *out;

    if (fd == -1 || (copy = dup(fd)) == -1) {
        mosn_log_alert(errno, "cannot make memory for the state");
        if (fd != -1) {
            (void) close(fd);
        }
        return -1;
    }
    out = fdopen(copy, "w");
    if (out == NULL) {
        (void) close(copy);
        (void) close(fd);
        return -1;
    }
    write(out, arg);
    if (fclose(out) == EOF) {
        mosn_log_alert(errno, "cannot write the state down");
        (void) close(fd);
        return -1;
    }
    return fd;
}


static void
inherit_print(FILE *out, const void *state)
{
    mosn_conf_print(&inherit_block, state, out);
}


int
mosn_inherit_write(const mosn_inherit_t *state)
{
    int fd = mosn_inherit_fill("mosn state", inherit_print, state);

    mosn_process_keep_fd(fd, true);
    return fd;
}


char *
mosn_inherit_slurp(int fd, mosn_pool_t *pool)
{
    struct stat st;
    char       *text;
    size_t      n = 0, size;

    if (fstat(fd, &st) == -1) {
        return NULL;
    }
    size = (size_t) st.st_size;
    text = mosn_pool_alloc(pool, size + 1);
    while (n < size) {
        ssize_t got = pread(fd, text + n, size - n, (off_t) n);

        if (got <= 0) {
            return NULL;
        }
        n += (size_t) got;
    }
    text[n] = '\0';
    return text;
}


mosn_inherit_t *
mosn_inherit_read(int fd, mosn_pool_t *pool, const char **why_r)
{
    mosn_inherit_t *state = mosn_pool_calloc(pool, sizeof(*state));
    char           *text = mosn_inherit_slurp(fd, pool);
    mosn_conf_t    *reader = mosn_conf_create(pool);

    *why_r = NULL;
    if (text == NULL) {
        *why_r = "the state of the running mosn cannot be read";
    } else if (mosn_conf_read_text(reader, "state", text, &inherit_block,
                                   state)
               != MOSN_OK)
    {
        *why_r =
            mosn_pool_copy(pool, mosn_str(mosn_conf_error_text(reader, 0))).at;
    } else if (state->format != MOSN_INHERIT_FORMAT) {
        *why_r = "the state of the running mosn has another format";
    }
    mosn_conf_destroy(&reader);
    return *why_r == NULL ? state : NULL;
}


/* Calls back for each descriptor of the state. */
static void
inherit_each_fd(const mosn_inherit_t *s, void (*each)(int fd, void *arg),
                void                 *arg)
{
    each((int) s->program_fd, arg);
    each((int) s->conf_fd, arg);
    each((int) s->metrics_fd, arg);
    each((int) s->board_fd, arg);
    each((int) s->tickets_fd, arg);
    each((int) s->tls_fd, arg);
    each((int) s->control_fd, arg);
    each((int) s->client_fd, arg);
    for (size_t i = 0; i < s->sockets.n; i++) {
        each((int) s->sockets.items[i].fd, arg);
    }
    for (size_t i = 0; i < s->children.n; i++) {
        each((int) s->children.items[i].channel, arg);
    }
}


static void
inherit_keep_fd(int fd, void *keep)
{
    mosn_process_keep_fd(fd, *(bool *) keep);
}


void
mosn_inherit_keep_fds(const mosn_inherit_t *state, bool keep)
{
    inherit_each_fd(state, inherit_keep_fd, &keep);
}


typedef struct {
    int  fd;
    bool found;
} inherit_search_t;


static void
inherit_compare_fd(int fd, void *arg)
{
    inherit_search_t *search = arg;

    search->found |= fd == search->fd;
}


bool
mosn_inherit_has_fd(const mosn_inherit_t *state, int fd)
{
    inherit_search_t search = { .fd = fd };

    inherit_each_fd(state, inherit_compare_fd, &search);
    return search.found;
}
