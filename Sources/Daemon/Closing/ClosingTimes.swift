// SPDX-License-Identifier: Apache-2.0
// The times of a call that closes something, and the plan that comes of them: pure.

internal import ManagerInterface
internal import Policy
internal import ServiceConfig
internal import Varlink

/// The times of a call that closes something, each between nothing and ``DaemonSettings/maximumTimeout``.
struct ClosingTimes {
    /// How long connections may go on; nil when the caller said nothing.
    private let grace: Duration?
    /// How long until what is left is sent SIGKILL; nil when the caller said nothing.
    private let deadline: Duration?
    /// How long programs have by the configuration.
    private let stopTimeout: Duration
    /// When the call came, on the loop's clock.
    private let now: Duration

    /// The times of a call, in microseconds, as the caller gave them.
    ///
    /// - Throws: `InvalidDuration`.
    init(grace: Int64?, deadline: Int64?, stopTimeout: Duration, now: Duration) throws(VarlinkError) {
        self.grace = try Self.duration(grace, "grace")
        self.deadline = try Self.duration(deadline, "deadline")
        self.stopTimeout = stopTimeout
        self.now = now
    }

    /// What CloseService is to do.
    ///
    /// - Throws: `InvalidDuration`.
    func plan(_ existing: ExistingConnections) throws(VarlinkError) -> ClosingPlan {
        switch existing {
        case .keep:
            for (field, value) in [("grace", grace), ("deadline", deadline)] where value != nil {
                throw Self.invalid(field, "connections that are kept have none")
            }
            return .keep
        case .stop: return try plan(by: .stop)
        case .shutdown: return try plan(by: .shutdown)
        }
    }

    /// What is done about connections that are to end; where the caller gave no grace they have `usualGrace`.
    ///
    /// - Throws: `InvalidDuration`.
    func plan(by: CloseBy, usualGrace: Duration = .zero) throws(VarlinkError) -> ClosingPlan {
        let grace = grace ?? usualGrace
        let deadline = deadline ?? grace + stopTimeout
        guard deadline >= grace else { throw Self.invalid("deadline", "it comes before the end of the grace") }
        return ClosingPlan(by: by, graceEndsAt: now + grace, killsAt: now + deadline)
    }

    /// What Drain is to do: without a grace connections have what the deadline leaves, or else `drainTimeout`.
    ///
    /// - Throws: `InvalidDuration`.
    func drainPlan(drainTimeout: Duration) throws(VarlinkError) -> ClosingPlan {
        try plan(by: .stop, usualGrace: deadline.map { max(.zero, $0 - stopTimeout) } ?? drainTimeout)
    }

    private static func duration(_ microseconds: Int64?, _ field: String) throws(VarlinkError) -> Duration? {
        guard let microseconds else { return nil }
        guard microseconds >= 0 else { throw invalid(field, "it is negative") }
        let longest = DaemonSettings.maximumTimeout
        guard Duration.microseconds(microseconds) <= longest else {
            throw invalid(field, "it is longer than \(longest.text)")
        }
        return .microseconds(microseconds)
    }

    private static func invalid(_ field: String, _ reason: String) -> VarlinkError {
        VarlinkError(Manager.InvalidDuration(field: field, reason: reason))
    }
}
