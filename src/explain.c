/* explain.c - find the listener, then ask its routes. */

#include "explain.h"

#include "command.h"
#include "proxy/explain.h"


/* --- where ----------------------------------------------------------------
 */

static const mosn_proxy_conf_t *
explain_find_proxy(const mosn_conf_modules_t *filters)
{
    for (size_t i = 0; i < filters->n; i++) {
        const mosn_module_t *module = filters->items[i].module;

        if (module != NULL && strcmp(module->name, "proxy") == 0) {
            return filters->items[i].conf;
        }
    }
    return NULL;
}


/* The name that clients ask for when they are given this URL. */
static mosn_str_t
explain_server_name(mosn_str_t url)
{
    mosn_str_t host = { url.at + 8, 0 };

    if (!mosn_str_has_prefix(url, MOSN_STR("https://"))) {
        return MOSN_STR_NULL;
    }
    while (host.len < url.len - 8
           && memchr("/?#:", host.at[host.len], 4) == NULL) {
        host.len++;
    }
    /* Addresses are no names (RFC 6066, section 3). */
    return host.len == 0 || host.at[0] == '['
                   || (host.at[host.len - 1] >= '0'
                       && host.at[host.len - 1] <= '9')
               ? MOSN_STR_NULL
               : host;
}


/* What a client would begin TLS with, if it does. */
static mosn_client_hello_t
explain_hello(const mosn_question_t *q, mosn_pool_t *pool)
{
    mosn_client_hello_t hello = { .server_name = q->server_name };
    size_t              n = 0;
    char               *out;

    hello.tls = q->server_name.len > 0 || q->protocols.n > 0
                || mosn_str_has_prefix(q->url, MOSN_STR("https://"));
    for (size_t i = 0; i < q->protocols.n; i++) {
        n += q->protocols.items[i].len + 1;
    }
    hello.alpn.at = out = mosn_pool_alloc(pool, n + 1);
    for (size_t i = 0; i < q->protocols.n; i++) {
        mosn_str_t name = q->protocols.items[i];

        *out++ = (char) (uint8_t) name.len;
        memcpy(out, name.at, name.len);
        out += name.len;
    }
    hello.alpn.len = n;
    return hello;
}


/* The chain that such a client gets, or NULL. */
static const mosn_chain_conf_t *
explain_choose(const mosn_listener_conf_t *l, const mosn_client_hello_t *hello)
{
    return l->filter_chains.n == 0 ? &l->own
                                   : mosn_chains_choose(&l->chains, hello);
}


/* Would a client that was given such a URL come to it: with TLS, or without?
 * Anybody would when the URL has no scheme. */
static bool
explain_fits(const mosn_question_t *q, const mosn_client_hello_t *hello,
             const mosn_chain_conf_t *chain)
{
    return hello->tls
               ? chain->tls != NULL
               : chain->tls == NULL
                     || !mosn_str_has_prefix(q->url, MOSN_STR("http://"));
}


/* The first listener with routes for such a client; NULL: none. */
static const mosn_listener_conf_t *
explain_find(const mosn_settings_t *s, const mosn_question_t *q,
             const mosn_client_hello_t *hello, bool fitting,
             const mosn_chain_conf_t **chain_r)
{
    for (size_t i = 0; i < s->listeners.n; i++) {
        const mosn_listener_conf_t *l = &s->listeners.items[i];
        const mosn_chain_conf_t    *chain;

        if (q->listener.len > 0 && !mosn_str_equal(q->listener, l->name)) {
            continue;
        }
        chain = explain_choose(l, hello);
        if (chain != NULL && explain_find_proxy(&chain->filters) != NULL
            && (!fitting || explain_fits(q, hello, chain)))
        {
            *chain_r = chain;
            return l;
        }
    }
    return NULL;
}


static void
explain_place(const mosn_listener_conf_t *l, const mosn_chain_conf_t *chain,
              FILE *out)
{
    char text[MOSN_ADDRESS_TEXT];

    (void) mosn_address_format(&l->address.sa, l->address.len, text);
    (void) fprintf(out, "listener   %.*s, %s\n", MOSN_STR_ARG(l->name), text);
    if (l->filter_chains.n > 0) {
        (void) fprintf(out, "chain      filter_chains[%td]%s%.*s\n",
                       chain - l->chains.items,
                       chain->name.len > 0 ? ", " : "",
                       MOSN_STR_ARG(chain->name));
    }
}


