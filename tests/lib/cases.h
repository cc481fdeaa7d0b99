/*
 * cases.h - tables of cases: "CONF | REQUEST | EXPECTED", one a line.
 *
 * A request is "METHOD AUTHORITY TARGET" and then pieces behind ";": headers
 * "name: value", and "@source ADDRESS", "@sni NAME", "@roll N", or for a call
 * "call SERVICE METHOD VERSION GROUP", where "-" stands for nothing; other
 * texts are for the test to read.  Lines
 * that start with "#" and empty ones are for readers; a conf of '"' is that
 * of the line above.
 */

#ifndef CASES_H
#define CASES_H

#include "tap.h"

#include "core/log.h"
#include "os/address.h"
#include "proto/rpc.h"
#include "proxy/match.h"

typedef struct {
    char              *conf;
    char              *text;
    char              *expected;
    unsigned           line;
    mosn_message_t     message;
    mosn_rpc_t         rpc;
    mosn_inet_t        source;
    mosn_match_input_t input;
} case_t;


static char *
case_trim(char *text)
{
    char *end;

    while (*text == ' ') {
        text++;
    }
    end = text + strlen(text);
    while (end > text && (end[-1] == ' ' || end[-1] == '\n')) {
        *--end = '\0';
    }
    return text;
}


static mosn_str_t
case_word(char **rest)
{
    char *word = strsep(rest, " ");

    return word == NULL || strcmp(word, "-") == 0 ? MOSN_STR_NULL
                                                  : mosn_str(word);
}


static void
case_read_piece(case_t *c, char *piece)
{
    char *value = strchr(piece, ' ');

    MOSN_BUG_ON(value == NULL);
    *value++ = '\0';
    if (strcmp(piece, "@source") == 0) {
        mosn_address_t a;
        char           text[64];
        int            n = snprintf(text, sizeof(text),
                         strchr(value, ':') ? "[%s]:1" : "%s:1", value);

        MOSN_BUG_ON(!mosn_address_parse(text, (size_t) n, &a));
        c->source = a.inet;
        c->input.source = &c->source;
    } else if (strcmp(piece, "@sni") == 0) {
        c->input.server_name = mosn_str(value);
    } else if (strcmp(piece, "@roll") == 0) {
        c->input.roll = (uint32_t) strtoul(value, NULL, 10);
    } else {
        mosn_str_t name = mosn_str(piece);

        MOSN_BUG_ON(name.at[--name.len] != ':');
        mosn_headers_add(&c->message.headers,
                         mosn_header_find_id(name.at, name.len), name,
                         mosn_str(case_trim(value)));
    }
}


static void
case_read_request(case_t *c, mosn_pool_t *pool)
{
    char              *rest = mosn_pool_strdup(pool, c->text);
    char              *first = case_trim(strsep(&rest, ";")), *piece;
    mosn_match_input_t whole;

    mosn_message_init(&c->message, pool);
    c->message.scheme = MOSN_STR("http");
    c->message.method = case_word(&first);
    if (mosn_str_equal(c->message.method, MOSN_STR("call"))) {
        c->rpc.service = case_word(&first);
        c->rpc.method = case_word(&first);
        c->rpc.version = case_word(&first);
        c->rpc.group = case_word(&first);
        c->rpc.decoded = true;
        c->message.rpc = &c->rpc;
        c->message.method = MOSN_STR_NULL;
        c->message.path = mosn_rpc_path(&c->rpc, pool);
    } else {
        c->message.method_id = mosn_method_find(c->message.method);
        c->message.authority = case_word(&first);
        c->message.path = mosn_str(first);
    }
    mosn_match_input(&c->input, &c->message, NULL);
    while ((piece = strsep(&rest, ";")) != NULL) {
        case_read_piece(c, case_trim(piece));
    }
    mosn_match_input(&whole, &c->message, NULL);
    c->input.path = whole.path;
}


/* Calls `run` with each case of a file; returns their number. */
static unsigned
cases_run(const char *path, mosn_pool_t *pool, void (*run)(case_t *))
{
    FILE    *in = fopen(path, "r");
    char    *line = NULL, *conf = NULL;
    size_t   room = 0;
    unsigned n = 0;

    for (unsigned number = 1; in != NULL && getline(&line, &room, in) > 0;
         number++)
    {
        case_t *c = mosn_pool_calloc(pool, sizeof(*c));
        char   *text = mosn_pool_strdup(pool, line);
        char   *pieces[3] = { NULL };

        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        for (int i = 0; i < 3; i++) {
            char *bar = i < 2 && text != NULL ? strstr(text, " | ") : NULL;

            MOSN_BUG_ON(text == NULL);
            pieces[i] = text;
            text = bar != NULL ? bar + 3 : NULL;
            if (bar != NULL) {
                *bar = '\0';
            }
            pieces[i] = case_trim(pieces[i]);
        }
        conf = strcmp(pieces[0], "\"") == 0 ? conf : pieces[0];
        c->conf = conf;
        c->text = pieces[1];
        c->expected = pieces[2];
        c->line = number;
        if (strchr(c->text, '/') != NULL || strncmp(c->text, "call", 4) == 0
            || strchr(c->text, '*') != NULL)
        {
            case_read_request(c, pool);
        }
        run(c);
        n++;
    }
    free(line);
    if (in != NULL) {
        (void) fclose(in);
    }
    return n;
}


#endif
