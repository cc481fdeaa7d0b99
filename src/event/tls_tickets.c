/*
 * event/tls_tickets.c - the keys of session tickets.
 *
 * They lie in shared memory that outlives reloads and upgrades, so that a
 * session that one worker made any other one resumes.  Only the master makes
 * keys; a worker reads them under a count that is odd while they change.
 */

#include "event/tls_parts.h"

#include "core/log.h"
#include "os/shm.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define N_KEYS  3 /* the first one makes tickets, all of them open some */
#define VERSION 1u

typedef struct {
    uint8_t name[16];
    uint8_t aes[32];
    uint8_t hmac[32];
} ticket_key_t;

typedef struct {
    uint32_t         version;
    _Atomic uint32_t changes;
    uint64_t         made_ms; /* the first key */
    ticket_key_t     keys[N_KEYS];
} tickets_t;

static mosn_shm_t tickets_shm = { .fd = -1 };
static tickets_t *tickets; /* NULL: no tickets are made */


mosn_rc_e
mosn_tls_tickets_open(int fd)
{
    if (fd == -1
            ? mosn_shm_create(&tickets_shm, "mosn tickets", sizeof(*tickets))
                  == -1
            : mosn_shm_open(&tickets_shm, fd) == -1)
    {
        mosn_log_alert(errno, "cannot map shared memory for tickets");
        return MOSN_ERROR;
    }
    if (fd != -1
        && (tickets_shm.size < sizeof(*tickets)
            || ((tickets_t *) tickets_shm.bytes)->version != VERSION))
    {
        mosn_shm_close(&tickets_shm); /* of another build: start anew */
        return mosn_tls_tickets_open(-1);
    }
    tickets = tickets_shm.bytes;
    tickets->version = VERSION;
    (void) madvise(tickets_shm.bytes, tickets_shm.size, MADV_DONTDUMP);
    return MOSN_OK;
}


int
mosn_tls_tickets_fd(void)
{
    return tickets_shm.fd;
}


void
mosn_tls_tickets_rotate(uint64_t now_ms, uint64_t after_ms)
{
    ticket_key_t fresh;

    if (tickets == NULL
        || (tickets->made_ms != 0 && now_ms < tickets->made_ms + after_ms))
    {
        return;
    }
    if (RAND_bytes((unsigned char *) &fresh, sizeof(fresh)) != 1) {
        mosn_log_alert(0, "no random bytes for a ticket key");
        ERR_clear_error();
        return;
    }
    atomic_fetch_add(&tickets->changes, 1);
    memmove(&tickets->keys[1], &tickets->keys[0],
            (N_KEYS - 1) * sizeof(ticket_key_t));
    tickets->keys[0] = fresh;
    tickets->made_ms = now_ms;
    atomic_fetch_add(&tickets->changes, 1);
    OPENSSL_cleanse(&fresh, sizeof(fresh));
}


/* The key of that name, or the newest one for NULL; its place, or -1. */
static int
ticket_find(const unsigned char *name, ticket_key_t *key_r)
{
    uint32_t before;
    int      found;

    do {
        before = atomic_load(&tickets->changes);
        found = name == NULL ? 0 : -1;
        for (int i = 0; name != NULL && i < N_KEYS; i++) {
            if (memcmp(tickets->keys[i].name, name, 16) == 0) {
                found = i;
                break;
            }
        }
        if (found != -1) {
            *key_r = tickets->keys[found];
        }
        atomic_thread_fence(memory_order_acquire);
    } while ((before & 1) != 0 || before != atomic_load(&tickets->changes));
    return found;
}


/* 1: fine; 2: fine, and a new ticket is wanted; 0: unknown, a full handshake
 * follows; -1: error. */
static int
ticket_key_cb(SSL *ssl, unsigned char *name, unsigned char *iv,
              EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
    static EVP_CIPHER *aes; /* fetched once a process */
    ticket_key_t       key;
    OSSL_PARAM         params[3];
    int                found, good;

    (void) ssl;
    if (aes == NULL) {
        aes = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    }
    if (tickets == NULL || tickets->made_ms == 0 || aes == NULL) {
        return 0;
    }
    found = ticket_find(encrypt ? NULL : name, &key);
    if (found == -1) {
        return 0;
    }
    if (encrypt) {
        memcpy(name, key.name, sizeof(key.name));
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1) {
            return -1;
        }
    }
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.hmac,
                                                  sizeof(key.hmac));
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char[]){ "SHA256" }, 0);
    params[2] = OSSL_PARAM_construct_end();
    good = EVP_MAC_CTX_set_params(mac, params) == 1
           && (encrypt ? EVP_EncryptInit_ex2(cipher, aes, key.aes, iv, NULL)
                       : EVP_DecryptInit_ex2(cipher, aes, key.aes, iv, NULL))
                  == 1;
    OPENSSL_cleanse(&key, sizeof(key));
    if (!good) {
        return -1;
    }
    return found > 0 ? 2 : 1;
}


void
mosn_tls_tickets_use(SSL_CTX *ssl)
{
    (void) SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, ticket_key_cb);
}
