// SPDX-License-Identifier: Apache-2.0
// NETLINK_SOCK_DIAG: requests for TCP streams and their answers, the end of a stream, and who waits for a listener.
#include "clinux_sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

// <linux/tcp.h>, which knows more of tcp_info than glibc, has no states, and <netinet/tcp.h> cannot stand beside it.
enum {
    state_established = 1,
    state_syn_recv = 3,
    state_fin_wait1,
    state_fin_wait2,
    state_close_wait = 8,
    state_last_ack,
    state_listen,
    state_closing,
};
// Streams that have two ends and are not over.
static const uint32_t live_states = 1u << state_established | 1u << state_fin_wait1 | 1u << state_fin_wait2 |
                                    1u << state_close_wait | 1u << state_last_ack | 1u << state_closing;

int clinux_diagnosis_socket(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG); }

struct request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

static struct request request_of(const struct clinux_stream_id *id, uint16_t type, uint16_t flags, uint32_t number) {
    struct request result = {
        .header = {.nlmsg_len = sizeof(struct request),
                   .nlmsg_type = type,
                   .nlmsg_flags = NLM_F_REQUEST | flags,
                   .nlmsg_seq = number},
        .body = {.sdiag_family = id->is_v6 ? AF_INET6 : AF_INET,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_ext = 1u << (INET_DIAG_INFO - 1),
                 .idiag_states = live_states},
    };
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

// An answer stands in a datagram of its own, of half the size of this room at most.
enum { answer_room = 1024 };

struct answers {
    _Alignas(struct nlmsghdr) char bytes[clinux_streams_at_once][answer_room];
};

// Receives the answers to `count` requests, which are there as soon as these were sent.
static int receive(int diagnosis, unsigned count, struct answers *answers) {
    struct iovec rooms[clinux_streams_at_once];
    struct mmsghdr messages[clinux_streams_at_once];
    for (unsigned i = 0; i < count; i++) {
        rooms[i] = (struct iovec){.iov_base = answers->bytes[i], .iov_len = answer_room};
        messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &rooms[i], .msg_iovlen = 1}};
    }
    for (unsigned received = 0; received < count;) {
        int more = recvmmsg(diagnosis, messages + received, count - received, MSG_DONTWAIT, NULL);
        if (more < 0 && errno != EINTR) return -1;
        if (more > 0) received += (unsigned)more;
    }
    for (unsigned i = 0; i < count; i++)
        if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) || messages[i].msg_len < NLMSG_HDRLEN) {
            errno = EMSGSIZE;
            return -1;
        }
    return 0;
}

static int exchange(int diagnosis, const struct request *requests, unsigned count, struct answers *answers) {
    if (count == 0) return 0;
    size_t length = count * sizeof *requests;
    ssize_t sent = send(diagnosis, requests, length, MSG_DONTWAIT);
    if (sent < 0) return -1;
    if ((size_t)sent == length) return receive(diagnosis, count, answers);
    errno = EMSGSIZE;
    return -1;
}

// The errno that an answer is, or 0.
static int error_of(const struct nlmsghdr *answer) {
    if (answer->nlmsg_type != NLMSG_ERROR) return 0;
    return answer->nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ? -*(const int *)NLMSG_DATA(answer) : EBADMSG;
}

int clinux_look_at_streams(
    int diagnosis, const struct clinux_stream_id *ids, unsigned count, struct clinux_stream *streams) {
    struct request requests[clinux_streams_at_once];
    struct answers answers;
    if (count > clinux_streams_at_once) {
        errno = EINVAL;
        return -1;
    }
    for (unsigned i = 0; i < count; i++) {
        requests[i] = request_of(&ids[i], SOCK_DIAG_BY_FAMILY, 0, i);
        streams[i] = (struct clinux_stream){0};
    }
    if (exchange(diagnosis, requests, count, &answers) < 0) return -1;
    for (unsigned i = 0; i < count; i++) {
        const struct nlmsghdr *answer = (const struct nlmsghdr *)answers.bytes[i];
        int error = error_of(answer);
        if (error != 0 && error != ENOENT) {
            errno = error;
            return -1;
        }
        bool is_stream = answer->nlmsg_type == SOCK_DIAG_BY_FAMILY && answer->nlmsg_seq < count &&
                         answer->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg));
        if (is_stream) read_stream(answer, &streams[answer->nlmsg_seq]);
    }
    return 0;
}

int clinux_destroy_stream(int diagnosis, const struct clinux_stream_id *id) {
    struct request request = request_of(id, SOCK_DESTROY, NLM_F_ACK, 0);
    struct answers answers;
    if (exchange(diagnosis, &request, 1, &answers) < 0) return -1;
    errno = error_of((const struct nlmsghdr *)answers.bytes[0]);
    return errno == 0 ? 0 : -1;
}

