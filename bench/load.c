// SPDX-License-Identifier: Apache-2.0
// The load client: several clients that connect to 127.0.0.1:PORT, read to the end and check every byte.
//
// usage: load [-a] [-c CLIENTS] [-s SECONDS | -n CONNECTIONS] [-e EXPECTED] [-o HELD -p HELD_PORT] PORT
// Prints one JSON object: connections a second, the time from connect to the first byte, failures by kind. With -o it
// first opens that many connections to HELD_PORT, awaits a byte from each, and keeps them open while it measures. With -a
// the first byte counts when the kernel has received it, else when it was read: where others want the processor, this
// client waits for it, too.

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CLIENTS = 1024, PATIENCE_MS = 10000, SOURCES = 16, MOST_EXPECTED = 4096 };

struct client {
    int socket;
    size_t received;
    int64_t started_ns;
    int wrong;
};

struct samples {
    uint32_t *microseconds_x10;
    size_t count, room;
};

static struct {
    int clients, held, at_arrival;
    double seconds;
    long connections;
    const char *port, *held_port, *expected;
} options = {.clients = 8, .seconds = 4, .expected = "hello\n"};

static struct client clients[MOST_CLIENTS];
static struct samples samples;
static int poller, source, active;
static long started, done;
static struct { long connect, reset, wrong_bytes, timeout; } failures;

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(71);
}

static int64_t nanoseconds(struct timespec time) {
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t now_ns(void) {
    struct timespec now;
    // Of the two the kernel's time stamps have this one.
    clock_gettime(options.at_arrival ? CLOCK_REALTIME : CLOCK_MONOTONIC, &now);
    return nanoseconds(now);
}

/// Connects from 127.0.0.1; when its ports have run out (they rest in TIME_WAIT), from 127.0.0.2, and so on.
static int connect_to(const char *port, int flags) {
    for (int tries = 0; tries < SOURCES; tries++) {
        int one = 1, descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
        if (descriptor < 0) {
            die("socket");
        }
        struct sockaddr_in address = {.sin_family = AF_INET};
        if (source > 0) {
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)source);
            setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
            if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
                die("bind");
            }
        }
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons((unsigned short)atoi(port));
        if (connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS) {
            return descriptor;
        }
        close(descriptor);
        if (errno != EADDRNOTAVAIL) {
            return -1;
        }
        source = (source + 1) % SOURCES;
    }
    return -1;
}

