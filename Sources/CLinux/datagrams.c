// SPDX-License-Identifier: Apache-2.0
// The pair of sockets behind a service's standard error: datagrams that arrive with their sender's pid.
#include "CLinux.h"
#include <errno.h>
#include <string.h>
#include <sys/time.h>

int clinux_datagram_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends); }

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

int clinux_refuse_descriptors(int descriptor) {
    const int off = 0;
    return setsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off);
}

int clinux_datagram_reader(int descriptor) {
    const int on = 1;
    clinux_refuse_descriptors(descriptor);
    return setsockopt(descriptor, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

int clinux_datagram_writer(int descriptor, int64_t timeout_microseconds, int bytes) {
    const struct timeval timeout = {timeout_microseconds / 1000000, timeout_microseconds % 1000000};
    // Without CAP_NET_ADMIN the kernel allows no more than net.core.wmem_max: that is enough to work.
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) {
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    return setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

ssize_t clinux_receive_from_pid(int descriptor, void *buffer, size_t size, pid_t *pid) {
    // Room for the credentials and nothing more: descriptors that a sender attaches find none, and the kernel drops
    // them, where it did not refuse them.
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec piece = {buffer, size};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length;
    do {
        length = recvmsg(descriptor, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    *pid = 0;
    if (length < 0) return length;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
        struct ucred sender;
        memcpy(&sender, CMSG_DATA(header), sizeof sender);
        *pid = sender.pid;
    }
    return length;
}
