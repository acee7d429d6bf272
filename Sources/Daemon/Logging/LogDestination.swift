// SPDX-License-Identifier: Apache-2.0
// Where the log goes: to the journal, or as lines of which format.

internal import Glibc
internal import Systemd

/// What becomes of log lines.
package enum LogDestination: Hashable, Sendable {
    /// Entries of the journal, with fields.
    case journal
    /// Lines on standard error.
    case lines(LogFormat)

    /// What the operator asked for.
    package enum Request: String, Hashable, Sendable, CaseIterable {
        /// Whatever suits the place where standard error goes.
        case text
        /// JSON lines, wherever it goes.
        case json
    }

    /// What is known about standard error and who started us.
    package struct Surroundings: Hashable, Sendable {
        /// Standard error is the journal's stream.
        package var isJournal = false
        /// Standard error is a terminal.
        package var isTerminal = false
        /// systemd started this very process.
        package var isService = false
        /// The operator wants no colours, or the terminal has none.
        package var isColourless = false

        /// No journal, no terminal, no systemd.
        package init() {}

        /// What an environment and a descriptor tell.
        ///
        /// `SYSTEMD_EXEC_PID` decides whether systemd started us, because `INVOCATION_ID` is inherited by everything
        /// that a service starts; without the former (systemd before 248) the latter has to do.
        package init(standardError descriptor: CInt, environment: (String) -> String?) {
            isJournal = Journal.isStream(descriptor, announcedBy: environment("JOURNAL_STREAM"))
            isTerminal = isatty(descriptor) == 1
            isService =
                environment("SYSTEMD_EXEC_PID").map { $0 == String(getpid()) } ?? (environment("INVOCATION_ID") != nil)
            isColourless = environment("NO_COLOR").map { !$0.isEmpty } ?? false || environment("TERM") == "dumb"
        }

        /// What this process's environment and standard error tell.
        package static var ofThisProcess: Surroundings {
            Surroundings(standardError: STDERR_FILENO) { name in getenv(name).map { String(cString: $0) } }
        }
    }

    /// The destination that suits.
    package init(_ request: Request, _ surroundings: Surroundings) {
        switch request {
        case .json:
            self = .lines(.json)
        case .text where surroundings.isJournal:
            self = .journal
        case .text where surroundings.isTerminal:
            self = .lines(.human(terminal: true, colour: !surroundings.isColourless))
        case .text where surroundings.isService:
            self = .lines(.prefixed)
        case .text:
            self = .lines(.human(terminal: false, colour: false))
        }
    }
}
