# SPDX-License-Identifier: Apache-2.0
# A container with a systemd of its own as PID 1: makes its tree, boots it, runs commands in it, ends it. For sourcing, with checks.sh.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
package=${PACKAGE:-$(ls .build/deb/serverd_*.deb 2>/dev/null)}
# The container's root, seen from outside, and its first process.
tree=
leader=
group=
# How a client gets to the daemon's network.
to_network=()

# Ends the run where there can be no container, or nothing to install in it.
require_container() {
    if [ "$(id -u)" != 0 ] || ! unshare --mount --pid --fork --uts --ipc --net --cgroup true; then
        echo 'skipped: a container needs root and namespaces, and they are not to be had here'
        echo '0 passed, 0 failed'
        exit 0
    fi
    [ -e "$package" ] || {
        echo 'there is no package: run make deb first'
        exit 1
    }
}

# Makes a container of a release of Debian and boots it, or ends the run: make_container SUITE [PACKAGE,...].
make_container() {
    require_container
    tree=$(mktemp -d)/$1
    make_tree "$1" "$tree" "${@:2}" || exit 1
    boot "$tree" || {
        cat "$tree/run/boot.log"
        exit 1
    }
}

# Ends the container and removes its tree.
remove_container() {
    halt
    [ -z "$tree" ] || rm -rf "$(dirname "$tree")"
}

# The folder below which control groups of version 2 are.
unified() {
    findmnt -n -o TARGET -t cgroup2 | head -n 1
}

# Makes the tree of a release of Debian: make_tree SUITE FOLDER [PACKAGE,...]
make_tree() {
    mmdebstrap --quiet --variant=apt --mode=root \
        --include="busybox,curl,dbus,init-system-helpers,iproute2,libpam-systemd,passwd,procps,systemd,systemd-sysv${3+,$3}" \
        "$1" "$2" || return
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
    to_network=(nsenter -t "$leader" -n)
    # Before it can be asked, it fails.
    patience=60 await has_booted
}

# Runs a command in the container, as root and with nothing of ours.
inside() {
    nsenter -t "$leader" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER= "$@"
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
