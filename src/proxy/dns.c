/* proxy/dns.c - names of hosts, with c-ares. */

#include "proxy/dns.h"

#include "core/log.h"
#include "core/rand.h"
#include "proxy/dns_set.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>

#define TICK_MS     100u
#define EARLY_MS    1000u /* so long all answers are waited for */
#define SOCKETS_MAX 64
#define FILE_TTL_S  5u
#define TARGETS_MAX 256u /* of one answer with SRV records */

/* A cluster whose hosts have names. */
typedef struct {
    mosn_list_t             link;
    mosn_cluster_t         *cluster;
    mosn_cluster_version_t *version; /* whose names these are */
    mosn_list_t             names;
    uint64_t                again_ms; /* tell it again; 0: it was taken */
    uint64_t                early_ms; /* tell what there is; 0: first look */
} dns_cluster_t;

/* A question that was not answered, and how the record that led to it has
 * it. */
typedef struct {
    uint64_t source;
    int64_t  priority;
    int64_t  weight;
} dns_bad_t;

/* One of its names. */
typedef struct {
    mosn_list_t    link;
    dns_cluster_t *of;
    char          *name;   /* "host:port", or of a SRV record */
    uint64_t       due_ms; /* 0: being asked */
    uint32_t       asking; /* queries that are under way */
    uint32_t       ttl_s;
    int            status; /* of a query that failed */
    bool           failed; /* one of them, and so there may be more */
    bool           none;   /* name servers say that it is not there */
    bool           lost;   /* what is to be asked for */
    dns_bad_t     *bad;
    uint32_t       n_bad;
    bool           said;     /* that it fails */
    bool           seen;     /* in the settings */
    bool           answered; /* once */
    mosn_dns_set_t fresh;
    mosn_dns_set_t found; /* in force */
} dns_name_t;

/* A query under way: its name may be gone when it ends. */
typedef struct {
    dns_name_t *name; /* NULL: gone */
    mosn_list_t link;
    uint16_t    port;
    int64_t     priority;
    int64_t     weight;
    uint64_t    source;
} dns_query_t;

typedef struct {
    mosn_watch_t watch;
    int          fd; /* -1: free */
} dns_socket_t;

static struct {
    mosn_generation_t     *generation;
    mosn_loop_t           *loop;
    const mosn_dns_conf_t *conf;
    void (*found)(const mosn_cluster_t *, const char *);
    ares_channel channel;
    ares_channel files; /* of the hosts file alone */
    mosn_list_t  clusters;
    mosn_list_t  queries;
    mosn_timer_t tick;
    dns_socket_t sockets[SOCKETS_MAX];
    bool         running;
    bool         open; /* the channel is: there are names */
} dns;


static bool
dns_is_service(const dns_name_t *n)
{
    return strchr(n->name, ':') == NULL;
}


/* --- telling --------------------------------------------------------------
 */

/* Have all names of a cluster had an answer, or a failure?  Or one: that there
 * is `none`. */
static bool
dns_is_settled(const dns_cluster_t *c, bool none)
{
    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        const dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        if (!(none ? n->none : n->answered)) {
            return false;
        }
    }
    return true;
}


/* So that a control process of after knows whose answer it was. */
static mosn_str_t
dns_resolved_text(mosn_pool_t *pool, mosn_str_t before, const dns_name_t *n,
                  const mosn_dns_address_t *a)
{
    size_t room = before.len + strlen(n->name) + 80;
    char  *text = mosn_pool_alloc(pool, room);
    int    len =
        snprintf(text, room, "%.*s%s%s %lld %lld %llu", MOSN_STR_ARG(before),
                 before.len > 0 ? " " : "", n->name, (long long) a->priority,
                 (long long) a->weight, (unsigned long long) a->source);

    return (mosn_str_t){ text, (size_t) len };
}


/* All that is known of a cluster, as its hosts; that nothing is known is only
 * told to those who wait. */
