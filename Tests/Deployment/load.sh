# SPDX-License-Identifier: Apache-2.0
# Clients of the daemon in the container while something happens to it, and the judgement of what became of them. For
# sourcing, after scenarios.sh.

load=
result=$(mktemp)
# Inside: the addresses of the clients of port 7001 whose program has begun, a line each; that program writes it.
handed_over=/tmp/handed-over

# Begins with new connections and sessions: begin_load [RATE [SESSIONS]].
begin_load() {
    local begun
    inside rm -f "$handed_over"
    exec {begun}< <(exec "${to_network[@]}" python3 "$here/load.py" "${1:-300}" "${2:-50}" "$result")
    load=$!
    read -r -u "$begun" -t 60 || { echo 'the load did not begin'; return 1; }
    exec {begun}<&-
}

# Ends the load, tells what became of it, and counts: end_load WHAT [FAILURES], with so many failed connections at most.
# However many may fail: none of those whose program had begun.
end_load() {
    kill "$load"
    check "$1: the load ends" timeout 60 tail -s 0.1 --pid="$load" -f /dev/null
    printf '   %s: %s\n' "$1" "$(cat "$result")"
    check "$1: no session is lost" load_is "one['lost'] == 0"
    check "$1: at most ${2:-0} connections fail" load_is "one['failed'] <= ${2:-0} and one['served'] > 100"
    check "$1: nobody fails who was handed over" none_was_handed_over
}

# Whether a Python expression holds for the load's result.
load_is() {
    python3 -c "import json, sys; one = json.load(open('$result')); sys.exit(0 if $1 else str(one))"
}

# Whether the programs of those who were served had begun, and of those who failed none had.
none_was_handed_over() {
    inside cat "$handed_over" |
        load_is "(begun := set(sys.stdin.read().split())).isdisjoint(one['failed_from']) and len(begun) >= one['served']"
}
