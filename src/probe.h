/*
 * probe.h - a worker tries itself before it takes a client.
 *
 * It listens on a socket that only it knows, connects to it, and passes a few
 * bytes there and back: accepting, reading, writing and closing work.  A
 * program that does not get through never says that it is ready, so that the
 * one before it goes on.
 */

#ifndef MOSN_PROBE_H
#define MOSN_PROBE_H

#include "event/listener.h"

/* Calls back once, from a turn of the loop; never with a failure: who fails
 * is not ready, and the master's patience ends. */
mosn_rc_e mosn_probe_start(mosn_loop_t *loop, void (*on_passed)(void *),
                           void        *owner);

#endif
