/* host_edit.c - hosts as `mosnctl host` says that they are to be. */

#include "host_edit.h"

#include "command.h"

static const char *const host_states[] = { "enabled", "drain", "disabled" };


/* What is meant by a name that is nearly that of a setting: metadata may have
 * any, but who writes "wieght" wants no metadata.  NULL: it may be. */
static const char *
host_misspelt(mosn_str_t name, mosn_str_t value)
{
    if (mosn_str_equal(name, MOSN_STR("persist"))) {
        return "`persist` is no metadata: mosnctl takes --persist, the admin "
               "address ?persist";
    }
    if (mosn_str_distance(name, MOSN_STR("weight")) <= 2) {
        return "unknown setting; did you mean \"weight\"?";
    }
    if (mosn_str_distance(name, MOSN_STR("priority")) <= 2) {
        return "unknown setting; did you mean \"priority\"?";
    }
    for (size_t i = 0; i < MOSN_COUNT(host_states); i++) {
        if (mosn_str_equal(value, mosn_str(host_states[i]))
            && mosn_str_distance(name, MOSN_STR("state")) <= 2)
        {
            return "unknown setting; did you mean \"state\"?";
        }
    }
    return NULL;
}


static const char *
host_set_state(mosn_host_conf_t *h, mosn_str_t value)
{
    for (size_t i = 0; i < MOSN_COUNT(host_states); i++) {
        if (mosn_str_equal(value, mosn_str(host_states[i]))) {
            h->state = (int) i;
            return NULL;
        }
    }
    return "state is enabled, drain or disabled";
}


/* There is room for one more. */
static const char *
host_set_metadata(mosn_pool_t *pool, mosn_host_conf_t *h, mosn_str_t name,
                  mosn_str_t value)
{
    mosn_conf_pairs_t *all = &h->metadata;
    const char        *why;

    for (size_t i = 0; i < all->n; i++) {
        if (mosn_str_equal(all->items[i].name, name)) {
            all->items[i].value = mosn_pool_copy(pool, value);
            return NULL;
        }
    }
    why = host_misspelt(name, value);
    if (why == NULL) {
        all->items[all->n++] = (mosn_conf_pair_t){
            mosn_pool_copy(pool, name),
            mosn_pool_copy(pool, value),
        };
    }
    return why;
}


static const char *
host_set(mosn_pool_t *pool, mosn_host_conf_t *h, mosn_str_t name,
         mosn_str_t value)
{
    uint64_t number = 0;
    bool     is_number = mosn_str_parse_u63(value, &number);

    if (mosn_str_equal(name, MOSN_STR("weight"))) {
        if (!is_number || number < 1 || number > 10000) {
            return "weight is a number from 1 to 10000";
        }
        h->weight = (int64_t) number;
    } else if (mosn_str_equal(name, MOSN_STR("priority"))) {
        if (!is_number || number > 7) {
            return "priority is a number from 0 to 7";
        }
        h->priority = (int64_t) number;
    } else if (mosn_str_equal(name, MOSN_STR("zone"))) {
        h->zone = mosn_pool_copy(pool, value);
    } else if (mosn_str_equal(name, MOSN_STR("state"))) {
        return host_set_state(h, value);
    } else {
        return host_set_metadata(pool, h, name, value);
    }
    return NULL;
}


/* "weight=5 state=drain version=v2" */
static const char *
host_change(mosn_pool_t *pool, mosn_host_conf_t *h, mosn_str_t rest)
{
    mosn_conf_pairs_t old = h->metadata;
    size_t            room = old.n;
    const char       *why = NULL;

    for (size_t i = 0; i < rest.len; i++) {
        room += rest.at[i] == '=';
    }
    h->metadata.items =
        mosn_pool_calloc(pool, room * sizeof(*h->metadata.items) + 1);
    if (old.n > 0) {
        memcpy(h->metadata.items, old.items, old.n * sizeof(*old.items));
    }
    while (why == NULL && rest.len > 0) {
        mosn_str_t  word = mosn_command_word(&rest, pool);
        const char *equal =
            word.len > 0 ? memchr(word.at, '=', word.len) : NULL;
        size_t n = equal != NULL ? (size_t) (equal - word.at) : 0;

        why = n > 0 ? host_set(pool, h, (mosn_str_t){ word.at, n },
                               (mosn_str_t){ equal + 1, word.len - n - 1 })
                    : "expected NAME=VALUE";
    }
    return why;
}


const char *
mosn_hosts_edit(mosn_pool_t *pool, mosn_host_list_t *hosts, mosn_str_t verb,
                mosn_str_t address, mosn_str_t rest)
{
    mosn_address_t a;
    size_t         at = 0;

    if (!mosn_address_parse(address.at, address.len, &a)) {
        return "expected an address like 10.0.0.1:80";
    }
    while (at < hosts->n && !mosn_address_equal(&hosts->items[at].address, &a))
    {
        at++;
    }
    if (mosn_str_equal(verb, MOSN_STR("add"))) {
        mosn_host_conf_t *more;

        if (at < hosts->n) {
            return "the cluster has that host already";
        }
        more = mosn_pool_calloc(pool, (hosts->n + 1) * sizeof(*more));
        if (hosts->n > 0) {
            memcpy(more, hosts->items, hosts->n * sizeof(*more));
        }
        more[hosts->n] = (mosn_host_conf_t){ .address = a, .weight = 1 };
        hosts->items = more;
        hosts->n++;
        return host_change(pool, &more[at], rest);
    }
    if (at == hosts->n) {
        return "the cluster has no such host";
    }
    if (mosn_str_equal(verb, MOSN_STR("remove")) && rest.len > 0) {
        return "a host that is removed has no settings";
    }
    if (mosn_str_equal(verb, MOSN_STR("remove")) && hosts->n == 1) {
        return "it is the last host; disable it instead";
    }
    if (mosn_str_equal(verb, MOSN_STR("remove"))) {
        memmove(&hosts->items[at], &hosts->items[at + 1],
                (hosts->n - at - 1) * sizeof(*hosts->items));
        hosts->n--;
        return NULL;
    }
    return mosn_str_equal(verb, MOSN_STR("set"))
               ? host_change(pool, &hosts->items[at], rest)
               : "expected add, set or remove";
}
