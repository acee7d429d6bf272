// SPDX-License-Identifier: Apache-2.0
// The exit codes of serverctl, and the failures that lead to them.

internal import ManagerInterface

/// How serverctl ends.
enum Outcome: Int32 {
    /// Done. For `status`: everything asked about is serving.
    case done = 0
    /// Failed.
    case failed = 1
    /// The command line is wrong.
    case usage = 2
    /// `status`: something asked about is not serving.
    case notServing = 3
    /// Not permitted, no daemon, or no such service or connection.
    case notAvailable = 4
    /// `reload`: the configuration is in effect, and an address of it cannot be listened on.
    ///
    /// EX_UNAVAILABLE of sysexits.h: systemd, whose ExecReload= this is the status of, shows it by that name.
    case notListening = 69
}

/// Why a verb could not do its work.
struct Failure: Error, Equatable {
    /// How serverctl ends.
    let status: Outcome
    /// What failed, on what, why, and what to do about it.
    ///
    /// It may hold text from outside: it is escaped where it is printed.
    let message: String
    /// Lines that tell more, printed before the message; they are harmless to a terminal.
    var details = ""
    /// The mistakes, when it is the configuration that is wrong.
    var mistakes: [ConfigurationError]?
    /// Whether it is that the daemon ends, by its word or by the end of the connection, and nothing else.
    var isEnd = false
}
