// SPDX-License-Identifier: Apache-2.0
// System calls without a C library, for handlers whose own start-up must cost nothing.
//
// A static glibc program asks the processor what it can do before main; in a virtual machine every such question traps, and
// it took 60 % of a connection's time. What is to be compared is the servers.

#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <sys/syscall.h>

/// The system call `number` with four arguments; returns the result or -errno.
static inline long raw4(long number, long first, const void *second, long third, long fourth) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = fourth;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = first;
    register const void *x1 __asm__("x1") = second;
    register long x2 __asm__("x2") = third;
    register long x3 __asm__("x3") = fourth;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#else
#error "raw.h knows x86_64 and aarch64"
#endif
}

/// The system call `number` with three arguments; returns the result or -errno.
static inline long raw(long number, long first, const void *second, long third) {
    return raw4(number, first, second, third, 0);
}

#endif
