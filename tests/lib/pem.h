/* tests/lib/pem.h - certificates for tests, made on the spot. */

#ifndef MOSN_TESTS_PEM_H
#define MOSN_TESTS_PEM_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char pem_dir[] = "/tmp/mosn-test-XXXXXX";


static const char *
pem_path(const char *name)
{
    static char paths[8][64]; /* the last ones that were asked for */
    static int  at;

    at = (at + 1) % 8;
    (void) snprintf(paths[at], sizeof(paths[at]), "%s/%s", pem_dir, name);
    return paths[at];
}


static void
pem_put(const char *name, const char *text)
{
    FILE *out = fopen(pem_path(name), "w");

    if (out == NULL) {
        abort();
    }
    (void) fputs(text, out);
    (void) fclose(out);
}


/* NAME.pem, signed by itself for that DNS name and valid for `days`, and
 * NAME.key; `file` is what both are called. */
static void
pem_make(const char *file, const char *dns, bool rsa, long days)
{
    EVP_PKEY       *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509           *x = X509_new();
    char            text[128];
    X509_EXTENSION *names;
    FILE           *out;

    (void) X509_set_version(x, 2);
    (void) ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    (void) X509_gmtime_adj(X509_getm_notBefore(x), -86400 * 30);
    (void) X509_gmtime_adj(X509_getm_notAfter(x), 86400 * days);
    (void) X509_set_pubkey(x, key);
    (void) X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
                                      MBSTRING_ASC,
                                      (const unsigned char *) dns, -1, -1, 0);
    (void) X509_set_issuer_name(x, X509_get_subject_name(x));
    (void) snprintf(text, sizeof(text), "DNS:%s,DNS:*.%s", dns, dns);
    names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
    (void) X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    if (X509_sign(x, key, EVP_sha256()) == 0) {
        abort();
    }
    (void) snprintf(text, sizeof(text), "%s.pem", file);
    out = fopen(pem_path(text), "w");
    if (out == NULL || PEM_write_X509(out, x) != 1) {
        abort();
    }
    (void) fclose(out);
    (void) snprintf(text, sizeof(text), "%s.key", file);
    out = fopen(pem_path(text), "w");
    if (out == NULL
        || PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1)
    {
        abort();
    }
    (void) fclose(out);
    X509_free(x);
    EVP_PKEY_free(key);
}

#endif
