/* tests/proxy/path_template.c - what stands in the holes. */

#include "tap.h"
#include "proxy/path_template.c"


int
main(void)
{
    mosn_pool_t           *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_template_values_t v;
    mosn_str_t             t = MOSN_STR("/a/{x}/b/{*rest}");

    ok(mosn_template_check(t) == NULL, "is a template");
    ok(mosn_template_check(MOSN_STR("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"))
           != NULL,
       "not with nine holes");
    ok(mosn_template_check(MOSN_STR("/a}")) != NULL, "not with half a hole");
    ok(mosn_template_check(MOSN_STR("/{*}")) != NULL, "not without a name");
    is_str(mosn_template_literal_prefix(t), "/a/", "what it begins with");
    ok(mosn_template_is_match(t, MOSN_STR("/a/1/b/2/3"), &v), "matches");
    is_num(v.n, 2, "two values");
    is_str(v.values[0], "1", "a segment");
    is_str(v.values[1], "2/3", "the rest");
    is_str(mosn_template_fill(t, MOSN_STR("/{rest}-{x}{x}"), &v, pool),
           "/2/3-11", "filled");
    ok(mosn_template_check_fill(t, MOSN_STR("/{x}")) == NULL, "can be filled");
    ok(mosn_template_check_fill(t, MOSN_STR("/{y}")) != NULL, "cannot");
    ok(mosn_template_check_fill(t, MOSN_STR("/{x")) != NULL, "nor this");
    mosn_pool_destroy(&pool);
    return done_testing();
}
