/* stream/protocol.c - all protocols in one table. */

#include "stream/protocol.h"
#include "core/log.h"
#include "stream/mux_rpc.h"

#include <stdio.h>

#define PROTOCOLS_MAX 64

/* Made once of the modules, the same in every process. */
static const mosn_stream_protocol_ops_t *protocols[PROTOCOLS_MAX];
static mosn_stream_protocol_ops_t        protocol_of_codec[PROTOCOLS_MAX];
static size_t                            n_protocols;


/* The likelier first; no two of these take the same bytes. */
static const char *const protocol_order[] = { "http1",  "http2", "bolt",
                                              "boltv2", "dubbo", "tr" };


static void
protocol_add(const mosn_module_t *module)
{
    mosn_stream_protocol_ops_t *made = &protocol_of_codec[n_protocols];

    for (size_t i = 0; i < n_protocols; i++) {
        if (strcmp(protocols[i]->name, module->name) == 0) {
            return; /* it is there */
        }
    }
    MOSN_BUG_ON(n_protocols == PROTOCOLS_MAX);
    if (module->kind == MOSN_STREAM_PROTOCOL) {
        protocols[n_protocols++] = module->ops;
    } else if (module->kind == MOSN_RPC_CODEC) {
        mosn_rpc_protocol_make(made, module->name, module->ops);
        protocols[n_protocols++] = made;
    }
}


static void
protocol_fill(void)
{
    for (size_t k = 0; k < MOSN_COUNT(protocol_order); k++) {
        for (size_t i = 0; mosn_module_at(i) != NULL; i++) {
            if (strcmp(mosn_module_at(i)->name, protocol_order[k]) == 0) {
                protocol_add(mosn_module_at(i));
            }
        }
    }
    for (size_t i = 0; mosn_module_at(i) != NULL; i++) {
        protocol_add(mosn_module_at(i));
    }
}


const mosn_stream_protocol_ops_t *
mosn_protocol_at(size_t i)
{
    if (n_protocols == 0) {
        protocol_fill();
    }
    return i < n_protocols ? protocols[i] : NULL;
}


const mosn_stream_protocol_ops_t *
mosn_protocol_find(mosn_str_t name)
{
    const mosn_stream_protocol_ops_t *protocol;

    for (size_t i = 0; (protocol = mosn_protocol_at(i)) != NULL; i++) {
        if (mosn_str_equal(mosn_str(protocol->name), name)) {
            return protocol;
        }
    }
    return NULL;
}


void
mosn_protocol_names(char *out, size_t room)
{
    const mosn_stream_protocol_ops_t *protocol;
    size_t                            n = 0;

    out[0] = '\0';
    for (size_t i = 0; (protocol = mosn_protocol_at(i)) != NULL && n < room;
         i++) {
        n += (size_t) snprintf(out + n, room - n, "%s%s", n == 0 ? "" : ", ",
                               protocol->name);
    }
}