// Counts the answers of one dump that are `meant`; -1 and errno on an error.
static int count_dump(
    int diagnosis, bool (*meant)(const struct nlmsghdr *answer, const void *context), const void *context) {
    int count = 0;
    for (;;) {
        _Alignas(struct nlmsghdr) char buffer[16384];
        ssize_t length = recv(diagnosis, buffer, sizeof buffer, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) return -1;
        size_t left = (size_t)length;
        for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type == NLMSG_DONE) return count;
            if (header->nlmsg_type == NLMSG_ERROR) {
                errno = error_of(header);
                return -1;
            }
            count += meant(header, context);
        }
    }
}

static bool is_of_port(const struct nlmsghdr *answer, const void *port) {
    const struct inet_diag_msg *found = NLMSG_DATA(answer);
    return ntohs(found->id.idiag_sport) == *(const uint16_t *)port;
}

int clinux_count_half_open(int diagnosis, uint16_t port) {
    int total = 0;
    for (int is_v6 = 0; is_v6 < 2; is_v6++) {
        const struct clinux_stream_id anybody = {.is_v6 = is_v6, .local_port = port};
        struct request request = request_of(&anybody, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, 0);
        request.body.idiag_ext = 0;
        request.body.idiag_states = 1u << state_syn_recv;
        if (send(diagnosis, &request, sizeof request, 0) != (ssize_t)sizeof request) return -1;
        int count = count_dump(diagnosis, is_of_port, &port);
        if (count < 0) return -1;
        total += count;
    }
    return total;
}

struct unix_request {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

static struct unix_request unix_request_of(uint16_t flags, uint32_t states, uint32_t show) {
    return (struct unix_request){
        .header = {.nlmsg_len = sizeof(struct unix_request),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | flags},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = states,
                 .udiag_show = show,
                 .udiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
    };
}

// The kernel tells its own form of a device's number, and the lower half of an inode's. A listener that was shut down for
// reading refuses whoever connects.
static bool listens_on_file(const struct nlmsghdr *answer, const void *file) {
    const struct stat *status = file;
    bool is_of_file = false, is_shut_down = false;
    size_t left = NLMSG_PAYLOAD(answer, sizeof(struct unix_diag_msg));
    for (const struct rtattr *attribute = (const struct rtattr *)((const struct unix_diag_msg *)NLMSG_DATA(answer) + 1);
         RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == UNIX_DIAG_SHUTDOWN) is_shut_down = *(const uint8_t *)RTA_DATA(attribute) & 1;
        if (attribute->rta_type != UNIX_DIAG_VFS) continue;
        const struct unix_diag_vfs *found = RTA_DATA(attribute);
        is_of_file = found->udiag_vfs_ino == (uint32_t)status->st_ino &&
                     found->udiag_vfs_dev >> 20 == major(status->st_dev) &&
                     (found->udiag_vfs_dev & 0xfffff) == minor(status->st_dev);
    }
    return is_of_file && !is_shut_down;
}

int clinux_count_unix_listeners(int diagnosis, const struct stat *file) {
    struct unix_request request = unix_request_of(NLM_F_DUMP, 1u << state_listen, UDIAG_SHOW_VFS);
    if (send(diagnosis, &request, sizeof request, 0) != (ssize_t)sizeof request) return -1;
    return count_dump(diagnosis, listens_on_file, file);
}

// The length of the queue that an answer tells; -1 and errno when it tells none.
static int queue_length(const struct nlmsghdr *answer) {
    errno = error_of(answer);
    if (errno != 0) return -1;
    size_t left = NLMSG_PAYLOAD(answer, sizeof(struct unix_diag_msg));
    for (const struct rtattr *attribute = (const struct rtattr *)((const struct unix_diag_msg *)NLMSG_DATA(answer) + 1);
         RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == UNIX_DIAG_RQLEN)
            return (int)((const struct unix_diag_rqlen *)RTA_DATA(attribute))->udiag_rqueue;
    }
    errno = EBADMSG;
    return -1;
}

int clinux_count_unix_queue(int diagnosis, int listener) {
    struct stat status;
    if (fstat(listener, &status) != 0) return -1;
    struct unix_request request = unix_request_of(0, ~0u, UDIAG_SHOW_RQLEN);
    request.body.udiag_ino = (uint32_t)status.st_ino;
    if (send(diagnosis, &request, sizeof request, 0) != (ssize_t)sizeof request) return -1;
    _Alignas(struct nlmsghdr) char buffer[4096];
    ssize_t length = recv(diagnosis, buffer, sizeof buffer, 0);
    if (length < 0) return -1;
    const struct nlmsghdr *answer = (const struct nlmsghdr *)buffer;
    if (NLMSG_OK(answer, (size_t)length)) return queue_length(answer);
    errno = EBADMSG;
    return -1;
}

int clinux_socket_cookie(int descriptor, uint64_t *cookie) {
    socklen_t length = sizeof *cookie;
    return getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, cookie, &length);
}
