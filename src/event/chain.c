/* event/chain.c - settings of filter chains, and the choice among them. */

#include "event/chain.h"

#define EXACT_NAME 1024 /* above every length of a wildcard */

static const char *const transport_names[] = { "any", "tls", "raw", NULL };

static const mosn_directive_t match_directives[] = {
    MOSN_STRINGS(mosn_chain_match_conf_t, server_names,
                 "The client's server name (SNI) is one of these; "
                 "\"*.example.com\" stands for one label more."),
    MOSN_STRINGS(mosn_chain_match_conf_t, application_protocols,
                 "The client offers one of these (ALPN)."),
    MOSN_ENUM(mosn_chain_match_conf_t, transport_protocol, transport_names,
              MOSN_TRANSPORT_ANY, "It speaks TLS, or something else."),
    MOSN_DIRECTIVES_END
};

static const mosn_conf_block_t match_block = {
    .doc = "Which connections take the chain; an empty one takes all that no "
           "other is closer to.",
    .size = sizeof(mosn_chain_match_conf_t),
    .directives = match_directives,
};

static const mosn_directive_t chain_directives[] = {
    MOSN_STRING(mosn_chain_conf_t, name, NULL,
                "Name for changes at run time; without one it is the chain's "
                "place in the list, \"0\" for the first."),
    MOSN_GROUP(mosn_chain_conf_t, match, &match_block,
               "Which connections take it."),
    MOSN_OPT_GROUP(mosn_chain_conf_t, tls, &mosn_tls_server_block,
                   "TLS towards clients; without it connections are plain."),
    MOSN_MODULES(mosn_chain_conf_t, filters, MOSN_NET_FILTER,
                 "Network filters in order; the last one takes the bytes."),
    MOSN_DIRECTIVES_END
};


void
mosn_chain_check_filters(mosn_conf_t               *reader,
                         const mosn_conf_modules_t *filters, const void *group)
{
    for (size_t i = 0; i < filters->n; i++) {
        const mosn_net_filter_ops_t *ops = filters->items[i].module->ops;
        bool                         last = i + 1 == filters->n;

        if (last && !ops->terminal) {
            mosn_conf_error(reader, filters->items[i].conf, filters,
                            "nothing takes the bytes: the last filter must "
                            "be proxy or tcp_proxy");
        } else if (!last && ops->terminal) {
            mosn_conf_error(reader, filters->items[i].conf, filters,
                            "takes all bytes, the filters behind it see "
                            "none: must be the last");
        }
    }
    if (filters->n == 0) {
        mosn_conf_error(reader, filters, group,
                        "has no `filters`: nothing would take what comes");
    }
}


static void
chain_check(mosn_conf_t *reader, void *conf)
{
    mosn_chain_conf_t *c = conf;

    mosn_chain_check_filters(reader, &c->filters, c);
    if (c->match.transport_protocol != MOSN_TRANSPORT_RAW) {
        return;
    }
    if (c->tls != NULL) {
        mosn_conf_error(reader, c->tls, NULL,
                        "the match wants connections without TLS");
    }
    if (c->match.server_names.n > 0 || c->match.application_protocols.n > 0) {
        mosn_conf_error(reader, &c->match.transport_protocol, &c->match,
                        "only TLS has server names and application "
                        "protocols: nothing would match");
    }
}


const mosn_conf_block_t mosn_chain_block = {
    .doc = "What becomes of the connections that match.",
    .size = sizeof(mosn_chain_conf_t),
    .directives = chain_directives,
    .check = chain_check,
};


bool
mosn_filters_name(const mosn_conf_modules_t *filters, mosn_str_t cluster)
{
    for (size_t i = 0; i < filters->n; i++) {
        const mosn_net_filter_ops_t *ops = filters->items[i].module->ops;

        if (ops->names != NULL && ops->names(filters->items[i].conf, cluster))
        {
            return true;
        }
    }
    return false;
}


/* Its place has room for any number. */
static mosn_str_t
chain_name(const mosn_chains_conf_t *chains, size_t at, char place[24])
{
    mosn_str_t name = chains->items[at].name;

    return name.len > 0 ? name
                        : (mosn_str_t){ place, (size_t) snprintf(place, 24,
                                                                 "%zu", at) };
}


mosn_chain_conf_t *
mosn_chains_find(const mosn_chains_conf_t *chains, mosn_str_t name)
{
    char place[24];

    for (size_t i = 0; i < chains->n; i++) {
        if (mosn_str_equal(chain_name(chains, i, place), name)) {
            return &chains->items[i];
        }
    }
    return NULL;
}


void
mosn_chains_check_names(mosn_conf_t *reader, const mosn_chains_conf_t *chains)
{
    char place[24];

    for (size_t i = 0; i < chains->n; i++) {
        const mosn_chain_conf_t *c = &chains->items[i];
        mosn_str_t               name = chain_name(chains, i, place);

        if (mosn_chains_find(chains, name) != c) {
            mosn_conf_error(reader, &c->name, c,
                            "there is a filter chain \"%.*s\" already",
                            MOSN_STR_ARG(name));
        }
    }
}


bool
mosn_chains_inspect(const mosn_chains_conf_t *chains)
{
    const mosn_chain_match_conf_t *m = &chains->items[0].match;

    return chains->n > 1 || m->server_names.n > 0
           || m->application_protocols.n > 0
           || m->transport_protocol != MOSN_TRANSPORT_ANY;
}


/* How close the server name is; -1: not at all. */
static int
chain_name_score(const mosn_strs_t *names, mosn_str_t name)
{
    int best = names->n == 0 ? 0 : -1;

    for (size_t i = 0; i < names->n; i++) {
        mosn_str_t pattern = names->items[i];
        int score = pattern.at[0] == '*' ? (int) pattern.len : EXACT_NAME;

        if (name.len > 0 && score > best
            && mosn_server_name_matches(pattern, name)) {
            best = score;
        }
    }
    return best;
}


static int
chain_score(const mosn_chain_match_conf_t *m, const mosn_client_hello_t *hello)
{
    int  score = chain_name_score(&m->server_names, hello->server_name);
    bool offered = m->application_protocols.n == 0;

    for (size_t i = 0; i < m->application_protocols.n && !offered; i++) {
        offered =
            mosn_client_hello_offers(hello, m->application_protocols.items[i]);
    }
    if (score < 0 || !offered
        || (m->transport_protocol == MOSN_TRANSPORT_TLS && !hello->tls)
        || (m->transport_protocol == MOSN_TRANSPORT_RAW && hello->tls))
    {
        return -1;
    }
    return score * 4 + (m->transport_protocol != MOSN_TRANSPORT_ANY) * 2
           + (m->application_protocols.n > 0);
}


const mosn_chain_conf_t *
mosn_chains_choose(const mosn_chains_conf_t  *chains,
                   const mosn_client_hello_t *hello)
{
    const mosn_chain_conf_t *best = NULL;
    int                      best_score = -1;

    for (size_t i = 0; i < chains->n; i++) {
        int score = chain_score(&chains->items[i].match, hello);

        if (score > best_score) {
            best_score = score;
            best = &chains->items[i];
        }
    }
    return best;
}
