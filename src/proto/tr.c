/*
 * proto/tr.c - TR, the protocol of HSF over TBRemoting.
 *
 *   0d  response?  serializer  direction  0  connection:4  class:1  object:4
 *   | connection object | class name | application object |
 *
 * The id of a request is a long in the connection object, `ctx.id`; with
 * Hessian 2 it is as long as it is large, so that another id may change the
 * length of the head.  Hessian here is version 1 (serializer 1), or the early
 * draft of version 2 (serializer 4), whose codes are not those of the final
 * one.  What peers answer to a heartbeat is written nowhere; ours is a
 * response with result 0 and no object.
 */

#include "proto/rpc.h"

#define MAGIC       0x0d
#define FIXED       14u
#define HESSIAN_1   1
#define HESSIAN_2   4
#define ONE_WAY     1
#define TWO_WAY     2
#define RESULT_OK   0
#define OBJECT_MAX  65536u /* a connection object is well under 1 KiB */
#define NESTING_MAX 8
#define CLASSES_MAX 8

/* frame.at: the long, in the frame; how many bytes it takes. */
enum { AT_ID, ID_LEN };

static const char class_of_heartbeat[] =
    "com.taobao.remoting.impl.ConnectionHeartBeat";
static const char class_of_response[] =
    "com.alipay.sofa.rpc.core.response.SofaResponse";

/* Bytes that are read from the front. */
typedef struct {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    uint32_t       result; /* that stood on the way */
} tr_reader_t;


static bool
tr_has(const tr_reader_t *r, size_t n)
{
    return (size_t) (r->end - r->at) >= n;
}


static bool
tr_jump(tr_reader_t *r, size_t n)
{
    if (!tr_has(r, n)) {
        return false;
    }
    r->at += n;
    return true;
}


static bool
tr_is(mosn_str_t s, const char *text)
{
    return mosn_str_equal(s, mosn_str(text));
}


/* --- Hessian 1 ----------------------------------------------------------- */

/* "S" and 16 bits of length; names are ASCII. */
static bool
tr1_read_string(tr_reader_t *r, mosn_str_t *s_r)
{
    size_t n;

    if (!tr_has(r, 3) || *r->at != 'S') {
        return false;
    }
    n = mosn_get_u16(r->at + 1);
    r->at += 3;
    *s_r = (mosn_str_t){ (const char *) r->at, n };
    return tr_jump(r, n);
}


static bool
tr1_enter_map(tr_reader_t *r)
{
    if (!tr_has(r, 1) || *r->at != 'M') {
        return false;
    }
    r->at++;
    if (tr_has(r, 3) && *r->at == 't') {
        return tr_jump(r, 3u + mosn_get_u16(r->at + 1));
    }
    return true;
}


/* What is neither map nor list. */
static bool
tr1_skip_scalar(tr_reader_t *r)
{
    mosn_str_t s;

    if (!tr_has(r, 1)) {
        return false;
    }
    switch (*r->at) {
    case 'N':
    case 'T':
    case 'F':
        return tr_jump(r, 1);
    case 'I':
    case 'R':
        return tr_jump(r, 5);
    case 'L':
    case 'D':
    case 'd':
        return tr_jump(r, 9);
    default:
        return tr1_read_string(r, &s);
    }
}


/* The long in field "id" of the map in field "ctx"; "result" stands before
 * it. */
static bool
tr1_find_id(tr_reader_t *r)
{
    bool       in_context[NESTING_MAX] = { false };
    unsigned   depth = 0;
    mosn_str_t key;

    if (!tr1_enter_map(r)) {
        return false;
    }
    for (;;) {
        if (!tr_has(r, 1)) {
            return false;
        }
        if (*r->at == 'z') {
            r->at++;
            if (depth-- == 0) {
                return false;
            }
            continue;
        }
        if (!tr1_read_string(r, &key) || !tr_has(r, 1)) {
            return false;
        }
        if (in_context[depth] && tr_is(key, "id") && *r->at == 'L') {
            return tr_has(r, 9);
        }
        if (depth == 0 && tr_is(key, "result") && *r->at == 'I'
            && tr_has(r, 5)) {
            r->result = mosn_get_u32(r->at + 1);
        }
        if (*r->at == 'M') {
            if (depth + 1 == NESTING_MAX || !tr1_enter_map(r)) {
                return false;
            }
            depth++;
            in_context[depth] = depth == 1 && tr_is(key, "ctx");
        } else if (!tr1_skip_scalar(r)) {
            return false;
        }
    }
}


