// SPDX-License-Identifier: Apache-2.0
// Linux calls and constants that Swift cannot import: variadic functions, macros and calls glibc 2.36 does not wrap.
#pragma once
#ifdef __swift__
// Else the C library's declarations would belong to this module or to Swift's own, whichever is read first: a name in
// sight today would be out of sight after the next build.
#pragma clang module import SwiftGlibc

#endif
// No feature macro here: Swift's own Glibc module reads these headers without one, and the two must agree. What needs
// _GNU_SOURCE is declared by hand or lives in a .c file.
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "clinux_sockdiag.h"
#include "clinux_spawn.h"
#include "clinux_succession.h"

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern long syscall(long, ...);

// fcntl(F_SETFD, FD_CLOEXEC).
static inline int clinux_set_close_on_exec(int descriptor) { return fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

// fcntl(F_GETFD): negative when the descriptor is not open.
static inline int clinux_descriptor_flags(int descriptor) { return fcntl(descriptor, F_GETFD); }

// fcntl(F_DUPFD_CLOEXEC): a copy numbered at least `lowest`.
static inline int clinux_duplicate(int descriptor, int lowest) { return fcntl(descriptor, F_DUPFD_CLOEXEC, lowest); }

// A connection, close-on-exec and blocking.
static inline int clinux_accept(int listener, struct sockaddr_storage *address, socklen_t *length) {
    return accept4(listener, (struct sockaddr *)address, length, SOCK_CLOEXEC);
}

static inline int clinux_bind(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
    return bind(descriptor, (const struct sockaddr *)address, length);
}

static inline int clinux_connect(int descriptor, const struct sockaddr_storage *address, socklen_t length) {
    return connect(descriptor, (const struct sockaddr *)address, length);
}

static inline int clinux_getsockname(int descriptor, struct sockaddr_storage *address, socklen_t *length) {
    return getsockname(descriptor, (struct sockaddr *)address, length);
}

static inline int clinux_getpeername(int descriptor, struct sockaddr_storage *address, socklen_t *length) {
    return getpeername(descriptor, (struct sockaddr *)address, length);
}

// A socket of `type` that is close-on-exec; `nonblocking` sets O_NONBLOCK too.
static inline int clinux_socket(int family, int type, int protocol, int nonblocking) {
    return socket(family, type | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), protocol);
}

// O_NONBLOCK on or off. It belongs to the open file description: every holder of the socket sees it.
static inline int clinux_set_nonblocking(int descriptor, int on) { return ioctl(descriptor, FIONBIO, &on); }

static inline int clinux_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

static inline int clinux_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

static inline pid_t clinux_gettid(void) { return (pid_t)syscall(SYS_gettid); }

// The process at the other end of a Unix socket: 0, or -1 and errno.
int clinux_peer_credentials(int descriptor, pid_t *pid, uid_t *uid, gid_t *gid);

// Has the kernel refuse descriptors that are sent to this Unix socket; what a listener accepts refuses them too. Fails
// before Linux 6.16.
int clinux_refuse_descriptors(int descriptor);

// Has the kernel let descriptors through again, as it does when nothing is said.
int clinux_pass_descriptors(int descriptor);

// Whether the kernel refuses descriptors that are sent to this socket: not before Linux 6.16.
int clinux_refuses_descriptors(int descriptor);

// SO_OOBINLINE: what comes with an urgent byte is received, where the kernel would discard it, and close it, at a read.
void clinux_receive_urgent_inline(int descriptor);

// Closes descriptors in a thread of its own, of which there are four at most: where close(2) may block.
void clinux_close_elsewhere(const int *descriptors, size_t count);

// recv(2) from a Unix socket, without blocking. Descriptors that came with the bytes are closed elsewhere, and the call
// fails with ECONNRESET: nobody needs a peer who sends them.
ssize_t clinux_receive_without_descriptors(int descriptor, void *buffer, size_t size);

// Whether there are bytes that were not received, with which descriptors may have come.
static inline int clinux_has_input(int descriptor) {
    int bytes = 0;
    return ioctl(descriptor, FIONREAD, &bytes) == 0 && bytes > 0;
}

// Sets mode and owner of the socket file `name` in a directory, if it is a socket of this process's user: 0, or -1 and
// errno. An id of -1 is left as it is.
int clinux_set_socket_access(int directory, const char *name, mode_t mode, uid_t user, gid_t group);

// Joins a new, empty session keyring, which children inherit. Fails where keyrings are not to be had.
int clinux_new_session_keyring(void);

// Drops every SYN without ACK that arrives at a listening TCP socket: 0, or -1 and errno.
int clinux_drop_new_connections(int listener);

// poll(2)'s event for "nothing more comes": after shutdown(SHUT_RD) of a listener nobody new.
static const short clinux_pollrdhup = 0x2000;

// Opens `path` to be locked and makes it if there is none: the descriptor, or -1 and errno.
static inline int clinux_open_lock(const char *path) {
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

// Whether the extended attribute `name` of the file at `path` is the digit 1.
static inline int clinux_attribute_is_one(const char *path, const char *name) {
    char value;
    return getxattr(path, name, &value, 1) == 1 && value == '1';
}

// getresuid(2) and getresgid(2).
void clinux_user_ids(uid_t *real, uid_t *effective, uid_t *saved);
void clinux_group_ids(gid_t *real, gid_t *effective, gid_t *saved);

// Divides this process, the first one of a container and of one thread, into two: it goes on as the one that reaps
// orphans, passes SIGTERM, SIGINT and SIGHUP on, and ends with its child's exit code, or 128 and its signal; the child
// returns 0. -1 with errno when it cannot.
int clinux_run_below_init(void);

// The variable that the child has then, and so has every image that follows it.
#define CLINUX_BELOW_INIT "SERVERD_BELOW_INIT"
