/* core/rc.h - the one result type; it means the same everywhere. */

#ifndef MOSN_CORE_RC_H
#define MOSN_CORE_RC_H

typedef enum {
    MOSN_OK,       /* did it */
    MOSN_AGAIN,    /* needs more; nothing consumed */
    MOSN_DONE,     /* ended well */
    MOSN_DECLINED, /* not mine */
    MOSN_ERROR,    /* failed, and is already logged by who knew the cause */
} mosn_rc_e;

/* What a filter says.  PAUSE: I shall resume this exactly once.  END: I
 * replied, reset or closed; nobody else touches it. */
typedef enum {
    MOSN_NEXT,
    MOSN_PAUSE,
    MOSN_END,
} mosn_verdict_e;

#endif
