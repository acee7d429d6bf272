// SPDX-License-Identifier: Apache-2.0
// Receiving from a Unix socket whose peer may attach descriptors: within CLinux only.
#pragma once
#include <sys/socket.h>
#include <sys/types.h>

struct ucred;

// recvmsg without blocking. Descriptors that came are closed by another thread, and counted. `sender` and
// `descriptors` may be NULL.
ssize_t clinux_receive_guarded(
    int descriptor, void *buffer, size_t size, int flags, struct ucred *sender, size_t *descriptors);