/* On HTTP/2: the server chooses. */
static bool
explain_agrees(const mosn_question_t *q, const mosn_strs_t *alpn)
{
    for (size_t i = 0; i < alpn->n; i++) {
        for (size_t k = 0; k < q->protocols.n; k++) {
            if (mosn_str_equal(alpn->items[i], q->protocols.items[k])) {
                return mosn_str_equal(alpn->items[i], MOSN_STR("h2"));
            }
        }
    }
    return false;
}


static const char *
explain_ask(const mosn_settings_t *s, mosn_question_t *q, mosn_pool_t *pool,
            mosn_explained_t *result, FILE *out)
{
    const mosn_listener_conf_t *l;
    const mosn_chain_conf_t    *chain;
    mosn_client_hello_t         hello;

    if (q->server_name.len == 0) {
        q->server_name = explain_server_name(q->url);
    }
    for (size_t i = 0; i < q->protocols.n; i++) {
        if (q->protocols.items[i].len == 0 || q->protocols.items[i].len > 255)
        {
            return "a protocol has 1 to 255 bytes";
        }
    }
    hello = explain_hello(q, pool);
    l = explain_find(s, q, &hello, true, &chain);
    if (l == NULL) { /* another one may end TLS before us */
        l = explain_find(s, q, &hello, false, &chain);
    }
    if (l == NULL) {
        return q->listener.len > 0
                   ? "there is no listener of that name with routes for such "
                     "a client"
                   : "no listener has routes for such a client";
    }
    if (out != NULL) {
        explain_place(l, chain, out);
    }
    q->tls = chain->tls_ctx;
    q->http2 = chain->tls != NULL && explain_agrees(q, &chain->tls->alpn);
    return mosn_explain(explain_find_proxy(&chain->filters), l, q, pool,
                        result, out);
}


/* --- mosnctl explain ------------------------------------------------------
 */

/* "h2,http/1.1" */
static mosn_strs_t
line_protocols(mosn_str_t list, mosn_pool_t *pool)
{
    mosn_strs_t names = { .n = 0 };

    names.items = mosn_pool_alloc(pool, (list.len + 1) * sizeof(*names.items));
    for (;;) {
        const char *comma =
            list.len > 0 ? memchr(list.at, ',', list.len) : NULL;
        mosn_str_t name = list;

        if (comma == NULL) {
            names.items[names.n++] = name;
            return names;
        }
        name.len = (size_t) (comma - list.at);
        names.items[names.n++] = name;
        list = (mosn_str_t){ comma + 1, list.len - name.len - 1 };
    }
}


/* "source=1.2.3.4", "sni=a.example", "alpn=h2", "name: value". */
static bool
line_detail(mosn_question_t *q, mosn_str_t word, mosn_pool_t *pool)
{
    const char       *colon;
    mosn_conf_pair_t *more;

    if (mosn_str_has_prefix(word, MOSN_STR("source="))) {
        q->source = (mosn_str_t){ word.at + 7, word.len - 7 };
        return true;
    }
    if (mosn_str_has_prefix(word, MOSN_STR("sni="))) {
        q->server_name = (mosn_str_t){ word.at + 4, word.len - 4 };
        return true;
    }
    if (mosn_str_has_prefix(word, MOSN_STR("alpn="))) {
        q->protocols =
            line_protocols((mosn_str_t){ word.at + 5, word.len - 5 }, pool);
        return true;
    }
    colon = word.len > 0 ? memchr(word.at, ':', word.len) : NULL;
    if (colon == NULL || colon == word.at) {
        return false;
    }
    more = mosn_pool_calloc(pool, (q->headers.n + 1) * sizeof(*more));
    if (q->headers.n > 0) {
        memcpy(more, q->headers.items, q->headers.n * sizeof(*more));
    }
    more[q->headers.n].name =
        (mosn_str_t){ word.at, (size_t) (colon - word.at) };
    more[q->headers.n].value = mosn_str_trim(
        (mosn_str_t){ colon + 1, word.len - more[q->headers.n].name.len - 1 });
    q->headers.items = more;
    q->headers.n++;
    return true;
}


