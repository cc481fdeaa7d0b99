/* tests/stream/filters/delay.c */

#include "one_filter.h"
#include "stream/filters/delay.c"


int
main(void)
{
    is_num((long long) one_make(&delay_ops, "delay = \"10ms\";"), 0,
           "settings");
    ok(delay_on_request(&one_filter, &one_stream, &one_head) == MOSN_PAUSE,
       "a request waits");
    for (int i = 0; i < 200 && one_resumed == 0; i++) {
        mosn_loop_turn(&one_loop, 5);
    }
    is_num(one_resumed, 1, "and goes on");
    delay_on_end(&one_filter, &one_stream);

    (void) one_make(&delay_ops, "delay = \"5ms\";");
    (void) delay_on_request(&one_filter, &one_stream, &one_head);
    delay_on_end(&one_filter, &one_stream);
    for (int i = 0; i < 5; i++) {
        mosn_loop_turn(&one_loop, 5);
    }
    is_num(one_resumed, 0, "a request that has ended is not called");

    (void) one_make(&delay_ops, "delay = \"5ms\"; percent = 0.0;");
    ok(delay_on_request(&one_filter, &one_stream, &one_head) == MOSN_NEXT,
       "none of a hundred");
    is_num((long long) one_make(&delay_ops, "percent = 101.0;"), 1,
           "no more than all");
    return one_end();
}
