/*
 * proto/http1_head.c - what a scanned head means; the only user of
 * http-parser.
 *
 * http-parser is shown the start line, without the target, and the lines that
 * frame the message or the connection, nothing else: the scan has validated
 * the rest, and what the parser never sees it cannot misread.  Around it stand
 * the rules that it leaves to its user (RFC 9112, 3.2, 6.1, 6.3): one Host,
 * one Content-Length, "chunked" alone, HTTP/1.0 or 1.1.
 */

#include "proto/http1.h"

#include <http_parser.h>

#define REFUSE(reason, text)                                                  \
    return mosn_http1_refuse(error, MOSN_REASON_##reason, text)

#define HEADERS_MASK(id) (1ull << MOSN_HEADER_##id)

/* Lines that http-parser is shown. */
#define FRAMING_HEADERS                                                       \
    (HEADERS_MASK(CONNECTION) | HEADERS_MASK(PROXY_CONNECTION)                \
     | HEADERS_MASK(CONTENT_LENGTH) | HEADERS_MASK(TRANSFER_ENCODING)         \
     | HEADERS_MASK(UPGRADE))

/* Lines that do not pass this hop (RFC 9110, 7.6.1), or that the other side
 * writes anew. */
#define HOP_HEADERS                                                           \
    (FRAMING_HEADERS | HEADERS_MASK(KEEP_ALIVE) | HEADERS_MASK(TE)            \
     | HEADERS_MASK(HOST))

#define MEMO_SIZE       256u
#define MEMO_BYTES      128u
#define SHOWN_MAX_BYTES 4096u /* of all framing lines together */

typedef struct {
    bool     complete;
    bool     keep_alive;
    uint64_t content_length; /* ULLONG_MAX: none */
} head_seen_t;


static int
head_on_complete(http_parser *parser)
{
    head_seen_t *seen = parser->data;

    seen->complete = true;
    seen->keep_alive = http_should_keep_alive(parser) != 0;
    seen->content_length = parser->content_length;
    return 1; /* no body: we frame it ourselves */
}


static const http_parser_settings head_settings = {
    .on_headers_complete = head_on_complete,
};


/* What http-parser is shown, in one piece, and what it said of it. */
typedef struct {
    bool     accepted;
    bool     keep_alive;
    uint64_t content_length; /* ULLONG_MAX: none */
    unsigned error;          /* an http_errno */
    uint16_t len;
    uint8_t  type;
    char     bytes[MEMO_BYTES];
} head_verdict_t;

/* The parser is a function of the bytes alone: the same bytes have the same
 * verdict.  Most heads of a connection differ only in what the parser never
 * sees, so what it said is remembered, bytes and all.  A cache of this
 * process; a reload need not know it. */
static head_verdict_t head_memo[MEMO_SIZE];


static void
head_ask(enum http_parser_type type, const char *bytes, size_t n,
         head_verdict_t *verdict)
{
    http_parser parser;
    head_seen_t seen = { .content_length = UINT64_MAX };
    size_t      used;

    http_parser_init(&parser, type);
    parser.data = &seen;
    used = http_parser_execute(&parser, &head_settings, bytes, n);
    verdict->error = HTTP_PARSER_ERRNO(&parser);
    /* With Upgrade it returns at the end of the head, short of nothing. */
    verdict->accepted = seen.complete && used == n && verdict->error == HPE_OK;
    verdict->keep_alive = seen.keep_alive;
    verdict->content_length = seen.content_length;
}


/* The start line without its target, which we judge ourselves, and the lines
 * that frame.  0: too long for the scratch. */
static size_t
head_compose(char *out, size_t room, mosn_str_t first, const char *middle,
             mosn_str_t last, const mosn_headers_t *headers)
{
    size_t n = first.len, middle_len = strlen(middle);

    if (first.len + middle_len + last.len + 4 > room) {
        return 0;
    }
    memcpy(out, first.at, first.len);
    memcpy(out + n, middle, middle_len);
    n += middle_len;
    memcpy(out + n, last.at, last.len);
    n += last.len;
    memcpy(out + n, "\r\n", 2);
    n += 2;

    if (headers->present & FRAMING_HEADERS) {
        for (uint32_t i = 0; i < headers->n; i++) {
            const mosn_header_t *h = &headers->items[i];

            if (!(FRAMING_HEADERS >> h->id & 1)) {
                continue;
            }
            if (n + h->line_len + 2 > room) {
                return 0;
            }
            memcpy(out + n, h->name, h->line_len);
            n += h->line_len;
        }
    }
    memcpy(out + n, "\r\n", 2);
    return n + 2;
}


static uint64_t
head_hash(const char *bytes, size_t n)
{
    uint64_t h = n, word;

    for (; n >= 8; n -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
    }
    word = 0;
    memcpy(&word, bytes, n);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h >> 32;
}


/* Shows http-parser what it is to judge: `first` and `last` of the start
 * line. */
static const head_verdict_t *
head_judge(enum http_parser_type type, mosn_str_t first, const char *middle,
           mosn_str_t last, const mosn_headers_t *headers,
           head_verdict_t *scratch)
{
    char   bytes[SHOWN_MAX_BYTES];
    size_t n =
        head_compose(bytes, sizeof(bytes), first, middle, last, headers);
    head_verdict_t *memo;

    if (n == 0) {
        scratch->accepted = false;
        scratch->error = HPE_HEADER_OVERFLOW;
        return scratch;
    }
    if (n > MEMO_BYTES) {
        head_ask(type, bytes, n, scratch);
        return scratch;
    }

    memo = &head_memo[head_hash(bytes, n) % MEMO_SIZE];
    if (memo->len != n || memo->type != type
        || memcmp(memo->bytes, bytes, n) != 0) {
        head_ask(type, bytes, n, memo);
        memo->len = (uint16_t) n;
        memo->type = (uint8_t) type;
        memcpy(memo->bytes, bytes, n);
    }
    return memo;
}


/* Requests without lines that frame: one verdict for each method. */
static const head_verdict_t *
head_judge_request(const mosn_message_t *m, mosn_str_t version,
                   head_verdict_t *scratch)
{
    static head_verdict_t plain[MOSN_METHOD_CONNECT + 1][2]; /* len 0: none */

    head_verdict_t *known = &plain[m->method_id][m->version == MOSN_HTTP_11];
    bool            connect = m->method_id == MOSN_METHOD_CONNECT;
    const head_verdict_t *verdict;

    if ((m->headers.present & FRAMING_HEADERS) != 0
        || m->method_id == MOSN_METHOD_OTHER)
    {
        known = NULL;
    } else if (MOSN_LIKELY(known->len != 0)) {
        return known;
    }
    verdict = head_judge(HTTP_REQUEST, m->method, connect ? " a:1 " : " / ",
                         version, &m->headers, scratch);
    if (known != NULL) {
        *known = *verdict;
    }
    return verdict;
}


/* --- framing ------------------------------------------------------------ */

/* Content-Length: one line of digits (RFC 9110, 8.6). */
static mosn_rc_e
head_content_length(mosn_headers_t *headers, int64_t *length_r,
                    mosn_http1_error_t *error)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        uint64_t value;

        if (headers->items[i].id != MOSN_HEADER_CONTENT_LENGTH) {
            continue;
        }
        if (++n > 1) {
            REFUSE(BAD_REQUEST, "Content-Length is repeated");
        }
        if (!mosn_str_parse_u63(mosn_header_value(&headers->items[i]), &value))
        {
            REFUSE(BAD_REQUEST, "bad Content-Length");
        }
        *length_r = (int64_t) value;
    }
    return MOSN_OK;
}


