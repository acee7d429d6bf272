// SPDX-License-Identifier: Apache-2.0
// The pair of sockets behind a service's standard error: datagrams that arrive with their sender's pid.
#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "CLinux.h"
#include "received.h"

int clinux_datagram_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends); }

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

static int writer_options(int descriptor, struct clinux_writer_options *options) {
    struct timeval timeout = {0};
    socklen_t length = sizeof timeout;
    if (getsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, &length) != 0) return -1;
    options->timeout_microseconds = timeout.tv_sec * 1000000LL + timeout.tv_usec;
    length = sizeof options->buffer;
    return getsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &options->buffer, &length);
}

int clinux_datagram_writer_options(int descriptor, struct clinux_writer_options *options) {
    return writer_options(descriptor, options);
}

enum clinux_writer_damage clinux_datagram_writer_damage(int descriptor, const struct clinux_writer_options *expected) {
    struct clinux_writer_options now;
    if (writer_options(descriptor, &now) != 0) return CLINUX_WRITER_PEER;
    if (now.buffer != expected->buffer) return CLINUX_WRITER_BUFFER;
    if (now.timeout_microseconds != expected->timeout_microseconds) return CLINUX_WRITER_TIMEOUT;
    // The other end has no name; whatever else can be connected to has one.
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    if (getpeername(descriptor, (struct sockaddr *)&peer, &length) != 0) return CLINUX_WRITER_PEER;
    if (length > sizeof(sa_family_t)) return CLINUX_WRITER_PEER;
    // Only a write tells of a shutdown; the reader takes no notice of an empty one.
    if (send(descriptor, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) == 0) return CLINUX_WRITER_SOUND;
    return errno == EPIPE ? CLINUX_WRITER_SHUTDOWN : CLINUX_WRITER_SOUND;
}

int clinux_datagram_writers_gone(int reader) {
    return send(reader, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED;
}

ssize_t clinux_receive_from_pid(int descriptor, void *buffer, size_t size, pid_t *pid) {
    struct ucred sender = {0};
    ssize_t length = clinux_receive_guarded(descriptor, buffer, size, MSG_TRUNC, &sender, NULL);
    *pid = sender.pid;
    return length;
}
