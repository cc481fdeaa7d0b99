/* core/module.c - look modules up by kind and name. */

#include "core/module.h"

#include <stdio.h>


const mosn_module_t *
mosn_module_at(size_t i)
{
    return mosn_modules[i];
}


const mosn_module_t *
mosn_module_find(mosn_module_kind_e kind, mosn_str_t name)
{
    const mosn_module_t *module;

    for (size_t i = 0; (module = mosn_module_at(i)) != NULL; i++) {

        if (module->kind == kind
            && mosn_str_equal(mosn_str(module->name), name)) {
            return module;
        }
    }
    return NULL;
}


void
mosn_module_names(mosn_module_kind_e kind, char *out, size_t room)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; mosn_modules[i] != NULL && n < room; i++) {
        if (mosn_modules[i]->kind == kind) {
            n += (size_t) snprintf(out + n, room - n, "%s%s",
                                   n == 0 ? "" : ", ", mosn_modules[i]->name);
        }
    }
}


const char *
mosn_module_kind_name(mosn_module_kind_e kind)
{
    static const char *const names[] = {
        [MOSN_LISTENER_FILTER] = "listener filter",
        [MOSN_NET_FILTER] = "network filter",
        [MOSN_STREAM_FILTER] = "stream filter",
        [MOSN_STREAM_PROTOCOL] = "protocol",
        [MOSN_RPC_CODEC] = "protocol",
        [MOSN_LB] = "load balancer",
    };

    return names[kind];
}