/* --- the draft of Hessian 2 ---------------------------------------------- */

static bool
tr2_read_int(tr_reader_t *r, uint32_t *value_r)
{
    uint8_t c;

    if (!tr_has(r, 1)) {
        return false;
    }
    c = *r->at;
    if (c >= 0x80 && c <= 0xbf) {
        *value_r = (uint32_t) (c - 0x90);
        return tr_jump(r, 1);
    }
    if (c >= 0xc0 && c <= 0xcf && tr_has(r, 2)) {
        *value_r = ((uint32_t) (c - 0xc8) << 8) + r->at[1];
        return tr_jump(r, 2);
    }
    if (c == 'I' && tr_has(r, 5)) {
        *value_r = mosn_get_u32(r->at + 1);
        return tr_jump(r, 5);
    }
    return false;
}


static bool
tr2_read_string(tr_reader_t *r, mosn_str_t *s_r)
{
    size_t n, head;

    if (!tr_has(r, 1)) {
        return false;
    }
    if (*r->at <= 0x1f) {
        n = *r->at;
        head = 1;
    } else if (*r->at == 'S' && tr_has(r, 3)) {
        n = mosn_get_u16(r->at + 1);
        head = 3;
    } else {
        return false;
    }
    r->at += head;
    *s_r = (mosn_str_t){ (const char *) r->at, n };
    return tr_jump(r, n); /* names are ASCII */
}


/* Bytes of a long; 0: it is none. */
static unsigned
tr2_long_len(uint8_t c)
{
    return c >= 0xd8 && c <= 0xef   ? 1
           : c >= 0xf0              ? 2
           : c >= 0x38 && c <= 0x3f ? 3
           : c == 0x77              ? 5
           : c == 'L'               ? 9
                                    : 0;
}


static bool
tr2_skip_scalar(tr_reader_t *r)
{
    mosn_str_t s;
    uint32_t   i;
    uint8_t    c;

    if (!tr_has(r, 1)) {
        return false;
    }
    c = *r->at;
    if (tr2_long_len(c) > 0) {
        return tr_jump(r, tr2_long_len(c));
    }
    switch (c) {
    case 'N':
    case 'T':
    case 'F':
        return tr_jump(r, 1);
    case 0x4a: /* references */
        return tr_jump(r, 2);
    case 0x4b:
        return tr_jump(r, 3);
    case 'R':
        return tr_jump(r, 5);
    default:
        return c >= 0x80 || c == 'I' ? tr2_read_int(r, &i)
                                     : tr2_read_string(r, &s);
    }
}


#define NAMES_MAX 3

/* A class: how many fields, and where those are that matter (from 1). */
typedef struct {
    uint32_t n_fields;
    uint32_t at[NAMES_MAX];
} tr_class_t;


static bool
tr2_read_class(tr_reader_t *r, const char *const names[NAMES_MAX],
               tr_class_t *class)
{
    uint32_t   n;
    mosn_str_t name;

    r->at++; /* O */
    *class = (tr_class_t){ 0 };
    if (!tr2_read_int(r, &n) || !tr_jump(r, n)
        || !tr2_read_int(r, &class->n_fields) || class->n_fields > 64)
    {
        return false;
    }
    for (uint32_t i = 1; i <= class->n_fields; i++) {
        if (!tr2_read_string(r, &name)) {
            return false;
        }
        for (int k = 0; k < NAMES_MAX && names[k] != NULL; k++) {
            class->at[k] = tr_is(name, names[k]) ? i : class->at[k];
        }
    }
    return true;
}


