// SPDX-License-Identifier: Apache-2.0
// How often something that keeps happening is told: at once, then rarely, with a count.

/// A condition that may come again and again, told at most once in an interval.
///
/// It is guaranteed that the first time is told, that two tellings are at least the interval apart, and that a telling
/// counts every time since the one before.
package struct RepeatedCondition<Instant: InstantProtocol>: Sendable where Instant.Duration == Duration {
    private let interval: Duration
    private var told: Instant?
    private var count = 0

    /// It has not happened yet.
    package init(interval: Duration = .seconds(60)) {
        self.interval = interval
    }

    /// It has happened once more.
    ///
    /// - Returns: how often since it was told last, this time included, when it is to be told now; nil when it is not.
    package mutating func occurred(at now: Instant) -> Int? {
        count += 1
        if let told, now < told.advanced(by: interval) { return nil }
        told = now
        defer { count = 0 }
        return count
    }
}
