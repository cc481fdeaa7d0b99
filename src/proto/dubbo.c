/*
 * proto/dubbo.c - Dubbo 2.x.
 *
 *   da bb  flags  status  id:8  body:4 | body
 *   flags: 80 request, 40 two-way, 20 event, low five bits the serialization
 *
 * The body of a request is a run of Hessian 2 values: Dubbo's version, path,
 * version and method of the service, types of the arguments, the arguments,
 * and a map of attachments.  The first four are read of every request; the
 * attachments, the headers of a call, only for who asks for them: they stand
 * behind the arguments, which have to be walked over.
 */

#include "proto/hessian2.h"
#include "proto/hessian_json.h"
#include "proto/rpc.h"

#include <stdio.h>

#define HEAD_LEN      16u
#define FLAG_REQUEST  0x80
#define FLAG_TWO_WAY  0x40
#define FLAG_EVENT    0x20
#define SERIALIZATION 0x1f
#define HESSIAN_2     2

enum {
    STATUS_OK = 20,
    STATUS_CLIENT_TIMEOUT = 30,
    STATUS_SERVER_TIMEOUT = 31,
    STATUS_CHANNEL_INACTIVE = 35,
    STATUS_BAD_REQUEST = 40,
    STATUS_SERVICE_NOT_FOUND = 60,
    STATUS_SERVICE_ERROR = 70,
    STATUS_SERVER_ERROR = 80,
    STATUS_EXHAUSTED = 100,
};

/* frame.at: where the types of the arguments stand, and the attachments. */
enum { AT_TYPES, AT_ATTACHMENTS };


static mosn_rc_e
dubbo_probe(const uint8_t *bytes, size_t n)
{
    if (bytes[0] != 0xda || (n > 1 && bytes[1] != 0xbb)) {
        return MOSN_DECLINED;
    }
    return n > 1 ? MOSN_OK : MOSN_AGAIN;
}


static mosn_rpc_kind_e
dubbo_find_kind(const uint8_t *bytes, size_t n, size_t len)
{
    uint8_t flags = bytes[2];

    if ((flags & FLAG_EVENT) == 0) {
        return (flags & FLAG_REQUEST) == 0   ? MOSN_RPC_RESPONSE
               : (flags & FLAG_TWO_WAY) != 0 ? MOSN_RPC_REQUEST
                                             : MOSN_RPC_ONEWAY;
    }
    if ((flags & FLAG_REQUEST) == 0) {
        return MOSN_RPC_HEARTBEAT_ACK;
    }
    if ((flags & FLAG_TWO_WAY) != 0) {
        return MOSN_RPC_HEARTBEAT;
    }
    /* The string "R": it is read-only from now on. */
    return len == HEAD_LEN + 2 && n >= len && bytes[HEAD_LEN] == 1
                   && bytes[HEAD_LEN + 1] == 'R'
               ? MOSN_RPC_GOAWAY
               : MOSN_RPC_IGNORED;
}


static mosn_rc_e
dubbo_look(const uint8_t *bytes, size_t n, mosn_rpc_frame_t *f,
           const char **why_r)
{
    if (dubbo_probe(bytes, n) == MOSN_DECLINED) {
        *why_r = "not a frame of Dubbo";
        return MOSN_ERROR;
    }
    if (n < HEAD_LEN) {
        return MOSN_AGAIN;
    }
    f->id = mosn_get_u64(bytes + 4);
    f->head_len = HEAD_LEN;
    f->tail_len = 0;
    f->len = (size_t) HEAD_LEN + mosn_get_u32(bytes + 12);
    f->timeout_ms = 0;
    f->kind = dubbo_find_kind(bytes, n, f->len);
    f->status = bytes[3];
    f->version = bytes[2] & SERIALIZATION;
    f->at[AT_TYPES] = f->at[AT_ATTACHMENTS] = 0;
    return MOSN_OK;
}


/* --- requests ------------------------------------------------------------ */