/* The long in field "id" of the object in field "ctx"; "result" stands before
 * it. */
static bool
tr2_find_id(tr_reader_t *r)
{
    enum { CTX, ID, RESULT };
    static const char *const names[NAMES_MAX] = { "ctx", "id", "result" };

    tr_class_t classes[CLASSES_MAX];
    struct {
        uint32_t class, field;
    } in[NESTING_MAX] = { 0 };
    uint32_t n_classes = 0, number;
    unsigned depth = 0; /* 0: outside */

    for (;;) {
        if (!tr_has(r, 1)) {
            return false;
        }
        if (*r->at == 'O') {
            if (n_classes == CLASSES_MAX
                || !tr2_read_class(r, names, &classes[n_classes++]))
            {
                return false;
            }
            continue;
        }
        while (depth > 0
               && in[depth].field == classes[in[depth].class].n_fields) {
            depth--; /* it is whole */
        }
        if (depth > 0) {
            in[depth].field++;
        }
        if (depth == 2 && in[2].field == classes[in[2].class].at[ID]
            && in[1].field == classes[in[1].class].at[CTX])
        {
            return tr2_long_len(*r->at) > 0 && tr_has(r, tr2_long_len(*r->at));
        }
        if (depth == 1 && in[1].field == classes[in[1].class].at[RESULT]
            && tr2_read_int(r, &r->result))
        {
            continue;
        }
        if (*r->at == 'o') {
            r->at++;
            if (depth + 1 == NESTING_MAX || !tr2_read_int(r, &number)
                || number >= n_classes)
            {
                return false;
            }
            depth++;
            in[depth].class = number;
            in[depth].field = 0;
        } else if (depth == 0 || !tr2_skip_scalar(r)) {
            return false;
        }
    }
}


static uint64_t
tr2_get_long(const uint8_t *at)
{
    uint8_t c = at[0];

    switch (tr2_long_len(c)) {
    case 1:
        return (uint64_t) (int64_t) (c - 0xe0);
    case 2:
        return (uint64_t) (((int64_t) c - 0xf8) * 256 + at[1]);
    case 3:
        return (uint64_t) (((int64_t) c - 0x3c) * 65536
                           + mosn_get_u16(at + 1));
    case 5:
        return (uint64_t) (int64_t) (int32_t) mosn_get_u32(at + 1);
    default:
        return mosn_get_u64(at + 1);
    }
}


static uint8_t *
tr2_put_long(uint8_t *out, uint64_t value)
{
    int64_t v = (int64_t) value;

    if (v >= -8 && v <= 15) {
        *out++ = (uint8_t) (0xe0 + v);
    } else if (v >= -2048 && v <= 2047) {
        *out++ = (uint8_t) (0xf8 + (v >> 8));
        *out++ = (uint8_t) v;
    } else if (v >= -262144 && v <= 262143) {
        *out++ = (uint8_t) (0x3c + (v >> 16));
        mosn_put_u16(out, (uint16_t) v);
        out += 2;
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        *out++ = 0x77;
        mosn_put_u32(out, (uint32_t) v);
        out += 4;
    } else {
        *out++ = 'L';
        mosn_put_u64(out, value);
        out += 8;
    }
    return out;
}


/* --- frames -------------------------------------------------------------- */

static mosn_rc_e
tr_probe(const uint8_t *bytes, size_t n)
{
    if (bytes[0] != MAGIC || (n > 1 && bytes[1] > 1)
        || (n > 2 && (bytes[2] == 0 || bytes[2] > HESSIAN_2)))
    {
        return MOSN_DECLINED;
    }
    return n > 2 ? MOSN_OK : MOSN_AGAIN;
}


