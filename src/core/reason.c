/* core/reason.c - the table of ends. */

#include "core/reason.h"

#define REASON_ROW(id, name, status, text) \
    [MOSN_REASON_##id] = { MOSN_STR_INIT(name), status, text },

const mosn_reason_info_t mosn_reasons[MOSN_REASON_COUNT] = {
    MOSN_REASONS(REASON_ROW)
};
