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

#define START_MASK  15u
#define STEM        8u /* bytes of a prefix's beginning */
#define FAR         (STEM + 64u)
#define HASH_SEED   0xcbf29ce484222325u
#define HASH_PRIME  0x100000001b3u
#define HASH_SPREAD 0x9e3779b97f4a7c15u


void
mosn_route_index_init(mosn_route_index_t *index, mosn_pool_t *pool, uint32_t n)
{
    memset(index, 0, sizeof(*index));
    index->lone_ends = true;
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


/* Paths that differ in their last digits have hashes that stand close. */
static inline uint32_t
index_home(uint64_t hash)
{
    return (uint32_t) (hash * HASH_SPREAD >> 32);
}


static mosn_route_cell_t *
index_cell(mosn_route_cell_t *cells, uint32_t mask, const char *at, size_t len,
           uint64_t hash)
{
    uint32_t i = index_home(hash) & mask;

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
    index->n_near += len < FAR;
    index->heads = mosn_pool_alloc(index->pool, (index->n_lengths + 1)
                                                    * sizeof(*index->heads));
}


/* Does a part of the path end behind `len` bytes of it? */
static inline bool
index_ends_part(mosn_str_t path, size_t len)
{
    return len == path.len || path.at[len] == '/'
           || (len > 0 && path.at[len - 1] == '/');
}


/* Two beginnings of one hash are looked up a little too often. */
static mosn_route_stem_t *
index_stem(mosn_route_stem_t *stems, uint32_t mask, uint64_t hash)
{
    uint32_t i = index_home(hash) & mask;

    while (stems[i].lengths.all != 0 && stems[i].hash != hash) {
        i = (i + 1) & mask;
    }
    return &stems[i];
}


static mosn_route_lengths_t *
index_add_stem(mosn_route_index_t *index, mosn_str_t prefix)
{
    uint64_t           hash = index_hash(HASH_SEED, prefix.at, STEM);
    mosn_route_stem_t *stem;

    if (index->n_stems > index->stem_mask / 2) {
        uint32_t           wide = index->stem_mask * 2 + 1;
        mosn_route_stem_t *stems =
            mosn_pool_calloc(index->pool, (wide + 1) * sizeof(*stems));

        for (uint32_t i = 0; i <= index->stem_mask; i++) {
            if (index->stems[i].lengths.all != 0) {
                *index_stem(stems, wide, index->stems[i].hash) =
                    index->stems[i];
            }
        }
        index->stems = stems;
        index->stem_mask = wide;
    }
    stem = index_stem(index->stems, index->stem_mask, hash);
    index->n_stems += stem->lengths.all == 0;
    stem->hash = hash;
    return &stem->lengths;
}


/* Lengths that are far from the beginning share the last bit. */
static void
index_note_length(mosn_route_index_t *index, mosn_str_t prefix, bool loose)
{
    mosn_route_lengths_t *lengths = &index->near;
    size_t                n = prefix.len;
    uint64_t              bit;

    if (n > STEM) {
        lengths = index_add_stem(index, prefix);
        n = (n < FAR ? n : FAR) - STEM - 1;
    }
    bit = (uint64_t) 1 << n;
    lengths->all |= bit;
    if (loose && (prefix.len == 0 || prefix.at[prefix.len - 1] != '/')) {
        lengths->loose |= bit;
    }
}


void
mosn_route_index_add(mosn_route_index_t *index, mosn_str_t path,
                     mosn_route_key_e key, uint32_t rank, bool sure)
{
    if (path.at == NULL) {
        path = MOSN_STR("");
    }
    index->lone = NULL;
    if (key == MOSN_ROUTE_WHOLE) {
        (void) index_put(index, &index->exact, &index->exact_mask,
                         &index->n_exact, path, rank, sure);
        return;
    }
    if (index_put(index, &index->prefix, &index->prefix_mask, &index->n_prefix,
                  path, rank, sure))
    {
        index_add_length(index, (uint32_t) path.len);
    }
    index_note_length(index, path, key == MOSN_ROUTE_BEGINNING);
    if (index->n_prefix == 1 && index->n_exact == 0) {
        index->lone =
            index_cell(index->prefix, index->prefix_mask, path.at, path.len,
                       index_hash(HASH_SEED, path.at, path.len));
        index->lone_ends &= key == MOSN_ROUTE_PARTS;
    }
}


static inline uint32_t
index_rank(const mosn_route_cell_t *cell, bool sure)
{
    return sure ? cell->sure : cell->first;
}


/* Of each cell that `path` has, the first rank, or the one that is sure, into
 * the heads: how many.  One pass: first at the short lengths, then at those
 * that prefixes with the beginning of the path have. */
static uint32_t
index_collect(const mosn_route_index_t *index, mosn_str_t path, bool whole,
              bool sure)
{
    const mosn_route_cell_t *cell;
    uint64_t                 lengths = index->near.all;
    uint64_t                 loose = index->near.loose;
    uint64_t                 hash = HASH_SEED;
    uint32_t                 base = 0; /* the length of bit 0 */
    uint32_t                 far = index->n_near, done = 0, n = 0, len;

    for (;;) {
        uint64_t bit = lengths & -lengths;

        if (bit == 0) { /* behind the short ones */
            const mosn_route_stem_t *stem;

            if (base > 0 || path.len <= STEM || index->n_stems == 0) {
                break;
            }
            hash = index_hash(hash, path.at + done, STEM - done);
            done = STEM;
            stem = index_stem(index->stems, index->stem_mask, hash);
            lengths = stem->lengths.all;
            loose = stem->lengths.loose;
            base = STEM + 1;
            continue;
        }
        len = base + (uint32_t) __builtin_ctzll(bit);
        if (len < FAR) {
            lengths ^= bit;
        } else {
            len = index->lengths[far++];
            lengths = far < index->n_lengths ? bit : 0;
        }
        if (len > path.len) {
            break;
        }
        if ((loose & bit) == 0 && !index_ends_part(path, len)) {
            continue;
        }
        hash = index_hash(hash, path.at + done, len - done);
        done = len;
        cell =
            index_cell(index->prefix, index->prefix_mask, path.at, len, hash);
        if (cell->at != NULL) {
            index->heads[n++] = index_rank(cell, sure);
        }
    }

    if (whole && index->n_exact > 0) {
        hash = index_hash(hash, path.at + done, path.len - done);
        cell = index_cell(index->exact, index->exact_mask, path.at, path.len,
                          hash);
        if (cell->at != NULL) {
            index->heads[n++] = index_rank(cell, sure);
        }
    }
    return n;
}


uint32_t
mosn_route_index_find_sure(const mosn_route_index_t *index, mosn_str_t path,
                           mosn_route_key_e key)
{
    uint32_t best = MOSN_ROUTE_NONE;
    uint32_t n = index_collect(index, path, key == MOSN_ROUTE_WHOLE, true);

    for (uint32_t i = 0; i < n; i++) {
        best = index->heads[i] < best ? index->heads[i] : best;
    }
    return best;
}


/* The same of a table with one prefix, which is what most have. */
static uint32_t
index_collect_lone(const mosn_route_index_t *index, mosn_str_t path)
{
    const mosn_route_cell_t *cell = index->lone;

    if (path.len < cell->len || memcmp(path.at, cell->at, cell->len) != 0
        || (index->lone_ends && !index_ends_part(path, cell->len)))
    {
        return 0;
    }
    index->heads[0] = cell->first;
    return 1;
}


uint32_t
mosn_route_walk(mosn_route_walk_t *walk, const mosn_route_index_t *index,
                mosn_str_t path)
{
    walk->index = index;
    walk->n = index->lone != NULL ? index_collect_lone(index, path)
                                  : index_collect(index, path, true, false);
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
