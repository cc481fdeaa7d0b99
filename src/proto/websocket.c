/* proto/websocket.c - keys and what they are answered with. */

#include "proto/websocket.h"

#include "core/rand.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#define MAGIC "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, 1.3 */


void
mosn_websocket_key(char key[MOSN_WEBSOCKET_KEY + 1])
{
    uint64_t nonce[2] = { mosn_rand_u64(), mosn_rand_u64() };

    (void) EVP_EncodeBlock((uint8_t *) key, (const uint8_t *) nonce, 16);
}


void
mosn_websocket_accept(mosn_str_t key, char accept[MOSN_WEBSOCKET_ACCEPT + 1])
{
    uint8_t     digest[EVP_MAX_MD_SIZE];
    unsigned    n = 0;
    EVP_MD_CTX *sha1 = EVP_MD_CTX_new();

    if (sha1 == NULL || EVP_DigestInit_ex(sha1, EVP_sha1(), NULL) != 1
        || EVP_DigestUpdate(sha1, key.at, key.len) != 1
        || EVP_DigestUpdate(sha1, MAGIC, sizeof(MAGIC) - 1) != 1
        || EVP_DigestFinal_ex(sha1, digest, &n) != 1)
    {
        n = 0; /* no such digest in this build: an answer that fits nothing */
    }
    EVP_MD_CTX_free(sha1);
    (void) EVP_EncodeBlock((uint8_t *) accept, digest, (int) n);
}
