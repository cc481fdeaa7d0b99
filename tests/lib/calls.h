/*
 * calls.h - Bolt v1 on both sides of a gate (gate.h): frames are written
 * from, and told in, short words.
 *
 *   calls_open("", "heartbeat_interval = \"1h\";");
 *   call_say(client, "req 7 hi");   answers are "res 7 0 hi", 0 the status
 *   call_hear(origin)               "req 1 hi", "" or "... (end)"
 */

#ifndef CALLS_H
#define CALLS_H

#include "gate.h"

#define CALL_HEAD_MAX 64u

static const char call_words[][8] = { "res", "req", "one", "beat", "ack" };
typedef enum { CALL_RES, CALL_REQ, CALL_ONE, CALL_BEAT, CALL_ACK } call_e;


static size_t
call_put(uint8_t *out, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t) (value >> 8 * (n - 1 - i));
    }
    return n;
}


static uint64_t
call_get(const uint8_t *in, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++) {
        value = value << 8 | in[i];
    }
    return value;
}


/* A frame: protocols.md, "Bolt".  `body` fills the rest. */
static size_t
call_frame(uint8_t *out, call_e kind, uint32_t id, uint32_t status,
           const char *body, size_t len)
{
    static const char header[] = "\0\0\0\x18sofa_head_target_service"
                                 "\0\0\0\x01s";
    bool              is_answer = kind == CALL_RES || kind == CALL_ACK;
    bool              is_beat = kind == CALL_BEAT || kind == CALL_ACK;
    size_t            n_header =
        kind == CALL_REQ || kind == CALL_ONE ? sizeof(header) - 1 : 0;
    size_t n = 0;

    n += call_put(out + n, 1, 1);
    n += call_put(out + n, is_answer ? 0 : kind == CALL_ONE ? 2 : 1, 1);
    n += call_put(out + n, is_beat ? 0 : is_answer ? 2 : 1, 2);
    n += call_put(out + n, 1, 1);
    n += call_put(out + n, id, 4);
    n += call_put(out + n, 1, 1);
    n += is_answer ? call_put(out + n, status, 2) : call_put(out + n, 0, 4);
    n += call_put(out + n, 0, 2);
    n += call_put(out + n, n_header, 2);
    n += call_put(out + n, len, 4);
    memcpy(out + n, header, n_header);
    memcpy(out + n + n_header, body, len);
    return n + n_header + len;
}


/* Frames parted by "; " as bytes. */
static size_t
call_bytes(const char *words, uint8_t *out)
{
    size_t n = 0;

    while (*words != '\0') {
        size_t   len = strcspn(words, ";");
        char     word[8] = "", body[1024] = "", frame[1200];
        unsigned id = 0, status = 0;
        call_e   kind = CALL_RES;

        (void) snprintf(frame, sizeof(frame), "%.*s", (int) len, words);
        (void) sscanf(frame, "%7s %u", word, &id);
        while (strcmp(word, call_words[kind]) != 0) {
            kind++;
        }
        if (kind == CALL_RES) {
            (void) sscanf(frame, "%*s %*u %u %1023s", &status, body);
        } else {
            (void) sscanf(frame, "%*s %*u %1023s", body);
        }
        n += call_frame(out + n, kind, id, status, body, strlen(body));
        words += len;
        words += strspn(words, "; ");
    }
    return n;
}


static void
call_send(int fd, const uint8_t *bytes, size_t n)
{
    if (write(fd, bytes, n) != (ssize_t) n) {
        printf("# write failed\n");
    }
    gate_turns(5);
}


static void
call_say(int fd, const char *words)
{
    uint8_t bytes[8192];

    call_send(fd, bytes, call_bytes(words, bytes));
}


/* One frame in words; how long it was, 0: it is not whole. */
static size_t
call_tell(const uint8_t *in, size_t n, char *out, size_t room)
{
    bool   is_answer = n > 1 && in[1] == 0;
    size_t fixed = is_answer ? 20 : 22, body, len;
    call_e kind;

    if (n < fixed) {
        return 0;
    }
    body = fixed + call_get(in + fixed - 8, 2) + call_get(in + fixed - 6, 2);
    len = call_get(in + fixed - 4, 4);
    if (n < body + len) {
        return 0;
    }
    kind = call_get(in + 2, 2) == 0 ? (is_answer ? CALL_ACK : CALL_BEAT)
           : is_answer              ? CALL_RES
           : in[1] == 2             ? CALL_ONE
                                    : CALL_REQ;
    if (kind == CALL_RES) {
        (void) snprintf(out, room, "res %u %u %.*s",
                        (unsigned) call_get(in + 5, 4),
                        (unsigned) call_get(in + 10, 2),
                        (int) (len < 40 ? len : 40), in + body);
    } else {
        (void) snprintf(out, room, "%s %u %.*s", call_words[kind],
                        (unsigned) call_get(in + 5, 4),
                        (int) (len < 40 ? len : 40), in + body);
    }
    return body + len;
}


/* What has come, in words; behind it "(end)", "(reset)" or "(part)". */
static const char *
call_told(int fd)
{
    static char    text[8192];
    static uint8_t bytes[1 << 18];
    size_t         n = 0, used = 0, out = 0, len;
    ssize_t        got = 1;

    gate_turns(5);
    while (n < sizeof(bytes)
           && (got = recv(fd, bytes + n, sizeof(bytes) - n, MSG_DONTWAIT)) > 0)
    {
        n += (size_t) got;
        gate_turns(3);
    }
    text[0] = '\0';
    while ((len = call_tell(bytes + used, n - used, text + out,
                            sizeof(text) - out - 16))
           > 0)
    {
        used += len;
        out += strlen(text + out);
        while (out > 0 && text[out - 1] == ' ') {
            out--;
        }
        out += (size_t) sprintf(text + out, "; ");
    }
    out -= out > 0 ? 2 : 0;
    (void) sprintf(text + out, "%s%s", used < n ? "(part)" : "",
                   got == 0                     ? "(end)"
                   : got < 0 && errno != EAGAIN ? "(reset)"
                                                : "");
    return text;
}


static void __attribute__((unused))
call_hears(int fd, const char *expected, const char *name)
{
    is_str(mosn_str(call_told(fd)), expected, name);
}


/* The same, when there is something. */
static void __attribute__((unused))
call_awaits(int fd, const char *expected, const char *name)
{
    gate_wait(fd);
    call_hears(fd, expected, name);
}


/* `filter` and `rpc` are settings of the proxy and of its cluster's `rpc`. */
static void __attribute__((unused))
calls_open(const char *filter, const char *route, const char *rpc)
{
    char filters[1024], cluster[1024];

    (void) snprintf(
        filters, sizeof(filters),
        "{ type = \"proxy\"; downstream_protocol = \"bolt\"; routes = "
        "\"main\"; %s }",
        filter);
    (void) snprintf(cluster, sizeof(cluster),
                    "protocol = \"bolt\"; rpc = { %s };", rpc);
    gate_open(filters, route, cluster);
}

#endif