static void
dns_tell(dns_cluster_t *c)
{
    mosn_hosts_conf_t hosts = { 0 };
    mosn_pool_t      *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_map_t        seen;
    char             *whole = NULL;
    uint32_t          room = 0;

    c->again_ms = 0;
    mosn_map_init(&seen, pool);
    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        room += mosn_container_of(l, dns_name_t, link)->found.n;
    }
    hosts.hosts.items =
        mosn_pool_calloc(pool, (room + 1) * sizeof(mosn_host_conf_t));
    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        const dns_name_t *name = mosn_container_of(l, dns_name_t, link);
        mosn_dns_set_t    ranked = mosn_dns_set_copy(&name->found);

        if (dns_is_service(name)) {
            mosn_dns_set_rank(&ranked);
        }
        for (uint32_t i = 0; i < ranked.n; i++) {
            const mosn_dns_address_t *a = &ranked.items[i];
            char                      text[MOSN_ADDRESS_TEXT];
            mosn_host_conf_t         *h;

            (void) mosn_address_format(&a->address.sa, a->address.len, text);
            h = mosn_map_find(&seen, mosn_str(text));
            if (h == NULL) { /* else two names of one machine */
                h = &hosts.hosts.items[hosts.hosts.n++];
                *h = (mosn_host_conf_t){ .name = mosn_str(name->name),
                                         .address = a->address,
                                         .priority = a->priority,
                                         .weight = a->weight };
                (void) mosn_map_add(&seen,
                                    mosn_pool_copy(pool, mosn_str(text)), h);
            }
            h->resolved = dns_resolved_text(pool, h->resolved, name,
                                            &name->found.items[i]);
        }
        mosn_dns_set_clear(&ranked);
    }
    if (hosts.hosts.n > 0
        || (!c->cluster->resolved && dns_is_settled(c, true))) {
        whole = mosn_conf_text(&mosn_hosts_block, &hosts);
    }
    if (whole != NULL) {
        dns.found(c->cluster, whole);
    }
    free(whole);
    mosn_pool_destroy(&pool);
}


void
mosn_dns_untaken(const mosn_cluster_t *cluster)
{
    for (mosn_list_t *l = dns.clusters.next; dns.running && l != &dns.clusters;
         l = l->next)
    {
        dns_cluster_t *c = mosn_container_of(l, dns_cluster_t, link);

        if (c->cluster == cluster) {
            c->again_ms = dns.loop->now_ms + dns.conf->retry_ms;
        }
    }
}


/* --- the end of an answer -------------------------------------------------
 */

static uint64_t
dns_due(const dns_name_t *n)
{
    uint64_t ms = (uint64_t) n->ttl_s * 1000;

    if (n->failed) {
        ms = dns.conf->retry_ms / 2 + mosn_rand_below(dns.conf->retry_ms);
    } else if (ms < dns.conf->min_ttl_ms) {
        ms = dns.conf->min_ttl_ms;
    } else if (ms > dns.conf->max_ttl_ms) {
        ms = dns.conf->max_ttl_ms;
    }
    return dns.loop->now_ms + (ms > 0 ? ms : 1);
}


static void
dns_complain(dns_name_t *n)
{
    if (!n->said) {
        mosn_log_warn(0, "cluster \"%.*s\": cannot resolve %s: %s%s",
                      MOSN_STR_ARG(n->of->cluster->name), n->name,
                      ares_strerror(n->status),
                      n->found.n > 0 ? "; what was known stays in force" : "");
    }
    n->said = true;
}


/* What failed may be what was known: that of the same questions, or all of it
 * when there was nothing else. */
static void
dns_keep_found(dns_name_t *n)
{
    if (n->lost || n->fresh.n == 0) {
        for (uint32_t i = 0; i < n->found.n; i++) {
            mosn_dns_set_merge(&n->fresh, &n->found, n->found.items[i].source);
        }
        return;
    }
    for (uint32_t i = 0; i < n->n_bad; i++) {
        mosn_dns_set_merge_as(&n->fresh, &n->found, n->bad[i].source,
                              n->bad[i].priority, n->bad[i].weight);
    }
}


static void
dns_take_fresh(dns_name_t *n)
{
    mosn_dns_set_clear(&n->found);
    n->found = n->fresh;
    n->fresh = (mosn_dns_set_t){ 0 };
}


