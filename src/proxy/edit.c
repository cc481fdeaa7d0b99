/* proxy/edit.c - set, add and remove headers and parameters. */

#include "proxy/edit.h"

#include "proto/pairs.h"
#include "proto/rpc.h"
#include "proxy/format.h"

typedef struct {
    mosn_str_t     name;
    mosn_header_e  id;
    mosn_format_t *value;
} edit_pair_t;

typedef MOSN_CONF_LIST(edit_pair_t) edit_pairs_t;

struct mosn_edits_s {
    const mosn_header_edits_conf_t *headers; /* or NULL */
    const mosn_query_edits_conf_t  *query;   /* or NULL */
    edit_pairs_t                    request_set;
    edit_pairs_t                    request_add;
    edit_pairs_t                    response_set;
    edit_pairs_t                    response_add;
    edit_pairs_t                    query_set;
    edit_pairs_t                    query_add;
};

const mosn_conf_block_t mosn_header_edits_block = {
    .doc =
        "Changes of headers.  Values are texts with %variables%, those of "
        "access logs; what is empty then is not sent.  Those of the route "
        "come first, then those of its virtual host, then those of the "
        "cluster; on the way back those of the cluster come first of all.  "
        "Answers of this proxy itself have them, too.  Calls of Dubbo whose "
        "attachments are not all strings go as they came.",
    .size = sizeof(mosn_header_edits_conf_t),
    .directives = mosn_header_edits_directives,
    .check = mosn_header_edits_check,
};

static const mosn_directive_t query_edits_directives[] = {
    MOSN_STRINGS(mosn_query_edits_conf_t, remove,
                 "Parameters taken off; before what is set."),
    MOSN_MAP(mosn_query_edits_conf_t, set,
             "Parameters, in place of what came."),
    MOSN_MAP(mosn_query_edits_conf_t, add, "Parameters, beside what came."),
    MOSN_DIRECTIVES_END
};

const mosn_conf_block_t mosn_query_edits_block = {
    .doc = "Changes of the query, after a rewrite of the path.  Values are "
           "texts with %variables%; what cannot stand in a query is written "
           "as %XX.",
    .size = sizeof(mosn_query_edits_conf_t),
    .directives = query_edits_directives,
};


/* --- building ------------------------------------------------------------ */

static edit_pairs_t
edit_build_pairs(mosn_conf_t *reader, mosn_pool_t *pool,
                 const mosn_conf_pairs_t *pairs, const void *group)
{
    edit_pairs_t list = { NULL, pairs->n };

    list.items = mosn_pool_calloc(pool, pairs->n * sizeof(*list.items) + 1);
    for (size_t i = 0; i < pairs->n; i++) {
        const mosn_conf_pair_t *p = &pairs->items[i];
        edit_pair_t            *e = &list.items[i];

        e->name = p->name;
        e->id = mosn_header_find_id(p->name.at, p->name.len);
        e->value = mosn_format_compile(reader, pool, p->value,
                                       MOSN_FORMAT_VALUE, pairs, group);
    }
    return list;
}


mosn_edits_t *
mosn_edits_build(mosn_conf_t *reader, mosn_pool_t *pool,
                 const mosn_header_edits_conf_t *h,
                 const mosn_query_edits_conf_t  *q)
{
    mosn_edits_t *e;

    if (h == NULL && q == NULL) {
        return NULL;
    }
    e = mosn_pool_calloc(pool, sizeof(*e));
    e->headers = h;
    e->query = q;
    if (h != NULL) {
        e->request_set = edit_build_pairs(reader, pool, &h->request_set, h);
        e->request_add = edit_build_pairs(reader, pool, &h->request_add, h);
        e->response_set = edit_build_pairs(reader, pool, &h->response_set, h);
        e->response_add = edit_build_pairs(reader, pool, &h->response_add, h);
    }
    if (q != NULL) {
        e->query_set = edit_build_pairs(reader, pool, &q->set, q);
        e->query_add = edit_build_pairs(reader, pool, &q->add, q);
    }
    return e;
}


/* --- headers --------------------------------------------------------------
 */

static void
edit_headers(mosn_request_t *r, mosn_headers_t *headers,
             const mosn_strs_t *remove, const edit_pairs_t *set,
             const edit_pairs_t *add)
{
    for (size_t i = 0; i < remove->n; i++) {
        mosn_headers_remove_name(headers, remove->items[i]);
    }
    for (size_t i = 0; i < set->n; i++) {
        const edit_pair_t *e = &set->items[i];
        mosn_str_t         value = mosn_format_value(e->value, r, r->pool);

        if (value.len > 0) {
            mosn_headers_set(headers, e->id, e->name, value);
        } else {
            mosn_headers_remove_name(headers, e->name);
        }
    }
    for (size_t i = 0; i < add->n; i++) {
        const edit_pair_t *e = &add->items[i];
        mosn_str_t         value = mosn_format_value(e->value, r, r->pool);

        if (value.len > 0) {
            mosn_headers_add(headers, e->id, e->name, value);
        }
    }
}