/* Transfer-Encoding: "chunked", once and alone (RFC 9112, 6.1). */
static mosn_rc_e
head_transfer_encoding(mosn_headers_t *headers, mosn_http1_error_t *error)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (h->id != MOSN_HEADER_TRANSFER_ENCODING) {
            continue;
        }
        if (++n > 1) {
            REFUSE(BAD_REQUEST, "Transfer-Encoding is repeated");
        }
        if (mosn_str_equal_nocase(mosn_header_value(h), MOSN_STR("chunked"))) {
            continue;
        }
        for (size_t k = 0; k < h->value_len; k++) {
            uint8_t c = (uint8_t) mosn_lower((uint8_t) h->value[k]);

            if ((c < 'a' || c > 'z') && c != '-') {
                REFUSE(BAD_REQUEST, "bad Transfer-Encoding");
            }
        }
        if (h->value_len == 0
            || mosn_str_equal_nocase(mosn_header_value(h),
                                     MOSN_STR("identity")))
        {
            REFUSE(BAD_REQUEST, "bad Transfer-Encoding");
        }
        REFUSE(UNKNOWN_CODING, "unknown transfer coding");
    }
    return MOSN_OK;
}


static mosn_rc_e
head_framing(mosn_message_t *m, const head_verdict_t *seen,
             mosn_http1_framing_t *framing, mosn_http1_error_t *error)
{
    mosn_headers_t *headers = &m->headers;
    uint64_t        expected;

    framing->chunked = false;
    framing->keep_alive = seen->keep_alive;

    if (mosn_headers_has(headers, MOSN_HEADER_CONTENT_LENGTH)
        && head_content_length(headers, &m->content_length, error) != MOSN_OK)
    {
        return MOSN_ERROR;
    }
    if (mosn_headers_has(headers, MOSN_HEADER_TRANSFER_ENCODING)) {
        if (m->content_length >= 0) {
            REFUSE(BAD_REQUEST, "both Content-Length and Transfer-Encoding");
        }
        if (m->version == MOSN_HTTP_10) {
            REFUSE(BAD_REQUEST, "Transfer-Encoding in HTTP/1.0");
        }
        if (head_transfer_encoding(headers, error) != MOSN_OK) {
            return MOSN_ERROR;
        }
        framing->chunked = true;
        return MOSN_OK;
    }

    /* Two readers of the same bytes must agree. */
    expected =
        m->content_length >= 0 ? (uint64_t) m->content_length : UINT64_MAX;
    if (seen->content_length != expected) {
        REFUSE(BAD_REQUEST, "bad Content-Length");
    }
    return MOSN_OK;
}


