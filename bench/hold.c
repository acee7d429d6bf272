// SPDX-License-Identifier: Apache-2.0
// The handler of connections that stay open: says one byte, so that the client knows it runs, and waits for the end.

#include "raw.h"

void _start(void) {
    char ignored[64];
    if (raw(SYS_write, 1, "+", 1) == 1) {
        while (raw(SYS_read, 0, ignored, sizeof ignored) > 0) {
        }
    }
    raw(SYS_exit_group, 0, 0, 0);
    __builtin_unreachable();
}
