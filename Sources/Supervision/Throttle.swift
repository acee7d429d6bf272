// SPDX-License-Identifier: Apache-2.0
// When a service whose program cannot be started is held back, and for how long: a pure policy.

/// Holds a service back for a while when its program cannot be started, for longer each time.
///
/// Only failures to start count. How a program ends is up to its peer as well: one that resets its connections would
/// otherwise close the service to all others. One program that ends with success forgets all failures.
package struct Throttle: Equatable, Sendable {
    /// When a service is held back.
    package struct Limits: Equatable, Sendable {
        /// So many failures to start in a row, with no success between them, are one too many.
        package var failures = 10
        /// How long the service is held back at first.
        package var firstPause: Duration = .seconds(1)
        /// How long it is held back at most; each pause is twice as long as the one before.
        package var longestPause: Duration = .seconds(60)

        /// The defaults.
        package init() {}
    }
    /// The limits it goes by.
    package let limits: Limits
    /// The failures since the last success, those during a pause not counted.
    package private(set) var failures = 0
    /// Until when the service is held back; in the past when it is not any more, `nil` when it never was since the
    /// last success.
    package private(set) var until: Duration?
    private var pause: Duration

    /// Nothing has failed yet.
    package init(limits: Limits = Limits()) {
        self.limits = limits
        pause = limits.firstPause
    }

    /// Whether the service is held back at `now`.
    package func isThrottled(at now: Duration) -> Bool { until.map { now < $0 } ?? false }

    /// A program could not be started, for good.
    /// - Returns: whether the service is held back from now on.
    package mutating func spawnFailed(at now: Duration) -> Bool { failed(at: now) }

    /// A program ended with success.
    package mutating func handlerSucceeded() { self = Throttle(limits: limits) }

    // What fails during a pause was started before it and has been judged with the others. After a pause the next
    // failure is enough for another one.
    private mutating func failed(at now: Duration) -> Bool {
        guard !isThrottled(at: now) else { return false }
        failures += 1
        guard failures >= limits.failures else { return false }
        until = now + pause
        pause = min(pause * 2, limits.longestPause)
        return true
    }
}