/* --- hop-by-hop --------------------------------------------------------- */

/* Headers that Connection must not take away: they frame or route, or we
 * vouch for them. */
static bool
head_is_protected(mosn_header_e id)
{
    return id == MOSN_HEADER_HOST || id == MOSN_HEADER_CONTENT_LENGTH
           || id == MOSN_HEADER_TRANSFER_ENCODING
           || id == MOSN_HEADER_X_FORWARDED_FOR
           || id == MOSN_HEADER_X_FORWARDED_PROTO
           || id == MOSN_HEADER_X_REQUEST_ID
           || id == MOSN_HEADER_AUTHORIZATION;
}


/* What a Connection line says (RFC 9110, 7.6.1). */
typedef enum {
    SAYS_CLOSE = 1,
    SAYS_KEEP_ALIVE = 2,
    SAYS_UPGRADE = 4,
    SAYS_OTHER = 8, /* it names headers */
} head_says_e;


static unsigned
head_read_connection(mosn_str_t value)
{
    mosn_str_t member;
    unsigned   says = 0;

    while (mosn_str_next_member(&value, &member)) {
        if (mosn_str_equal_nocase(member, MOSN_STR("keep-alive"))) {
            says |= SAYS_KEEP_ALIVE;
        } else if (mosn_str_equal_nocase(member, MOSN_STR("close"))) {
            says |= SAYS_CLOSE;
        } else if (mosn_str_equal_nocase(member, MOSN_STR("upgrade"))) {
            says |= SAYS_UPGRADE;
        } else {
            says |= SAYS_OTHER;
        }
    }
    return says;
}


