/* tests/core/reason.c - the table of ends. */

#include "tap.h"
#include "core/reason.c"


int
main(void)
{
    bool named = true, legal = true, apart = true;

    for (unsigned i = 0; i < MOSN_REASON_COUNT; i++) {
        unsigned status = mosn_reasons[i].status;

        named &= mosn_reasons[i].name.len > 0 && mosn_reasons[i].text != NULL;
        legal &= status == 0 || (status >= 400 && status <= 599);
        for (unsigned k = 0; k < i; k++) {
            apart &=
                !mosn_str_equal(mosn_reasons[i].name, mosn_reasons[k].name);
        }
    }
    ok(named, "each has a name and a text");
    ok(legal, "and a status of an error, or none");
    ok(apart, "no two have the same name");
    return done_testing();
}