static mosn_rc_e
dubbo_read(mosn_rpc_t *rpc, const char **why_r)
{
    mosn_rpc_frame_t *f = &rpc->frame;
    mosn_hessian_t    h;
    mosn_str_t        dubbo;

    if (f->version != HESSIAN_2
        || (f->kind != MOSN_RPC_REQUEST && f->kind != MOSN_RPC_ONEWAY))
    {
        return MOSN_OK; /* passed on unread */
    }
    mosn_hessian_open(&h, rpc->bytes + HEAD_LEN, f->len - HEAD_LEN);
    if (!mosn_hessian_read_string(&h, &dubbo)
        || !mosn_hessian_read_string(&h, &rpc->service)
        || !mosn_hessian_read_string(&h, &rpc->version)
        || !mosn_hessian_read_string(&h, &rpc->method))
    {
        rpc->service = rpc->version = rpc->method = MOSN_STR_NULL;
        *why_r = "the call does not begin with service, version and method";
        return MOSN_ERROR;
    }
    if (mosn_str_equal(rpc->version, MOSN_STR("0.0.0"))) {
        rpc->version = MOSN_STR_NULL; /* what Java writes for none */
    }
    f->at[AT_TYPES] = (uint32_t) (h.at - rpc->bytes);
    return MOSN_OK;
}


/* How many arguments: "Ljava/lang/String;I[J" has three.  -1: malformed. */
static int
dubbo_count_types(mosn_str_t types)
{
    int n = 0;

    for (size_t i = 0; i < types.len; n++) {
        while (i < types.len && types.at[i] == '[') {
            i++;
        }
        if (i == types.len) {
            return -1;
        }
        if (types.at[i] == 'L') {
            const char *end = memchr(types.at + i, ';', types.len - i);

            if (end == NULL) {
                return -1;
            }
            i = (size_t) (end - types.at);
        } else if (memchr("ZBCSIJFD", types.at[i], 8) == NULL) {
            return -1;
        }
        i++;
    }
    return n;
}


/* Attachments that are strings; what is broken has none. */
static void
dubbo_read_headers(mosn_rpc_t *rpc, mosn_headers_t *headers)
{
    mosn_rpc_frame_t *f = &rpc->frame;
    mosn_hessian_t    h;
    mosn_str_t        types, key, value;
    int               n;

    if (f->at[AT_TYPES] == 0) {
        return;
    }
    mosn_hessian_open(&h, rpc->bytes + f->at[AT_TYPES],
                      f->len - f->at[AT_TYPES]);
    if (!mosn_hessian_read_string(&h, &types)
        || (n = dubbo_count_types(types)) < 0)
    {
        return;
    }
    while (n-- > 0) {
        if (!mosn_hessian_skip(&h)) {
            return;
        }
    }
    n = (int) (h.at - rpc->bytes);
    if (!mosn_hessian_enter_map(&h)) {
        return;
    }
    f->at[AT_ATTACHMENTS] = (uint32_t) n;
    while (!mosn_hessian_is_end(&h)) {
        if (!mosn_hessian_read_string(&h, &key)) {
            return;
        }
        if (!mosn_hessian_read_string(&h, &value)) {
            if (!mosn_hessian_skip(&h)) {
                return;
            }
            f->at[AT_ATTACHMENTS] = 0; /* ours could not be written again */
            continue;
        }
        if (key.at == NULL || value.at == NULL) {
            continue;
        }
        if (mosn_str_equal(key, MOSN_STR("group"))) {
            rpc->group = value;
        }
        mosn_headers_add(headers, mosn_header_find_id(key.at, key.len), key,
                         value);
    }
}


/* --- writing ------------------------------------------------------------- */

static void
dubbo_put_head(uint8_t *out, uint8_t flags, uint8_t status, uint64_t id,
               size_t body_len)
{
    mosn_put_u16(out, 0xdabb);
    out[2] = flags;
    out[3] = status;
    mosn_put_u64(out + 4, id);
    mosn_put_u32(out + 12, (uint32_t) body_len);
}


