/*
 * proxy/route_index.c - two hash tables: exact paths, and prefixes.
 *
 * Routes of one path stand in a list behind its cell; a walk merges the
 * lists of the cells that match.
 *
 * A prefix of length n matches when the hash of the first n bytes of the
 * path is in the table.  Hashing runs over the path once and looks the table
 * up at each length that some prefix with the same beginning has; there are
 * few different ones.
 */

#include "proxy/route_index.h"

#define START_MASK 15u
#define STEM       8u /* bytes of a prefix's beginning */
#define HASH_SEED  0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u


void
mosn_route_index_init(mosn_route_index_t *index, mosn_pool_t *pool, uint32_t n)
{
    memset(index, 0, sizeof(*index));
    index->pool = pool;
    index->exact_mask = index->prefix_mask = START_MASK;
    index->exact =
        mosn_pool_calloc(pool, (START_MASK + 1) * sizeof(*index->exact));
    index->prefix =
        mosn_pool_calloc(pool, (START_MASK + 1) * sizeof(*index->prefix));
    index->stem_mask = START_MASK;
    index->stems =
        mosn_pool_calloc(pool, (START_MASK + 1) * sizeof(*index->stems));
    index->next = mosn_pool_alloc(pool, (n + 1) * sizeof(*index->next));
    index->heads = mosn_pool_alloc(pool, sizeof(*index->heads));
}


static uint64_t
index_hash(uint64_t hash, const char *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ (uint8_t) at[i]) * HASH_PRIME;
    }
    return hash;
}


static mosn_route_cell_t *
index_cell(mosn_route_cell_t *cells, uint32_t mask, const char *at, size_t len,
           uint64_t hash)
{
    uint32_t i = (uint32_t) (hash ^ hash >> 32) & mask;

    while (cells[i].at != NULL
           && (cells[i].hash != hash || cells[i].len != len
               || memcmp(cells[i].at, at, len) != 0))
    {
        i = (i + 1) & mask;
    }
    return &cells[i];
}


static void
index_widen(mosn_pool_t *pool, mosn_route_cell_t **cells, uint32_t *mask)
{
    uint32_t           wide = *mask * 2 + 1;
    mosn_route_cell_t *old = *cells;

    *cells = mosn_pool_calloc(pool, (wide + 1) * sizeof(**cells));
    for (uint32_t i = 0; i <= *mask; i++) {
        if (old[i].at != NULL) {
            *index_cell(*cells, wide, old[i].at, old[i].len, old[i].hash) =
                old[i];
        }
    }
    *mask = wide;
}


/* True: the path is a new one. */
static bool
index_put(mosn_route_index_t *index, mosn_route_cell_t **cells, uint32_t *mask,
          uint32_t *n, mosn_str_t path, uint32_t rank, bool sure)
{
    uint64_t           hash = index_hash(HASH_SEED, path.at, path.len);
    mosn_route_cell_t *cell;
    bool               fresh;

    if (*n > *mask / 2) {
        index_widen(index->pool, cells, mask);
    }
    cell = index_cell(*cells, *mask, path.at, path.len, hash);
    fresh = cell->at == NULL;
    if (fresh) {
        *cell = (mosn_route_cell_t){ .at = path.at,
                                     .hash = hash,
                                     .len = (uint32_t) path.len,
                                     .first = rank,
                                     .sure = MOSN_ROUTE_NONE };
        (*n)++;
    } else {
        index->next[cell->last] = rank;
    }
    cell->last = rank;
    index->next[rank] = MOSN_ROUTE_NONE;
    if (sure && cell->sure == MOSN_ROUTE_NONE) {
        cell->sure = rank;
    }
    return fresh;
}


static void
index_add_length(mosn_route_index_t *index, uint32_t len)
{
    uint32_t  at = 0;
    uint32_t *lengths;

    while (at < index->n_lengths && index->lengths[at] < len) {
        at++;
    }
    if (at < index->n_lengths && index->lengths[at] == len) {
        return;
    }
    lengths = mosn_pool_alloc(index->pool,
                              (index->n_lengths + 1) * sizeof(*lengths));
    for (uint32_t i = 0, from = 0; i <= index->n_lengths; i++) {
        lengths[i] = i == at ? len : index->lengths[from++];
    }
    index->lengths = lengths;
    index->n_lengths++;
    index->heads = mosn_pool_alloc(index->pool, (index->n_lengths + 1)
                                                    * sizeof(*index->heads));
}


/* Lengths far behind the beginning share the last bit. */
static inline uint64_t
index_length_bit(uint32_t len)
{
    uint32_t n = len - STEM - 1;

    return (uint64_t) 1 << (n > 63 ? 63 : n);
}


/* Two beginnings of one hash are looked up a little too often. */
static mosn_route_stem_t *
index_stem(mosn_route_stem_t *stems, uint32_t mask, uint64_t hash)
{
    uint32_t i = (uint32_t) (hash ^ hash >> 32) & mask;

    while (stems[i].lengths != 0 && stems[i].hash != hash) {
        i = (i + 1) & mask;
    }
    return &stems[i];
}


