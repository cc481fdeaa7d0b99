/* proxy/dns_set.c - the addresses that a name was resolved to. */

#include "proxy/dns_set.h"

#include "core/pool.h"

#define ADDRESSES_MAX 1024u
#define RANKS         8     /* of priorities */
#define WEIGHT_MAX    10000 /* of a host */
#define WEIGHT_SRV    65535


static mosn_dns_address_t *
set_push(mosn_dns_set_t *set)
{
    set->items = mosn_realloc(set->items, (set->n + 1) * sizeof(*set->items));
    memset(&set->items[set->n], 0, sizeof(*set->items));
    return &set->items[set->n++];
}


void
mosn_dns_set_add(mosn_dns_set_t *set, const struct sockaddr *sa, uint16_t port,
                 int64_t priority, int64_t weight, uint64_t source)
{
    mosn_dns_address_t *a;

    if (set->n == ADDRESSES_MAX
        || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
    {
        return;
    }
    a = set_push(set);
    a->priority = priority;
    a->weight = weight;
    a->source = source;
    if (sa->sa_family == AF_INET) {
        memcpy(&a->address.inet.in, sa, sizeof(struct sockaddr_in));
        a->address.inet.in.sin_port = htons(port);
        memset(a->address.inet.in.sin_zero, 0,
               sizeof(a->address.inet.in.sin_zero));
        a->address.len = sizeof(struct sockaddr_in);
    } else {
        memcpy(&a->address.inet.in6, sa, sizeof(struct sockaddr_in6));
        a->address.inet.in6.sin6_port = htons(port);
        a->address.len = sizeof(struct sockaddr_in6);
    }
}


void
mosn_dns_set_clear(mosn_dns_set_t *set)
{
    free(set->items);
    *set = (mosn_dns_set_t){ 0 };
}


bool
mosn_dns_set_has(const mosn_dns_set_t *set, const mosn_address_t *address)
{
    for (uint32_t i = 0; i < set->n; i++) {
        if (mosn_address_equal(&set->items[i].address, address)) {
            return true;
        }
    }
    return false;
}


bool
mosn_dns_set_equal(const mosn_dns_set_t *a, const mosn_dns_set_t *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (uint32_t i = 0; i < a->n; i++) {
        const mosn_dns_address_t *x = &a->items[i], *y = &b->items[i];

        if (!mosn_address_equal(&x->address, &y->address)
            || x->priority != y->priority || x->weight != y->weight)
        {
            return false;
        }
    }
    return true;
}


static int
set_compare(const void *x, const void *y)
{
    const mosn_dns_address_t *a = x, *b = y;
    int                       by;

    if (a->address.len != b->address.len) {
        return a->address.len < b->address.len ? -1 : 1;
    }
    by = memcmp(&a->address.sa, &b->address.sa, a->address.len);
    if (by != 0) {
        return by;
    }
    if (a->priority != b->priority) {
        return a->priority < b->priority ? -1 : 1;
    }
    return a->weight > b->weight ? -1 : a->weight < b->weight;
}


void
mosn_dns_set_sort(mosn_dns_set_t *set)
{
    uint32_t to = 0;

    if (set->n == 0) {
        return;
    }
    qsort(set->items, set->n, sizeof(*set->items), set_compare);
    for (uint32_t i = 0; i < set->n; i++) {
        if (to == 0
            || !mosn_address_equal(&set->items[to - 1].address,
                                   &set->items[i].address))
        {
            set->items[to++] = set->items[i];
        }
    }
    set->n = to;
}


void
mosn_dns_set_keep_one(mosn_dns_set_t *set, const mosn_dns_set_t *was)
{
    uint32_t best = 0;

    for (uint32_t i = 0; i < set->n; i++) {
        if (was->n > 0
            && mosn_address_equal(&set->items[i].address,
                                  &was->items[0].address))
        {
            best = i;
            break;
        }
        if (set->items[i].priority < set->items[best].priority) {
            best = i;
        }
    }
    if (set->n > 0) {
        set->items[0] = set->items[best];
        set->n = 1;
    }
}


static void
set_scale_weights(mosn_dns_set_t *set)
{
    int64_t heaviest = 0;

    for (uint32_t i = 0; i < set->n; i++) {
        int64_t weight = set->items[i].weight;

        heaviest = weight > heaviest ? weight : heaviest;
    }
    for (uint32_t i = 0; i < set->n; i++) {
        int64_t *weight = &set->items[i].weight;

        if (heaviest > WEIGHT_MAX) {
            *weight = *weight * WEIGHT_MAX / WEIGHT_SRV;
        }
        *weight = *weight > 0 ? *weight : 1;
    }
}


void
mosn_dns_set_rank(mosn_dns_set_t *set)
{
    int64_t last = -1, rank = -1;

    set_scale_weights(set);
    for (;;) { /* the next priority gets the next rank */
        int64_t least = INT64_MAX;

        for (uint32_t i = 0; i < set->n; i++) {
            int64_t p = set->items[i].priority;

            least = p > last && p < least ? p : least;
        }
        if (least == INT64_MAX) {
            break;
        }
        rank = rank < RANKS - 1 ? rank + 1 : rank;
        for (uint32_t i = 0; i < set->n; i++) {
            if (set->items[i].priority == least) {
                set->items[i].priority = -1 - rank; /* done */
            }
        }
        last = least;
    }
    for (uint32_t i = 0; i < set->n; i++) {
        set->items[i].priority = -1 - set->items[i].priority;
    }
}


mosn_dns_set_t
mosn_dns_set_copy(const mosn_dns_set_t *set)
{
    mosn_dns_set_t copy = { 0 };

    if (set->n > 0) {
        copy.items = mosn_alloc(set->n * sizeof(*copy.items));
        memcpy(copy.items, set->items, set->n * sizeof(*copy.items));
        copy.n = set->n;
    }
    return copy;
}


void
mosn_dns_set_merge(mosn_dns_set_t *set, const mosn_dns_set_t *was,
                   uint64_t source)
{
    for (uint32_t i = 0; i < was->n && set->n < ADDRESSES_MAX; i++) {
        const mosn_dns_address_t *a = &was->items[i];

        if (a->source == source && !mosn_dns_set_has(set, &a->address)) {
            *set_push(set) = *a;
        }
    }
}


void
mosn_dns_set_merge_as(mosn_dns_set_t *set, const mosn_dns_set_t *was,
                      uint64_t source, int64_t priority, int64_t weight)
{
    uint32_t before = set->n;

    mosn_dns_set_merge(set, was, source);
    for (uint32_t i = before; i < set->n; i++) {
        set->items[i].priority = priority;
        set->items[i].weight = weight;
    }
}


uint64_t
mosn_dns_source(const char *host, uint16_t port, int family)
{
    uint64_t hash = mosn_str_hash(mosn_str(host)) + (uint64_t) family
                    + ((uint64_t) port << 16);

    return hash > 1 ? hash >> 1 : 1; /* 63 bits of it */
}
