/* proto/hessian_json.c - between Hessian and JSON. */

#include "proto/hessian_json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

/* --- to JSON ------------------------------------------------------------- */

typedef enum { IN_LIST, IN_MAP_KEY, IN_MAP_VALUE, IN_OBJECT } json_place_e;

typedef struct {
    json_place_e place;
    uint32_t     left;    /* values; of a map and a list without a length:
                             until its end */
    bool           open;  /* ... that is so */
    bool           first; /* no comma yet */
    const uint8_t *names; /* of the fields that are to come */
} json_frame_t;


static void
json_put(mosn_chain_t *out, const char *text)
{
    mosn_chain_write(out, text, strlen(text));
}


/* One UTF-16 unit, or a code point, of Java's UTF-8. */
static uint32_t
json_next_code(const uint8_t **at)
{
    const uint8_t *s = *at;

    if (s[0] < 0x80) {
        *at += 1;
        return s[0];
    }
    if (s[0] < 0xe0) {
        *at += 2;
        return (uint32_t) (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    }
    if (s[0] < 0xf0) {
        *at += 3;
        return (uint32_t) (s[0] & 0xf) << 12 | (uint32_t) (s[1] & 0x3f) << 6
               | (s[2] & 0x3f);
    }
    *at += 4;
    return (uint32_t) (s[0] & 7) << 18 | (uint32_t) (s[1] & 0x3f) << 12
           | (uint32_t) (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
}


static void
json_put_escaped(mosn_chain_t *out, mosn_str_t s)
{
    const uint8_t *at = (const uint8_t *) s.at, *end = at + s.len;
    char           text[16];

    while (at < end) {
        const uint8_t *from = at;
        uint32_t       code = json_next_code(&at);

        if (code == '"' || code == '\\') {
            (void) snprintf(text, sizeof(text), "\\%c", (char) code);
            json_put(out, text);
        } else if (code < 0x20 || (code >= 0xd800 && code <= 0xdfff)) {
            (void) snprintf(text, sizeof(text), "\\u%04x", code);
            json_put(out, text);
        } else {
            mosn_chain_write(out, from, (size_t) (at - from));
        }
    }
}


/* A string in one piece or in many. */
static bool
json_put_string(mosn_hessian_t *h, mosn_chain_t *out)
{
    mosn_str_t piece;
    bool       last;

    json_put(out, "\"");
    do {
        if (!mosn_hessian_read_piece(h, &piece, &last)) {
            return false;
        }
        json_put_escaped(out, piece);
    } while (!last);
    json_put(out, "\"");
    return true;
}


/* Where the next value stands: commas and colons; `key`: it must be a
 * string. */
static bool
json_before(const mosn_hessian_t *h, json_frame_t *f, mosn_chain_t *out,
            bool *key)
{
    mosn_hessian_t names;
    mosn_str_t     name;

    *key = f->place == IN_MAP_KEY;
    if (f->place == IN_MAP_VALUE) {
        json_put(out, ":");
        f->place = IN_MAP_KEY;
        return true;
    }
    if (!f->first) {
        json_put(out, ",");
    }
    f->first = false;
    if (f->place == IN_MAP_KEY) {
        f->place = IN_MAP_VALUE;
    } else if (f->place == IN_OBJECT) {
        mosn_hessian_open(&names, f->names, (size_t) (h->end - f->names));
        if (!mosn_hessian_read_string(&names, &name)) {
            return false;
        }
        f->names = names.at;
        json_put(out, "\"");
        json_put_escaped(out, name);
        json_put(out, "\":");
    }
    return true;
}


static bool
json_put_scalar(mosn_hessian_t *h, mosn_chain_t *out, bool key)
{
    mosn_hessian_scalar_t s;
    char                  text[64];

    if (!mosn_hessian_read_scalar(h, &s)) {
        return false;
    }
    switch (s.kind) {
    case MOSN_HESSIAN_NULL:
        (void) snprintf(text, sizeof(text), "null");
        break;
    case MOSN_HESSIAN_BOOL:
        (void) snprintf(text, sizeof(text), s.integer ? "true" : "false");
        break;
    case MOSN_HESSIAN_DOUBLE:
        if (!isfinite(s.number)) {
            return false;
        }
        (void) snprintf(text, sizeof(text), "%.17g", s.number);
        break;
    default:
        (void) snprintf(text, sizeof(text), "%lld", (long long) s.integer);
        break;
    }
    if (key) {
        json_put(out, "\"");
    }
    json_put(out, text);
    if (key) {
        json_put(out, "\"");
    }
    return true;
}


/* A list, map or object begins. */
static bool
json_enter(mosn_hessian_t *h, json_frame_t *f, mosn_chain_t *out)
{
    uint8_t c = *h->at;
    bool    map = c == 'H' || c == 'M';

    *f = (json_frame_t){ .first = true };
    if (!mosn_hessian_enter(h, &f->left, &f->names)) {
        return false;
    }
    f->open = f->left == UINT32_MAX;
    f->place = map ? IN_MAP_KEY : f->names != NULL ? IN_OBJECT : IN_LIST;
    json_put(out, f->place == IN_LIST ? "[" : "{");
    return true;
}


bool
mosn_hessian_to_json(mosn_hessian_t *h, mosn_chain_t *out)
{
    json_frame_t in[MOSN_HESSIAN_DEPTH];
    unsigned     depth = 0;
    bool         key = false, begun = false;

    for (;;) {
        if (depth > 0) {
            json_frame_t *f = &in[depth - 1];

            if (f->open ? h->at < h->end && *h->at == 'Z' : f->left == 0) {
                if (f->place == IN_MAP_VALUE) {
                    return false; /* a key without its value */
                }
                h->at += f->open ? 1 : 0;
                json_put(out, f->place == IN_LIST ? "]" : "}");
                depth--;
                continue;
            }
        } else if (begun) {
            return true;
        }
        if (h->at == h->end) {
            return false;
        }
        if (*h->at == 'C') {
            if (!mosn_hessian_read_class(h)) {
                return false;
            }
            continue;
        }
        begun = true;
        if (depth > 0) {
            in[depth - 1].left -= in[depth - 1].open ? 0 : 1;
            if (!json_before(h, &in[depth - 1], out, &key)) {
                return false;
            }
        }
        if (mosn_hessian_is_string(*h->at)) {
            if (!json_put_string(h, out)) {
                return false;
            }
        } else if (mosn_hessian_is_compound(*h->at)) {
            if (key || depth == MOSN_HESSIAN_DEPTH
                || !json_enter(h, &in[depth], out)) {
                return false;
            }
            depth++;
        } else if (!json_put_scalar(h, out, key)) {
            return false;
        }
    }
}


/* --- from JSON ----------------------------------------------------------- */

static bool json_write_value(const json_t *value, mosn_chain_t *out,
                             unsigned depth);


static void
json_write_string(const char *text, size_t n, mosn_chain_t *out)
{
    uint8_t *at = mosn_chain_reserve(out, mosn_hessian_string_room(n));
    uint8_t *end = mosn_hessian_put_string(at, (mosn_str_t){ text, n });

    mosn_chain_commit(out, (size_t) (end - at));
}


static void
json_write_big(uint8_t code, uint64_t value, unsigned n, mosn_chain_t *out)
{
    uint8_t bytes[9] = { code };

    for (unsigned i = 0; i < n; i++) {
        bytes[1 + i] = (uint8_t) (value >> 8 * (n - 1 - i));
    }
    mosn_chain_write(out, bytes, 1 + n);
}


/* An int where it fits, as a Java programmer would write it. */
static void
json_write_integer(json_int_t value, mosn_chain_t *out)
{
    if (value >= INT32_MIN && value <= INT32_MAX) {
        json_write_big('I', (uint64_t) value, 4, out);
    } else {
        json_write_big('L', (uint64_t) value, 8, out);
    }
}


static bool
json_write_map(const json_t *map, mosn_chain_t *out, unsigned depth)
{
    const char *key;
    json_t     *value;

    json_put(out, "H");
    json_object_foreach((json_t *) (uintptr_t) map, key, value)
    {
        json_write_string(key, strlen(key), out);
        if (!json_write_value(value, out, depth + 1)) {
            return false;
        }
    }
    json_put(out, "Z");
    return true;
}


static bool
json_write_list(const json_t *list, mosn_chain_t *out, unsigned depth)
{
    size_t  i;
    json_t *value;

    json_put(out, "X"); /* untyped, with its length */
    json_write_big('I', json_array_size(list), 4, out);
    json_array_foreach(list, i, value)
    {
        if (!json_write_value(value, out, depth + 1)) {
            return false;
        }
    }
    return true;
}


static bool
json_write_value(const json_t *value, mosn_chain_t *out, unsigned depth)
{
    double   number;
    uint64_t bits;

    if (depth == MOSN_HESSIAN_DEPTH) {
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return json_write_map(value, out, depth);
    case JSON_ARRAY:
        return json_write_list(value, out, depth);
    case JSON_STRING:
        json_write_string(json_string_value(value), json_string_length(value),
                          out);
        break;
    case JSON_INTEGER:
        json_write_integer(json_integer_value(value), out);
        break;
    case JSON_REAL:
        number = json_real_value(value);
        memcpy(&bits, &number, sizeof(bits));
        json_write_big('D', bits, 8, out);
        break;
    case JSON_TRUE:
        json_put(out, "T");
        break;
    case JSON_FALSE:
        json_put(out, "F");
        break;
    default:
        json_put(out, "N");
        break;
    }
    return true;
}


bool
mosn_json_to_hessian(const char *text, size_t n, bool elements, size_t *n_r,
                     mosn_chain_t *out, char *why, size_t room)
{
    json_error_t error;
    json_t      *root = json_loadb(text, n, JSON_DECODE_ANY, &error);
    bool         well = true;
    size_t       i;
    json_t      *value;

    *n_r = 1;
    if (root == NULL) {
        (void) snprintf(why, room, "no JSON: %s at byte %d", error.text,
                        error.position);
        return false;
    }
    if (!elements) {
        well = json_write_value(root, out, 0);
    } else if (json_is_array(root)) {
        *n_r = json_array_size(root);
        json_array_foreach(root, i, value)
        {
            well = well && json_write_value(value, out, 0);
        }
    } else {
        (void) snprintf(why, room, "no array of arguments");
        json_decref(root);
        return false;
    }
    if (!well) {
        (void) snprintf(why, room, "it is nested too deeply");
    }
    json_decref(root);
    return well;
}
