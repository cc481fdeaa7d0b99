/* core/module.c - look modules up by kind and name. */

#include "core/module.h"

#include <dlfcn.h>
#include <stdio.h>

#define LOADED_MAX 32 /* in this process; a reload loads them again */


static const mosn_module_t *modules_loaded[LOADED_MAX];
static size_t               n_modules_loaded;


static size_t
module_count_built(void)
{
    size_t n = 0;

    while (mosn_modules[n] != NULL) {
        n++;
    }
    return n;
}


const mosn_module_t *
mosn_module_at(size_t i)
{
    static size_t n_built;

    if (n_built == 0) {
        n_built = module_count_built();
    }
    if (i < n_built) {
        return mosn_modules[i];
    }
    return i - n_built < n_modules_loaded ? modules_loaded[i - n_built] : NULL;
}


/* --- shared objects ------------------------------------------------------ */

static bool
module_refuse(char *why, size_t room, const char *text)
{
    (void) snprintf(why, room, "%s", text);
    return false;
}


static bool
module_accept(const mosn_plugin_t *plugin, char *why, size_t room)
{
    const mosn_module_t *module;

    if (plugin == NULL || plugin->magic != MOSN_ABI_MAGIC) {
        return module_refuse(why, room, "it has no module of mosn in it");
    }
    if (plugin->abi != MOSN_ABI) {
        (void) snprintf(why, room,
                        "it was built for interface %u, this is %u: build it "
                        "again with the headers of this version",
                        plugin->abi, MOSN_ABI);
        return false;
    }
    for (size_t i = 0; i < n_modules_loaded; i++) {
        if (modules_loaded[i] == plugin->module) {
            return true; /* named before */
        }
    }
    module =
        mosn_module_find(plugin->module->kind, mosn_str(plugin->module->name));
    if (module != NULL) {
        (void) snprintf(why, room, "there is a %s \"%s\" already",
                        mosn_module_kind_name(module->kind), module->name);
        return false;
    }
    if (n_modules_loaded == LOADED_MAX) {
        return module_refuse(why, room, "too many are loaded");
    }
    modules_loaded[n_modules_loaded++] = plugin->module;
    return true;
}


bool
mosn_module_load(const char *path, char *why, size_t room)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (object == NULL) {
        return module_refuse(why, room, dlerror());
    }
    if (!module_accept(dlsym(object, "mosn_plugin"), why, room)) {
        (void) dlclose(object);
        return false;
    }
    return true; /* open for good: its code may be anywhere */
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
    const mosn_module_t *module;
    size_t               n = 0;

    out[0] = '\0';
    for (size_t i = 0; (module = mosn_module_at(i)) != NULL && n < room; i++) {
        if (module->kind == kind) {
            n += (size_t) snprintf(out + n, room - n, "%s%s",
                                   n == 0 ? "" : ", ", module->name);
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
