/* proto/headers.c - header sections. */

#include "proto/headers.h"

#define HEADER_NAME(id, name) MOSN_STR_INIT(name),

static const mosn_str_t header_names[MOSN_HEADER_COUNT] = {
    MOSN_STR_INIT(""), MOSN_HEADERS(HEADER_NAME)
};

#define NAME_MAX_LEN 23 /* of the well-known ones */

/* Well-known ids by length and first letter: two candidates at most would
 * share a cell, `next` chains them.  Filled once from the table above, the
 * same in every process. */
static uint8_t header_cell[NAME_MAX_LEN + 1][32];
static uint8_t header_next[MOSN_HEADER_COUNT];
static bool    header_ready;


static void
header_fill_cells(void)
{
    for (unsigned id = 1; id < MOSN_HEADER_COUNT; id++) {
        mosn_str_t name = header_names[id];
        uint8_t   *cell = &header_cell[name.len][name.at[0] & 31];

        header_next[id] = *cell;
        *cell = (uint8_t) id;
    }
    header_ready = true;
}


/* Bit 5 makes a letter small.  It is set only where the known name has a
 * letter (bit 6): CR would become a dash. */
static inline bool
header_is_word(const char *name, const char *known)
{
    uint64_t a, b;

    memcpy(&a, name, 8);
    memcpy(&b, known, 8);
    return (a | (b & 0x4040404040404040u) >> 1) == b;
}


static inline bool
header_is_half(const char *name, const char *known)
{
    uint32_t a, b;

    memcpy(&a, name, 4);
    memcpy(&b, known, 4);
    return (a | (b & 0x40404040u) >> 1) == b;
}


static inline bool
header_is_name(const char *name, const char *known, size_t len)
{
    if (len >= 8) {
        for (size_t i = 0; i + 8 < len; i += 8) {
            if (!header_is_word(name + i, known + i)) {
                return false;
            }
        }
        return header_is_word(name + len - 8, known + len - 8);
    }
    if (len >= 4) {
        return header_is_half(name, known)
               && header_is_half(name + len - 4, known + len - 4);
    }
    for (size_t i = 0; i < len; i++) {
        if ((name[i] | (known[i] & 0x40) >> 1) != known[i]) {
            return false;
        }
    }
    return true;
}


mosn_header_e
mosn_header_find_id(const char *name, size_t len)
{
    unsigned id;

    if (MOSN_UNLIKELY(!header_ready)) {
        header_fill_cells();
    }
    if (len > NAME_MAX_LEN || len == 0) {
        return MOSN_HEADER_OTHER;
    }
    for (id = header_cell[len][name[0] & 31]; id != 0; id = header_next[id]) {
        if (header_is_name(name, header_names[id].at, len)) {
            break;
        }
    }
    return (mosn_header_e) id;
}


mosn_str_t
mosn_header_name(mosn_header_e id)
{
    return header_names[id];
}


void
mosn_headers_init(mosn_headers_t *headers, mosn_pool_t *pool, uint32_t room)
{
    headers->pool = pool;
    headers->items = mosn_pool_alloc(pool, room * sizeof(mosn_header_t));
    headers->room = room;
    headers->n = 0;
    headers->present = 0;
    headers->bytes = 0;
}


static void
headers_grow(mosn_headers_t *headers)
{
    uint32_t       room = headers->room > 0 ? headers->room * 2 : 4;
    mosn_header_t *items =
        mosn_pool_alloc(headers->pool, room * sizeof(*items));

    if (headers->n > 0) {
        memcpy(items, headers->items, headers->n * sizeof(*items));
    }
    headers->items = items;
    headers->room = room;
}


mosn_header_t *
mosn_headers_push(mosn_headers_t *headers)
{
    if (MOSN_UNLIKELY(headers->n == headers->room)) {
        headers_grow(headers);
    }
    return &headers->items[headers->n++];
}


void
mosn_headers_add(mosn_headers_t *headers, mosn_header_e id, mosn_str_t name,
                 mosn_str_t value)
{
    *mosn_headers_push(headers) = (mosn_header_t){
        .name = name.at,
        .name_len = (uint16_t) name.len,
        .value = value.at,
        .value_len = (uint32_t) value.len,
        .id = (uint8_t) id,
    };
    headers->present |= 1ull << id;
    headers->bytes += name.len + value.len + 4;
}


mosn_header_t *
mosn_headers_find(const mosn_headers_t *headers, mosn_header_e id)
{
    if (!mosn_headers_has(headers, id)) {
        return NULL;
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        if (headers->items[i].id == id && !headers->items[i].removed) {
            return &headers->items[i];
        }
    }
    return NULL;
}


static bool
header_is_named(const mosn_header_t *header, mosn_str_t name)
{
    return header->name_len == name.len
           && mosn_str_equal_nocase(
               (mosn_str_t){ header->name, header->name_len }, name);
}


mosn_header_t *
mosn_headers_find_name(const mosn_headers_t *headers, mosn_str_t name)
{
    mosn_header_e id = mosn_header_find_id(name.at, name.len);

    if (id != MOSN_HEADER_OTHER) {
        return mosn_headers_find(headers, id);
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        if (!headers->items[i].removed
            && header_is_named(&headers->items[i], name)) {
            return &headers->items[i];
        }
    }
    return NULL;
}


void
mosn_headers_remove(mosn_headers_t *headers, mosn_header_e id)
{
    if (!mosn_headers_has(headers, id)) {
        return;
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        if (headers->items[i].id == id) {
            headers->items[i].removed = true;
        }
    }
    headers->present &= ~(1ull << id);
}


void
mosn_headers_remove_name(mosn_headers_t *headers, mosn_str_t name)
{
    mosn_header_e id = mosn_header_find_id(name.at, name.len);

    if (id != MOSN_HEADER_OTHER) {
        mosn_headers_remove(headers, id);
        return;
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        if (header_is_named(&headers->items[i], name)) {
            headers->items[i].removed = true;
        }
    }
}


void
mosn_headers_set(mosn_headers_t *headers, mosn_header_e id, mosn_str_t name,
                 mosn_str_t value)
{
    if (id == MOSN_HEADER_OTHER) {
        mosn_headers_remove_name(headers, name);
    } else {
        mosn_headers_remove(headers, id);
    }
    mosn_headers_add(headers, id, name, value);
}


bool
mosn_header_is_valid(mosn_str_t name, mosn_str_t value)
{
    if (name.len == 0 || name.len > UINT16_MAX || value.len > UINT32_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = (uint8_t) name.at[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c)) {
            return false;
        }
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t) value.at[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}


mosn_headers_t *
mosn_headers_copy(const mosn_headers_t *from, mosn_pool_t *pool)
{
    mosn_headers_t *to = mosn_pool_calloc(pool, sizeof(*to));

    mosn_headers_init(to, pool, from->n + 1);
    for (uint32_t i = 0; i < from->n; i++) {
        const mosn_header_t *h = &from->items[i];

        if (!h->removed) {
            mosn_headers_add(
                to, (mosn_header_e) h->id,
                mosn_pool_copy(pool, (mosn_str_t){ h->name, h->name_len }),
                mosn_pool_copy(pool, mosn_header_value(h)));
        }
    }
    return to;
}


bool
mosn_header_may_trail(mosn_header_e id)
{
    switch (id) {
    case MOSN_HEADER_OTHER:
    case MOSN_HEADER_DATE:
    case MOSN_HEADER_SERVER:
    case MOSN_HEADER_X_REQUEST_ID:
    case MOSN_HEADER_GRPC_STATUS:
        return true;
    default:
        return false; /* frames, routes, authenticates, describes content */
    }
}
