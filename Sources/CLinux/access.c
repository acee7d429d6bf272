// SPDX-License-Identifier: Apache-2.0
// Mode and owner of a socket file, set on what was looked at: by no name that somebody could give to another file.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "CLinux.h"

static int set_access(int file, mode_t mode, uid_t user, gid_t group) {
    struct stat status;
    if (fstat(file, &status) != 0) return -1;
    if (!S_ISSOCK(status.st_mode) || status.st_uid != geteuid()) {
        errno = EEXIST;
        return -1;
    }
    // fchmod(2) takes no O_PATH descriptor.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (chmod(path, mode) != 0) return -1;
    if (user == (uid_t)-1 && group == (gid_t)-1) return 0;
    return fchownat(file, "", user, group, AT_EMPTY_PATH);
}

int clinux_set_socket_access(int directory, const char *name, mode_t mode, uid_t user, gid_t group) {
    const int file = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return -1;
    const int result = set_access(file, mode, user, group);
    const int error = errno;
    close_range(file, file, 0);
    errno = error;
    return result;
}
