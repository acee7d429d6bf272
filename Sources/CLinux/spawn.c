// SPDX-License-Identifier: Apache-2.0
// The spawn: a child that shares memory and descriptor table with its parent until it has its own, and then executes.
//
// Between clone and execve there are only bare system calls: the child shares the memory of a parent that goes on
// meanwhile, so that it may neither allocate nor take a lock; glibc's setresuid would change the parent's other
// threads, and glibc's syscall() would leave its errno in the parent's.
#include "CLinux.h"
#include "clone3.h"
#include <errno.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { STACK = 64 * 1024, GUARD = 64 * 1024, SIGNALS = 64, SIGNAL_SET_BYTES = SIGNALS / 8 };

// The kernel's own form of a signal's disposition, which glibc's sigaction hides. All zero: the default.
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

// With a sanitizer the child would write into its parent's history.
#define IN_CHILD __attribute__((disable_sanitizer_instrumentation))

#if __has_feature(thread_sanitizer)
// Thread sanitizer's own clone takes every child for one with its own memory; this is glibc's other name for the same.
extern int __clone(int (*)(void *), void *, int, void *, ...);
#define clone __clone
#endif

// A system call of the child's: its result, or the errno as a negative number.
IN_CHILD static long call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
    long result;
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long which __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    register long fifth __asm__("x4") = e;
    __asm__ volatile("svc 0"
                     : "+r"(first)
                     : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth)
                     : "memory");
    return first;
#else
#error "the child's system calls are written for x86-64 and AArch64 only"
#endif
}

IN_CHILD static void enter(struct clinux_spawn *spawn, int step) {
    __atomic_store_n(&spawn->step, step, __ATOMIC_RELEASE);
}

// Makes the call, and ends the child if it fails.
IN_CHILD static void must(struct clinux_spawn *spawn, long number, long a, long b, long c, long d) {
    // prctl wants its unused arguments to be 0.
    long result = call(number, a, b, c, d, 0);
    if (result >= 0) return;
    spawn->error = (int)-result;
    for (;;) call(SYS_exit_group, 127, 0, 0, 0, 0);
}

IN_CHILD static void reset_signals(struct clinux_spawn *spawn) {
    static const struct kernel_action normal;
    enter(spawn, CLINUX_STEP_SIGNALS);
    for (uint64_t left = spawn->signals; left != 0; left &= left - 1) {
        int signal = __builtin_ctzll(left) + 1;
        must(spawn, SYS_rt_sigaction, signal, (long)&normal, 0, SIGNAL_SET_BYTES);
    }
}

// dup3, for newer architectures have no dup2. It refuses equal numbers: a place is never 0, 1 or 2.
IN_CHILD static void take_streams(struct clinux_spawn *spawn) {
    enter(spawn, CLINUX_STEP_STREAMS);
    must(spawn, SYS_dup3, spawn->socket, 0, 0, 0);
    must(spawn, SYS_dup3, spawn->socket, 1, 0, 0);
    must(spawn, SYS_dup3, spawn->standard_error, 2, 0, 0);
    enter(spawn, CLINUX_STEP_CLOSE);
    must(spawn, SYS_close_range, 3, ~0U, 0, 0);
}

IN_CHILD static void drop_identity(struct clinux_spawn *spawn) {
    const struct clinux_command *command = spawn->command;
    if (spawn->clears_ambient) {
        enter(spawn, CLINUX_STEP_AMBIENT);
        must(spawn, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0);
    }
    if (!command->changes_identity) return;
    enter(spawn, CLINUX_STEP_GROUPS);
    must(spawn, SYS_setgroups, (long)command->group_count, (long)command->groups, 0, 0);
    enter(spawn, CLINUX_STEP_GROUP);
    must(spawn, SYS_setresgid, command->group, command->group, command->group, 0);
    enter(spawn, CLINUX_STEP_USER);
    must(spawn, SYS_setresuid, command->user, command->user, command->user, 0);
}

enum { leave_none, leave_given, leave_awaited };

