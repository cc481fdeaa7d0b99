/* core/reason.c - the table of ends. */

#include "core/reason.h"

#define REASON_ROW(id, name, status, text)                                    \
    [MOSN_REASON_##id] = { MOSN_STR_INIT(name), status, text },

const mosn_reason_info_t mosn_reasons[MOSN_REASON_COUNT] = { MOSN_REASONS(
    REASON_ROW) };

static const mosn_metric_field_t reason_fields[] = {
    { "requests", MOSN_COUNTER, "Requests that ended for this reason." },
};

const mosn_metric_set_t mosn_reason_metrics = {
    .name = "ended",
    .label = "reason",
    .fields = reason_fields,
    .n_fields = 1,
    .n_slots = 1,
};

/* The same slots in every generation: they are found by name. */
static uint32_t reason_slots[MOSN_REASON_COUNT];


void
mosn_reasons_register(void)
{
    for (unsigned i = 1; i < MOSN_REASON_COUNT; i++) {
        reason_slots[i] =
            mosn_metrics_instance(&mosn_reason_metrics, mosn_reasons[i].name);
    }
}


void
mosn_reason_count(mosn_reason_e reason)
{
    mosn_metric_inc(reason_slots[reason]);
}