static bool
tr_find_id(const uint8_t *bytes, mosn_rpc_frame_t *f)
{
    tr_reader_t r = { bytes, bytes + FIXED,
                      bytes + FIXED + mosn_get_u32(bytes + 5), 0 };

    if (f->version == HESSIAN_1 ? !tr1_find_id(&r) : !tr2_find_id(&r)) {
        return false;
    }
    f->status = r.result > UINT16_MAX ? UINT16_MAX : (uint16_t) r.result;
    f->at[AT_ID] = (uint32_t) (r.at - bytes);
    f->at[ID_LEN] = f->version == HESSIAN_1 ? 9 : tr2_long_len(*r.at);
    f->id =
        f->version == HESSIAN_1 ? mosn_get_u64(r.at + 1) : tr2_get_long(r.at);
    return true;
}


static mosn_rc_e
tr_look(const uint8_t *bytes, size_t n, mosn_rpc_frame_t *f,
        const char **why_r)
{
    mosn_str_t class;

    if (tr_probe(bytes, n) == MOSN_DECLINED) {
        *why_r = "not a frame of TR";
        return MOSN_ERROR;
    }
    if (n < FIXED) {
        return MOSN_AGAIN;
    }
    if (bytes[2] != HESSIAN_1 && bytes[2] != HESSIAN_2) {
        *why_r = "the id is written by Java or TOP: it cannot be read";
        return MOSN_ERROR;
    }
    if (mosn_get_u32(bytes + 5) > OBJECT_MAX) {
        *why_r = "the connection object is too long";
        return MOSN_ERROR;
    }
    f->version = bytes[2];
    f->head_len = FIXED + mosn_get_u32(bytes + 5) + bytes[9];
    f->len = f->head_len + mosn_get_u32(bytes + 10);
    f->tail_len = 0;
    f->timeout_ms = 0;
    f->status = 0;
    if (n < f->head_len) {
        return MOSN_AGAIN;
    }
    if (!tr_find_id(bytes, f)) {
        *why_r = "there is no ctx.id in the connection object";
        return MOSN_ERROR;
    }
    class = (mosn_str_t){ (const char *) bytes + f->head_len - bytes[9],
                          bytes[9] };
    if (tr_is(class, class_of_heartbeat)) {
        f->kind = bytes[1] == 1 ? MOSN_RPC_HEARTBEAT_ACK : MOSN_RPC_HEARTBEAT;
    } else {
        f->kind = bytes[1] == 1         ? MOSN_RPC_RESPONSE
                  : bytes[3] == ONE_WAY ? MOSN_RPC_ONEWAY
                                        : MOSN_RPC_REQUEST;
    }
    return MOSN_OK;
}


static size_t
tr_renumber(const mosn_rpc_t *rpc, uint64_t id, uint8_t *out)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    size_t                  after = f->at[AT_ID] + f->at[ID_LEN];
    uint8_t                *at = out + f->at[AT_ID];
    size_t                  n;

    memcpy(out, rpc->bytes, f->at[AT_ID]);
    if (f->version == HESSIAN_1) {
        *at++ = 'L';
        mosn_put_u64(at, id);
        at += 8;
    } else {
        at = tr2_put_long(at, id);
    }
    memcpy(at, rpc->bytes + after, f->head_len - after);
    n = (size_t) (at - out) + f->head_len - after;
    mosn_put_u32(out + 5, (uint32_t) (n - FIXED - out[9]));
    return n;
}


/* --- names --------------------------------------------------------------- */

/* Fields of the call, as far as they are strings. */
static void
tr1_read_names(tr_reader_t *r, mosn_str_t *service_r, mosn_str_t *method_r)
{
    mosn_str_t key, value;

    if (!tr1_enter_map(r)) {
        return;
    }
    while (tr1_read_string(r, &key) && tr_has(r, 1)) {
        if (*r->at != 'S') {
            if (!tr1_skip_scalar(r)) {
                return;
            }
            continue;
        }
        if (!tr1_read_string(r, &value)) {
            return;
        }
        if (tr_is(key, "targetServiceUniqueName")) {
            *service_r = value;
        } else if (tr_is(key, "methodName")) {
            *method_r = value;
        }
    }
}


