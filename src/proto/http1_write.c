/*
 * proto/http1_write.c - heads and chunks as bytes.
 *
 * The start line and everything that frames is written by us.  Header lines
 * that came over HTTP/1 and were not touched are copied as they stood, a
 * whole run at a time.
 */

#include "proto/http1.h"

/* Start line words, framing and connection lines. */
#define FIXED_BYTES 320u


static inline uint8_t *
put(uint8_t *out, const void *bytes, size_t n)
{
    memcpy(out, bytes, n);
    return out + n;
}

#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)


static uint8_t *
put_str(uint8_t *out, mosn_str_t s)
{
    return s.len > 0 ? put(out, s.at, s.len) : out;
}


size_t
mosn_http1_head_bound(const mosn_message_t *m)
{
    return FIXED_BYTES + m->method.len + m->path.len + m->authority.len
           + m->upgrade.len + m->phrase.len + m->headers.bytes;
}


static inline uint8_t *
put_run(uint8_t *out, const char *run, const char *end)
{
    return run != end ? put(out, run, (size_t) (end - run)) : out;
}


static uint8_t *
write_headers(uint8_t *out, const mosn_headers_t *headers)
{
    const char *run = NULL, *run_end = NULL;

    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (h->removed) {
            continue;
        }
        if (h->line_len > 0) {
            if (h->name != run_end) {
                out = put_run(out, run, run_end);
                run = h->name;
            }
            run_end = h->name + h->line_len;
            continue;
        }
        out = put_run(out, run, run_end);
        run = run_end = NULL;
        out = put(out, h->name, h->name_len);
        out = PUT(out, ": ");
        out = put_str(out, mosn_header_value(h));
        out = PUT(out, "\r\n");
    }
    return put_run(out, run, run_end);
}


static uint8_t *
write_length(uint8_t *out, int64_t length)
{
    out = PUT(out, "Content-Length: ");
    out += mosn_str_format_u64((uint64_t) length, (char *) out);
    return PUT(out, "\r\n");
}


static uint8_t *
write_framing(uint8_t *out, const mosn_message_t *m,
              const mosn_http1_out_t *how)
{
    if (how->kind == MOSN_HTTP1_LENGTH) {
        return write_length(out, m->content_length);
    }
    if (how->kind == MOSN_HTTP1_CHUNKED) {
        return PUT(out, "Transfer-Encoding: chunked\r\n");
    }
    return out;
}


static uint8_t *
write_upgrade(uint8_t *out, mosn_str_t protocol)
{
    out = PUT(out, "Connection: upgrade\r\nUpgrade: ");
    out = put_str(out, protocol);
    return PUT(out, "\r\n");
}


uint8_t *
mosn_http1_write_request(uint8_t *out, const mosn_message_t *m,
                         const mosn_http1_out_t *how)
{
    bool connect = m->method_id == MOSN_METHOD_CONNECT;

    out = put_str(out, m->method);
    *out++ = ' ';
    out = put_str(out, connect ? m->authority : m->path);
    out = PUT(out, " HTTP/1.1\r\nHost: ");
    out = put_str(out, m->authority);
    out = PUT(out, "\r\n");
    out = write_headers(out, &m->headers);
    out = write_framing(out, m, how);
    if (m->upgrade.len > 0) {
        out = write_upgrade(out, m->upgrade);
    } else if (m->te_trailers) {
        out = PUT(out, "Connection: TE\r\nTE: trailers\r\n");
    }
    return PUT(out, "\r\n");
}


uint8_t *
mosn_http1_write_response(uint8_t *out, const mosn_message_t *m,
                          const mosn_http1_out_t *how)
{
    mosn_str_t phrase = m->phrase;

    if (phrase.len == 0) {
        phrase = mosn_status_phrase(m->status);
    }
    out = PUT(out, "HTTP/1.1 ");
    *out++ = (uint8_t) ('0' + m->status / 100);
    *out++ = (uint8_t) ('0' + m->status / 10 % 10);
    *out++ = (uint8_t) ('0' + m->status % 10);
    *out++ = ' ';
    out = put_str(out, phrase);
    out = PUT(out, "\r\n");
    out = write_headers(out, &m->headers);
    out = write_framing(out, m, how);
    /* Elsewhere it would only be an advertisement of the origin. */
    if (m->status == 101) {
        out = write_upgrade(out, m->upgrade);
    } else if (how->close) {
        out = PUT(out, "Connection: close\r\n");
    } else if (how->to_version == MOSN_HTTP_10) {
        out = PUT(out, "Connection: keep-alive\r\n");
    }
    return PUT(out, "\r\n");
}


uint8_t *
mosn_http1_write_chunk_line(uint8_t *out, uint64_t n)
{
    static const char hex[] = "0123456789abcdef";
    int               shift = (63 - __builtin_clzll(n | 1)) & ~3;

    for (; shift >= 0; shift -= 4) {
        *out++ = (uint8_t) hex[n >> shift & 15];
    }
    return PUT(out, "\r\n");
}


size_t
mosn_http1_last_chunk_bound(const mosn_headers_t *trailers)
{
    return 8 + (trailers != NULL ? trailers->bytes : 0);
}


uint8_t *
mosn_http1_write_last_chunk(uint8_t *out, const mosn_headers_t *trailers)
{
    out = PUT(out, "0\r\n");
    if (trailers != NULL) {
        out = write_headers(out, trailers);
    }
    return PUT(out, "\r\n");
}
