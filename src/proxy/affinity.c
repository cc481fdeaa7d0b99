/* proxy/affinity.c - hashes and cookies that lead to the same host. */

#include "proxy/affinity.h"

#include "core/rand.h"
#include "proto/pairs.h"
#include "proto/rpc.h"
#include "proxy/request.h"

#include <xxhash.h>

static const mosn_directive_t hash_directives[] = {
    MOSN_STRING(mosn_hash_conf_t, header, NULL, "The value of this header."),
    MOSN_STRING(mosn_hash_conf_t, cookie, NULL, "The value of this cookie."),
    MOSN_STRING(mosn_hash_conf_t, query, NULL,
                "The value of this parameter of the query."),
    MOSN_BOOL(mosn_hash_conf_t, source, false, "The client's address."),
    MOSN_DURATION(mosn_hash_conf_t, ttl, 0, 2000000000, 0,
                  "A client without the cookie gets one that it keeps for "
                  "this time; 0: none."),
    MOSN_STRING(mosn_hash_conf_t, path, "/", "The path of that cookie."),
    MOSN_BOOL(mosn_hash_conf_t, terminal, false,
              "When this is there, what follows in the list is left aside."),
    MOSN_DIRECTIVES_END
};


void
mosn_cookie_check(mosn_conf_t *reader, const mosn_str_t *name,
                  const mosn_str_t *path, const void *group)
{
    if (name->at != NULL && !mosn_header_is_valid(*name, MOSN_STR(""))) {
        mosn_conf_error(reader, name, group,
                        "\"%.*s\" cannot be the name of a cookie",
                        MOSN_STR_ARG(*name));
    }
    if (!mosn_header_is_valid(MOSN_STR("a"), *path)
        || memchr(path->at, ';', path->len) != NULL)
    {
        mosn_conf_error(reader, path, group,
                        "\"%.*s\" cannot be the path of a cookie",
                        MOSN_STR_ARG(*path));
    }
}


static void
hash_check(mosn_conf_t *reader, void *conf)
{
    const mosn_hash_conf_t *h = conf;

    if ((h->header.at != NULL) + (h->cookie.at != NULL) + (h->query.at != NULL)
            + h->source
        != 1)
    {
        mosn_conf_error(reader, h, NULL,
                        "needs exactly one of `header`, `cookie`, `query` "
                        "and `source`");
    }
    if (h->ttl_ms > 0 && h->cookie.at == NULL) {
        mosn_conf_error(reader, &h->ttl_ms, h, "is for a `cookie`");
    }
    mosn_cookie_check(reader, &h->cookie, &h->path, h);
}


const mosn_conf_block_t mosn_hash_block = {
    .doc = "What balancers by hash go by; of several, all that are there "
           "together.  Without any of them a host is drawn.",
    .size = sizeof(mosn_hash_conf_t),
    .directives = hash_directives,
    .check = hash_check,
};


mosn_str_t
mosn_request_cookie(const mosn_request_t *r, mosn_str_t want)
{
    const mosn_headers_t *headers = &r->head->headers;

    mosn_message_need_headers(r->head);
    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];
        mosn_str_t           rest = mosn_header_value(h), name, value;

        while (h->id == MOSN_HEADER_COOKIE && !h->removed
               && mosn_cookie_next(&rest, &name, &value))
        {
            if (mosn_str_equal(name, want)) {
                return value;
            }
        }
    }
    return MOSN_STR("");
}


static mosn_str_t
affinity_cookie(mosn_request_t *r, mosn_str_t name, mosn_str_t value,
                uint32_t ttl_ms, mosn_str_t path)
{
    char age[48] = "";

    if (ttl_ms > 0) {
        (void) snprintf(age, sizeof(age), "; Max-Age=%u",
                        (ttl_ms + 999) / 1000);
    }
    return mosn_pool_printf(r->pool, "%.*s=%.*s; Path=%.*s%s; HttpOnly",
                            MOSN_STR_ARG(name), MOSN_STR_ARG(value),
                            MOSN_STR_ARG(path), age);
}