static void
head_remove_nominees(mosn_headers_t *headers, mosn_str_t connection)
{
    mosn_str_t member;

    while (mosn_str_next_member(&connection, &member)) {
        mosn_header_e id = mosn_header_find_id(member.at, member.len);

        if (!head_is_protected(id)) {
            mosn_headers_remove_name(headers, member);
        }
    }
}


/* Takes the headers of this hop off; what they said is kept in fields.  What
 * Connection said. */
static unsigned
head_strip(mosn_message_t *m)
{
    mosn_headers_t *headers = &m->headers;
    unsigned        says = 0;

    if ((headers->present & HOP_HEADERS) == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        mosn_header_t *h = &headers->items[i];
        mosn_str_t     value = mosn_header_value(h);

        if (!(HOP_HEADERS >> h->id & 1)) {
            continue;
        }
        h->removed = true;
        switch (h->id) {
        case MOSN_HEADER_CONNECTION:
            says |= head_read_connection(value);
            if (says & SAYS_OTHER) {
                head_remove_nominees(headers, value);
            }
            break;
        case MOSN_HEADER_TE:
            m->te_trailers |= mosn_str_list_has(value, MOSN_STR("trailers"));
            break;
        case MOSN_HEADER_UPGRADE:
            m->upgrade = value;
            break;
        default:
            break;
        }
    }
    headers->present &= ~HOP_HEADERS;
    if (!(says & SAYS_UPGRADE) || m->version < MOSN_HTTP_11) {
        m->upgrade = MOSN_STR_NULL; /* RFC 9110, 7.8 */
    }
    return says;
}


/* --- the target --------------------------------------------------------- */

/* Of a name or an IPv4 address (RFC 3986, 3.2.2). */
static const bool reg_name_chars[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
    ['-'] = true,         ['.'] = true,         ['_'] = true,
    ['~'] = true,         ['%'] = true,         ['!'] = true,
    ['$'] = true,         ['&'] = true,         ['\''] = true,
    ['('] = true,         [')'] = true,         ['*'] = true,
    ['+'] = true,         [','] = true,         [';'] = true,
    ['='] = true,
};


/* uri-host [":" port] (RFC 3986, 3.2.2), without userinfo. */
static bool
head_is_authority(mosn_str_t s)
{
    size_t i = 0;

    if (s.len > 0 && s.at[0] == '[') {
        for (i = 1; i < s.len && s.at[i] != ']'; i++) {
            if (!strchr("0123456789abcdefABCDEF:.", s.at[i])) {
                return false;
            }
        }
        if (i++ >= s.len || i < 4) {
            return false;
        }
    } else {
        while (i < s.len && reg_name_chars[(uint8_t) s.at[i]]) {
            i++;
        }
    }
    if (i == s.len) {
        return true;
    }
    if (s.at[i++] != ':' || s.len - i > 5) {
        return false;
    }
    for (; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9') {
            return false;
        }
    }
    return true;
}


static mosn_rc_e
head_host(mosn_message_t *m, mosn_http1_error_t *error)
{
    const mosn_header_t *host = NULL;

    if (mosn_headers_has(&m->headers, MOSN_HEADER_HOST)) {
        for (uint32_t i = 0; i < m->headers.n; i++) {
            const mosn_header_t *h = &m->headers.items[i];

            if (h->id != MOSN_HEADER_HOST) {
                continue;
            }
            if (host != NULL) {
                REFUSE(BAD_REQUEST, "Host is repeated");
            }
            host = h;
        }
    }
    if (host == NULL) {
        if (m->version >= MOSN_HTTP_11) {
            REFUSE(BAD_REQUEST, "Host is missing");
        }
        return MOSN_OK;
    }
    if (!head_is_authority(mosn_header_value(host))) {
        REFUSE(BAD_REQUEST, "bad Host");
    }
    m->authority = mosn_header_value(host);
    return MOSN_OK;
}


