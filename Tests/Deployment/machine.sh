# SPDX-License-Identifier: Apache-2.0
# This machine in place of a container: what scenarios do, they do to it. For sourcing.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# How a client gets to the daemon's network.
to_network=(env)

# Runs a command on this machine, as root and with nothing of ours.
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 SYSTEMD_COLORS=0 SYSTEMD_PAGER= "$@"
}
