/* tests/event/tls_peer.c - names of a certificate and what is asked of them.
 */

#include "tap.h"
#include "event/tls_peer.c"


int
main(void)
{
    mosn_tls_name_t names[] = {
        { MOSN_STR_INIT("spiffe://mesh/ns/shop/sa/cart"), true },
        { MOSN_STR_INIT("cart.shop"), false },
    };
    mosn_tls_peer_t peer = { .names = names, .n_names = 2 };
    ASN1_STRING    *s = ASN1_STRING_new();

    ok(mosn_tls_peer_has_name(&peer, MOSN_STR("cart.shop")), "a name");
    ok(!mosn_tls_peer_has_name(&peer, MOSN_STR("cart.sho")), "all of it");
    ok(mosn_tls_peer_has_name(&peer, MOSN_STR("spiffe://mesh/ns/shop/*")),
       "the beginning of one");
    ok(!mosn_tls_peer_has_name(&peer, MOSN_STR("spiffe://mesh/ns/shop2/*")),
       "not of another");
    ok(mosn_tls_peer_has_name(&peer, MOSN_STR("*")), "any name");
    ok(!mosn_tls_peer_has_name(&peer, MOSN_STR("")), "no empty one");
    peer.n_names = 0;
    ok(!mosn_tls_peer_has_name(&peer, MOSN_STR("*")), "any is not none");

    (void) ASN1_STRING_set(s, "a.test", 6);
    ok(peer_is_plain(s), "a plain name");
    (void) ASN1_STRING_set(s, "a\";Subject=", -1);
    ok(!peer_is_plain(s), "one that could be misread is left out");
    (void) ASN1_STRING_set(s, "a\0b", 3);
    ok(!peer_is_plain(s), "so is one with a NUL");
    ASN1_STRING_free(s);
    return done_testing();
}
