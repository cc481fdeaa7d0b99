/*
 * proto/bolt.c - Bolt, the protocol of SOFARPC, versions 1 and 2.
 *
 * Both versions may come on one connection: each frame says by its first
 * byte which it is.  The two codecs differ in what they send by themselves.
 *
 *   1: proto type cmd:2 ver2 id:4 codec [timeout:4 | status:2]
 *      class:2 map:2 content:4 | class name | header map | content
 *   2: proto ver1 type cmd:2 ver2 id:4 codec switch, then as 1, then a CRC32
 *      of everything when ver1 is 2 and bit 0 of switch is set
 *
 * The header map is a run of pairs, u32 length and bytes each; length -1 is
 * a null string.  A proxy never reads the content.
 */

#include "proto/rpc.h"

#include <strings.h>
#include <zlib.h>

#define TYPE_RESPONSE 0
#define TYPE_REQUEST  1
#define TYPE_ONEWAY   2

#define CMD_HEARTBEAT 0
#define CMD_REQUEST   1
#define CMD_RESPONSE  2
#define CMD_GOAWAY    100

#define FIXED_1     20u /* of a response; a request has 2 more */
#define FIXED_2     22u
#define NO_STRING   UINT32_MAX
#define MAP_MAX     INT16_MAX /* SOFABolt reads the length as signed */
#define CODEC_PLAIN 1

enum {
    STATUS_SUCCESS = 0,
    STATUS_SERVER_EXCEPTION = 2,
    STATUS_UNKNOWN = 3,
    STATUS_BUSY = 4,
    STATUS_NO_PROCESSOR = 6,
    STATUS_TIMEOUT = 7,
    STATUS_CODEC = 9,
    STATUS_CLOSED = 16, /* there is nothing between 9 and 16 */
};

/* frame.at: where the class name begins; the lengths of it and of the map. */
enum { AT_CLASS, CLASS_LEN, MAP_LEN };


static mosn_rc_e
bolt_probe(const uint8_t *bytes, size_t n)
{
    (void) n;
    return bytes[0] == 1 ? MOSN_OK : MOSN_DECLINED;
}


static mosn_rc_e
bolt2_probe(const uint8_t *bytes, size_t n)
{
    (void) n;
    return bytes[0] == 2 ? MOSN_OK : MOSN_DECLINED;
}


/* What type and command mean together; false: nothing. */
static bool
bolt_find_kind(uint8_t type, uint16_t command, mosn_rpc_kind_e *kind_r)
{
    if (type == TYPE_RESPONSE) {
        *kind_r = command == CMD_HEARTBEAT ? MOSN_RPC_HEARTBEAT_ACK
                                           : MOSN_RPC_RESPONSE;
        return command == CMD_HEARTBEAT || command == CMD_RESPONSE;
    }
    switch (command) {
    case CMD_HEARTBEAT: /* acknowledged, one-way or not */
        *kind_r = MOSN_RPC_HEARTBEAT;
        return true;
    case CMD_REQUEST:
        *kind_r = type == TYPE_ONEWAY ? MOSN_RPC_ONEWAY : MOSN_RPC_REQUEST;
        return true;
    case CMD_GOAWAY:
        *kind_r = MOSN_RPC_GOAWAY;
        return true;
    default:
        return false;
    }
}