static mosn_rc_e
head_absolute_form(mosn_message_t *m, mosn_str_t target,
                   mosn_http1_error_t *error)
{
    const char *authority, *path;
    mosn_str_t  rest;

    if (target.len > 7 && strncasecmp(target.at, "http://", 7) == 0) {
        m->scheme = MOSN_STR("http");
        authority = target.at + 7;
    } else if (target.len > 8 && strncasecmp(target.at, "https://", 8) == 0) {
        m->scheme = MOSN_STR("https");
        authority = target.at + 8;
    } else {
        REFUSE(BAD_REQUEST, "the target is neither a path nor an http URL");
    }

    rest.at = authority;
    rest.len = (size_t) (target.at + target.len - authority);
    for (path = authority; path < authority + rest.len; path++) {
        if (*path == '/' || *path == '?') {
            break;
        }
    }

    /* It replaces Host, whatever that says (RFC 9112, 3.2.2). */
    m->authority = (mosn_str_t){ authority, (size_t) (path - authority) };
    if (m->authority.len == 0 || !head_is_authority(m->authority)) {
        REFUSE(BAD_REQUEST, "bad authority in the target");
    }
    m->path = (mosn_str_t){ path, rest.len - m->authority.len };
    if (m->path.len == 0) {
        m->path = m->method_id == MOSN_METHOD_OPTIONS ? MOSN_STR("*")
                                                      : MOSN_STR("/");
    } else if (m->path.at[0] != '/') {
        REFUSE(BAD_REQUEST, "the target has no path before its query");
    }
    return MOSN_OK;
}


static mosn_rc_e
head_target(mosn_message_t *m, mosn_str_t target, mosn_http1_error_t *error)
{
    const char *percent = target.at;
    const char *end = target.at + target.len;

    if (memchr(target.at, '#', target.len) != NULL) {
        REFUSE(BAD_REQUEST, "fragment in the target");
    }
    while ((percent = memchr(percent, '%', (size_t) (end - percent)))) {
        if (end - percent >= 3 && percent[1] == '0' && percent[2] == '0') {
            REFUSE(BAD_REQUEST, "%00 in the target");
        }
        percent++;
    }

    if (head_host(m, error) != MOSN_OK) {
        return MOSN_ERROR;
    }
    if (m->method_id == MOSN_METHOD_CONNECT) {
        if (!head_is_authority(target)
            || memrchr(target.at, ':', target.len) == NULL) {
            REFUSE(BAD_REQUEST, "CONNECT needs host:port");
        }
        m->authority = target;
        return MOSN_OK;
    }
    if (target.at[0] == '/') {
        m->path = target;
        return MOSN_OK;
    }
    if (target.len == 1 && target.at[0] == '*') {
        if (m->method_id != MOSN_METHOD_OPTIONS) {
            REFUSE(BAD_REQUEST, "target \"*\" without OPTIONS");
        }
        m->path = target;
        return MOSN_OK;
    }
    return head_absolute_form(m, target, error);
}


/* --- entry -------------------------------------------------------------- */

static mosn_rc_e
head_version(mosn_message_t *m, mosn_str_t text, mosn_http1_error_t *error)
{
    if (text.len != 8 || memcmp(text.at, "HTTP/", 5) != 0 || text.at[6] != '.'
        || text.at[5] < '0' || text.at[5] > '9' || text.at[7] < '0'
        || text.at[7] > '9')
    {
        REFUSE(BAD_REQUEST, "bad HTTP version");
    }
    if (text.at[5] != '1' || text.at[7] > '1') {
        REFUSE(BAD_VERSION, "HTTP version other than 1.0 and 1.1");
    }
    m->version = text.at[7] == '1' ? MOSN_HTTP_11 : MOSN_HTTP_10;
    return MOSN_OK;
}


