// SPDX-License-Identifier: Apache-2.0
// Descriptors that a peer sends and nobody wants: refused by the kernel, or closed where nobody waits for it.
//
// close(2) may block for as long as the sender likes: a socket with SO_LINGER, a file of a FUSE file system. recvmsg(2)
// closes what finds no room, and close(2) of a socket what is in its queue: in the thread that calls.
#include "received.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "CLinux.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

// The most that the kernel takes in one message.
enum { MOST_DESCRIPTORS = 253 };
// The most threads at a time that close descriptors.
enum { MOST_THREADS = 4 };

int clinux_refuse_descriptors(int descriptor) {
    const int off = 0;
    return setsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off);
}

int clinux_pass_descriptors(int descriptor) {
    const int on = 1;
    return setsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &on, sizeof on);
}

int clinux_refuses_descriptors(int descriptor) {
    int passes = 1;
    socklen_t length = sizeof passes;
    return getsockopt(descriptor, SOL_SOCKET, SO_PASSRIGHTS, &passes, &length) == 0 && passes == 0;
}

void clinux_receive_urgent_inline(int descriptor) {
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int *waiting;
static size_t waiting_count;
static size_t waiting_room;
static int threads;

static void *close_waiting(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    while (waiting_count > 0) {
        const int descriptor = waiting[--waiting_count];
        pthread_mutex_unlock(&lock);
        close(descriptor);
        pthread_mutex_lock(&lock);
    }
    threads--;
    pthread_mutex_unlock(&lock);
    return NULL;
}

// With the lock held: whether there is a thread that will look at what waits.
static int has_thread(void) {
    if (threads == MOST_THREADS) return 1;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) return threads > 0;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    if (pthread_create(&thread, &attributes, close_waiting, NULL) == 0) threads++;
    pthread_attr_destroy(&attributes);
    return threads > 0;
}

// With the lock held: whether there is room for `count` more.
static int has_room(size_t count) {
    if (waiting_room - waiting_count >= count) return 1;
    int *grown = realloc(waiting, (waiting_count + count) * 2 * sizeof *waiting);
    if (grown == NULL) return 0;
    waiting = grown;
    waiting_room = (waiting_count + count) * 2;
    return 1;
}

void clinux_close_elsewhere(const int *descriptors, size_t count) {
    if (count == 0) return;
    pthread_mutex_lock(&lock);
    int taken = has_room(count) && has_thread();
    if (taken) {
        memcpy(waiting + waiting_count, descriptors, count * sizeof *descriptors);
        waiting_count += count;
    }
    pthread_mutex_unlock(&lock);
    // Without memory or a thread there is no other place.
    if (!taken) {
        for (size_t index = 0; index < count; index++) close(descriptors[index]);
    }
}

ssize_t clinux_receive_guarded(
    int descriptor, void *buffer, size_t size, int flags, struct ucred *sender, size_t *descriptors) {
    // Room for both kinds: what finds none is closed here.
    _Alignas(struct cmsghdr) char control[
        CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    struct iovec piece = {buffer, size};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length;
    do {
        length = recvmsg(descriptor, &message, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    if (descriptors != NULL) *descriptors = 0;
    if (length < 0) return length;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET) continue;
        const size_t bytes = header->cmsg_len - CMSG_LEN(0);
        if (header->cmsg_type == SCM_CREDENTIALS && sender != NULL && bytes >= sizeof *sender) {
            memcpy(sender, CMSG_DATA(header), sizeof *sender);
        } else if (header->cmsg_type == SCM_RIGHTS) {
            int sent[MOST_DESCRIPTORS];
            const size_t count = bytes / sizeof(int);
            memcpy(sent, CMSG_DATA(header), count * sizeof(int));
            clinux_close_elsewhere(sent, count);
            if (descriptors != NULL) *descriptors += count;
        }
    }
    return length;
}

ssize_t clinux_receive_without_descriptors(int descriptor, void *buffer, size_t size) {
    size_t descriptors;
    ssize_t length = clinux_receive_guarded(descriptor, buffer, size, 0, NULL, &descriptors);
    if (length < 0 || descriptors == 0) return length;
    errno = ECONNRESET;
    return -1;
}
