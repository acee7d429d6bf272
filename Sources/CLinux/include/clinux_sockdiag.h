// SPDX-License-Identifier: Apache-2.0
// Looking at sockets, and ending TCP streams, by NETLINK_SOCK_DIAG (sock_diag(7)): no descriptor of a stream is needed.
#pragma once
#include <stdint.h>
#include <sys/stat.h>

// A socket by which the kernel can be asked about its sockets; -1 and errno when that is not allowed.
int clinux_diagnosis_socket(void);

// How many connections to `port` have begun but are not yet in the queue (SYN_RECV), for both families; -1 and errno when
// the kernel does not say.
int clinux_count_half_open(int diagnosis, uint16_t port);

// How many Unix sockets of this network namespace listen on a file, by its device and inode; -1 and errno when the kernel
// does not say.
int clinux_count_unix_listeners(int diagnosis, const struct stat *file);

// How many connections wait in the queue of a listening Unix socket; -1 and errno when the kernel does not say.
int clinux_count_unix_queue(int diagnosis, int listener);

// Which stream is meant. Addresses are in network byte order, an IPv4 one in the first four bytes; ports in the host's.
struct clinux_stream_id {
    int is_v6;
    uint8_t local[16];
    uint8_t peer[16];
    uint16_t local_port;
    uint16_t peer_port;
    uint32_t interface;  // of a link-local address, otherwise 0
    uint64_t cookie;
};

// What the kernel says of a stream.
struct clinux_stream {
    struct clinux_stream_id id;
    uint8_t state;
    uint8_t has_info;  // whether the rest is known: not of a stream that only waits for late segments
    uint32_t round_trip_us;
    uint64_t bytes_received;
    uint64_t bytes_sent;
    uint64_t bytes_retransmitted;
    uint64_t bytes_acknowledged;
};

// The most streams that one call of clinux_look_at_streams is asked for.
enum { clinux_streams_at_once = 32 };

// Asks, over a socket of clinux_diagnosis_socket(), for `count` streams and waits for nothing: what the kernel says of each
// is in `streams`, in the same order; one that is not there has no info. 0, or -1 and errno. A cookie of all ones stands for
// any; then a listener may be found, by its state.
int clinux_look_at_streams(
    int diagnosis, const struct clinux_stream_id *ids, unsigned count, struct clinux_stream *streams);

// Ends a stream, in the same way: 0, or -1 and errno, which is ENOENT if it is not there.
int clinux_destroy_stream(int diagnosis, const struct clinux_stream_id *id);

// SO_COOKIE: a number that no other socket has had since the system was booted: 0, or -1 and errno.
int clinux_socket_cookie(int descriptor, uint64_t *cookie);
