# SPDX-License-Identifier: Apache-2.0
# What scenarios have besides checks: work inside the machine that they are played on, and the run that counts. For
# sourcing, after checks.sh and container.sh or machine.sh, which say what `inside` is.

# Runs a script of the shell inside.
inside_sh() {
    inside sh -euc "$*"
}

# Puts standard input into a file inside.
put() {
    inside_sh "mkdir -p '$(dirname "$1")'; cat >'$1'"
}

# A property of the daemon's unit.
unit() {
    inside systemctl show --value -p "$1" serverd.service
}

# Puts the package into a file inside, under a higher version; what happens in an upgrade does not depend on what is new:
# put_higher VERSION FILE.
put_higher() {
    local unpacked
    unpacked=$(mktemp -d)
    dpkg-deb -R "$package" "$unpacked/serverd"
    sed -i "s/^Version: .*/Version: $1/" "$unpacked/serverd/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$unpacked/serverd" "$unpacked/higher.deb" >/dev/null
    put "$2" <"$unpacked/higher.deb"
    rm -rf "$unpacked"
}

# Plays scenarios one after the other, or all there are; closes with "N passed, N failed", and fails if one has: play [SCENARIO...]
play() {
    local scenario
    (($# > 0)) || set -- "$here"/scenarios/*
    echo "systemd: $(inside systemctl --version | head -n 1)"
    for scenario in "$@"; do
        printf -- '-- %s\n' "$(basename "$scenario")"
        [ -r "$scenario" ] || {
            echo "there is no file $scenario"
            exit 1
        }
        . "$scenario"
    done
    if ((failed > 0)); then
        echo '-- the end of the journal'
        inside journalctl --no-pager -n 60 -u serverd.service
    fi
    printf '%d passed, %d failed\n' $passed $failed
    ((failed == 0))
}
