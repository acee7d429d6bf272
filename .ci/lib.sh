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
find_swift() {
    command -v swift >/dev/null && return
    [ -x /opt/swift/usr/bin/swift ] || no_swift "there is none in PATH or /opt/swift/usr/bin"
    PATH=/opt/swift/usr/bin:$PATH
    export PATH
}

# As find_swift, for a toolchain that runs and is new enough.
need_swift() {
    local version major minor
    find_swift
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] || no_swift "$(command -v swift) does not run: $(swift --version 2>&1 | head -n 1)"
    IFS=. read -r major minor _ <<<"$version"
    ((major > 6 || (major == 6 && ${minor:-0} >= 2))) || no_swift "$(command -v swift) is $version"
}

# Says how to get a toolchain, and ends the script.
no_swift() {
    cat >&2 <<END
serverd is built with a Swift toolchain, 6.2 or later: $1.

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
