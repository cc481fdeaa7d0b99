/* core/str.c - counted strings. */

#include "core/str.h"

#define DISTANCE_MAX 64


bool
mosn_str_equal_nocase(mosn_str_t a, mosn_str_t b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        uint8_t x = (uint8_t) a.at[i], y = (uint8_t) b.at[i];

        if (x != y && mosn_lower(x) != mosn_lower(y)) {
            return false;
        }
    }
    return true;
}


static bool
str_is_blank(char c)
{
    return c == ' ' || c == '\t';
}


mosn_str_t
mosn_str_trim(mosn_str_t s)
{
    while (s.len > 0 && str_is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && str_is_blank(s.at[s.len - 1])) {
        s.len--;
    }
    return s;
}


bool
mosn_str_next_member(mosn_str_t *list, mosn_str_t *member_r)
{
    while (list->len > 0) {
        const char *comma = memchr(list->at, ',', list->len);
        size_t      n = comma ? (size_t) (comma - list->at) : list->len;

        *member_r = mosn_str_trim((mosn_str_t){ list->at, n });
        if (comma) {
            n++;
        }
        list->at += n;
        list->len -= n;
        if (member_r->len > 0) {
            return true;
        }
    }
    return false;
}


bool
mosn_str_list_has(mosn_str_t list, mosn_str_t token)
{
    mosn_str_t member;

    while (mosn_str_next_member(&list, &member)) {
        if (mosn_str_equal_nocase(member, token)) {
            return true;
        }
    }
    return false;
}


bool
mosn_str_parse_u63(mosn_str_t s, uint64_t *value_r)
{
    uint64_t value = 0;

    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned) (uint8_t) s.at[i] - '0';

        if (digit > 9 || value > ((uint64_t) INT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *value_r = value;
    return true;
}


size_t
mosn_str_format_u64(uint64_t value, char *out)
{
    char   digits[20];
    size_t n = 0;

    do {
        digits[sizeof(digits) - ++n] = (char) ('0' + value % 10);
        value /= 10;
    } while (value != 0);

    memcpy(out, digits + sizeof(digits) - n, n);
    return n;
}


unsigned
mosn_str_distance(mosn_str_t a, mosn_str_t b)
{
    unsigned row[DISTANCE_MAX + 1];

    if (a.len > DISTANCE_MAX || b.len > DISTANCE_MAX) {
        return DISTANCE_MAX;
    }
    for (unsigned j = 0; j <= b.len; j++) {
        row[j] = j;
    }

    for (unsigned i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned substitute = diagonal + (a.at[i - 1] != b.at[j - 1]);
            unsigned best = row[j] < row[j - 1] ? row[j] : row[j - 1];

            diagonal = row[j];
            row[j] = substitute <= best ? substitute : best + 1;
        }
    }
    return row[b.len];
}


/* FNV-1a, then mixed: the tables use the low bits. */
void
mosn_json_print(const char *text, FILE *out)
{
    (void) fputc('"', out);
    for (; *text != '\0'; text++) {
        uint8_t c = (uint8_t) *text;

        if (c == '"' || c == '\\') {
            (void) fprintf(out, "\\%c", c);
        } else if (c < 0x20) {
            (void) fprintf(out, "\\u%04x", c);
        } else {
            (void) fputc(c, out);
        }
    }
    (void) fputc('"', out);
}


uint64_t
mosn_str_hash(mosn_str_t s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (uint8_t) s.at[i]) * 0x100000001b3u;
    }
    h ^= h >> 32;
    return h * 0x9e3779b97f4a7c15u >> 16;
}


bool
mosn_str_is_name(mosn_str_t s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((uint8_t) s.at[i] <= ' ' || s.at[i] == 0x7f) {
            return false;
        }
    }
    return s.len > 0;
}


mosn_str_t
mosn_str_next_word(mosn_str_t *line)
{
    const char *blank =
        line->len > 0 ? memchr(line->at, ' ', line->len) : NULL;
    mosn_str_t word = *line;

    if (blank != NULL) {
        word.len = (size_t) (blank - line->at);
    }
    line->at += word.len + (blank != NULL);
    line->len -= word.len + (blank != NULL);
    return word;
}
