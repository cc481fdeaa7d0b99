/* proxy/dns.c - names of hosts, with c-ares. */

#include "proxy/dns.h"

#include "core/log.h"
#include "core/rand.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <netdb.h>

#define ADDRESSES_MAX 1024u
#define TICK_MS       100u
#define SOCKETS_MAX   16

typedef struct {
    mosn_address_t address;
    int64_t        priority; /* of a SRV record; -1: of the configuration */
    int64_t        weight;
} dns_address_t;

/* One name of one cluster. */
typedef struct {
    mosn_list_t      link;
    mosn_cluster_t  *cluster;
    char            *name; /* "host:port", or of a SRV record */
    mosn_host_conf_t conf;
    uint64_t         due_ms; /* 0: being asked */
    uint32_t         asking; /* queries that are under way */
    uint32_t         ttl_s;
    bool             failed; /* one of them */
    bool             seen;   /* in a refresh */
    dns_address_t   *fresh;
    uint32_t         n_fresh;
    dns_address_t   *found; /* in force */
    uint32_t         n_found;
    bool             answered; /* once */
} dns_name_t;

/* A query under way: its name may be gone when it ends. */
typedef struct {
    dns_name_t *name; /* NULL: gone */
    mosn_list_t link;
    uint16_t    port;
    int64_t     priority;
    int64_t     weight;
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
    mosn_list_t  names;
    mosn_list_t  queries;
    mosn_timer_t tick;
    dns_socket_t sockets[SOCKETS_MAX];
    bool         running;
} dns;

static const mosn_directive_t dns_directives[] = {
    MOSN_STRINGS(mosn_dns_conf_t, servers,
                 "Name servers, \"ip\" or \"ip:port\"; else those of the "
                 "system."),
    MOSN_DURATION(mosn_dns_conf_t, timeout, 10, 60000, 2000,
                  "A server that does not answer in this time is asked "
                  "again, or another one is."),
    MOSN_DURATION(mosn_dns_conf_t, min_ttl, 0, 86400000, 1000,
                  "Answers are used at least this long."),
    MOSN_DURATION(mosn_dns_conf_t, max_ttl, 100, 86400000, 300000,
                  "And at most this long."),
    MOSN_DURATION(mosn_dns_conf_t, retry, 10, 3600000, 5000,
                  "A name that cannot be resolved is asked again after this "
                  "time; what was known of it stays in force."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_dns_block = {
    .doc = "How names of hosts are resolved.",
    .size = sizeof(mosn_dns_conf_t),
    .directives = dns_directives,
};


/* --- what was found -------------------------------------------------------
 */

/* `port`: of the name; 0 for a SRV record. */
static void
dns_add(dns_name_t *n, const struct sockaddr *sa, const dns_query_t *q)
{
    dns_address_t *a;

    if (n->n_fresh == ADDRESSES_MAX
        || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
    {
        return;
    }
    n->fresh = mosn_realloc(n->fresh, (n->n_fresh + 1) * sizeof(*n->fresh));
    a = &n->fresh[n->n_fresh++];
    memset(a, 0, sizeof(*a));
    a->priority = q->priority;
    a->weight = q->weight;
    if (sa->sa_family == AF_INET) {
        memcpy(&a->address.inet.in, sa, sizeof(struct sockaddr_in));
        a->address.inet.in.sin_port = htons(q->port);
        memset(a->address.inet.in.sin_zero, 0,
               sizeof(a->address.inet.in.sin_zero));
        a->address.len = sizeof(struct sockaddr_in);
    } else {
        memcpy(&a->address.inet.in6, sa, sizeof(struct sockaddr_in6));
        a->address.inet.in6.sin6_port = htons(q->port);
        a->address.len = sizeof(struct sockaddr_in6);
    }
}


static int
dns_compare(const void *x, const void *y)
{
    const dns_address_t *a = x, *b = y;
    int                  by = a->address.len < b->address.len   ? -1
                              : a->address.len > b->address.len ? 1
                                                                : 0;

    return by != 0 ? by
                   : memcmp(&a->address.sa, &b->address.sa, a->address.len);
}


static bool
dns_is_same(const dns_name_t *n)
{
    if (n->n_fresh != n->n_found) {
        return false;
    }
    for (uint32_t i = 0; i < n->n_found; i++) {
        if (!mosn_address_equal(&n->fresh[i].address, &n->found[i].address)
            || n->fresh[i].priority != n->found[i].priority
            || n->fresh[i].weight != n->found[i].weight)
        {
            return false;
        }
    }
    return true;
}


/* Of a logical name one address serves, and stays while it is told. */
static void
dns_keep_one(dns_name_t *n)
{
    for (uint32_t i = 0; i < n->n_fresh && n->n_found == 1; i++) {
        if (mosn_address_equal(&n->fresh[i].address, &n->found[0].address)) {
            n->fresh[0] = n->fresh[i];
        }
    }
    n->n_fresh = n->n_fresh > 0 ? 1 : 0;
}


/* Have all names of a cluster had an answer, or a failure? */
static bool
dns_is_settled(const mosn_cluster_t *c)
{
    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = l->next) {
        const dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        if (n->cluster == c && !n->answered) {
            return false;
        }
    }
    return true;
}


static bool
dns_has(const mosn_hosts_conf_t *hosts, const mosn_address_t *address)
{
    for (size_t i = 0; i < hosts->hosts.n; i++) {
        if (mosn_address_equal(&hosts->hosts.items[i].address, address)) {
            return true;
        }
    }
    return false;
}


/* All that is known of a cluster, as its hosts. */
static void
dns_tell(const mosn_cluster_t *c)
{
    mosn_hosts_conf_t hosts = { 0 };
    mosn_pool_t      *pool = mosn_pool_create(MOSN_POOL_CONF);
    char             *text;
    size_t            room = 0;

    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = l->next) {
        room += mosn_container_of(l, dns_name_t, link)->n_found;
    }
    hosts.hosts.items =
        mosn_pool_calloc(pool, (room + 1) * sizeof(mosn_host_conf_t));
    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = l->next) {
        const dns_name_t *name = mosn_container_of(l, dns_name_t, link);

        for (uint32_t i = 0; name->cluster == c && i < name->n_found; i++) {
            mosn_host_conf_t *h = &hosts.hosts.items[hosts.hosts.n];

            if (dns_has(&hosts, &name->found[i].address)) {
                continue; /* two names of one machine */
            }
            *h = name->conf;
            h->name = MOSN_STR_NULL;
            h->address = name->found[i].address;
            if (name->found[i].priority >= 0) {
                h->priority = name->found[i].priority;
                h->weight = name->found[i].weight;
            }
            hosts.hosts.n++;
        }
    }
    text = mosn_conf_text(&mosn_hosts_block, &hosts);
    if (text != NULL) {
        dns.found(c, text);
    }
    free(text);
    mosn_pool_destroy(&pool);
}


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


