// SPDX-License-Identifier: Apache-2.0
// TCP streams by NETLINK_SOCK_DIAG: requests for one or for all of a port, their answers, and the end of a stream.
#include "clinux_sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

// <linux/tcp.h>, which knows more of tcp_info than glibc, has no states, and <netinet/tcp.h> cannot stand beside it.
enum { state_established = 1, state_fin_wait1, state_fin_wait2 = 5, state_close_wait = 8, state_last_ack, state_closing = 11 };
// Streams that have two ends and are not over.
static const uint32_t live_states = 1u << state_established | 1u << state_fin_wait1 | 1u << state_fin_wait2 |
                                    1u << state_close_wait | 1u << state_last_ack | 1u << state_closing;

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

static struct request request(uint16_t type, uint16_t flags, bool is_v6) {
    return (struct request){
        .header = {.nlmsg_len = sizeof(struct request), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags},
        .body = {.sdiag_family = is_v6 ? AF_INET6 : AF_INET,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = 1u << (INET_DIAG_INFO - 1),
                 .idiag_states = live_states},
    };
}

static int send_request(int diagnosis, const struct request *request) {
    ssize_t sent = send(diagnosis, request, sizeof *request, MSG_DONTWAIT);
    return sent == (ssize_t)sizeof *request ? 0 : -1;
}

static struct request request_of(const struct clinux_stream_id *id, uint16_t type, uint16_t flags) {
    struct request result = request(type, flags, id->is_v6);
    struct inet_diag_sockid *socket = &result.body.id;
    size_t length = id->is_v6 ? 16 : 4;
    memcpy(socket->idiag_src, id->local, length);
    memcpy(socket->idiag_dst, id->peer, length);
    socket->idiag_sport = htons(id->local_port);
    socket->idiag_dport = htons(id->peer_port);
    socket->idiag_if = id->interface;
    socket->idiag_cookie[0] = (uint32_t)id->cookie;
    socket->idiag_cookie[1] = (uint32_t)(id->cookie >> 32);
    return result;
}

int clinux_request_stream(int diagnosis, const struct clinux_stream_id *id) {
    struct request message = request_of(id, SOCK_DIAG_BY_FAMILY, 0);
    return send_request(diagnosis, &message);
}

int clinux_request_destruction(int diagnosis, const struct clinux_stream_id *id) {
    struct request message = request_of(id, SOCK_DESTROY, NLM_F_ACK);
    return send_request(diagnosis, &message);
}

int clinux_request_streams(int diagnosis, int is_v6, uint16_t local_port) {
    struct request message = request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, is_v6);
    message.body.id.idiag_sport = htons(local_port);
    message.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    message.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    return send_request(diagnosis, &message);
}

// The numbers of bytes leave out the FIN, which the kernel counts as one.
static void read_info(const struct rtattr *attribute, struct clinux_stream *stream) {
    struct tcp_info info = {0};
    size_t length = RTA_PAYLOAD(attribute);
    // Older kernels tell less, newer ones more.
    memcpy(&info, RTA_DATA(attribute), length < sizeof info ? length : sizeof info);
    bool has_peers_fin =
        stream->state == state_close_wait || stream->state == state_last_ack || stream->state == state_closing;
    stream->has_info = 1;
    stream->round_trip_us = info.tcpi_rtt;
    stream->bytes_received = info.tcpi_bytes_received - (has_peers_fin && info.tcpi_bytes_received > 0);
    stream->bytes_retransmitted = info.tcpi_bytes_retrans;
    stream->bytes_sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
    stream->bytes_acknowledged =
        info.tcpi_bytes_acked < stream->bytes_sent ? info.tcpi_bytes_acked : stream->bytes_sent;
}

static void read_stream(const struct nlmsghdr *header, struct clinux_stream *stream) {
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    *stream = (struct clinux_stream){.state = message->idiag_state};
    struct clinux_stream_id *id = &stream->id;
    id->is_v6 = message->idiag_family == AF_INET6;
    memcpy(id->local, message->id.idiag_src, sizeof id->local);
    memcpy(id->peer, message->id.idiag_dst, sizeof id->peer);
    id->local_port = ntohs(message->id.idiag_sport);
    id->peer_port = ntohs(message->id.idiag_dport);
    id->interface = message->id.idiag_if;
    id->cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0];
    size_t left = NLMSG_PAYLOAD(header, sizeof *message);
    for (const struct rtattr *attribute = (const struct rtattr *)(message + 1); RTA_OK(attribute, left);
         attribute = RTA_NEXT(attribute, left))
        if (attribute->rta_type == INET_DIAG_INFO) read_info(attribute, stream);
}

int clinux_receive_streams(int diagnosis, struct clinux_stream *streams, int *is_last) {
    // The kernel puts no more than 32 KiB into one part of an answer, at less than 100 streams.
    _Alignas(struct nlmsghdr) char buffer[32768];
    ssize_t length;
    do length = recv(diagnosis, buffer, sizeof buffer, MSG_DONTWAIT | MSG_TRUNC);
    while (length < 0 && errno == EINTR);
    if (length < 0) return -1;
    if ((size_t)length > sizeof buffer) {
        errno = EMSGSIZE;
        return -1;
    }
    int count = 0;
    *is_last = 0;
    size_t left = (size_t)length;
    for (const struct nlmsghdr *header = (const struct nlmsghdr *)buffer; NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
        // An answer that is no part of a dump stands alone.
        *is_last = header->nlmsg_type == NLMSG_DONE || !(header->nlmsg_flags & NLM_F_MULTI);
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
            int error = header->nlmsg_len >= NLMSG_LENGTH(sizeof error) ? -*(const int *)NLMSG_DATA(header) : 0;
            if (error == 0) return count;
            errno = error;
            return -1;
        }
        if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
            continue;
        if (count == clinux_streams_at_once) {
            errno = EMSGSIZE;
            return -1;
        }
        read_stream(header, &streams[count++]);
    }
    return count;
}

int clinux_socket_cookie(int descriptor, uint64_t *cookie) {
    socklen_t length = sizeof *cookie;
    return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, cookie, &length);
}
