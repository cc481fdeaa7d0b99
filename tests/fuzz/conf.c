/* tests/fuzz/conf.c - configuration texts: an error each, or a tree. */

#include "fuzz.h"
#include "settings.h"

/* libconfig forgets a string that does not end before its error. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:libconfig.so";
}


const char *const fuzz_name = "conf";

const mosn_str_t fuzz_seeds[] = {
    MOSN_STR_INIT(
        "workers = 2; listeners = ( { name = \"l\"; address = "
        "\"127.0.0.1:1\"; filters = ( { type = \"proxy\"; routes = \"r\"; "
        "idle_timeout = \"1s\"; access_log = ( { path = \"x\"; } ); } ); } ); "
        "routes = ( { name = \"r\"; virtual_hosts = ( { name = \"v\"; "
        "domains = [\"*\"]; routes = ( { match = { prefix = \"/\"; }; route "
        "= { cluster = \"c\"; }; } ); } ); } ); clusters = ( { name = \"c\"; "
        "hosts = ( { address = \"127.0.0.1:2\"; } ); } );"),
    MOSN_STR_INIT("user = \"x\"; drain_timeout = \"30s\"; error_log = { path "
                  "= \"e\"; level = \"info\"; }; admin = { address = "
                  "\"unix:/x\"; };"),
    MOSN_STR_INIT(""),
};


void
fuzz_one(const uint8_t *bytes, size_t n)
{
    mosn_pool_t    *pool = mosn_pool_create(MOSN_POOL_CONF);
    mosn_conf_t    *reader = mosn_conf_create(pool);
    mosn_settings_t settings;
    mosn_str_t      text =
        mosn_pool_copy(pool, (mosn_str_t){ (const char *) bytes, n });
    mosn_rc_e rc;

    /* An include names files of this machine. */
    if (memmem(bytes, n, "@include", 8) == NULL) {
        rc = mosn_conf_read_text(reader, "text", text.at, &mosn_settings_block,
                                 &settings);
        FUZZ_CHECK((rc == MOSN_OK) == (mosn_conf_n_errors(reader) == 0));
    }
    mosn_conf_destroy(&reader);
    mosn_pool_destroy(&pool);
}
