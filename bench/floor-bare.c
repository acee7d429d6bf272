// SPDX-License-Identifier: Apache-2.0
// The bare floor: the least that can give each connection to a program. accept, vfork, exec, and the kernel reaps.

#include "listen.h"
#include <signal.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: floor-bare PORT PROGRAM\n");
        return 64;
    }
    char *const arguments[] = {argv[2], NULL};
    int listener = listen_on(argv[1], 0);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            die("accept4");
        }
        pid_t child = vfork();
        if (child == 0) {
            dup2(connection, STDIN_FILENO);
            dup2(connection, STDOUT_FILENO);
            execve(arguments[0], arguments, environ);
            _exit(127);
        }
        if (child < 0) {
            die("vfork");
        }
        close(connection);
    }
}