static mosn_rc_e
head_expect(mosn_message_t *m, mosn_http1_error_t *error)
{
    const mosn_header_t *expect =
        mosn_headers_find(&m->headers, MOSN_HEADER_EXPECT);

    if (expect == NULL) {
        return MOSN_OK;
    }
    if (m->version == MOSN_HTTP_10) {
        /* A 1.0 client's is ignored (RFC 9110, 10.1.1), and must not become
         * one of the 1.1 request that we send. */
        mosn_headers_remove(&m->headers, MOSN_HEADER_EXPECT);
        return MOSN_OK;
    }
    if (!mosn_str_equal_nocase(mosn_header_value(expect),
                               MOSN_STR("100-continue")))
    {
        REFUSE(BAD_EXPECTATION, "expectation other than 100-continue");
    }
    m->expect_continue = true;
    return MOSN_OK;
}


static mosn_rc_e
head_interpret_request(mosn_message_t *m, const mosn_http1_start_t *start,
                       mosn_http1_framing_t *framing,
                       mosn_http1_error_t   *error)
{
    head_verdict_t        scratch;
    const head_verdict_t *verdict;

    if (head_version(m, start->third, error) != MOSN_OK) {
        return MOSN_ERROR;
    }
    m->method = start->first;
    m->method_id = mosn_method_find(start->first);
    m->scheme = MOSN_STR("http");
    if (head_target(m, start->second, error) != MOSN_OK) {
        return MOSN_ERROR;
    }

    verdict = head_judge_request(m, start->third, &scratch);
    if (!verdict->accepted && verdict->error == HPE_INVALID_METHOD) {
        REFUSE(UNKNOWN_METHOD, "unknown method");
    }
    /* Ours first: it says more exactly what is wrong. */
    if (head_framing(m, verdict, framing, error) != MOSN_OK) {
        return MOSN_ERROR;
    }
    if (!verdict->accepted) {
        REFUSE(BAD_REQUEST,
               http_errno_description((enum http_errno) verdict->error));
    }
    if (head_expect(m, error) != MOSN_OK) {
        return MOSN_ERROR;
    }
    (void) head_strip(m);
    return MOSN_OK;
}


static mosn_rc_e
head_interpret_response(mosn_message_t *m, const mosn_http1_start_t *start,
                        mosn_http1_framing_t *framing,
                        mosn_http1_error_t   *error)
{
    const char           *digits = start->second.at;
    unsigned              says;
    head_verdict_t        scratch;
    const head_verdict_t *verdict;

    if (head_version(m, start->first, error) != MOSN_OK) {
        return MOSN_ERROR;
    }
    m->status = (unsigned) ((digits[0] - '0') * 100 + (digits[1] - '0') * 10
                            + (digits[2] - '0'));
    m->phrase = start->third;
    verdict = head_judge(HTTP_RESPONSE, start->first, " ", start->second,
                         &m->headers, &scratch);
    if (!verdict->accepted) {
        REFUSE(BAD_REQUEST,
               http_errno_description((enum http_errno) verdict->error));
    }
    if (head_framing(m, verdict, framing, error) != MOSN_OK) {
        return MOSN_ERROR;
    }

    /* http-parser counts "no length" as closing; with 1xx, 204, 304 and to
     * HEAD there is no body to frame.  So look at what was said. */
    says = head_strip(m);
    framing->keep_alive =
        !(says & SAYS_CLOSE)
        && (m->version == MOSN_HTTP_11 || (says & SAYS_KEEP_ALIVE) != 0);
    return MOSN_OK;
}


/* True when the end of a head may be in `in`: an empty line behind `seen`
 * bytes that held none.  So a trickled head is scanned twice, not once per
 * byte. */
static bool
head_may_be_whole(const mosn_buf_t *in, size_t seen)
{
    const uint8_t *p = in->pos + (seen > 3 ? seen - 3 : 0);

    while ((p = memchr(p, '\n', (size_t) (in->last - p))) != NULL) {
        p++;
        if (p < in->last && *p == '\r') {
            p++;
        }
        if (p < in->last && *p == '\n') {
            return true;
        }
        if (p == in->last) {
            break;
        }
    }
    return false;
}