static mosn_rc_e
bolt_look(const uint8_t *bytes, size_t n, mosn_rpc_frame_t *f,
          const char **why_r)
{
    uint8_t        version = bytes[0];
    const uint8_t *b =
        bytes + (version == 2 ? 1 : 0); /* at the type, less 1 */
    size_t fixed;

    if (version != 1 && version != 2) {
        *why_r = "not a frame of Bolt";
        return MOSN_ERROR;
    }
    if (version == 2 && n > 1 && bytes[1] != 1 && bytes[1] != 2) {
        *why_r = "Bolt 2 of an unknown subversion";
        return MOSN_ERROR;
    }
    if (n <= version) {
        return MOSN_AGAIN;
    }
    if (b[1] > TYPE_ONEWAY) {
        *why_r = "unknown type of frame";
        return MOSN_ERROR;
    }
    fixed = version == 1 ? FIXED_1 : FIXED_2;
    fixed += b[1] == TYPE_RESPONSE ? 0 : 2;
    if (n < fixed) {
        return MOSN_AGAIN;
    }
    if (!bolt_find_kind(b[1], mosn_get_u16(b + 2), &f->kind)) {
        *why_r = "unknown command code";
        return MOSN_ERROR;
    }

    f->version = version;
    f->id = mosn_get_u32(b + 5);
    b = bytes + (version == 1 ? 10 : 12);
    if (bytes[version] == TYPE_RESPONSE) {
        f->timeout_ms = 0;
        f->status = mosn_get_u16(b);
        b += 2;
    } else {
        f->timeout_ms = (int32_t) mosn_get_u32(b);
        f->status = 0;
        b += 4;
    }
    f->at[AT_CLASS] = (uint32_t) fixed;
    f->at[CLASS_LEN] = mosn_get_u16(b);
    f->at[MAP_LEN] = mosn_get_u16(b + 2);
    f->head_len = fixed + f->at[CLASS_LEN] + f->at[MAP_LEN];
    f->tail_len =
        version == 2 && bytes[1] == 2 && (bytes[11] & 1) != 0 ? 4 : 0;
    f->len = f->head_len + mosn_get_u32(b + 4) + f->tail_len;
    return MOSN_OK;
}


/* --- the header map ------------------------------------------------------ */

/* The next string of the map; false: it is cut short. */
static bool
bolt_next_string(const uint8_t **at, const uint8_t *end, mosn_str_t *s_r)
{
    uint32_t len;

    if ((size_t) (end - *at) < 4) {
        return false;
    }
    len = mosn_get_u32(*at);
    *at += 4;
    if (len == NO_STRING) {
        *s_r = MOSN_STR_NULL;
        return true;
    }
    if (len > (size_t) (end - *at)) {
        return false;
    }
    *s_r = (mosn_str_t){ (const char *) *at, len };
    *at += len;
    return true;
}


/* "interface:version:id" (SOFARPC's unique name of a service). */
static void
bolt_split_service(mosn_rpc_t *rpc, mosn_str_t name)
{
    const char *colon = memchr(name.at, ':', name.len);
    mosn_str_t  rest;

    rpc->service = name;
    if (colon == NULL) {
        return;
    }
    rpc->service.len = (size_t) (colon - name.at);
    rest = (mosn_str_t){ colon + 1, name.len - rpc->service.len - 1 };
    rpc->version = rest;
    colon = memchr(rest.at, ':', rest.len);
    if (colon != NULL) {
        rpc->version.len = (size_t) (colon - rest.at);
        rpc->group =
            (mosn_str_t){ colon + 1, rest.len - rpc->version.len - 1 };
    }
}


static mosn_rc_e
bolt_read(mosn_rpc_t *rpc, const char **why_r)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    const uint8_t *at = rpc->bytes + f->at[AT_CLASS] + f->at[CLASS_LEN];
    const uint8_t *end = at + f->at[MAP_LEN];
    mosn_str_t     key, value, service = MOSN_STR_NULL, target = service;

    while (at < end) {
        if (!bolt_next_string(&at, end, &key)
            || !bolt_next_string(&at, end, &value)) {
            *why_r = "the header map is cut short";
            return MOSN_ERROR;
        }
        if (value.at == NULL) {
            continue;
        }
        switch (key.len) {
        case 7:
            if (memcmp(key.at, "service", 7) == 0) {
                service = value;
            }
            break;
        case 21:
            if (memcmp(key.at, "sofa_head_method_name", 21) == 0) {
                rpc->method = value;
            }
            break;
        case 24:
            if (memcmp(key.at, "sofa_head_target_service", 24) == 0) {
                target = value;
            }
            break;
        default:
            break;
        }
    }
    service = service.at != NULL ? service : target;
    if (service.at != NULL) {
        bolt_split_service(rpc, service);
    }
    return MOSN_OK;
}


