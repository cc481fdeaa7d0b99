/* tests/proxy/filter_chain.c - order and verdicts of stream filters. */

#include "tap.h"
#include "proxy/filter_chain.c"

static char           trace[64];
static mosn_request_t request;
static mosn_message_t head;
static mosn_stream_t  down;
static char           pauses, ends; /* the filter that does */


static mosn_verdict_e
step(const mosn_filter_t *filter, char kind)
{
    const char *name = filter->conf;
    size_t      n = strlen(trace);

    trace[n] = kind;
    trace[n + 1] = *name;
    trace[n + 2] = '\0';
    if (*name == ends) {
        request.over = true;
        return MOSN_END;
    }
    return *name == pauses ? MOSN_PAUSE : MOSN_NEXT;
}


static mosn_verdict_e
on_request(mosn_filter_t *f, mosn_stream_t *s, mosn_message_t *m)
{
    (void) s;
    (void) m;
    return step(f, '>');
}


static mosn_verdict_e
on_response(mosn_filter_t *f, mosn_stream_t *s, mosn_message_t *m)
{
    (void) s;
    (void) m;
    return step(f, '<');
}


static mosn_verdict_e
on_data(mosn_filter_t *f, mosn_stream_t *s, const mosn_buf_t *d, bool end)
{
    (void) s;
    (void) d;
    (void) end;
    return step(f, '.');
}


static const mosn_filter_ops_t ops = { .on_request = on_request,
                                       .on_request_data = on_data,
                                       .on_response = on_response,
                                       .on_response_data = on_data };


static void
begin(uint16_t at)
{
    trace[0] = '\0';
    request.over = request.filter_paused = false;
    request.filter_at = at;
}


int
main(void)
{
    static mosn_module_t     module = { .ops = &ops };
    static char              names[] = "abc";
    mosn_conf_module_t       items[3];
    static mosn_proxy_conf_t conf;

    for (size_t i = 0; i < 3; i++) {
        items[i] =
            (mosn_conf_module_t){ .module = &module, .conf = &names[i] };
    }
    conf.stream_filters.items = items;
    conf.stream_filters.n = 3;
    request.conf = &conf;
    request.pool = mosn_pool_create(MOSN_POOL_STREAM);
    request.down = &down;
    request.head = &head;
    mosn_filters_create(&request);
    is_num(request.n_filters, 3, "three filters");

    begin(0);
    ok(mosn_filters_on_request(&request) == MOSN_NEXT, "through");
    is_str(mosn_str(trace), ">a>b>c", "in the order of the configuration");
    begin(3);
    ok(mosn_filters_on_response(&request, &head) == MOSN_NEXT, "back");
    is_str(mosn_str(trace), "<c<b<a", "in the reverse order");

    begin(0);
    pauses = 'b';
    ok(mosn_filters_on_request(&request) == MOSN_PAUSE, "one waits");
    is_num(request.filter_at, 1, "it is known which");
    pauses = 0;
    request.filter_at++;
    ok(mosn_filters_on_request(&request) == MOSN_NEXT, "it goes on");
    is_str(mosn_str(trace), ">a>b>c", "and none runs twice");

    begin(3);
    pauses = 'b';
    ok(mosn_filters_on_response(&request, &head) == MOSN_PAUSE
           && request.filter_at == 2,
       "one waits on the way back");
    pauses = 0;

    begin(0);
    ends = 'b';
    ok(mosn_filters_on_request(&request) == MOSN_END, "one replies");
    is_str(mosn_str(trace), ">a>b", "the rest is not asked");
    begin(0);
    ok(!mosn_filters_on_request_data(&request, NULL, true), "one ends it");
    is_str(mosn_str(trace), ".a.b", "in the middle of a body");
    begin(3);
    ok(!mosn_filters_on_response_data(&request, NULL, true), "and of an");
    is_str(mosn_str(trace), ".c.b", "answer's body");

    mosn_pool_destroy(&request.pool);
    mosn_pool_release_cache();
    return done_testing();
}
