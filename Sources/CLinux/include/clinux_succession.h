// SPDX-License-Identifier: Apache-2.0
// What a daemon needs to go on as another image: memory that outlives it, processes found again, and the exec itself.
#pragma once
#include <stdint.h>
#include <sys/types.h>

// Memory as a file, close-on-exec, that can be sealed.
int clinux_memory_file(const char *name);
// Forbids any other size for good, and any other content too if `with_content`.
int clinux_seal(int file, int with_content);
// Whether the size can never change.
int clinux_has_sealed_size(int file);
// pidfd_open(2): also of a child that has ended and was not waited for.
int clinux_open_process(pid_t pid);
// Whether the descriptor stays open over an exec.
int clinux_set_passed_on(int descriptor, int is_passed_on);
// A program, close-on-exec, to be executed later: open(2) with O_PATH.
int clinux_open_program(const char *path);
// execve(2); returns only when it fails.
int clinux_replace_image(const char *path, char *const *arguments, char *const *environment);
// The same with a program that is open already, though its file may be gone: execveat(2).
int clinux_replace_image_by(int program, char *const *arguments, char *const *environment);

// Writes what others, or we ourselves after a crash, may see only when all that was written before is there.
static inline void clinux_publish(uint64_t *place, uint64_t value) {
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
}

// Takes back what was published, before anything that is written next.
static inline void clinux_withdraw(uint64_t *place) {
    __atomic_store_n(place, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

// Where the file's data goes on from `start`: what was never written to is left out. Negative when there is none.
off_t clinux_next_data(int file, off_t start);