static void
bolt_read_headers(mosn_rpc_t *rpc, mosn_headers_t *headers)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    const uint8_t *at = rpc->bytes + f->at[AT_CLASS] + f->at[CLASS_LEN];
    const uint8_t *end = at + f->at[MAP_LEN];
    mosn_str_t     key, value;

    while (at < end && bolt_next_string(&at, end, &key)
           && bolt_next_string(&at, end, &value))
    {
        if (key.at != NULL && value.at != NULL) {
            mosn_headers_add(headers, mosn_header_find_id(key.at, key.len),
                             key, value);
        }
    }
}


/* --- writing ------------------------------------------------------------- */

/* The fixed part up to and with the codec and the switch; its length. */
static size_t
bolt_put_start(uint8_t *out, uint8_t version, uint8_t type, uint16_t command,
               uint64_t id)
{
    uint8_t *b = out;

    *b++ = version;
    if (version == 2) {
        *b++ = 1; /* no CRC */
    }
    *b++ = type;
    mosn_put_u16(b, command);
    b[2] = 1; /* of the command object */
    mosn_put_u32(b + 3, (uint32_t) id);
    b[7] = CODEC_PLAIN;
    b += 8;
    if (version == 2) {
        *b++ = 0;
    }
    return (size_t) (b - out);
}


static size_t
bolt_put_response(uint8_t *out, const mosn_rpc_frame_t *of, uint16_t command,
                  uint16_t status)
{
    size_t n =
        bolt_put_start(out, of->version, TYPE_RESPONSE, command, of->id);

    mosn_put_u16(out + n, status);
    memset(out + n + 2, 0, 8); /* no class, no map, no content */
    return n + 10;
}


static size_t
bolt_put_control(uint8_t *out, uint8_t version, uint16_t command, uint64_t id,
                 int32_t timeout_ms)
{
    size_t n = bolt_put_start(out, version, TYPE_REQUEST, command, id);

    mosn_put_u32(out + n, (uint32_t) timeout_ms);
    memset(out + n + 4, 0, 8);
    return n + 12;
}


static size_t
bolt_heartbeat(uint64_t id, uint8_t *out)
{
    return bolt_put_control(out, 1, CMD_HEARTBEAT, id, -1);
}


static size_t
bolt2_heartbeat(uint64_t id, uint8_t *out)
{
    return bolt_put_control(out, 2, CMD_HEARTBEAT, id, -1);
}


/* There is none in version 2, and SOFABolt closes on it. */
static size_t
bolt_goaway(uint64_t id, uint8_t *out)
{
    return bolt_put_control(out, 1, CMD_GOAWAY, id, 0);
}


static size_t
bolt_ack(const mosn_rpc_frame_t *of, const uint8_t *bytes, bool well,
         uint8_t *out)
{
    (void) bytes;
    return bolt_put_response(out, of, CMD_HEARTBEAT,
                             well ? STATUS_SUCCESS : STATUS_NO_PROCESSOR);
}


/* Never a number that SOFABolt does not know: it would close. */
static uint16_t
bolt_find_status(mosn_reason_e reason, unsigned status)
{
    switch (reason) {
    case MOSN_REASON_NO_ROUTE:
    case MOSN_REASON_NO_HOST:
        return STATUS_NO_PROCESSOR;
    case MOSN_REASON_BAD_REQUEST:
        return STATUS_CODEC;
    case MOSN_REASON_UPSTREAM_CLOSED:
    case MOSN_REASON_UPSTREAM_RESET:
    case MOSN_REASON_UPSTREAM_TRUNCATED:
    case MOSN_REASON_UPSTREAM_CONNECT_FAILED:
    case MOSN_REASON_KEEPALIVE_TIMEOUT:
        return STATUS_CLOSED;
    default:
        break;
    }
    switch (status) {
    case 404:
        return STATUS_NO_PROCESSOR;
    case 403:
    case 413:
        return STATUS_SERVER_EXCEPTION;
    case 429:
    case 503:
        return STATUS_BUSY;
    case 408:
    case 504:
        return STATUS_TIMEOUT;
    case 502:
        return STATUS_CLOSED;
    default:
        return STATUS_UNKNOWN;
    }
}