static bool
dubbo_has_headers(const mosn_rpc_t *rpc)
{
    return rpc->frame.at[AT_ATTACHMENTS] != 0;
}


/* The whole call, with other attachments. */
static size_t
dubbo_encode(const mosn_rpc_t *rpc, const mosn_headers_t *headers, uint64_t id,
             size_t body_len, uint8_t *out)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    size_t                  before = f->at[AT_ATTACHMENTS];
    uint8_t                *at;

    if (before == 0 || body_len != f->len - HEAD_LEN) {
        return 0;
    }
    if (out == NULL) {
        size_t room = before + 2;

        for (uint32_t i = 0; i < headers->n; i++) {
            room += mosn_hessian_string_room(headers->items[i].name_len)
                    + mosn_hessian_string_room(headers->items[i].value_len);
        }
        return room;
    }
    memcpy(out, rpc->bytes, before);
    at = out + before;
    *at++ = 'H';
    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (!h->removed) {
            at = mosn_hessian_put_string(at,
                                         (mosn_str_t){ h->name, h->name_len });
            at = mosn_hessian_put_string(at, mosn_header_value(h));
        }
    }
    *at++ = 'Z';
    dubbo_put_head(out, out[2], out[3], id, (size_t) (at - out) - HEAD_LEN);
    return (size_t) (at - out);
}


static size_t
dubbo_heartbeat(uint64_t id, uint8_t *out)
{
    dubbo_put_head(out, FLAG_REQUEST | FLAG_TWO_WAY | FLAG_EVENT | HESSIAN_2,
                   0, id, 1);
    out[HEAD_LEN] = 'N';
    return HEAD_LEN + 1;
}


/* Any answer means well here: who is not says nothing. */
static size_t
dubbo_ack(const mosn_rpc_frame_t *of, const uint8_t *bytes, bool well,
          uint8_t *out)
{
    (void) bytes;
    if (!well) {
        return 0;
    }
    dubbo_put_head(out, FLAG_EVENT | HESSIAN_2, STATUS_OK, of->id, 1);
    out[HEAD_LEN] = 'N';
    return HEAD_LEN + 1;
}


static size_t
dubbo_goaway(uint64_t id, uint8_t *out)
{
    dubbo_put_head(out, FLAG_REQUEST | FLAG_EVENT | HESSIAN_2, 0, id, 2);
    out[HEAD_LEN] = 1;
    out[HEAD_LEN + 1] = 'R';
    return HEAD_LEN + 2;
}


static uint8_t
dubbo_find_status(mosn_reason_e reason, unsigned status)
{
    if (reason == MOSN_REASON_NO_ROUTE || reason == MOSN_REASON_NO_HOST) {
        return STATUS_SERVICE_NOT_FOUND;
    }
    switch (status) {
    case 400:
    case 413:
    case 431:
        return STATUS_BAD_REQUEST;
    case 404:
        return STATUS_SERVICE_NOT_FOUND;
    case 408:
    case 504:
        return STATUS_SERVER_TIMEOUT;
    case 429:
    case 503:
        return STATUS_EXHAUSTED;
    default:
        return STATUS_SERVER_ERROR;
    }
}


static size_t
dubbo_reply(const mosn_rpc_frame_t *of, const uint8_t *bytes,
            mosn_reason_e reason, unsigned status, mosn_str_t text,
            uint8_t *out)
{
    const size_t room = MOSN_RPC_OWN_MAX - HEAD_LEN;
    mosn_str_t   why = reason != MOSN_REASON_NONE
                           ? mosn_str(mosn_reasons[reason].text)
                           : text;
    uint8_t     *end;

    (void) bytes;
    while (why.len > 0 && why.at[why.len - 1] == '\n') {
        why.len--;
    }
    if (mosn_hessian_string_room(why.len) > room) {
        why.len = room / 2 - 8;
    }
    end = mosn_hessian_put_string(out + HEAD_LEN, why);
    dubbo_put_head(out, HESSIAN_2, dubbo_find_status(reason, status), of->id,
                   (size_t) (end - out) - HEAD_LEN);
    return (size_t) (end - out);
}


