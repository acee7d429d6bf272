// SPDX-License-Identifier: Apache-2.0
// Who a process is to the kernel: SO_PEERCRED, whose struct ucred Swift cannot see, our own ids, our keyring.
#include <linux/keyctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CLinux.h"

int clinux_peer_credentials(int descriptor, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

// Neither can fail with pointers that are ours.
void clinux_user_ids(uid_t *real, uid_t *effective, uid_t *saved) { getresuid(real, effective, saved); }

void clinux_group_ids(gid_t *real, gid_t *effective, gid_t *saved) { getresgid(real, effective, saved); }

int clinux_new_session_keyring(void) { return (int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0); }
