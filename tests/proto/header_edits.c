/* tests/proto/header_edits.c - what cannot be set as a header. */

#include "tap.h"
#include "proto/header_edits.c"

static const mosn_conf_block_t block = {
    .doc = "",
    .size = sizeof(mosn_header_edits_conf_t),
    .directives = mosn_header_edits_directives,
    .check = mosn_header_edits_check,
};

static mosn_pool_t *pool;


/* `mistake` NULL: there is none. */
static void
reads(const char *text, const char *mistake)
{
    mosn_conf_t             *reader = mosn_conf_create(pool);
    mosn_header_edits_conf_t conf;
    const char              *is = "";

    (void) mosn_conf_read_text(reader, "text", text, &block, &conf);
    if (mosn_conf_n_errors(reader) > 0) {
        is = mosn_conf_error_text(reader, 0);
    }
    if (!ok(mistake == NULL ? *is == '\0' : strstr(is, mistake) != NULL,
            "%s: %s", mistake == NULL ? "fine" : "refused", text))
    {
        printf("# %s\n", is);
    }
    mosn_conf_destroy(&reader);
}


int
main(void)
{
    static const char *const ours[] = {
        "Connection", "content-length", "Transfer-Encoding", "Upgrade",
        "TE",         "Trailer"
    };
    static const char *const lists[] = { "request_set", "request_add",
                                         "response_set", "response_add" };
    char                     text[200];

    pool = mosn_pool_create(MOSN_POOL_CONF);
    reads("request_set = { X-A = \"1\"; }; response_add = { X-B = \"2\"; };",
          NULL);
    reads("request_remove = [\"X-A\", \"Cookie\"];", NULL);
    for (size_t i = 0; i < MOSN_COUNT(lists); i++) {
        for (size_t k = 0; k < MOSN_COUNT(ours); k++) {
            (void) snprintf(text, sizeof(text), "%s = { %s = \"x\"; };",
                            lists[i], ours[k]);
            reads(text, "frames the message");
        }
        (void) snprintf(text, sizeof(text), "%s = { X-A = \"a\\r\\nb\"; };",
                        lists[i]);
        reads(text, "cannot be sent");
        (void) snprintf(text, sizeof(text),
                        "%s = { X-A = \"tab\\tis fine\"; };", lists[i]);
        reads(text, NULL);
    }
    mosn_pool_destroy(&pool);
    mosn_pool_release_cache();
    return done_testing();
}
