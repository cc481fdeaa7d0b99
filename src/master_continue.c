/*
 * master_continue.c - the next image of the master: adopts what the one
 * before it owned, and either starts the new children beside the old ones,
 * or, after a way back, goes on where it was.
 */

#include "core/log.h"
#include "core/log_file.h"
#include "event/tls_watch.h"
#include "master_parts.h"
#include "os/process.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_WHY       65536u
#define KILL_AFTER_MS 5000u /* beyond drain_timeout */

#define master (&mosn_master)


/* What the other image was asked for meanwhile. */
static struct {
    bool shed;
    bool reopened;
} asked;


/* The list and the reason that the other image has left. */
static const char *
back_read(int fd, mosn_pool_t *pool)
{
    char     line[128];
    FILE    *in = fdopen(fd, "r");
    char    *why = mosn_pool_calloc(pool, MAX_WHY);
    int      pid, channel, is_control, wish, shed = master->shedding;
    int      reopened = false;
    unsigned row, slot, generation;

    if (in == NULL) {
        return "";
    }
    rewind(in);
    while (fgets(line, sizeof(line), in) != NULL
           && sscanf(line, "%d %u %d %d %u %u", &pid, &row, &channel,
                     &is_control, &slot, &generation)
                  == 6)
    {
        master_child_t *c;

        mosn_process_keep_fd(channel, false);
        c = master_child_adopt(pid, channel, row, NULL, is_control != 0, slot,
                               generation);
        c->ready = true;
        c->ends_ms = master->loop.now_ms + master->settings->drain_timeout_ms
                     + KILL_AFTER_MS;
    }
    if (sscanf(line, "%d %d %d", &wish, &shed, &reopened) >= 1
        && wish != MASTER_NO_WISH)
    {
        master->wish = (master_wish_e) wish;
    }
    asked.shed = shed;
    asked.reopened = reopened;
    why[fread(why, 1, MAX_WHY - 1, in)] = '\0';
    (void) fclose(in);
    return why;
}


/* Whatever else is open has come by mistake, and would come again. */
static void
audit_fds(int state_fd)
{
    DIR           *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        int fd = atoi(entry->d_name);

        if (fd < 3 || fd == dirfd(dir) || fd == state_fd || fd == mosn_log_fd()
            || mosn_inherit_has_fd(master->state, fd))
        {
            continue;
        }
        mosn_log_warn(0, "descriptor %d is nobody's, closing it", fd);
        (void) close(fd);
    }
    if (dir != NULL) {
        (void) closedir(dir);
    }
}


static void
adopt_children(bool back)
{
    const mosn_inherit_t *s = master->state;

    for (size_t i = 0; i < s->children.n; i++) {
        const mosn_inherit_child_t *from = &s->children.items[i];
        master_post_t              *post = NULL;
        master_child_t             *c;

        if (back && from->ends_ms == 0) {
            post = &master->posts[from->is_control ? master->n_workers
                                                   : (unsigned) from->slot];
        }
        c = master_child_adopt((pid_t) from->pid, (int) from->channel,
                               (unsigned) from->row, post, from->is_control,
                               (unsigned) from->slot,
                               (uint32_t) from->generation);
        c->started_ms = (uint64_t) from->started_ms;
        c->ends_ms = (uint64_t) from->ends_ms;
        c->ready = true;
        c->unseen = master->new_board;
    }
}


/* Restarts are told across reloads, as long as the place is there. */
static void
adopt_posts(void)
{
    const mosn_inherit_t *s = master->state;

    for (size_t i = 0; i < s->posts.n; i++) {
        const mosn_inherit_post_t *from = &s->posts.items[i];
        master_post_t             *post;

        if (from->slot >= (int64_t) master->n_workers) {
            continue;
        }
        post = &master->posts[from->slot == -1 ? master->n_workers
                                               : (unsigned) from->slot];
        post->restarts = (unsigned) from->restarts;
        post->ended_ms = (uint64_t) from->ended_ms;
        (void) snprintf(post->how, sizeof(post->how), "%.*s",
                        MOSN_STR_ARG(from->how));
    }
}


