/*
 * proto/http1_body.c - bodies, chunk lines and trailers (RFC 9112, 6 and 7).
 *
 *            digit            CRLF            left = 0         CRLF
 *   SIZE ---------> SIZE ... -------> DATA -------------> CR LF ----> SIZE
 *    |  ';' EXT_* ... CRLF             0: TRAILERS --empty line--> DONE
 *
 * Chunk lines are read byte by byte, their extensions by grammar and then
 * dropped; blanks are not part of it.  The data between is passed on in
 * place.
 */

#include "proto/http1.h"

#define LINE_MAX_BYTES       256u
#define EXTENSIONS_MAX_BYTES 8192u
#define SIZE_MAX_DIGITS      16u

#define REFUSE(reason, text)                                                  \
    return mosn_http1_refuse(error, MOSN_REASON_##reason, text)

enum {
    SIZE_START,
    SIZE_DIGITS,
    EXT_NAME_START,
    EXT_NAME,
    EXT_VALUE_START,
    EXT_VALUE,
    EXT_QUOTED,
    EXT_ESCAPED,
    EXT_QUOTED_END,
    LINE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILERS,
    ENDED,
};


void
mosn_http1_body_init(mosn_http1_body_t *body, mosn_http1_body_e kind,
                     uint64_t length)
{
    memset(body, 0, sizeof(*body));
    body->kind = kind;
    body->left = kind == MOSN_HTTP1_LENGTH ? length : 0;
}


static int
body_hex(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = mosn_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


static bool
body_is_token(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
}


/* What may follow a complete part of the chunk line. */
static mosn_rc_e
body_line_next(mosn_http1_body_t *body, uint8_t c, mosn_http1_error_t *error)
{
    if (c == '\r') {
        body->state = LINE_LF;
    } else if (c == ';') {
        body->state = EXT_NAME_START;
    } else {
        REFUSE(BAD_REQUEST, "bad character in a chunk line");
    }
    return MOSN_OK;
}


static mosn_rc_e
body_size_digit(mosn_http1_body_t *body, uint8_t c, mosn_http1_error_t *error)
{
    int digit = body_hex(c);

    if (digit < 0) {
        if (body->state == SIZE_START) {
            REFUSE(BAD_REQUEST, "no chunk size at the start of a chunk");
        }
        return body_line_next(body, c, error);
    }
    if (body->left > 0 || digit > 0) {
        body->digits++;
    }
    if (body->digits > SIZE_MAX_DIGITS
        || body->left > ((uint64_t) INT64_MAX - (uint64_t) digit) / 16)
    {
        REFUSE(BAD_REQUEST, "the chunk size is too large");
    }
    body->left = body->left * 16 + (uint64_t) digit;
    body->state = SIZE_DIGITS;
    return MOSN_OK;
}


/* One byte of a chunk line. */
static mosn_rc_e
body_line_byte(mosn_http1_body_t *body, uint8_t c, mosn_http1_error_t *error)
{
    bool extension = body->state > SIZE_DIGITS && body->state < LINE_LF;

    if (++body->line_bytes > LINE_MAX_BYTES
        || (extension && ++body->extension_bytes > EXTENSIONS_MAX_BYTES))
    {
        REFUSE(BAD_REQUEST, "the chunk line is too long");
    }

    switch (body->state) {
    case SIZE_START:
    case SIZE_DIGITS:
        return body_size_digit(body, c, error);
    case EXT_NAME_START:
        body->state = EXT_NAME;
        if (!body_is_token(c)) {
            REFUSE(BAD_REQUEST, "bad chunk extension");
        }
        return MOSN_OK;
    case EXT_NAME:
        if (c == '=') {
            body->state = EXT_VALUE_START;
            return MOSN_OK;
        }
        return body_is_token(c) ? MOSN_OK : body_line_next(body, c, error);
    case EXT_VALUE_START:
        body->state = c == '"' ? EXT_QUOTED : EXT_VALUE;
        if (c != '"' && !body_is_token(c)) {
            REFUSE(BAD_REQUEST, "bad chunk extension");
        }
        return MOSN_OK;
    case EXT_VALUE:
        return body_is_token(c) ? MOSN_OK : body_line_next(body, c, error);
    case EXT_QUOTED:
        if (c == '"') {
            body->state = EXT_QUOTED_END;
        } else if (c == '\\') {
            body->state = EXT_ESCAPED;
        } else if ((c < ' ' && c != '\t') || c == 0x7f) {
            REFUSE(BAD_REQUEST, "control character in a chunk extension");
        }
        return MOSN_OK;
    case EXT_ESCAPED:
        body->state = EXT_QUOTED;
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            REFUSE(BAD_REQUEST, "control character in a chunk extension");
        }
        return MOSN_OK;
    case EXT_QUOTED_END:
        return body_line_next(body, c, error);
    default: /* LINE_LF */
        if (c != '\n') {
            REFUSE(BAD_REQUEST, "CR without LF in a chunk line");
        }
        body->state = body->left > 0 ? DATA : TRAILERS;
        body->line_bytes = 0;
        body->digits = 0;
        return MOSN_OK;
    }
}


static mosn_rc_e
body_trailers(mosn_http1_body_t *body, const mosn_http1_limits_t *limits,
              mosn_buf_t *in, mosn_headers_t *trailers,
              mosn_http1_error_t *error)
{
    const uint8_t *p = in->pos;
    mosn_rc_e      rc;

    trailers->n = 0;
    trailers->present = 0;
    trailers->bytes = 0;
    rc = mosn_http1_scan_headers(&p, in->last, limits, trailers, error);
    if (rc == MOSN_ERROR) {
        return rc;
    }
    if ((size_t) (p - in->pos) > limits->max_header_bytes
        || (rc == MOSN_AGAIN && mosn_buf_len(in) >= limits->max_header_bytes))
    {
        REFUSE(HEADERS_TOO_LARGE, "the trailers are too long");
    }
    if (rc == MOSN_AGAIN) {
        return MOSN_AGAIN;
    }

    for (uint32_t i = 0; i < trailers->n; i++) {
        if (!mosn_header_may_trail(trailers->items[i].id)) {
            trailers->items[i].removed = true;
        }
    }
    in->pos += p - in->pos;
    body->state = ENDED;
    return MOSN_DONE;
}


/* As much of `in` as belongs to the data. */
static mosn_rc_e
body_take(mosn_http1_body_t *body, mosn_buf_t *in, mosn_buf_t *data_r)
{
    uint64_t n = mosn_buf_len(in);

    if (n == 0) {
        return MOSN_AGAIN;
    }
    if (n > body->left) {
        n = body->left;
    }
    *data_r = mosn_buf_slice(in, in->pos, (size_t) n);
    in->pos += n;
    body->left -= n;
    return MOSN_OK;
}


static mosn_rc_e
body_chunked(mosn_http1_body_t *body, const mosn_http1_limits_t *limits,
             mosn_buf_t *in, mosn_buf_t *data_r, mosn_headers_t *trailers,
             mosn_http1_error_t *error)
{
    for (;;) {
        uint8_t c;

        if (body->state == TRAILERS) {
            return body_trailers(body, limits, in, trailers, error);
        }
        if (body->state == ENDED) {
            return MOSN_DONE;
        }
        if (mosn_buf_len(in) == 0) {
            return MOSN_AGAIN;
        }
        if (body->state == DATA) {
            mosn_rc_e rc = body_take(body, in, data_r);

            if (body->left == 0) {
                body->state = DATA_CR;
            }
            return rc;
        }

        c = *in->pos++;
        if (body->state == DATA_CR || body->state == DATA_LF) {
            if (c != (body->state == DATA_CR ? '\r' : '\n')) {
                REFUSE(BAD_REQUEST, "no CRLF behind the data of a chunk");
            }
            body->state = body->state == DATA_CR ? DATA_LF : SIZE_START;
        } else if (body_line_byte(body, c, error) != MOSN_OK) {
            return MOSN_ERROR;
        }
    }
}


mosn_rc_e
mosn_http1_read_body(mosn_http1_body_t         *body,
                     const mosn_http1_limits_t *limits, mosn_buf_t *in,
                     mosn_buf_t *data_r, mosn_headers_t *trailers,
                     mosn_http1_error_t *error_r)
{
    switch (body->kind) {
    case MOSN_HTTP1_NO_BODY:
        return MOSN_DONE;
    case MOSN_HTTP1_LENGTH:
        return body->left == 0 ? MOSN_DONE : body_take(body, in, data_r);
    case MOSN_HTTP1_CHUNKED:
        return body_chunked(body, limits, in, data_r, trailers, error_r);
    case MOSN_HTTP1_UNTIL_CLOSE:
        body->left = UINT64_MAX;
        return body_take(body, in, data_r);
    }
    return MOSN_ERROR;
}
