// SPDX-License-Identifier: Apache-2.0
// clone3 for a child that shares the memory and begins in a control group: glibc has no function for it.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The child runs `run(argument)`, which must not return, on a stack of its own; `pidfd` and `in_flight` are as for
// clone's CLONE_PIDFD and CLONE_CHILD_CLEARTID. Returns the pid, or an errno as a negative number.
long clinux_clone_into(
    int (*run)(void *), void *argument, uint64_t flags, int group, void *stack, size_t stack_size, int *pidfd,
    int *in_flight);
