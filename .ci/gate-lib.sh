# SPDX-License-Identifier: Apache-2.0
# What the gates share; sourced. A gate runs in the root of the tree it judges, prints each violation as file:line with
# the remedy, and closes with one line.
# shellcheck shell=bash

set -uo pipefail
gate=$(basename "$0")
rules=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Another tree, and the place of its objects, may be named: the gates' own tests do.
cd "${GATE_ROOT:-$rules/..}" || exit 1
objects=${GATE_OBJECTS:-.build/debug}
violations=0

# violation WHERE WHAT REMEDY: one broken rule.
violation() {
    printf '%s: %s\n    remedy: %s\n' "$1" "$2" "$3"
    violations=$((violations + 1))
}

# violations_from REMEDY: one violation a line of standard input, each "file:line: what".
violations_from() {
    local line
    while IFS= read -r line; do violation "${line%%: *}" "${line#*: }" "$1"; done
}

# verdict WHAT: the closing line, with what was looked at; the gate ends here.
verdict() {
    if ((violations > 0)); then
        printf 'gate %s: FAILED, %d violations in %s\n' "$gate" $violations "$1"
        exit 1
    fi
    printf 'gate %s: ok, %s\n' "$gate" "$1"
    exit 0
}

# cannot_judge WHY: a gate that cannot see what it judges must not pass.
cannot_judge() {
    printf 'gate %s: FAILED, %s\n' "$gate" "$1"
    exit 1
}

# The Swift files below the given directories, sorted. Directories that do not exist hold none.
swift_files() {
    local directory
    for directory in "$@"; do
        if [ -d "$directory" ]; then find "$directory" -name '*.swift' -type f; fi
    done | sort
}

# matching PATTERN FILE…: "file:line: the code" of every line whose code, without its // comment, matches.
matching() {
    local pattern=$1
    shift
    (($# > 0)) || return 0
    PATTERN=$pattern awk '
        {
            code = $0
            sub(/(^|[ \t])\/\/.*$/, "", code)
            if (code ~ ENVIRON["PATTERN"]) { sub(/^[ \t]+/, "", code); print FILENAME ":" FNR ": `" code "`" }
        }' "$@"
}
