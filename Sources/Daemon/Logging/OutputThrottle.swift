// SPDX-License-Identifier: Apache-2.0
// How many lines of a service's output the log takes in a while, so that one service cannot fill it for all.

/// A budget of lines for each interval, and a count of what went beyond.
///
/// It is guaranteed that at most the budget is admitted in one interval, which begins with a line, and that every
/// suppressed line is counted exactly once: by the line that is admitted next, or by ``takeSuppressed(at:)``.
package struct OutputThrottle<Instant: InstantProtocol>: Sendable where Instant.Duration == Duration {
    /// What to do with a line.
    package enum Verdict: Equatable, Sendable {
        /// Write it.
        case write
        /// Write that this many lines were suppressed, then write it.
        case writeAfterSuppressed(Int)
        /// Do not write it; it has been counted.
        case suppress
    }

    private let budget: Int
    private let interval: Duration
    private var end: Instant?
    private var used = 0
    private var suppressed = 0

    /// A budget of lines for each interval.
    ///
    /// The default is the journal's own rate: 10,000 lines in 30 seconds.
    package init(budget: Int = 10_000, interval: Duration = .seconds(30)) {
        precondition(budget > 0, "a throttle that admits nothing is a mistake")
        self.budget = budget
        self.interval = interval
    }

    /// When the count of suppressed lines is due, or nil while nothing is suppressed.
    ///
    /// A timer for then should call ``takeSuppressed(at:)``, for the service that says nothing more.
    package var suppressedDue: Instant? { suppressed > 0 ? end : nil }

    /// Decides on one line.
    package mutating func admit(at now: Instant) -> Verdict {
        let before = takeSuppressed(at: now)
        if end.map({ now >= $0 }) ?? true {
            end = now.advanced(by: interval)
            used = 0
        }
        guard used < budget else {
            suppressed += 1
            return .suppress
        }
        used += 1
        return before.map { .writeAfterSuppressed($0) } ?? .write
    }

    /// Whether a line would be suppressed now.
    package func isClosed(at now: Instant) -> Bool { used >= budget && end.map { now < $0 } ?? false }

    /// Counts lines that were suppressed without a question.
    package mutating func countSuppressed(_ lines: Int) { suppressed += lines }

    /// The number of suppressed lines, if the interval is over and there were any; they are not counted again.
    package mutating func takeSuppressed(at now: Instant) -> Int? {
        guard suppressed > 0, let end, now >= end else { return nil }
        defer { suppressed = 0 }
        return suppressed
    }
}
