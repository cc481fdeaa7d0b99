/* tests/event/tls_tickets.c - keys that are made, kept and found. */

#include "tap.h"

#include <unistd.h>
#include "event/tls_tickets.c"


int
main(void)
{
    ticket_key_t  first, found;
    unsigned char name[16];

    ok(mosn_tls_tickets_open(-1) == MOSN_OK, "shared memory");
    mosn_tls_tickets_rotate(1000, 500);
    ok(ticket_find(NULL, &first) == 0, "a key for new tickets");
    memcpy(name, first.name, sizeof(name));
    mosn_tls_tickets_rotate(1400, 500);
    ok(ticket_find(name, &found) == 0, "it is kept for a while");
    mosn_tls_tickets_rotate(1500, 500);
    ok(ticket_find(name, &found) == 1
           && memcmp(&found, &first, sizeof(found)) == 0,
       "then another one is first, and this one opens what it made");
    ok(ticket_find(NULL, &found) == 0
           && memcmp(found.name, name, sizeof(name)) != 0,
       "new tickets get the new key");
    mosn_tls_tickets_rotate(2000, 500);
    mosn_tls_tickets_rotate(2500, 500);
    is_num(ticket_find(name, &found), -1, "after three it is forgotten");
    ok(mosn_tls_tickets_fd() >= 0, "it can be handed on");
    (void) ticket_find(NULL, &first);
    ok(mosn_tls_tickets_open(dup(mosn_tls_tickets_fd())) == MOSN_OK
           && ticket_find(NULL, &found) == 0
           && memcmp(found.name, first.name, sizeof(name)) == 0,
       "another image finds the same keys");
    return done_testing();
}