static size_t
bolt_reply(const mosn_rpc_frame_t *of, const uint8_t *bytes,
           mosn_reason_e reason, unsigned status, mosn_str_t text,
           uint8_t *out)
{
    (void) bytes, (void) text; /* an error has no content */
    return bolt_put_response(out, of, CMD_RESPONSE,
                             bolt_find_status(reason, status));
}


static unsigned
bolt_http_status(const mosn_rpc_t *rpc)
{
    switch (rpc->frame.status) {
    case STATUS_SUCCESS:
        return 200;
    case STATUS_BUSY:
        return 503;
    case STATUS_TIMEOUT:
        return 504;
    case STATUS_CLOSED:
        return 502;
    case STATUS_NO_PROCESSOR:
        return 404;
    default:
        return 500;
    }
}


static size_t
bolt_map_len(const mosn_headers_t *headers)
{
    size_t n = 0;

    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        n += h->removed ? 0 : 8u + h->name_len + h->value_len;
    }
    return n;
}


static uint8_t *
bolt_put_string(uint8_t *out, const char *at, uint32_t len)
{
    mosn_put_u32(out, len);
    memcpy(out + 4, at, len);
    return out + 4 + len;
}


static size_t
bolt_encode(const mosn_rpc_t *rpc, const mosn_headers_t *headers, uint64_t id,
            size_t body_len, uint8_t *out)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    size_t                  before = f->at[AT_CLASS] + f->at[CLASS_LEN];
    size_t   map = rpc->decoded ? bolt_map_len(headers) : f->at[MAP_LEN];
    uint8_t *b;

    if (map > (rpc->decoded ? MAP_MAX : UINT16_MAX)
        || body_len > UINT32_MAX - before - map)
    {
        return 0;
    }
    if (out == NULL) {
        return before + map;
    }
    memcpy(out, rpc->bytes, before);
    mosn_put_u32(out + (f->version == 1 ? 5 : 6), (uint32_t) id);
    b = out + f->at[AT_CLASS] - 8;
    mosn_put_u16(b + 2, (uint16_t) map);
    mosn_put_u32(b + 4, (uint32_t) body_len);
    b = out + before;
    if (!rpc->decoded) {
        memcpy(b, rpc->bytes + before, map);
        return before + map;
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (!h->removed) {
            b = bolt_put_string(b, h->name, h->name_len);
            b = bolt_put_string(b, h->value, h->value_len);
        }
    }
    return before + map;
}


static size_t
bolt_renumber(const mosn_rpc_t *rpc, uint64_t id, uint8_t *out)
{
    memcpy(out, rpc->bytes, rpc->frame.head_len);
    mosn_put_u32(out + (rpc->frame.version == 1 ? 5 : 6), (uint32_t) id);
    return rpc->frame.head_len;
}


/* --- the checksum of version 2 ------------------------------------------- */

static bool
bolt_verify(const mosn_rpc_frame_t *f, const uint8_t *bytes)
{
    size_t covered = f->len - f->tail_len;

    return crc32_z(0, bytes, covered) == mosn_get_u32(bytes + covered);
}


static void
bolt_seal(const mosn_rpc_frame_t *f, const uint8_t *head, size_t head_len,
          const mosn_chain_t *body, uint8_t *tail)
{
    unsigned long sum = crc32_z(0, head, head_len);

    (void) f;
    for (const mosn_buf_t *b = body->head; b != NULL; b = b->next) {
        sum = crc32_z(sum, b->pos, mosn_buf_len(b));
    }
    mosn_put_u32(tail, (uint32_t) sum);
}


/* --- from HTTP ----------------------------------------------------------- */

static uint16_t
bolt_status_of_http(unsigned status)
{
    return status < 400 ? STATUS_SUCCESS
                        : bolt_find_status(MOSN_REASON_NONE, status);
}


/* The path has said that; a header that says another thing would reach the
 * host behind the back of the route. */
static bool
bolt_names_call(const mosn_header_t *h)
{
    static const mosn_str_t keys[] = {
        MOSN_STR_INIT("service"),
        MOSN_STR_INIT("sofa_head_method_name"),
        MOSN_STR_INIT("sofa_head_target_service"),
    };

    for (size_t i = 0; i < MOSN_COUNT(keys); i++) {
        if (mosn_str_equal_nocase((mosn_str_t){ h->name, h->name_len },
                                  keys[i])) {
            return true;
        }
    }
    return false;
}


