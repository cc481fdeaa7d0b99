/*
 * explain.h - questions to the configuration: mosnctl explain, and `tests`.
 */

#ifndef MOSN_EXPLAIN_H
#define MOSN_EXPLAIN_H

#include "settings.h"

/* Prints what becomes of a request: "@LISTENER METHOD URL NAME:VALUE
 * source=ADDRESS sni=NAME", or "call SERVICE METHOD ...".  A unit separator
 * (0x1f) in a word stands for a space.  NULL: done, else what is wrong. */
const char *mosn_explain_line(const mosn_settings_t *settings, mosn_str_t line,
                              mosn_pool_t *pool, FILE *out);

/* Asks all `tests`; what is not as expected goes to the reader. */
void mosn_settings_run_tests(mosn_conf_t           *reader,
                             const mosn_settings_t *settings,
                             mosn_pool_t           *pool);

#endif
