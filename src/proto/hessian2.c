/* proto/hessian2.c - walk over Hessian 2.0; write strings. */

#include "proto/hessian2.h"

#define UNTIL_END UINT32_MAX
#define CHUNK_MAX 0x8000u /* units; Java's reader takes no more */


void
mosn_hessian_open(mosn_hessian_t *h, const uint8_t *bytes, size_t n)
{
    h->at = bytes;
    h->end = bytes + n;
    h->n_classes = h->n_types = 0;
}


static size_t
hessian_left(const mosn_hessian_t *h)
{
    return (size_t) (h->end - h->at);
}


static bool
hessian_jump(mosn_hessian_t *h, size_t n)
{
    if (hessian_left(h) < n) {
        return false;
    }
    h->at += n;
    return true;
}


static uint32_t
hessian_get(const uint8_t *at, unsigned n)
{
    uint32_t value = 0;

    while (n-- > 0) {
        value = value << 8 | *at++;
    }
    return value;
}


/* --- strings ------------------------------------------------------------- */

/* Bytes of the character at `at`, checked; 0: it is none. */
static unsigned
hessian_char_len(const uint8_t *at, const uint8_t *end)
{
    uint8_t  lead = *at;
    unsigned n = lead < 0x80   ? 1
                 : lead < 0xc0 ? 0
                 : lead < 0xe0 ? 2
                 : lead < 0xf0 ? 3
                 : lead < 0xf8 ? 4
                               : 0;

    if (n > (size_t) (end - at)) {
        return 0;
    }
    for (unsigned i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}


/* Goes over so many UTF-16 units. */
static bool
hessian_skip_units(mosn_hessian_t *h, uint32_t units)
{
    while (units > 0) {
        uint64_t word;
        unsigned n;

        if (units >= 8 && hessian_left(h) >= 8) {
            memcpy(&word, h->at, 8);
            if ((word & 0x8080808080808080u) == 0) {
                h->at += 8;
                units -= 8;
                continue;
            }
        }
        if (h->at == h->end) {
            return false;
        }
        n = hessian_char_len(h->at, h->end);
        if (n == 0 || (n == 4 && units < 2)) {
            return false;
        }
        h->at += n;
        units -= n == 4 ? 2 : 1;
    }
    return true;
}


/* The head of a chunk of a string: its units, and whether it is the last.
 * False: no string begins here. */
static bool
hessian_read_units(mosn_hessian_t *h, uint32_t *units_r, bool *last_r)
{
    uint8_t c;

    if (h->at == h->end) {
        return false;
    }
    c = *h->at;
    *last_r = c != 'R';
    if (c <= 0x1f) {
        *units_r = c;
        h->at++;
        return true;
    }
    if (c >= 0x30 && c <= 0x33 && hessian_left(h) >= 2) {
        *units_r = (uint32_t) (c - 0x30) << 8 | h->at[1];
        h->at += 2;
        return true;
    }
    if ((c == 'S' || c == 'R') && hessian_left(h) >= 3) {
        *units_r = hessian_get(h->at + 1, 2);
        h->at += 3;
        return true;
    }
    return false;
}


bool
mosn_hessian_read_string(mosn_hessian_t *h, mosn_str_t *s_r)
{
    const uint8_t *start;
    uint32_t       units;
    bool           last;

    if (h->at < h->end && *h->at == 'N') {
        h->at++;
        *s_r = MOSN_STR_NULL;
        return true;
    }
    if (!hessian_read_units(h, &units, &last) || !last) {
        return false;
    }
    start = h->at;
    if (!hessian_skip_units(h, units)) {
        return false;
    }
    *s_r = (mosn_str_t){ (const char *) start, (size_t) (h->at - start) };
    return true;
}


static bool
hessian_skip_string(mosn_hessian_t *h)
{
    uint32_t units;
    bool     last;

    do {
        if (!hessian_read_units(h, &units, &last)
            || !hessian_skip_units(h, units)) {
            return false;
        }
    } while (!last);
    return true;
}


bool
mosn_hessian_is_string(uint8_t c)
{
    return c <= 0x1f || (c >= 0x30 && c <= 0x33) || c == 'S' || c == 'R';
}


bool
mosn_hessian_read_piece(mosn_hessian_t *h, mosn_str_t *piece_r, bool *last_r)
{
    const uint8_t *start;
    uint32_t       units;

    if (!hessian_read_units(h, &units, last_r)) {
        return false;
    }
    start = h->at;
    if (!hessian_skip_units(h, units)) {
        return false;
    }
    *piece_r = (mosn_str_t){ (const char *) start, (size_t) (h->at - start) };
    return true;
}


/* --- scalars ------------------------------------------------------------- */

static bool
hessian_read_int(mosn_hessian_t *h, uint32_t *value_r)
{
    uint8_t  c;
    unsigned n;

    if (h->at == h->end) {
        return false;
    }
    c = *h->at;
    n = c >= 0x80 && c <= 0xbf   ? 1
        : c >= 0xc0 && c <= 0xcf ? 2
        : c >= 0xd0 && c <= 0xd7 ? 3
        : c == 'I'               ? 5
                                 : 0;
    if (n == 0 || hessian_left(h) < n) {
        return false;
    }
    switch (n) {
    case 1:
        *value_r = (uint32_t) (c - 0x90);
        break;
    case 2:
        *value_r = ((uint32_t) (c - 0xc8) << 8) + h->at[1];
        break;
    case 3:
        *value_r = ((uint32_t) (c - 0xd4) << 16) + hessian_get(h->at + 1, 2);
        break;
    default:
        *value_r = hessian_get(h->at + 1, 4);
        break;
    }
    h->at += n;
    return true;
}


/* Bytes of a value that says its length by its first one; 0: it does not. */
static unsigned
hessian_scalar_len(uint8_t c)
{
    if ((c >= 0x80 && c <= 0xbf) || (c >= 0xd8 && c <= 0xef) || c == 'N'
        || c == 'T' || c == 'F' || c == 0x5b || c == 0x5c)
    {
        return 1;
    }
    if ((c >= 0xc0 && c <= 0xcf) || c >= 0xf0 || c == 0x5d) {
        return 2;
    }
    if ((c >= 0xd0 && c <= 0xd7) || (c >= 0x38 && c <= 0x3f) || c == 0x5e) {
        return 3;
    }
    if (c == 'I' || c == 0x59 || c == 0x5f || c == 0x4b) {
        return 5;
    }
    return c == 'L' || c == 'D' || c == 0x4a ? 9 : 0;
}


static bool
hessian_skip_binary(mosn_hessian_t *h)
{
    while (h->at < h->end) {
        uint8_t c = *h->at;

        if (c >= 0x20 && c <= 0x2f) {
            return hessian_jump(h, 1u + (c - 0x20u));
        }
        if (c >= 0x34 && c <= 0x37 && hessian_left(h) >= 2) {
            return hessian_jump(h, 2 + ((c - 0x34u) << 8) + h->at[1]);
        }
        if ((c != 'B' && c != 'A') || hessian_left(h) < 3
            || !hessian_jump(h, 3 + hessian_get(h->at + 1, 2)))
        {
            return false;
        }
        if (c == 'B') {
            return true;
        }
    }
    return false;
}


static uint64_t
hessian_get_u64(const uint8_t *at)
{
    return (uint64_t) hessian_get(at, 4) << 32 | hessian_get(at + 4, 4);
}


static int64_t
hessian_get_long(const uint8_t *at, unsigned n)
{
    uint8_t c = at[0];

    switch (n) {
    case 1:
        return (int64_t) c - 0xe0;
    case 2:
        return ((int64_t) c - 0xf8) * 256 + at[1];
    case 3:
        return ((int64_t) c - 0x3c) * 65536 + hessian_get(at + 1, 2);
    case 5:
        return (int32_t) hessian_get(at + 1, 4);
    default:
        return (int64_t) hessian_get_u64(at + 1);
    }
}


static double
hessian_get_double(const uint8_t *at)
{
    uint64_t bits;
    double   number;

    switch (at[0]) {
    case 0x5b:
        return 0;
    case 0x5c:
        return 1;
    case 0x5d:
        return (int8_t) at[1];
    case 0x5e:
        return (int16_t) hessian_get(at + 1, 2);
    case 0x5f:
        return (int32_t) hessian_get(at + 1, 4) * 0.001;
    default:
        bits = hessian_get_u64(at + 1);
        memcpy(&number, &bits, sizeof(number));
        return number;
    }
}


bool
mosn_hessian_read_scalar(mosn_hessian_t *h, mosn_hessian_scalar_t *s)
{
    const uint8_t *at = h->at;
    uint8_t        c;
    uint32_t       number;
    unsigned       n;

    if (at == h->end) {
        return false;
    }
    c = *at;
    *s = (mosn_hessian_scalar_t){ .kind = MOSN_HESSIAN_INTEGER };
    if (c == 0x51) { /* a reference */
        s->kind = MOSN_HESSIAN_NULL;
        h->at++;
        return hessian_read_int(h, &number);
    }
    if (hessian_read_int(h, &number)) {
        s->integer = (int32_t) number;
        return true;
    }
    n = hessian_scalar_len(c);
    if (n == 0 || !hessian_jump(h, n)) {
        return false;
    }
    if (c == 'N') {
        s->kind = MOSN_HESSIAN_NULL;
    } else if (c == 'T' || c == 'F') {
        s->kind = MOSN_HESSIAN_BOOL;
        s->integer = c == 'T';
    } else if (c == 'D' || (c >= 0x5b && c <= 0x5f)) {
        s->kind = MOSN_HESSIAN_DOUBLE;
        s->number = hessian_get_double(at);
    } else if (c == 0x4a) {
        s->integer = (int64_t) hessian_get_u64(at + 1);
    } else if (c == 0x4b) { /* minutes */
        s->integer = (int64_t) (int32_t) hessian_get(at + 1, 4) * 60000;
    } else {
        s->integer = hessian_get_long(at, n);
    }
    return true;
}


/* --- what has values in it ----------------------------------------------- */

/* A type: its name at first, later its number. */
static bool
hessian_skip_type(mosn_hessian_t *h)
{
    uint32_t number;

    if (hessian_read_int(h, &number)) {
        return number < h->n_types;
    }
    h->n_types++;
    return hessian_skip_string(h);
}


bool
mosn_hessian_read_class(mosn_hessian_t *h)
{
    uint32_t fields;

    h->at++; /* C */
    if (h->n_classes == MOSN_HESSIAN_CLASSES || !hessian_skip_string(h)
        || !hessian_read_int(h, &fields) || fields > hessian_left(h))
    {
        return false;
    }
    h->names[h->n_classes] = h->at;
    for (uint32_t i = 0; i < fields; i++) {
        if (!hessian_skip_string(h)) {
            return false;
        }
    }
    h->fields[h->n_classes++] = fields;
    return true;
}


bool
mosn_hessian_is_compound(uint8_t c)
{
    return c == 'H' || c == 'M' || c == 'O' || (c >= 0x55 && c <= 0x58)
           || (c >= 0x60 && c <= 0x7f);
}


bool
mosn_hessian_enter(mosn_hessian_t *h, uint32_t *values_r,
                   const uint8_t **names_r)
{
    uint8_t c = *h->at++;
    uint32_t class;

    *values_r = UNTIL_END;
    *names_r = NULL;
    switch (c) {
    case 'H': /* map */
    case 'W': /* list without a length, 0x57 */
        return true;
    case 'M':
    case 'U': /* 0x55 */
        return hessian_skip_type(h);
    case 'V': /* 0x56 */
        return hessian_skip_type(h) && hessian_read_int(h, values_r)
               && *values_r <= hessian_left(h);
    case 'X': /* 0x58 */
        return hessian_read_int(h, values_r) && *values_r <= hessian_left(h);
    case 'O':
        if (!hessian_read_int(h, &class) || class >= h->n_classes) {
            return false;
        }
        *values_r = h->fields[class];
        *names_r = h->names[class];
        return true;
    default:
        break;
    }
    if (c >= 0x60 && c <= 0x6f) {
        if (c - 0x60u >= h->n_classes) {
            return false;
        }
        *values_r = h->fields[c - 0x60];
        *names_r = h->names[c - 0x60];
        return true;
    }
    if (c >= 0x70 && c <= 0x77) {
        *values_r = c - 0x70u;
        return hessian_skip_type(h);
    }
    *values_r = c - 0x78u;
    return c >= 0x78 && c <= 0x7f;
}


/* A value that has none in it.  DECLINED: it has some.  ERROR: broken. */
static mosn_rc_e
hessian_skip_plain(mosn_hessian_t *h)
{
    uint8_t  c = *h->at;
    unsigned n = hessian_scalar_len(c);
    uint32_t number;
    bool     ok;

    if (n > 0) {
        ok = hessian_jump(h, n);
    } else if (c <= 0x1f || (c >= 0x30 && c <= 0x33) || c == 'S' || c == 'R') {
        ok = hessian_skip_string(h);
    } else if ((c >= 0x20 && c <= 0x2f) || (c >= 0x34 && c <= 0x37) || c == 'A'
               || c == 'B')
    {
        ok = hessian_skip_binary(h);
    } else if (c == 0x51) { /* a reference, to what came before */
        h->at++;
        ok = hessian_read_int(h, &number) && number <= INT32_MAX;
    } else {
        return MOSN_DECLINED;
    }
    return ok ? MOSN_OK : MOSN_ERROR;
}


bool
mosn_hessian_skip(mosn_hessian_t *h)
{
    uint32_t       left[MOSN_HESSIAN_DEPTH];
    const uint8_t *names;
    unsigned       depth = 1;

    left[0] = 1;
    while (depth > 0) {
        uint32_t values;

        if (left[depth - 1] == 0) {
            depth--;
            continue;
        }
        if (h->at == h->end) {
            return false;
        }
        if (left[depth - 1] == UNTIL_END) {
            if (*h->at == 'Z') {
                h->at++;
                depth--;
                continue;
            }
        } else if (*h->at != 'C') { /* a definition is no value */
            left[depth - 1]--;
        }
        if (*h->at == 'C') {
            if (!mosn_hessian_read_class(h)) {
                return false;
            }
            continue;
        }
        switch (hessian_skip_plain(h)) {
        case MOSN_OK:
            break;
        case MOSN_DECLINED:
            if (depth == MOSN_HESSIAN_DEPTH
                || !mosn_hessian_enter(h, &values, &names)) {
                return false;
            }
            left[depth++] = values;
            break;
        default:
            return false;
        }
    }
    return true;
}


bool
mosn_hessian_enter_map(mosn_hessian_t *h)
{
    if (h->at == h->end || (*h->at != 'H' && *h->at != 'M')) {
        return false;
    }
    return *h->at++ == 'H' || hessian_skip_type(h);
}


bool
mosn_hessian_is_end(mosn_hessian_t *h)
{
    if (h->at < h->end && *h->at == 'Z') {
        h->at++;
        return true;
    }
    return h->at == h->end;
}


/* --- writing ------------------------------------------------------------- */

size_t
mosn_hessian_string_room(size_t len)
{
    return 2 * len + 3 * (len / CHUNK_MAX + 1);
}


static uint8_t *
hessian_put_code(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (uint8_t) code;
    } else if (code < 0x800) {
        *out++ = (uint8_t) (0xc0 | code >> 6);
        *out++ = (uint8_t) (0x80 | (code & 0x3f));
    } else {
        *out++ = (uint8_t) (0xe0 | code >> 12);
        *out++ = (uint8_t) (0x80 | (code >> 6 & 0x3f));
        *out++ = (uint8_t) (0x80 | (code & 0x3f));
    }
    return out;
}


