/*
 * mosnctl_diff.c - what a reload would change in meaning.
 *
 * Compares two effective configurations, all defaults in them: groups of a
 * list by their name or address, so that one that has only moved is not told
 * as a change, where its place means nothing.
 */

#include "mosnctl_diff.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 1024

static unsigned diff_count;


/* What a group is called: "shop", "10.0.0.1:80"; NULL: nothing. */
static const char *
diff_name(const config_setting_t *s)
{
    const char *name = NULL;

    if (!config_setting_is_group(s)) {
        return NULL;
    }
    if (config_setting_lookup_string(s, "name", &name) != CONFIG_TRUE) {
        (void) config_setting_lookup_string(s, "address", &name);
    }
    return name;
}


static void
diff_print_value(const config_setting_t *s)
{
    int n = config_setting_length(s);

    switch (config_setting_type(s)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        (void) printf("%" PRId64, (int64_t) config_setting_get_int64(s));
        break;
    case CONFIG_TYPE_FLOAT:
        (void) printf("%g", config_setting_get_float(s));
        break;
    case CONFIG_TYPE_BOOL:
        (void) fputs(config_setting_get_bool(s) ? "true" : "false", stdout);
        break;
    case CONFIG_TYPE_STRING:
        (void) printf("\"%s\"", config_setting_get_string(s));
        break;
    case CONFIG_TYPE_GROUP:
        (void) fputs("{ ... }", stdout);
        break;
    default:
        (void) fputc('[', stdout);
        for (int i = 0; i < n; i++) {
            (void) fputs(i > 0 ? ", " : "", stdout);
            diff_print_value(config_setting_get_elem(s, (unsigned) i));
        }
        (void) fputc(']', stdout);
        break;
    }
}


static void
diff_tell(const char *path, const config_setting_t *a,
          const config_setting_t *b)
{
    diff_count++;
    (void) printf("%s: ", path);
    if (a != NULL && b != NULL) {
        diff_print_value(a);
        (void) fputs(" -> ", stdout);
        diff_print_value(b);
    } else {
        (void) fputs(a == NULL ? "added" : "removed", stdout);
        if (!config_setting_is_group(a == NULL ? b : a)) {
            (void) fputc(' ', stdout);
            diff_print_value(a == NULL ? b : a);
        }
    }
    (void) fputc('\n', stdout);
}


static bool
diff_is_number(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_INT
           || config_setting_type(s) == CONFIG_TYPE_INT64;
}


static bool
diff_is_same_value(const config_setting_t *a, const config_setting_t *b)
{
    if (diff_is_number(a) && diff_is_number(b)) {
        return config_setting_get_int64(a) == config_setting_get_int64(b);
    }
    if (config_setting_type(a) != config_setting_type(b)) {
        return false;
    }
    switch (config_setting_type(a)) {
    case CONFIG_TYPE_FLOAT:
        return !(config_setting_get_float(a) < config_setting_get_float(b))
               && !(config_setting_get_float(a) > config_setting_get_float(b));
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(a) == config_setting_get_bool(b);
    default:
        return strcmp(config_setting_get_string(a),
                      config_setting_get_string(b))
               == 0;
    }
}


static void diff_compare(const char *path, config_setting_t *a,
                         config_setting_t *b);


static void
diff_groups(const char *path, config_setting_t *a, config_setting_t *b)
{
    char below[PATH_MAX_BYTES];

    for (int i = 0; i < config_setting_length(a); i++) {
        config_setting_t *s = config_setting_get_elem(a, (unsigned) i);
        const char       *name = config_setting_name(s);

        (void) snprintf(below, sizeof(below), "%s%s%s", path,
                        path[0] != '\0' ? "." : "", name);
        diff_compare(below, s, config_setting_get_member(b, name));
    }
    for (int i = 0; i < config_setting_length(b); i++) {
        config_setting_t *s = config_setting_get_elem(b, (unsigned) i);
        const char       *name = config_setting_name(s);

        if (config_setting_get_member(a, name) == NULL) {
            (void) snprintf(below, sizeof(below), "%s%s%s", path,
                            path[0] != '\0' ? "." : "", name);
            diff_compare(below, NULL, s);
        }
    }
}


