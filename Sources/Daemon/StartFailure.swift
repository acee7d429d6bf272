// SPDX-License-Identifier: Apache-2.0
// Why the daemon could not be started, and with which exit code it says so.

internal import Descriptors
internal import SystemPackage

/// The exit codes of serverd: those of sysexits.h, whose names systemd prints.
package enum ExitCode: Int32, Sendable {
    /// It did what it was told.
    case success = 0
    /// The command line is wrong.
    case usage = 64
    /// The system did not give what is needed.
    case operatingSystem = 71
    /// The configuration is wrong.
    case configuration = 78
}

/// Why the daemon could not be started.
package struct StartFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// With what it ends.
    package let code: ExitCode
    /// What was being done, on what, why it failed and what to do.
    package let description: String

    /// A failure with a text for people.
    package init(_ code: ExitCode, _ description: String) {
        self.code = code
        self.description = description
    }

    /// What the system did not give, with what to do when that were descriptors.
    init(_ what: String, _ error: any Error) {
        self.init(.operatingSystem, "\(what): \((error as? Errno)?.textWithRemedy ?? "\(error)")")
    }
}
