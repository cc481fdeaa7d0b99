/*
 * mosnctl_diff.c - what a reload would change in meaning.
 *
 * Compares two effective configurations, all defaults in them: groups of a
 * list by their name or address, so that one that has only moved is not told
 * as a change, where its place means nothing; where it does, what was put in,
 * taken out or moved is told, and not all that comes behind it.
 */

#include "mosnctl_diff.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 1024
#define ORDER_MAX      (1u << 20) /* pairs of two lists that are looked at */

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
        (void) printf("%.15g", config_setting_get_float(s));
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


/* Edits are made one after the other, and may read what the one before has
 * written; other groups are in one order, or in none. */
static bool
diff_is_ordered(const char *path)
{
    static const char *const edits[] = { "set", "add", "_set", "_add" };

    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        size_t n = strlen(path), k = strlen(edits[i]);

        if (n > k && strcmp(path + n - k, edits[i]) == 0
            && (edits[i][0] == '_' || path[n - k - 1] == '.'))
        {
            return true;
        }
    }
    return false;
}


/* Those of the group that the other has too, are they in its order? */
static bool
diff_is_in_order(config_setting_t *a, config_setting_t *b)
{
    int last = -1;

    for (int i = 0; i < config_setting_length(a); i++) {
        const config_setting_t *same = config_setting_get_member(
            b, config_setting_name(config_setting_get_elem(a, (unsigned) i)));
        int at = same != NULL ? config_setting_index(same) : last;

        if (at < last) {
            return false;
        }
        last = at;
    }
    return true;
}