static void
tr2_read_names(tr_reader_t *r, mosn_str_t *service_r, mosn_str_t *method_r)
{
    enum { SERVICE, METHOD };
    static const char *const names[NAMES_MAX] = { "targetServiceUniqueName",
                                                  "methodName" };

    tr_class_t class;
    uint32_t   number;
    mosn_str_t value;

    if (!tr_has(r, 1) || *r->at != 'O' || !tr2_read_class(r, names, &class)
        || !tr_has(r, 1) || *r->at++ != 'o' || !tr2_read_int(r, &number)
        || number != 0)
    {
        return;
    }
    for (uint32_t i = 1; i <= class.n_fields; i++) {
        if (tr2_read_string(r, &value)) {
            if (i == class.at[SERVICE]) {
                *service_r = value;
            } else if (i == class.at[METHOD]) {
                *method_r = value;
            }
        } else if (!tr2_skip_scalar(r)) {
            return;
        }
    }
}


/* What cannot be read is routed by what is known. */
static mosn_rc_e
tr_read(mosn_rpc_t *rpc, const char **why_r)
{
    const mosn_rpc_frame_t *f = &rpc->frame;
    tr_reader_t             r = { rpc->bytes, rpc->bytes + f->head_len,
                                  rpc->bytes + f->len, 0 };
    mosn_str_t              name = MOSN_STR_NULL;
    const char             *colon;

    (void) why_r;
    if (f->kind != MOSN_RPC_REQUEST && f->kind != MOSN_RPC_ONEWAY) {
        return MOSN_OK;
    }
    if (f->version == HESSIAN_1) {
        tr1_read_names(&r, &name, &rpc->method);
    } else {
        tr2_read_names(&r, &name, &rpc->method);
    }
    colon = name.at != NULL ? memchr(name.at, ':', name.len) : NULL;
    rpc->service = name;
    if (colon != NULL) { /* "interface:version" */
        rpc->service.len = (size_t) (colon - name.at);
        rpc->version =
            (mosn_str_t){ colon + 1, name.len - rpc->service.len - 1 };
    }
    return MOSN_OK;
}


/* --- frames of ours ------------------------------------------------------ */

#define REQUEST_CLASS  "com.taobao.remoting.impl.ConnectionRequest"
#define RESPONSE_CLASS "com.taobao.remoting.impl.ConnectionResponse"

static uint8_t *
tr_put(uint8_t *out, const char *text, size_t n)
{
    memcpy(out, text, n);
    return out + n;
}


static uint8_t *
tr1_put_string(uint8_t *out, uint8_t code, const char *text)
{
    size_t n = strlen(text);

    *out++ = code;
    mosn_put_u16(out, (uint16_t) n);
    return tr_put(out + 2, text, n);
}


/* As a class name, or as a field of a class. */
static uint8_t *
tr2_put_name(uint8_t *out, const char *text, bool class)
{
    size_t n = strlen(text);

    if (!class) {
        *out++ = (uint8_t) n; /* all of them are short */
    } else if (n <= 47) {
        *out++ = (uint8_t) (0x90 + n);
    } else {
        *out++ = 0xc8;
        *out++ = (uint8_t) n;
    }
    return tr_put(out, text, n);
}


static uint8_t *
tr1_put_connection(uint8_t *out, bool response, uint64_t id, const char *error)
{
    *out++ = 'M';
    out = tr1_put_string(out, 't', response ? RESPONSE_CLASS : REQUEST_CLASS);
    if (response) {
        out = tr1_put_string(out, 'S', "host");
        out = tr1_put_string(out, 'S', "");
        out = tr1_put_string(out, 'S', "result");
        *out++ = 'I';
        mosn_put_u32(out, error != NULL ? 1 : 0);
        out = tr1_put_string(out + 4, 'S', "errorMsg");
        out = tr1_put_string(out, 'S', error != NULL ? error : "");
    }
    out = tr1_put_string(out, 'S', "ctx");
    *out++ = 'M';
    out = tr1_put_string(out, 't',
                         response ? RESPONSE_CLASS "$ResponseContext"
                                  : REQUEST_CLASS "$RequestContext");
    out = tr1_put_string(out, 'S', "id");
    *out++ = 'L';
    mosn_put_u64(out, id);
    out = tr1_put_string(out + 8, 'S', "this$0");
    return tr_put(out, "R\0\0\0\0zz", 7);
}