/* One query less is under way; the last one has the answer whole. */
static void
dns_finish(dns_name_t *n)
{
    dns_cluster_t *c = n->of;
    bool           changed;

    if (--n->asking > 0) {
        return;
    }
    n->none = n->fresh.n == 0 && !n->failed;
    n->failed |= n->none;
    if (n->failed) {
        dns_complain(n);
        dns_keep_found(n);
    } else {
        n->said = false;
    }
    n->n_bad = 0;
    if (c->cluster->conf->discovery == MOSN_DISCOVERY_LOGICAL_DNS) {
        mosn_dns_set_keep_one(&n->fresh, &n->found);
    }
    mosn_dns_set_sort(&n->fresh);
    changed = !mosn_dns_set_equal(&n->fresh, &n->found);
    dns_take_fresh(n);
    n->due_ms = dns_due(n);
    n->answered = true;
    if ((changed || !c->cluster->resolved) && dns_is_settled(c, false)) {
        dns_tell(c);
    }
}


/* --- questions ------------------------------------------------------------
 */

static dns_query_t *
dns_query(dns_name_t *n, uint16_t port, int64_t priority, int64_t weight,
          uint64_t source)
{
    dns_query_t *q = mosn_calloc(sizeof(*q));

    q->name = n;
    q->port = port;
    q->priority = priority;
    q->weight = weight;
    q->source = source;
    n->asking++;
    mosn_list_append(&dns.queries, &q->link);
    return q;
}


static dns_name_t *
dns_take_query(dns_query_t *q)
{
    dns_name_t *n = q->name;

    mosn_list_unlink(&q->link);
    return n;
}


/* That there is none of this kind is an answer.  True: it is not. */
static bool
dns_note_status(dns_name_t *n, int status)
{
    bool failed = status != ARES_ENODATA && status != ARES_ENOTFOUND;

    n->status = status;
    n->failed |= failed;
    return failed;
}


static void
dns_note_bad(dns_name_t *n, const dns_query_t *q)
{
    n->bad = mosn_realloc(n->bad, (n->n_bad + 1) * sizeof(*n->bad));
    n->bad[n->n_bad++] = (dns_bad_t){ q->source, q->priority, q->weight };
}


static void
dns_add_all(dns_name_t *n, const dns_query_t *q,
            const struct ares_addrinfo *result, uint32_t max_ttl_s)
{
    n->ttl_s = max_ttl_s < n->ttl_s ? max_ttl_s : n->ttl_s;
    for (struct ares_addrinfo_cname *at = result->cnames;
         at != NULL && max_ttl_s == UINT32_MAX; at = at->next)
    {
        uint32_t ttl = at->ttl > 0 ? (uint32_t) at->ttl : 0;

        n->ttl_s = ttl < n->ttl_s ? ttl : n->ttl_s;
    }
    for (struct ares_addrinfo_node *at = result->nodes; at != NULL;
         at = at->ai_next)
    {
        uint32_t ttl = at->ai_ttl > 0 ? (uint32_t) at->ai_ttl : 0;

        if (max_ttl_s == UINT32_MAX) {
            n->ttl_s = ttl < n->ttl_s ? ttl : n->ttl_s;
        }
        mosn_dns_set_add(&n->fresh, at->ai_addr, q->port, q->priority,
                         q->weight, q->source);
    }
}


static void
dns_on_addresses(void *arg, int status, int timeouts MOSN_UNUSED,
                 struct ares_addrinfo *result)
{
    dns_query_t *q = arg;
    dns_name_t  *n = dns_take_query(q);

    if (n != NULL && status == ARES_SUCCESS) {
        dns_add_all(n, q, result, UINT32_MAX);
    } else if (n != NULL && dns_note_status(n, status)) {
        dns_note_bad(n, q);
    }
    if (result != NULL) {
        ares_freeaddrinfo(result);
    }
    free(q);
    if (n != NULL) {
        dns_finish(n);
    }
}


static void
dns_on_file(void *arg, int status, int timeouts MOSN_UNUSED,
            struct ares_addrinfo *result)
{
    dns_query_t *q = arg;

    if (status == ARES_SUCCESS) {
        dns_add_all(q->name, q, result, FILE_TTL_S);
    }
    if (result != NULL) {
        ares_freeaddrinfo(result);
    }
}


