/*
 * event/tls_pairs.h - certificates with their keys, and how they change while
 * the program runs.
 *
 * A pair is read when its context is built.  Then the master, who alone may
 * read keys, looks at the files; a pair that has changed and holds is put in
 * the place of the old one, in the master, so that children to come have it,
 * and, over a descriptor, in every child that serves.  Connections that are
 * there go on with what they began with.  A pair that does not hold is told,
 * and the old one stays.
 *
 * Pairs are numbered in the order in which a generation is built, the same in
 * the master and its children.
 */

#ifndef MOSN_EVENT_TLS_PAIRS_H
#define MOSN_EVENT_TLS_PAIRS_H

#include "event/tls.h"

#include <stdio.h>

/* Looks at the files of all pairs, when the last look is long enough ago.  A
 * descriptor with those that have changed, for mosn_tls_pairs_take(); -1: no
 * pair has. */
int mosn_tls_pairs_look(uint64_t now_ms, uint32_t every_ms);

/* In a child: puts them in their places.  `fd` is closed. */
void mosn_tls_pairs_take(int fd);

/* Names, files, expiry and fingerprint of each, for people or programs. */
void mosn_tls_pairs_print(bool json, FILE *out);

#endif
