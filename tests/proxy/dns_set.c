/* tests/proxy/dns_set.c - what answers of name servers come to. */

#include "tap.h"
#include "core/pool.h"
#include "proxy/dns_set.c"


static uint64_t source = 1;


static void
add(mosn_dns_set_t *set, const char *text, int64_t priority, int64_t weight)
{
    mosn_address_t address;

    if (!mosn_address_parse(text, strlen(text), &address)) {
        abort();
    }
    mosn_dns_set_add(set, &address.sa, mosn_address_port(&address.sa),
                     priority, weight, source);
}


/* "address priority weight, ..." */
static mosn_str_t
show(const mosn_dns_set_t *set)
{
    static char text[1024];
    size_t      n = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < set->n; i++) {
        char address[MOSN_ADDRESS_TEXT];

        (void) mosn_address_format(&set->items[i].address.sa,
                                   set->items[i].address.len, address);
        n += (size_t) snprintf(
            text + n, sizeof(text) - n, "%s%s %d %d", i > 0 ? ", " : "",
            address, (int) set->items[i].priority, (int) set->items[i].weight);
    }
    return mosn_str(text);
}


static void
check_rank(void)
{
    mosn_dns_set_t set = { 0 };

    add(&set, "1.0.0.1:1", 10, 65535);
    add(&set, "1.0.0.2:1", 20, 0);
    add(&set, "1.0.0.3:1", 10, 32768);
    add(&set, "1.0.0.4:1", 65535, 1);
    mosn_dns_set_rank(&set);
    is_str(show(&set),
           "1.0.0.1:1 0 10000, 1.0.0.2:1 1 1, 1.0.0.3:1 0 5000, "
           "1.0.0.4:1 2 1",
           "of priorities the order counts, weights are scaled");
    mosn_dns_set_clear(&set);

    add(&set, "1.0.0.1:1", 5, 0);
    add(&set, "1.0.0.2:1", 5, 300);
    mosn_dns_set_rank(&set);
    is_str(show(&set), "1.0.0.1:1 0 1, 1.0.0.2:1 0 300",
           "small weights stay as they are, 0 is almost never");
    mosn_dns_set_clear(&set);

    for (int i = 0; i < 12; i++) {
        char text[20];

        (void) snprintf(text, sizeof(text), "1.0.0.%d:1", i + 1);
        add(&set, text, i * 100, 1);
    }
    mosn_dns_set_rank(&set);
    is_num(set.items[6].priority, 6, "seven levels");
    is_num(set.items[7].priority, 7, "and the last one");
    is_num(set.items[11].priority, 7, "for all that come after");
    mosn_dns_set_clear(&set);
}


static void
check_order(void)
{
    mosn_dns_set_t a = { 0 }, b = { 0 }, none = { 0 };

    add(&a, "2.0.0.1:1", 1, 5);
    add(&a, "[::1]:1", 0, 1);
    add(&a, "1.0.0.1:1", 0, 1);
    add(&a, "2.0.0.1:1", 0, 3);
    mosn_dns_set_sort(&a);
    is_str(show(&a), "1.0.0.1:1 0 1, 2.0.0.1:1 0 3, [::1]:1 0 1",
           "in order, each once, as the first priority has it");
    add(&b, "2.0.0.1:1", 0, 3);
    add(&b, "1.0.0.1:1", 0, 1);
    add(&b, "[::1]:1", 0, 1);
    ok(!mosn_dns_set_equal(&a, &b), "not the same order");
    mosn_dns_set_sort(&b);
    ok(mosn_dns_set_equal(&a, &b), "sorted it is the same");
    b.items[0].weight = 2;
    ok(!mosn_dns_set_equal(&a, &b), "a weight is another");
    ok(!mosn_dns_set_equal(&a, &none), "none is not some");
    mosn_dns_set_sort(&none);
    is_num(none.n, 0, "none");
    mosn_dns_set_clear(&a);
    mosn_dns_set_clear(&b);
}