// Waits until the parent lets it execute. As a rule it has by now; when the parent was killed before, the child ends.
IN_CHILD static void await_leave(struct clinux_spawn *spawn) {
    static const struct timespec until_next_look = {0, 10 * 1000 * 1000};
    int leave = leave_none;
    __atomic_compare_exchange_n(&spawn->leave, &leave, leave_awaited, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
    while (__atomic_load_n(&spawn->leave, __ATOMIC_ACQUIRE) != leave_given) {
        if (call(SYS_getppid, 0, 0, 0, 0, 0) != spawn->parent) call(SYS_exit_group, 127, 0, 0, 0, 0);
        call(SYS_futex, (long)&spawn->leave, FUTEX_WAIT_PRIVATE, leave_awaited, (long)&until_next_look, 0);
    }
}

IN_CHILD static int run_child(void *argument) {
    struct clinux_spawn *spawn = argument;
    const struct clinux_command *command = spawn->command;

    if (spawn->joins_group) {
        enter(spawn, CLINUX_STEP_JOIN);
        // 0 is whoever writes it.
        must(spawn, SYS_write, spawn->control_group, (long)"0", 1, 0);
        enter(spawn, CLINUX_STEP_UNSHARE);
    }
    // This before all else: until here the descriptor table is the parent's own. The copy holds only what is numbered below the
    // hole, so its price does not grow with the number of connections.
    int low = spawn->socket > spawn->standard_error ? spawn->socket : spawn->standard_error;
    must(spawn, SYS_close_range, low + 1, ~0U, CLOSE_RANGE_UNSHARE, 0);
    // Before the mask is emptied: a handler of the parent's would run in memory shared with it.
    reset_signals(spawn);
    enter(spawn, CLINUX_STEP_SESSION);
    must(spawn, SYS_setsid, 0, 0, 0, 0);
    take_streams(spawn);
    enter(spawn, CLINUX_STEP_UMASK);
    must(spawn, SYS_umask, command->mask, 0, 0, 0);
    enter(spawn, CLINUX_STEP_LIMIT);
    const uint64_t limit[2] = {command->descriptors_soft, command->descriptors_hard};
    must(spawn, SYS_prlimit64, 0, RLIMIT_NOFILE, (long)limit, 0);
    drop_identity(spawn);
    // After the change of identity: it is the handler that must be allowed to be there.
    enter(spawn, CLINUX_STEP_DIRECTORY);
    must(spawn, SYS_chdir, (long)command->directory, 0, 0, 0);
    if (command->forbids_new_privileges) {
        enter(spawn, CLINUX_STEP_PRIVILEGES);
        must(spawn, SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0);
    }
    enter(spawn, CLINUX_STEP_MASK);
    const uint64_t no_signals = 0;
    must(spawn, SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, SIGNAL_SET_BYTES);
    await_leave(spawn);
    enter(spawn, CLINUX_STEP_EXECVE);
    must(spawn, SYS_execve, (long)command->path, (long)command->arguments, (long)spawn->environment, 0);
    __builtin_unreachable();
}

static pid_t make_child(struct clinux_spawn *spawn) {
    int flags = CLONE_VM | CLONE_FILES | CLONE_PIDFD | CLONE_CHILD_CLEARTID;
    char *stack = (char *)spawn->stack + GUARD;
    if (spawn->control_group < 0 || spawn->joins_group) {
        return clone(run_child, stack + STACK, flags | SIGCHLD, spawn, &spawn->pidfd, NULL, &spawn->in_flight);
    }
    long result = clinux_clone_into(
        run_child, spawn, (uint64_t)flags, spawn->control_group, stack, STACK, &spawn->pidfd, &spawn->in_flight);
    if (result >= 0) return (pid_t)result;
    errno = (int)-result;
    return -1;
}

pid_t clinux_spawn(struct clinux_spawn *spawn) {
    const uint64_t all_signals = ~0ULL;
    uint64_t earlier;
    spawn->error = 0;
    spawn->pidfd = -1;
    spawn->leave = leave_none;
    enter(spawn, CLINUX_STEP_UNSHARE);
    __atomic_store_n(&spawn->in_flight, 1, __ATOMIC_RELEASE);
    // By number, for glibc's own two signals too.
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_signals, &earlier, SIGNAL_SET_BYTES);
    pid_t pid = make_child(spawn);
    int error = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &earlier, NULL, SIGNAL_SET_BYTES);
    errno = error;
    if (pid < 0) {
        spawn->in_flight = 0;
        enter(spawn, CLINUX_STEP_CLONE);
    }
    return pid;
}

void clinux_spawn_let_execute(struct clinux_spawn *spawn) {
    int former = __atomic_exchange_n(&spawn->leave, leave_given, __ATOMIC_RELEASE);
    if (former == leave_awaited) syscall(SYS_futex, &spawn->leave, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

int clinux_spawn_in_flight(const struct clinux_spawn *spawn) {
    return __atomic_load_n(&spawn->in_flight, __ATOMIC_ACQUIRE);
}

void clinux_spawn_wait(const struct clinux_spawn *spawn, int64_t nanoseconds) {
    struct timespec timeout = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    // Not a private futex: the kernel wakes the word of CLONE_CHILD_CLEARTID as a shared one.
    syscall(SYS_futex, &spawn->in_flight, FUTEX_WAIT, 1, &timeout, NULL, 0);
}

void *clinux_spawn_stack(void) {
    char *memory = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    if (mprotect(memory, GUARD, PROT_NONE) != 0) {
        munmap(memory, GUARD + STACK);
        return NULL;
    }
    return memory;
}

void clinux_spawn_stack_free(void *stack) { munmap(stack, GUARD + STACK); }

uint64_t clinux_signals_not_default(void) {
    uint64_t found = 0;
    for (int signal = 1; signal <= SIGNALS; signal++) {
        struct kernel_action action;
        if (syscall(SYS_rt_sigaction, signal, NULL, &action, SIGNAL_SET_BYTES) != 0) continue;
        if (signal != SIGKILL && signal != SIGSTOP && action.handler != SIG_DFL) found |= 1ULL << (signal - 1);
    }
    return found;
}

int clinux_has_ambient_capabilities(void) {
    for (unsigned long capability = 0; capability < 64; capability++) {
        int set = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0UL, 0UL);
        if (set != 0) return set > 0;
    }
    return 0;
}

int clinux_place(int from, int to) { return dup3(from, to, O_CLOEXEC); }

int clinux_pidfd_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0U); }

int clinux_wait(int pidfd, int waits, struct clinux_exit *result) {
    siginfo_t status = {0};
    struct rusage usage = {0};
    // By number: glibc's waitid leaves out the kernel's fifth argument.
    while (syscall(SYS_waitid, P_PIDFD, pidfd, &status, WEXITED | (waits ? 0 : WNOHANG), &usage) != 0) {
        if (errno != EINTR) return -1;
    }
    result->pid = status.si_pid;
    result->code = status.si_code;
    result->status = status.si_status;
    result->user_microseconds = usage.ru_utime.tv_sec * 1000000LL + usage.ru_utime.tv_usec;
    result->system_microseconds = usage.ru_stime.tv_sec * 1000000LL + usage.ru_stime.tv_usec;
    result->peak_kibibytes = usage.ru_maxrss;
    return 0;
}
