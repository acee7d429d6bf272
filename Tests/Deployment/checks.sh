# SPDX-License-Identifier: Apache-2.0
# What scenarios are written in: checks that count, waiting for something, a load that is judged. For sourcing.

passed=0
failed=0
load=
result=$(mktemp)

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

# A property of the daemon's unit.
unit() {
    inside systemctl show --value -p "$1" serverd.service
}

# Begins with new connections and sessions: begin_load [RATE [SESSIONS]].
begin_load() {
    local begun
    exec {begun}< <(exec nsenter -t "$leader" -n python3 "$here/load.py" "${1:-300}" "${2:-50}" "$result")
    load=$!
    read -r -u "$begun" -t 60 || { echo 'the load did not begin'; return 1; }
    exec {begun}<&-
}

# Ends the load, tells what became of it, and counts: end_load WHAT [FAILURES], with so many failed connections at most.
end_load() {
    kill "$load"
    while kill -0 "$load" 2>/dev/null; do sleep 0.05; done
    printf '   %s: %s\n' "$1" "$(cat "$result")"
    check "$1: no session is lost" load_is "one['lost'] == 0"
    check "$1: at most ${2:-0} connections fail" load_is "one['failed'] <= ${2:-0} and one['served'] > 100"
}

# Whether a Python expression holds for the load's result.
load_is() {
    python3 -c "import json, sys; one = json.load(open('$result')); sys.exit(0 if $1 else str(one))"
}