static unsigned
dubbo_http_status(const mosn_rpc_t *rpc)
{
    switch (rpc->frame.status) {
    case STATUS_OK:
        return 200;
    case STATUS_CLIENT_TIMEOUT:
    case STATUS_SERVER_TIMEOUT:
        return 504;
    case STATUS_CHANNEL_INACTIVE:
        return 502;
    case STATUS_BAD_REQUEST:
        return 400;
    case STATUS_SERVICE_NOT_FOUND:
        return 404;
    case STATUS_EXHAUSTED:
        return 503;
    default:
        return 500;
    }
}


/* --- HTTP ---------------------------------------------------------------- */

/* A simple call in HTTP is POST /service/method with a JSON array of the
 * arguments; its response is the JSON of the value.  It goes to the host as
 * a generic call, which finds the method by its name. */

#define GENERIC_TYPES                                                         \
    "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;"

static void
dubbo_put_string(mosn_chain_t *out, mosn_str_t s)
{
    uint8_t *at = mosn_chain_reserve(out, mosn_hessian_string_room(s.len));
    uint8_t *end = mosn_hessian_put_string(at, s);

    mosn_chain_commit(out, (size_t) (end - at));
}


static mosn_str_t
dubbo_http_header(const mosn_message_t *http, const char *name)
{
    const mosn_header_t *h =
        mosn_headers_find_name(&http->headers, mosn_str(name));

    return h != NULL ? mosn_header_value(h) : MOSN_STR_NULL;
}


static void
dubbo_put_attachment(mosn_chain_t *out, const char *key, mosn_str_t value)
{
    if (value.at != NULL) {
        dubbo_put_string(out, mosn_str(key));
        dubbo_put_string(out, value);
    }
}


static bool
dubbo_put_call(const mosn_message_t *http, mosn_str_t service,
               mosn_str_t method, mosn_str_t body, mosn_chain_t *out,
               char *why, size_t room)
{
    mosn_str_t   version = dubbo_http_header(http, "x-mosn-rpc-version");
    mosn_chain_t arguments = { 0 };
    uint8_t      list[5] = { 'I' };
    size_t       n;

    if (!mosn_json_to_hessian(body.len > 0 ? body.at : "[]",
                              body.len > 0 ? body.len : 2, true, &n,
                              &arguments, why, room))
    {
        mosn_chain_clear(&arguments);
        return false;
    }
    dubbo_put_string(out, MOSN_STR("2.0.2"));
    dubbo_put_string(out, service);
    dubbo_put_string(out, version.at != NULL ? version : MOSN_STR("0.0.0"));
    dubbo_put_string(out, MOSN_STR("$invoke"));
    dubbo_put_string(out, MOSN_STR(GENERIC_TYPES));
    dubbo_put_string(out, method);
    mosn_chain_write(out, "NV", 2); /* no types; a list of a type */
    dubbo_put_string(out, MOSN_STR("[object"));
    mosn_put_u32(list + 1, (uint32_t) n);
    mosn_chain_write(out, list, sizeof(list));
    mosn_chain_take(out, &arguments);
    mosn_chain_write(out, "H", 1);
    dubbo_put_attachment(out, "path", service);
    dubbo_put_attachment(out, "interface", service);
    dubbo_put_attachment(out, "version", version);
    dubbo_put_attachment(out, "group",
                         dubbo_http_header(http, "x-mosn-rpc-group"));
    dubbo_put_attachment(out, "generic", MOSN_STR("true"));
    mosn_chain_write(out, "Z", 1);
    return true;
}


