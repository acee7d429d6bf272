// SPDX-License-Identifier: Apache-2.0
// The first process of a container: it reaps whatever nobody else does, and passes signals on to the daemon, its child.
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

// Variables that name the process that they are for (sd_listen_fds(3), sd_watchdog_enabled(3)).
static const char *const addressees[] = {"LISTEN_PID", "WATCHDOG_PID"};

static void readdress(void) {
    char own[16];
    snprintf(own, sizeof own, "%d", (int)getpid());
    for (size_t index = 0; index < sizeof addressees / sizeof *addressees; index++) {
        const char *value = getenv(addressees[index]);
        if (value != NULL && atoi(value) == 1) setenv(addressees[index], own, 1);
    }
}

// Reaps all that have ended; the daemon's end is this process's, and with it the container's.
static void reap(pid_t daemon) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == daemon) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

static _Noreturn void serve(pid_t daemon, const sigset_t *signals) {
    // Whoever closes a descriptor must be the only one to have it.
    close_range(STDERR_FILENO + 1, ~0U, 0);
    for (;;) {
        siginfo_t information;
        const int signal = sigwaitinfo(signals, &information);
        if (signal == SIGCHLD) {
            reap(daemon);
        } else if (signal > 0 && information.si_code != SI_KERNEL) {
            // What a terminal sends it sends to the whole group, and the daemon has it already.
            kill(daemon, signal);
        }
    }
}

int clinux_run_below_init(void) {
    sigset_t signals, previous;
    sigemptyset(&signals);
    const int awaited[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t index = 0; index < sizeof awaited / sizeof *awaited; index++) sigaddset(&signals, awaited[index]);
    if (sigprocmask(SIG_BLOCK, &signals, &previous) != 0) return -1;
    const pid_t daemon = fork();
    if (daemon > 0) serve(daemon, &signals);
    const int error = errno;
    sigprocmask(SIG_SETMASK, &previous, NULL);
    if (daemon == 0) {
        readdress();
        setenv(CLINUX_BELOW_INIT, "1", 1);
    }
    errno = error;
    return (int)daemon;
}
