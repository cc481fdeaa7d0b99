/* master_commands.c - what mosnctl asks of the master. */

#include "config.h"
#include "core/log.h"
#include "event/tls_watch.h"
#include "explain.h"
#include "master_parts.h"
#include "os/process.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define master (&mosn_master)

static const char *const phase_names[] = { "starting", "serving", "serving",
                                           "reloading", "draining" };


/* --- status ------------------------------------------------------------- */

static const char *
status_of_child(const master_child_t *c)
{
    if (c->ends_ms != 0) {
        return "draining";
    }
    return c->ready ? "serving" : "starting";
}


static void
status_child(const master_child_t *c, bool json, bool more, FILE *out)
{
    const mosn_seat_t *seat = &master->board->seats[c->row];
    uint64_t           now = master->loop.now_ms;
    uint32_t           connections = atomic_load(&seat->connections);

    (void) fprintf(out,
                   json ? "%s{\"role\":\"%s\",\"pid\":%d,\"state\":\"%s\","
                          "\"generation\":%u,\"seconds\":%" PRIu64 ","
                          "\"connections\":%u,\"change\":%u}"
                        : "%s%-10s pid %-7d %-8s generation %-3u for %" PRIu64
                          " s, connections: %u, change: %u\n",
                   json && more ? "," : "", c->role, (int) c->pid,
                   status_of_child(c), c->generation,
                   (now - c->started_ms) / 1000, connections,
                   atomic_load(&seat->changes));
}


static void
status_post(const master_post_t *post, bool json, bool more, FILE *out)
{
    const char *role = post->is_control ? "control" : "worker";
    uint64_t    ago = (master->loop.now_ms - post->ended_ms) / 1000;

    if (json) {
        (void) fprintf(out,
                       "%s{\"role\":\"%s\",\"slot\":%u,\"restarts\":%u,"
                       "\"seconds_ago\":%" PRIu64 ",\"last\":",
                       more ? "," : "", role, post->slot, post->restarts, ago);
        mosn_json_print(post->how, out);
        (void) fputc('}', out);
        return;
    }
    (void) fprintf(out,
                   "%s %u was started again %u times; the last one %s, "
                   "%" PRIu64 " s ago%s\n",
                   role, post->slot, post->restarts, post->how, ago,
                   post->child == NULL ? "; it waits for its next start" : "");
}


static bool
command_status(bool json, FILE *out)
{
    bool more = false;

    (void) fprintf(
        out,
        json ? "{\"version\":\"%s\",\"pid\":%d,\"state\":\"%s\","
               "\"generation\":%u,\"reloads\":%" PRIu64 ",\"seconds\":%" PRIu64
               ",\"change\":%u,\"out_of_service\":%s,\"descriptors\":%u,"
               "\"children\":["
             : "mosn %s, pid %d, %s, generation %u (reloads: %" PRIu64
               "), for %" PRIu64 " s, change: %u%s, descriptors: %u\n",
        MOSN_VERSION, (int) getpid(), phase_names[master->phase],
        master->generation->number, master->reloads,
        (master->loop.now_ms - master->started_ms) / 1000, master->changes,
        json ? (master->shedding ? "true" : "false")
             : (master->shedding ? ", out of service" : ""),
        mosn_process_count_fds());
    for (mosn_list_t *link = master->children.next; link != &master->children;
         link = link->next)
    {
        status_child(mosn_container_of(link, master_child_t, link), json, more,
                     out);
        more = true;
    }
    (void) fputs(json ? "],\"restarts\":[" : "", out);
    more = false;
    for (unsigned i = 0; i < master->n_posts; i++) {
        if (master->posts[i].restarts > 0) {
            status_post(&master->posts[i], json, more, out);
            more = true;
        }
    }
    (void) fputs(json ? "]}\n" : "", out);
    return true;
}


/* --- at once ------------------------------------------------------------ */

static bool
command_reopen(bool json, FILE *out)
{
    master_reopen_logs();
    (void) fputs(json ? "{}\n" : "logs are open again\n", out);
    return true;
}


static bool
command_stop(bool json, FILE *out)
{
    if (master->phase != MASTER_STOPPING) { /* again is not at once */
        master_stop(SIGTERM);
    }
    (void) fputs(json ? "{}\n" : "draining\n", out);
    return true;
}


static bool
command_stop_now(bool json, FILE *out)
{
    master_stop(SIGINT);
    (void) fputs(json ? "{}\n" : "ending\n", out);
    return true;
}


static bool
command_version(bool json, FILE *out)
{
    (void) fprintf(out, json ? "{\"version\":\"%s\"}\n" : "mosn %s\n",
                   MOSN_VERSION);
    return true;
}


