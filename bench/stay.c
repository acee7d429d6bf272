// SPDX-License-Identifier: Apache-2.0
// The handler of connections that others must end: it never reads, and says by one byte how hard it is to end.
//
// '+': SIGTERM ends it. 'i': it blocks SIGTERM. 'g': SIGTERM ends it, but not the process that it has started, which stays
// in its process group.

#include "raw.h"

#include <linux/time_types.h>

enum { KINDS = 16, IGNORES = 3, HAS_CHILD = 7, SIGNAL_CHILD = 17, SIGNAL_TERM = 15 };

static void block_term(void) {
    unsigned long signals = 1ul << (SIGNAL_TERM - 1);
    raw4(SYS_rt_sigprocmask, 0, &signals, 0, sizeof signals);
}

void _start(void) {
    long kind = raw(SYS_getpid, 0, 0, 0) % KINDS;
    if (kind == IGNORES) {
        block_term();
    }
    int is_child = kind == HAS_CHILD && raw(SYS_clone, SIGNAL_CHILD, 0, 0) == 0;
    if (is_child) {
        block_term();
    } else {
        raw(SYS_write, 1, kind == IGNORES ? "i" : kind == HAS_CHILD ? "g" : "+", 1);
    }
    for (;;) {
        struct __kernel_timespec long_time = {.tv_sec = 1000000};
        raw(SYS_nanosleep, (long)&long_time, 0, 0);
    }
}