/* Both families at once: c-ares 1.18 loses memory when the file has a name in
 * the other one alone.  It answers before it returns. */
static bool
dns_ask_file(dns_name_t *n, const char *host, uint16_t port, int64_t priority,
             int64_t weight)
{
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
                                         .ai_flags = ARES_AI_NOSORT };
    dns_query_t                q = {
                       .name = n, .port = port, .priority = priority, .weight = weight
    };
    uint32_t before = n->fresh.n;

    ares_getaddrinfo(dns.files, host, NULL, &hints, dns_on_file, &q);
    for (uint32_t i = before; i < n->fresh.n; i++) {
        mosn_dns_address_t *a = &n->fresh.items[i];

        a->source = mosn_dns_source(host, port, a->address.sa.sa_family);
    }
    return n->fresh.n > before;
}


/* Both families, each for itself: one that is not answered is known to be. */
static void
dns_ask_addresses(dns_name_t *n, const char *host, uint16_t port,
                  int64_t priority, int64_t weight)
{
    static const int families[] = { AF_INET, AF_INET6 };

    struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT };
    mosn_address_t             literal;
    char                       text[300];

    (void) snprintf(text, sizeof(text),
                    strchr(host, ':') != NULL ? "[%s]:1" : "%s:1", host);
    if (mosn_address_parse(text, strlen(text), &literal)) {
        mosn_dns_set_add(&n->fresh, &literal.sa, port, priority, weight,
                         mosn_dns_source(host, port, literal.sa.sa_family));
        return;
    }
    if (dns_ask_file(n, host, port, priority, weight)) {
        return;
    }
    for (size_t i = 0; i < MOSN_COUNT(families); i++) {
        hints.ai_family = families[i];
        ares_getaddrinfo(dns.channel, host, NULL, &hints, dns_on_addresses,
                         dns_query(n, port, priority, weight,
                                   mosn_dns_source(host, port, families[i])));
    }
}


/* The shortest life of the records of an answer. */
static uint32_t
dns_answer_ttl(const unsigned char *bytes, int len)
{
    const unsigned char *at = bytes + NS_HFIXEDSZ, *end = bytes + len;
    unsigned             questions = (unsigned) bytes[4] << 8 | bytes[5];
    unsigned             answers = (unsigned) bytes[6] << 8 | bytes[7];
    uint32_t             least = UINT32_MAX;

    for (unsigned i = 0; i < questions + answers; i++) {
        char *name;
        long  used;

        if (ares_expand_name(at, bytes, len, &name, &used) != ARES_SUCCESS) {
            break;
        }
        ares_free_string(name);
        at += used;
        if (i < questions) {
            at += NS_QFIXEDSZ;
        } else if (end - at >= NS_RRFIXEDSZ) {
            uint32_t ttl = (uint32_t) at[4] << 24 | (uint32_t) at[5] << 16
                           | (uint32_t) at[6] << 8 | at[7];

            least = ttl < least ? ttl : least;
            at += NS_RRFIXEDSZ + ((unsigned) at[8] << 8 | at[9]);
        }
        if (at >= end) {
            break;
        }
    }
    return least;
}


static void
dns_on_services(void *arg, int status, int timeouts MOSN_UNUSED,
                unsigned char *bytes, int len)
{
    dns_query_t           *q = arg;
    dns_name_t            *n = dns_take_query(q);
    struct ares_srv_reply *reply = NULL;
    unsigned               n_targets = 0;

    free(q);
    if (n == NULL) {
        return;
    }
    if (status == ARES_SUCCESS) {
        status = ares_parse_srv_reply(bytes, len, &reply);
    }
    if (status == ARES_SUCCESS) {
        n->ttl_s = dns_answer_ttl(bytes, len);
    } else {
        n->lost = dns_note_status(n, status);
    }
    for (struct ares_srv_reply *r = reply;
         r != NULL && n_targets < TARGETS_MAX; r = r->next)
    {
        if (r->port > 0) {
            n_targets++;
            dns_ask_addresses(n, r->host, r->port, r->priority, r->weight);
        }
    }
    if (reply != NULL) {
        ares_free_data(reply);
    }
    dns_finish(n);
}