static void
check_one(void)
{
    mosn_dns_set_t fresh = { 0 }, was = { 0 }, none = { 0 };

    add(&was, "1.0.0.2:1", 0, 1);
    add(&fresh, "1.0.0.3:1", 0, 1);
    add(&fresh, "1.0.0.1:1", 0, 1);
    add(&fresh, "1.0.0.2:1", 0, 1);
    mosn_dns_set_keep_one(&fresh, &was);
    is_str(show(&fresh), "1.0.0.2:1 0 1", "it stays while it is told");
    mosn_dns_set_clear(&fresh);

    add(&fresh, "1.0.0.3:1", 1, 1);
    add(&fresh, "1.0.0.4:1", 0, 1);
    add(&fresh, "1.0.0.1:1", 0, 1);
    mosn_dns_set_keep_one(&fresh, &was);
    is_str(show(&fresh), "1.0.0.4:1 0 1", "else the first that was told");
    mosn_dns_set_keep_one(&none, &was);
    is_num(none.n, 0, "of none none");
    mosn_dns_set_clear(&fresh);
    mosn_dns_set_clear(&was);
}


static void
check_merge(void)
{
    mosn_dns_set_t fresh = { 0 }, was = { 0 };

    add(&was, "1.0.0.1:1", 0, 1);
    add(&was, "1.0.0.2:1", 0, 1);
    source = 2;
    add(&was, "1.0.0.3:1", 0, 1);
    source = 0;
    add(&was, "1.0.0.4:1", 0, 1);
    source = 1;
    add(&fresh, "1.0.0.2:1", 0, 7);
    mosn_dns_set_merge(&fresh, &was, 1);
    is_str(show(&fresh), "1.0.0.2:1 0 7, 1.0.0.1:1 0 1",
           "what was known of a question is added, what is told counts");
    mosn_dns_set_merge(&fresh, &was, 0);
    is_str(show(&fresh), "1.0.0.2:1 0 7, 1.0.0.1:1 0 1, 1.0.0.4:1 0 1",
           "and of none that is known");
    mosn_dns_set_clear(&fresh);
    for (unsigned i = 0; i < ADDRESSES_MAX + 10; i++) {
        char text[32];

        (void) snprintf(text, sizeof(text), "9.0.%u.%u:1", i >> 8, i & 255);
        add(&fresh, text, 0, 1);
    }
    is_num(fresh.n, ADDRESSES_MAX, "there is a bound");
    mosn_dns_set_merge(&fresh, &was, 1);
    is_num(fresh.n, ADDRESSES_MAX, "for what is added, too");
    mosn_dns_set_clear(&fresh);
    mosn_dns_set_clear(&was);
}


/* What is left of before stands as the record has it that is told now. */
static void
check_merge_as(void)
{
    mosn_dns_set_t fresh = { 0 }, was = { 0 }, copy;

    source = 7;
    add(&was, "1.0.0.1:1", 10, 1);
    add(&was, "1.0.0.2:1", 10, 1);
    source = 8;
    add(&was, "1.0.0.3:1", 10, 1);
    add(&fresh, "1.0.0.2:1", 20, 2);
    mosn_dns_set_merge_as(&fresh, &was, 7, 30, 3);
    is_str(show(&fresh), "1.0.0.2:1 20 2, 1.0.0.1:1 30 3",
           "what is told is not touched, the rest of that question follows");
    copy = mosn_dns_set_copy(&fresh);
    ok(mosn_dns_set_equal(&copy, &fresh) && copy.items != fresh.items,
       "a copy");
    mosn_dns_set_clear(&copy);
    mosn_dns_set_clear(&fresh);
    mosn_dns_set_clear(&was);
    copy = mosn_dns_set_copy(&was);
    is_num(copy.n, 0, "of none none");
}


int
main(void)
{
    check_rank();
    check_order();
    check_one();
    check_merge();
    check_merge_as();
    return done_testing();
}
