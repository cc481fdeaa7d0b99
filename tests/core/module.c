/* tests/core/module.c - every module of the build is sound. */

#include "tap.h"
#include "core/module.c"


int
main(void)
{
    char   names[512];
    size_t n = 0;
    bool   apart = true, rows = true;

    for (; mosn_modules[n] != NULL; n++) {
        const mosn_module_ops_t *ops = mosn_modules[n]->ops;
        const mosn_directive_t  *row = ops->directives;

        for (size_t k = 0; k < n; k++) {
            apart &=
                mosn_modules[k]->kind != mosn_modules[n]->kind
                || strcmp(mosn_modules[k]->name, mosn_modules[n]->name) != 0;
        }
        for (; row != NULL && row->type != MOSN_TYPE_END; row++) {
            rows &= row->doc != NULL && row->offset < ops->conf_size
                    && (row->type != MOSN_TYPE_ENUM || row->names != NULL);
        }
    }
    ok(n > 5, "%zu modules", n);
    ok(apart, "no two of a kind have the same name");
    ok(rows, "every setting has a sentence and a place in its struct");
    ok(mosn_module_find(MOSN_LB, MOSN_STR("random")) != NULL, "found");
    ok(mosn_module_find(MOSN_NET_FILTER, MOSN_STR("random")) == NULL,
       "only of its kind");
    mosn_module_names(MOSN_LB, names, sizeof(names));
    is_str(mosn_str(names),
           "least_request, maglev, peak_ewma, random, ring_hash, round_robin, "
           "weighted_round_robin",
           "names");
    mosn_module_names(MOSN_LB, names, 10);
    ok(strlen(names) < 10, "no more names than room");
    return done_testing();
}
