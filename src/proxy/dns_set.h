/*
 * proxy/dns_set.h - the addresses that a name was resolved to.
 *
 * Priorities and weights are those of SRV records (RFC 2782) until
 * mosn_dns_set_rank() makes a host's of them.
 */

#ifndef MOSN_PROXY_DNS_SET_H
#define MOSN_PROXY_DNS_SET_H

#include "os/address.h"

#include <stdint.h>

typedef struct {
    mosn_address_t address;
    int64_t        priority;
    int64_t        weight;
    uint64_t       source; /* the question that it answers; 0: not known */
} mosn_dns_address_t;

typedef struct {
    mosn_dns_address_t *items; /* mosn_dns_set_clear() frees them */
    uint32_t            n;
} mosn_dns_set_t;

/* The question for a host, a port and a family, in one number. */
uint64_t mosn_dns_source(const char *host, uint16_t port, int family);

/* Of a family that is no inet one, or beyond 1,024, it is left out. */
void mosn_dns_set_add(mosn_dns_set_t *set, const struct sockaddr *sa,
                      uint16_t port, int64_t priority, int64_t weight,
                      uint64_t source);
void mosn_dns_set_clear(mosn_dns_set_t *set);
bool mosn_dns_set_has(const mosn_dns_set_t *set,
                      const mosn_address_t *address);
bool mosn_dns_set_equal(const mosn_dns_set_t *a, const mosn_dns_set_t *b);

/* In order, each address once: as the record that comes first has it. */
void mosn_dns_set_sort(mosn_dns_set_t *set);

/* Only the order of priorities counts: they become 0, 1 .. 7.  Weights go
 * from 1 to 10,000. */
void mosn_dns_set_rank(mosn_dns_set_t *set);

mosn_dns_set_t mosn_dns_set_copy(const mosn_dns_set_t *set);

/* One address: that of `was`, as long as it is told; else the first that was
 * told of those that come first. */
void mosn_dns_set_keep_one(mosn_dns_set_t *set, const mosn_dns_set_t *was);

/* What `was` has of a question, and the set has not. */
void mosn_dns_set_merge(mosn_dns_set_t *set, const mosn_dns_set_t *was,
                        uint64_t source);

/* The same, as the record that is told now has it. */
void mosn_dns_set_merge_as(mosn_dns_set_t *set, const mosn_dns_set_t *was,
                           uint64_t source, int64_t priority, int64_t weight);

#endif