/* The one of that name with so many of it before it. */
static config_setting_t *
diff_find(config_setting_t *list, const char *name, unsigned before)
{
    for (int i = 0; i < config_setting_length(list); i++) {
        config_setting_t *s = config_setting_get_elem(list, (unsigned) i);
        const char       *is = diff_name(s);

        if (is != NULL && strcmp(is, name) == 0 && before-- == 0) {
            return s;
        }
    }
    return NULL;
}


/* How many of its name stand before the member. */
static unsigned
diff_before(config_setting_t *list, const config_setting_t *member)
{
    unsigned n = 0;

    while (diff_find(list, diff_name(member), n) != member) {
        n++;
    }
    return n;
}


static void
diff_name_below(const char *path, const config_setting_t *s, unsigned before,
                char below[PATH_MAX_BYTES])
{
    if (before == 0) {
        (void) snprintf(below, PATH_MAX_BYTES, "%s[%s]", path, diff_name(s));
    } else {
        (void) snprintf(below, PATH_MAX_BYTES, "%s[%s, number %u]", path,
                        diff_name(s), before + 1);
    }
}


/* Have all of its members a name? */
static bool
diff_is_named(const config_setting_t *list)
{
    for (int i = 0; i < config_setting_length(list); i++) {
        if (diff_name(config_setting_get_elem(list, (unsigned) i)) == NULL) {
            return false;
        }
    }
    return config_setting_length(list) > 0;
}


static void
diff_named(const char *path, config_setting_t *a, config_setting_t *b)
{
    char below[PATH_MAX_BYTES];

    for (int i = 0; i < config_setting_length(a); i++) {
        config_setting_t *s = config_setting_get_elem(a, (unsigned) i);
        unsigned          before = diff_before(a, s);

        diff_name_below(path, s, before, below);
        diff_compare(below, s, diff_find(b, diff_name(s), before));
    }
    for (int i = 0; i < config_setting_length(b); i++) {
        config_setting_t *s = config_setting_get_elem(b, (unsigned) i);
        unsigned          before = diff_before(b, s);

        if (diff_find(a, diff_name(s), before) == NULL) {
            diff_name_below(path, s, before, below);
            diff_compare(below, NULL, s);
        }
    }
}


/* In order: routes, filters, texts. */
static void
diff_lists(const char *path, config_setting_t *a, config_setting_t *b)
{
    int  n = config_setting_length(a), m = config_setting_length(b);
    char below[PATH_MAX_BYTES];

    for (int i = 0; i < (n > m ? n : m); i++) {
        (void) snprintf(below, sizeof(below), "%s[%d]", path, i);
        diff_compare(below,
                     i < n ? config_setting_get_elem(a, (unsigned) i) : NULL,
                     i < m ? config_setting_get_elem(b, (unsigned) i) : NULL);
    }
}


static void
diff_compare(const char *path, config_setting_t *a, config_setting_t *b)
{
    if (a == NULL || b == NULL) {
        diff_tell(path, a, b);
    } else if (config_setting_is_group(a) && config_setting_is_group(b)) {
        diff_groups(path, a, b);
    } else if (config_setting_is_aggregate(a)
               && config_setting_is_aggregate(b)) {
        bool routes =
            strcmp(config_setting_name(a) != NULL ? config_setting_name(a)
                                                  : "",
                   "routes")
                == 0
            && strchr(path, '.') != NULL;

        if (!routes && diff_is_named(a) && diff_is_named(b)) {
            diff_named(path, a, b);
        } else {
            diff_lists(path, a, b);
        }
    } else if (config_setting_is_aggregate(a) || config_setting_is_aggregate(b)
               || !diff_is_same_value(a, b))
    {
        diff_tell(path, a, b);
    }
}


int
mosnctl_diff(const char *now, const char *then)
{
    config_t a, b;
    int      status = 0;

    config_init(&a);
    config_init(&b);
    if (config_read_string(&a, now) != CONFIG_TRUE
        || config_read_string(&b, then) != CONFIG_TRUE)
    {
        (void) fputs("mosnctl: cannot read an effective configuration\n",
                     stderr);
        status = 1;
    } else {
        diff_compare("", config_root_setting(&a), config_root_setting(&b));
        if (diff_count == 0) {
            (void) puts("no difference");
        }
    }
    config_destroy(&a);
    config_destroy(&b);
    return status;
}