/* --- queries --------------------------------------------------------------
 */

typedef struct {
    char  *out;
    size_t n;
    size_t room;
} edit_query_t;


static void
edit_put(edit_query_t *q, const char *at, size_t n)
{
    if (n <= q->room - q->n) {
        memcpy(q->out + q->n, at, n);
        q->n += n;
    }
}


/* RFC 3986, 3.4 without what parts parameters. */
static void
edit_put_escaped(edit_query_t *q, mosn_str_t s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t) s.at[i];
        char    code[3] = { '%', hex[c >> 4], hex[c & 15] };

        if (c > ' ' && c < 0x7f && strchr("&=#+%\"<>\\^`{|}", c) == NULL) {
            edit_put(q, &s.at[i], 1);
        } else {
            edit_put(q, code, 3);
        }
    }
}


static int
edit_digit(char c)
{
    uint8_t d = mosn_lower((uint8_t) c);

    return d >= '0' && d <= '9'   ? d - '0'
           : d >= 'a' && d <= 'f' ? d - 'a' + 10
                                  : -1;
}


/* However it is written: "%61" is "a". */
static bool
edit_is_name(mosn_str_t want, mosn_str_t is)
{
    size_t k = 0;

    for (size_t i = 0; i < is.len; i++, k++) {
        char c = is.at[i];

        if (c == '%' && i + 2 < is.len && edit_digit(is.at[i + 1]) >= 0
            && edit_digit(is.at[i + 2]) >= 0)
        {
            c = (char) (edit_digit(is.at[i + 1]) * 16
                        + edit_digit(is.at[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (k >= want.len || want.at[k] != c) {
            return false;
        }
    }
    return k == want.len;
}


static bool
edit_has_name(const edit_pairs_t *pairs, mosn_str_t name)
{
    for (size_t i = 0; i < pairs->n; i++) {
        if (edit_is_name(pairs->items[i].name, name)) {
            return true;
        }
    }
    return false;
}


static bool
edit_is_removed(const mosn_edits_t *e, mosn_str_t name)
{
    for (size_t i = 0; i < e->query->remove.n; i++) {
        if (edit_is_name(e->query->remove.items[i], name)) {
            return true;
        }
    }
    return edit_has_name(&e->query_set, name);
}


/* Three bytes for each when it is escaped. */
static void
edit_put_pairs(edit_query_t *q, const edit_pairs_t *pairs, mosn_request_t *r,
               char *sign)
{
    for (size_t i = 0; i < pairs->n; i++) {
        mosn_str_t name = pairs->items[i].name;
        mosn_str_t value =
            mosn_format_value(pairs->items[i].value, r, r->pool);
        size_t room = q->n + 2 + (name.len + value.len) * 3;
        char  *out;

        if (value.len == 0) {
            continue;
        }
        if (room > q->room) {
            out = mosn_pool_alloc(r->pool, room);
            memcpy(out, q->out, q->n);
            q->out = out;
            q->room = room;
        }
        edit_put(q, sign, 1);
        *sign = '&';
        edit_put_escaped(q, name);
        edit_put(q, "=", 1);
        edit_put_escaped(q, value);
    }
}


static void
edit_query(const mosn_edits_t *e, mosn_request_t *r, mosn_message_t *m)
{
    mosn_str_t   path = m->path, rest = path, name, value;
    const char  *query = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;
    char         sign = '?';
    edit_query_t q = { .room = path.len + 2 };

    if (query != NULL) {
        path.len = (size_t) (query - path.at);
    }
    q.out = mosn_pool_alloc(r->pool, q.room);
    edit_put(&q, path.at, path.len);
    rest.at += path.len;
    rest.len -= path.len;
    while (mosn_query_next(&rest, &name, &value)) {
        if (!edit_is_removed(e, name)) {
            edit_put(&q, &sign, 1);
            sign = '&';
            edit_put(&q, name.at, (size_t) (value.at - name.at) + value.len);
        }
    }
    edit_put_pairs(&q, &e->query_set, r, &sign);
    edit_put_pairs(&q, &e->query_add, r, &sign);
    m->path = (mosn_str_t){ q.out, q.n };
}


/* --- both -----------------------------------------------------------------
 */

void
mosn_edits_apply_request(const mosn_edits_t *e, mosn_request_t *r,
                         mosn_message_t *m)
{
    if (e->query != NULL && m->rpc == NULL && m->path.len > 0) {
        edit_query(e, r, m);
    }
    if (e->headers != NULL) {
        mosn_message_need_headers(m);
        edit_headers(r, &m->headers, &e->headers->request_remove,
                     &e->request_set, &e->request_add);
    }
}


void
mosn_edits_apply_response(const mosn_edits_t *e, mosn_request_t *r,
                          mosn_message_t *m)
{
    if (e->headers != NULL) {
        mosn_message_need_headers(m);
        edit_headers(r, &m->headers, &e->headers->response_remove,
                     &e->response_set, &e->response_add);
    }
}
