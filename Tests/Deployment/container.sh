# SPDX-License-Identifier: Apache-2.0
# A container with a systemd of its own as PID 1: makes its tree, boots it, runs commands in it, ends it. For sourcing.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
leader=
group=

# The folder below which control groups of version 2 are.
unified() {
    findmnt -n -o TARGET -t cgroup2 | head -n 1
}

# Makes the tree of a release of Debian: make_tree SUITE FOLDER.
make_tree() {
    mmdebstrap --quiet --variant=apt --mode=root \
        --include=busybox,curl,dbus,init-system-helpers,iproute2,passwd,procps,systemd,systemd-sysv "$1" "$2" || return
    rm -rf "$2"/etc/systemd/system/getty.target.wants
}

# Boots the tree and waits until systemd has: boot FOLDER.
boot() {
    group=$(unified)/serverd-test-$$
    mkdir "$group"
    (
        echo "$BASHPID" >"$group/cgroup.procs"
        exec unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child=SIGKILL "$here/init" "$1"
    ) &
    local outer=$!
    until leader=$(pgrep -P "$outer") && [ "$(cat "/proc/$leader/comm")" = systemd ]; do
        kill -0 "$outer" || return
    done
    # It answers "running" or "degraded"; before it can be asked, it fails.
    local state
    until state=$(inside systemctl is-system-running --wait 2>/dev/null) || [ "$state" = degraded ]; do
        kill -0 "$leader" || return
    done
}

# Runs a command in the container, as root and with nothing of ours.
inside() {
    nsenter -t "$leader" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER= "$@"
}

# Runs a script of the shell in the container.
inside_sh() {
    inside sh -euc "$*"
}

# Puts standard input into a file in the container.
put() {
    inside_sh "mkdir -p '$(dirname "$1")'; cat >'$1'"
}

# Ends the container with everything in it.
halt() {
    [ -n "$leader" ] || return 0
    kill -KILL "$leader" 2>/dev/null
    while kill -0 "$leader" 2>/dev/null; do :; done
    leader=
    # The kernel takes a moment to see that the groups are empty.
    until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do
        [ -d "$group" ] || break
    done
}
