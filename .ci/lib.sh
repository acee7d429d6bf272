# SPDX-License-Identifier: Apache-2.0
# What the scripts of this project share; sourced, never run: the project's root and the Swift toolchain.
# shellcheck shell=bash

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Says why nothing more can be done, and ends the script.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Puts the Swift toolchain into PATH, or says how to get one and ends the script.
need_swift() {
    local swift='' version='none found' major minor
    if command -v swift >/dev/null; then
        swift=$(command -v swift)
    elif [ -x /opt/swift/usr/bin/swift ]; then
        swift=/opt/swift/usr/bin/swift
        PATH=/opt/swift/usr/bin:$PATH
        export PATH
    fi
    if [ -n "$swift" ]; then
        version=$("$swift" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
        IFS=. read -r major minor _ <<<"${version:-0.0}"
        if ((major > 6 || (major == 6 && ${minor:-0} >= 2))); then return; fi
        version="$swift is ${version:-of an unknown version; try: $swift --version}"
    fi
    cat >&2 <<END
serverd is built with Swift 6.2 or later, and there is no such toolchain in PATH or /opt/swift/usr/bin ($version).

To get one, either let swiftly, swift.org's installer, do it (https://www.swift.org/install/linux/):

    curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
    tar -xzf swiftly-$(uname -m).tar.gz && ./swiftly init

or unpack swift.org's tarball for Debian 12 into /opt/swift (as root):

    release=6.3.1 platform=debian12$([ "$(uname -m)" = aarch64 ] && printf %s -aarch64)
    mkdir -p /opt/swift && curl -L "https://download.swift.org/swift-\$release-release/\$platform/swift-\$release-RELEASE/swift-\$release-RELEASE-\$platform.tar.gz" |
        tar -xz --strip-components=1 -C /opt/swift

Then run the same command again.
END
    exit 1
}