static bool
command_config(bool json, FILE *out)
{
    char  *text = NULL;
    size_t n;
    FILE  *copy;

    if (!json) {
        master_print_config(out, false);
        return true;
    }
    copy = open_memstream(&text, &n);
    if (copy == NULL) {
        return false;
    }
    master_print_config(copy, false);
    (void) fclose(copy);
    (void) fputs("{\"config\":", out);
    mosn_json_print(text, out);
    (void) fputs("}\n", out);
    free(text);
    return true;
}


static bool
command_certs(bool json, FILE *out)
{
    (void) fputs(json ? "{" : "", out);
    mosn_tls_pairs_print(json, out);
    (void) fputs(json ? "," : "", out);
    mosn_tls_authorities_print(json, out);
    (void) fputs(json ? "}\n" : "", out);
    return true;
}


/* Out of service without an end: balancers see it at /ready, clients that
 * are connected are asked to come back elsewhere. */
void
master_shed(bool on)
{
    master->shedding = on;
    atomic_store(&master->board->out_of_service, on);
    for (mosn_list_t *link = master->children.next; link != &master->children;
         link = link->next)
    {
        master_child_t *c = mosn_container_of(link, master_child_t, link);

        if (!c->is_control) {
            master_tell(c, MOSN_NOTE_SHED, on, NULL, 0);
        }
    }
    mosn_log_notice(on ? "out of service: /ready says so, answers ask clients "
                         "to go elsewhere"
                       : "in service again");
}


static bool
command_drain(bool json, FILE *out)
{
    master_shed(true);
    (void) fputs(json ? "{}\n"
                      : "out of service; requests that come are served, "
                        "`mosnctl drain --off` takes it back\n",
                 out);
    return true;
}


static bool
command_drain_off(bool json, FILE *out)
{
    master_shed(false);
    (void) fputs(json ? "{}\n" : "in service\n", out);
    return true;
}


/* --- what takes its time ------------------------------------------------ */

static void
start(mosn_client_t client, bool upgrade, const char *program,
      const char *conf)
{
    const char *why;

    if (!master_reload_start(upgrade, program, conf, client, &why)) {
        mosn_client_end(&client, why, NULL);
    }
}


static void
command_reload(mosn_client_t client, mosn_str_t argument MOSN_UNUSED)
{
    start(client, false, NULL, NULL);
}


static void
command_explain(mosn_client_t client, mosn_str_t argument)
{
    mosn_pool_t *pool = mosn_pool_create(MOSN_POOL_CONF);
    char        *text = NULL, *json = NULL;
    size_t       n = 0;
    FILE        *out = open_memstream(&text, &n);
    const char  *why = "no memory";

    if (out != NULL) {
        why = mosn_explain_line(master->settings, argument, pool, out);
        (void) fclose(out);
    }
    if (why == NULL && client.json
        && (out = open_memstream(&json, &n)) != NULL) {
        (void) fputs("{\"explain\":", out);
        mosn_json_print(text, out);
        (void) fputs("}\n", out);
        (void) fclose(out);
    }
    mosn_client_end(&client, why, json != NULL ? json : text);
    free(json);
    free(text);
    mosn_pool_destroy(&pool);
}


static void
command_upgrade(mosn_client_t client, mosn_str_t argument)
{
    char path[4096];

    (void) snprintf(path, sizeof(path), "%.*s", MOSN_STR_ARG(argument));
    start(client, true, argument.len > 0 ? path : NULL, NULL);
}


static void
command_check(mosn_client_t client, mosn_str_t argument)
{
    char path[4096];

    (void) snprintf(path, sizeof(path), "%.*s", MOSN_STR_ARG(argument));
    start(client, false, NULL, path);
}


const mosn_command_t master_commands[] = {
    { .name = "status", .run = command_status },
    { .name = "reopen", .run = command_reopen },
    { .name = "stop", .run = command_stop, .stays = true },
    { .name = "stop now", .run = command_stop_now, .stays = true },
    { .name = "version", .run = command_version },
    { .name = "config", .run = command_config },
    { .name = "certs", .run = command_certs },
    { .name = "drain", .run = command_drain },
    { .name = "drain off", .run = command_drain_off },
    { .name = "host",
      .start = master_command_host,
      .takes_argument = true,
      .from_child = true },
    { .name = "explain", .start = command_explain, .takes_argument = true },
    { .name = "apply",
      .start = master_command_apply,
      .takes_argument = true,
      .from_child = true,
      .reads_file = true },
    { .name = "resolved",
      .start = master_command_resolved,
      .takes_argument = true,
      .from_child = true,
      .reads_file = true },
    { .name = "remove",
      .start = master_command_remove,
      .takes_argument = true },
    { .name = "reload", .start = command_reload },
    { .name = "upgrade", .start = command_upgrade, .takes_argument = true },
    { .name = "check", .start = command_check, .takes_argument = true },
    { .name = NULL },
};
