// SPDX-License-Identifier: Apache-2.0
// Starting, watching and ending a program, and reading what it writes to its standard error: what C must do for it.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The steps of a spawn, in the order in which they are made. The child leaves the one it is in in the shared record.
enum clinux_spawn_step {
    CLINUX_STEP_PLACE,     // dup3 of the descriptors into the low places, in the parent
    CLINUX_STEP_CLONE,     // clone, in the parent
    CLINUX_STEP_JOIN,      // write to the control group's cgroup.procs
    CLINUX_STEP_UNSHARE,   // close_range with CLOSE_RANGE_UNSHARE: a descriptor table of its own
    CLINUX_STEP_SIGNALS,   // rt_sigaction back to the default
    CLINUX_STEP_SESSION,   // setsid
    CLINUX_STEP_STREAMS,   // dup2 to 0, 1 and 2
    CLINUX_STEP_CLOSE,     // close_range of everything else
    CLINUX_STEP_UMASK,     // umask
    CLINUX_STEP_LIMIT,     // prlimit of the number of descriptors
    CLINUX_STEP_AMBIENT,   // prctl that clears the ambient capabilities
    CLINUX_STEP_GROUPS,    // setgroups
    CLINUX_STEP_GROUP,     // setresgid
    CLINUX_STEP_USER,      // setresuid
    CLINUX_STEP_DIRECTORY, // chdir
    CLINUX_STEP_PRIVILEGES, // prctl that sets no_new_privs
    CLINUX_STEP_MASK,      // rt_sigprocmask to the empty mask
    CLINUX_STEP_EXECVE,    // execve
};

// What is the same for every spawn of one service. All memory is the caller's.
struct clinux_command {
    const char *path;
    char *const *arguments;
    const char *directory;
    const gid_t *groups;
    size_t group_count;
    uid_t user;
    gid_t group;
    int changes_identity;
    int forbids_new_privileges;
    mode_t mask;
    uint64_t descriptors_soft;
    uint64_t descriptors_hard;
};

// One spawn: what to do, and the record that child and parent share.
struct clinux_spawn {
    const struct clinux_command *command;
    char *const *environment;
    int socket;          // the low place where the connection waits
    int standard_error;  // the low place where the standard error waits
    int control_group;   // the directory of the control group to begin in, -1 for the daemon's own
    int joins_group;     // whether `control_group` is its cgroup.procs instead, which the child writes itself into
    uint64_t signals;    // bit n-1 for each signal n that is ignored or caught and must be the default again
    int clears_ambient;  // whether this process has ambient capabilities to be taken away
    void *stack;         // from clinux_spawn_stack, one for each spawn at a time
    pid_t parent;        // this process
    // Left by the child and the kernel.
    int pidfd;
    int step;
    int error;
    int in_flight;       // a futex
    int leave;           // another: whether the child may execute
};

// A stack for the child with a page below it that must not be touched; NULL and errno when there is no memory.
void *clinux_spawn_stack(void);
void clinux_spawn_stack_free(void *stack);

// Makes the child and returns at once; the pid, or -1 and errno when there is no child. The pidfd is close-on-exec. The child
// executes nothing before clinux_spawn_let_execute; it ends when the parent does before that.
//
// The record, its command, environment, stack, places and `control_group` are the child's until clinux_spawn_in_flight is 0: then the
// program was executed, or, when `error` is not 0, the child has failed in `step` and must be reaped.
pid_t clinux_spawn(struct clinux_spawn *spawn);

// Has the child execute the program: whoever must know of it knows.
void clinux_spawn_let_execute(struct clinux_spawn *spawn);

// Whether the child still uses the record.
int clinux_spawn_in_flight(const struct clinux_spawn *spawn);

// Waits until it does not, for so long at most, or a little less.
void clinux_spawn_wait(const struct clinux_spawn *spawn, int64_t nanoseconds);

// The signals that are ignored or caught now, as clinux_spawn.signals wants them.
uint64_t clinux_signals_not_default(void);

// Whether this thread has any ambient capability.
int clinux_has_ambient_capabilities(void);

// dup3 with O_CLOEXEC: `from` at the number `to`, whatever was there is closed.
int clinux_place(int from, int to);

// pidfd_send_signal.
int clinux_pidfd_signal(int pidfd, int signal);

// The end of a process.
struct clinux_exit {
    pid_t pid;    // 0 when it has not ended
    int code;     // CLD_EXITED, CLD_KILLED or CLD_DUMPED
    int status;   // the exit code or the signal
    int64_t user_microseconds;
    int64_t system_microseconds;
    int64_t peak_kibibytes;
};

// waitid(P_PIDFD, WEXITED) with the rusage: reaps. With `waits` 0 it returns at once.
int clinux_wait(int pidfd, int waits, struct clinux_exit *result);

// Two connected Unix datagram sockets, close-on-exec.
int clinux_datagram_pair(int ends[2]);

// Makes one end learn the pid of whoever sends to it.
int clinux_datagram_reader(int descriptor);

// Makes one end block at most for so long when the other does not read, and hold about `bytes` if the kernel allows it.
int clinux_datagram_writer(int descriptor, int64_t timeout_microseconds, int bytes);

// What a writing end is set to: whoever has a copy of it can change that for all.
struct clinux_writer_options {
    int buffer;
    int64_t timeout_microseconds;
};

int clinux_datagram_writer_options(int descriptor, struct clinux_writer_options *options);

// What somebody has done to a writing end.
enum clinux_writer_damage {
    CLINUX_WRITER_SOUND,
    CLINUX_WRITER_PEER,      // it is connected elsewhere, or nowhere
    CLINUX_WRITER_SHUTDOWN,  // shutdown(2)
    CLINUX_WRITER_BUFFER,    // SO_SNDBUF is not what it was
    CLINUX_WRITER_TIMEOUT,   // SO_SNDTIMEO is not what it was
};

// Looks at a writing end; the other end gets an empty datagram.
enum clinux_writer_damage clinux_datagram_writer_damage(int descriptor, const struct clinux_writer_options *expected);

// Whether nobody holds the writing end of this reading end any more.
int clinux_datagram_writers_gone(int reader);

// One datagram and who sent it, without blocking. Returns its whole length, which may be more than `size`; what did
// not fit is lost. Descriptors that a hostile sender attached are closed by another thread.
ssize_t clinux_receive_from_pid(int descriptor, void *buffer, size_t size, pid_t *pid);

// Declared by hand: the headers offer it for _GNU_SOURCE only. NULL for a number that is no error.
extern const char *strerrorname_np(int);