/* One query less is under way; the last one has the answer whole. */
static void
dns_finish(dns_name_t *n)
{
    bool changed = false;

    if (--n->asking > 0) {
        return;
    }
    if (n->n_fresh > 0) {
        qsort(n->fresh, n->n_fresh, sizeof(*n->fresh), dns_compare);
        if (n->cluster->conf->discovery == MOSN_DISCOVERY_LOGICAL_DNS) {
            dns_keep_one(n);
        }
        changed = !dns_is_same(n);
        free(n->found);
        n->found = n->fresh;
        n->n_found = n->n_fresh;
    } else {
        n->failed = true;
        free(n->fresh);
    }
    n->fresh = NULL;
    n->n_fresh = 0;
    n->due_ms = dns_due(n);
    changed |= !n->answered;
    n->answered = true;
    if (changed && dns_is_settled(n->cluster)) {
        dns_tell(n->cluster);
    }
}


/* --- questions ------------------------------------------------------------
 */

static dns_query_t *
dns_query(dns_name_t *n, uint16_t port, int64_t priority, int64_t weight)
{
    dns_query_t *q = mosn_calloc(sizeof(*q));

    q->name = n;
    q->port = port;
    q->priority = priority;
    q->weight = weight;
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


static void
dns_complain(const dns_name_t *n, int status)
{
    if (!n->failed) {
        mosn_log_warn(0, "cluster \"%.*s\": cannot resolve %s: %s%s",
                      MOSN_STR_ARG(n->cluster->name), n->name,
                      ares_strerror(status),
                      n->n_found > 0 ? "; what was known stays in force" : "");
    }
}


static void
dns_on_addresses(void *arg, int status, int timeouts MOSN_UNUSED,
                 struct ares_addrinfo *result)
{
    dns_query_t *q = arg;
    dns_name_t  *n = dns_take_query(q);

    if (n != NULL && status == ARES_SUCCESS) {
        for (struct ares_addrinfo_node *at = result->nodes; at != NULL;
             at = at->ai_next)
        {
            uint32_t ttl = at->ai_ttl > 0 ? (uint32_t) at->ai_ttl : 0;

            n->ttl_s = ttl < n->ttl_s ? ttl : n->ttl_s;
            dns_add(n, at->ai_addr, q);
        }
    } else if (n != NULL) {
        dns_complain(n, status);
        n->failed = true;
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
dns_ask_addresses(dns_name_t *n, const char *host, uint16_t port,
                  int64_t priority, int64_t weight)
{
    struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
                                         .ai_flags = ARES_AI_NOSORT };

    ares_getaddrinfo(dns.channel, host, NULL, &hints, dns_on_addresses,
                     dns_query(n, port, priority, weight));
}


static void
dns_on_services(void *arg, int status, int timeouts MOSN_UNUSED,
                unsigned char *bytes, int len)
{
    dns_query_t           *q = arg;
    dns_name_t            *n = dns_take_query(q);
    struct ares_srv_reply *reply = NULL;

    free(q);
    if (n == NULL) {
        return;
    }
    if (status == ARES_SUCCESS) {
        status = ares_parse_srv_reply(bytes, len, &reply);
    }
    if (status != ARES_SUCCESS) {
        dns_complain(n, status);
        n->failed = true;
    }
    for (struct ares_srv_reply *r = reply; r != NULL; r = r->next) {
        dns_ask_addresses(n, r->host, r->port,
                          r->priority > 7 ? 7 : r->priority,
                          r->weight > 0 ? r->weight : 1);
    }
    if (reply != NULL) {
        ares_free_data(reply);
    }
    dns_finish(n);
}


static void
dns_ask(dns_name_t *n)
{
    const char *colon = strrchr(n->name, ':');
    char        host[256];

    n->due_ms = 0;
    n->failed = false;
    n->ttl_s = UINT32_MAX;
    if (colon == NULL) { /* SRV records, then the addresses of each */
        ares_query(dns.channel, n->name, ns_c_in, ns_t_srv, dns_on_services,
                   dns_query(n, 0, -1, -1));
        return;
    }
    (void) snprintf(host, sizeof(host), "%.*s", (int) (colon - n->name),
                    n->name);
    dns_ask_addresses(n, host, (uint16_t) strtoul(colon + 1, NULL, 10), -1,
                      -1);
}


/* --- sockets and time -----------------------------------------------------
 */

static void
dns_on_ready(mosn_watch_t *watch, uint32_t events)
{
    dns_socket_t *s = mosn_container_of(watch, dns_socket_t, watch);
    ares_socket_t in = (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0
                           ? s->fd
                           : ARES_SOCKET_BAD;
    ares_socket_t out = (events & EPOLLOUT) != 0 ? s->fd : ARES_SOCKET_BAD;

    ares_process_fd(dns.channel, in, out);
}


static void
dns_on_socket(void *arg MOSN_UNUSED, ares_socket_t fd, int readable,
              int writable MOSN_UNUSED)
{
    dns_socket_t *free_one = NULL;

    for (int i = 0; i < SOCKETS_MAX; i++) {
        dns_socket_t *s = &dns.sockets[i];

        if (s->fd == fd) {
            if (!readable) {
                mosn_loop_unwatch(dns.loop, &s->watch, fd);
                s->fd = -1;
            }
            return;
        }
        if (s->fd == -1 && free_one == NULL) {
            free_one = s;
        }
    }
    if (free_one != NULL && readable) {
        free_one->fd = fd;
        free_one->watch.on_ready = dns_on_ready;
        if (mosn_loop_watch_level(dns.loop, &free_one->watch, fd) != MOSN_OK) {
            free_one->fd = -1;
        }
    }
}


static void
dns_tick(mosn_timer_t *timer)
{
    uint64_t now = dns.loop->now_ms;

    ares_process_fd(dns.channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = l->next) {
        dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        if (n->due_ms > 0 && n->asking == 0 && now >= n->due_ms) {
            dns_ask(n);
        }
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
    free(n->found);
    free(n->fresh);
    free(n->name);
    free(n);
}


static void
dns_want(mosn_cluster_t *c, const mosn_host_conf_t *conf)
{
    dns_name_t *n;

    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = l->next) {
        n = mosn_container_of(l, dns_name_t, link);
        if (n->cluster == c && strcmp(n->name, conf->name.at) == 0) {
            n->conf = *conf;
            n->seen = true;
            return;
        }
    }
    n = mosn_calloc(sizeof(*n));
    n->cluster = c;
    n->name = strndup(conf->name.at, conf->name.len);
    n->conf = *conf;
    n->seen = true;
    mosn_list_append(&dns.names, &n->link);
    dns_ask(n);
}


void
mosn_dns_refresh(void)
{
    const mosn_map_t *clusters;
    mosn_list_t      *next;

    if (!dns.running) {
        return;
    }
    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = l->next) {
        mosn_container_of(l, dns_name_t, link)->seen = false;
    }
    clusters = &dns.generation->clusters;
    for (size_t i = 0; i <= clusters->mask; i++) {
        mosn_cluster_t *c = clusters->entries[i].value;

        for (size_t k = 0; c != NULL && !c->removed && mosn_cluster_is_named(c)
                           && k < c->conf->hosts.hosts.n;
             k++)
        {
            dns_want(c, &c->conf->hosts.hosts.items[k]);
        }
    }
    for (mosn_list_t *l = dns.names.next; l != &dns.names; l = next) {
        dns_name_t *n = mosn_container_of(l, dns_name_t, link);

        next = l->next;
        if (!n->seen) {
            dns_forget(n);
        }
    }
}


static bool
dns_is_wanted(const mosn_generation_t *generation)
{
    for (size_t i = 0; i <= generation->clusters.mask; i++) {
        const mosn_cluster_t *c = generation->clusters.entries[i].value;

        if (c != NULL && mosn_cluster_is_named(c)) {
            return true;
        }
    }
    return false;
}


static bool
dns_set_servers(void)
{
    char   text[1024];
    size_t n = 0;

    for (size_t i = 0; i < dns.conf->servers.n; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%.*s",
                               i > 0 ? "," : "",
                               MOSN_STR_ARG(dns.conf->servers.items[i]));
        if (n >= sizeof(text)) {
            return false;
        }
    }
    return n == 0
           || ares_set_servers_ports_csv(dns.channel, text) == ARES_SUCCESS;
}


mosn_rc_e
mosn_dns_start(mosn_generation_t *generation, mosn_loop_t *loop,
               const mosn_dns_conf_t *conf,
               void (*found)(const mosn_cluster_t *, const char *))
{
    struct ares_options options = { .timeout = (int) conf->timeout_ms,
                                    .tries = 2,
                                    .sock_state_cb = dns_on_socket,
                                    .lookups = (char[]){ "fb" } };

    dns.generation = generation;
    dns.loop = loop;
    dns.conf = conf;
    dns.found = found;
    mosn_list_init(&dns.names);
    mosn_list_init(&dns.queries);
    for (int i = 0; i < SOCKETS_MAX; i++) {
        dns.sockets[i].fd = -1;
    }
    if (!dns_is_wanted(generation)) {
        return MOSN_OK; /* a cluster that needs it is for a reload */
    }
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS
        || ares_init_options(&dns.channel, &options,
                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES
                                 | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS)
               != ARES_SUCCESS
        || !dns_set_servers())
    {
        mosn_log_err(0, "cannot begin to resolve names");
        return MOSN_ERROR;
    }
    dns.running = true;
    mosn_timer_init(&dns.tick, dns_tick);
    mosn_timer_arm(loop, &dns.tick, TICK_MS);
    mosn_dns_refresh();
    return MOSN_OK;
}


void
mosn_dns_stop(void)
{
    if (!dns.running) {
        return;
    }
    dns.running = false;
    mosn_timer_disarm(dns.loop, &dns.tick);
    while (!mosn_list_is_empty(&dns.names)) {
        dns_forget(mosn_container_of(dns.names.next, dns_name_t, link));
    }
    ares_destroy(dns.channel); /* ends all queries */
    ares_library_cleanup();
}