/* What names were resolved to serves until they are again. */
static void
adopt_resolved(void)
{
    const mosn_inherit_t *s = master->state;

    for (size_t i = 0; i < s->resolved.n; i++) {
        const mosn_inherit_resolved_t *from = &s->resolved.items[i];
        mosn_cluster_t                *c =
            mosn_map_find(&master->generation->clusters, from->cluster);

        if (c != NULL && mosn_cluster_is_named(c)) {
            mosn_cluster_carry_hosts(c, from->hosts.at);
        }
    }
}


/* TLS goes on with what it was made of, whatever its files are by now. */
static void
continue_with_tls_files(int fd)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    struct stat  st;
    char        *all = fd != -1 ? mosn_inherit_slurp(fd, pool) : NULL;

    if (all != NULL && fstat(fd, &st) == 0) {
        mosn_tls_files_give((mosn_str_t){ all, (size_t) st.st_size });
        explicit_bzero(all, (size_t) st.st_size);
    }
    mosn_pool_destroy(&pool);
}


/* What the text of the configuration does not tell. */
static void
state_take_changes(const mosn_inherit_t *s)
{
    mosn_pool_t *pool = master->generation->pool;
    mosn_strs_t *own = &master->settings->own;

    own->items = mosn_pool_calloc(pool, (s->own.n + 1) * sizeof(mosn_str_t));
    for (; own->n < s->own.n; own->n++) {
        own->items[own->n] = mosn_pool_copy(pool, s->own.items[own->n]);
    }
    master->changes = (uint32_t) s->changes;
    master->unkept = (uint32_t) s->unkept;
}


/* Loads what serves or is to serve.  False: `why` says why not. */
static bool
continue_load(bool back, const char **why)
{
    const mosn_inherit_t *s = master->state;
    char                 *errors, *text = NULL;

    if (back) {
        master->conf_fd = (int) s->conf_fd;
        text = mosn_inherit_slurp(master->conf_fd, master->state_pool);
        if (text == NULL) {
            *why = "its text cannot be read";
            return false;
        }
        for (size_t i = 0; i < s->log_files.n; i++) {
            (void) mosn_log_file_get(s->log_files.items[i]);
        }
        continue_with_tls_files((int) s->tls_fd);
    }
    master->generation =
        back
            ? mosn_settings_load_text("state", text, (uint32_t) s->generation,
                                      &master->settings, &errors)
            : mosn_settings_load(s->conf_path.at, (uint32_t) s->generation + 1,
                                 &master->settings, &errors);
    mosn_tls_files_drop();
    if (back && s->tls_fd != -1) {
        (void) close((int) s->tls_fd);
        master->state->tls_fd = -1; /* somebody else's number by now */
    }
    if (master->generation == NULL) {
        *why = errors;
        return false;
    }
    if (back) {
        state_take_changes(s);
    }
    if (mosn_log_open(master->settings->error_log.path.at,
                      (mosn_log_level_e) master->settings->error_log.level)
            == -1
        && !back)
    {
        *why = "the error log cannot be opened";
        return false;
    }
    *why = "see the error log";
    master->n_workers = back ? (unsigned) s->n_workers
                             : mosn_settings_workers(master->settings);
    /* On the way back what could be opened then need not be there now. */
    if (master_choose_user() != MOSN_OK
        || (mosn_log_files_open() != MOSN_OK && !back))
    {
        return false;
    }
    adopt_resolved();
    mosn_settings_register_metrics(master->generation, master->settings);
    mosn_clusters_adopt(master->generation, back);
    master_raise_limits();
    master_posts_init();
    adopt_posts();
    return true;
}


