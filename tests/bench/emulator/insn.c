/*
 * insn.c - a plugin of qemu (TCG plugins, version 1): counts the instructions
 * that each virtual cpu executes.
 *
 * Into a mapped file, for each cpu eight numbers of 64 bits: those of user
 * mode, those of the kernel, those of the idle task, those of the timer's
 * interrupt, and the system calls.  The idle task is not counted by perf(1) on
 * a process either, and on a machine of full speed there are a hundred times
 * as many requests to a tick.
 *
 *   -plugin insn.so,out=FILE,idle=A-B,task=A-B,tick=A-B,tock=A-B,call=A-B
 *
 * The ranges are addresses of the kernel's do_idle, finish_task_switch,
 * __sysvec_apic_timer_interrupt, sysvec_apic_timer_interrupt, in which the one
 * before it was called, and do_syscall_64.  A repeated string instruction counts once, as on
 * a real processor.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* What is used of qemu-plugin.h, which Debian does not ship. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
void qemu_plugin_register_vcpu_tb_trans_cb(
    uint64_t id, void (*on_translate)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *tb, void (*on_exec)(unsigned cpu, void *data),
    int flags, void *data);
size_t   qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *
            qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t      qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
                               char **argv);

enum { USER, KERNEL, IDLE, TICK, CALLS, KINDS = 8 };
enum { NONE, IDLES, RUNS, TICKS, TICKED, CALL, MARKS };

static const char *const names[MARKS] = { "", "idle=", "task=", "tick=",
                                          "tock=", "call=" };

static volatile uint64_t           *cells;
static uint64_t                     ranges[MARKS][2];
static _Thread_local unsigned char is_idle, in_tick; /* a thread per cpu */


/* A block is executed: its length, a mark, and whether the kernel has it. */
static void
on_exec(unsigned cpu, void *data)
{
    uintptr_t what = (uintptr_t) data;
    unsigned  kind = what & 1;

    switch (what >> 1 & 7) {
    case IDLES:
        is_idle = 1;
        break;
    case RUNS:
        is_idle = 0;
        break;
    case TICKS:
        in_tick = 1;
        break;
    case TICKED:
        in_tick = 0;
        break;
    case CALL:
        cells[cpu * KINDS + CALLS]++;
        break;
    default:
        break;
    }
    if (kind == KERNEL) {
        kind = in_tick ? TICK : is_idle ? IDLE : KERNEL;
    }
    cells[cpu * KINDS + kind] += what >> 4;
}


/* "rep movsb" and its like: qemu executes it once for each round. */
static int
is_repeated(const struct qemu_plugin_insn *insn)
{
    const uint8_t *bytes = qemu_plugin_insn_data(insn);
    size_t         n = qemu_plugin_insn_size(insn);
    uint8_t        op = bytes[n - 1];

    return n >= 2 && n <= 3 && (bytes[0] == 0xf3 || bytes[0] == 0xf2)
           && ((op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf));
}


static void
on_translate(uint64_t id, struct qemu_plugin_tb *tb)
{
    uint64_t  at = qemu_plugin_tb_vaddr(tb);
    size_t    n = qemu_plugin_tb_n_insns(tb);
    uintptr_t mark = MARKS - 1;

    (void) id;
    if (n > 0 && is_repeated(qemu_plugin_tb_get_insn(tb, 0))) {
        n--; /* the block before it has counted it */
    }
    if (n == 0) {
        return;
    }
    while (mark > NONE && (at < ranges[mark][0] || at >= ranges[mark][1])) {
        mark--;
    }
    if (mark == CALL && at != ranges[CALL][0]) {
        mark = NONE; /* only where it is entered */
    }
    qemu_plugin_register_vcpu_tb_exec_cb(
        tb, on_exec, 0, (void *) (n << 4 | mark << 1 | at >> 63));
}


int
qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    int fd = -1;

    (void) info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0) {
            fd = open(argv[i] + 4, O_RDWR | O_CREAT, 0644);
        }
        for (int k = NONE + 1; k < MARKS; k++) {
            if (strncmp(argv[i], names[k], 5) == 0) {
                char *end;

                ranges[k][0] = strtoull(argv[i] + 5, &end, 16);
                ranges[k][1] = *end == '-' ? strtoull(end + 1, NULL, 16) : 0;
            }
        }
    }
    if (fd == -1 || ftruncate(fd, 4096) == -1) {
        return -1;
    }
    cells = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (cells == MAP_FAILED) {
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