static bool
dubbo_body_from_http(const mosn_message_t *http, mosn_str_t service,
                     mosn_str_t method, mosn_str_t body, mosn_chain_t *out,
                     char *why, size_t room)
{
    size_t n;

    if (http->status == 0) {
        return dubbo_put_call(http, service, method, body, out, why, room);
    }
    if (http->status >= 400) {
        body.len = body.len > 1024 ? 1024 : body.len;
        dubbo_put_string(out, body);
        return true;
    }
    if (body.len == 0) {
        mosn_chain_write(out, "\x92", 1); /* null */
        return true;
    }
    mosn_chain_write(out, "\x91", 1);
    if (!mosn_json_to_hessian(body.at, body.len, false, &n, out, why, room)) {
        mosn_chain_clear(out); /* some text */
        mosn_chain_write(out, "\x91", 1);
        dubbo_put_string(out, body);
    }
    return true;
}


static bool
dubbo_arguments_to_http(const mosn_rpc_t *rpc, mosn_chain_t *out)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    mosn_hessian_t          h;
    mosn_str_t              types;
    int                     n;

    mosn_hessian_open(&h, rpc->bytes + f->at[AT_TYPES],
                      f->len - f->at[AT_TYPES]);
    if (f->at[AT_TYPES] == 0 || !mosn_hessian_read_string(&h, &types)
        || (n = dubbo_count_types(types)) < 0)
    {
        return false;
    }
    mosn_chain_write(out, "[", 1);
    for (int i = 0; i < n; i++) {
        if (i > 0) {
            mosn_chain_write(out, ",", 1);
        }
        if (!mosn_hessian_to_json(&h, out)) {
            return false;
        }
    }
    mosn_chain_write(out, "]", 1);
    return true;
}


static bool
dubbo_body_to_http(const mosn_rpc_t *rpc, mosn_chain_t *out,
                   unsigned *status_r)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    mosn_hessian_t          h;
    uint8_t                 what;

    if (f->version != HESSIAN_2) {
        return false;
    }
    if (f->kind != MOSN_RPC_RESPONSE) {
        return dubbo_arguments_to_http(rpc, out);
    }
    mosn_hessian_open(&h, rpc->bytes + HEAD_LEN, f->len - HEAD_LEN);
    if (f->status != STATUS_OK) {
        return mosn_hessian_to_json(&h, out); /* why, in words */
    }
    if (h.at == h.end) {
        return false;
    }
    what = (uint8_t) (*h.at++ - 0x90);
    if (what == 2 || what == 5) {
        mosn_chain_write(out, "null", 4);
        return true;
    }
    if (what == 0 || what == 3) { /* an exception */
        *status_r = 500;
    }
    return what <= 4 && mosn_hessian_to_json(&h, out);
}


static size_t
dubbo_from_http(const mosn_message_t *http, mosn_str_t service,
                mosn_str_t method, size_t body_len, uint8_t *out)
{
    (void) service, (void) method;
    if (body_len > UINT32_MAX) {
        return 0;
    }
    if (out != NULL && http->status == 0) {
        dubbo_put_head(out, FLAG_REQUEST | FLAG_TWO_WAY | HESSIAN_2, 0, 0,
                       body_len);
    } else if (out != NULL) {
        dubbo_put_head(out, HESSIAN_2,
                       http->status < 400
                           ? STATUS_OK
                           : dubbo_find_status(MOSN_REASON_NONE, http->status),
                       0, body_len);
    }
    return HEAD_LEN;
}


static const mosn_rpc_codec_t dubbo_codec = {
    .protocol = MOSN_STR_INIT("dubbo"),
    .family = "dubbo",
    .id_bytes = 8,
    .id_at = 4,
    .probe = dubbo_probe,
    .look = dubbo_look,
    .read = dubbo_read,
    .read_headers = dubbo_read_headers,
    .encode = dubbo_encode,
    .encodes_body = true,
    .has_headers = dubbo_has_headers,
    .from_http = dubbo_from_http,
    .body_from_http = dubbo_body_from_http,
    .body_to_http = dubbo_body_to_http,
    .body_type = MOSN_STR_INIT("application/json"),
    .heartbeat = dubbo_heartbeat,
    .ack = dubbo_ack,
    .goaway = dubbo_goaway,
    .reply = dubbo_reply,
    .http_status = dubbo_http_status,
};

MOSN_MODULE(MOSN_RPC_CODEC, dubbo, &dubbo_codec);
