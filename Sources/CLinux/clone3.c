// SPDX-License-Identifier: Apache-2.0
// clone3 with CLONE_INTO_CGROUP: the child never runs outside its control group, not even for an instant.
//
// In assembly from the system call to the child's first function: the child returns from the call on a stack without
// frames.
#include "clone3.h"
#include <signal.h>
#include <sys/syscall.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

// The kernel's struct clone_args, which linux/sched.h has beside names that glibc's sched.h has too.
struct clone_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static const uint64_t INTO_CGROUP = 0x200000000ULL;

__attribute__((disable_sanitizer_instrumentation, noinline)) static long make_child(
    struct clone_arguments *arguments, int (*run)(void *), void *argument) {
    long result;
#if defined(__x86_64__)
    register void *what __asm__("r8") = argument;
    register int (*function)(void *) __asm__("r9") = run;
    __asm__ volatile(
        "syscall\n\t"
        "testq %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        // The outermost frame.
        "xorl %%ebp, %%ebp\n\t"
        "movq %%r8, %%rdi\n\t"
        "callq *%%r9\n\t"
        "ud2\n"
        "1:"
        : "=a"(result)
        : "a"(SYS_clone3), "D"(arguments), "S"(sizeof *arguments), "r"(what), "r"(function)
        : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone3;
    register long first __asm__("x0") = (long)arguments;
    register long second __asm__("x1") = sizeof *arguments;
    register void *what __asm__("x9") = argument;
    register int (*function)(void *) __asm__("x10") = run;
    __asm__ volatile(
        "svc 0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, x9\n\t"
        "blr x10\n\t"
        "brk #0\n"
        "1:"
        : "+r"(first)
        : "r"(number), "r"(second), "r"(what), "r"(function)
        : "memory");
    result = first;
#else
#error "the child's first instructions are written for x86-64 and AArch64 only"
#endif
    return result;
}

long clinux_clone_into(
    int (*run)(void *), void *argument, uint64_t flags, int group, void *stack, size_t stack_size, int *pidfd,
    int *in_flight) {
    struct clone_arguments arguments = {
        .flags = flags | INTO_CGROUP,
        .pidfd = (uintptr_t)pidfd,
        .child_tid = (uintptr_t)in_flight,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = stack_size,
        .cgroup = (uint64_t)group,
    };
    return make_child(&arguments, run, argument);
}