static uint8_t *
tr2_put_connection(uint8_t *out, bool response, uint64_t id, const char *error)
{
    *out++ = 'O';
    out = tr2_put_name(out, response ? RESPONSE_CLASS : REQUEST_CLASS, true);
    *out++ = response ? 0x94 : 0x91;
    if (response) {
        out = tr2_put_name(out, "host", false);
        out = tr2_put_name(out, "result", false);
        out = tr2_put_name(out, "errorMsg", false);
    }
    out = tr2_put_name(out, "ctx", false);
    *out++ = 'o';
    *out++ = 0x90;
    if (response) {
        *out++ = 0; /* host */
        *out++ = error != NULL ? 0x91 : 0x90;
        *out++ = 'S';
        mosn_put_u16(out, (uint16_t) (error != NULL ? strlen(error) : 0));
        out = tr_put(out + 2, error != NULL ? error : "",
                     error != NULL ? strlen(error) : 0);
    }
    *out++ = 'O';
    out = tr2_put_name(out,
                       response ? RESPONSE_CLASS "$ResponseContext"
                                : REQUEST_CLASS "$RequestContext",
                       true);
    *out++ = 0x92;
    out = tr2_put_name(out, "id", false);
    out = tr2_put_name(out, "this$0", false);
    *out++ = 'o';
    *out++ = 0x91;
    out = tr2_put_long(out, id);
    *out++ = 0x4a; /* a reference to the outer object */
    *out++ = 0;
    return out;
}


/* `error` is one of ours: a few words. */
static size_t
tr_put_frame(uint8_t *out, uint8_t serializer, bool response, uint64_t id,
             const char *class, const char *error)
{
    uint8_t *at = out + FIXED;

    at = serializer == HESSIAN_1 ? tr1_put_connection(at, response, id, error)
                                 : tr2_put_connection(at, response, id, error);
    out[0] = MAGIC;
    out[1] = response ? 1 : 0;
    out[2] = serializer;
    out[3] = response ? 0 : TWO_WAY;
    out[4] = 0;
    mosn_put_u32(out + 5, (uint32_t) (at - out - FIXED));
    out[9] = (uint8_t) strlen(class);
    mosn_put_u32(out + 10, 1);
    at = tr_put(at, class, strlen(class));
    *at++ = 'N'; /* no object, in both serializers */
    return (size_t) (at - out);
}


static size_t
tr_heartbeat(uint64_t id, uint8_t *out)
{
    return tr_put_frame(out, HESSIAN_2, false, id, class_of_heartbeat, NULL);
}


static size_t
tr_ack(const mosn_rpc_frame_t *of, const uint8_t *bytes, bool well,
       uint8_t *out)
{
    (void) bytes;
    return tr_put_frame(out, of->version, true, of->id, class_of_heartbeat,
                        well ? NULL : "no host is well");
}


static size_t
tr_reply(const mosn_rpc_frame_t *of, const uint8_t *bytes,
         mosn_reason_e reason, unsigned status, mosn_str_t text, uint8_t *out)
{
    (void) bytes, (void) status, (void) text;
    return tr_put_frame(out, of->version, true, of->id, class_of_response,
                        mosn_reasons[reason].text);
}


/* Any other says that the host could not serve the call. */
static unsigned
tr_http_status(const mosn_rpc_t *rpc)
{
    return rpc->frame.status == RESULT_OK ? 200 : 500;
}


static const mosn_rpc_codec_t tr_codec = {
    .protocol = MOSN_STR_INIT("tr"),
    .family = "tr",
    .id_bytes = 8,
    .probe = tr_probe,
    .look = tr_look,
    .read = tr_read,
    .renumber = tr_renumber,
    .heartbeat = tr_heartbeat,
    .ack = tr_ack,
    .reply = tr_reply,
    .http_status = tr_http_status,
};

MOSN_MODULE(MOSN_RPC_CODEC, tr, &tr_codec);
