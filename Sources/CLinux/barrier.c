// SPDX-License-Identifier: Apache-2.0
// The barrier of a TCP listener that is about to close: no new SYN gets in.
#include <linux/filter.h>
#include <sys/socket.h>

#include "CLinux.h"

int clinux_drop_new_connections(int listener) {
    // The filter of a TCP socket sees the segment from the TCP header on; byte 13 holds the flags.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
