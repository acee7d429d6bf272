// SPDX-License-Identifier: Apache-2.0
// The verb top where there is no terminal, and what it is told on the command line.

internal import Descriptors
internal import Glibc
internal import Testing

@testable internal import serverctl

@Suite("serverctl top")
struct TopVerbTests {
    @Test(
        "without a terminal for both input and output, or on one that cannot be drawn on, it is wrong usage",
        arguments: [(false, nil), (true, nil), (true, "dumb")] as [(Bool, String?)])
    func noTerminal(isTerminal: Bool, term: String?) {
        let input = Descriptor(adopting: open("/dev/null", O_RDWR | O_CLOEXEC))
        let environment = term.map { ["TERM": $0] } ?? [:]
        let result = Run(
            ["--admin-socket", "/nowhere", "top"], environment: environment, isTerminal: isTerminal,
            input: input.use(\.self))
        #expect(result.status == .usage && result.output.isEmpty)
        #expect(
            result.errors == "serverctl: top needs a terminal that can be drawn on, as its input and its output; "
                + "\"serverctl status\" and \"serverctl connections\" do not\n")
    }

    @Test("an interval has bounds", arguments: [("99ms", false), ("100ms", true), ("1h", true), ("3601s", false)])
    func interval(text: String, isGood: Bool) throws {
        let result = Run(["top", "--interval", text])
        #expect(result.status == .usage)
        #expect(result.errors.contains("--interval must be between 100ms and 1h.") == !isGood)
    }

    @Test(
        "UTF-8 is what the locale says, the most particular variable first",
        arguments: [
            ([:], false), (["LANG": "C.UTF-8"], true), (["LANG": "de_DE.utf8"], true), (["LANG": "C"], false),
            (["LANG": "C.UTF-8", "LC_ALL": "C"], false), (["LANG": "C", "LC_CTYPE": "C.UTF-8"], true),
        ] as [([String: String], Bool)])
    func locale(environment: [String: String], isUTF8: Bool) {
        #expect(Recorder().context(environment: environment).isUTF8 == isUTF8)
    }
}