/// Opens the connections that stay; each is served, not only queued, when this returns.
static int *hold_connections(void) {
    int *held = calloc((size_t)options.held + 1, sizeof *held);
    for (int i = 0; i < options.held; i++) {
        char byte;
        // A reset at the end leaves no port behind in TIME_WAIT.
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
        held[i] = connect_to(options.held_port, 0);
        if (held[i] < 0) {
            die("connect of a held connection");
        }
        setsockopt(held[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        setsockopt(held[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (read(held[i], &byte, 1) != 1) {
            fprintf(stderr, "load: held connection %d of %d was not served\n", i + 1, options.held);
            exit(1);
        }
    }
    return held;
}

static void record(int64_t nanoseconds) {
    if (samples.count == samples.room) {
        samples.room = samples.room == 0 ? 65536 : samples.room * 2;
        samples.microseconds_x10 = realloc(samples.microseconds_x10, samples.room * sizeof(uint32_t));
        if (samples.microseconds_x10 == NULL) {
            die("realloc");
        }
    }
    samples.microseconds_x10[samples.count++] = (uint32_t)(nanoseconds / 100);
}

static int in_window(int64_t deadline) {
    return options.connections > 0 ? started < options.connections : now_ns() < deadline;
}

/// Starts the client's next connection, while the run lasts.
static void start(struct client *client, int64_t deadline) {
    client->socket = -1;
    while (in_window(deadline)) {
        started++;
        *client = (struct client){.started_ns = now_ns()};
        client->socket = connect_to(options.port, SOCK_NONBLOCK);
        if (client->socket < 0) {
            failures.connect++;
            continue;
        }
        if (options.at_arrival && setsockopt(client->socket, SOL_SOCKET, SO_TIMESTAMPNS, &options.at_arrival, sizeof(int)) != 0) {
            die("SO_TIMESTAMPNS");
        }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, client->socket, &event) != 0) {
            die("epoll_ctl");
        }
        active++;
        return;
    }
}

static void finish(struct client *client, int64_t deadline) {
    close(client->socket);
    active--;
    start(client, deadline);
}

/// As read(2); also when that was, or when it arrived.
static ssize_t receive(int descriptor, char *bytes, size_t room, int64_t *when_ns) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    struct iovec place = {.iov_base = bytes, .iov_len = room};
    struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t count = recvmsg(descriptor, &message, 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *when_ns = now_ns();
    if (count > 0 && header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_TIMESTAMPNS) {
        struct timespec arrival;
        memcpy(&arrival, CMSG_DATA(header), sizeof arrival);
        *when_ns = nanoseconds(arrival);
    }
    return count;
}

/// Takes what has arrived; a connection counts as done when exactly the expected bytes came, and then the end.
static void advance(struct client *client, int64_t deadline) {
    static char bytes[MOST_EXPECTED];
    size_t expected = strlen(options.expected);
    for (;;) {
        int64_t when_ns;
        ssize_t count = receive(client->socket, bytes, sizeof bytes, &when_ns);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count < 0) {
            *(errno == ECONNREFUSED ? &failures.connect : &failures.reset) += 1;
            break;
        }
        if (count == 0) {
            *(client->wrong || client->received != expected ? &failures.wrong_bytes : &done) += 1;
            break;
        }
        if (client->received == 0) {
            record(when_ns - client->started_ns);
        }
        size_t end = client->received + (size_t)count;
        client->wrong |= end > expected || memcmp(bytes, options.expected + client->received, (size_t)count) != 0;
        client->received = end > expected ? expected : end;
    }
    finish(client, deadline);
}

static void give_up_on_the_late(int64_t deadline) {
    int64_t now = now_ns();
    for (int i = 0; i < options.clients; i++) {
        if (clients[i].socket >= 0 && now - clients[i].started_ns > PATIENCE_MS * INT64_C(1000000)) {
            failures.timeout++;
            finish(&clients[i], deadline);
        }
    }
}

/// Runs the clients to the end of the window; returns how long that took.
static double measure(void) {
    int64_t begin = now_ns(), deadline = begin + (int64_t)(options.seconds * 1e9), checked = begin;
    for (int i = 0; i < options.clients; i++) {
        start(&clients[i], deadline);
    }
    while (active > 0) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, 1000);
        for (int i = 0; i < count; i++) {
            advance(events[i].data.ptr, deadline);
        }
        if (now_ns() - checked > 1000000000) {
            checked = now_ns();
            give_up_on_the_late(deadline);
        }
    }
    return (double)(now_ns() - begin) / 1e9;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(double part) {
    if (samples.count == 0) {
        return 0;
    }
    return samples.microseconds_x10[(size_t)(part * (double)(samples.count - 1))] / 10.0;
}

static void report(double seconds) {
    qsort(samples.microseconds_x10, samples.count, sizeof(uint32_t), by_value);
    long failed = failures.connect + failures.reset + failures.wrong_bytes + failures.timeout;
    printf("{\"rate\": %.1f, \"connections\": %ld, \"seconds\": %.3f, \"held\": %d, ", (double)done / seconds, done, seconds,
           options.held);
    printf("\"p50_us\": %.1f, \"p90_us\": %.1f, \"p95_us\": %.1f, \"p99_us\": %.1f, ", percentile(0.5), percentile(0.9),
           percentile(0.95), percentile(0.99));
    printf("\"failures\": %ld, \"refused\": %ld, \"reset\": %ld, \"wrong_bytes\": %ld, \"timeout\": %ld}\n", failed,
           failures.connect, failures.reset, failures.wrong_bytes, failures.timeout);
}

static void read_options(int argc, char **argv) {
    for (int option; (option = getopt(argc, argv, "ac:s:n:e:o:p:")) != -1;) {
        switch (option) {
        case 'a': options.at_arrival = 1; break;
        case 'c': options.clients = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'n': options.connections = atol(optarg); break;
        case 'e': options.expected = optarg; break;
        case 'o': options.held = atoi(optarg); break;
        case 'p': options.held_port = optarg; break;
        default: exit(64);
        }
    }
    int usable = optind + 1 == argc && options.clients > 0 && options.clients <= MOST_CLIENTS &&
                 strlen(options.expected) < MOST_EXPECTED && (options.held == 0 || options.held_port != NULL);
    if (!usable) {
        fprintf(stderr, "usage: load [-a] [-c CLIENTS] [-s SECONDS | -n CONNECTIONS] [-e EXPECTED] [-o HELD -p HELD_PORT] PORT\n");
        exit(64);
    }
    options.port = argv[optind];
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    struct rlimit descriptors;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    if ((rlim_t)options.held + (rlim_t)options.clients + 16 > descriptors.rlim_max) {
        fprintf(stderr, "load: %d connections need more descriptors than %lu\n", options.held, descriptors.rlim_max);
        return 64;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    int *held = hold_connections();
    double seconds = measure();
    report(seconds);
    for (int i = 0; i < options.held; i++) {
        close(held[i]);
    }
    free(held);
    return 0;
}