/* Of "host:port" the host. */
static void
dns_host(const dns_name_t *n, char *out, size_t room)
{
    const char *colon = strrchr(n->name, ':');
    bool        bracket = n->name[0] == '[';

    (void) snprintf(out, room, "%.*s", (int) (colon - n->name) - 2 * bracket,
                    n->name + bracket);
}


/* Some answers come at once: the name is held until all are asked for. */
static void
dns_ask(dns_name_t *n)
{
    const char *colon = strrchr(n->name, ':');
    char        host[256];

    n->due_ms = 0;
    n->failed = n->lost = false;
    n->status = ARES_ENOTFOUND;
    n->ttl_s = UINT32_MAX;
    n->asking++;
    if (colon == NULL) { /* SRV records, then the addresses of each */
        ares_query(dns.channel, n->name, ns_c_in, ns_t_srv, dns_on_services,
                   dns_query(n, 0, 0, 1, 0));
    } else {
        dns_host(n, host, sizeof(host));
        dns_ask_addresses(n, host, (uint16_t) strtoul(colon + 1, NULL, 10), 0,
                          1);
    }
    dns_finish(n);
}


/* --- sockets and time -----------------------------------------------------
 */

static void
dns_on_ready(mosn_watch_t *watch, uint32_t events)
{
    dns_socket_t *s = mosn_container_of(watch, dns_socket_t, watch);
    bool          ended = (events & (EPOLLERR | EPOLLHUP)) != 0;
    ares_socket_t in =
        ended || (events & EPOLLIN) != 0 ? s->fd : ARES_SOCKET_BAD;
    ares_socket_t out = (events & EPOLLOUT) != 0 ? s->fd : ARES_SOCKET_BAD;

    ares_process_fd(dns.channel, in, out);
}


static void
dns_on_socket(void *arg MOSN_UNUSED, ares_socket_t fd, int readable,
              int writable)
{
    uint32_t events = (readable ? (uint32_t) EPOLLIN : 0u)
                      | (writable ? (uint32_t) EPOLLOUT : 0u);
    dns_socket_t *s = NULL;

    for (int i = 0; i < SOCKETS_MAX && (s == NULL || s->fd != fd); i++) {
        if (dns.sockets[i].fd == fd || (s == NULL && dns.sockets[i].fd == -1))
        {
            s = &dns.sockets[i];
        }
    }
    if (s == NULL) {
        mosn_log_warn(0, "too many sockets to name servers");
        return;
    }
    if (s->fd == fd) {
        mosn_loop_unwatch(dns.loop, &s->watch, fd);
        s->fd = -1;
    }
    if (events == 0) {
        return;
    }
    s->watch.on_ready = dns_on_ready;
    if (mosn_loop_watch_events(dns.loop, &s->watch, fd, events) == MOSN_OK) {
        s->fd = fd;
    }
}


/* A question that nobody answers holds up what was answered until now. */
static void
dns_tell_early(dns_cluster_t *c)
{
    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        if (n->asking > 0 && n->found.n == 0 && n->fresh.n > 0) {
            n->found = mosn_dns_set_copy(&n->fresh);
            if (c->cluster->conf->discovery == MOSN_DISCOVERY_LOGICAL_DNS) {
                mosn_dns_set_keep_one(&n->found, &n->found);
            }
            mosn_dns_set_sort(&n->found);
        }
    }
    dns_tell(c); /* if there is something */
}


static void
dns_tick_cluster(dns_cluster_t *c)
{
    uint64_t now = dns.loop->now_ms;

    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        if (n->due_ms > 0 && n->asking == 0 && now >= n->due_ms) {
            dns_ask(n);
        }
    }
    if (c->again_ms > 0 && now >= c->again_ms && dns_is_settled(c, false)) {
        dns_tell(c);
    }
    if (c->early_ms > 0 && now >= c->early_ms && !c->cluster->resolved) {
        c->early_ms = UINT64_MAX;
        dns_tell_early(c);
    }
}


