# SPDX-License-Identifier: Apache-2.0
# What scenarios are written in: checks that count, and waiting for something. For sourcing.

passed=0
failed=0

# Counts a promise as held or not: check PROMISE COMMAND...
check() {
    local promise=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok $promise"
    else
        failed=$((failed + 1))
        printf 'failed %s: %s\n' "$promise" "${output:-$*}"
    fi
}

# Fails if the command does not.
fails() {
    ! "$@"
}

# Whether the output of a command has a text: says TEXT COMMAND...
says() {
    local text=$1 output
    shift
    output=$("$@" 2>&1) || true
    case "$output" in *"$text"*) ;; *)
        echo "$output"
        return 1
        ;;
    esac
}

# Waits until a command succeeds, 10 seconds at most, or as many as $patience says.
await() {
    local end=$((SECONDS + ${patience:-10})) output
    until output=$("$@" 2>&1); do
        ((SECONDS <= end)) || {
            echo "in ${patience:-10} s never: $*: $output"
            return 1
        }
    done
}
