/*
 * core/conf_scan.h - configuration as text: units, and what libconfig would
 * misread.
 *
 * libconfig cuts numbers to 32 bits without a word, and takes a time that
 * grows with the square of the settings in a group.  Both are looked for
 * before it reads.
 */

#ifndef MOSN_CORE_CONF_SCAN_H
#define MOSN_CORE_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOSN_CONF_MAX_MEMBERS 1024u

/* "250ms", "64k"; false: it is none. */
bool mosn_conf_parse_duration(const char *text, uint64_t *ms_r);
bool mosn_conf_parse_size(const char *text, uint64_t *bytes_r);

/* False: `why` says where and what.  A file with all that it includes; what
 * cannot be read is fine here. */
bool mosn_conf_scan_text(const char *name, const char *text, char *why,
                         size_t room);
bool mosn_conf_scan_file(const char *path, char *why, size_t room);

#endif
