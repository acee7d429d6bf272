// SPDX-License-Identifier: Apache-2.0
// The time between tries of something that keeps failing.

/// How long to wait before trying again: doubled each time, up to a longest wait.
package struct Backoff: Equatable, Sendable {
    private let first: Duration
    private let longest: Duration
    private var next: Duration

    /// Waits of `first`, twice that, and so on, at most `longest`.
    package init(first: Duration, longest: Duration) {
        self.first = first
        self.longest = longest
        next = first
    }

    /// The wait after one more failure.
    package mutating func failed() -> Duration {
        defer { next = min(next * 2, longest) }
        return next
    }

    /// It worked: the next failure is a first one.
    package mutating func succeeded() { next = first }
}
