/* event/tls_peer.c - who the other side is, and what we showed it. */

#include "event/client_hello.h"
#include "event/tls_parts.h"

#include <openssl/x509v3.h>
#include <stdio.h>

#define MAX_NAMES 32

static mosn_str_t
peer_copy(mosn_pool_t *pool, const ASN1_STRING *s)
{
    return mosn_pool_copy(
        pool, (mosn_str_t){ (const char *) ASN1_STRING_get0_data(s),
                            (size_t) ASN1_STRING_length(s) });
}


/* Names that can stand in a header field, and mean what they say. */
static bool
peer_is_plain(const ASN1_STRING *s)
{
    const unsigned char *p = ASN1_STRING_get0_data(s);
    int                  n = ASN1_STRING_length(s);

    for (int i = 0; i < n; i++) {
        if (p[i] <= ' ' || p[i] > '~' || p[i] == '"' || p[i] == ','
            || p[i] == ';' || p[i] == '\\')
        {
            return false;
        }
    }
    return n > 0;
}


static void
peer_take_names(mosn_pool_t *pool, const X509 *x, mosn_tls_peer_t *peer)
{
    GENERAL_NAMES *names =
        X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    int n = sk_GENERAL_NAME_num(names);

    n = n < 0 ? 0 : n > MAX_NAMES ? MAX_NAMES : n;
    peer->names =
        mosn_pool_calloc(pool, (size_t) (n + 1) * sizeof(mosn_tls_name_t));
    for (int i = 0; i < n; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if ((name->type == GEN_DNS || name->type == GEN_URI)
            && peer_is_plain(name->d.ia5))
        {
            peer->names[peer->n_names++] =
                (mosn_tls_name_t){ peer_copy(pool, name->d.ia5),
                                   name->type == GEN_URI };
        }
    }
    GENERAL_NAMES_free(names);
}


/* RFC 2253, as log lines and headers want it: printable, quotes escaped. */
static mosn_str_t
peer_subject(mosn_pool_t *pool, const X509 *x)
{
    BIO       *bio = BIO_new(BIO_s_mem());
    char      *text;
    long       n;
    mosn_str_t subject = MOSN_STR("");

    if (bio != NULL
        && X509_NAME_print_ex(bio, X509_get_subject_name(x), 0,
                              XN_FLAG_RFC2253)
               >= 0)
    {
        n = BIO_get_mem_data(bio, &text);
        subject = mosn_pool_copy(pool, (mosn_str_t){ text, (size_t) n });
    }
    BIO_free(bio);
    return subject;
}


static mosn_str_t
peer_fingerprint(mosn_pool_t *pool, const X509 *x)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      n = 0;
    char         *text;

    if (X509_digest(x, EVP_sha256(), digest, &n) != 1) {
        return MOSN_STR("");
    }
    text = mosn_pool_alloc(pool, 2 * n + 1);
    for (unsigned i = 0; i < n; i++) {
        (void) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    }
    return (mosn_str_t){ text, 2 * n };
}


mosn_tls_peer_t *
mosn_tls_make_peer(mosn_pool_t *pool, SSL *ssl)
{
    X509            *x = SSL_get0_peer_certificate(ssl);
    mosn_tls_peer_t *peer;

    if (x == NULL || SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE
        || SSL_get_verify_result(ssl) != X509_V_OK)
    {
        return NULL;
    }
    peer = mosn_pool_calloc(pool, sizeof(*peer));
    peer->subject = peer_subject(pool, x);
    peer->sha256 = peer_fingerprint(pool, x);
    peer_take_names(pool, x, peer);
    return peer;
}


bool
mosn_tls_peer_has_name(const mosn_tls_peer_t *peer, mosn_str_t pattern)
{
    bool open = pattern.len > 0 && pattern.at[pattern.len - 1] == '*';

    for (size_t i = 0; i < peer->n_names; i++) {
        mosn_str_t name = peer->names[i].text;

        if (open && name.len >= pattern.len - 1) {
            name.len = pattern.len - 1;
            if (mosn_str_equal(name,
                               (mosn_str_t){ pattern.at, pattern.len - 1 })) {
                return true;
            }
        } else if (!open && mosn_str_equal(name, pattern)) {
            return true;
        }
    }
    return false;
}
