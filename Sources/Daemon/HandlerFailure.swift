// SPDX-License-Identifier: Apache-2.0
// Whether a program has served its connection well, and what is said when it has not.

internal import Policy
internal import ServiceConfig
internal import Supervision

/// The end of a program that does not count as a success.
struct HandlerFailure: Error, Equatable, CustomStringConvertible {
    /// What happened, as `the handler exited with code 3`.
    let description: String

    /// The failure that `ending` is; nil when it is a success by `expected`, or nobody can tell.
    init?(_ ending: ExitReport.Ending, expected: SuccessExitStatus) {
        switch ending {
        case .exited(let code):
            guard !expected.codes.contains(UInt8(truncatingIfNeeded: code)) else { return nil }
            description = "the handler exited with code \(code)"
        case .killed(let signal, let dumpedCore):
            guard !expected.signals.contains(signal) else { return nil }
            description = "the handler was ended by \(SignalName.text(signal))\(dumpedCore ? " and dumped core" : "")"
        case .unknown:
            return nil
        }
    }
}
