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

#endif
