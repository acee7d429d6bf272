// SPDX-License-Identifier: Apache-2.0
// How connections are to be brought to their end, and when: pure.

internal import ManagerInterface
internal import Policy
internal import Varlink

/// How connections are to be brought to their end; times are on the loop's clock.
struct ClosingPlan: Equatable, Sendable {
    /// How they are asked to end; nil when they go on, and only their service stops listening.
    var by: CloseBy?
    /// Until when they may go on by themselves.
    var graceEndsAt: Duration
    /// When what is left is sent SIGKILL.
    var killsAt: Duration

    /// The longest grace and the longest deadline.
    static let longest = Duration.seconds(24 * 60 * 60)

    /// What is closed leaves its connections alone.
    static let keep = ClosingPlan(by: nil, graceEndsAt: .zero, killsAt: .zero)

    /// They are asked to end after `grace`, and are killed `stopTimeout` later.
    static func stop(after grace: Duration, stopTimeout: Duration, now: Duration) -> ClosingPlan {
        ClosingPlan(by: .stop, graceEndsAt: now + grace, killsAt: now + grace + stopTimeout)
    }

    /// The plan that fulfils both: it ends connections if one of them does, by the signal if one of them does, and at the
    /// earlier of their times.
    func combined(with other: ClosingPlan) -> ClosingPlan {
        guard let by else { return other }
        guard let otherBy = other.by else { return self }
        return ClosingPlan(
            by: by == .stop ? by : otherBy, graceEndsAt: min(graceEndsAt, other.graceEndsAt),
            killsAt: min(killsAt, other.killsAt))
    }
}

/// The times of a call that closes something, in microseconds, as the caller gave them.
struct ClosingTimes {
    var grace: Int64?
    var deadline: Int64?
    /// How long programs have by the configuration.
    let stopTimeout: Duration
    /// When the call came, on the loop's clock.
    let now: Duration

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

    /// What is done about connections that are to end; without a grace they are asked at once.
    ///
    /// - Throws: `InvalidDuration`.
    func plan(by: CloseBy) throws(VarlinkError) -> ClosingPlan {
        let grace = try Self.duration(grace, "grace") ?? .zero
        let deadline = try Self.duration(deadline, "deadline") ?? grace + stopTimeout
        guard deadline >= grace else { throw Self.invalid("deadline", "it comes before the end of the grace") }
        return ClosingPlan(by: by, graceEndsAt: now + grace, killsAt: now + deadline)
    }

    /// What Drain is to do: without a grace connections have what the deadline leaves, or else `drainTimeout`.
    ///
    /// - Throws: `InvalidDuration`.
    func drainPlan(drainTimeout: Duration) throws(VarlinkError) -> ClosingPlan {
        let grace = try Self.duration(grace, "grace")
        let deadline = try Self.duration(deadline, "deadline")
        var times = self
        let usual = deadline.map { max(.zero, $0 - stopTimeout) } ?? min(drainTimeout, ClosingPlan.longest)
        times.grace = (grace ?? usual).wholeMicroseconds
        return try times.plan(by: .stop)
    }

    private static func duration(_ microseconds: Int64?, _ field: String) throws(VarlinkError) -> Duration? {
        guard let microseconds else { return nil }
        guard microseconds >= 0 else { throw invalid(field, "it is negative") }
        guard Duration.microseconds(microseconds) <= ClosingPlan.longest else {
            throw invalid(field, "it is longer than \(ClosingPlan.longest.text)")
        }
        return .microseconds(microseconds)
    }

    private static func invalid(_ field: String, _ reason: String) -> VarlinkError {
        VarlinkError(Manager.InvalidDuration(field: field, reason: reason))
    }
}
