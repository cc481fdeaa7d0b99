/* master_state.c - what the master owns, written down for its next image. */

#include "core/log.h"
#include "core/log_file.h"
#include "event/tls_watch.h"
#include "master_parts.h"
#include "resources.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#define master (&mosn_master)

extern char **environ;


/* The environment, without what we put there ourselves. */
static mosn_strs_t
state_environment(mosn_pool_t *pool)
{
    mosn_strs_t list = { 0 };
    size_t      n = 0;

    while (environ[n] != NULL) {
        n++;
    }
    list.items = mosn_pool_calloc(pool, (n + 1) * sizeof(*list.items));
    for (size_t i = 0; i < n; i++) {
        if (strncmp(environ[i], "MOSN_STATE=", 11) != 0
            && strncmp(environ[i], "MOSN_TRY=", 9) != 0
            && strncmp(environ[i], "MOSN_BACK=", 10) != 0)
        {
            list.items[list.n++] = mosn_str(environ[i]);
        }
    }
    return list;
}


static void
state_add_sockets(mosn_inherit_t *s, mosn_pool_t *pool)
{
    size_t n = 0;

    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        n++;
    }
    s->sockets.items =
        mosn_pool_calloc(pool, (n + 1) * sizeof(*s->sockets.items));
    for (mosn_list_t *link = master->sockets.next; link != &master->sockets;
         link = link->next)
    {
        master_socket_t *from = mosn_container_of(link, master_socket_t, link);

        s->sockets.items[s->sockets.n++] =
            (mosn_inherit_socket_t){ .address = from->address,
                                     .slot = from->slot,
                                     .fd = from->fd,
                                     .single = from->single,
                                     .handed = from->handed };
    }
}


static void
state_add_children(mosn_inherit_t *s, mosn_pool_t *pool)
{
    s->children.items = mosn_pool_calloc(
        pool, (master_count_children(false) + 1) * sizeof(*s->children.items));
    for (mosn_list_t *link = master->children.next; link != &master->children;
         link = link->next)
    {
        master_child_t *c = mosn_container_of(link, master_child_t, link);

        s->children.items[s->children.n++] =
            (mosn_inherit_child_t){ .pid = c->pid,
                                    .row = c->row,
                                    .channel = c->channel,
                                    .is_control = c->is_control,
                                    .slot = c->slot,
                                    .generation = c->generation,
                                    .started_ms = (int64_t) c->started_ms,
                                    .ends_ms = (int64_t) c->ends_ms };
    }
    s->posts.items =
        mosn_pool_calloc(pool, master->n_posts * sizeof(*s->posts.items));
    for (unsigned i = 0; i < master->n_posts; i++) {
        master_post_t *post = &master->posts[i];

        s->posts.items[s->posts.n++] = (mosn_inherit_post_t){
            .slot = post->is_control ? -1 : (int64_t) post->slot,
            .restarts = post->restarts,
            .ended_ms = (int64_t) post->ended_ms,
            .how = mosn_str(post->how),
        };
    }
}


/* What names have become need not be found out again before serving. */
static void
state_add_resolved(mosn_inherit_t *s, mosn_pool_t *pool)
{
    const mosn_map_t *clusters = &master->generation->clusters;

    s->resolved.items =
        mosn_pool_calloc(pool, (clusters->n + 1) * sizeof(*s->resolved.items));
    for (size_t i = 0; i <= clusters->mask; i++) {
        const mosn_cluster_t *c = clusters->entries[i].value;
        mosn_hosts_conf_t     hosts;
        char                 *text;

        if (c == NULL || c->n_hosts == 0 || !mosn_cluster_is_named(c)) {
            continue;
        }
        mosn_resource_copy_hosts(c, pool, &hosts);
        text = mosn_conf_text(&mosn_hosts_block, &hosts);
        if (text != NULL) {
            s->resolved.items[s->resolved.n++] = (mosn_inherit_resolved_t){
                .cluster = c->name,
                .hosts = mosn_pool_copy(pool, mosn_str(text)),
            };
        }
        free(text);
    }
}


/* Who goes back numbers them as the children do that are still there. */
static void
state_add_log_files(mosn_inherit_t *s, mosn_pool_t *pool)
{
    size_t n = mosn_log_files_count();

    s->log_files.items =
        mosn_pool_calloc(pool, (n + 1) * sizeof(*s->log_files.items));
    for (; s->log_files.n < n; s->log_files.n++) {
        s->log_files.items[s->log_files.n] =
            mosn_log_file_path(s->log_files.n);
    }
}


static int
state_tls_files(void)
{
    int fd = memfd_create("mosn tls files", MFD_CLOEXEC);

    if (fd == -1 || !mosn_tls_watch_write(fd)) {
        mosn_log_alert(errno, "cannot write down what TLS is made of");
    }
    return fd;
}


int
master_state_write(mosn_inherit_t **state_r, mosn_pool_t *pool, bool goes)
{
    mosn_inherit_t *s = mosn_pool_calloc(pool, sizeof(*s));

    *s = (mosn_inherit_t){
        .format = MOSN_INHERIT_FORMAT,
        .generation = master->generation->number,
        .n_workers = master->n_workers,
        .started_ms = (int64_t) master->started_ms,
        .reloads = (int64_t) master->reloads,
        .drain_timeout_ms = master->settings->drain_timeout_ms,
        .error_log = master->settings->error_log.path,
        .error_log_level = master->settings->error_log.level,
        .quiet = master->quiet,
        .upgrade = master->upgrade,
        .wish = master->wish,
        .shedding = master->shedding,
        .conf_path = mosn_str(master->conf_path),
        .conf_fd = master->conf_fd,
        .program = mosn_str(master->try_program != NULL ? master->try_program
                                                        : master->program),
        .program_fd = master->program_fd,
        .metrics_fd = mosn_metrics_fd(),
        .board_fd = master->board_shm.fd,
        .tickets_fd = mosn_tls_tickets_fd(),
        .tls_fd = goes ? state_tls_files() : -1,
        .own = master->settings->own,
        .changes = master->changes,
        .unkept = master->unkept,
        .control_fd = mosn_commands_fd(),
        .control_path = master->settings->control_socket.at != NULL
                            ? master->settings->control_socket
                            : MOSN_STR(""),
        .pid_file = master->settings->pid_file.at != NULL
                        ? master->settings->pid_file
                        : MOSN_STR(""),
        .client_fd = master->client.fd,
        .client_json = master->client.json,
        .environment = state_environment(pool),
    };
    state_add_sockets(s, pool);
    state_add_children(s, pool);
    state_add_resolved(s, pool);
    state_add_log_files(s, pool);
    *state_r = s;
    return mosn_inherit_write(s);
}