/* What is not there any more was ended between the two images. */
static void
respawn_missing(void)
{
    for (mosn_list_t *link = master->children.next, *next;
         link != &master->children; link = next)
    {
        next = link->next;
        master_child_lost(mosn_container_of(link, master_child_t, link));
    }
    master_spawn_all();
}


static mosn_rc_e
continue_back(void)
{
    const char *why;

    if (!continue_load(true, &why)) {
        mosn_log_alert(0,
                       "cannot go on with the configuration that served: "
                       "%s",
                       why);
        return MOSN_ERROR;
    }
    adopt_children(true);
    why = back_read(master->back_fd, master->state_pool);
    master->phase = MASTER_SERVING;
    (void) master_sockets_restore();
    master_count_workers();
    if (asked.shed != master->shedding) {
        master_shed(asked.shed);
    }
    if (asked.reopened) {
        master_reopen_logs();
    }
    respawn_missing();
    master->admin_fd = master_admin_fd();
    (void) close(master->state_fd);
    master->state_fd = -1;
    master_reload_refused(why);
    master->state = NULL;
    mosn_pool_destroy(&master->state_pool);
    return MOSN_OK;
}


static mosn_rc_e
continue_forward(void)
{
    const char *why;

    adopt_children(false);
    if (!continue_load(false, &why)) {
        master_go_back(why);
    }
    if (master_sockets_bind() != MOSN_OK || master_sockets_open() != MOSN_OK) {
        master_go_back("an address cannot be listened on; see the error log");
    }
    master->admin_fd = master_admin_fd();
    master->phase = MASTER_STAGING;
    mosn_timer_init(&master->deadline, master_stage_late);
    mosn_timer_arm(&master->loop, &master->deadline,
                   master->settings->start_timeout_ms);
    master_spawn_all();
    return MOSN_OK;
}


mosn_rc_e
master_inherit(int state_fd, int back_fd)
{
    mosn_inherit_t *s;
    const char     *why;

    mosn_process_keep_fd(state_fd, false);
    mosn_process_keep_fd(back_fd, false);
    (void) unsetenv(MOSN_ENV_STATE);
    (void) unsetenv(MOSN_ENV_BACK);
    master->state_fd = state_fd;
    master->back_fd = back_fd;
    master->state_pool = mosn_pool_create(MOSN_POOL_CONF);
    s = mosn_inherit_read(state_fd, master->state_pool, &why);
    if (s == NULL) {
        mosn_log_alert(0, "cannot go on: %s", why);
        return MOSN_ERROR;
    }
    master->state = s;
    (void) mosn_log_open(s->error_log.at,
                         (mosn_log_level_e) s->error_log_level);
    mosn_inherit_keep_fds(s, false);
    if (back_fd == -1) { /* else more is ours than the state knows */
        audit_fds(state_fd);
    }
    return MOSN_OK;
}


mosn_rc_e
master_continue(void)
{
    const mosn_inherit_t *s = master->state;

    master->upgrade = s->upgrade;
    master->shedding = s->shedding;
    master->wish = (master_wish_e) s->wish;
    master->started_ms = (uint64_t) s->started_ms;
    master->reloads = (uint64_t) s->reloads;
    master->program = strdup(s->program.at);
    master->client = (mosn_client_t){ (int) s->client_fd, s->client_json };
    master_sockets_adopt(s);
    mosn_commands_init(master_commands);
    if (mosn_metrics_open((int) s->metrics_fd) != MOSN_OK
        || master_open_board((int) s->board_fd) != MOSN_OK
        || mosn_tls_tickets_open((int) s->tickets_fd) != MOSN_OK
        || (s->control_fd != -1
            && mosn_commands_listen(&master->loop, s->control_path.at,
                                    (int) s->control_fd)
                   != MOSN_OK))
    {
        if (master->back_fd == -1) {
            master_go_back("what the other program left cannot be used; see "
                           "the error log");
        }
        return MOSN_ERROR;
    }
    return master->back_fd != -1 ? continue_back() : continue_forward();
}
