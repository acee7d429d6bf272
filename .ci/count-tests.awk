# SPDX-License-Identifier: Apache-2.0
# Reads what `swift test` printed and closes with "N passed, N failed"; `-v status=` is the run's exit code. A test
# that began and never ended, because the run crashed or was killed, counts as failed; skipped ones are named. When
# something failed, the failing tests and their issues come right before the count, below the line "what failed:".

# The text after the mark (✔ ✘ ━ ◇ ➜) and "Test ", or nothing. A child's unfinished line may stand before the mark.
function after_mark(line) {
    if (!match(line, /(✔|✘|━|◇|➜) Test /)) return ""
    return substr(line, RSTART + RLENGTH)
}

# One more line about what failed, cut to what a person reads.
function report(line) {
    failures[++reported] = length(line) > 400 ? substr(line, 1, 400) "…" : line
}

# The first lines below an issue belong to it: its comments, the rest of a text of several lines.
function report_rest(line) {
    if (line ~ /^(.\[[0-9;]*m)?(✔|✘|━|◇|➜) / || ++rest > 8) in_issue = 0; else report("    " line)
}

/Fatal error: |unexpected signal code / { report($0) }

# The run's own total, after which nothing can have been left unfinished.
/✔ Test run with [0-9]+ tests? / {
    if (match($0, /with [0-9]+ tests?/)) total = substr($0, RSTART + 5, RLENGTH - 5) + 0
}

{
    if (in_issue) report_rest($0)
    name = after_mark($0)
    # The run itself and the cases of one parameterized test are not tests.
    if (name == "" || name ~ /^run / || name ~ /^case passing /) next
    if (sub(/ started\.$/, "", name)) {
        running[name]++
    } else if (name ~ / skipped(\.|: .*)$/) {
        print "skipped: " name
    } else if (match(name, /( with [0-9]+ test cases?)? (passed|failed) after [0-9.]+ seconds( with [^"]*)?\.?$/)) {
        if (substr(name, RSTART) ~ / failed after /) {
            failed++
            report("✘ Test " name)
        } else {
            passed++
        }
        running[substr(name, 1, RSTART - 1)]--
    } else if ($0 ~ /✘ Test / && name ~ / recorded an issue /) {
        report("✘ Test " name)
        in_issue = 1
        rest = 0
    }
}

END {
    # A line of the report may be lost where others write to the same file; the runner itself has counted them all.
    if (status == 0 && failed == 0 && total > passed) passed = total
    for (name in running) {
        if (running[name] <= 0 || (status == 0 && total > 0)) continue
        report("began and never ended: " name)
        failed += running[name]
    }
    if (passed + failed == 0) report("no test ran")
    if (failed == 0 && (status != 0 || passed == 0)) {
        report("the run ended with exit code " status " outside every test")
        failed = 1
    }
    if (failed > 0) {
        print "\nwhat failed:"
        for (line = 1; line <= reported; line++) print failures[line]
    }
    printf "%d passed, %d failed\n", passed, failed
    exit failed > 0
}
