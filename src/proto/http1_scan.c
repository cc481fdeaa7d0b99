/*
 * proto/http1_scan.c - the raw scan of a head.
 *
 * Debian's http-parser is lenient: it takes bare CR and LF, blanks before a
 * colon, folded lines and more.  So every byte is held against the grammar
 * here first: a line ends in CRLF and nothing else, names are tokens directly
 * followed by their colon, no line starts with a blank, no control characters.
 * A head that passed can be copied to the other side line by line.  The scan
 * knows nothing of what the lines mean.
 */

#include "proto/http1.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define METHOD_MAX   32
#define NAME_MAX_LEN UINT16_MAX

#define REFUSE(reason, text)                                                  \
    return mosn_http1_refuse(error, MOSN_REASON_##reason, text)

enum {
    IS_TOKEN = 1,  /* RFC 9110, 5.6.2 */
    IS_TARGET = 2, /* what may stand in a request target: VCHAR */
};

/* clang-format off */
static const uint8_t scan_class[256] = {
    ['!'] = 3, ['"'] = 2, ['#'] = 3, ['$'] = 3, ['%'] = 3, ['&'] = 3,
    ['\''] = 3, ['('] = 2, [')'] = 2, ['*'] = 3, ['+'] = 3, [','] = 2,
    ['-'] = 3, ['.'] = 3, ['/'] = 2,
    ['0'] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    [':'] = 2, [';'] = 2, ['<'] = 2, ['='] = 2, ['>'] = 2, ['?'] = 2,
    ['@'] = 2,
    ['A'] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
             3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    ['['] = 2, ['\\'] = 2, [']'] = 2, ['^'] = 3, ['_'] = 3, ['`'] = 3,
    ['a'] = 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
             3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    ['{'] = 2, ['|'] = 3, ['}'] = 2, ['~'] = 3,
};
/* clang-format on */


static const uint8_t *
scan_while(const uint8_t *p, const uint8_t *end, uint8_t class)
{
    while (p < end && (scan_class[*p] & class)) {
        p++;
    }
    return p;
}


/* The first control character other than HTAB, or `end`. */
static const uint8_t *
scan_text(const uint8_t *p, const uint8_t *end)
{
#ifdef __SSE2__
    const __m128i low = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(0x7f),
                  tab = _mm_set1_epi8('\t');

    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *) (const void *) p);
        __m128i bad = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, low), v),
                                   _mm_cmpeq_epi8(v, del));
        int     mask;

        bad = _mm_andnot_si128(_mm_cmpeq_epi8(v, tab), bad);
        mask = _mm_movemask_epi8(bad);
        if (mask != 0) {
            return p + __builtin_ctz((unsigned) mask);
        }
        p += 16;
    }
#endif
    while (p < end && ((*p >= 0x20 && *p != 0x7f) || *p == '\t')) {
        p++;
    }
    return p;
}


/* CRLF at `*at`, where text has ended; moves `*at` behind it. */
static mosn_rc_e
scan_line_end(const uint8_t **at, const uint8_t *end,
              mosn_http1_error_t *error)
{
    const uint8_t *p = *at;

    if (p == end) {
        return MOSN_AGAIN;
    }
    if (*p == '\n') {
        REFUSE(BAD_REQUEST, "LF without CR");
    }
    if (*p != '\r') {
        REFUSE(BAD_REQUEST, "control character in the head");
    }
    if (p + 1 == end) {
        return MOSN_AGAIN;
    }
    if (p[1] != '\n') {
        REFUSE(BAD_REQUEST, "CR without LF");
    }
    *at = p + 2;
    return MOSN_OK;
}


static mosn_str_t
scan_slice(const uint8_t *from, const uint8_t *to)
{
    return (mosn_str_t){ (const char *) from, (size_t) (to - from) };
}


mosn_rc_e
mosn_http1_scan_request_line(const uint8_t **at, const uint8_t *end,
                             const mosn_http1_limits_t *limits,
                             mosn_http1_start_t        *start_r,
                             mosn_http1_error_t        *error)
{
    const uint8_t *line = *at, *p, *target;
    mosn_rc_e      rc;

    p = scan_while(line, end, IS_TOKEN);
    if (p - line > METHOD_MAX) {
        REFUSE(UNKNOWN_METHOD, "the method is too long");
    }
    if (p == end) {
        return MOSN_AGAIN;
    }
    if (p == line || *p != ' ') {
        REFUSE(BAD_REQUEST, "no method at the start of the request line");
    }
    start_r->first = scan_slice(line, p);

    target = ++p;
    p = scan_while(p, end, IS_TARGET);
    if ((size_t) (p - target) > limits->max_uri_bytes) {
        REFUSE(URI_TOO_LONG, "the target is longer than max_uri_bytes");
    }
    if (p == end) {
        return MOSN_AGAIN;
    }
    if (p == target || *p != ' ') {
        REFUSE(BAD_REQUEST, "bad character in the request line");
    }
    start_r->second = scan_slice(target, p);

    target = ++p;
    p = scan_while(p, end, IS_TARGET);
    if (p - target > 8) {
        REFUSE(BAD_REQUEST, "garbage behind the HTTP version");
    }
    start_r->third = scan_slice(target, p);
    rc = scan_line_end(&p, end, error);
    if (rc == MOSN_OK) {
        start_r->line = scan_slice(line, p);
        *at = p;
    }
    return rc;
}