/* One character; returns its end in `s`.  `units_r`: how many it counts. */
static const uint8_t *
hessian_put_char(uint8_t **out, const uint8_t *s, const uint8_t *end,
                 uint32_t *units_r)
{
    unsigned n = hessian_char_len(s, end);
    uint32_t code;

    *units_r = 1;
    switch (n) {
    case 0:
        *out = hessian_put_code(*out, *s);
        return s + 1;
    case 4:
        code = (uint32_t) (s[0] & 7) << 18 | (uint32_t) (s[1] & 0x3f) << 12
               | (uint32_t) (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
        code -= 0x10000;
        *out = hessian_put_code(*out, 0xd800 | (code >> 10 & 0x3ff));
        *out = hessian_put_code(*out, 0xdc00 | (code & 0x3ff));
        *units_r = 2;
        return s + 4;
    default:
        memcpy(*out, s, n);
        *out += n;
        return s + n;
    }
}


uint8_t *
mosn_hessian_put_string(uint8_t *out, mosn_str_t s)
{
    const uint8_t *at = (const uint8_t *) s.at, *end = at + s.len;

    for (;;) {
        uint8_t *head = out;
        uint32_t units = 0, more;

        out += 3;
        while (at < end && units < CHUNK_MAX - 1) {
            at = hessian_put_char(&out, at, end, &more);
            units += more;
        }
        head[0] = at < end ? 'R' : 'S';
        head[1] = (uint8_t) (units >> 8);
        head[2] = (uint8_t) units;
        if (at == end) {
            return out;
        }
    }
}
