# SPDX-License-Identifier: Apache-2.0
# Reads what `swift test` printed and closes with "N passed, N failed"; `-v status=` is the run's exit code. A test
# that began and never ended, because the run crashed or was killed, counts as failed; skipped ones are named.

# The text after the mark (✔ ✘ ━ ◇ ➜) and "Test ", or nothing. A child's unfinished line may stand before the mark.
function after_mark(line) {
    if (!match(line, /(✔|✘|━|◇|➜) Test /)) return ""
    return substr(line, RSTART + RLENGTH)
}

{
    name = after_mark($0)
    # The run itself and the cases of one parameterized test are not tests.
    if (name == "" || name ~ /^run / || name ~ /^case passing /) next
    if (sub(/ started\.$/, "", name)) {
        running[name]++
    } else if (name ~ / skipped(\.|: .*)$/) {
        print "skipped: " name
    } else if (match(name, /( with [0-9]+ test cases?)? (passed|failed) after [0-9.]+ seconds( with [^"]*)?\.?$/)) {
        if (substr(name, RSTART) ~ / failed after /) failed++; else passed++
        running[substr(name, 1, RSTART - 1)]--
    }
}

END {
    for (name in running) {
        if (running[name] <= 0) continue
        print "began and never ended: " name
        failed += running[name]
    }
    if (passed + failed == 0) print "no test ran"
    if (failed == 0 && (status != 0 || passed == 0)) failed = 1
    printf "%d passed, %d failed\n", passed, failed
    exit failed > 0
}
