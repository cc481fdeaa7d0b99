/*
 * proxy/route_index.c - two hash tables: exact paths, and prefixes.
 *
 * A prefix of length n matches when the hash of the first n bytes of the
 * path is in the table.  Hashing runs over the path once and looks the table
 * up at each length that some prefix has; there are few different ones.
 */

#include "proxy/route_index.h"

#define START_MASK 15u
#define HASH_SEED  0xcbf29ce484222325u
#define HASH_PRIME 0x100000001b3u


void
mosn_route_index_init(mosn_route_index_t *index, mosn_pool_t *pool)
{
    memset(index, 0, sizeof(*index));
    index->pool = pool;
    index->exact_mask = index->prefix_mask = START_MASK;
    index->exact =
        mosn_pool_calloc(pool, (START_MASK + 1) * sizeof(*index->exact));
    index->prefix =
        mosn_pool_calloc(pool, (START_MASK + 1) * sizeof(*index->prefix));
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


/* False: it is there already, with a lower rank. */
static bool
index_add(mosn_pool_t *pool, mosn_route_cell_t **cells, uint32_t *mask,
          uint32_t *n, mosn_str_t path, uint32_t rank)
{
    uint64_t           hash = index_hash(HASH_SEED, path.at, path.len);
    mosn_route_cell_t *cell;

    if (*n > *mask / 2) {
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

    cell = index_cell(*cells, *mask, path.at, path.len, hash);
    if (cell->at != NULL) {
        return false;
    }
    *cell = (mosn_route_cell_t){
        .at = path.at, .len = (uint32_t) path.len, .rank = rank, .hash = hash
    };
    (*n)++;
    return true;
}


void
mosn_route_index_add_exact(mosn_route_index_t *index, mosn_str_t path,
                           uint32_t rank)
{
    (void) index_add(index->pool, &index->exact, &index->exact_mask,
                     &index->n_exact, path, rank);
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
}


void
mosn_route_index_add_prefix(mosn_route_index_t *index, mosn_str_t prefix,
                            uint32_t rank)
{
    if (index_add(index->pool, &index->prefix, &index->prefix_mask,
                  &index->n_prefix, prefix, rank))
    {
        index_add_length(index, (uint32_t) prefix.len);
    }
}


/* Walks the lengths; `hash_r` gets the hash of the whole path. */
static uint32_t
index_walk(const mosn_route_index_t *index, mosn_str_t path, uint64_t *hash_r)
{
    uint64_t hash = HASH_SEED;
    uint32_t done = 0, best = MOSN_ROUTE_NONE;

    for (uint32_t i = 0; i < index->n_lengths; i++) {
        uint32_t                 len = index->lengths[i];
        const mosn_route_cell_t *cell;

        if (len > path.len) {
            break;
        }
        hash = index_hash(hash, path.at + done, len - done);
        done = len;
        cell =
            index_cell(index->prefix, index->prefix_mask, path.at, len, hash);
        if (cell->at != NULL && cell->rank < best) {
            best = cell->rank;
        }
    }
    if (hash_r != NULL) {
        *hash_r = index_hash(hash, path.at + done, path.len - done);
    }
    return best;
}


uint32_t
mosn_route_index_find_prefix(const mosn_route_index_t *index, mosn_str_t path)
{
    return index_walk(index, path, NULL);
}


uint32_t
mosn_route_index_find(const mosn_route_index_t *index, mosn_str_t path)
{
    const mosn_route_cell_t *cell;
    uint64_t                 hash;
    uint32_t                 best;

    if (index->n_exact == 0) {
        return index_walk(index, path, NULL);
    }
    best = index_walk(index, path, &hash);
    cell =
        index_cell(index->exact, index->exact_mask, path.at, path.len, hash);
    return cell->at != NULL && cell->rank < best ? cell->rank : best;
}
