/*
 * event/chain.h - filter chains: what becomes of a connection, by what its
 * first bytes ask for.
 *
 * A listener has one chain of its own or several to choose from.  Where there
 * is a choice the first bytes are waited for and looked at, so that TLS and
 * plain text can share a port.  The chain with the most specific server name
 * wins, then the one that names a transport, then one that names application
 * protocols; of equals the first.
 */

#ifndef MOSN_EVENT_CHAIN_H
#define MOSN_EVENT_CHAIN_H

#include "core/generation.h"
#include "event/client_hello.h"
#include "event/net_filter.h"
#include "event/tls.h"

enum { MOSN_TRANSPORT_ANY, MOSN_TRANSPORT_TLS, MOSN_TRANSPORT_RAW };

typedef struct {
    mosn_strs_t server_names;
    mosn_strs_t application_protocols;
    int         transport_protocol;
} mosn_chain_match_conf_t;

struct mosn_chain_conf_s {
    mosn_str_t              name; /* empty: its place in the list is */
    mosn_chain_match_conf_t match;
    mosn_tls_server_conf_t *tls;     /* NULL: plain */
    mosn_tls_ctx_t         *tls_ctx; /* built */
    mosn_conf_modules_t     filters;
    mosn_live_t            *live; /* of `filters`; NULL: of the generation */
};

typedef MOSN_CONF_LIST(mosn_chain_conf_t) mosn_chains_conf_t;

extern const mosn_conf_block_t mosn_chain_block;

/* The last filter takes the bytes, and no other does. */
void mosn_chain_check_filters(mosn_conf_t               *reader,
                              const mosn_conf_modules_t *filters,
                              const void                *group);

/* Does one of the filters name that cluster? */
bool mosn_filters_name(const mosn_conf_modules_t *filters, mosn_str_t cluster);

/* Each has its own. */
void mosn_chains_check_names(mosn_conf_t              *reader,
                             const mosn_chains_conf_t *chains);

/* The chain of that name, or NULL. */
mosn_chain_conf_t *mosn_chains_find(const mosn_chains_conf_t *chains,
                                    mosn_str_t                name);

/* Must first bytes be seen before one can be chosen? */
bool mosn_chains_inspect(const mosn_chains_conf_t *chains);

/* NULL: none of them is for such a connection. */
const mosn_chain_conf_t *mosn_chains_choose(const mosn_chains_conf_t  *chains,
                                            const mosn_client_hello_t *hello);

#endif
