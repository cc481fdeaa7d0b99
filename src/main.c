/* main.c - options; the rest is the master's. */

#include "config.h"
#include "master.h"
#include "proxy/format.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: mosn [-c FILE] [-p DIR] [-t | -T | -R [man]] [-q] [-V] [-h]\n"
    "\n"
    "  -c FILE  configuration (default: %s)\n"
    "  -p DIR   directory that relative paths start from\n"
    "  -t       check the configuration and exit\n"
    "  -T       check it, and print it with all defaults\n"
    "  -R [man] print the reference of all settings\n"
    "  -q       say less\n"
    "  -V       print version and build\n"
    "  -h       print this\n"
    "\n"
    "mosn stays in the foreground.  SIGTERM drains and ends, SIGINT ends\n"
    "at once, SIGHUP reloads, SIGUSR2 upgrades, SIGUSR1 opens the logs\n"
    "again; or use mosnctl.\n";


static const char *
default_conf(void)
{
    return strcmp(MOSN_PREFIX, "/usr") == 0 ? "/etc/mosn/mosn.conf"
                                            : MOSN_PREFIX
               "/etc/mosn/mosn.conf";
}


/* -t and -T: status 0 or 1. */
static int
check(const char *path, bool print, bool quiet)
{
    mosn_settings_t   *settings;
    mosn_generation_t *generation;
    char              *errors;

    generation = mosn_settings_load(path, 1, &settings, &errors);
    if (generation == NULL) {
        (void) fputs(errors, stderr);
        free(errors);
        if (!quiet) {
            (void) fprintf(stderr, "mosn: %s is not usable\n", path);
        }
        return 1;
    }
    if (print) {
        mosn_conf_print(&mosn_settings_block, settings, stdout);
    } else if (!quiet) {
        (void) fprintf(stderr,
                       "mosn: %s is fine: %zu listeners, %zu route tables, "
                       "%zu clusters\n",
                       path, settings->listeners.n, settings->routes.n,
                       settings->clusters.n);
    }
    mosn_generation_unref(generation);
    return 0;
}


/* As Markdown, or as mosn.conf(5). */
static void
print_reference(bool man)
{
    if (man) {
        mosn_conf_print_man(&mosn_settings_block, stdout);
        return;
    }
    (void) fputs("# Settings\n\n"
                 "Made from the directive tables by `make reference`; "
                 "do not edit.\n\n",
                 stdout);
    mosn_conf_print_reference(&mosn_settings_block, stdout);
    (void) fputs("## Changes at run time\n\n"
                 "`mosnctl apply FILE` and the `runtime_file` take `routes` "
                 "and `clusters` as above, and of `listeners` a `name` with "
                 "the `filters`, or with `filter_chains` of a `name` (or "
                 "the place in the list, from \"0\") and `filters`; chains "
                 "that are not named keep theirs.\n\n",
                 stdout);
    (void) fputs("## Variables of access logs\n\n"
                 "Durations are milliseconds.  A line gets its end by itself; "
                 "`%%` is a per cent sign; what is unknown is `-`.  Lines "
                 "are gathered and written at least once a second.\n\n",
                 stdout);
    mosn_format_print_variables(stdout);
    (void) fputs("\n", stdout);
}


int
main(int argc, char **argv)
{
    static char *kept; /* for as long as we live */
    const char  *conf = default_conf();
    bool         test = false, print = false, quiet = false;
    int          option;

    mosn_process_init_title(argc, argv);
    mosn_metrics_describe(mosn_metric_sets);
    while ((option = getopt(argc, argv, "c:p:tTRqVh")) != -1) {
        switch (option) {
        case 'c':
            conf = kept = strdup(optarg); /* the title goes over argv */
            break;
        case 'p':
            if (chdir(optarg) == -1) {
                (void) fprintf(stderr, "mosn: -p %s: %s\n", optarg,
                               strerror(errno));
                return 1;
            }
            break;
        case 't':
            test = true;
            break;
        case 'T':
            print = true;
            break;
        case 'R':
            print_reference(optind < argc && strcmp(argv[optind], "man") == 0);
            return 0;
        case 'q':
            quiet = true;
            break;
        case 'V':
            (void) printf("mosn %s (%s)\nconfigured with: %s\n", MOSN_VERSION,
                          MOSN_COMPILER, MOSN_CONFIGURE);
            return 0;
        case 'h':
            (void) printf(usage_text, default_conf());
            return 0;
        default:
            (void) fprintf(stderr, usage_text, default_conf());
            return 2;
        }
    }
    if (optind < argc) {
        (void) fprintf(stderr, "mosn: unexpected argument %s\n", argv[optind]);
        return 2;
    }
    return test || print ? check(conf, print, quiet)
                         : mosn_master_run(conf, quiet);
}
