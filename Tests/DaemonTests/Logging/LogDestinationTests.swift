// SPDX-License-Identifier: Apache-2.0
// Where the log goes in which surroundings.

import Daemon
import Descriptors
import Glibc
import Testing

@Suite("The log's destination")
struct LogDestinationTests {
    private func surroundings(_ change: (inout LogDestination.Surroundings) -> Void) -> LogDestination.Surroundings {
        var result = LogDestination.Surroundings()
        change(&result)
        return result
    }

    @Test("standard error decides: the journal, a terminal, systemd, or anything else")
    func text() {
        #expect(LogDestination(.text, surroundings { $0.isJournal = true }) == .journal)
        #expect(
            LogDestination(.text, surroundings { $0.isTerminal = true }) == .lines(.human(terminal: true, colour: true))
        )
        #expect(
            LogDestination(
                .text,
                surroundings {
                    $0.isTerminal = true
                    $0.isColourless = true
                }) == .lines(.human(terminal: true, colour: false)))
        #expect(LogDestination(.text, surroundings { $0.isService = true }) == .lines(.prefixed))
        #expect(LogDestination(.text, surroundings { _ in }) == .lines(.human(terminal: false, colour: false)))
    }

    @Test("JSON is what was asked for, wherever it goes")
    func json() {
        #expect(LogDestination(.json, surroundings { $0.isJournal = true }) == .lines(.json))
        #expect(LogDestination(.json, surroundings { $0.isTerminal = true }) == .lines(.json))
    }

    @Test("the surroundings are read from the environment and the descriptor")
    func detection() {
        var pipe = LogPipe()
        let writer = pipe.takeWriter()
        func surroundings(_ environment: [String: String]) -> LogDestination.Surroundings {
            writer.use { .init(standardError: $0) { environment[$0] } }
        }
        var status = stat()
        #expect(writer.use { fstat($0, &status) } == 0)
        #expect(surroundings([:]) == .init())
        #expect(surroundings(["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"]).isJournal)
        #expect(!surroundings(["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino + 1)"]).isJournal)
        #expect(surroundings(["SYSTEMD_EXEC_PID": "\(getpid())"]).isService)
        #expect(!surroundings(["SYSTEMD_EXEC_PID": "1", "INVOCATION_ID": "0"]).isService)
        #expect(surroundings(["INVOCATION_ID": "0"]).isService)
        #expect(surroundings(["NO_COLOR": "1"]).isColourless)
        #expect(!surroundings(["NO_COLOR": ""]).isColourless)
        #expect(surroundings(["TERM": "dumb"]).isColourless)
    }

    @Test("a pseudo-terminal is a terminal")
    func terminal() {
        var terminal = TestTerminal()
        let slave = terminal.takeSlave()
        #expect(slave.use { LogDestination.Surroundings(standardError: $0) { _ in nil } }.isTerminal)
    }
}