static mosn_str_t
affinity_query(const mosn_request_t *r, mosn_str_t want)
{
    mosn_str_t  rest = r->path, name, value;
    const char *query = rest.len > 0 ? memchr(rest.at, '?', rest.len) : NULL;

    if (query == NULL) {
        return MOSN_STR("");
    }
    rest.len -= (size_t) (query - rest.at);
    rest.at = query;
    while (mosn_query_next(&rest, &name, &value)) {
        if (mosn_str_equal(name, want)) {
            return value;
        }
    }
    return MOSN_STR("");
}


/* A value of our own; the same for each attempt. */
static mosn_str_t
affinity_make(mosn_request_t *r, const mosn_hash_conf_t *c)
{
    mosn_made_cookie_t *made;

    for (unsigned i = 0; i < r->n_cookies; i++) {
        if (r->cookies[i].of == c) {
            return r->cookies[i].value;
        }
    }
    if (r->n_cookies == MOSN_REQUEST_COOKIES) {
        return MOSN_STR("");
    }
    made = &r->cookies[r->n_cookies++];
    made->of = c;
    made->value = mosn_pool_printf(r->pool, "%016llx",
                                   (unsigned long long) mosn_rand_u64());
    made->line =
        affinity_cookie(r, c->cookie, made->value, c->ttl_ms, c->path);
    return made->value;
}


/* What a row of the list finds in the request; empty: nothing. */
static mosn_str_t
affinity_value(mosn_request_t *r, const mosn_hash_conf_t *c)
{
    const mosn_header_t *h;
    mosn_str_t           value;

    if (c->header.at != NULL) {
        mosn_message_need_headers(r->head);
        h = mosn_headers_find_name(&r->head->headers, c->header);
        return h != NULL ? mosn_header_value(h) : MOSN_STR("");
    }
    if (c->query.at != NULL) {
        return affinity_query(r, c->query);
    }
    if (c->source) {
        return mosn_request_peer(r->pc);
    }
    value = mosn_request_cookie(r, c->cookie);
    return value.len == 0 && c->ttl_ms > 0 ? affinity_make(r, c) : value;
}


/* Sixteen digits. */
static bool
affinity_parse_id(mosn_str_t text, uint64_t *id_r)
{
    *id_r = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = mosn_lower((uint8_t) text.at[i]);

        if (c >= '0' && c <= '9') {
            *id_r = *id_r << 4 | (uint64_t) (c - '0');
        } else if (c >= 'a' && c <= 'f') {
            *id_r = *id_r << 4 | (uint64_t) (c - 'a' + 10);
        } else {
            return false;
        }
    }
    return text.len == 16;
}


void
mosn_affinity_ask(mosn_request_t *r, mosn_pick_t *how)
{
    const mosn_sticky_conf_t *sticky = r->cluster->conf->sticky;
    const mosn_hashes_conf_t *list;

    if (sticky != NULL) {
        how->has_sticky = affinity_parse_id(
            mosn_request_cookie(r, sticky->cookie), &how->sticky);
        r->sticky_id = how->has_sticky ? how->sticky : 0;
    }
    if (r->route == NULL || r->route->conf->route->hash.n == 0) {
        return;
    }
    list = &r->route->conf->route->hash;
    for (size_t i = 0; i < list->n; i++) {
        mosn_str_t value = affinity_value(r, &list->items[i]);

        if (value.len == 0) {
            continue;
        }
        how->hash = XXH64(value.at, value.len, how->hash);
        how->has_hash = true;
        if (list->items[i].terminal) {
            break;
        }
    }
}


void
mosn_affinity_note(mosn_request_t *r, const mosn_host_t *host)
{
    const mosn_sticky_conf_t *sticky = r->cluster->conf->sticky;

    if (sticky != NULL && host->id != r->sticky_id) {
        r->sticky_cookie =
            affinity_cookie(r, sticky->cookie,
                            mosn_pool_printf(r->pool, "%016llx",
                                             (unsigned long long) host->id),
                            sticky->ttl_ms, sticky->path);
    }
}
