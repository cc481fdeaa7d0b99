/*
 * master.h - the master process: binds, forks, supervises.
 *
 * Never reads a byte of traffic.  Everything it owns is in one struct, so
 * that it can be handed to another image of itself.
 */

#ifndef MOSN_MASTER_H
#define MOSN_MASTER_H

#include "child.h"

/* Loads `conf_path`, serves until told to stop, and returns the exit
 * status. */
int mosn_master_run(const char *conf_path, bool quiet);

/* Another master asks whether this program, and `conf_path`, could take its
 * place: reads its state from `state_fd`, and says so on `words`. */
int mosn_master_try(const char *conf_path, int state_fd, int words);

#endif
