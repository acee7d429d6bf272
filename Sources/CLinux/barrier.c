// SPDX-License-Identifier: Apache-2.0
// The barrier of a TCP listener that is about to close: no new SYN gets in, and who has begun can be counted.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "CLinux.h"

int clinux_drop_new_connections(int listener) {
    // The filter of a TCP socket sees the segment from the TCP header on; byte 13 holds the flags.
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int request_dump(int netlink, unsigned char family, uint16_t port) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {
        .header = {.nlmsg_len = sizeof message,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = family,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = 1u << TCP_SYN_RECV,
                    .id = {.idiag_sport = htons(port)}},
    };
    return send(netlink, &message, sizeof message, 0) == (ssize_t)sizeof message ? 0 : -1;
}

// Counts the answers of one dump; -1 on an error.
static int count_dump(int netlink, uint16_t port) {
    int count = 0;
    for (;;) {
        _Alignas(struct nlmsghdr) char buffer[16384];
        ssize_t length = recv(netlink, buffer, sizeof buffer, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length <= 0) return -1;
        size_t left = (size_t)length;
        for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK(header, left);
             header = NLMSG_NEXT(header, left)) {
            if (header->nlmsg_type == NLMSG_DONE) return count;
            if (header->nlmsg_type == NLMSG_ERROR) return -1;
            const struct inet_diag_msg *found = NLMSG_DATA(header);
            if (ntohs(found->id.idiag_sport) == port) count++;
        }
    }
}

int clinux_diagnosis_socket(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG); }

int clinux_count_half_open(int diagnosis, uint16_t port) {
    int total = 0;
    const unsigned char families[] = {AF_INET, AF_INET6};
    for (int index = 0; index < 2; index++) {
        int count = request_dump(diagnosis, families[index], port) == 0 ? count_dump(diagnosis, port) : -1;
        if (count < 0) return -1;
        total += count;
    }
    return total;
}

int clinux_count_unix_queue(int diagnosis, int listener) {
    struct stat status;
    if (fstat(listener, &status) != 0) return -1;
    struct {
        struct nlmsghdr header;
        struct unix_diag_req request;
    } message = {
        .header = {.nlmsg_len = sizeof message, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_states = ~0u,
                    .udiag_ino = (uint32_t)status.st_ino,
                    .udiag_show = UDIAG_SHOW_RQLEN,
                    .udiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
    };
    if (send(diagnosis, &message, sizeof message, 0) != (ssize_t)sizeof message) return -1;
    _Alignas(struct nlmsghdr) char buffer[4096];
    ssize_t length = recv(diagnosis, buffer, sizeof buffer, 0);
    struct nlmsghdr *header = (struct nlmsghdr *)buffer;
    if (length < 0 || !NLMSG_OK(header, (size_t)length) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY) return -1;
    size_t left = NLMSG_PAYLOAD(header, sizeof(struct unix_diag_msg));
    for (struct rtattr *attribute = (struct rtattr *)((struct unix_diag_msg *)NLMSG_DATA(header) + 1);
         RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == UNIX_DIAG_RQLEN)
            return (int)((struct unix_diag_rqlen *)RTA_DATA(attribute))->udiag_rqueue;
    }
    return -1;
}