const char *
mosn_explain_line(const mosn_settings_t *s, mosn_str_t line, mosn_pool_t *pool,
                  FILE *out)
{
    mosn_question_t  q = { 0 };
    mosn_explained_t result;
    mosn_str_t       word = mosn_command_word(&line, pool);
    bool             call;

    if (word.len > 0 && word.at[0] == '@') {
        q.listener = (mosn_str_t){ word.at + 1, word.len - 1 };
        word = mosn_command_word(&line, pool);
    }
    call = mosn_str_equal(word, MOSN_STR("call"));
    if (!call) {
        q.method = word;
        q.url = mosn_command_word(&line, pool);
        if (q.url.len == 0) {
            return "expected METHOD URL, or call SERVICE METHOD";
        }
    }
    while (line.len > 0) {
        word = mosn_command_word(&line, pool);
        if (line_detail(&q, word, pool)) {
            continue;
        }
        if (!call) {
            return "expected NAME:VALUE, source=ADDRESS, sni=NAME or "
                   "alpn=NAMES";
        }
        q.call =
            mosn_pool_printf(pool, "%.*s%s%.*s", MOSN_STR_ARG(q.call),
                             q.call.len > 0 ? " " : "", MOSN_STR_ARG(word));
    }
    if (call && q.call.len == 0) {
        return "expected call SERVICE METHOD";
    }
    return explain_ask(s, &q, pool, &result, out);
}


/* --- tests ----------------------------------------------------------------
 */

static void
test_expect(mosn_conf_t *reader, const mosn_test_conf_t *t,
            const mosn_str_t *member, mosn_str_t is)
{
    if (member->at != NULL && !mosn_str_equal(*member, is)) {
        mosn_conf_error(reader, member, t, "test \"%.*s\": it is \"%.*s\"",
                        MOSN_STR_ARG(t->name), MOSN_STR_ARG(is));
    }
}


/* Of a split any of the clusters will do. */
static void
test_expect_cluster(mosn_conf_t *reader, const mosn_test_conf_t *t,
                    const mosn_explained_t *result)
{
    const mosn_route_t *route = result->route;
    mosn_str_t          is =
        result->cluster != NULL ? result->cluster->name : MOSN_STR("none");

    if (route != NULL && route->split != NULL && t->cluster.at != NULL) {
        const mosn_forward_conf_t *f = route->conf->route;

        for (size_t i = 0; i < f->clusters.n; i++) {
            if (f->clusters.items[i].weight > 0
                && mosn_str_equal(f->clusters.items[i].name, t->cluster))
            {
                return;
            }
        }
    }
    test_expect(reader, t, &t->cluster, is);
}


static void
test_run(mosn_conf_t *reader, const mosn_settings_t *s,
         const mosn_test_conf_t *t, mosn_pool_t *pool)
{
    mosn_question_t  q = { .listener = t->listener,
                           .call = t->call,
                           .headers = t->headers,
                           .source = t->source,
                           .server_name = t->server_name,
                           .protocols = t->application_protocols };
    mosn_explained_t result;
    const char      *why, *space;

    if (t->request.at != NULL) {
        space = memchr(t->request.at, ' ', t->request.len);
        if (space == NULL) {
            mosn_conf_error(reader, &t->request, t,
                            "expected \"METHOD URL\", found \"%.*s\"",
                            MOSN_STR_ARG(t->request));
            return;
        }
        q.method =
            (mosn_str_t){ t->request.at, (size_t) (space - t->request.at) };
        q.url = (mosn_str_t){ space + 1, t->request.len - q.method.len - 1 };
    }
    why = explain_ask(s, &q, pool, &result, NULL);
    if (why != NULL) {
        mosn_conf_error(reader, t, NULL, "test \"%.*s\": %s",
                        MOSN_STR_ARG(t->name), why);
        return;
    }
    test_expect(reader, t, &t->route,
                result.route != NULL ? result.route->name : MOSN_STR("none"));
    test_expect_cluster(reader, t, &result);
    test_expect(reader, t, &t->path, result.path);
    test_expect(reader, t, &t->host, result.host);
    test_expect(reader, t, &t->location, result.location);
    if (t->status != 0 && t->status != (int64_t) result.status) {
        mosn_conf_error(reader, &t->status, t, "test \"%.*s\": it is %u",
                        MOSN_STR_ARG(t->name), result.status);
    }
}


void
mosn_settings_run_tests(mosn_conf_t *reader, const mosn_settings_t *s,
                        mosn_pool_t *pool)
{
    for (size_t i = 0; i < s->tests.n; i++) {
        test_run(reader, s, &s->tests.items[i], pool);
    }
}