static void
dns_tick(mosn_timer_t *timer)
{
    ares_process_fd(dns.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (mosn_list_t *l = dns.clusters.next; l != &dns.clusters; l = l->next) {
        dns_cluster_t *c = mosn_container_of(l, dns_cluster_t, link);

        c->early_ms += c->early_ms == 0 ? dns.loop->now_ms + EARLY_MS : 0;
        dns_tick_cluster(c);
    }
    mosn_timer_arm(dns.loop, timer, TICK_MS);
}


/* --- names ----------------------------------------------------------------
 */

static void
dns_forget(dns_name_t *n)
{
    for (mosn_list_t *l = dns.queries.next; l != &dns.queries; l = l->next) {
        dns_query_t *q = mosn_container_of(l, dns_query_t, link);

        if (q->name == n) {
            q->name = NULL;
        }
    }
    mosn_list_unlink(&n->link);
    mosn_dns_set_clear(&n->found);
    mosn_dns_set_clear(&n->fresh);
    free(n->bad);
    free(n->name);
    free(n);
}


/* What a host was by the answers to this name, among others. */
static void
dns_recall_host(dns_name_t *n, const mosn_host_t *host)
{
    mosn_str_t rest = host->conf->resolved;

    while (rest.len > 0) {
        mosn_str_t name = mosn_str_next_word(&rest);
        uint64_t   numbers[3]; /* priority, weight, question */
        bool       good = mosn_str_equal(name, mosn_str(n->name));

        for (size_t i = 0; i < MOSN_COUNT(numbers); i++) {
            good &= mosn_str_parse_u63(mosn_str_next_word(&rest), &numbers[i]);
        }
        if (good) {
            mosn_dns_set_add(&n->fresh, &host->address.sa,
                             mosn_address_port(&host->address.sa),
                             (int64_t) numbers[0], (int64_t) numbers[1],
                             numbers[2]);
        }
    }
}


/* What it was resolved to before, by a control process that is gone. */
static void
dns_recall(dns_name_t *n)
{
    const mosn_cluster_t *c = n->of->cluster;

    for (uint32_t i = 0; i < c->n_hosts; i++) {
        dns_recall_host(n, c->hosts[i]);
    }
    mosn_dns_set_sort(&n->fresh);
    dns_take_fresh(n);
}


static void
dns_want(dns_cluster_t *c, mosn_str_t name, bool anew)
{
    uint64_t    now = dns.loop->now_ms > 0 ? dns.loop->now_ms : 1;
    dns_name_t *n;

    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        n = mosn_container_of(l, dns_name_t, link);
        if (mosn_str_equal(mosn_str(n->name), name)) {
            n->seen = true;
            n->due_ms = anew && n->asking == 0 ? now : n->due_ms;
            return;
        }
    }
    n = mosn_calloc(sizeof(*n));
    n->of = c;
    n->name = strndup(name.at, name.len);
    n->seen = true;
    n->due_ms = now;
    mosn_list_append(&c->names, &n->link);
    dns_recall(n);
}


/* The names of the settings that are in force now. */
static void
dns_take_names(dns_cluster_t *c)
{
    const mosn_host_list_t *hosts = &c->cluster->conf->hosts.hosts;
    mosn_list_t            *next;
    bool                    left = false, anew = false;

    if (c->version != NULL) { /* of another kind of names? */
        anew = c->version->conf->discovery != c->cluster->conf->discovery;
        mosn_cluster_version_unref(c->version);
    }
    c->version = mosn_cluster_version_ref(c->cluster->version);
    for (mosn_list_t *l = c->names.next; l != &c->names; l = l->next) {
        mosn_container_of(l, dns_name_t, link)->seen = false;
    }
    for (size_t i = 0; i < hosts->n; i++) {
        dns_want(c, hosts->items[i].name, anew);
    }
    for (mosn_list_t *l = c->names.next; l != &c->names; l = next) {
        dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        next = l->next;
        if (!n->seen) {
            dns_forget(n);
            left = true;
        }
    }
    if (left && dns_is_settled(c, false)) {
        dns_tell(c); /* others may have an address that was told as its */
    }
    dns_tick_cluster(c);
}


static void
dns_drop(dns_cluster_t *c)
{
    while (!mosn_list_is_empty(&c->names)) {
        dns_forget(mosn_container_of(c->names.next, dns_name_t, link));
    }
    mosn_list_unlink(&c->link);
    mosn_cluster_version_unref(c->version);
    c->cluster->named = false;
    free(c);
}


