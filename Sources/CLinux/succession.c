// SPDX-License-Identifier: Apache-2.0
// The system calls behind clinux_succession.h.
#include "clinux_succession.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int clinux_memory_file(const char *name) { return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int clinux_seal(int file, int with_content) {
    return fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | (with_content ? F_SEAL_WRITE : 0));
}

int clinux_has_sealed_size(int file) {
    int seals = fcntl(file, F_GET_SEALS);
    return seals >= 0 && (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) == (F_SEAL_SHRINK | F_SEAL_GROW);
}

int clinux_open_process(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clinux_set_passed_on(int descriptor, int is_passed_on) {
    return fcntl(descriptor, F_SETFD, is_passed_on ? 0 : FD_CLOEXEC);
}

int clinux_open_program(const char *path) { return open(path, O_PATH | O_CLOEXEC); }

int clinux_replace_image(const char *path, char *const *arguments, char *const *environment) {
    return execve(path, arguments, environment);
}

int clinux_replace_image_by(int program, char *const *arguments, char *const *environment) {
    return (int)syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
}

off_t clinux_next_data(int file, off_t start) { return lseek(file, start, SEEK_DATA); }