static void
diff_groups(const char *path, config_setting_t *a, config_setting_t *b)
{
    char below[PATH_MAX_BYTES];

    if (diff_is_ordered(path) && !diff_is_in_order(a, b)) {
        diff_count++;
        (void) printf("%s: in another order\n", path);
    }

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


/* --- lists whose order means something ------------------------------------
 */

static bool diff_is_same(config_setting_t *a, config_setting_t *b);


static bool
diff_has_same_members(config_setting_t *a, config_setting_t *b)
{
    int n = config_setting_length(a);

    if (n != config_setting_length(b)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        config_setting_t *s = config_setting_get_elem(a, (unsigned) i);
        config_setting_t *other =
            config_setting_is_group(a)
                ? config_setting_get_member(b, config_setting_name(s))
                : config_setting_get_elem(b, (unsigned) i);

        if (other == NULL || !diff_is_same(s, other)) {
            return false;
        }
    }
    return true;
}


static bool
diff_is_same(config_setting_t *a, config_setting_t *b)
{
    if (config_setting_is_aggregate(a) || config_setting_is_aggregate(b)) {
        return config_setting_type(a) == config_setting_type(b)
               && diff_has_same_members(a, b);
    }
    return diff_is_same_value(a, b);
}


/* Are they one member, changed or not?  Of those without names nobody knows,
 * unless they are the same. */
static bool
diff_is_one(config_setting_t *a, config_setting_t *b)
{
    const char *name = diff_name(a), *other = diff_name(b);

    return name != NULL || other != NULL
               ? name != NULL && other != NULL && strcmp(name, other) == 0
               : diff_is_same(a, b);
}


/* Parts of two lists, of members that are told by name or place. */
typedef struct {
    const char       *path;
    config_setting_t *a;
    config_setting_t *b;
    unsigned          n; /* members of `a` and, of `b`, m: these */
    unsigned          m;
    unsigned          from; /* in both; before, they are one and the same */
} diff_order_t;

/* How many members can be paired from two places on. */
static uint32_t order_table[ORDER_MAX];


static config_setting_t *
order_a(const diff_order_t *o, unsigned i)
{
    return config_setting_get_elem(o->a, o->from + i);
}


static config_setting_t *
order_b(const diff_order_t *o, unsigned k)
{
    return config_setting_get_elem(o->b, o->from + k);
}


static uint32_t *
order_common(const diff_order_t *o, unsigned i, unsigned k)
{
    return &order_table[(size_t) i * (o->m + 1) + k];
}


static void
order_compare(const diff_order_t *o, config_setting_t *a, config_setting_t *b)
{
    config_setting_t *s = b != NULL ? b : a;
    const char       *name = diff_name(s);
    char              below[PATH_MAX_BYTES];

    if (name != NULL) {
        (void) snprintf(below, sizeof(below), "%s[%s]", o->path, name);
    } else {
        (void) snprintf(below, sizeof(below), "%s[%d]", o->path,
                        config_setting_index(s));
    }
    diff_compare(below, a, b);
}


/* Of those without a partner: the one that has moved; or NULL.  Of several of
 * a name nobody knows which. */
static config_setting_t *
order_find_moved(config_setting_t *list, config_setting_t *of,
                 config_setting_t *s)
{
    const char *name = diff_name(s);

    return name != NULL && diff_find(of, name, 1) == NULL
                   && diff_find(list, name, 1) == NULL
               ? diff_find(list, name, 0)
               : NULL;
}


/* Members of both lists between two pairs, up to `i` and `k`. */
static void
order_gap(const diff_order_t *o, unsigned i, unsigned end_i, unsigned k,
          unsigned end_k)
{
    while (i < end_i || k < end_k) {
        config_setting_t *a = i < end_i ? order_a(o, i) : NULL;
        config_setting_t *b = k < end_k ? order_b(o, k) : NULL;

        if (a != NULL && b != NULL && diff_name(a) == NULL
            && diff_name(b) == NULL) {
            order_compare(o, a, b);
            i++;
            k++;
        } else if (a != NULL) {
            if (order_find_moved(o->b, o->a, a) == NULL) {
                order_compare(o, a, NULL);
            }
            i++;
        } else {
            config_setting_t *was = order_find_moved(o->a, o->b, b);

            if (was != NULL) {
                diff_count++;
                (void) printf("%s[%s]: moved\n", o->path, diff_name(b));
            }
            order_compare(o, was, b);
            k++;
        }
    }
}


static void
order_walk(const diff_order_t *o)
{
    unsigned i = 0, k = 0, gap_i = 0, gap_k = 0;

    while (i < o->n && k < o->m) {
        if (diff_is_one(order_a(o, i), order_b(o, k))) {
            order_gap(o, gap_i, i, gap_k, k);
            order_compare(o, order_a(o, i), order_b(o, k));
            gap_i = ++i;
            gap_k = ++k;
        } else if (*order_common(o, i + 1, k) >= *order_common(o, i, k + 1)) {
            i++;
        } else {
            k++;
        }
    }
    order_gap(o, gap_i, o->n, gap_k, o->m);
}


/* What is behind the first difference, and before the last. */
static void
diff_order(diff_order_t *o)
{
    memset(order_table, 0,
           (size_t) (o->n + 1) * (o->m + 1) * sizeof(*order_table));
    for (unsigned i = o->n; i-- > 0;) {
        for (unsigned k = o->m; k-- > 0;) {
            uint32_t one = *order_common(o, i + 1, k);
            uint32_t other = *order_common(o, i, k + 1);

            *order_common(o, i, k) = diff_is_one(order_a(o, i), order_b(o, k))
                                         ? *order_common(o, i + 1, k + 1) + 1
                                         : (one > other ? one : other);
        }
    }
    order_walk(o);
}


/* In order: routes, filters, texts. */
static void
diff_lists(const char *path, config_setting_t *a, config_setting_t *b)
{
    unsigned     n = (unsigned) config_setting_length(a);
    unsigned     m = (unsigned) config_setting_length(b);
    diff_order_t o = { .path = path, .a = a, .b = b };
    unsigned     same = 0; /* at the end */

    while (o.from < n && o.from < m
           && diff_is_one(order_a(&o, 0), order_b(&o, 0))) {
        order_compare(&o, order_a(&o, 0), order_b(&o, 0));
        o.from++;
    }
    while (same < n - o.from && same < m - o.from
           && diff_is_one(config_setting_get_elem(a, n - 1 - same),
                          config_setting_get_elem(b, m - 1 - same)))
    {
        same++;
    }
    o.n = n - o.from - same;
    o.m = m - o.from - same;
    if ((size_t) (o.n + 1) * (o.m + 1) <= ORDER_MAX) {
        diff_order(&o);
    } else {
        order_gap(&o, 0, o.n, 0, o.m);
    }
    while (same-- > 0) {
        order_compare(&o, config_setting_get_elem(a, n - 1 - same),
                      config_setting_get_elem(b, m - 1 - same));
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