static bool
bolt_takes_header(const mosn_header_t *h)
{
    return !h->removed && h->id != MOSN_HEADER_DATE
           && h->id != MOSN_HEADER_SERVER && !bolt_names_call(h);
}


static size_t
bolt_from_http(const mosn_message_t *http, mosn_str_t service,
               mosn_str_t method, size_t body_len, uint8_t *out)
{
    static const char class_of_request[] =
        "com.alipay.sofa.rpc.core.request.SofaRequest";
    static const char class_of_response[] =
        "com.alipay.sofa.rpc.core.response.SofaResponse";
    const mosn_headers_t *headers = &http->headers;
    bool                  request = http->status == 0;
    const char *class = request ? class_of_request : class_of_response;
    size_t   class_len = strlen(class), map = 0, n;
    uint8_t *b;

    for (uint32_t i = 0; i < headers->n; i++) {
        map +=
            bolt_takes_header(&headers->items[i])
                ? 8u + headers->items[i].name_len + headers->items[i].value_len
                : 0;
    }
    if (request) {
        map += 8 + 7 + service.len + 8 + 21 + method.len;
    }
    if (map > MAP_MAX || body_len > UINT32_MAX - 65536) {
        return 0;
    }
    if (out == NULL) {
        return FIXED_1 + 2 + class_len + map;
    }
    n = bolt_put_start(out, 1, request ? TYPE_REQUEST : TYPE_RESPONSE,
                       request ? CMD_REQUEST : CMD_RESPONSE, 0);
    if (request) {
        mosn_put_u32(out + n, UINT32_MAX); /* the route knows how long */
        n += 4;
    } else {
        mosn_put_u16(out + n, bolt_status_of_http(http->status));
        n += 2;
    }
    mosn_put_u16(out + n, (uint16_t) class_len);
    mosn_put_u16(out + n + 2, (uint16_t) map);
    mosn_put_u32(out + n + 4, (uint32_t) body_len);
    b = out + n + 8;
    memcpy(b, class, class_len);
    b += class_len;
    if (request) {
        b = bolt_put_string(b, "service", 7);
        b = bolt_put_string(b, service.at, (uint32_t) service.len);
        b = bolt_put_string(b, "sofa_head_method_name", 21);
        b = bolt_put_string(b, method.at, (uint32_t) method.len);
    }
    for (uint32_t i = 0; i < headers->n; i++) {
        const mosn_header_t *h = &headers->items[i];

        if (bolt_takes_header(h)) {
            b = bolt_put_string(b, h->name, h->name_len);
            b = bolt_put_string(b, h->value, h->value_len);
        }
    }
    return (size_t) (b - out);
}


/* --- the two codecs ------------------------------------------------------ */

#define BOLT_COMMON                                                           \
    .family = "bolt", .id_bytes = 4, .look = bolt_look, .read = bolt_read,    \
    .read_headers = bolt_read_headers, .verify = bolt_verify,                 \
    .seal = bolt_seal, .renumber = bolt_renumber, .encode = bolt_encode,      \
    .from_http = bolt_from_http, .ack = bolt_ack, .reply = bolt_reply,        \
    .http_status = bolt_http_status

static const mosn_rpc_codec_t bolt_codec = {
    BOLT_COMMON,           .protocol = MOSN_STR_INIT("bolt"),
    .probe = bolt_probe,   .heartbeat = bolt_heartbeat,
    .goaway = bolt_goaway,
};

static const mosn_rpc_codec_t bolt2_codec = {
    BOLT_COMMON,
    .protocol = MOSN_STR_INIT("boltv2"),
    .probe = bolt2_probe,
    .heartbeat = bolt2_heartbeat,
};

MOSN_MODULE(MOSN_RPC_CODEC, bolt, &bolt_codec);
MOSN_MODULE(MOSN_RPC_CODEC, boltv2, &bolt2_codec);