mosn_rc_e
mosn_http1_scan_status_line(const uint8_t **at, const uint8_t *end,
                            mosn_http1_start_t *start_r,
                            mosn_http1_error_t *error)
{
    const uint8_t *line = *at, *p, *part;
    mosn_rc_e      rc;

    p = scan_while(line, end, IS_TARGET);
    if (p - line > 8) {
        REFUSE(UPSTREAM_BAD_RESPONSE, "no HTTP version at the start");
    }
    if (p == end) {
        return MOSN_AGAIN;
    }
    if (p - line != 8 || *p != ' ') {
        REFUSE(UPSTREAM_BAD_RESPONSE, "no HTTP version at the start");
    }
    start_r->first = scan_slice(line, p);

    part = ++p;
    while (p < end && p - part < 4 && *p >= '0' && *p <= '9') {
        p++;
    }
    if (p == end) {
        return MOSN_AGAIN;
    }
    if (p - part != 3 || part[0] < '1' || part[0] > '5'
        || (*p != ' ' && *p != '\r'))
    {
        REFUSE(UPSTREAM_BAD_RESPONSE, "no status of three digits");
    }
    start_r->second = scan_slice(part, p);

    if (*p == ' ') {
        p++;
    }
    part = p;
    p = scan_text(p, end);
    start_r->third = scan_slice(part, p);
    rc = scan_line_end(&p, end, error);
    if (rc == MOSN_OK) {
        start_r->line = scan_slice(line, p);
        *at = p;
    }
    return rc;
}


/* The end of a name: where its token characters end.  A well-known name is a
 * token: then finding the colon is enough. */
static inline const uint8_t *
scan_name(const uint8_t *p, const uint8_t *end, uint8_t *id_r)
{
#ifdef __SSE2__
    if (end - p >= 32) {
        const __m128i colon = _mm_set1_epi8(':');
        const void   *low = p, *high = p + 16;
        unsigned      mask = (unsigned) _mm_movemask_epi8(
                 _mm_cmpeq_epi8(_mm_loadu_si128(low), colon));

        mask |= (unsigned) _mm_movemask_epi8(
                    _mm_cmpeq_epi8(_mm_loadu_si128(high), colon))
                << 16;
        if (mask != 0) {
            size_t n = (size_t) __builtin_ctz(mask);

            *id_r = (uint8_t) mosn_header_find_id((const char *) p, n);
            if (*id_r != MOSN_HEADER_OTHER) {
                return p + n;
            }
            return scan_while(p, end, IS_TOKEN);
        }
    }
#endif
    const uint8_t *name_end = scan_while(p, end, IS_TOKEN);

    *id_r = (uint8_t) mosn_header_find_id((const char *) p,
                                          (size_t) (name_end - p));
    return name_end;
}


/* One header line at `*at`. */
static inline mosn_rc_e
scan_header(const uint8_t **at, const uint8_t *end, mosn_headers_t *headers,
            mosn_http1_error_t *error)
{
    const uint8_t *line = *at, *name_end, *value, *value_end, *p;
    mosn_header_t *item;
    uint8_t        id;
    mosn_rc_e      rc;

    name_end = scan_name(line, end, &id);
    if (name_end == end) {
        return MOSN_AGAIN;
    }
    if (*name_end != ':') {
        if (name_end == line && (*line == ' ' || *line == '\t')) {
            REFUSE(BAD_REQUEST, "line folding in the header section");
        }
        if (*name_end == ' ' || *name_end == '\t') {
            REFUSE(BAD_REQUEST, "blank in or behind a header name");
        }
        REFUSE(BAD_REQUEST, "bad character in a header name");
    }
    if (name_end == line) {
        REFUSE(BAD_REQUEST, "empty header name");
    }
    if (name_end - line > NAME_MAX_LEN) {
        REFUSE(HEADERS_TOO_LARGE, "a header name is too long");
    }

    value = name_end + 1;
    while (value < end && (*value == ' ' || *value == '\t')) {
        value++;
    }
    p = value_end = scan_text(value, end);
    rc = scan_line_end(&p, end, error);
    if (rc != MOSN_OK) {
        return rc;
    }
    while (value_end > value
           && (value_end[-1] == ' ' || value_end[-1] == '\t')) {
        value_end--;
    }

    item = mosn_headers_push(headers);
    item->name = (const char *) line;
    item->value = (const char *) value;
    item->value_len = (uint32_t) (value_end - value);
    item->line_len = (uint32_t) (p - line);
    item->name_len = (uint16_t) (name_end - line);
    item->id = id;
    item->removed = false;
    headers->present |= 1ull << item->id;
    *at = p;
    return MOSN_OK;
}


mosn_rc_e
mosn_http1_scan_headers(const uint8_t **at, const uint8_t *end,
                        const mosn_http1_limits_t *limits,
                        mosn_headers_t *headers, mosn_http1_error_t *error)
{
    const uint8_t *p = *at;
    mosn_rc_e      rc;

    for (;;) {
        if (p < end && (*p == '\r' || *p == '\n')) {
            rc = scan_line_end(&p, end, error);
            break;
        }
        if (headers->n >= limits->max_headers) {
            REFUSE(HEADERS_TOO_LARGE, "more headers than max_headers");
        }
        rc = scan_header(&p, end, headers, error);
        if (rc != MOSN_OK) {
            break;
        }
    }

    headers->bytes += (size_t) (p - *at);
    *at = p;
    return rc;
}