static void
index_add_stem(mosn_route_index_t *index, mosn_str_t prefix)
{
    uint64_t           hash = index_hash(HASH_SEED, prefix.at, STEM);
    mosn_route_stem_t *stem;

    if (index->n_stems > index->stem_mask / 2) {
        uint32_t           wide = index->stem_mask * 2 + 1;
        mosn_route_stem_t *stems =
            mosn_pool_calloc(index->pool, (wide + 1) * sizeof(*stems));

        for (uint32_t i = 0; i <= index->stem_mask; i++) {
            if (index->stems[i].lengths != 0) {
                *index_stem(stems, wide, index->stems[i].hash) =
                    index->stems[i];
            }
        }
        index->stems = stems;
        index->stem_mask = wide;
    }
    stem = index_stem(index->stems, index->stem_mask, hash);
    index->n_stems += stem->lengths == 0;
    stem->hash = hash;
    stem->lengths |= index_length_bit((uint32_t) prefix.len);
}


void
mosn_route_index_add(mosn_route_index_t *index, mosn_str_t path, bool exact,
                     uint32_t rank, bool sure)
{
    if (path.at == NULL) {
        path = MOSN_STR("");
    }
    if (exact) {
        (void) index_put(index, &index->exact, &index->exact_mask,
                         &index->n_exact, path, rank, sure);
    } else if (index_put(index, &index->prefix, &index->prefix_mask,
                         &index->n_prefix, path, rank, sure))
    {
        index_add_length(index, (uint32_t) path.len);
        if (path.len > STEM) {
            index_add_stem(index, path);
        }
    }
}


/* A pass over the lengths. */
typedef struct {
    uint64_t hash;
    uint32_t done; /* bytes of the path in it */
    uint32_t i;    /* of lengths */
    bool     stem; /* `lengths` is known */
    uint64_t lengths;
} index_pass_t;


/* The cell of the next prefix that `path` has, or NULL: there is no more. */
static inline const mosn_route_cell_t *
index_pass(const mosn_route_index_t *index, mosn_str_t path, index_pass_t *p)
{
    while (p->i < index->n_lengths && index->lengths[p->i] <= path.len) {
        uint32_t                 len = index->lengths[p->i++];
        const mosn_route_cell_t *cell;

        if (len > STEM) {
            if (!p->stem) {
                p->hash =
                    index_hash(p->hash, path.at + p->done, STEM - p->done);
                p->done = STEM;
                p->stem = true;
                p->lengths =
                    index_stem(index->stems, index->stem_mask, p->hash)
                        ->lengths;
            }
            if (p->lengths == 0) {
                break; /* nothing begins so */
            }
            if ((p->lengths & index_length_bit(len)) == 0) {
                continue;
            }
        }
        p->hash = index_hash(p->hash, path.at + p->done, len - p->done);
        p->done = len;
        cell = index_cell(index->prefix, index->prefix_mask, path.at, len,
                          p->hash);
        if (cell->at != NULL) {
            return cell;
        }
    }
    return NULL;
}


/* The cell of the whole path, when a pass is over. */
static inline const mosn_route_cell_t *
index_whole(const mosn_route_index_t *index, mosn_str_t path,
            const index_pass_t *p)
{
    uint64_t hash = index_hash(p->hash, path.at + p->done, path.len - p->done);
    const mosn_route_cell_t *cell =
        index_cell(index->exact, index->exact_mask, path.at, path.len, hash);

    return cell->at != NULL ? cell : NULL;
}


uint32_t
mosn_route_index_find_sure(const mosn_route_index_t *index, mosn_str_t path,
                           bool exact)
{
    index_pass_t             pass = { .hash = HASH_SEED };
    uint32_t                 best = MOSN_ROUTE_NONE;
    const mosn_route_cell_t *cell;

    while ((cell = index_pass(index, path, &pass)) != NULL) {
        best = cell->sure < best ? cell->sure : best;
    }
    cell = exact ? index_whole(index, path, &pass) : NULL;
    return cell != NULL && cell->sure < best ? cell->sure : best;
}


uint32_t
mosn_route_walk(mosn_route_walk_t *walk, const mosn_route_index_t *index,
                mosn_str_t path)
{
    index_pass_t             pass = { .hash = HASH_SEED };
    const mosn_route_cell_t *cell;

    walk->index = index;
    walk->n = 0;
    while ((cell = index_pass(index, path, &pass)) != NULL) {
        index->heads[walk->n++] = cell->first;
    }
    if (index->n_exact > 0 && (cell = index_whole(index, path, &pass)) != NULL)
    {
        index->heads[walk->n++] = cell->first;
    }
    return mosn_route_walk_next(walk);
}


uint32_t
mosn_route_walk_next(mosn_route_walk_t *walk)
{
    uint32_t *heads = walk->index->heads;
    uint32_t  best = 0, rank;

    if (walk->n == 0) {
        return MOSN_ROUTE_NONE;
    }
    for (uint32_t i = 1; i < walk->n; i++) {
        if (heads[i] < heads[best]) {
            best = i;
        }
    }
    rank = heads[best];
    heads[best] = walk->index->next[rank];
    if (heads[best] == MOSN_ROUTE_NONE) {
        heads[best] = heads[--walk->n];
    }
    return rank;
}
