# SPDX-License-Identifier: Apache-2.0
# A container with a systemd of its own as PID 1: makes its tree, boots it, runs commands in it, ends it. For sourcing, with checks.sh.

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

# Whether the child of a process has become systemd.
is_systemd() {
    [ "$(cat "/proc/$(pgrep -P "$1")/comm")" = systemd ]
}

# Whether systemd has started all that is to be started, be it that some of it failed.
has_booted() {
    local state
    state=$(timeout 60 nsenter -t "$leader" -a systemctl is-system-running --wait) || [ "$state" = degraded ]
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
    patience=60 await is_systemd "$outer" || return
    leader=$(pgrep -P "$outer")
    # Before it can be asked, it fails.
    patience=60 await has_booted
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

# Whether the container's groups could be removed.
are_gone() {
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || [ ! -d "$group" ]
}

# Ends the container with everything in it.
halt() {
    [ -n "$leader" ] || return 0
    kill -KILL "$leader" 2>/dev/null
    timeout 60 tail -s 0.1 --pid="$leader" -f /dev/null
    leader=
    # The kernel takes a moment to see that the groups are empty.
    await are_gone
}

# A property of the daemon's unit.
unit() {
    inside systemctl show --value -p "$1" serverd.service
}