static bool
dns_set_servers(void)
{
    const mosn_strs_t *servers = &dns.conf->servers;
    char              *text = NULL;
    size_t             n = 0;
    FILE              *out = open_memstream(&text, &n);
    bool               good;

    if (out == NULL) {
        return false;
    }
    for (size_t i = 0; i < servers->n; i++) {
        (void) fprintf(out, "%s%.*s", i > 0 ? "," : "",
                       MOSN_STR_ARG(servers->items[i]));
    }
    (void) fclose(out);
    good = servers->n == 0
           || ares_set_servers_ports_csv(dns.channel, text) == ARES_SUCCESS;
    free(text);
    return good;
}


/* With the first name. */
static bool
dns_open(void)
{
    struct ares_options options = { .timeout = (int) dns.conf->timeout_ms,
                                    .tries = 2,
                                    .sock_state_cb = dns_on_socket,
                                    .lookups = (char[]){ "b" } };
    struct ares_options of_files = { .lookups = (char[]){ "f" } };

    if (dns.open) {
        return true;
    }
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS
        || ares_init_options(&dns.channel, &options,
                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES
                                 | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS)
               != ARES_SUCCESS
        || ares_init_options(&dns.files, &of_files, ARES_OPT_LOOKUPS)
               != ARES_SUCCESS
        || !dns_set_servers())
    {
        mosn_log_err(0, "cannot begin to resolve names");
        return false;
    }
    dns.open = true;
    mosn_timer_arm(dns.loop, &dns.tick, TICK_MS);
    return true;
}


static bool
dns_is_wanted(const mosn_cluster_t *c)
{
    return !c->removed && mosn_cluster_is_named(c);
}


mosn_rc_e
mosn_dns_refresh(void)
{
    const mosn_map_t *clusters;
    mosn_list_t      *next;

    if (!dns.running) {
        return MOSN_OK;
    }
    for (mosn_list_t *l = dns.clusters.next; l != &dns.clusters; l = next) {
        dns_cluster_t *c = mosn_container_of(l, dns_cluster_t, link);

        next = l->next;
        if (!dns_is_wanted(c->cluster)) {
            dns_drop(c);
        } else if (c->version != c->cluster->version) {
            dns_take_names(c);
        }
    }
    clusters = &dns.generation->clusters;
    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *cluster = clusters->entries[i].value;
        dns_cluster_t  *c;

        if (cluster == NULL || cluster->named || !dns_is_wanted(cluster)) {
            continue;
        }
        if (!dns_open()) {
            return MOSN_ERROR;
        }
        c = mosn_calloc(sizeof(*c));
        c->cluster = cluster;
        cluster->named = true;
        mosn_list_init(&c->names);
        mosn_list_append(&dns.clusters, &c->link);
        dns_take_names(c);
    }
    return MOSN_OK;
}


mosn_rc_e
mosn_dns_start(mosn_generation_t *generation, mosn_loop_t *loop,
               const mosn_dns_conf_t *conf,
               void (*found)(const mosn_cluster_t *, const char *))
{
    dns.generation = generation;
    dns.loop = loop;
    dns.conf = conf;
    dns.found = found;
    mosn_list_init(&dns.clusters);
    mosn_list_init(&dns.queries);
    mosn_timer_init(&dns.tick, dns_tick);
    for (int i = 0; i < SOCKETS_MAX; i++) {
        dns.sockets[i].fd = -1;
    }
    dns.running = true;
    return mosn_dns_refresh();
}


void
mosn_dns_stop(void)
{
    if (!dns.running) {
        return;
    }
    dns.running = false;
    while (!mosn_list_is_empty(&dns.clusters)) {
        dns_drop(mosn_container_of(dns.clusters.next, dns_cluster_t, link));
    }
    if (dns.open) {
        dns.open = false;
        mosn_timer_disarm(dns.loop, &dns.tick);
        ares_destroy(dns.channel); /* ends all queries */
        ares_destroy(dns.files);
        ares_library_cleanup();
    }
}
