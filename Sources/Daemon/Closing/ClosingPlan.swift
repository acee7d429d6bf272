// SPDX-License-Identifier: Apache-2.0
// How connections are to be brought to their end, and when: pure.

internal import ManagerInterface
internal import Policy

/// How connections are to be brought to their end; times are on the loop's clock.
struct ClosingPlan: Equatable, Sendable {
    /// How they are asked to end; nil when they go on, and only their service stops listening.
    var by: CloseBy?
    /// Until when they may go on by themselves.
    var graceEndsAt: Duration
    /// When what is left is sent SIGKILL.
    var killsAt: Duration

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