static mosn_rc_e
head_incomplete(mosn_http1_scan_t *scan, const mosn_http1_limits_t *limits,
                const mosn_buf_t *in, mosn_http1_error_t *error)
{
    size_t n = mosn_buf_len(in);

    scan->seen = n;
    if (n >= limits->max_header_bytes) {
        REFUSE(HEADERS_TOO_LARGE, "the head is longer than max_header_bytes");
    }
    return MOSN_AGAIN;
}


static mosn_rc_e
head_read(mosn_http1_scan_t *scan, const mosn_http1_limits_t *limits,
          mosn_buf_t *in, mosn_message_t *message, bool request,
          mosn_http1_framing_t *framing, mosn_http1_error_t *error)
{
    const uint8_t     *p = in->pos;
    mosn_http1_start_t start;
    mosn_rc_e          rc;

    if (scan->seen > 0 && !head_may_be_whole(in, scan->seen)) {
        return head_incomplete(scan, limits, in, error);
    }
    message->headers.n = 0;
    message->headers.present = 0;
    message->headers.bytes = 0;

    rc = request ? mosn_http1_scan_request_line(&p, in->last, limits, &start,
                                                error)
                 : mosn_http1_scan_status_line(&p, in->last, &start, error);
    if (rc == MOSN_OK) {
        rc = mosn_http1_scan_headers(&p, in->last, limits, &message->headers,
                                     error);
    }
    if (rc == MOSN_AGAIN) {
        return head_incomplete(scan, limits, in, error);
    }
    if (rc != MOSN_OK) {
        return rc;
    }
    if ((size_t) (p - in->pos) > limits->max_header_bytes) {
        REFUSE(HEADERS_TOO_LARGE, "the head is longer than max_header_bytes");
    }

    rc = request ? head_interpret_request(message, &start, framing, error)
                 : head_interpret_response(message, &start, framing, error);
    if (rc != MOSN_OK) {
        return rc;
    }
    framing->head_bytes = (uint32_t) (p - in->pos);
    message->block = in->block == NULL ? NULL : mosn_block_ref(in->block);
    in->pos += framing->head_bytes;
    scan->seen = 0;
    return MOSN_OK;
}


mosn_rc_e
mosn_http1_read_request(mosn_http1_scan_t         *scan,
                        const mosn_http1_limits_t *limits, mosn_buf_t *in,
                        mosn_message_t       *message,
                        mosn_http1_framing_t *framing_r,
                        mosn_http1_error_t   *error_r)
{
    /* One empty line before a request is forgiven (RFC 9112, 2.2). */
    if (scan->seen == 0 && mosn_buf_len(in) > 0 && in->pos[0] == '\r') {
        if (mosn_buf_len(in) == 1) {
            return MOSN_AGAIN;
        }
        if (in->pos[1] != '\n') {
            return mosn_http1_refuse(error_r, MOSN_REASON_BAD_REQUEST,
                                     "CR without LF");
        }
        in->pos += 2;
    }
    if (mosn_buf_len(in) == 0) {
        return MOSN_AGAIN;
    }
    return head_read(scan, limits, in, message, true, framing_r, error_r);
}


mosn_rc_e
mosn_http1_read_response(mosn_http1_scan_t         *scan,
                         const mosn_http1_limits_t *limits, mosn_buf_t *in,
                         mosn_message_t       *message,
                         mosn_http1_framing_t *framing_r,
                         mosn_http1_error_t   *error_r)
{
    mosn_rc_e rc =
        head_read(scan, limits, in, message, false, framing_r, error_r);

    if (rc == MOSN_ERROR) {
        error_r->reason = MOSN_REASON_UPSTREAM_BAD_RESPONSE;
    }
    return rc;
}
