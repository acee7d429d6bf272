// SPDX-License-Identifier: Apache-2.0
// Looking at TCP streams, and ending them, by NETLINK_SOCK_DIAG (sock_diag(7)): no descriptor of the stream is needed.
#pragma once
#include <stdint.h>

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

// The most streams that one call of clinux_receive_streams finds.
enum { clinux_streams_at_once = 512 };

// Each sends one request over a socket of clinux_diagnosis_socket() and waits for nothing: 0, or -1 and errno.
int clinux_request_stream(int diagnosis, const struct clinux_stream_id *id);
int clinux_request_streams(int diagnosis, int is_v6, uint16_t local_port);
int clinux_request_destruction(int diagnosis, const struct clinux_stream_id *id);

// Reads the next part of the answer into `streams`, which has room for clinux_streams_at_once, without waiting: how many
// there are, or -1 and errno, which is what the kernel answers if it refuses. `*is_last` tells that nothing follows.
int clinux_receive_streams(int diagnosis, struct clinux_stream *streams, int *is_last);

// SO_COOKIE: a number that no other socket has had since the system was booted: 0, or -1 and errno.
int clinux_socket_cookie(int descriptor, uint64_t *cookie);
