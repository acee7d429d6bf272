// SPDX-License-Identifier: Apache-2.0
// The fair floor: one thread doing what any inetd must do for a connection, and nothing else.
//
// Beside accept and exec that is: a limit, an environment that names both ends, a session, default signals, a umask, a
// descriptor limit and no foreign descriptor for the program; its exit seen by pidfd, and its status collected.

#include "listen.h"
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTION_LIMIT = 15000, SERVICES = 2, BATCH = 16, VARIABLES = 16, CHILD_STACK = 64 * 1024 };

struct service {
    int listener;
    char *program;
};

/// Everything the child needs, prepared before it exists: it shares the parent's memory until its exec.
struct launch {
    char *program;
    char *environment[VARIABLES];
    char text[VARIABLES][80];
    sigset_t no_signals;
    struct rlimit descriptors;
};

static struct service services[SERVICES];
static struct launch launch;
static int poller;
static int open_connections;
static unsigned long connections_total;
static _Alignas(16) char child_stack[CHILD_STACK];

/// The socket's place: the lowest free descriptor, so that accept4 always returns it and close_range can start behind it.
enum { SOCKET_PLACE = 3 };

static int run_program(void *unused) {
    (void)unused;
    // CLONE_FILES made the table shared and so the clone cheap; this takes a copy without the other connections.
    if (syscall(SYS_close_range, SOCKET_PLACE + 1, ~0U, CLOSE_RANGE_UNSHARE) != 0) {
        _exit(126);
    }
    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &launch.no_signals, NULL);
    umask(022);
    prlimit(0, RLIMIT_NOFILE, &launch.descriptors, NULL);
    dup2(SOCKET_PLACE, STDIN_FILENO);
    dup2(SOCKET_PLACE, STDOUT_FILENO);
    char *const arguments[] = {launch.program, NULL};
    execve(launch.program, arguments, launch.environment);
    _exit(127);
}

static void prepare_environment(const struct sockaddr_in *peer, const struct sockaddr_in *local) {
    char peer_address[INET_ADDRSTRLEN], local_address[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &peer->sin_addr, peer_address, sizeof peer_address);
    inet_ntop(AF_INET, &local->sin_addr, local_address, sizeof local_address);
    int n = 0;
#define SET(...) snprintf(launch.environment[n] = launch.text[n], sizeof launch.text[n], __VA_ARGS__), n++
    SET("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    SET("USER=root");
    SET("LOGNAME=root");
    SET("HOME=/root");
    SET("SHELL=/bin/sh");
    SET("REMOTE_ADDR=%s", peer_address);
    SET("REMOTE_PORT=%u", ntohs(peer->sin_port));
    SET("REMOTE_HOST=%s", peer_address);
    SET("PROTO=TCP");
    SET("TCPREMOTEIP=%s", peer_address);
    SET("TCPREMOTEPORT=%u", ntohs(peer->sin_port));
    SET("TCPLOCALIP=%s", local_address);
    SET("TCPLOCALPORT=%u", ntohs(local->sin_port));
    SET("CONNECTION_ID=%lu", connections_total);
    SET("SERVICE=hello");
#undef SET
    launch.environment[n] = NULL;
}

static void watch(int descriptor, uint64_t what) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        die("epoll_ctl");
    }
}

static void spawn(char *program, int connection, const struct sockaddr_in *peer) {
    struct sockaddr_in local;
    socklen_t length = sizeof local;
    if (connection != SOCKET_PLACE || getsockname(connection, (struct sockaddr *)&local, &length) != 0) {
        die("getsockname");
    }
    connections_total++;
    launch.program = program;
    prepare_environment(peer, &local);
    int pidfd = -1;
    int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD;
    if (clone(run_program, child_stack + CHILD_STACK, flags, NULL, &pidfd) < 0) {
        die("clone");
    }
    close(connection);
    watch(pidfd, SERVICES + (uint64_t)pidfd);
    if (++open_connections == CONNECTION_LIMIT) {
        for (int i = 0; i < SERVICES && services[i].program != NULL; i++) {
            epoll_ctl(poller, EPOLL_CTL_DEL, services[i].listener, NULL);
        }
    }
}

static void accept_some(struct service *service) {
    for (int i = 0; i < BATCH && open_connections < CONNECTION_LIMIT; i++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        int connection = accept4(service->listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
        if (connection >= 0) {
            spawn(service->program, connection, &peer);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            die("accept4");
        }
    }
}

static void reap(int pidfd) {
    siginfo_t status;
    struct rusage usage;
    if (syscall(SYS_waitid, P_PIDFD, pidfd, &status, WEXITED | WNOHANG, &usage) != 0) {
        die("waitid");
    }
    close(pidfd);
    if (open_connections-- == CONNECTION_LIMIT) {
        for (int i = 0; i < SERVICES && services[i].program != NULL; i++) {
            watch(services[i].listener, (uint64_t)i);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: floor-fair PORT PROGRAM [PORT PROGRAM]\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&launch.no_signals);
    getrlimit(RLIMIT_NOFILE, &launch.descriptors);
    launch.descriptors.rlim_cur = 1024;
    poller = fcntl(epoll_create1(0), F_DUPFD_CLOEXEC, 10);
    close(SOCKET_PLACE);
    for (int i = 0; 2 * i + 2 < argc; i++) {
        int listener = listen_on(argv[2 * i + 1], SOCK_NONBLOCK);
        services[i] = (struct service){.listener = fcntl(listener, F_DUPFD_CLOEXEC, 10), .program = argv[2 * i + 2]};
        close(listener);
        watch(services[i].listener, (uint64_t)i);
    }
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            uint64_t what = events[i].data.u64;
            if (what < SERVICES) {
                accept_some(&services[what]);
            } else {
                reap((int)(what - SERVICES));
            }
        }
    }
}
